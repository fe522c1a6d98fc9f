"""A backtest from beginning to end: open a fund in memory, let it trade candles, hand it over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.fund import Fund
from hedgerow.domain.ids import derived_id
from hedgerow.domain.limits import LimitProfile
from hedgerow.domain.market import Instrument, split_symbol
from hedgerow.domain.positions import LEVERAGE_MAX
from hedgerow.usecases.backtest.desk import BacktestDesk, BacktestPlan, ByRules
from hedgerow.usecases.backtest.engine import Engine
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.backtest.result import BacktestResult
from hedgerow.usecases.backtest.voices import BriefedVoice, RuleVoice, Seat
from hedgerow.usecases.candle_series import CandleSeries, moment
from hedgerow.usecases.open_fund import PaperFundPlan, open_paper_fund, paper_profile


async def run_backtest(
    desk: BacktestDesk,
    plan: BacktestPlan,
    candles: Mapping[str, CandleSeries],
    show: Callable[[int], None] = lambda _: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> BacktestResult:
    """Trade `candles` (by symbol, all in one timeframe) by `plan`.

    `show` is told now and then how many candles are over; where `is_stopped` answers yes, the
    result is what there is by then. Raises InputRefused for a tier without backtests, for candles
    or a leverage that cannot be one fund's, and for a path that the analyst cannot take.
    """
    require_runnable(plan, candles)
    path = path_of(plan, desk)
    series = [candles[symbol] for symbol in sorted(candles)]
    instruments = [each.instrument(plan.market_type) for each in series]
    fund = _open_fund(plan, series, instruments)
    pairs = {pair.symbol: pair for pair in fund.pairs.values()}
    seats = [Seat(pairs[each.symbol], each) for each in series]
    voice: RuleVoice | BriefedVoice
    if isinstance(desk.decides, ByRules):
        voice = RuleVoice(fund, seats, desk.decides, plan.leverage)
    else:
        voice = BriefedVoice(fund, seats, desk.decides)
    engine = Engine(fund, desk.make_venue(instruments), seats, voice, path)
    is_finished = await engine.go(show, is_stopped)
    return BacktestResult(
        name=desk.name,
        fund=fund,
        candles={seat.pair.symbol: seat.series.first(seat.closed) for seat in seats},
        equity=engine.equity,
        journal=voice.journal.journal,
        charges=desk.charges,
        decisions=engine.decisions,
        accepted=voice.journal.accepted,
        memories=voice.journal.memories_kept,
        memory_texts=voice.journal.memory_texts(),
        regime_model=desk.decides.regime_model if isinstance(desk.decides, ByRules) else None,
        steps=engine.steps,
        refusals=dict(engine.refusals.most_common()),
        is_finished=is_finished,
        path=path,
    )


def _open_fund(
    plan: BacktestPlan, series: Sequence[CandleSeries], instruments: Sequence[Instrument]
) -> Fund:
    at = moment(min(each.open_us[0] for each in series))
    fund, _ = open_paper_fund(
        PaperFundPlan(
            owner=plan.owner or _OWNER,
            exchange=plan.exchange,
            instruments=instruments,
            timeframe=series[0].timeframe,
            capital=plan.capital,
            risk_tolerance=plan.risk_tolerance,
            market_type=plan.market_type,
            leverage_max=plan.leverage,
            position_share_max=plan.position_share_max,
            profile=plan.profile or paper_profile(plan.leverage),
            settings=plan.settings,
        ),
        at,
    )
    return fund


def require_runnable(plan: BacktestPlan, candles: Mapping[str, CandleSeries]) -> None:
    """Raise InputRefused for what no backtest can be, whoever decides; as `run_backtest`."""
    _require_one_fund(plan, candles)
    require_allowed(plan.profile or paper_profile(plan.leverage))


def require_allowed(profile: LimitProfile) -> None:
    """Raise InputRefused where a tier allows no backtests."""
    if not profile.limits.backtesting_allowed:
        raise InputRefused(
            what=f"the tier {profile.name!s} does not allow backtests",
            where="backtesting_allowed",
            fix="run it for a user whose tier has backtesting_allowed set",
        )


def path_of(plan: BacktestPlan, desk: BacktestDesk) -> BacktestPath:
    """The path that was asked for, or the fastest that there is; raises InputRefused."""
    has_columns = isinstance(desk.decides, ByRules) and desk.decides.look_out is not None
    if plan.path is BacktestPath.FAST and not has_columns:
        raise InputRefused(
            what="the analyst does not give its signals in columns, so nothing can be skipped",
            where="--path fast",
            fix="leave --path out, or add a method signals(self, columns) to the analyst",
        )
    return plan.path or (BacktestPath.FAST if has_columns else BacktestPath.EVENT_DRIVEN)


def _require_one_fund(plan: BacktestPlan, candles: Mapping[str, CandleSeries]) -> None:
    if not candles or not all(map(len, candles.values())):
        raise InputRefused("there are no candles", "--symbols", "name symbols that have candles")
    quotes = sorted({split_symbol(symbol)[1] for symbol in candles})
    if len(quotes) > 1:
        raise InputRefused(
            what=f"the symbols are priced in several currencies ({', '.join(quotes)})",
            where="--symbols",
            fix="name symbols with one quote currency, such as BTC/USDT,ETH/USDT",
        )
    timeframes = sorted({each.timeframe for each in candles.values()})
    if len(timeframes) > 1:
        raise InputRefused(
            what=f"the candles are of several timeframes ({', '.join(timeframes)})",
            where="--timeframe",
            fix="name the one to trade: longer candles are made of it",
        )
    highest = LEVERAGE_MAX if plan.market_type == "futures" else 1
    if not 1 <= plan.leverage <= highest:
        allowed = f"1 to {LEVERAGE_MAX} on futures, 1 on spot"
        raise InputRefused(
            f"a leverage of {plan.leverage} cannot be", "--leverage", f"use {allowed}"
        )


_OWNER: UUID = derived_id(moment(0), "backtest")
