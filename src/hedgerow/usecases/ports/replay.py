"""Holding a meeting of the desk again, from what is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.domain.market import Exchange
from hedgerow.usecases.ports.desk import Briefing
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange


@dataclass(frozen=True, slots=True)
class MeetingRecord:
    """A fund's meeting, and all that it takes to hold it again.

    `research` is the meeting of the shared research it worked with, if any; `exchanges` are the
    calls of both. `exchange` and `universe` are where it traded, and the symbols that it watched.
    """

    meeting: Meeting
    research: Meeting | None
    exchanges: Sequence[ModelExchange]
    briefing: Briefing
    exchange: Exchange
    universe: Sequence[str]


@dataclass(frozen=True, slots=True)
class StrangeCall:
    """A call that is not on record. `number` counts the agent's calls from 0: the call that was
    made in its place, if any was, has the same.
    """

    agent_name: str
    number: int
    request_key: str
    request: bytes


@dataclass(frozen=True, slots=True)
class HeldAgain:
    """A meeting that was held again: its decision as a document, with its hash.

    `answers` are what each agent said last, those of the research included. `calls` were answered,
    in the order in which they were asked; `strange` ones are not on record, and were not. `tools`
    counts the tools that agents asked.
    """

    decision: Mapping[str, object]
    decision_hash: str
    answers: Mapping[str, object]
    calls: Sequence[ModelExchange]
    strange: Sequence[StrangeCall]
    tools: int


class MeetingRoom(Protocol):
    """Where meetings are held again; nothing of a fund is changed by it."""

    async def hold_again(self, record: MeetingRecord) -> HeldAgain:
        """Hold a meeting again: its models answer from the record, its tools from the stores."""
        ...

    async def hold_with(self, record: MeetingRecord, choice: ModelChoice) -> HeldAgain:
        """Hold a meeting again, with one model for all agents, in sessions of its own.

        Raises InputRefused for a model that is not set up.
        """
        ...
