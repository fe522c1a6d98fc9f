"""A month that runs out in the middle of a run: the desk costs less, then nothing, and goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest

from desk_run import DeskRun, counted
from desk_scenes import PLAYED
from hedgerow.domain.ai_budget import BudgetPressure, BudgetState
from hedgerow.domain.ai_usage import AIProvider, ModelChoice
from hedgerow.domain.messages import BillingAlert
from hedgerow.domain.money import ZERO
from hedgerow.domain.positions import Position
from hedgerow.infrastructure.agents.desk.desk import DeskTerms
from hedgerow.infrastructure.system_clock import SystemClock
from hedgerow.usecases import open_fund, paper_run
from hedgerow.usecases.facts import fact_of
from hedgerow.usecases.ports.model_records import Meeting
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork

SONNET = ModelChoice(AIProvider.ANTHROPIC, "claude-sonnet-4-5")
CHEAP = ModelChoice(AIProvider.OPENAI, "gpt-4o-mini")


def requests_max(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    few = replace(open_fund.PAPER_LIMITS, monthly_ai_requests=count)
    monkeypatch.setattr(open_fund, "PAPER_LIMITS", few)


async def spent(open_unit: OpenUnitOfWork, user_id: UUID) -> BudgetState:
    async with open_unit(user_id) as unit:
        return await unit.ai_budgets.state(user_id, SystemClock().now())


async def alerts(open_unit: OpenUnitOfWork, user_id: UUID) -> list[BillingAlert]:
    async with open_unit(user_id) as unit:
        events = [event async for event in unit.audit.events(user_id)]
    return [fact_of(event, BillingAlert) for event in events if event.kind == "BillingAlert"]


async def positions(open_unit: OpenUnitOfWork, user_id: UUID) -> Sequence[Position]:
    async with open_unit(SYSTEM) as unit:
        fund = await unit.funds.load(user_id)
        (strategy_id,) = fund.strategies
        return await unit.trades.positions(strategy_id)


async def meetings(open_unit: OpenUnitOfWork, of: DeskRun, user_id: UUID) -> Sequence[Meeting]:
    start, end = of.candles.candles[0].open_time, of.candles.candles[-1].close_time
    async with open_unit(user_id) as unit:
        return await unit.meetings.between(user_id, start, end + timedelta(days=1))


async def test_out_of_requests_with_a_position_open(
    open_postgres: OpenUnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Six requests open the first position, and there is no more than one left."""
    requests_max(monkeypatch, 7)
    of = DeskRun(open_postgres)
    run = await of.go()
    assert run.finished_at is not None
    assert sum(of.asked().values()) == (await spent(open_postgres, run.user_id)).requests == 7
    told = await alerts(open_postgres, run.user_id)
    assert [each.level for each in told] == [BudgetPressure.THROTTLED, BudgetPressure.EXHAUSTED]
    (held,) = await positions(open_postgres, run.user_id)
    assert held.closed_at is not None, "a position is taken care of by rules"
    last = (await meetings(open_postgres, of, run.user_id))[-1]
    assert held.closed_at > last.at


async def test_with_no_request_at_all(
    open_postgres: OpenUnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests_max(monkeypatch, 0)
    of = DeskRun(open_postgres, last=400)
    run = await of.go()
    assert of.asked() == Counter()
    assert await positions(open_postgres, run.user_id) == []


async def test_from_four_fifths_on_it_costs_less(
    open_postgres: OpenUnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests_max(monkeypatch, 60)
    models = {PLAYED: counted(), CHEAP: counted()}
    of = DeskRun(open_postgres, models=models, terms=DeskTerms(cheaper=CHEAP))
    run = await of.go()
    dear, cheap = sum(of.asked().values()), sum(of.asked(CHEAP).values())
    assert 48 <= dear < 56, "the meeting that passes the threshold is held to its end"
    assert 0 < cheap <= 60 - dear
    throttled, *_ = await alerts(open_postgres, run.user_id)
    held = await meetings(open_postgres, of, run.user_id)
    decided = [each for each in held if "kind" in each.decision]
    since = next(each.at for each in decided if of_model(of, each, CHEAP))
    gaps = [
        after.at - before.at
        for symbol in {each.symbol for each in held}
        for before, after in pairwise(
            each for each in decided if (each.symbol, each.at >= since) == (symbol, True)
        )
    ]
    assert len(gaps) >= 3
    assert min(gaps) >= 4 * timedelta(hours=4)
    assert throttled.requests_max == 60


def of_model(of: DeskRun, meeting: Meeting, choice: ModelChoice) -> bool:
    return any(
        row.session_id == meeting.session_id and row.model_id == choice.model_id
        for row in of.log.rows
    )


async def test_out_of_money(open_postgres: OpenUnitOfWork, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user allows for so much a month: each call is set aside at the most it can cost."""
    limit = Decimal("0.20")

    def thrifty(plan: open_fund.PaperFundPlan) -> open_fund.PaperFundPlan:
        own = replace(open_fund.paper_settings(plan), max_monthly_ai_usd=limit)
        return replace(plan, settings=own)

    made = open_fund.PaperFundPlan
    monkeypatch.setattr(paper_run, "PaperFundPlan", lambda **plan: thrifty(made(**plan)))
    of = DeskRun(open_postgres, choice=SONNET, models={SONNET: counted()})
    run = await of.go()
    assert run.finished_at is not None
    state = await spent(open_postgres, run.user_id)
    each = Decimal("0.003") + Decimal("0.0015")
    assert state.usd_spent == each * sum(of.asked(SONNET).values())
    assert (state.usd_reserved, state.usd_spent <= limit) == (ZERO, True)
    assert state.usd_spent > limit * Decimal("0.75")
    assert state.usd_spent == sum(row.total_cost_usd for row in of.log.rows)
    told = await alerts(open_postgres, run.user_id)
    assert [(each.level, each.usd_max) for each in told] == [(BudgetPressure.THROTTLED, limit)]
    answers = [each.answers for each in await meetings(open_postgres, of, run.user_id)]
    assert "the month's budget is used up (usd)" in str(answers)
    assert all(each.closed_at for each in await positions(open_postgres, run.user_id))
