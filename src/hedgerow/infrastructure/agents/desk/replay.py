"""Meetings held again: as they were, from the record alone, or with another model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from uuid import UUID

from google.adk.models._capabilities import LlmCapabilities
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.sessions import Session

from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure
from hedgerow.domain.ai_usage import HOUSE, ModelChoice, TokenUsage
from hedgerow.domain.errors import AbstentionOnRecord, ModelUnavailable
from hedgerow.domain.limits import Limits
from hedgerow.domain.proposals import Decision
from hedgerow.domain.users import UserSettings
from hedgerow.infrastructure.agents.desk.desk import (
    AgentDesk,
    DeskTerms,
    decision_document,
)
from hedgerow.infrastructure.agents.desk.floor import Floor, hash_of
from hedgerow.infrastructure.agents.desk.fund_tools import ReadRecord
from hedgerow.infrastructure.agents.desk.research import UNLIMITED, ResearchRoom
from hedgerow.infrastructure.agents.desk.roster import ROSTER, Room
from hedgerow.infrastructure.agents.desk.seating import of_room, seated
from hedgerow.infrastructure.agents.desk.voice import Clerk
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import IndicatorDesk
from hedgerow.usecases.model_calls import ModelCall, ModelReply, Reservation
from hedgerow.usecases.ports.desk import Recall
from hedgerow.usecases.ports.market import MarketRecords
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange
from hedgerow.usecases.ports.replay import HeldAgain, MeetingRecord, StrangeCall

_SEATINGS: Final = (BudgetPressure.NORMAL, BudgetPressure.THROTTLED)
# How ADK has an agent answer whose model cannot be given a schema and tools at once.
_ANSWERING_TOOL: Final = "set_model_response"


@dataclass(frozen=True, slots=True)
class Archive:
    """What agents read in a meeting held again: everything stored, as of the meeting's time."""

    market_of: Callable[[MeetingRecord], MarketRecords]
    recall_of: Callable[[UUID], Recall]
    read_record: ReadRecord
    indicators: IndicatorDesk


@dataclass(frozen=True, slots=True)
class LiveModels:
    """How other models are asked: as ever, with the budget and the log of all calls.

    `limits` are those of the month of shared research. Who has not spoken within `deadline_s`
    seconds abstains.
    """

    llm_of: Callable[[ModelChoice], BaseLlm]
    clerk: Clerk
    keep: Callable[[Session], Awaitable[None]]
    read_usage: Callable[[LlmResponse], TokenUsage]
    limits: BudgetLimits
    deadline_s: float


class RecordRoom:
    """Holds meetings again (port MeetingRoom); without `live` from the record only."""

    def __init__(self, archive: Archive, live: LiveModels | None) -> None:
        self._archive = archive
        self._live = live

    async def hold_again(self, record: MeetingRecord) -> HeldAgain:
        """Hold a meeting again: its models answer from the record, its tools from the stores."""
        notes = _Notes()
        clerk = RecordClerk(record, notes)
        floor = Floor(notes.count_tools, _recorded_models(record), clerk, _no_tokens)
        models = {each.agent_name: each.asked for each in record.exchanges}
        decision = await self._hold(record, floor, models, HOUSE)
        return notes.of(decision, clerk.strange)

    async def hold_with(self, record: MeetingRecord, choice: ModelChoice) -> HeldAgain:
        """Hold a meeting again, with one model for all agents, in sessions of its own.

        The decision bears the session of the one on record, to be compared with it.
        """
        live = self._live
        assert live is not None, "whoever asks other models has them"
        notes = _Notes()

        async def keep(session: Session) -> None:
            await notes.count_tools(session)
            await live.keep(session)

        clerk = GuestClerk(live.clerk, notes)
        apart = ("with", str(choice))
        floor = Floor(keep, live.llm_of, clerk, live.read_usage, live.deadline_s, apart)
        models = {agent.name: choice for agent in ROSTER}
        decision = await self._hold(record, floor, models, choice, live.limits)
        own = str(record.meeting.decision["session_id"])
        return notes.of(replace(decision, session_id=own), ())

    async def _hold(
        self,
        record: MeetingRecord,
        floor: Floor,
        models: Mapping[str, ModelChoice],
        default: ModelChoice,
        limits: BudgetLimits = UNLIMITED,
    ) -> Decision:
        archive, briefing = self._archive, record.briefing
        market, indicators = archive.market_of(record), archive.indicators
        exchange, universe = record.exchange, record.universe
        room = ResearchRoom(floor, exchange, market, indicators, universe, models, default, limits)
        desk = AgentDesk(
            floor,
            room,
            HouseAnalyst(indicators),
            archive.read_record,
            _never_met,
            _no_allowances,
            DeskTerms(models=models),
        )
        meeting = record.meeting
        recall = archive.recall_of(meeting.user_id)
        return await desk.meet(briefing, recall, meeting.reason, _pressure(record))


@dataclass(slots=True)
class _Notes:
    """What is noted while a meeting is held again."""

    calls: list[ModelExchange] = field(default_factory=list)
    answers: dict[str, object] = field(default_factory=dict)
    tools: int = 0

    async def count_tools(self, session: Session) -> None:
        self.tools += sum(len(event.get_function_responses()) for event in session.events)

    def of(self, decision: Decision, strange: Sequence[StrangeCall]) -> HeldAgain:
        document = decision_document(decision)
        return HeldAgain(
            decision=document,
            decision_hash=hash_of(document),
            answers=self.answers,
            calls=self.calls,
            strange=strange,
            tools=self.tools,
        )


class RecordClerk:
    """Answers calls from the record; nothing is set aside, logged or stored."""

    def __init__(self, record: MeetingRecord, notes: _Notes) -> None:
        self.strange: list[StrangeCall] = []
        self._notes = notes
        self._by_key = {each.request_key: each for each in record.exchanges}
        self._calls = Counter(each.agent_name for each in record.exchanges)
        self._abstained = dict(record.meeting.abstained)
        if record.research is not None:
            self._abstained.update(record.research.abstained)

    async def pressure(self, user_id: UUID, limits: BudgetLimits) -> BudgetPressure:
        """Not asked: who sat there is on record."""
        raise AssertionError("a meeting held again asks for no budget")

    async def known(self, call: ModelCall) -> ModelExchange:
        """The answer on record; raises AbstentionOnRecord, or ModelUnavailable without either."""
        found = self._by_key.get(call.request_key)
        if found is not None:
            self._notes.calls.append(found)
            return found
        reason = self._abstained.get(call.agent_name)
        if reason is not None and call.number >= self._calls[call.agent_name]:
            raise AbstentionOnRecord(call.agent_name, reason)
        self.strange.append(_strange(call))
        raise ModelUnavailable(str(call.asked), "this was not asked then", attempts=0)

    async def reserve(self, call: ModelCall) -> Reservation:
        """Not asked: all calls are known, or refused."""
        raise AssertionError("a meeting held again asks no model")

    async def release(self, call: ModelCall, reserved: Reservation) -> None:
        """Not asked."""
        raise AssertionError("a meeting held again asks no model")

    async def forfeit(self, call: ModelCall, reserved: Reservation) -> None:
        """Not asked."""
        raise AssertionError("a meeting held again asks no model")

    async def settle(
        self, call: ModelCall, reserved: Reservation, reply: ModelReply
    ) -> ModelExchange:
        """Not asked."""
        raise AssertionError("a meeting held again asks no model")

    async def close(self, exchanges: Sequence[ModelExchange], meeting: Meeting) -> None:
        """The meeting is on record already."""
        self._notes.answers.update(meeting.answers)


class GuestClerk:
    """Keeps account of calls as ever, and of no meeting: no fund has decided anything at it."""

    def __init__(self, clerk: Clerk, notes: _Notes) -> None:
        self._clerk = clerk
        self._notes = notes

    async def pressure(self, user_id: UUID, limits: BudgetLimits) -> BudgetPressure:
        """Not asked: who sat there is on record."""
        raise AssertionError("a meeting held again asks for no budget")

    async def known(self, call: ModelCall) -> ModelExchange | None:
        """The answer to exactly this request, if it was asked before."""
        return await self._clerk.known(call)

    async def reserve(self, call: ModelCall) -> Reservation:
        """Set a call aside in the month's budget; raises BudgetExhausted."""
        return await self._clerk.reserve(call)

    async def release(self, call: ModelCall, reserved: Reservation) -> None:
        """Give back what a call had set aside that nobody can charge for."""
        await self._clerk.release(call, reserved)

    async def forfeit(self, call: ModelCall, reserved: Reservation) -> None:
        """Count at its estimate a call that was not answered and may be charged for."""
        await self._clerk.forfeit(call, reserved)

    async def settle(
        self, call: ModelCall, reserved: Reservation, reply: ModelReply
    ) -> ModelExchange:
        """Count an answered call at what it cost, log it, and record both texts."""
        return await self._clerk.settle(call, reserved, reply)

    async def close(self, exchanges: Sequence[ModelExchange], meeting: Meeting) -> None:
        """Take note of what was said."""
        self._notes.calls.extend(exchanges)
        self._notes.answers.update(meeting.answers)


class RecordedModel(BaseLlm):
    """A model as agents see it whose answers are all on record: it is never asked."""

    takes_schema_and_tools: bool

    @property
    def capabilities(self) -> LlmCapabilities:
        """What the model could do then."""
        return LlmCapabilities(output_schema_and_tools=self.takes_schema_and_tools)

    def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """Not asked."""
        raise AssertionError("a meeting held again asks no model")


def _recorded_models(record: MeetingRecord) -> Callable[[ModelChoice], BaseLlm]:
    """Models that can do what the requests on record show that they could."""
    without = {
        each.asked
        for each in record.exchanges
        if any(tool.get("name") == _ANSWERING_TOOL for tool in json.loads(each.request)["tools"])
    }
    return lambda choice: RecordedModel(
        model=str(choice), takes_schema_and_tools=choice not in without
    )


def _pressure(record: MeetingRecord) -> BudgetPressure:
    """How pressed the month was, by who sat there: debaters have always something to say."""
    briefing = record.briefing
    assert briefing.fund is not None, "a desk is told whose it is"
    silent = record.research.abstained if record.research is not None else {}
    heard = {exchange.agent_name for exchange in record.exchanges} | silent.keys()
    for pressure in _SEATINGS:
        debating = of_room(seated(briefing.fund.limits, pressure), Room.DEBATE)
        if {agent.name for agent in debating} <= heard:
            return pressure
    return BudgetPressure.NORMAL


def _strange(call: ModelCall) -> StrangeCall:
    return StrangeCall(call.agent_name, call.number, call.request_key, call.request)


def _no_tokens(response: LlmResponse) -> TokenUsage:
    return TokenUsage(0, 0)


async def _never_met(user_id: UUID, symbol: str, before: datetime) -> datetime | None:
    raise AssertionError("a meeting held again is called by nothing")


async def _no_allowances(user_id: UUID) -> tuple[UserSettings, Limits]:
    raise AssertionError("a meeting held again allows what it allowed then")
