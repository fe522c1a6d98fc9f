"""What the use cases need from the outside: every port in one place."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Final, Protocol, Self
from uuid import UUID

from hedgerow.domain.events import Event
from hedgerow.domain.fund import Fund
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.ledger import LedgerEntry, TransferReason
from hedgerow.domain.market import Candle, Exchange, MarketType, Timeframe
from hedgerow.domain.memory import Memory, MemoryType, RecalledMemory, Stance
from hedgerow.domain.messages import (
    EquityMarked,
    PriceMoved,
    ProposalAccepted,
    Step,
    VenueMessage,
    Wish,
)
from hedgerow.domain.orders import Fill, Order
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import Decision
from hedgerow.domain.regimes import Regime, RegimeClassification, RegimeReading
from hedgerow.domain.sessions import Session, SessionEvent
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


@dataclass(frozen=True, slots=True)
class PendingWish:
    """A saved wish that has not been carried out yet; `id` grows in the order of saving."""

    id: int
    wish: Wish
    at: datetime


@dataclass(frozen=True, slots=True)
class TimedStep:
    """What a step led to, and when."""

    at: datetime
    step: Step


class Funds(Protocol):
    """Funds, each with all rows that belong to it."""

    async def add(self, fund: Fund) -> None:
        """Store the user, tier, accounts and instruments of a new fund, before its first save."""
        ...

    async def load(self, user_id: UUID) -> Fund:
        """The fund as last saved; raises UnknownEntity."""
        ...

    async def save(self, fund: Fund, steps: Sequence[TimedStep]) -> list[PendingWish]:
        """Save changed rows, ledger entries, events and wishes; returns the wishes with ids.

        Raises ConcurrentUpdate when the fund was saved by somebody else since it was loaded.
        """
        ...

    async def pending_wishes(self, user_id: UUID) -> list[PendingWish]:
        """Wishes saved but not carried out, oldest first."""
        ...

    async def wishes_done(self, wish_ids: Sequence[int], at: datetime) -> None:
        """Mark wishes as carried out."""
        ...


class Memories(Protocol):
    """Memories and their vectors."""

    async def add(
        self, memories: Sequence[Memory], vectors: Sequence[Sequence[float]], embedder: Embedder
    ) -> None:
        """Store memories with one vector each, padded to the stored dimensions."""
        ...

    async def recall(
        self, user_id: UUID, query: RecallQuery, vector: Sequence[float], model: str
    ) -> list[RecalledMemory]:
        """What the user may remember, known at `as_of` and not expired, most similar first."""
        ...

    async def by_ids(self, ids: Sequence[UUID]) -> list[Memory]:
        """The memories with these ids, in the order asked for."""
        ...

    async def of_trade(self, trade_id: UUID) -> list[Memory]:
        """The memories a trade left."""
        ...

    async def save_validation(
        self, memory: Memory, trade_id: UUID, user_id: UUID, was_right: bool, at: datetime
    ) -> None:
        """Store a validated memory's new score; a trade validates a memory once."""
        ...


class Journal(Protocol):
    """Journal entries."""

    async def add(self, entry: JournalEntry) -> None:
        """Store a new entry; a trade has one."""
        ...

    async def of_trade(self, trade_id: UUID) -> JournalEntry | None:
        """The entry of a trade, once it has ended."""
        ...

    async def trade_ids(self, user_id: UUID) -> set[UUID]:
        """The trades of a user that have an entry."""
        ...

    async def awaiting_exit_verdict(
        self, user_id: UUID, closed_until: datetime
    ) -> list[JournalEntry]:
        """Entries of trades closed by then whose exit has not been judged."""
        ...

    async def save_exit_verdict(self, entry: JournalEntry) -> None:
        """Store the judgement of the exit and the review that goes with it."""
        ...


class Sessions(Protocol):
    """Conversations of agents."""

    async def add(self, session: Session) -> None:
        """Store a new session."""
        ...

    async def find(self, app_name: str, user_id: UUID, session_id: str) -> Session | None:
        """The session that ADK knows by these three; raises DocumentRefused for a broken one."""
        ...

    async def append(self, session: Session, event: SessionEvent) -> None:
        """Add an event to a session and to its row; raises InvalidValue as Session.append does."""
        ...


class Regimes(Protocol):
    """Regime classifications, shared by all users."""

    async def add(self, classifications: Sequence[RegimeClassification]) -> None:
        """Store classifications; one already stored for its time and model stays as it is."""
        ...

    async def at(
        self, symbol: str, timeframe: Timeframe, at: datetime
    ) -> RegimeClassification | None:
        """The latest classification known at `at`."""
        ...


class Trades(Protocol):
    """Positions with what belongs to them, read for people: reports and explanations."""

    async def last(self) -> Position | None:
        """The position that ended last; where none has, the one opened last."""
        ...

    async def by_prefix(self, prefix: str) -> list[Position]:
        """Positions whose id begins with `prefix`; at most two."""
        ...

    async def positions(self, strategy_id: UUID) -> list[Position]:
        """All positions of a strategy, by opening time."""
        ...

    async def orders(self, position_id: UUID) -> list[Order]:
        """The orders of a position, oldest first."""
        ...

    async def fills(self, order_ids: Sequence[UUID]) -> list[Fill]:
        """The executions of orders, oldest first."""
        ...

    async def journal(self, strategy_id: UUID) -> list[JournalEntry]:
        """All journal entries of a strategy's trades."""
        ...

    async def proposal(self, order_id: UUID) -> ProposalAccepted:
        """The accepted proposal that an entry order came from; raises UnknownEntity."""
        ...

    async def equity_marks(self, strategy_id: UUID) -> list[tuple[datetime, EquityMarked]]:
        """The equity of a strategy over time."""
        ...

    async def events_about(self, user_id: UUID, subject_ids: Sequence[UUID]) -> list[Event]:
        """A user's events whose subject is one of these, by sequence."""
        ...

    async def counts(self, user_id: UUID) -> Mapping[str, int]:
        """How many `orders`, `fills`, `memories`, `journal_entries` and of each event kind."""
        ...

    async def breaker_trips(self, user_id: UUID) -> int:
        """How often the user's circuit breaker has been triggered."""
        ...


@dataclass(slots=True)
class PaperRun:
    """A fund trading past candles, and how far it has come.

    `fingerprint` tells whether two runs have the same plan and candles; `plan` is a JSON document
    of what was asked for; `closed_through` the open_time of the last candles lived through.
    """

    id: UUID
    user_id: UUID
    strategy_id: UUID
    fingerprint: str
    plan: Mapping[str, object]
    started_at: datetime
    venue: Mapping[str, object]
    closed_through: datetime | None = None
    finished_at: datetime | None = None


class PaperRuns(Protocol):
    """Runs over past candles, saved in the same transaction as the fund they drive."""

    async def add(self, run: PaperRun) -> None:
        """Store a new run."""
        ...

    async def save(self, run: PaperRun) -> None:
        """Store how far a run has come, and its venue."""
        ...

    async def unfinished(self, fingerprint: str) -> PaperRun | None:
        """The latest run with this plan that has not finished."""
        ...

    async def count(self, fingerprint: str) -> int:
        """How many runs with this plan there are."""
        ...

    async def latest(self) -> PaperRun | None:
        """The run started last."""
        ...

    async def are_alone(self) -> bool:
        """Whether every fund here belongs to a run over past candles."""
        ...


@dataclass(frozen=True, slots=True)
class AuditedOrder:
    """An order with its executions, oldest first."""

    order: Order
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True)
class AuditedTransfer:
    """A transfer as it stands in the ledger, balanced or not."""

    id: UUID
    strategy_id: UUID
    at: datetime
    reason: TransferReason
    entries: Sequence[LedgerEntry]


class AuditRecords(Protocol):
    """Everything an auditor re-adds, user by user."""

    async def user_ids(self) -> list[UUID]:
        """All users that have a fund."""
        ...

    def events(self, user_id: UUID) -> AsyncIterator[Event]:
        """A user's log from its first event."""
        ...

    def transfers(self, user_id: UUID) -> AsyncIterator[AuditedTransfer]:
        """A user's transfers with their entries, as they stand."""
        ...

    async def orders(self, user_id: UUID) -> list[AuditedOrder]:
        """All orders of a user with their executions, oldest first."""
        ...

    async def positions(self, user_id: UUID) -> list[Position]:
        """All positions of a user, oldest first."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without `commit` undoes everything."""

    @property
    def funds(self) -> Funds:
        """Funds."""
        ...

    @property
    def memories(self) -> Memories:
        """Memories."""
        ...

    @property
    def journal(self) -> Journal:
        """Journal entries."""
        ...

    @property
    def regimes(self) -> Regimes:
        """Regime classifications."""
        ...

    @property
    def sessions(self) -> Sessions:
        """Conversations of agents."""
        ...

    @property
    def trades(self) -> Trades:
        """Trades, for people to read."""
        ...

    @property
    def runs(self) -> PaperRuns:
        """Runs over past candles."""
        ...

    @property
    def audit(self) -> AuditRecords:
        """All that an auditor re-adds."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def commit(self) -> None:
        """Make everything done in the block durable."""
        ...


class System(Enum):
    """Acts for all users: audits, relays, the opening of funds, the owner at the command line."""

    SYSTEM = "system"


SYSTEM: Final = System.SYSTEM
Actor = UUID | System
OpenUnitOfWork = Callable[[Actor], UnitOfWork]
"""A unit of work for a user, who sees nothing but their own, or for the system."""
