"""Funds in PostgreSQL: loaded whole, saved by what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    Uuid,
    any_,
    insert,
    literal,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.accounts import ExchangeAccount
from hedgerow.domain.documents import read_document, write_document
from hedgerow.domain.errors import ConcurrentUpdate, UnknownEntity
from hedgerow.domain.events import Event, EventHead
from hedgerow.domain.fund import Fund
from hedgerow.domain.fund_state import Changes, MonthlyTrades
from hedgerow.domain.ids import IdSequence
from hedgerow.domain.ledger import Account, Transfer, TransferReason
from hedgerow.domain.limits import LimitProfile, Limits
from hedgerow.domain.market import Instrument, MarketType
from hedgerow.domain.messages import (
    AmendOrder,
    CancelOrder,
    LearnFromTrade,
    Notify,
    PlaceOrder,
    Wish,
)
from hedgerow.domain.orders import Order
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.positions import Position
from hedgerow.domain.risk import CircuitBreakerState
from hedgerow.domain.strategies import Strategy
from hedgerow.domain.users import UserSettings
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.bulk import BulkWrite
from hedgerow.usecases.codec import decode, encode
from hedgerow.usecases.facts import append_fact
from hedgerow.usecases.ports.funds import PendingWish, TimedStep

_WISHES: Final[Mapping[str, type[Wish]]] = {
    kind.__name__: kind for kind in (PlaceOrder, CancelOrder, AmendOrder, LearnFromTrade, Notify)
}


class PostgresFunds:
    """Implements the Funds port inside one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, fund: Fund) -> None:
        """Store the user, tier, accounts and instruments of a new fund, before its first save."""
        profile = fund.limit_profile
        await self._insert_if_new(
            tables.limit_profiles,
            [rows.to_row(tables.limit_profiles, profile, limits=write_document(profile.limits))],
        )
        await self._insert(tables.users, [rows.user_row(fund.user)])
        await self._insert(
            tables.exchange_accounts,
            [
                rows.to_row(
                    tables.exchange_accounts, account, permissions=list(account.permissions)
                )
                for account in fund.accounts.values()
            ],
        )
        await self._insert(tables.instruments, self._instrument_rows(fund))
        await self._insert(tables.funds, [self._fund_row(fund)])

    async def load(self, user_id: UUID) -> Fund:
        """The fund as last saved; raises UnknownEntity."""
        head = await self._one(tables.funds, tables.funds.c.user_id == user_id)
        if head is None:
            raise UnknownEntity("fund", user_id)
        user_row = await self._one(tables.users, tables.users.c.id == user_id)
        breaker = await self._one(
            tables.circuit_breaker_states, tables.circuit_breaker_states.c.user_id == user_id
        )
        assert user_row is not None
        assert breaker is not None
        user = rows.user_of(user_row)
        accounts = await self._of_user(tables.exchange_accounts, user_id)
        pairs = await self._of_user(tables.trading_pairs, user_id)
        accounts_by_id = {row["id"]: rows.account_of(row) for row in accounts}
        pairs_by_id = {row["id"]: rows.pair_of(row) for row in pairs}
        positions = await self._open_positions(user_id)
        return Fund(
            user=user,
            limit_profile=await self._profile(user.limit_profile_id),
            breaker=rows.from_row(CircuitBreakerState, breaker),
            ids=IdSequence(user_id.bytes, head["ids_issued"]),
            as_of=head["as_of"],
            accounts=accounts_by_id,
            instruments=await self._instruments(user_id, pairs_by_id, accounts_by_id),
            pairs=pairs_by_id,
            strategies=await self._strategies(user_id),
            positions=positions,
            orders=await self._orders(user_id),
            monthly_trades=MonthlyTrades(head["trades_month"], head["trades_month_count"]),
            version=head["version"],
            event_head=EventHead(head["event_sequence"], head["event_hash"]),
        )

    async def save(self, fund: Fund, steps: Sequence[TimedStep]) -> list[PendingWish]:
        """Save changed rows, ledger entries, events and wishes; returns the wishes with ids."""
        events = self._chain(fund, steps)
        await self._advance(fund)
        changes, write = fund.take_changes(), BulkWrite()
        self._add_rows(write, fund, changes)
        self._add_ledger(write, fund, changes)
        write.insert(tables.events, [rows.to_row(tables.events, event) for event in events])
        await write.execute(self._connection)
        return await self._save_wishes(fund.user.id, steps)

    async def allowances(self, user_id: UUID) -> tuple[UserSettings, Limits]:
        """What the user set and what their tier allows; raises UnknownEntity."""
        row = await self._one(tables.users, tables.users.c.id == user_id)
        if row is None:
            raise UnknownEntity("user", user_id)
        user = rows.user_of(row)
        profile = await self._profile(user.limit_profile_id)
        return user.settings, profile.limits

    async def breaker(self, user_id: UUID) -> tuple[int, CircuitBreakerState]:
        """The version of the fund and its circuit breaker; raises UnknownEntity."""
        table, funds = tables.circuit_breaker_states, tables.funds
        statement = select(funds.c.version, table).join(table, table.c.user_id == funds.c.user_id)
        found = await self._connection.execute(statement.where(funds.c.user_id == user_id))
        row = found.mappings().one_or_none()
        if row is None:
            raise UnknownEntity("fund", user_id)
        return row["version"], rows.from_row(CircuitBreakerState, row)

    async def pending_wishes(self, user_id: UUID) -> list[PendingWish]:
        """Wishes saved but not carried out, oldest first."""
        table = tables.wishes
        found = await self._connection.execute(
            select(table)
            .where(table.c.user_id == user_id, table.c.done_at.is_(None))
            .order_by(table.c.id)
        )
        return [
            PendingWish(row["id"], decode(_WISHES[row["kind"]], row["body"]), row["created_at"])
            for row in found.mappings()
        ]

    async def wishes_done(self, wish_ids: Sequence[int], at: datetime) -> None:
        """Mark wishes as carried out."""
        if wish_ids:
            table = tables.wishes
            # one array rather than a list of values: the statement is the same for any number
            ids = literal(list(wish_ids), ARRAY(BigInteger))
            await self._connection.execute(
                update(table).where(table.c.id == any_(ids)).values(done_at=at)
            )

    def _chain(self, fund: Fund, steps: Sequence[TimedStep]) -> list[Event]:
        events: list[Event] = []
        for timed in steps:
            for fact in timed.step.facts:
                event, fund.event_head = append_fact(fund.event_head, fund.user.id, timed.at, fact)
                events.append(event)
        return events

    async def _advance(self, fund: Fund) -> None:
        table = tables.funds
        row = self._fund_row(fund, version=fund.version + 1)
        result = await self._connection.execute(
            update(table)
            .where(table.c.user_id == fund.user.id, table.c.version == fund.version)
            .values(row)
        )
        if result.rowcount != 1:
            raise ConcurrentUpdate(fund.user.id, fund.version)
        fund.version += 1

    def _add_rows(self, write: BulkWrite, fund: Fund, changes: Changes) -> None:
        write.upsert(
            tables.strategies,
            [rows.strategy_row(strategy) for strategy in changes.strategies.values()],
        )
        write.upsert(tables.trading_pairs, [rows.pair_row(p) for p in changes.pairs.values()])
        write.upsert(tables.orders, [rows.order_row(o) for o in changes.orders.values()])
        write.upsert(tables.positions, [rows.position_row(p) for p in changes.positions.values()])
        write.insert(tables.fills, self._fill_rows(fund, changes))
        write.insert(
            tables.risk_events,
            [
                rows.to_row(tables.risk_events, event, data=dict(event.data))
                for event in changes.risk_events
            ],
        )
        breaker = rows.to_row(tables.circuit_breaker_states, fund.breaker)
        write.upsert(tables.circuit_breaker_states, [breaker])

    def _fill_rows(self, fund: Fund, changes: Changes) -> list[dict[str, Any]]:
        found = []
        for fill in changes.fills:
            order = changes.orders[fill.order_id]
            found.append(
                rows.to_row(
                    tables.fills,
                    fill,
                    user_id=fund.user.id,
                    exchange_account_id=order.exchange_account_id,
                    symbol=order.symbol,
                )
            )
        return found

    def _add_ledger(self, write: BulkWrite, fund: Fund, changes: Changes) -> None:
        user_id = fund.user.id
        write.insert(
            tables.transfers,
            [rows.to_row(tables.transfers, t, user_id=user_id) for t in changes.transfers],
        )
        entries: list[dict[str, Any]] = []
        moved: dict[tuple[UUID, Account, str], Decimal] = {}
        for transfer in changes.transfers:
            entries += self._entry_rows(user_id, transfer)
            strategy = fund.strategies[transfer.strategy_id]
            for entry in transfer.entries:
                key = (strategy.id, entry.account, entry.currency)
                moved[key] = strategy.balance(entry.account, entry.currency)
        write.insert(tables.ledger_entries, entries)
        write.upsert(
            tables.ledger_balances,
            [
                {
                    "user_id": user_id,
                    "strategy_id": strategy_id,
                    "account": account,
                    "currency": currency,
                    "balance": balance,
                }
                for (strategy_id, account, currency), balance in moved.items()
            ],
        )

    def _entry_rows(self, user_id: UUID, transfer: Transfer) -> list[dict[str, Any]]:
        return [
            rows.to_row(
                tables.ledger_entries,
                entry,
                transfer_id=transfer.id,
                line=line,
                user_id=user_id,
                strategy_id=transfer.strategy_id,
            )
            for line, entry in enumerate(transfer.entries)
        ]

    async def _save_wishes(self, user_id: UUID, steps: Sequence[TimedStep]) -> list[PendingWish]:
        wanted = [(timed.at, wish) for timed in steps for wish in timed.step.wishes]
        if not wanted:
            return []
        table = tables.wishes
        values = [
            {
                "user_id": user_id,
                "kind": type(wish).__name__,
                "body": encode(wish),
                "created_at": at,
                "done_at": None,
            }
            for at, wish in wanted
        ]
        result = await self._connection.execute(
            insert(table).returning(table.c.id, sort_by_parameter_order=True), values
        )
        return [
            PendingWish(wish_id, wish, at)
            for wish_id, (at, wish) in zip(result.scalars(), wanted, strict=True)
        ]

    async def _profile(self, profile_id: UUID) -> LimitProfile:
        row = await self._one(tables.limit_profiles, tables.limit_profiles.c.id == profile_id)
        assert row is not None
        return rows.from_row(LimitProfile, row, limits=read_document(Limits, row["limits"]))

    async def _instruments(
        self,
        user_id: UUID,
        pairs: Mapping[UUID, TradingPair],
        accounts: Mapping[UUID, ExchangeAccount],
    ) -> dict[UUID, Instrument]:
        found = await self._of_user(tables.instruments, user_id)
        known = {rows.instrument_key(row): rows.instrument_of(row) for row in found}
        return {
            pair.id: known[
                accounts[pair.exchange_account_id].exchange, pair.symbol, pair.market_type
            ]
            for pair in pairs.values()
        }

    async def _strategies(self, user_id: UUID) -> dict[UUID, Strategy]:
        balances: defaultdict[UUID, dict[tuple[Account, str], Decimal]] = defaultdict(dict)
        for row in await self._of_user(tables.ledger_balances, user_id):
            balances[row["strategy_id"]][row["account"], row["currency"]] = row["balance"]
        return {
            row["id"]: rows.strategy_of(row, balances[row["id"]])
            for row in await self._of_user(tables.strategies, user_id)
        }

    async def _open_positions(self, user_id: UUID) -> dict[UUID, Position]:
        table = tables.positions
        found = await self._connection.execute(
            select(table)
            .where(table.c.user_id == user_id, text(tables.POSITION_IS_OPEN))
            .order_by(table.c.id)
        )
        opened = rows.rows_of(found)
        funded_at = await self._funded_at(user_id, opened)
        return {row["id"]: rows.position_of(row, funded_at[row["id"]]) for row in opened}

    async def _funded_at(
        self, user_id: UUID, opened: Sequence[rows.Row]
    ) -> defaultdict[UUID, set[datetime]]:
        """When funding was settled on open positions, by their ids."""
        found: defaultdict[UUID, set[datetime]] = defaultdict(set)
        funded = [row for row in opened if row["market_type"] is MarketType.FUTURES]
        if not funded:
            return found
        c = tables.transfers.c
        settled = await self._connection.execute(
            select(c.position_id, c.at).where(
                c.user_id == user_id,
                c.at >= min(row["opened_at"] for row in funded),
                c.reason == TransferReason.FUNDING,
                c.position_id == any_(literal([row["id"] for row in funded], ARRAY(Uuid))),
            )
        )
        for position_id, at in settled:
            found[position_id].add(at)
        return found

    async def _orders(self, user_id: UUID) -> dict[UUID, Order]:
        table = tables.orders
        mine = select(table).where(table.c.user_id == user_id)
        # Two questions, each with an index of its own; an OR of both would have to read all.
        working = mine.where(text(tables.ORDER_IS_WORKING))
        position = tables.positions.c
        open_ones = select(position.id).where(
            position.user_id == user_id, text(f"positions.{tables.POSITION_IS_OPEN}")
        )
        held = mine.where(
            table.c.position_id.in_(open_ones), text(f"not ({tables.ORDER_IS_WORKING})")
        )
        found = await self._connection.execute(union_all(working, held).order_by("id"))
        order_rows = rows.rows_of(found)
        fills = tables.fills.c
        executions = await self._connection.execute(
            select(fills.order_id, fills.venue_trade_id).where(
                fills.order_id == any_(literal([row["id"] for row in order_rows], ARRAY(Uuid)))
            )
        )
        trade_ids: defaultdict[UUID, set[str]] = defaultdict(set)
        for order_id, trade_id in executions:
            trade_ids[order_id].add(trade_id)
        return {row["id"]: rows.order_of(row, trade_ids[row["id"]]) for row in order_rows}

    def _fund_row(self, fund: Fund, version: int = 0) -> dict[str, Any]:
        return {
            "user_id": fund.user.id,
            "version": version,
            "ids_issued": fund.ids.issued,
            "as_of": fund.as_of,
            "trades_month": fund.monthly_trades.month,
            "trades_month_count": fund.monthly_trades.count,
            "event_sequence": fund.event_head.sequence,
            "event_hash": fund.event_head.hash,
        }

    def _instrument_rows(self, fund: Fund) -> list[dict[str, Any]]:
        found = {}
        for pair_id, instrument in fund.instruments.items():
            exchange = fund.accounts[fund.pairs[pair_id].exchange_account_id].exchange
            # Several strategies may watch one symbol.
            found[exchange, instrument.symbol, instrument.market_type] = rows.to_row(
                tables.instruments, instrument, exchange=exchange, user_id=fund.user.id
            )
        return list(found.values())

    async def _of_user(self, table: Table, user_id: UUID) -> list[rows.Row]:
        # By id, the order of making: a fund goes through its rows in the order it has them in.
        found = await self._connection.execute(
            select(table).where(table.c.user_id == user_id).order_by(*table.primary_key.columns)
        )
        return rows.rows_of(found)

    async def _one(self, table: Table, condition: ColumnElement[bool]) -> rows.Row | None:
        found = await self._connection.execute(select(table).where(condition))
        return found.mappings().one_or_none()

    async def _insert(self, table: Table, values: Sequence[rows.Values]) -> None:
        if values:
            await self._connection.execute(insert(table), values)

    async def _insert_if_new(self, table: Table, values: Sequence[rows.Values]) -> None:
        if values:
            await self._connection.execute(pg_insert(table).on_conflict_do_nothing(), values)
