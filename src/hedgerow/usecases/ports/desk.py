"""Who decides and reviews, and what they are told."""

from __future__ import annotations

from collections.abc import (
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.limits import Limits, TradingBounds
from hedgerow.domain.market import Candle, MarketType, Timeframe
from hedgerow.domain.memory import (
    MemoryScope,
    MemoryType,
    RecalledMemory,
    Stance,
)
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import Decision
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.domain.strategies import RebalanceFrequency, RiskTolerance
from hedgerow.domain.users import UserSettings


class RegimeModel(Protocol):
    """Classifies the market regime of one symbol and timeframe."""

    @property
    def candles_needed(self) -> int:
        """How many closed candles it reads, where there are as many."""
        ...

    @property
    def candles_least(self) -> int:
        """With fewer closed candles than these it tells nothing."""
        ...

    @property
    def versions(self) -> Sequence[str]:
        """Every `model_version` that its readings may bear, what stands in for others last."""
        ...

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        """The regime after the last of `candles` (closed, one symbol, oldest first)."""
        ...


@dataclass(frozen=True, slots=True)
class RecallQuery:
    """What is to be remembered, by words, by a vector, or by both; at least one is given.

    Only memories known at `as_of` and not expired by then are recalled: the user's own and the
    collective ones, or those of `scopes`. `types` and `scopes` mean all of them where empty. A
    memory that names another `symbol`, `timeframe`, `regime` or `personality` is left out; one that
    names none is general and stays. A memory must bear all of `tags`.
    """

    as_of: datetime
    text: str | None = None
    vector: Sequence[float] | None = None
    scopes: tuple[MemoryScope, ...] = ()
    types: tuple[MemoryType, ...] = ()
    symbol: str | None = None
    timeframe: Timeframe | None = None
    regime: Regime | None = None
    tags: tuple[str, ...] = ()
    personality: str | None = None
    limit: int = 5

    def __post_init__(self) -> None:
        if self.text is None and self.vector is None:
            raise InvalidValue(field="text", value=None, allowed="a text or a vector")
        if self.limit < 1:
            raise InvalidValue(field="limit", value=self.limit, allowed="at least 1")


@dataclass(frozen=True, slots=True)
class FundView:
    """What a fund's desk may see of the fund itself; amounts are in its quote currency.

    `strategy` is the one that the pair belongs to: `cash` its reserve, `target_allocations` its
    shares of equity by symbol. `positions` are all that are open; `exposure`, `risk` and `bounds`
    are as the pre-trade checks see them. `limits` are the tier's.
    """

    user_id: UUID
    strategy_id: UUID
    quote_currency: str
    equity: Decimal
    cash: Decimal
    exposure: Decimal
    risk: Decimal
    target_allocations: Mapping[str, Decimal]
    rebalance_frequency: RebalanceFrequency
    positions: tuple[Position, ...]
    bounds: TradingBounds
    limits: Limits
    settings: UserSettings
    is_halted: bool
    leverage_max: int


Recall = Callable[[RecallQuery], Awaitable[Sequence[RecalledMemory]]]


@dataclass(frozen=True, slots=True)
class Briefing:
    """What an analyst knows of one symbol when it decides: closed candles only, oldest first.

    `longer(timeframe, count)` gives the last longer candles, made of those of the run and closed by
    `at`; they are not made unless asked for. `risk_tolerance` and `market_type` are the strategy's;
    `position` is the open one on this symbol, if any; `price_tick` is the grid that prices in a
    proposal must lie on. `fund` is the fund that asks, and `regime_before` the regime at the close
    before; `happened` tells in words what became of positions on this symbol since then, and
    `is_asked_for` that the user wants to know.
    """

    at: datetime
    symbol: str
    timeframe: Timeframe
    market_type: MarketType
    risk_tolerance: RiskTolerance
    price_tick: Decimal
    candles: Sequence[Candle]
    longer: Callable[[Timeframe, int], Sequence[Candle]]
    regime: RegimeReading
    position: Position | None
    has_working_entry: bool
    fund: FundView | None = None
    regime_before: Regime | None = None
    happened: tuple[str, ...] = ()
    is_asked_for: bool = False


class Analyst(Protocol):
    """Decides what to propose. It holds no venue tool: the fund disposes."""

    @property
    def candles_needed(self) -> int:
        """How many closed candles a briefing should carry, at most."""
        ...

    async def decide(self, briefing: Briefing, recall: Recall) -> Decision:
        """A proposal, an exit or an abstention, with reasons in words."""
        ...


@dataclass(frozen=True, slots=True)
class TradeReview:
    """What a reviewer makes of a closed trade: the journal's five questions answered in sentences.

    Was the entry well timed (`entry_timing`), was the exit premature (`exit_timing`), did the
    regime change meanwhile (`regime_change`), which `indicators` worked or failed, and what is to
    be learned (`lessons`)? `improvement_tips` say what to do better.
    """

    entry_timing: str
    exit_timing: str
    regime_change: str
    indicators: str
    lessons: str
    improvement_tips: str

    @property
    def lessons_learned(self) -> str:
        """The five answers as the journal keeps them, a line each."""
        answers = (
            ("Entry timing", self.entry_timing),
            ("Exit", self.exit_timing),
            ("Regime", self.regime_change),
            ("Indicators", self.indicators),
            ("Lesson", self.lessons),
        )
        return "\n".join(f"{question}: {answer}" for question, answer in answers)


class Reviewer(Protocol):
    """Writes the post-mortem of a closed trade."""

    async def review(self, entry: JournalEntry, regime_at_exit: Regime) -> TradeReview:
        """The five answers and tips, from the facts of `entry`."""
        ...


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is worth remembering of a trade: no amounts and nothing private.

    `importance` is 0 to 1. A `lesson` is about this trade's setup, and is shared once trades of
    several users bear it out; a `pattern` is a thing that was noticed beside it, and stays its
    user's. Raises InvalidValue for any other type, and for what is no importance.
    """

    content: str
    stance: Stance
    importance: float
    tags: tuple[str, ...]
    type: MemoryType = MemoryType.LESSON

    def __post_init__(self) -> None:
        if self.type not in (MemoryType.LESSON, MemoryType.PATTERN):
            raise InvalidValue(field="type", value=self.type, allowed="lesson or pattern")
        if not 0.0 <= self.importance <= 1.0:
            raise InvalidValue(field="importance", value=self.importance, allowed="0 to 1")


class Curator(Protocol):
    """Chooses what of a reviewed trade is to be remembered."""

    @property
    def agent_id(self) -> str:
        """Who the memories are attributed to."""
        ...

    async def curate(self, entry: JournalEntry, review: TradeReview) -> Sequence[Lesson]:
        """The lessons and patterns of a trade, the one that tells most first; at least one."""
        ...


@dataclass(frozen=True, slots=True)
class Staff:
    """Who decides for a fund, and who reviews its trades and keeps their lessons."""

    analyst: Analyst
    reviewer: Reviewer
    curator: Curator


class Embedder(Protocol):
    """Turns text into vectors; vectors of different models are never compared."""

    @property
    def model(self) -> str:
        """The name stored beside each vector."""
        ...

    @property
    def dimensions(self) -> int:
        """How many numbers a vector has, before it is padded for storage."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector of `dimensions` numbers per text.

        Raises InvalidValue for a text without a word, EmbeddingFailed where a service that makes
        the vectors does not.
        """
        ...
