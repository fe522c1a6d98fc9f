"""A meeting held again without a store: who sat there, who was silent, and what is strange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from desk_scenes import (
    LONG,
    PLAYED,
    SETUPS,
    PressedClerk,
    briefing_at,
    lesson,
    open_position,
    played,
    played_fund,
    recalling,
    with_model,
)
from desk_world import DeskWorld, KnownMarket
from hedgerow.domain.ai_budget import BudgetPressure
from hedgerow.domain.ai_usage import HOUSE
from hedgerow.domain.errors import ModelUnavailable
from hedgerow.domain.journal import MarketRegime, SetupRecord
from hedgerow.domain.market import Exchange
from hedgerow.domain.money import ZERO
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.infrastructure.agents.desk.desk import decision_document
from hedgerow.infrastructure.agents.desk.replay import Archive, RecordRoom
from hedgerow.infrastructure.agents.indicators import IndicatorDesk
from hedgerow.usecases.ports.desk import Briefing
from hedgerow.usecases.ports.replay import HeldAgain, MeetingRecord

LESSONS = (lesson(1), lesson(2))


async def no_record(
    user_id: UUID, setup_type: SetupType, regime: MarketRegime, as_of: datetime
) -> SetupRecord:
    return SetupRecord(0, 0, ZERO)


def record_of(of: DeskWorld, briefing: Briefing) -> MeetingRecord:
    """What a store would have of the last meeting."""
    *_, meeting = of.clerk.meetings
    shared = [each for each in of.clerk.meetings if each.user_id == RESEARCH_USER_ID]
    research = shared[-1] if shared else None
    return MeetingRecord(
        meeting, research, of.clerk.exchanges, briefing, Exchange.BINANCE, of.universe
    )


async def again(record: MeetingRecord, market: KnownMarket, memories: Sequence[Any]) -> HeldAgain:
    """The meeting, held again by whoever has nothing but the record."""
    archive = Archive(lambda _: market, lambda _: recalling(*memories), no_record, IndicatorDesk())
    return await RecordRoom(archive, None).hold_again(record)


async def held(briefing: Briefing, of: DeskWorld) -> tuple[MeetingRecord, HeldAgain]:
    """A meeting, and the same again; both must have come to the same."""
    decision = await of.desk().decide(briefing, recalling(*LESSONS))
    record = record_of(of, briefing)
    told = await again(record, of.market, LESSONS)
    assert told.decision == decision_document(decision)
    assert told.decision_hash == record.meeting.decision_hash
    assert not told.strange
    return record, told


@pytest.mark.parametrize("pressure", [BudgetPressure.NORMAL, BudgetPressure.THROTTLED])
async def test_those_who_sat_there_sit_there_again(pressure: BudgetPressure) -> None:
    of = with_model(played(), clerk=PressedClerk(now=pressure))
    record, told = await held(briefing_at(*LONG, fund=played_fund()), of)
    asked = {each.agent_name for each in record.exchanges}
    assert {each.agent_name for each in told.calls} == asked
    assert ("correlation_analyst" in asked) is (pressure is BudgetPressure.NORMAL)


async def test_a_meeting_about_a_position() -> None:
    symbol, end = SETUPS["trend down"]
    position = open_position(symbol, PositionSide.LONG)
    fund = played_fund(positions=(position,))
    briefing = briefing_at(symbol, end, position=position, fund=fund, is_asked_for=True)
    record, told = await held(briefing, with_model(played()))
    assert record.research is None
    assert {each.agent_name for each in told.calls} == {"position_manager"}


def silent(request: object) -> str:
    raise ModelUnavailable(str(PLAYED), "it is asleep", attempts=1)


@pytest.mark.parametrize("agent", ["technical_analyst", "risk_manager", "position_manager"])
async def test_who_was_silent_is_silent_again(agent: str) -> None:
    of = with_model(played(**{agent: silent}))
    changes: dict[str, Any] = {"fund": played_fund(), "is_asked_for": True}
    if agent == "position_manager":
        position = open_position(LONG[0], PositionSide.LONG)
        changes |= {"position": position, "fund": played_fund(positions=(position,))}
    record, told = await held(briefing_at(*LONG, **changes), of)
    assert agent not in {each.agent_name for each in told.calls}
    meetings = [record.meeting, *([] if record.research is None else [record.research])]
    assert [each.abstained[agent] for each in meetings if agent in each.abstained]


async def test_two_malformed_answers_are_malformed_again() -> None:
    of = with_model(played(trader=lambda _: "no JSON"))
    record, told = await held(briefing_at(*LONG, fund=played_fund()), of)
    assert "malformed" in record.meeting.abstained["trader"]
    assert [each.agent_name for each in told.calls].count("trader") == 2


async def test_the_month_that_was_used_up_is_used_up_again() -> None:
    briefing = briefing_at(*LONG, fund=played_fund())
    whole, _ = await held(briefing, with_model(played()))
    of = with_model(played())
    of.clerk.calls_max = len(whole.exchanges) - 1
    record, told = await held(briefing, of)
    assert "budget is used up" in record.meeting.abstained["risk_manager"]
    assert len(told.calls) == len(whole.exchanges) - 1


async def test_what_was_not_asked_then_is_told_and_not_answered() -> None:
    of = with_model(played())
    briefing = briefing_at(*LONG, fund=played_fund())
    record, _ = await held(briefing, of)
    other = lesson(1, validation_score=0.1)
    changed = await again(record, of.market, (other, LESSONS[1]))
    first = changed.strange[0]
    assert first.agent_name == "portfolio_manager"
    assert first.request_key not in {each.request_key for each in record.exchanges}
    assert changed.decision_hash != record.meeting.decision_hash


async def test_other_candles_are_strange_from_the_first_tool_on() -> None:
    of = with_model(played())
    briefing = briefing_at(*LONG, fund=played_fund())
    record, _ = await held(briefing, of)
    *earlier, last = briefing.candles
    moved = replace(briefing, candles=(*earlier, replace(last, volume=last.volume * 2)))
    changed = await again(replace(record, briefing=moved), of.market, LESSONS)
    assert {each.number for each in changed.strange} >= {1}
    assert HOUSE not in {each.asked for each in record.exchanges}
