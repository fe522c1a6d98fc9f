"""What the use cases need from the outside: every port in one place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.market import Candle, Exchange, MarketType, Timeframe
from hedgerow.domain.memory import MemoryType, RecalledMemory, Stance
from hedgerow.domain.messages import PriceMoved, VenueMessage
from hedgerow.domain.orders import Order
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import Decision
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.domain.strategies import RiskTolerance


class CandleStore(Protocol):
    """Closed candles of all exchanges (ClickHouse, table `market_data_kline`)."""

    async def save(self, exchange: Exchange, candles: Sequence[Candle]) -> None:
        """Store candles; a candle stored twice is one candle, the later one wins."""
        ...

    async def read(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        """Candles with `start <= open_time < end`, by open_time and then by symbol."""
        ...


class RegimeModel(Protocol):
    """Classifies the market regime of one symbol and timeframe."""

    @property
    def candles_needed(self) -> int:
        """How many closed candles it reads, at least."""
        ...

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        """The regime after the last of `candles` (closed, one symbol, oldest first)."""
        ...


@dataclass(frozen=True, slots=True)
class RecallQuery:
    """What an analyst wants to remember. Only memories known at `as_of` are recalled."""

    text: str
    as_of: datetime
    types: tuple[MemoryType, ...]
    symbol: str | None = None
    limit: int = 5


Recall = Callable[[RecallQuery], Awaitable[Sequence[RecalledMemory]]]


@dataclass(frozen=True, slots=True)
class Briefing:
    """What an analyst knows of one symbol when it decides: closed candles only, oldest first.

    `risk_tolerance` and `market_type` are the strategy's; `position` is the open one on this
    symbol, if any; `price_tick` is the grid that prices in a proposal must lie on.
    """

    at: datetime
    symbol: str
    timeframe: Timeframe
    market_type: MarketType
    risk_tolerance: RiskTolerance
    price_tick: Decimal
    candles: Sequence[Candle]
    regime: RegimeReading
    position: Position | None
    has_working_entry: bool


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
class Lesson:
    """A lesson worth remembering: no amounts and nothing private. `importance` is 0 to 1."""

    content: str
    stance: Stance
    importance: float
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TradeReview:
    """What a reviewer makes of a closed trade, in words."""

    lessons_learned: str
    improvement_tips: str
    lesson: Lesson


class Reviewer(Protocol):
    """Writes the post-mortem of a closed trade."""

    @property
    def agent_id(self) -> str:
        """Who the lesson is attributed to."""
        ...

    async def review(self, entry: JournalEntry, regime_at_exit: Regime) -> TradeReview:
        """Lessons and tips from the facts of `entry`, by the five questions of the journal."""
        ...


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

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector of `dimensions` numbers per text."""
        ...


class Venue(Protocol):
    """A place that executes orders. Each call returns what the venue answered at once."""

    async def submit(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Send a pending order under its client order id; the same order twice is one order."""
        ...

    async def cancel(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Take a working order back; an order that has already ended is answered by nothing."""
        ...

    async def amend(
        self, order: Order, amount: Decimal, stop_price: Decimal | None, at: datetime
    ) -> Sequence[VenueMessage]:
        """Change amount and trigger of a working order, keeping its place and its fills."""
        ...


@dataclass(frozen=True, slots=True)
class Timed:
    """A message and when it happened."""

    at: datetime
    message: VenueMessage | PriceMoved


class ReplayVenue(Venue, Protocol):
    """A venue that matches orders against candles, and whose whole state can be saved."""

    def play(self, candles: Sequence[Candle]) -> Iterator[Timed]:
        """Live through one span: one candle per symbol, all with the same open_time.

        Yields executions and the prices along the path, in order of time. Orders may be
        submitted, amended and canceled between two items. After `restore`, the span that was
        under way when the snapshot was taken goes on where it was, without repeating items.
        """
        ...

    def snapshot(self) -> dict[str, object]:
        """All state, as a JSON document."""
        ...

    def restore(self, document: Mapping[str, object]) -> None:
        """Take over a snapshot."""
        ...
