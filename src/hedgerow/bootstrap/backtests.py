"""Desks of backtests: who decides, and at which venue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from hedgerow.bootstrap.desks import ChosenRegimes, regime_model
from hedgerow.domain.market import Instrument, Timeframe
from hedgerow.usecases.backtest.desk import BacktestDesk, BacktestVenue, ByBriefing, ByRules, School
from hedgerow.usecases.backtest.recorded import RecordedAnalyst, Recording
from hedgerow.usecases.backtest.request import HOUSE, DeskRequest
from hedgerow.usecases.candle_series import CandleSeries, moment
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.ports.desk import Embedder, RegimeModel

MakeVenue = Callable[[Sequence[Instrument]], BacktestVenue]


def read_series(
    folder: Path | None,
    timeframe: Timeframe | None,
    symbols: Sequence[str] | None,
    *,
    allow_gaps: bool,
) -> dict[str, CandleSeries]:
    """Candles from a folder of files, or the bundled ones; raises InputRefused."""
    from hedgerow.infrastructure.candle_files import (
        bundled_sample,
        exact_series,
        read_candle_columns,
    )

    found = read_candle_columns(
        folder or bundled_sample(), timeframe, symbols, allow_gaps=allow_gaps
    )
    return {columns.symbol: exact_series(columns) for columns in found}


def backtest_desk(
    request: DeskRequest,
    candles: Mapping[str, CandleSeries],
    chosen: ChosenRegimes = (),
    embedder: Embedder | None = None,
) -> BacktestDesk:
    """What a backtest needs; the house reads regimes with the learned models that are `chosen`.

    It remembers where there is an embedder.

    Raises InputRefused for an analyst or terms that cannot be.
    """
    make_venue, charges = venue_of(request, candles)
    timeframe = next((each.timeframe for each in candles.values()), None)
    decides = _who_decides(request, timeframe, chosen, embedder)
    name = decides.name if isinstance(decides, ByRules) else "House rules"
    return BacktestDesk(make_venue, charges, decides, f"Backtest of {name}")


def venue_of(
    request: DeskRequest, candles: Mapping[str, CandleSeries]
) -> tuple[MakeVenue, VenueCharges]:
    """Who makes the venue that candles are traded at, and what it charges.

    Raises InputRefused for terms that cannot be.
    """
    from hedgerow.infrastructure.venues.paper import PaperVenue
    from hedgerow.infrastructure.venues.paper.terms import VenueTerms, funding_of, rules_of

    terms = VenueTerms(
        exchange=request.exchange,
        market_type=request.market_type,
        fee_tier=request.fee_tier,
        slippage=request.slippage,
        latency_ms=request.latency_ms,
        funding=request.funding,
        seed=request.seed,
    )
    rules, funding = rules_of(terms), funding_of(terms)
    if funding is not None:
        for symbol, series in candles.items():
            last_close = moment(series.open_us[-1]) + series.timeframe.duration
            funding.require(
                symbol, moment(series.open_us[0]) + timedelta(microseconds=1), last_close
            )

    def make_venue(instruments: Sequence[Instrument]) -> BacktestVenue:
        return PaperVenue(instruments, rules, funding)

    return make_venue, VenueCharges(rules.taker_fee_ratio, rules.slippage_ratio)


def recorded_desk(recording: Recording) -> BacktestDesk:
    """What a backtest of a paper run's decisions needs: the venue of that run."""
    from hedgerow.infrastructure.venues.paper import PaperVenue, PaperVenueRules

    rules = PaperVenueRules(seed=recording.plan.seed)

    def make_venue(instruments: Sequence[Instrument]) -> BacktestVenue:
        return PaperVenue(instruments, rules)

    analyst = RecordedAnalyst(recording.decisions)
    charges = VenueCharges(rules.taker_fee_ratio, rules.slippage_ratio)
    decides = ByRules(lambda: analyst, "a recorded paper run")
    return BacktestDesk(make_venue, charges, decides, "Backtest of a recorded paper run")


def _who_decides(
    request: DeskRequest,
    timeframe: Timeframe | None,
    chosen: ChosenRegimes,
    embedder: Embedder | None,
) -> ByBriefing | ByRules:
    from hedgerow.infrastructure.agents.own_analyst import analyst_of, load_analyst
    from hedgerow.infrastructure.agents.signal_lookout import SignalLookout

    if request.analyst == HOUSE:
        return _house(request, timeframe, chosen, embedder)
    if isinstance(request.analyst, type):
        own = analyst_of(request.analyst, request.params)
    else:
        own = load_analyst(request.analyst, request.params)
    return ByRules(own.make, own.name, _rules_regimes(), SignalLookout if own.has_signals else None)


def _rules_regimes() -> RegimeModel:
    from hedgerow.infrastructure.agents.indicators import IndicatorDesk
    from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel

    return RulesRegimeModel(IndicatorDesk())


def _house(
    request: DeskRequest,
    timeframe: Timeframe | None,
    chosen: ChosenRegimes,
    embedder: Embedder | None,
) -> ByBriefing:
    from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
    from hedgerow.infrastructure.agents.house_curator import HouseCurator
    from hedgerow.infrastructure.agents.house_reviewer import HouseReviewer
    from hedgerow.infrastructure.agents.house_terms import house_terms
    from hedgerow.infrastructure.agents.indicators import IndicatorDesk
    from hedgerow.infrastructure.memory_store import MemoryNotebook

    terms = house_terms(request.params, request.leverage, timeframe)
    indicators = IndicatorDesk()
    school = School(MemoryNotebook, HouseReviewer(), HouseCurator(), embedder) if embedder else None
    return ByBriefing(HouseAnalyst(indicators, terms), regime_model(chosen, indicators), school)
