"""Replay a decision: hold its meeting again from the record, and tell every difference."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.usecases.briefing_documents import briefing_of, candles_told
from hedgerow.usecases.codec import decode
from hedgerow.usecases.find_meeting import find_meeting
from hedgerow.usecases.longer_candles import LongerCandles
from hedgerow.usecases.paper_run import RunPlan
from hedgerow.usecases.ports.market import CandleStore
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange
from hedgerow.usecases.ports.replay import HeldAgain, MeetingRecord, MeetingRoom, StrangeCall
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork, UnitOfWork

_NOTHING: Final = "nothing"


@dataclass(frozen=True, slots=True)
class MeetingArchive:
    """What replaying a decision needs from the outside.

    `make_room` takes a second: it is called once it is known which meeting to hold.
    """

    open_unit_of_work: OpenUnitOfWork
    candles: CandleStore
    make_room: Callable[[], MeetingRoom]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that came out otherwise: what, as it is on record, and as it is now."""

    what: str
    recorded: str
    now: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """A meeting on record, and the same held again; `model` is None where the record answered."""

    record: MeetingRecord
    again: HeldAgain
    model: ModelChoice | None
    differences: Sequence[Difference]

    @property
    def recorded_answers(self) -> Mapping[str, object]:
        """What each agent said last then, those of the research included."""
        return _answers(self.record)


async def replay_meeting(archive: MeetingArchive, decision: str) -> Replayed:
    """Hold the meeting of a decision again, from the record alone; raises InputRefused."""
    record = await _record(archive, decision)
    again = await archive.make_room().hold_again(record)
    found = [*_candles_missing(record), *_strange(record, again), *_outcomes(record, again)]
    return Replayed(record, again, None, found)


async def replay_with_model(
    archive: MeetingArchive, decision: str, choice: ModelChoice
) -> Replayed:
    """Hold the meeting of a decision again with another model for all; raises InputRefused."""
    record = await _record(archive, decision)
    again = await archive.make_room().hold_with(record, choice)
    return Replayed(record, again, choice, list(_outcomes(record, again)))


async def _record(archive: MeetingArchive, decision: str) -> MeetingRecord:
    """Everything that is stored of a meeting, and the candles that it saw."""
    async with archive.open_unit_of_work(SYSTEM) as unit:
        meeting = await find_meeting(unit, decision)
        plan = await _plan(unit, meeting, decision)
        shared = meeting.research_session_id
        research = None if shared is None else await unit.meetings.of_session(shared)
        exchanges = await unit.model_records.of_session(meeting.user_id, meeting.session_id)
        if shared is not None:
            exchanges += await unit.model_records.of_session(RESEARCH_USER_ID, shared)
    candles = [
        candle
        for candle in await archive.candles.read(
            plan.exchange, [meeting.symbol], plan.timeframe, plan.starts_at, meeting.at
        )
        if candle.close_time <= meeting.at
    ]
    count = candles_told(meeting.briefing)
    longer = LongerCandles(candles).closed_by(meeting.at)
    briefing = briefing_of(meeting.briefing, candles[max(len(candles) - count, 0) :], longer)
    return MeetingRecord(meeting, research, exchanges, briefing, plan.exchange, plan.symbols)


async def _plan(unit: UnitOfWork, meeting: Meeting, decision: str) -> RunPlan:
    run = await unit.runs.of_user(meeting.user_id)
    if run is None:
        raise InputRefused(
            what="the run that this meeting was part of is not stored",
            where=f"hedgerow replay {decision}",
            fix="restore the backup that has it",
        )
    return decode(RunPlan, run.plan)


def _candles_missing(record: MeetingRecord) -> Iterator[Difference]:
    told, stored = candles_told(record.meeting.briefing), len(record.briefing.candles)
    if told != stored:
        yield Difference("candles of the briefing", str(told), f"{stored} are stored")


def _strange(record: MeetingRecord, again: HeldAgain) -> Iterator[Difference]:
    """Calls that were not made then, each beside the one that was made in its place."""
    then: dict[str, list[ModelExchange]] = defaultdict(list)
    for exchange in sorted(record.exchanges, key=lambda each: each.step):
        then[exchange.agent_name].append(exchange)
    for call in again.strange:
        what = f"call {call.number + 1} of {call.agent_name}"
        made = then[call.agent_name]
        recorded = made[call.number] if call.number < len(made) else None
        if recorded is None:
            yield Difference(what, _NOTHING, f"asks {call.request_key}")
        else:
            yield _first_of(what, recorded, call)


def _first_of(what: str, recorded: ModelExchange, call: StrangeCall) -> Difference:
    before, now = json.loads(recorded.request), json.loads(call.request)
    path, one, other = next(_unlike(before, now, "request"), ("request", before, now))
    return Difference(f"{what}, {path}", _in_words(one), _in_words(other))


def _outcomes(record: MeetingRecord, again: HeldAgain) -> Iterator[Difference]:
    for agent, before, now in _side_by_side(_answers(record), again.answers):
        for path, one, other in _unlike(before, now, f"answer of {agent}"):
            yield Difference(path, _in_words(one), _in_words(other))
    for path, one, other in _unlike(record.meeting.decision, again.decision, "decision"):
        yield Difference(path, _in_words(one), _in_words(other))
    if record.meeting.decision_hash != again.decision_hash:
        yield Difference("decision hash", record.meeting.decision_hash, again.decision_hash)


def _answers(record: MeetingRecord) -> Mapping[str, object]:
    research = {} if record.research is None else record.research.answers
    return {**research, **record.meeting.answers}


def _side_by_side(
    one: Mapping[str, object], other: Mapping[str, object]
) -> Iterator[tuple[str, object, object]]:
    for name in [*one, *(name for name in other if name not in one)]:
        yield name, one.get(name), other.get(name)


def _unlike(one: object, other: object, path: str) -> Iterator[tuple[str, object, object]]:
    """Where two JSON values differ, each place by its path."""
    match one, other:
        case (Mapping(), Mapping()):
            for name, mine, theirs in _side_by_side(one, other):
                yield from _unlike(mine, theirs, f"{path}.{name}")
        case (list() | tuple(), list() | tuple()) if len(one) == len(other):
            for place, (mine, theirs) in enumerate(zip(one, other, strict=True)):
                yield from _unlike(mine, theirs, f"{path}[{place}]")
        case _ if _plain(one) != _plain(other):
            yield path, one, other


def _plain(value: object) -> Any:
    """A JSON value with the float64 that it was stored with, where it comes back as a Decimal."""
    match value:
        case Decimal():
            return float(value)
        case Mapping():
            return {name: _plain(item) for name, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return value


def _in_words(value: object) -> str:
    if value is None:
        return _NOTHING
    return value if isinstance(value, str) else json.dumps(_plain(value), ensure_ascii=False)
