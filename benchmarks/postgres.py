"""How long a fund with 500 open positions takes to load, and with ten times the history around it.

Run it as `python -m benchmarks.postgres`, with `--json` for JSON. The server is the embedded one,
durable as it ships, in a folder of its own. Rows are copied from a small fund inside the database.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.machine import machine
from hedgerow.domain.ids import IdSequence
from hedgerow.domain.ledger import LedgerEntry, Transfer, TransferReason
from hedgerow.domain.market import Exchange, Instrument, MarketType, Timeframe
from hedgerow.domain.orders import Order, OrderPurpose, OrderSide, OrderStatus, OrderType
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.partitions import ensure_partitions
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.open_fund import PaperFundPlan, open_paper_fund
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM

_POSITIONS: Final = 500
_ENDED_ORDERS: Final = 20_000
_GROWTH: Final = 10
_RUNS: Final = 20
_START: Final = datetime(2025, 1, 1, tzinfo=UTC)
_END: Final = datetime(2025, 12, 31, tzinfo=UTC)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            result = asyncio.run(_measure(postgres.url)) | {"machine": machine()}
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(", ".join(f"{name}: {value}" for name, value in result.items()))


async def _measure(url: str) -> dict[str, Any]:
    async with open_engine(url) as engine:
        await migrate(engine)
        await ensure_partitions(engine, _START, _END)
        owner = uuid4()
        await _open(engine, owner)
        await _add_history(engine, owner, _ENDED_ORDERS)
        before = await _times(engine, owner)
        await _add_history(engine, owner, _ENDED_ORDERS * (_GROWTH - 1))
        after = await _times(engine, owner)
        return {
            "open_positions": _POSITIONS,
            "ended_orders": _ENDED_ORDERS,
            "load_ms": before,
            f"load_ms_at_{_GROWTH}x": after,
            "growth": round(after / before, 2),
            "transfers_per_s": await _transfers_per_s(engine, owner),
        }


async def _open(engine: AsyncEngine, owner: UUID) -> None:
    """A fund that holds its positions, each with its entry, spread over the year."""
    instrument = Instrument(
        "BTC/USDT", MarketType.SPOT, Decimal("0.01"), Decimal("0.001"), Decimal(5)
    )
    fund, step = open_paper_fund(
        PaperFundPlan(
            owner, Exchange.BINANCE, [instrument], Timeframe.H1, Decimal(10_000),
            RiskTolerance.MODERATE,
        ),
        _START,
    )  # fmt: skip
    ids = IdSequence(owner.bytes, fund.ids.issued)
    for number in range(_POSITIONS):
        at = _START + timedelta(hours=16 * number)
        order = _entry(fund.user.id, fund, ids.next(at), at)
        fund.touch(order)
        fund.touch(_position(order, ids.next(at), at))
    fund.ids.issued = ids.issued
    async with PostgresUnitOfWork(engine, SYSTEM) as unit:
        await unit.funds.add(fund)
        await unit.funds.save(fund, [TimedStep(_START, step)])
        await unit.commit()


def _entry(owner: UUID, fund: Any, order_id: UUID, at: datetime) -> Order:
    (pair,) = fund.pairs.values()
    return Order(
        id=order_id,
        user_id=owner,
        strategy_id=pair.strategy_id,
        trading_pair_id=pair.id,
        exchange_account_id=pair.exchange_account_id,
        symbol=pair.symbol,
        market_type=pair.market_type,
        side=OrderSide.BUY,
        type=OrderType.MARKET,
        purpose=OrderPurpose.ENTRY,
        amount=Decimal(1),
        created_at=at,
        updated_at=at,
        status=OrderStatus.FILLED,
        filled_amount=Decimal(1),
        filled_quote=Decimal(100),
        avg_fill_price=Decimal(100),
        filled_at=at,
    )


def _position(entry: Order, position_id: UUID, at: datetime) -> Position:
    entry.position_id = position_id
    return Position(
        id=position_id,
        user_id=entry.user_id,
        strategy_id=entry.strategy_id,
        trading_pair_id=entry.trading_pair_id,
        exchange_account_id=entry.exchange_account_id,
        entry_order_id=entry.id,
        symbol=entry.symbol,
        market_type=entry.market_type,
        side=PositionSide.LONG,
        opened_at=at,
        updated_at=at,
        current_price=Decimal(100),
        size=Decimal(1),
        size_opened=Decimal(1),
        entry_cost=Decimal(100),
        entry_price=Decimal(100),
        margin=Decimal(100),
    )


async def _add_history(engine: AsyncEngine, owner: UUID, orders: int) -> None:
    """Ended orders of the same user, over all months, copied from one."""
    async with engine.begin() as connection:
        columns = list(
            await connection.scalars(
                text(
                    "SELECT attname FROM pg_attribute WHERE attrelid = 'orders'::regclass"
                    " AND attnum > 0 AND attname NOT IN ('id', 'position_id') ORDER BY attnum"
                )
            )
        )
        names = ", ".join(columns)
        await connection.execute(
            text(
                f"INSERT INTO orders (id, {names}) "  # noqa: S608 - names from the catalogue
                "SELECT uuidv7(CAST(:start AS timestamptz) - now() + CAST(:step AS interval) * n), "
                f"{names} FROM (SELECT * FROM orders WHERE user_id = :owner LIMIT 1) one,"
                " generate_series(1, :orders) n"
            ),
            {
                "start": _START,
                "step": (_END - _START) / (orders + 1),
                "owner": owner,
                "orders": orders,
            },
        )
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))


async def _times(engine: AsyncEngine, owner: UUID) -> float:
    """The median of several loads, in milliseconds."""

    async def load() -> None:
        async with PostgresUnitOfWork(engine, owner) as unit:
            fund = await unit.funds.load(owner)
        assert len(fund.positions) == _POSITIONS

    return round(statistics.median([await _seconds(load) for _ in range(_RUNS)]) * 1000, 1)


async def _transfers_per_s(engine: AsyncEngine, owner: UUID) -> int:
    """Transfers of two entries, fifty to a unit of work as a busy fund saves them."""
    async with PostgresUnitOfWork(engine, owner) as unit:
        fund = await unit.funds.load(owner)
    (strategy,) = fund.strategies.values()
    batches, size = 20, 50

    async def save() -> None:
        for _ in range(batches):
            for _ in range(size):
                fund.moved(_reservation(strategy, fund.ids.next(_END)))
            async with PostgresUnitOfWork(engine, owner) as unit:
                await unit.funds.save(fund, [])
                await unit.commit()

    return round(batches * size / await _seconds(save))


def _reservation(strategy: Any, transfer_id: UUID) -> Transfer:
    there = Decimal("0.01")
    lines = tuple(
        LedgerEntry(account, strategy.quote_currency, amount)
        for (account, _), amount in zip(strategy.balances, (there, -there), strict=False)
    )
    transfer = Transfer(transfer_id, strategy.id, _END, TransferReason.RESERVE, lines)
    return strategy.post(transfer)  # type: ignore[no-any-return]


async def _seconds(task: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await task()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
