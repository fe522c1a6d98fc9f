"""What a backtest is asked to be, and what it needs from the outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.limits import LimitProfile
from hedgerow.domain.market import Candle, Exchange, Instrument, MarketType
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.messages import ProposalAccepted, VenueMessage
from hedgerow.domain.orders import Order
from hedgerow.domain.positions import Position
from hedgerow.domain.regimes import RegimeReading
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.domain.users import UserSettings
from hedgerow.usecases.backtest.lookout import BacktestPath, Lookout
from hedgerow.usecases.backtest.market import RuleAnalyst
from hedgerow.usecases.candle_series import CandleSeries
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.learn_from_trade import OpenSchoolUnit
from hedgerow.usecases.open_fund import POSITION_SHARE_MAX
from hedgerow.usecases.ports.desk import (
    Analyst,
    Curator,
    Embedder,
    RecallQuery,
    RegimeModel,
    Reviewer,
)
from hedgerow.usecases.ports.venue import Timed


@dataclass(frozen=True, slots=True)
class BacktestPlan:
    """What a backtest is asked to be. `capital` is in the quote currency of all symbols.

    `leverage` is what positions use at most; `position_share_max` is the share of the capital that
    one position may take. `profile` and `settings` are the tier and the user's bounds, by default
    those of a paper fund. The same `owner` and the same orders give the same ids. Without a `path`
    it is the fast one where the analyst gives its signals in columns.
    """

    exchange: Exchange
    capital: Decimal
    market_type: MarketType = MarketType.SPOT
    leverage: int = 1
    risk_tolerance: RiskTolerance = RiskTolerance.MODERATE
    position_share_max: Decimal = POSITION_SHARE_MAX
    profile: LimitProfile | None = None
    settings: UserSettings | None = None
    owner: UUID | None = None
    path: BacktestPath | None = None


class BacktestVenue(Protocol):
    """A venue that matches orders against candles and answers at once."""

    def place(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Send a pending order."""
        ...

    def take_back(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Cancel a working order."""
        ...

    def change(
        self, order: Order, amount: Decimal, stop_price: Decimal | None, at: datetime
    ) -> Sequence[VenueMessage]:
        """Change amount and trigger of a working order."""
        ...

    def play(self, candles: Sequence[Candle]) -> Iterator[Timed]:
        """Live through one span, as ReplayVenue."""
        ...

    def cover(self, positions: Iterable[Position]) -> None:
        """Take note of what stands behind open futures positions."""
        ...

    @property
    def ordered(self) -> set[str]:
        """The symbols that have working orders."""
        ...

    @property
    def next_funding_at(self) -> datetime | None:
        """When positions that are held next pay or receive funding; None where they never do."""
        ...

    def resting_span(self, symbol: str) -> tuple[Decimal | None, Decimal | None] | None:
        """Prices (quote) strictly between which a candle of `symbol` makes nothing happen.

        None for an end that is open; None alone where an order acts at once.
        """
        ...

    def know_last(self, symbol: str, price: Decimal) -> None:
        """Take the last price of a symbol whose candles were not played."""
        ...

    def pass_over(self, symbol: str, close: Decimal) -> None:
        """Let a candle go by in which nothing could happen."""
        ...


class Notebook(Protocol):
    """What a backtest has learned so far, in memory."""

    @property
    def open_unit_of_work(self) -> OpenSchoolUnit:
        """What the school of trades reads and writes."""
        ...

    @property
    def journal(self) -> Sequence[JournalEntry]:
        """All entries, oldest first."""
        ...

    @property
    def memories_kept(self) -> int:
        """How many memories there are."""
        ...

    @property
    def accepted(self) -> Mapping[UUID, ProposalAccepted]:
        """The proposals that became orders, by the entry order."""
        ...

    def texts(self, ids: Iterable[UUID]) -> Mapping[UUID, str]:
        """What memories say, by their ids."""
        ...

    async def recall(self, query: RecallQuery, embedder: Embedder) -> Sequence[RecalledMemory]:
        """What may be remembered, best first (domain/memory_ranking.py)."""
        ...

    def awaits_verdict(self, closed_until: datetime) -> bool:
        """Whether a trade closed by then has an exit that nobody has judged."""
        ...

    def know_positions(self, positions: Callable[[UUID], Position]) -> None:
        """Say where positions are found."""
        ...

    def note_accepted(self, accepted: ProposalAccepted) -> None:
        """Keep a proposal that became an order."""
        ...

    def note_regime(self, symbol: str, at: datetime, reading: RegimeReading) -> None:
        """Keep a classification."""
        ...


@dataclass(frozen=True, slots=True)
class School:
    """How a backtest learns: a notebook of its own, a reviewer, a curator and an embedder."""

    make_notebook: Callable[[], Notebook]
    reviewer: Reviewer
    curator: Curator
    embedder: Embedder


@dataclass(frozen=True, slots=True)
class ByBriefing:
    """An analyst that is briefed, with a regime model; `school` is None without memory."""

    analyst: Analyst
    regime_model: RegimeModel
    school: School | None


LookOut = Callable[[CandleSeries, Callable[[], RuleAnalyst]], Lookout]


@dataclass(frozen=True, slots=True)
class ByRules:
    """Analysts by rules, made one for each symbol; they recall nothing.

    They say nothing of regimes either: by `regime_model` a report tells in which one a trade was
    entered. Without it a proposal's own word stands, as in a recorded run.
    `look_out` is there for those that give their signals in columns (SignalAnalyst): it makes the
    lookout of one analyst on its series, with `make` beside it.
    """

    make: Callable[[], RuleAnalyst]
    name: str
    regime_model: RegimeModel | None = None
    look_out: LookOut | None = None


@dataclass(frozen=True, slots=True)
class BacktestDesk:
    """Everything that a backtest needs from the outside; `name` is the analyst's, for people."""

    make_venue: Callable[[Sequence[Instrument]], BacktestVenue]
    charges: VenueCharges
    decides: ByBriefing | ByRules
    name: str
