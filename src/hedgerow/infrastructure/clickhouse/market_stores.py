"""The ports TickStore, OrderBookStore, MarketTradeStore and DerivativesStore on ClickHouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange
from hedgerow.domain.market_data import (
    BookLevel,
    DerivativesReading,
    MarketTrade,
    OrderBookSnapshot,
    Tick,
)
from hedgerow.domain.orders import OrderSide
from hedgerow.infrastructure.clickhouse.amounts import (
    TOO_WIDE,
    amount_lists,
    amounts,
    fits,
    times,
    words,
)
from hedgerow.infrastructure.clickhouse.client import ClickHouse, moment

_TICKS: Final = """
SELECT
    timestamp,
    toString(market_data_tick.price) AS price,
    toString(market_data_tick.bid) AS bid,
    toString(market_data_tick.ask) AS ask
FROM market_data_tick FINAL
WHERE symbol = {symbol:String}
    AND exchange = {exchange:String}
    AND timestamp >= {start:DateTime64(6, 'UTC')}
    AND timestamp < {end:DateTime64(6, 'UTC')}
ORDER BY timestamp
"""
_BOOK: Final = """
SELECT
    timestamp,
    arrayMap(each -> toString(each), market_data_orderbook.bid_prices) AS bid_prices,
    arrayMap(each -> toString(each), market_data_orderbook.bid_quantities) AS bid_quantities,
    arrayMap(each -> toString(each), market_data_orderbook.ask_prices) AS ask_prices,
    arrayMap(each -> toString(each), market_data_orderbook.ask_quantities) AS ask_quantities
FROM market_data_orderbook FINAL
WHERE symbol = {symbol:String}
    AND exchange = {exchange:String}
    AND timestamp <= {at:DateTime64(6, 'UTC')}
ORDER BY timestamp DESC
LIMIT 1
"""
_TRADES: Final = """
SELECT
    timestamp,
    trade_id,
    toString(market_data_trades.side) AS side,
    toString(market_data_trades.price) AS price,
    toString(market_data_trades.quantity) AS quantity
FROM market_data_trades FINAL
WHERE symbol = {symbol:String}
    AND exchange = {exchange:String}
    AND timestamp >= {start:DateTime64(6, 'UTC')}
    AND timestamp < {end:DateTime64(6, 'UTC')}
ORDER BY timestamp, trade_id
"""
_DERIVATIVES: Final = """
SELECT
    timestamp,
    toString(market_data_derivatives.funding_ratio) AS funding_ratio,
    toString(market_data_derivatives.open_interest) AS open_interest
FROM market_data_derivatives FINAL
WHERE symbol = {symbol:String}
    AND exchange = {exchange:String}
    AND timestamp >= {start:DateTime64(6, 'UTC')}
    AND timestamp < {end:DateTime64(6, 'UTC')}
ORDER BY timestamp
"""


class ClickHouseTickStore:
    """Ticks in `market_data_tick`; raises InputRefused for amounts that it cannot keep exactly."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def save(self, exchange: Exchange, ticks: Sequence[Tick]) -> None:
        """Store ticks; a tick stored twice is one tick."""
        if not ticks:
            return
        try:
            rows = _keys(exchange, ticks) | {
                name: amounts(getattr(tick, name) for tick in ticks)
                for name in ("price", "bid", "ask")
            }
        except pa.ArrowInvalid as error:
            raise _refusal([(t, (t.price, t.bid, t.ask)) for t in ticks]) from error
        await self._clickhouse.insert("market_data_tick", pa.table(rows))

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[Tick]:
        """Ticks with `start <= at < end`, by time."""
        rows = await self._clickhouse.query(
            _TICKS, symbol=symbol, exchange=exchange.value, start=moment(start), end=moment(end)
        )
        return [
            Tick(symbol, at.astimezone(UTC), *map(Decimal, prices)) for at, *prices in _lines(rows)
        ]


class ClickHouseOrderBookStore:
    """Order books in `market_data_orderbook`; raises InputRefused for amounts beyond its digits."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def save(self, exchange: Exchange, snapshots: Sequence[OrderBookSnapshot]) -> None:
        """Store snapshots; a snapshot stored twice is one snapshot."""
        if not snapshots:
            return
        try:
            rows = _keys(exchange, snapshots) | {
                "bid_prices": amount_lists([[lv.price for lv in s.bids] for s in snapshots]),
                "bid_quantities": amount_lists([[lv.quantity for lv in s.bids] for s in snapshots]),
                "ask_prices": amount_lists([[lv.price for lv in s.asks] for s in snapshots]),
                "ask_quantities": amount_lists([[lv.quantity for lv in s.asks] for s in snapshots]),
            }
        except pa.ArrowInvalid as error:
            raise _refusal([(s, _levels(s)) for s in snapshots]) from error
        await self._clickhouse.insert("market_data_orderbook", pa.table(rows))

    async def at(self, exchange: Exchange, symbol: str, at: datetime) -> OrderBookSnapshot | None:
        """The last snapshot that was known at `at`."""
        rows = await self._clickhouse.query(
            _BOOK, symbol=symbol, exchange=exchange.value, at=moment(at)
        )
        for taken_at, bids, bid_quantities, asks, ask_quantities in _lines(rows):
            return OrderBookSnapshot(
                symbol=symbol,
                at=taken_at.astimezone(UTC),
                bids=_side(bids, bid_quantities),
                asks=_side(asks, ask_quantities),
            )
        return None


class ClickHouseMarketTradeStore:
    """Trades in `market_data_trades`; raises InputRefused for amounts beyond its digits."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def save(self, exchange: Exchange, trades: Sequence[MarketTrade]) -> None:
        """Store trades; a trade stored twice is one trade."""
        if not trades:
            return
        try:
            rows = _keys(exchange, trades) | {
                "trade_id": words([trade.trade_id for trade in trades]),
                "side": words([trade.side.value for trade in trades]),
                "price": amounts(trade.price for trade in trades),
                "quantity": amounts(trade.quantity for trade in trades),
            }
        except pa.ArrowInvalid as error:
            raise _refusal([(t, (t.price, t.quantity)) for t in trades]) from error
        await self._clickhouse.insert("market_data_trades", pa.table(rows))

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[MarketTrade]:
        """Trades with `start <= at < end`, by time and then by trade id."""
        rows = await self._clickhouse.query(
            _TRADES, symbol=symbol, exchange=exchange.value, start=moment(start), end=moment(end)
        )
        return [
            MarketTrade(
                symbol=symbol,
                at=at.astimezone(UTC),
                trade_id=trade_id,
                side=OrderSide(side),
                price=Decimal(price),
                quantity=Decimal(quantity),
            )
            for at, trade_id, side, price, quantity in _lines(rows)
        ]


class ClickHouseDerivativesStore:
    """Readings in `market_data_derivatives`; raises InputRefused for amounts beyond its digits."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def save(self, exchange: Exchange, readings: Sequence[DerivativesReading]) -> None:
        """Store readings; a reading stored twice is one reading."""
        if not readings:
            return
        try:
            rows = _keys(exchange, readings) | {
                "funding_ratio": amounts(reading.funding_ratio for reading in readings),
                "open_interest": amounts(reading.open_interest for reading in readings),
            }
        except pa.ArrowInvalid as error:
            numbers = [(r, (r.funding_ratio, r.open_interest)) for r in readings]
            raise _refusal(numbers) from error
        await self._clickhouse.insert("market_data_derivatives", pa.table(rows))

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[DerivativesReading]:
        """Readings with `start <= at < end`, by time."""
        rows = await self._clickhouse.query(
            _DERIVATIVES,
            symbol=symbol,
            exchange=exchange.value,
            start=moment(start),
            end=moment(end),
        )
        return [
            DerivativesReading(symbol, at.astimezone(UTC), Decimal(funding), Decimal(interest))
            for at, funding, interest in _lines(rows)
        ]


_Known = Tick | OrderBookSnapshot | MarketTrade | DerivativesReading


def _keys(exchange: Exchange, known: Sequence[_Known]) -> dict[str, pa.Array]:
    return {
        "timestamp": times((each.at for each in known), "us"),
        "symbol": words([each.symbol for each in known]),
        "exchange": words([exchange.value] * len(known)),
    }


def _lines(rows: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in rows.columns), strict=True)


def _levels(snapshot: OrderBookSnapshot) -> tuple[Decimal, ...]:
    levels = snapshot.bids + snapshot.asks
    return tuple(number for level in levels for number in (level.price, level.quantity))


def _side(prices: Sequence[str], quantities: Sequence[str]) -> tuple[BookLevel, ...]:
    pairs = zip(prices, quantities, strict=True)
    return tuple(BookLevel(Decimal(price), Decimal(quantity)) for price, quantity in pairs)


def _refusal(known: Sequence[tuple[_Known, Sequence[Decimal]]]) -> InputRefused:
    """Which one it was: Arrow does not tell."""
    for each, numbers in known:
        for number in numbers:
            if not fits(number):
                return InputRefused(
                    what=f"amount {number} {TOO_WIDE}",
                    where=f"{each.symbol} {each.at.isoformat()}",
                    fix="leave this symbol out, or quote it in a larger or smaller unit",
                )
    raise AssertionError("a column was refused, and no amount is to blame")
