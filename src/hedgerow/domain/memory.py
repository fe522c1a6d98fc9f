"""What agents remember, how a memory proves itself, and when it is forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.market import Timeframe

EMBEDDING_DIMENSIONS: Final = 1536
# How long a working memory lasts unless it is told otherwise.
WORKING_LIFE: Final = timedelta(hours=24)
# A memory's score is its success rate shrunk towards zero as if it had failed this often before,
# so that it starts at 0.0 and one lucky trade does not make a certainty of it.
_DOUBT_TRADES: Final = 2


class MemoryScope(StrEnum):
    """Who a memory is for."""

    USER = "user"
    COLLECTIVE = "collective"
    WORKING = "working"


class MemoryType(StrEnum):
    """What kind of thing is remembered."""

    OBSERVATION = "observation"
    DECISION = "decision"
    TRADE = "trade"
    LESSON = "lesson"
    REGIME = "regime"
    PATTERN = "pattern"


class Stance(StrEnum):
    """What a lesson says of taking its setup again; kept in `metadata["stance"]`."""

    SUPPORTS = "supports"
    CAUTIONS = "cautions"


@dataclass(slots=True)
class Memory:
    """One memory. `importance` and `validation_score` lie in 0 to 1; `user_id` is None for
    collective memories, `expires_at` is None for permanent ones, which working ones never are.
    """

    id: UUID
    scope: MemoryScope
    type: MemoryType
    content: str
    agent_id: str
    created_at: datetime
    user_id: UUID | None = None
    session_id: str | None = None
    symbol: str | None = None
    timeframe: Timeframe | None = None
    importance: float = 0.5
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    personality: str | None = None
    source_user_id: UUID | None = None
    source_trade_id: UUID | None = None
    expires_at: datetime | None = None
    validation_score: float = 0.0
    validation_trades: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.importance <= 1.0:
            raise InvalidValue(field="importance", value=self.importance, allowed="0 to 1")
        if not 0.0 <= self.validation_score <= 1.0:
            raise InvalidValue(
                field="validation_score", value=self.validation_score, allowed="0 to 1"
            )
        if (self.scope is MemoryScope.COLLECTIVE) != (self.user_id is None):
            raise InvalidValue(
                field="user_id", value=self.user_id, allowed="None for collective, else a user"
            )
        if self.scope is MemoryScope.WORKING and self.expires_at is None:
            raise InvalidValue(field="expires_at", value=None, allowed="a time, for working memory")

    def is_expired(self, at: datetime) -> bool:
        """Whether the memory may no longer be recalled at `at`."""
        return self.expires_at is not None and at >= self.expires_at

    @property
    def stance(self) -> Stance | None:
        """What the memory says of its setup, where it says anything."""
        value = self.metadata.get("stance")
        return None if value is None else Stance(str(value))

    @property
    def trust(self) -> float:
        """How far the memory is believed: above 0, at most 1.

        validation_score + 1 / (n + 2) after n trades, which is Laplace's rule of succession
        (r + 1) / (n + 2) for r trades that bore it out. A memory nobody has tried yet is half
        believed; else it would never be used, and so never proven.
        """
        return min(1.0, self.validation_score + 1.0 / (self.validation_trades + _DOUBT_TRADES))

    def was_right(self, trade_won: bool) -> bool:
        """Whether a trade that used the memory bore it out: a caution is right when it loses."""
        return trade_won != (self.stance is Stance.CAUTIONS)

    def validate(self, was_right: bool) -> None:
        """Count one trade that used the memory.

        After n trades with r right, `validation_score` = r / (n + 2).
        """
        self._stand_at(self._borne_out + was_right, self.validation_trades + 1)

    def before_trades(self, trades: int, borne_out: int) -> Memory:
        """The memory as it was before its last `trades`, of which some have borne it out."""
        then = copy(self)
        then._stand_at(self._borne_out - borne_out, self.validation_trades - trades)
        return then

    @property
    def _borne_out(self) -> int:
        """How many trades have borne it out: a whole number, so that not a bit is ever lost."""
        return round(self.validation_score * (self.validation_trades + _DOUBT_TRADES))

    def _stand_at(self, borne_out: int, trades: int) -> None:
        self.validation_trades = trades
        self.validation_score = min(1.0, borne_out / (trades + _DOUBT_TRADES))


@dataclass(frozen=True, slots=True)
class Standing:
    """Why a memory was recalled where it was: four factors, each above 0 and at most 1.

    `fused` is its relevance by all searches together; `recency`, `importance` and `validation`
    weigh it (domain/memory_ranking.py has the formulas).
    """

    fused: float
    recency: float
    importance: float
    validation: float

    @property
    def score(self) -> float:
        """What memories are ranked by: the product of the factors."""
        return self.fused * self.recency * self.importance * self.validation


@dataclass(frozen=True, slots=True)
class RecalledMemory:
    """A memory, its cosine similarity (-1 to 1; 0 where no vector was asked) and its standing."""

    memory: Memory
    similarity: float
    standing: Standing

    @property
    def score(self) -> float:
        """What it is ranked by."""
        return self.standing.score


@dataclass(frozen=True, slots=True)
class Validation:
    """One trade that used a memory, and whether it bore the memory out."""

    trade_id: UUID
    was_right: bool
    at: datetime
