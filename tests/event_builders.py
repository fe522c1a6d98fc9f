"""Funds whose logs grow as a test needs it, and effects that can be counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import cycle, islice
from typing import Any, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, instrument
from hedgerow.domain.events import Event
from hedgerow.domain.fund import Fund
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.messages import Abstained, EquityMarked, Fact, OrderStatusChanged, Step
from hedgerow.domain.orders import OrderStatus
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.open_fund import PaperFundPlan, open_paper_fund
from hedgerow.usecases.ports.events import EventKey
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork, UnitOfWork


def user_id(number: int) -> UUID:
    """The id of the user with a number."""
    return UUID(int=(0x0199 << 112) | (7 << 76) | (2 << 62) | number)


def new_fund(number: int) -> tuple[Fund, Step]:
    """A fund of a user's own, and its first step: two events."""
    plan = PaperFundPlan(
        owner=user_id(number),
        exchange=Exchange.BINANCE,
        instruments=[instrument()],
        timeframe=Timeframe.H4,
        capital=Decimal(1000),
        risk_tolerance=RiskTolerance.MODERATE,
    )
    return open_paper_fund(plan, NOON)


async def add_fund(open_unit_of_work: OpenUnitOfWork, number: int) -> Fund:
    """A saved fund, whose log has two events."""
    fund, step = new_fund(number)
    async with open_unit_of_work(SYSTEM) as unit:
        await unit.funds.add(fund)
        await unit.funds.save(fund, [TimedStep(NOON, step)])
        await unit.commit()
    return fund


async def append(open_unit_of_work: OpenUnitOfWork, fund: Fund, count: int) -> None:
    """Append `count` events of three families in one unit of work."""
    async with open_unit_of_work(fund.user.id) as unit:
        await unit.funds.save(fund, more_steps(fund, count))
        await unit.commit()


def more_steps(fund: Fund, count: int) -> list[TimedStep]:
    """A step with one fact for each of `count` seconds."""
    return [
        TimedStep(NOON + timedelta(seconds=second), Step((fact,), ()))
        for second, fact in enumerate(islice(cycle(_facts(fund)), count))
    ]


def _facts(fund: Fund) -> Sequence[Fact]:
    (strategy_id,), (pair_id,) = fund.strategies, fund.pairs
    return (
        Abstained(pair_id, "BTC/USDT", "no breakout", "house"),
        EquityMarked(strategy_id, Decimal("1000.50"), Decimal("1000.50")),
        OrderStatusChanged(UUID(int=1), OrderStatus.PENDING, OrderStatus.OPEN, None),
    )


def keys(events: Sequence[Event]) -> list[EventKey]:
    """What names each event."""
    return [(event.user_id, event.sequence) for event in events]


def first_keys(users: int, count: int) -> set[EventKey]:
    """The first `count` events of the users numbered from 1."""
    return {
        (user_id(number), sequence)
        for number in range(1, users + 1)
        for sequence in range(1, count + 1)
    }


async def make_effects(engine: AsyncEngine) -> None:
    """A table with a row for each effect, numbered in the order in which they happened."""
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "CREATE TABLE effects (n bigint GENERATED ALWAYS AS IDENTITY,"
                " user_id uuid, sequence bigint, kind text)"
            )
        )
        await connection.execute(text("GRANT INSERT ON effects TO hedgerow_worker"))


async def leave_effect(unit: UnitOfWork, event: Event) -> None:
    """An effect that does not notice being repeated."""
    connection = cast(Any, unit)._connection
    await connection.execute(
        text("INSERT INTO effects (user_id, sequence, kind) VALUES (:user, :sequence, :kind)"),
        {"user": event.user_id, "sequence": event.sequence, "kind": event.kind},
    )


async def effects(engine: AsyncEngine) -> list[EventKey]:
    """What has had its effect, in order."""
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT user_id, sequence FROM effects ORDER BY n"))
        return [(UUID(str(row.user_id)), row.sequence) for row in found]


def by_user(found: Sequence[EventKey]) -> dict[UUID, list[int]]:
    """The sequences of each user, in order."""
    sequences: dict[UUID, list[int]] = {}
    for owner, sequence in found:
        sequences.setdefault(owner, []).append(sequence)
    return sequences


async def until(condition: Any, timeout_s: float = 20) -> None:
    """Wait for an asynchronous condition; fails after `timeout_s`."""
    async with asyncio.timeout(timeout_s):
        while not await condition():  # noqa: ASYNC110 - what is waited for is in a database
            await asyncio.sleep(0.02)


def in_order(sequences: Sequence[int]) -> bool:
    """Whether each comes for the first time only after all before it have come."""
    return list(_firsts(sequences)) == list(range(1, max(sequences, default=0) + 1))


def _firsts(sequences: Sequence[int]) -> Iterator[int]:
    return iter(dict.fromkeys(sequences))
