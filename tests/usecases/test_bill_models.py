"""A fund is told once of each threshold of its month, whatever happens in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import pytest

from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure
from hedgerow.domain.ids import derived_id
from hedgerow.domain.messages import BillingAlert
from hedgerow.domain.money import ZERO
from hedgerow.domain.proposals import Abstention, Decision
from hedgerow.infrastructure.system_clock import SystemClock
from hedgerow.usecases import open_fund
from hedgerow.usecases.candle_sets import CandleSet
from hedgerow.usecases.facts import fact_of
from hedgerow.usecases.ports.desk import Briefing, Recall
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork
from replay_builders import (
    CLOSES,
    Crashed,
    ScriptedAnalyst,
    SmallWorld,
    candle_set,
    crashing,
    hourly,
    plan_of,
)

CANDLES = candle_set(hourly("BTC/USDT", CLOSES), hourly("ETH/USDT", CLOSES))
REQUESTS_MAX = 10


class SpendingAnalyst(ScriptedAnalyst):
    """Meets at every close, at the price of a call, whether there is room for it or not."""

    def __init__(self, open_unit: OpenUnitOfWork, user_id: UUID, paid: set[UUID]) -> None:
        super().__init__({})
        self.open_unit = open_unit
        self.user_id = user_id
        self.paid = paid

    async def spend(self, call_id: UUID) -> None:
        if call_id in self.paid:
            return  # the answer is known
        self.paid.add(call_id)
        limits, now = BudgetLimits(1_000), SystemClock().now()
        async with self.open_unit(self.user_id) as unit:
            await unit.ai_budgets.reserve(self.user_id, call_id, ZERO, limits, now)
            await unit.ai_budgets.settle(self.user_id, call_id, ZERO, now)
            await unit.commit()

    async def decide(self, briefing: Briefing, recall: Recall) -> Decision:
        session = f"{briefing.symbol} {briefing.at}"
        await self.spend(derived_id(briefing.at, session))
        return Abstention(briefing.symbol, "they looked on", "trader", session)


@pytest.fixture(autouse=True)
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    few = replace(open_fund.PAPER_LIMITS, monthly_ai_requests=REQUESTS_MAX)
    monkeypatch.setattr(open_fund, "PAPER_LIMITS", few)


def owner_of(candles: CandleSet) -> UUID:
    plan = plan_of(candles)
    return derived_id(plan.starts_at, plan.fingerprint, "0")


async def live(open_unit: OpenUnitOfWork, meanwhile: OpenUnitOfWork, paid: set[UUID]) -> UUID:
    """A run whose own units may crash, while what is `paid` in the meantime stays."""
    world = SmallWorld(open_unit)
    world.analyst = SpendingAnalyst(meanwhile, owner_of(CANDLES), paid)
    return (await world.run(CANDLES)).user_id


async def alerts(open_unit: OpenUnitOfWork, user_id: UUID) -> Sequence[BillingAlert]:
    async with open_unit(user_id) as unit:
        events = [event async for event in unit.audit.events(user_id)]
    return [fact_of(event, BillingAlert) for event in events if event.kind == "BillingAlert"]


@pytest.mark.parametrize("spent_before", [0, 1])
async def test_once_for_each_threshold_also_where_two_symbols_pass_it_at_one_close(
    open_postgres: OpenUnitOfWork, spent_before: int
) -> None:
    user_id = owner_of(CANDLES)
    analyst = SpendingAnalyst(open_postgres, user_id, set())
    for number in range(spent_before):
        await analyst.spend(UUID(int=number + 1))
    assert await live(open_postgres, open_postgres, set()) == user_id
    told = await alerts(open_postgres, user_id)
    assert [(each.level, each.requests) for each in told] == [
        (BudgetPressure.THROTTLED, 8),
        (BudgetPressure.EXHAUSTED, 10),
    ]


@pytest.mark.parametrize("is_durable", [True, False])
async def test_once_though_the_process_dies_at_any_commit(
    open_postgres: OpenUnitOfWork, is_durable: bool
) -> None:
    """One run, killed again and again, each life a commit longer than the one before."""
    kills, paid = 0, set[UUID]()
    while True:
        dying = crashing(open_postgres, kills + 1, is_durable=is_durable)
        try:
            user_id = await live(dying, open_postgres, paid)
        except Crashed:
            kills += 1
            continue
        break
    assert kills > 3
    told = await alerts(open_postgres, user_id)
    assert [each.level for each in told] == [BudgetPressure.THROTTLED, BudgetPressure.EXHAUSTED]
