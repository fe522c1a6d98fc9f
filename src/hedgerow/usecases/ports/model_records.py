"""What models were asked and answered, and the decisions that came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow.domain.ai_usage import ModelChoice


@dataclass(frozen=True, slots=True)
class ModelExchange:
    """One request and its answer, as bytes of canonical JSON.

    `request_key` is the SHA-256 (hex) of the request, model included: the same request has the
    same key. `asked` is the model the agent asks for, `answered_by` the one that answered. `step`
    counts the calls of one session from 0.
    """

    call_id: UUID
    user_id: UUID
    session_id: str
    agent_name: str
    step: int
    asked: ModelChoice
    answered_by: ModelChoice
    request_key: str
    request: bytes
    response: bytes
    at: datetime


class ModelRecords(Protocol):
    """Requests and answers, each content stored once per user, compressed, by its hash."""

    async def add(self, exchanges: Sequence[ModelExchange]) -> None:
        """Store exchanges; a call that is stored already stays as it is."""
        ...

    async def answer(self, user_id: UUID, request_key: str) -> ModelExchange | None:
        """The latest answer to exactly this request."""
        ...

    async def of_session(self, user_id: UUID, session_id: str) -> list[ModelExchange]:
        """All exchanges of a session, by step."""
        ...


@dataclass(frozen=True, slots=True)
class Meeting:
    """One meeting of the desk: what it was given, and what came of it.

    `briefing` is all that it was given, `decision` what it decided, both as usecases/codec.py
    encodes them; `decision_hash` is the SHA-256 (hex) of the decision's canonical JSON, and `acted`
    tells that it was more than to abstain. `research_session_id` names the shared research it
    worked with, if any; `answers` are what each agent said last, by its name, and `reason` says why
    the desk met. Of agents that could not answer, `abstained` says why, by name.
    """

    id: UUID
    user_id: UUID
    symbol: str
    timeframe: str
    at: datetime
    session_id: str
    research_session_id: str | None
    reason: str
    answers: Mapping[str, object]
    briefing: Mapping[str, object]
    decision: Mapping[str, object]
    decision_hash: str
    acted: bool
    abstained: Mapping[str, str] = field(default_factory=dict)


class Meetings(Protocol):
    """Meetings of the desk."""

    async def add(self, meeting: Meeting) -> None:
        """Store a meeting; one with this id that is stored already is replaced."""
        ...

    async def of_session(self, session_id: str) -> Meeting | None:
        """The meeting that was held in a session."""
        ...

    async def by_part(self, part: str) -> list[Meeting]:
        """Meetings whose id begins or ends with `part`; at most two."""
        ...

    async def last(self) -> Meeting | None:
        """The fund's meeting held last that decided to act, or if none did, the last one."""
        ...

    async def latest_at(self, user_id: UUID, symbol: str, before: datetime) -> datetime | None:
        """When the desk last met to decide for a user on a symbol, before a moment.

        A post-mortem of a trade is no such meeting.
        """
        ...

    async def between(self, user_id: UUID, start: datetime, end: datetime) -> list[Meeting]:
        """A user's meetings with `start <= at < end`, by time and then by symbol."""
        ...
