"""A paper run from beginning to end: open or resume a fund, let it trade candles, sum up."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from hashlib import sha256
from uuid import UUID

from hedgerow.domain.ai_usage import HOUSE, ModelChoice
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.fund import Fund
from hedgerow.domain.ids import derived_id
from hedgerow.domain.market import Candle, Exchange, Instrument, MarketType, Timeframe, split_symbol
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.candle_series import series_by_symbol
from hedgerow.usecases.candle_sets import CandleSet
from hedgerow.usecases.codec import decode, encode
from hedgerow.usecases.gather_report import VenueCharges, gather_report
from hedgerow.usecases.learn_from_trade import TradeSchool
from hedgerow.usecases.open_fund import PaperFundPlan, open_paper_fund
from hedgerow.usecases.ports.clock import Clock
from hedgerow.usecases.ports.desk import Embedder, RegimeModel, Staff
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.market import CandleStore
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from hedgerow.usecases.ports.venue import ReplayVenue
from hedgerow.usecases.promote_lessons import promote_lessons
from hedgerow.usecases.recall_memories import MemoryDesk
from hedgerow.usecases.regime_sources import claim_regimes
from hedgerow.usecases.replay_fund import Replay, ReplayDesk, ReplayProgress
from hedgerow.usecases.report_facts import RunFacts


@dataclass(frozen=True, slots=True)
class RunPlan:
    """What a run is asked to be. `capital` is in the quote currency of all symbols; `model` is what
    the fund's agents ask.
    """

    exchange: Exchange
    symbols: tuple[str, ...]
    timeframe: Timeframe
    capital: Decimal
    seed: int
    risk_tolerance: RiskTolerance
    candles_fingerprint: str
    starts_at: datetime
    ends_at: datetime
    model: ModelChoice = HOUSE

    @property
    def fingerprint(self) -> str:
        """The same for two runs that must come out the same."""
        return sha256(repr(encode(self)).encode()).hexdigest()


MakeStaff = Callable[[Exchange, Sequence[str], datetime], Staff]
"""Those who decide on symbols of an exchange, whose market records are settled until a moment."""


@dataclass(frozen=True, slots=True)
class PaperDesk:
    """Everything that a paper run needs from the outside.

    `make_room` prepares the store for the rows of all months between two times; `make_staff` gives
    those who decide on symbols of an exchange.
    """

    open_unit_of_work: OpenUnitOfWork
    make_room: Callable[[datetime, datetime], Awaitable[None]]
    candle_store: CandleStore
    make_venue: Callable[[Sequence[Instrument], int], ReplayVenue]
    charges: VenueCharges
    regime_model: RegimeModel
    make_staff: MakeStaff
    embedder: Embedder
    clock: Clock


def plan_run(
    candles: CandleSet,
    exchange: Exchange,
    capital: Decimal,
    seed: int,
    risk: RiskTolerance,
    model: ModelChoice = HOUSE,
) -> RunPlan:
    """A plan for all of `candles`; raises InputRefused where they cannot be one fund's."""
    quotes = {split_symbol(symbol)[1] for symbol in candles.symbols}
    if len(quotes) > 1:
        raise InputRefused(
            what=f"the symbols are priced in several currencies ({', '.join(sorted(quotes))})",
            where="--symbols",
            fix="name symbols with one quote currency, such as BTC/USDT,ETH/USDT",
        )
    return RunPlan(
        exchange=exchange,
        symbols=candles.symbols,
        timeframe=candles.timeframe,
        capital=capital,
        seed=seed,
        risk_tolerance=risk,
        candles_fingerprint=candles.fingerprint,
        starts_at=candles.candles[0].open_time,
        ends_at=candles.candles[-1].close_time,
        model=model,
    )


async def run_paper(
    desk: PaperDesk,
    plan: RunPlan,
    candles: CandleSet,
    show: Callable[[ReplayProgress], None],
    is_stopped: Callable[[], bool],
) -> PaperRun:
    """Run `plan`, or go on with the run of the same plan that was interrupted.

    Returns the run; its `finished_at` is None where `is_stopped` ended it early.
    """
    # Before saving, which would overwrite what an earlier run has traded.
    if not set(await read_candles_of(desk, plan)) <= set(candles.candles):
        raise InputRefused(
            what="other candles of these symbols are stored already for this time",
            where=f"{plan.exchange} {plan.timeframe} {', '.join(plan.symbols)}",
            fix="add --fresh to start with an empty store, or set HEDGEROW_DATA_DIR elsewhere",
        )
    async with desk.open_unit_of_work(SYSTEM) as unit:
        # only asked, before anything is stored
        await claim_regimes(unit, plan.exchange, plan.symbols)
    await desk.make_room(plan.starts_at, plan.ends_at)
    await desk.candle_store.save(plan.exchange, candles.candles)
    stored = await read_candles_of(desk, plan)
    series = series_by_symbol(stored)
    instruments = [series[symbol].instrument(MarketType.SPOT) for symbol in plan.symbols]
    venue = desk.make_venue(instruments, plan.seed)
    fund, run = await _resume(desk, plan, venue) or await _begin(desk, plan, instruments, venue)
    staff = desk.make_staff(plan.exchange, plan.symbols, plan.ends_at)
    school = TradeSchool(
        desk.open_unit_of_work,
        staff.reviewer,
        staff.curator,
        desk.embedder,
        desk.regime_model.versions,
        partial(promote_lessons, MemoryDesk(desk.open_unit_of_work, desk.embedder)),
    )
    replay_desk = ReplayDesk(
        open_unit_of_work=desk.open_unit_of_work,
        venue=venue,
        analyst=staff.analyst,
        regime_model=desk.regime_model,
        school=school,
        embedder=desk.embedder,
        clock=desk.clock,
    )
    await Replay(fund, run, plan.timeframe, replay_desk).go(stored, show, is_stopped)
    return run


async def report_facts(desk: PaperDesk, run: PaperRun) -> RunFacts:
    """The record of a run."""
    plan = decode(RunPlan, run.plan)
    candles = await read_candles_of(desk, plan)
    async with desk.open_unit_of_work(run.user_id) as unit:
        return await gather_report(unit, run, plan.timeframe, candles, desk.charges)


async def read_candles_of(desk: PaperDesk, plan: RunPlan) -> list[Candle]:
    """The candles of a plan, from the store."""
    return await desk.candle_store.read(
        plan.exchange, plan.symbols, plan.timeframe, plan.starts_at, plan.ends_at
    )


async def _resume(
    desk: PaperDesk, plan: RunPlan, venue: ReplayVenue
) -> tuple[Fund, PaperRun] | None:
    async with desk.open_unit_of_work(SYSTEM) as unit:
        run = await unit.runs.unfinished(plan.fingerprint)
        if run is None:
            return None
        venue.restore(run.venue)
        return await unit.funds.load(run.user_id), run


async def _begin(
    desk: PaperDesk, plan: RunPlan, instruments: Sequence[Instrument], venue: ReplayVenue
) -> tuple[Fund, PaperRun]:
    at = plan.starts_at
    async with desk.open_unit_of_work(SYSTEM) as unit:
        number = await unit.runs.count(plan.fingerprint)
        fund, step = open_paper_fund(_fund_plan(plan, instruments, number), at)
        (strategy_id,) = fund.strategies
        run = PaperRun(
            id=derived_id(at, fund.user.id, "run"),
            user_id=fund.user.id,
            strategy_id=strategy_id,
            fingerprint=plan.fingerprint,
            plan=encode(plan),
            started_at=at,
            venue=venue.snapshot(),
        )
        await claim_regimes(unit, plan.exchange, plan.symbols)
        await unit.funds.add(fund)
        await unit.funds.save(fund, [TimedStep(at, step)])
        await unit.runs.add(run)
        await unit.commit()
    return fund, run


def _fund_plan(plan: RunPlan, instruments: Sequence[Instrument], number: int) -> PaperFundPlan:
    return PaperFundPlan(
        owner=_owner(plan, number),
        exchange=plan.exchange,
        instruments=instruments,
        timeframe=plan.timeframe,
        capital=plan.capital,
        risk_tolerance=plan.risk_tolerance,
        model=plan.model,
    )


def _owner(plan: RunPlan, number: int) -> UUID:
    # The same plan run again is another user's fund: what the first learned is not the second's.
    return derived_id(plan.starts_at, plan.fingerprint, str(number))
