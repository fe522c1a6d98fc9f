"""A fund that trades a handful of candles by a script, on the paper venue, in any store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import count
from typing import Any, cast
from uuid import UUID

from builders import digits, proposal, stop_proposal
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.market import Candle, Exchange, Instrument, Timeframe
from hedgerow.domain.memory import Memory, Stance
from hedgerow.domain.proposals import Abstention, Decision, ExitProposal
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.system_clock import SystemClock
from hedgerow.infrastructure.venues.paper import PaperVenue
from hedgerow.usecases.candle_sets import CandleSet
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.paper_run import PaperDesk, RunPlan, plan_run, run_paper
from hedgerow.usecases.ports.desk import (
    Briefing,
    Curator,
    Lesson,
    Recall,
    RecallQuery,
    Staff,
    TradeReview,
)
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork, UnitOfWork
from hedgerow.usecases.ports.venue import ReplayVenue
from hedgerow.usecases.replay_fund import ReplayProgress

START = datetime(2024, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
WARM_UP = 3
Act = Callable[[Briefing], Decision]
CLOSES = (100, 101, 102, 103, 104, 103, 95, 96, 97, 98, 99, 100, 104, 108, 112, 113)
"""Bought after the third close, stopped in the seventh candle; bought again, sold at the target."""


def hourly(symbol: str, closes: Sequence[int], start: datetime = START) -> list[Candle]:
    """A candle per close, from the close before, one above and one below it at its extremes."""
    opens = [closes[0], *closes[:-1]]
    return [
        Candle(
            symbol=symbol,
            timeframe=Timeframe.H1,
            open_time=start + number * HOUR,
            open=Decimal(first),
            high=Decimal(max(first, last)) + Decimal("0.5"),
            low=Decimal(min(first, last)) - Decimal("0.5"),
            close=Decimal(last),
            volume=Decimal("5000.001") + number,
        )
        for number, (first, last) in enumerate(zip(opens, closes, strict=True))
    ]


def candle_set(*series: Sequence[Candle]) -> CandleSet:
    """The candles of several symbols as a run takes them."""
    candles = sorted((c for each in series for c in each), key=lambda c: (c.open_time, c.symbol))
    return CandleSet(
        timeframe=Timeframe.H1,
        symbols=tuple(sorted({candle.symbol for candle in candles})),
        candles=tuple(candles),
        gaps=(),
        fingerprint=sha256(repr(candles).encode()).hexdigest(),
    )


class ShelfOfCandles:
    """A CandleStore in memory; it makes no longer candles of those it has."""

    def __init__(self) -> None:
        self._candles: dict[tuple[Exchange, str, Timeframe, datetime], Candle] = {}

    async def save(self, exchange: Exchange, candles: Sequence[Candle]) -> None:
        for each in candles:
            self._candles[exchange, each.symbol, each.timeframe, each.open_time] = each

    async def read(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        found = [
            candle
            for (place, symbol, span, opened_at), candle in self._candles.items()
            if (place, span) == (exchange, timeframe)
            and symbol in symbols
            and start <= opened_at < end
        ]
        return sorted(found, key=lambda candle: (candle.open_time, candle.symbol))

    async def read_rolled_up(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        return []


class ScriptedAnalyst:
    """Does at the close of the n-th candle of a symbol what the script says, else nothing."""

    candles_needed = 4

    def __init__(self, script: Mapping[tuple[str, int], Act]) -> None:
        self.script = script
        self.briefings: list[Briefing] = []
        self.remembered: dict[tuple[str, datetime], list[Memory]] = {}

    async def decide(self, briefing: Briefing, recall: Recall) -> Decision:
        self.briefings.append(briefing)
        found = await recall(RecallQuery(briefing.at, text="abc", limit=50))
        self.remembered[briefing.symbol, briefing.at] = [each.memory for each in found]
        number = round((briefing.at - START) / HOUR)
        act = self.script.get((briefing.symbol, number))
        return act(briefing) if act else Abstention(briefing.symbol, "the script is silent", "me")


class ConstantRegime:
    """Sees a range everywhere, and remembers what it was shown."""

    candles_needed = WARM_UP
    candles_least = WARM_UP
    versions = ("constant",)

    def __init__(self) -> None:
        self.shown: list[tuple[Candle, ...]] = []

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        self.shown.append(tuple(candles))
        return RegimeReading(Regime.RANGE, 0.5, {"price": float(candles[-1].close)}, "constant")


class LetterEmbedder:
    """Counts the first letters of the alphabet."""

    model = "letters"
    dimensions = 4

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return [[1.0 + text.count(letter) for letter in "abcd"] for text in texts]


class BriefReviewer:
    """Says how the exit of a trade was."""

    async def review(self, entry: JournalEntry, regime_at_exit: Regime) -> TradeReview:
        verdict = f"exit {entry.was_correct_exit} in {regime_at_exit}"
        return TradeReview("early", "late", "none", "few", verdict, f"tips on {entry.symbol}")


class BriefCurator:
    """Says whether a trade won."""

    agent_id = "brief_curator"

    async def curate(self, entry: JournalEntry, review: TradeReview) -> Sequence[Lesson]:
        stance = Stance.SUPPORTS if entry.won else Stance.CAUTIONS
        return [Lesson(f"a {entry.setup_type} that {stance}", stance, 0.625, ("brief",))]


def buy(size: str = "0.2", **details: Any) -> Act:
    """Buy at the market, five below and ten above the close at stake."""

    def act(briefing: Briefing) -> Decision:
        close = briefing.candles[-1].close
        return proposal(
            briefing.symbol,
            entry_price=close,
            stop_loss_price=close - 5,
            take_profit_price=close + 10,
            size_ratio=Decimal(size),
            **details,
        )

    return act


def sell(briefing: Briefing) -> Decision:
    """Leave whatever is held."""
    assert briefing.position is not None
    return ExitProposal(briefing.symbol, briefing.position.id, "the idea is spent", "me")


def tighten(distance: str) -> Act:
    """Move the stop of whatever is held to so far below the close."""

    def act(briefing: Briefing) -> Decision:
        assert briefing.position is not None
        return stop_proposal(briefing.position, str(briefing.candles[-1].close - Decimal(distance)))

    return act


TWO_TRADES: Mapping[tuple[str, int], Act] = {("BTC/USDT", 3): buy(), ("BTC/USDT", 9): buy()}


@dataclass(slots=True)
class SmallWorld:
    """Everything around a run, to be looked at afterwards."""

    open_unit: OpenUnitOfWork
    script: Mapping[tuple[str, int], Act] = field(default_factory=lambda: TWO_TRADES)
    shelf: ShelfOfCandles = field(default_factory=ShelfOfCandles)
    regimes: ConstantRegime = field(default_factory=ConstantRegime)
    progress: list[ReplayProgress] = field(default_factory=list)
    make_venue: Callable[[Sequence[Instrument], int], ReplayVenue] = field(
        default=lambda instruments, _: PaperVenue(instruments)
    )
    curator: Curator = field(default_factory=BriefCurator)
    analyst: ScriptedAnalyst = field(init=False)

    def __post_init__(self) -> None:
        self.analyst = ScriptedAnalyst(self.script)

    @property
    def desk(self) -> PaperDesk:
        """What the run needs from the outside."""
        return PaperDesk(
            open_unit_of_work=self.open_unit,
            make_room=_make_room,
            candle_store=self.shelf,
            make_venue=self.make_venue,
            charges=VenueCharges(Decimal("0.001"), Decimal("0.0005")),
            regime_model=self.regimes,
            make_staff=lambda *_: Staff(self.analyst, BriefReviewer(), self.curator),
            embedder=LetterEmbedder(),
            clock=SystemClock(),
        )

    async def run(
        self,
        candles: CandleSet,
        is_stopped: Callable[[], bool] = lambda: False,
        **changes: int,
    ) -> PaperRun:
        """Run, or go on with what was interrupted."""
        return await run_paper(
            self.desk, plan_of(candles, **changes), candles, self.progress.append, is_stopped
        )


def plan_of(candles: CandleSet, capital: int = 10_000, seed: int = 7) -> RunPlan:
    """The plan of a run over `candles`."""
    return plan_run(candles, Exchange.BINANCE, Decimal(capital), seed, RiskTolerance.MODERATE)


async def _make_room(start: datetime, until: datetime) -> None:
    """The rows of a few candles need no partitions of their own."""


class Crashed(Exception):
    """The process is gone: power, memory, or somebody's hand."""


def crashing(
    open_unit: OpenUnitOfWork, at_commit: int, *, is_durable: bool = True
) -> OpenUnitOfWork:
    """Units of work that crash at the n-th commit, once it is durable or just before."""
    numbers = count(1)

    class Unit:
        def __init__(self, actor: Actor) -> None:
            self._unit = open_unit(actor)

        async def __aenter__(self) -> Unit:
            await self._unit.__aenter__()
            return self

        async def __aexit__(self, *exc: object) -> None:
            await self._unit.__aexit__(*exc)

        def __getattr__(self, name: str) -> object:
            return getattr(self._unit, name)

        async def commit(self) -> None:
            is_now = next(numbers) == at_commit
            if is_now and not is_durable:
                raise Crashed
            await self._unit.commit()
            if is_now:
                raise Crashed

    return lambda actor: cast(UnitOfWork, Unit(actor))


async def outcome(open_unit: OpenUnitOfWork, user_id: UUID) -> dict[str, object]:
    """All that a fund has left in the store, digit by digit, but how often it was saved."""
    async with open_unit(SYSTEM) as unit:
        fund = await unit.funds.load(user_id)
        (strategy_id,) = fund.strategies
        positions = await unit.trades.positions(strategy_id)
        memories = {each.id: await unit.memories.of_trade(each.id) for each in positions}
        shown = digits(fund)
        del shown["version"]
        return {
            "fund": shown,
            "events": [event.hash async for event in unit.audit.events(user_id)],
            "orders": digits(await unit.audit.orders(user_id)),
            "positions": digits(positions),
            "journal": digits(await unit.trades.journal(strategy_id)),
            "memories": digits(memories),
            "counts": dict(await unit.trades.counts(user_id)),
            "undone": await unit.funds.pending_wishes(user_id),
        }
