"""What one user may try on another's rows: every method of every repository, and every table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Table, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON
from hedgerow.domain.accounts import ExchangeAccount
from hedgerow.domain.journal import MarketRegime
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.sessions import ContentType, EventContent, SessionEvent
from hedgerow.infrastructure.postgres import tables
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.ports.funds import TimedStep
from stored import KEK, LATER, LIMITS, Stored, WordCount, logged_call

TENANT_TABLES: Final = [
    table
    for table in tables.metadata.sorted_tables
    if table is tables.users or "user_id" in table.columns
]
Call = Callable[[Any, Stored], Awaitable[object]]


def owner_of(table: Table) -> Any:
    return table.c.id if table is tables.users else table.c.user_id


def account_of(stored: Stored) -> ExchangeAccount:
    (account,) = stored.fund.accounts.values()
    return account


async def contents(engine: AsyncEngine, owner: UUID) -> dict[str, list[str]]:
    """All rows of a user, as a superuser sees them."""
    async with engine.connect() as connection:
        return {
            table.name: list(
                await connection.scalars(
                    select(
                        text(
                            f"t::text FROM {table.name} t WHERE t.{owner_of(table).name}::text"
                            " = :owner ORDER BY 1"
                        )
                    ),
                    {"owner": str(owner)},
                )
            )
            for table in TENANT_TABLES
        }


NOTHING: Final[dict[str, Call]] = {
    # What Bob is told when he asks for what is Ada's.
    "funds.load": lambda unit, ada: unit.funds.load(ada.user_id),
    "funds.breaker": lambda unit, ada: unit.funds.breaker(ada.user_id),
    "funds.allowances": lambda unit, ada: unit.funds.allowances(ada.user_id),
    "funds.pending_wishes": lambda unit, ada: unit.funds.pending_wishes(ada.user_id),
    "memories.recall": lambda unit, ada: unit.memories.recall(
        ada.user_id,
        RecallQuery(LATER + timedelta(days=1), "breakouts", vector=[1.0, 2.0]),
        WordCount.model,
    ),
    "memories.by_ids": lambda unit, ada: unit.memories.by_ids([ada.memory.id]),
    "memories.by_prefix": lambda unit, ada: unit.memories.by_prefix(
        ada.user_id, str(ada.memory.id)
    ),
    "memories.unvalidated": lambda unit, ada: unit.memories.unvalidated(
        [ada.memory.id], ada.closed.id
    ),
    "memories.validations": lambda unit, ada: unit.memories.validations(ada.memory.id, ada.user_id),
    "memories.of_trade": lambda unit, ada: unit.memories.of_trade(ada.closed.id),
    "journal.of_trade": lambda unit, ada: unit.journal.of_trade(ada.closed.id),
    "journal.trade_ids": lambda unit, ada: unit.journal.trade_ids(ada.user_id),
    "journal.awaiting_exit_verdict": lambda unit, ada: unit.journal.awaiting_exit_verdict(
        ada.user_id, LATER
    ),
    "sessions.find": lambda unit, ada: unit.sessions.find(
        ada.session.app_name, ada.user_id, ada.session.session_id
    ),
    "sessions.all": lambda unit, ada: unit.sessions.all(ada.session.app_name, ada.user_id),
    "sessions.user_state": lambda unit, ada: unit.sessions.user_state(
        ada.session.app_name, ada.user_id
    ),
    "model_records.answer": lambda unit, ada: unit.model_records.answer(
        ada.user_id, ada.exchange.request_key
    ),
    "model_records.of_session": lambda unit, ada: unit.model_records.of_session(
        ada.user_id, ada.exchange.session_id
    ),
    "runs.of_user": lambda unit, ada: unit.runs.of_user(ada.user_id),
    "meetings.of_session": lambda unit, ada: unit.meetings.of_session(ada.meeting.session_id),
    "meetings.by_part": lambda unit, ada: unit.meetings.by_part(str(ada.meeting.id)),
    "meetings.latest_at": lambda unit, ada: unit.meetings.latest_at(ada.user_id, "BTC/USDT", LATER),
    "meetings.between": lambda unit, ada: unit.meetings.between(ada.user_id, NOON, LATER),
    "trades.by_part": lambda unit, ada: unit.trades.by_part(str(ada.closed.id)),
    "trades.positions": lambda unit, ada: unit.trades.positions(ada.strategy_id),
    "trades.orders": lambda unit, ada: unit.trades.orders(ada.closed.id),
    "trades.fills": lambda unit, ada: unit.trades.fills([ada.entry.id]),
    "trades.journal": lambda unit, ada: unit.trades.journal(ada.strategy_id),
    "trades.proposal": lambda unit, ada: unit.trades.proposal(ada.entry.id),
    "trades.equity_marks": lambda unit, ada: unit.trades.equity_marks(ada.strategy_id),
    "trades.events_about": lambda unit, ada: unit.trades.events_about(ada.user_id, [ada.entry.id]),
    "trades.refusals": lambda unit, ada: unit.trades.refusals(ada.user_id),
    "trades.breaker_trips": lambda unit, ada: unit.trades.breaker_trips(ada.user_id),
    "audit.events": lambda unit, ada: anext(unit.audit.events(ada.user_id), None),
    "audit.transfers": lambda unit, ada: anext(unit.audit.transfers(ada.user_id), None),
    "audit.orders": lambda unit, ada: unit.audit.orders(ada.user_id),
    "audit.positions": lambda unit, ada: unit.audit.positions(ada.user_id),
    "accounts.load": lambda unit, ada: unit.accounts.load(ada.data_key.account),
    "vault_keys.key_of": lambda unit, ada: unit.vault_keys.key_of(ada.data_key.account),
    "events.last": lambda unit, ada: unit.events.last(5, ada.user_id),
}
WRITES: Final[dict[str, Call]] = {
    # What Bob does to Ada's rows: refused, or without effect.
    "funds.add": lambda unit, ada: unit.funds.add(ada.fund),
    "funds.save": lambda unit, ada: unit.funds.save(ada.fund, list[TimedStep]()),
    "funds.wishes_done": lambda unit, ada: unit.funds.wishes_done(
        [wish.id for wish in ada.wishes], LATER
    ),
    "memories.add": lambda unit, ada: unit.memories.add([ada.memory], [[1.0, 1.0]], WordCount()),
    "memories.save_validation": lambda unit, ada: unit.memories.save_validation(
        ada.memory, ada.closed.id, ada.user_id, True, LATER
    ),
    "memories.expire": lambda unit, ada: unit.memories.expire([ada.memory.id], LATER),
    "accounts.add": lambda unit, ada: unit.accounts.add(account_of(ada)),
    "accounts.save": lambda unit, ada: unit.accounts.save(account_of(ada)),
    "vault_keys.add": lambda unit, ada: unit.vault_keys.add(ada.data_key, LATER),
    "vault_keys.replace": lambda unit, ada: unit.vault_keys.replace(ada.data_key, LATER),
    "vault_keys.any_under": lambda unit, _: unit.vault_keys.any_under(KEK),
    "vault_keys.register": lambda unit, _: unit.vault_keys.register("bob's", LATER),
    "vault_keys.retire": lambda unit, _: unit.vault_keys.retire(KEK),
    "inbox.claim": lambda unit, ada: unit.inbox.claim("other", [(ada.user_id, 1)]),
    "journal.add": lambda unit, ada: unit.journal.add(ada.journal),
    "journal.save_exit_verdict": lambda unit, ada: unit.journal.save_exit_verdict(ada.journal),
    "sessions.add": lambda unit, ada: unit.sessions.add(ada.session),
    "sessions.append": lambda unit, ada: unit.sessions.append(
        ada.session,
        [
            SessionEvent(
                "e2", "bob", EventContent(ContentType.TEXT, text="Hi."), LATER + timedelta(days=1)
            )
        ],
    ),
    "sessions.delete": lambda unit, ada: unit.sessions.delete(
        ada.session.app_name, ada.user_id, ada.session.session_id
    ),
    "model_records.add": lambda unit, ada: unit.model_records.add(
        [replace(ada.exchange, response=b"{}")]
    ),
    "meetings.add": lambda unit, ada: unit.meetings.add(replace(ada.meeting, reason="bob")),
    "ai_budgets.reserve": lambda unit, ada: unit.ai_budgets.reserve(
        ada.user_id, UUID(int=1), Decimal(1), LIMITS, NOON
    ),
    "ai_budgets.settle": lambda unit, ada: unit.ai_budgets.settle(
        ada.user_id, ada.exchange.call_id, Decimal(1), NOON
    ),
    "ai_budgets.release": lambda unit, ada: unit.ai_budgets.release(
        ada.user_id, ada.exchange.call_id, NOON
    ),
    "ai_budgets.forget_logs": lambda unit, ada: unit.ai_budgets.forget_logs(
        [logged_call(ada.user_id)]
    ),
    "ai_budgets.alert_due": lambda unit, ada: unit.ai_budgets.alert_due(ada.user_id, 80, NOON),
    "ai_budgets.sweep": lambda unit, _: unit.ai_budgets.sweep(LATER),
    "runs.add": lambda unit, ada: unit.runs.add(ada.run),
    "runs.save": lambda unit, ada: unit.runs.save(ada.run),
}
OWN: Final[dict[str, Call]] = {
    # What concerns no one user: Bob is told of himself only.
    "trades.last": lambda unit, _: unit.trades.last(),
    "trades.counts": lambda unit, ada: unit.trades.counts(ada.user_id),
    "meetings.last": lambda unit, _: unit.meetings.last(),
    "ai_budgets.unlogged": lambda unit, _: unit.ai_budgets.unlogged(),
    "ai_budgets.state": lambda unit, ada: unit.ai_budgets.state(ada.user_id, NOON),
    "journal.record_of": lambda unit, ada: unit.journal.record_of(
        ada.user_id, SetupType.BREAKOUT, MarketRegime.TREND, LATER
    ),
    "runs.finished": lambda unit, ada: unit.runs.finished(ada.run.fingerprint),
    "runs.unfinished": lambda unit, ada: unit.runs.unfinished(ada.run.fingerprint),
    "runs.count": lambda unit, ada: unit.runs.count(ada.run.fingerprint),
    "runs.latest": lambda unit, _: unit.runs.latest(),
    "runs.all": lambda unit, _: unit.runs.all(),
    "runs.are_alone": lambda unit, _: unit.runs.are_alone(),
    "audit.user_ids": lambda unit, _: unit.audit.user_ids(),
    "events.heads": lambda unit, _: unit.events.heads(),
    "events.since": lambda unit, _: unit.events.since({}, 1_000),
    "vault_keys.usage": lambda unit, _: unit.vault_keys.usage(),
}
SHARED: Final = {
    "regimes.add",
    "regimes.at",
    "regimes.between",
    "regimes.claim",
    "regimes.latest",
    "vault_keys.registered",
    "vault_keys.claim_rotation",
}
# What only the system does, over the lessons of all; under a user it finds what is the user's.
SWEEPS: Final = {
    "memories.begin_promotion",
    "memories.forgettable",
    "memories.lessons_of_trades",
    "memories.shared_lessons",
}
