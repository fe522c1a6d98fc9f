"""Between entities and rows. Columns bear the names of the attributes they keep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from functools import cache
from operator import itemgetter
from typing import Any, NamedTuple, TypeVar, cast

from sqlalchemy import CursorResult, RowMapping, Table

from hedgerow.domain.accounts import ExchangeAccount, Permission
from hedgerow.domain.documents import read_document, read_value, write_document, write_value
from hedgerow.domain.ledger import Account
from hedgerow.domain.market import Instrument, MarketType, Timeframe
from hedgerow.domain.memory import Memory
from hedgerow.domain.orders import Bracket, Order
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.performance import DailyReturns
from hedgerow.domain.positions import Position
from hedgerow.domain.regimes import RegimeClassification, RegimeReading
from hedgerow.domain.strategies import ReasoningNote, Strategy
from hedgerow.domain.users import User, UserSettings
from hedgerow.infrastructure.postgres import tables
from hedgerow.usecases.codec import decode, encode

_Entity = TypeVar("_Entity")
Row = Mapping[str, Any] | RowMapping
Values = Mapping[str, Any]


def to_row(table: Table, entity: object, **given: object) -> dict[str, Any]:
    """A row of `table`: each column from `given`, else from the attribute of the same name.

    Columns that the database fills by itself are left to it.
    """
    names = [
        column.name
        for column in table.columns
        if column.identity is None and column.computed is None and column.server_default is None
    ]
    return {name: given[name] if name in given else getattr(entity, name) for name in names}


def rows_of(result: CursorResult[Any]) -> list[Row]:
    """All rows of a result by column; for thousands twice as quick as its `mappings()`."""
    names = tuple(result.keys())
    return [dict(zip(names, row, strict=True)) for row in result]


def from_row(kind: type[_Entity], row: Row, **given: object) -> _Entity:
    """An entity: each field from `given`, else from the column of the same name."""
    reader = _reader_of(cast(Any, kind), tuple(row.keys()), tuple(given))
    values = reader.read((*row.values(), *given.values()))
    if reader.lists:
        values = tuple(tuple(v) if n in reader.lists else v for n, v in enumerate(values))
    if reader.is_whole:
        return kind(*values)
    return kind(**dict(zip(reader.names, values, strict=True)))


class _Reader(NamedTuple):
    """What goes into an entity, worked out once: a fund has thousands of rows.

    `read` takes the columns and what is given in one tuple; `lists` are the places of those
    values that come as lists, and `is_whole` tells that no field is left to its default.
    """

    names: tuple[str, ...]
    read: Callable[[tuple[Any, ...]], tuple[Any, ...]]
    lists: frozenset[int]
    is_whole: bool


@cache
def _reader_of(kind: Any, columns: tuple[str, ...], given: tuple[str, ...]) -> _Reader:
    # What is given comes last, and so wins over a column of its name.
    places = {name: place for place, name in enumerate((*columns, *given))}
    known = [field for field in fields(kind) if field.name in places]
    names = tuple(field.name for field in known)
    lists = frozenset(
        place
        for place, field in enumerate(known)
        if str(field.type).startswith("tuple") and field.name not in given
    )
    is_whole = len(known) == len(fields(kind))
    return _Reader(names, itemgetter(*(places[name] for name in names)), lists, is_whole)


def user_row(user: User) -> dict[str, Any]:
    """The row of a user."""
    return to_row(tables.users, user, settings=write_document(user.settings))


def user_of(row: Row) -> User:
    """The user of a row."""
    return from_row(User, row, settings=read_document(UserSettings, row["settings"]))


def strategy_row(strategy: Strategy) -> dict[str, Any]:
    """The row of a strategy."""
    returns = strategy.daily_returns
    return to_row(
        tables.strategies,
        strategy,
        target_allocations=dict(strategy.target_allocations),
        reasoning_log=write_value(strategy.reasoning_log),
        daily_returns_count=returns.count,
        daily_returns_mean=returns.mean,
        daily_returns_squared_deviation=returns.squared_deviation,
    )


def strategy_of(row: Row, balances: dict[tuple[Account, str], Decimal]) -> Strategy:
    """The strategy of a row, with its ledger balances."""
    returns = DailyReturns(
        row["daily_returns_count"],
        row["daily_returns_mean"],
        row["daily_returns_squared_deviation"],
    )
    return from_row(
        Strategy,
        row,
        balances=balances,
        daily_returns=returns,
        target_allocations=read_value(
            "target_allocations", dict[str, Decimal], row["target_allocations"]
        ),
        reasoning_log=read_value("reasoning_log", tuple[ReasoningNote, ...], row["reasoning_log"]),
    )


def order_row(order: Order) -> dict[str, Any]:
    """The row of an order."""
    bracket = None if order.bracket is None else encode(order.bracket)
    return to_row(tables.orders, order, bracket=bracket, fees=encode(order.fees))


def order_of(row: Row, trade_ids: set[str]) -> Order:
    """The order of a row; `trade_ids` are its executions so far."""
    bracket = None if row["bracket"] is None else decode(Bracket, row["bracket"])
    # JSONB forgets the order of its keys; the currency paid first stands in its own column.
    paid = sorted(row["fees"].items(), key=lambda fee: fee[0] != row["fee_currency"])
    fees = {currency: Decimal(amount) for currency, amount in paid}
    return from_row(Order, row, bracket=bracket, fees=fees, trade_ids=trade_ids)


def position_row(position: Position) -> dict[str, Any]:
    """The row of a position."""
    return to_row(tables.positions, position, liquidation_price=position.liquidation_price())


def position_of(row: Row, funded_at: set[datetime]) -> Position:
    """The position of a row; `funded_at` are the times of its funding settlements so far."""
    return from_row(Position, row, funded_at=funded_at)


def account_of(row: Row) -> ExchangeAccount:
    """The exchange account of a row."""
    permissions = tuple(Permission(name) for name in row["permissions"])
    return from_row(ExchangeAccount, row, permissions=permissions)


def pair_of(row: Row) -> TradingPair:
    """The trading pair of a row."""
    timeframes = tuple(Timeframe(name) for name in row["timeframes"])
    return from_row(TradingPair, row, timeframes=timeframes)


def pair_row(pair: TradingPair) -> dict[str, Any]:
    """The row of a trading pair."""
    return to_row(tables.trading_pairs, pair, timeframes=list(pair.timeframes))


def instrument_key(row: Row) -> tuple[str, str, MarketType]:
    """What an instrument is found by: exchange, symbol and market type."""
    return (row["exchange"], row["symbol"], row["market_type"])


def instrument_of(row: Row) -> Instrument:
    """The instrument of a row."""
    return from_row(Instrument, row)


def memory_of(row: Row) -> Memory:
    """The memory of a row, without its vector."""
    return from_row(Memory, row)


def regime_row(classification: RegimeClassification) -> dict[str, Any]:
    """The row of a regime classification."""
    reading = classification.reading
    return to_row(
        tables.regime_classifications,
        classification,
        regime=reading.regime,
        confidence=reading.confidence,
        indicators=dict(reading.indicators),
        model_version=reading.model_version,
    )


def regime_of(row: Row) -> RegimeClassification:
    """The regime classification of a row."""
    indicators = read_value("indicators", dict[str, float], row["indicators"])
    reading = from_row(RegimeReading, row, indicators=indicators)
    return from_row(RegimeClassification, row, reading=reading)
