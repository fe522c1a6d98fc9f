"""The database refuses by itself what must not be, whoever asks."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from builders import NOON
from hedgerow.domain.documents import write_document
from hedgerow.domain.errors import DocumentRefused
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor
from postgres_fixtures import as_superuser
from stored import Stored, store

ADA = UUID(int=0xADA)
EVENT: Final = "user_id, sequence, at, kind, schema_version, subject_id, body, previous_hash, hash"
HISTORY: Final = ("fills", "transfers", "ledger_entries", "events", "memory_validations")


@pytest.fixture
async def ada(database: AsyncEngine) -> Stored:
    """A fund with a history, and a memory that a trade has tested."""
    stored = await store(database, ADA)
    async with PostgresUnitOfWork(database, ADA) as unit:
        await unit.memories.save_validation(stored.memory, stored.closed.id, ADA, True, NOON)
        await unit.commit()
    return stored


async def refuse(
    engine: AsyncEngine, statement: str, problem: str, actor: Actor | None = None, **given: Any
) -> None:
    """See a statement refused: for an actor, or for a superuser, who sees all rows."""
    async with AsyncExitStack() as stack:
        if actor is None:
            engine = await stack.enter_async_context(open_engine(as_superuser(engine)))
        connection = await stack.enter_async_context(engine.connect())
        if actor is not None:
            await act_as(connection, actor)
        with pytest.raises(DBAPIError, match=problem):
            await _run(connection, statement, given)


async def _run(connection: AsyncConnection, statement: str, given: Any) -> None:
    await connection.execute(text(statement), given)
    await connection.commit()


async def allow(engine: AsyncEngine, statement: str, actor: Actor) -> int:
    """Run a statement for an actor; returns how many rows it changed."""
    async with engine.connect() as connection:
        await act_as(connection, actor)
        result = await connection.execute(text(statement))
        await connection.commit()
        return int(result.rowcount)


@pytest.mark.parametrize("actor", [ADA, SYSTEM, None])
async def test_capital_never_changes(
    database: AsyncEngine, ada: Stored, actor: Actor | None
) -> None:
    await refuse(database, "UPDATE strategies SET allocated_capital = 1", "never changes", actor)
    # an upsert that names it with the value it has goes through
    assert await allow(database, "UPDATE strategies SET allocated_capital = allocated_capital", ADA)


@pytest.mark.parametrize("table", HISTORY)
async def test_history_stays_as_it_was_written(
    database: AsyncEngine, ada: Stored, table: str
) -> None:
    for statement in (f"UPDATE {table} SET user_id = user_id", f"DELETE FROM {table}"):
        await refuse(database, statement, "permission denied", ADA)
        await refuse(database, statement, "permission denied", SYSTEM)
        await refuse(database, statement, "stays as it was written")
    await refuse(database, f"TRUNCATE {table} CASCADE", "stays as it was written")


async def test_an_alert_may_be_acknowledged_and_nothing_else(
    database: AsyncEngine, ada: Stored
) -> None:
    assert await allow(database, "UPDATE risk_events SET acknowledged = true", ADA)
    await refuse(database, "UPDATE risk_events SET message = ''", "permission denied", ADA)
    await refuse(database, "UPDATE risk_events SET message = ''", "stays as it was written")
    await refuse(database, "DELETE FROM risk_events", "permission denied", ADA)
    await refuse(database, "DELETE FROM risk_events", "stays as it was written")


async def test_an_exit_is_judged_once(database: AsyncEngine, ada: Stored) -> None:
    reviewed = "UPDATE journal_entries SET lessons_learned = 'wait'"
    await refuse(database, reviewed, "stays as it was written", ADA)
    assert await allow(database, f"{reviewed}, was_correct_exit = true", ADA) == 1
    await refuse(database, f"{reviewed}, was_correct_exit = false", "stays as it was written", ADA)
    await refuse(database, "UPDATE journal_entries SET pnl = 1", "permission denied", ADA)
    await refuse(database, "UPDATE journal_entries SET pnl = 1", "stays as it was written")
    await refuse(database, "DELETE FROM journal_entries", "stays as it was written")


async def test_a_transfer_that_is_off_fails_at_commit(database: AsyncEngine, ada: Stored) -> None:
    transfer = {
        "id": UUID(int=1),
        "user_id": ADA,
        "strategy_id": ada.strategy_id,
        "reason": "fee",
        "at": NOON,
        "order_id": None,
        "position_id": None,
    }
    entry = {"transfer_id": UUID(int=1), "user_id": ADA, "strategy_id": ada.strategy_id}
    lines = [
        entry | {"line": 0, "account": "cash", "currency": "USDT", "amount": -5},
        entry | {"line": 1, "account": "fees", "currency": "USDT", "amount": 5},
        entry | {"line": 2, "account": "fees", "currency": "BNB", "amount": 1},
    ]
    for actor in (ADA, SYSTEM):
        async with database.connect() as connection:
            await act_as(connection, actor)
            await connection.execute(insert(tables.transfers), transfer)
            await connection.execute(insert(tables.ledger_entries), lines)
            with pytest.raises(DBAPIError, match="is off by 1 BNB"):
                await connection.commit()
    async with database.connect() as connection:
        await act_as(connection, ADA)
        await connection.execute(insert(tables.transfers), transfer)
        await connection.execute(insert(tables.ledger_entries), lines[:2])
        await connection.commit()


async def test_a_transfer_may_be_written_by_several_statements(
    database: AsyncEngine, ada: Stored
) -> None:
    added = (
        "INSERT INTO ledger_entries SELECT transfer_id, {line}, user_id, strategy_id, account,"
        " currency, {amount} FROM (SELECT * FROM ledger_entries ORDER BY transfer_id, line"
        " LIMIT 1) e"
    )
    async with database.begin() as connection:
        await act_as(connection, ADA)
        await connection.execute(text(added.format(line=97, amount="0.5")))
        await connection.execute(text(added.format(line=98, amount="-0.25")))
        await connection.execute(text(added.format(line=99, amount="-0.25")))
    async with database.connect() as connection:
        left = await connection.scalar(select(func.count()).select_from(tables.ledger_imbalances))
        assert left == 0
        await act_as(connection, ADA)
        with pytest.raises(DBAPIError, match="permission denied for table ledger_imbalances"):
            await connection.execute(tables.ledger_imbalances.delete())


async def test_an_entry_added_to_an_old_transfer_is_refused(
    database: AsyncEngine, ada: Stored
) -> None:
    await refuse(
        database,
        "INSERT INTO ledger_entries SELECT transfer_id, 99, user_id, strategy_id, account, currency"
        ", 1 FROM ledger_entries LIMIT 1",
        "is off by 1 USDT",
        ADA,
    )


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("positions SET leverage = 126", "ck_positions_leverage"),
        ("positions SET leverage = 0", "ck_positions_leverage"),
        ("positions SET size = -1", "ck_positions_(size|closed_has_no_size)"),
        ("positions SET current_price = 0", "ck_positions_current_price"),
        ("positions SET stop_loss_price = -1", "ck_positions_stop_loss_price"),
        ("positions SET closed_at = NULL WHERE status = 'closed'", "closed_has_closed_at"),
        ("positions SET closed_at = now() WHERE status = 'open'", "closed_has_closed_at"),
        ("positions SET status = 'gone'", "ck_positions_status"),
        ("positions SET status = 'closed', closed_at = now() WHERE size > 0", "closed_has_no_size"),
        ("orders SET amount = 0", "ck_orders_(amount|filled_amount|filled_is_whole)"),
        ("orders SET filled_amount = amount + 1", "ck_orders_filled"),
        ("orders SET price = 1 WHERE type = 'market'", "limit_has_price"),
        ("orders SET stop_price = NULL WHERE type = 'stop_market'", "stop_has_stop_price"),
        ("orders SET stop_price = -1 WHERE type = 'stop_market'", "ck_orders_stop_price"),
        ("orders SET status = 'lost' WHERE status = 'open'", "ck_orders_status"),
        ("orders SET filled_at = NULL WHERE status = 'filled'", "filled_has_filled_at"),
        ("orders SET leverage = 126", "ck_orders_leverage"),
        ("memories SET importance = 1.1", "ck_memories_importance"),
        ("memories SET validation_score = -0.1", "ck_memories_validation_score"),
        ("memories SET scope = 'collective'", "ck_memories_owner"),
        ("memories SET scope = 'working'", "working_has_expires_at"),
        ("trading_pairs SET max_leverage = 126", "ck_trading_pairs_max_leverage"),
        ("circuit_breaker_states SET triggered_at = NULL", "triggered_has_time"),
        ("strategies SET status = 'asleep'", "ck_strategies_status"),
        ("strategies SET win_rate = 101", "ck_strategies_win_rate"),
        ("users SET settings = '[]'", "ck_users_settings"),
        ("sessions SET events = '{}'", "ck_sessions_events"),
        ("exchange_accounts SET permissions = '{withdraw}'", "ck_exchange_accounts_permissions"),
    ],
)
async def test_what_cannot_be_is_refused(
    database: AsyncEngine, ada: Stored, change: str, check: str
) -> None:
    await refuse(database, f"UPDATE {change}", check)


@pytest.mark.parametrize("confidence", [-0.1, 1.1])
async def test_confidence_lies_in_0_to_1(database: AsyncEngine, confidence: float) -> None:
    await refuse(
        database,
        "INSERT INTO regime_classifications VALUES (gen_random_uuid(), 'BTC/USDT', '1h', now(),"
        " 'range', :confidence, '{}', 'rules_v1')",
        "ck_regime_classifications_confidence",
        confidence=confidence,
    )


async def test_a_changed_row_is_stamped(
    database: AsyncEngine, admin_database: AsyncEngine, ada: Stored
) -> None:
    assert await allow(database, "UPDATE trading_pairs SET is_paused = true", ADA)
    async with admin_database.connect() as connection:
        later = text("SELECT bool_and(updated_at > created_at) FROM trading_pairs")
        assert await connection.scalar(later)


@pytest.mark.parametrize(
    ("change", "document", "path"),
    [
        (
            'users SET settings = settings || \'{"max_positions": "3"}\'',
            "UserSettings",
            "max_positions",
        ),
        ("users SET settings = settings || '{\"lucky\": 7}'", "UserSettings", "lucky"),
        ("limit_profiles SET limits = limits - 'max_leverage'", "Limits", "max_leverage"),
        (
            'strategies SET target_allocations = \'{"BTC/USDT": 0.6, "USDT": 0.5}\'',
            "target_allocations",
            "(sum)",
        ),
        (
            'strategies SET target_allocations = \'{"BTC/USDT": "half"}\'',
            "target_allocations",
            "BTC/USDT",
        ),
        (
            "strategies SET reasoning_log = reasoning_log || '[{\"at\": 5}]'",
            "reasoning_log",
            "[1].author",
        ),
    ],
)
async def test_a_wrong_document_is_refused_by_its_path(
    database: AsyncEngine,
    admin_database: AsyncEngine,
    ada: Stored,
    change: str,
    document: str,
    path: str,
) -> None:
    async with admin_database.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE {change}")
    async with PostgresUnitOfWork(database, ADA) as unit:
        with pytest.raises(DocumentRefused) as refused:
            await unit.funds.load(ADA)
    assert (refused.value.document, refused.value.path) == (document, path)


async def test_a_session_comes_back_and_grows(database: AsyncEngine, ada: Stored) -> None:
    async with PostgresUnitOfWork(database, ADA) as unit:
        found = await unit.sessions.find("hedgerow-agents", ADA, "desk")
        assert found == ada.session
        (event,) = found.events
        answer = type(event)("e2", "risk", event.content, event.timestamp)
        await unit.sessions.append(found, [answer])
        await unit.commit()
    async with PostgresUnitOfWork(database, ADA) as unit:
        again = await unit.sessions.find("hedgerow-agents", ADA, "desk")
    assert again == found
    assert [write_document(each)["event_id"] for each in found.events] == ["e1", "e2"]


async def test_a_broken_session_is_refused_by_its_path(
    database: AsyncEngine, admin_database: AsyncEngine, ada: Stored
) -> None:
    async with admin_database.begin() as connection:
        await connection.exec_driver_sql(
            "UPDATE sessions SET events = jsonb_set(events, '{0,content,type}', '\"song\"')"
        )
    async with PostgresUnitOfWork(database, ADA) as unit:
        with pytest.raises(DocumentRefused) as refused:
            await unit.sessions.find("hedgerow-agents", ADA, "desk")
    assert refused.value.path == "[0].content.type"


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        ("UPDATE positions SET entry_price = 'NaN'", "ck_positions_finite"),
        ("UPDATE positions SET stop_loss_price = 'Infinity'", "ck_positions_finite"),
        ("UPDATE ledger_balances SET balance = 'NaN'", "ck_ledger_balances_finite"),
        ("UPDATE funds SET event_sequence = 0", "stays as it was written"),
        (
            f"INSERT INTO events ({EVENT}) SELECT user_id, sequence + 1000, at, kind,"
            " schema_version, subject_id, body, previous_hash, hash FROM events"
            " ORDER BY sequence DESC LIMIT 1",
            "do not follow their log",
        ),
        (
            f"INSERT INTO events ({EVENT}) SELECT user_id, sequence,"
            " at + interval '1 second', kind,"
            " schema_version, subject_id, body, previous_hash, hash FROM events"
            " ORDER BY sequence DESC LIMIT 1",
            "do not follow their log",
        ),
        ("UPDATE memories SET validation_score = 1", "permission denied"),
    ],
)
async def test_a_user_finds_no_way_around(
    database: AsyncEngine, ada: Stored, statement: str, refusal: str
) -> None:
    await refuse(database, statement, refusal, ADA)


async def test_a_trigger_of_ones_own_cannot_call_what_acts_as_the_owner(
    database: AsyncEngine, ada: Stored
) -> None:
    async with database.connect() as connection:
        await act_as(connection, ADA)
        await connection.execute(
            text("CREATE TEMP TABLE mine (transfer_id uuid, currency text, amount numeric)")
        )
        with pytest.raises(DBAPIError, match="permission denied for function"):
            await connection.execute(
                text(
                    "CREATE TRIGGER mine AFTER INSERT ON mine REFERENCING NEW TABLE AS added"
                    " FOR EACH STATEMENT EXECUTE FUNCTION hedgerow_note_imbalance()"
                )
            )
