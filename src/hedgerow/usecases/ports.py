"""What the use cases need from the outside: every port in one place."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import Final, Protocol, Self
from uuid import UUID

from hedgerow.domain.accounts import ExchangeAccount
from hedgerow.domain.ai_usage import AgentCost, AIUsageLog, UserDayCost
from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.events import Event
from hedgerow.domain.forgetting import ForgettingRule
from hedgerow.domain.fund import Fund
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.ledger import LedgerEntry, TransferReason
from hedgerow.domain.market import Candle, Exchange, MarketType, Timeframe
from hedgerow.domain.market_data import MarketTrade, OrderBookSnapshot, Tick
from hedgerow.domain.memory import (
    Memory,
    MemoryScope,
    MemoryType,
    RecalledMemory,
    Stance,
    Validation,
)
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
from hedgerow.domain.promotion import PromotionRule
from hedgerow.domain.proposals import Decision
from hedgerow.domain.regimes import Regime, RegimeClassification, RegimeReading
from hedgerow.domain.risk import CircuitBreakerState
from hedgerow.domain.secrets import Secret
from hedgerow.domain.sessions import Session, SessionEvent
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.event_ports import EventLog, Inbox


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


class RolledUpCandles(Protocol):
    """Longer candles made of stored 1m candles."""

    async def read_rolled_up(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        """Candles made of all their stored 1m candles; incomplete ones are left out.

        `start <= open_time < end`, by open_time and then by symbol, as of the candles stored last,
        in whatever order and however often they came.
        """
        ...


class TickStore(Protocol):
    """Ticks of all exchanges (ClickHouse, table `market_data_tick`)."""

    async def save(self, exchange: Exchange, ticks: Sequence[Tick]) -> None:
        """Store ticks; a tick stored twice is one tick."""
        ...

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[Tick]:
        """Ticks with `start <= at < end`, by time."""
        ...


class OrderBookStore(Protocol):
    """Snapshots of order books (ClickHouse, table `market_data_orderbook`)."""

    async def save(self, exchange: Exchange, snapshots: Sequence[OrderBookSnapshot]) -> None:
        """Store snapshots; a snapshot stored twice is one snapshot."""
        ...

    async def at(self, exchange: Exchange, symbol: str, at: datetime) -> OrderBookSnapshot | None:
        """The last snapshot that was known at `at`."""
        ...


class MarketTradeStore(Protocol):
    """Trades of everybody (ClickHouse, table `market_data_trades`)."""

    async def save(self, exchange: Exchange, trades: Sequence[MarketTrade]) -> None:
        """Store trades; a trade stored twice is one trade."""
        ...

    async def read(
        self, exchange: Exchange, symbol: str, start: datetime, end: datetime
    ) -> list[MarketTrade]:
        """Trades with `start <= at < end`, by time and then by trade id."""
        ...


class UsageLog(Protocol):
    """Where calls of models are put down one by one, as they happen."""

    async def add(self, log: AIUsageLog, /) -> None:
        """Take a log over, to be stored soon; waits while there is no room for it."""
        ...


class UsageStore(Protocol):
    """Calls of models and what they cost (ClickHouse, table `ai_usage_logs`)."""

    async def save(self, logs: Sequence[AIUsageLog]) -> None:
        """Store logs; one whose event id is stored already counts once."""
        ...

    async def cost_by_user_day(self) -> list[UserDayCost]:
        """Cost of each user and day, the latest day first, the most expensive user first in it."""
        ...

    async def cost_by_agent(self) -> list[AgentCost]:
        """Cost of each agent, the most expensive first."""
        ...


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


Recall = Callable[[RecallQuery], Awaitable[Sequence[RecalledMemory]]]


@dataclass(frozen=True, slots=True)
class Briefing:
    """What an analyst knows of one symbol when it decides: closed candles only, oldest first.

    `longer(timeframe, count)` gives the last longer candles, made of those of the run and closed by
    `at`; they are not made unless asked for. `risk_tolerance` and `market_type` are the strategy's;
    `position` is the open one on this symbol, if any; `price_tick` is the grid that prices in a
    proposal must lie on.
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

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector of `dimensions` numbers per text.

        Raises InvalidValue for a text without a word, EmbeddingFailed where a service that makes
        the vectors does not.
        """
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

    def cover(self, positions: Iterable[Position]) -> None:
        """Take note of what stands behind each open futures position, as it is now.

        From then on they pay funding, and are closed by force where their collateral is used up.
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

    async def breaker(self, user_id: UUID) -> tuple[int, CircuitBreakerState]:
        """The version of the fund and its circuit breaker; raises UnknownEntity."""
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

    async def recall(self, user_id: UUID, query: RecallQuery, model: str) -> list[RecalledMemory]:
        """What the user may remember, best first (domain/memory_ranking.py).

        The vector of `query`, if any, is of `model`; memories of other models are not found by it
        nor compared with it, and of several models only `model` is searched.
        """
        ...

    async def by_ids(self, ids: Sequence[UUID]) -> list[Memory]:
        """The memories with these ids, in the order asked for."""
        ...

    async def by_prefix(self, user_id: UUID, prefix: str) -> list[Memory]:
        """Memories of the user, or collective, whose id begins with `prefix`; at most two."""
        ...

    async def of_trade(self, trade_id: UUID) -> list[Memory]:
        """The memories a trade left."""
        ...

    async def unvalidated(self, ids: Sequence[UUID], trade_id: UUID) -> list[Memory]:
        """Those of `ids` that the trade has not validated yet, by id.

        They are held for this unit of work until it ends: others who ask for them wait.
        """
        ...

    async def save_validation(
        self, memory: Memory, trade_id: UUID, user_id: UUID, was_right: bool, at: datetime
    ) -> None:
        """Store that a trade validates a memory, once, and the score that comes of it."""
        ...

    async def validations(self, memory_id: UUID, user_id: UUID) -> list[Validation]:
        """The user's trades that have validated a memory, oldest first."""
        ...

    async def expire(self, ids: Sequence[UUID], at: datetime) -> None:
        """Let memories not be recalled from `at` on; earlier moments still recall them."""
        ...

    async def forgettable(self, rule: ForgettingRule, at: datetime, limit: int) -> list[UUID]:
        """At most `limit` memories that `rule` applies to at `at`, oldest first.

        Those that another unit of work is forgetting already are passed over.
        """
        ...

    async def begin_promotion(self) -> None:
        """Wait until no other unit of work promotes lessons, and keep others waiting."""
        ...

    async def shared_lessons(self) -> list[Memory]:
        """All collective lessons, expired ones too, oldest first."""
        ...

    async def lessons_of_trades(
        self, rule: PromotionRule, until: datetime
    ) -> list[tuple[Memory, RiskTolerance]]:
        """Users' lessons created by `until`, with the risk tolerance of the strategy they are from.

        Kinds that have fewer lessons, or of fewer users, than `rule` asks for may be left out.
        """
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
        self,
        symbol: str,
        timeframe: Timeframe,
        at: datetime,
        versions: Sequence[str] = (),
    ) -> RegimeClassification | None:
        """The latest classification known at `at`, by one of `versions`, or by any if empty.

        Where several versions judged at that moment, the first of `versions` counts; by any, a
        learned one before the rules.
        """
        ...

    async def between(
        self, symbol: str, timeframe: Timeframe, first: datetime, last: datetime
    ) -> list[RegimeClassification]:
        """The classifications from `first` to `last`, both included, by time and version."""
        ...

    async def latest(self, at: datetime) -> list[RegimeClassification]:
        """The latest one of every symbol, timeframe and version as known at `at`, in that order."""
        ...


class Trades(Protocol):
    """Positions with what belongs to them, read for people: reports and explanations."""

    async def last(self) -> Position | None:
        """The position of the latest run that ended last, or while none has, opened last."""
        ...

    async def by_part(self, part: str) -> list[Position]:
        """Positions whose id begins or ends with `part`; at most two."""
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

    async def all(self) -> list[PaperRun]:
        """Every run, the one started last first."""
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


@dataclass(frozen=True, slots=True)
class AccountRef:
    """Which exchange account, and whose."""

    id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class SecretPlace:
    """The one place where a sealed value may lie: sealed for here, it opens nowhere else."""

    table: str
    column: str
    row_id: UUID
    user_id: UUID

    def __str__(self) -> str:
        return f"{self.table}.{self.column} of {self.row_id}"


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """An account's data key as it is kept: wrapped by the key-encryption key `kek_id`."""

    id: UUID
    account: AccountRef
    kek_id: str
    wrapped: bytes = field(repr=False)

    @property
    def place(self) -> SecretPlace:
        """Where it is kept."""
        return SecretPlace("vault_data_keys", "wrapped", self.account.id, self.account.user_id)


class Vault(Protocol):
    """Seals secrets under one data key per account, each wrapped by a key-encryption key.

    Key-encryption keys are known by ids that are no secret. Whatever needs one that is not at
    hand raises KeyUnknown; a value or data key that does not open raises SecretUnreadable.
    """

    @property
    def source(self) -> str:
        """Where key-encryption keys come from, in words for a person."""
        ...

    @property
    def key_ids(self) -> Sequence[str]:
        """Key-encryption keys at hand, the newest first."""
        ...

    async def reload(self) -> None:
        """Read the key-encryption keys anew; raises InputRefused."""
        ...

    async def add_key(self) -> None:
        """Make a newest key; raises InputRefused where keys are made by a person."""
        ...

    async def drop_keys(self, key_ids: Collection[str]) -> None:
        """Forget keys that nothing uses any more, where they are ours to forget."""
        ...

    def make_data_key(self, account: AccountRef, kek_id: str) -> WrappedKey:
        """A new data key for an account."""
        ...

    def rewrap(self, key: WrappedKey, kek_id: str) -> WrappedKey:
        """The same data key under another key-encryption key."""
        ...

    def seal(self, key: WrappedKey, column: str, secret: Secret) -> bytes:
        """What to keep in `column` of the account."""
        ...

    def open(self, key: WrappedKey, column: str, sealed: bytes) -> Secret:
        """What was kept in `column` of the account."""
        ...


class Accounts(Protocol):
    """Exchange accounts, with their ciphertexts."""

    async def add(self, account: ExchangeAccount) -> None:
        """Store a new account."""
        ...

    async def load(self, account: AccountRef) -> ExchangeAccount:
        """The account; raises UnknownEntity, also where it is another user's."""
        ...

    async def save(self, account: ExchangeAccount) -> None:
        """Store everything about an account; raises UnknownEntity."""
        ...


class VaultKeys(Protocol):
    """Which key-encryption keys are in use, and every account's wrapped data key.

    A data key can only be kept under a key that is registered, and only a key that nothing uses
    can be retired: so no process that missed a rotation can lock something with a lost key.
    """

    async def registered(self) -> list[str]:
        """Ids of the key-encryption keys that may be used, in the order of registering."""
        ...

    async def register(self, kek_id: str, at: datetime) -> None:
        """Let a key be used; one that is registered already stays as it is."""
        ...

    async def retire(self, kek_id: str) -> bool:
        """Let a key be used no more, or False where something still uses it."""
        ...

    async def key_of(self, account: AccountRef) -> WrappedKey | None:
        """The account's data key, once it has one."""
        ...

    async def add(self, key: WrappedKey, at: datetime) -> WrappedKey:
        """Keep an account's first data key; returns the one that was kept before, if any.

        Raises KeyUnknown where its key-encryption key is not registered.
        """
        ...

    async def any_under(self, kek_id: str) -> WrappedKey | None:
        """A data key wrapped by that key, held for this transaction alone; None if none is."""
        ...

    async def replace(self, key: WrappedKey, at: datetime) -> None:
        """Keep a data key as it is wrapped now; raises KeyUnknown as `add` does."""
        ...

    async def usage(self) -> Mapping[str, int]:
        """How many data keys each registered key-encryption key wraps."""
        ...

    async def claim_rotation(self) -> bool:
        """Be the only one to rotate until this transaction ends; False where another one does."""
        ...


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without `commit` undoes everything.

    Raises StoreUnavailable where the database cannot be reached or goes away.
    """

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
    def accounts(self) -> Accounts:
        """Exchange accounts."""
        ...

    @property
    def vault_keys(self) -> VaultKeys:
        """Keys of the vault, wrapped."""
        ...

    @property
    def audit(self) -> AuditRecords:
        """All that an auditor re-adds."""
        ...

    @property
    def events(self) -> EventLog:
        """The event log."""
        ...

    @property
    def inbox(self) -> Inbox:
        """Which events have been taken in."""
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


@dataclass(frozen=True, slots=True)
class PricePoint:
    """What a symbol traded at, in quote currency, and when."""

    symbol: str
    price: Decimal
    at: datetime


class LatestPrices(Protocol):
    """The latest price of each symbol on each exchange, shared by all processes."""

    async def put(self, exchange: Exchange, prices: Sequence[PricePoint]) -> None:
        """Take prices; one that is older than what is known is ignored."""
        ...

    async def get(self, exchange: Exchange, symbols: Sequence[str]) -> Mapping[str, PricePoint]:
        """The latest prices by symbol, each as old as it says; unknown symbols are left out."""
        ...


LastMarks = Callable[[Exchange, Sequence[str]], Awaitable[Mapping[str, PricePoint]]]
"""The prices that positions were last marked with, by symbol."""


class BreakerCache(Protocol):
    """Circuit breakers as last committed, so that asking costs no query. PostgreSQL decides."""

    async def read(self, user_id: UUID) -> CircuitBreakerState | None:
        """The breaker, or None where PostgreSQL has to be asked."""
        ...

    async def doubt(self, user_id: UUID, version: int) -> None:
        """From now on know nothing older than this version of the fund, about to be committed."""
        ...

    async def write(self, version: int, state: CircuitBreakerState) -> None:
        """Know the breaker of a committed version of its fund; an older one is ignored."""
        ...


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` at once, and as many again over each `period`, evenly."""

    name: str
    count: int
    period: timedelta

    def __post_init__(self) -> None:
        assert 1 <= self.count <= self.period // timedelta(microseconds=1), self


@dataclass(frozen=True, slots=True)
class Granted:
    """Go on."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Too many: the same request can be granted after `retry_after`, and not before."""

    retry_after: timedelta


class RateLimits(Protocol):
    """What users may do how often, counted over all processes."""

    async def take(self, user_id: UUID, limit: RateLimit, cost: int = 1) -> Granted | Denied:
        """Use up `cost` of the user's limit, all or nothing; `cost` is 1 to `limit.count`."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock that is held for a while. Whoever got it later has the greater `token`.

    A holder that was asleep may believe in a lease that has ended: hand the token to whatever is
    written under the lock, and refuse there what comes with a smaller token than was seen.
    """

    name: str
    token: int


class Locks(Protocol):
    """Locks that processes share. A lease ends by itself, so a dead holder blocks for no longer."""

    async def acquire(self, name: str, duration: timedelta) -> Lease | None:
        """The lock, or None while somebody else holds it."""
        ...

    async def renew(self, lease: Lease, duration: timedelta) -> bool:
        """Hold on for `duration` from now; False where the lease has ended."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lock back; a lease that has ended stays as it is."""
        ...


@dataclass(frozen=True, slots=True)
class SharedState:
    """What processes tell each other in passing; nothing in it is the only copy."""

    prices: LatestPrices
    breakers: BreakerCache
    rate_limits: RateLimits
    locks: Locks
