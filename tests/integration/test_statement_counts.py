"""Reading and saving take as many statements for much as for little."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import Scene, exactly
from hedgerow.domain.market import Timeframe
from hedgerow.domain.messages import IntervalClosed, Step
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.explain_trade import explain_trade
from hedgerow.usecases.gather_report import VenueCharges, gather_report
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.unit_of_work import UnitOfWork
from hedgerow.usecases.verify_books import verify_all
from stored import Stored, store

ADA = UUID(int=0xADA)
Task = Callable[[UnitOfWork, Stored], Awaitable[object]]


@contextmanager
def counted(engine: AsyncEngine) -> Iterator[list[str]]:
    """The statements sent inside the block; one with many rows is one."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine.sync_engine, "before_cursor_execute", note)


async def trade_on(engine: AsyncEngine, stored: Stored, trades: int) -> None:
    """Give the fund more of everything."""
    scene = Scene(stored.fund, at=stored.fund.as_of)
    scene.fund.breaker.reset(scene.at, scene.fund.equity)
    scene._trades = 1_000
    pair_id = next(iter(scene.fund.pairs))
    for _ in range(trades):
        scene.hold("100", pair_id)
        (target,) = [
            order
            for order in scene.fund.orders.values()
            if order.trading_pair_id == pair_id and order.purpose == "take_profit"
        ]
        scene.execute(target, "110")
        scene.tell(IntervalClosed())
    async with PostgresUnitOfWork(engine, ADA) as unit:
        step = Step(tuple(scene.facts), tuple(scene.wishes))
        with counted(engine) as sent:
            await unit.funds.save(scene.fund, [TimedStep(scene.at, step)])
        await unit.commit()
    assert len(sent) <= 14, sent


def _report(unit: UnitOfWork, stored: Stored) -> Awaitable[object]:
    charges = VenueCharges(*exactly(0, 0))
    return gather_report(unit, stored.run, Timeframe.H1, [], charges)


@pytest.mark.parametrize(
    ("task", "statements_max"),
    [
        (lambda unit, stored: unit.funds.load(stored.user_id), 12),
        (lambda unit, stored: explain_trade(unit, str(stored.closed.id)), 9),
        (_report, 25),
        (lambda unit, stored: verify_all(unit), 20),
    ],
    ids=["load", "explain", "report", "audit"],
)
async def test_more_rows_take_no_more_statements(
    database: AsyncEngine, task: Task, statements_max: int
) -> None:
    stored = await store(database, ADA)
    counts = []
    for trades in (0, 5):
        if trades:
            await trade_on(database, stored, trades)
        async with PostgresUnitOfWork(database, ADA) as unit:
            with counted(database) as sent:
                await task(unit, stored)
        counts.append(len(sent))
    assert counts[0] == counts[1] <= statements_max
