"""The command `hedgerow sweep`."""

from __future__ import annotations

from typing import Annotated

import typer

from hedgerow.domain.day_ranges import Margins
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import MarketType
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import interruptible
from hedgerow.entrypoints.option_values import (
    capital_of,
    exchange_of,
    symbols_of,
    timeframe_of,
    word_of,
)
from hedgerow.entrypoints.options import (
    AllowGapsOption,
    CapitalOption,
    DataOption,
    ExchangeOption,
    FeeTierOption,
    FundingOption,
    JsonFileOption,
    LatencyOption,
    LeverageOption,
    MarketOption,
    PageOption,
    RiskOption,
    SlippageOption,
    StoredOption,
    SymbolsOption,
    TimeframeOption,
)
from hedgerow.usecases.backtest.request import RECORDED, DeskRequest
from hedgerow.usecases.sweep.order import SearchKind
from hedgerow.usecases.sweep.plan import WalkForward


def add_sweep(app: typer.Typer, backstage: Backstage) -> None:
    """Add the command."""

    @app.command()
    def sweep(
        param: Annotated[
            list[str] | None,
            typer.Option(
                metavar="NAME=VALUES",
                help="fast=5:50:5 (steps), stop=0.5:3 (anywhere between), kind=ema,sma (a list); "
                "may be repeated.",
            ),
        ] = None,
        analyst: Annotated[
            str, typer.Option(metavar="WHO", help="house (without memory), or FILE.py:Class")
        ] = "house",
        search: Annotated[str, typer.Option(metavar="HOW", help="grid, random or optuna")] = "grid",
        trials: Annotated[
            int, typer.Option(min=1, metavar="N", help="How many, by random and optuna.")
        ] = 100,
        folds: Annotated[
            int, typer.Option(min=1, metavar="N", help="Steps of the walk forward.")
        ] = 4,
        in_sample: Annotated[
            int,
            typer.Option(min=1, max=99, metavar="PCT", help="Share of the days to choose by."),
        ] = 50,
        anchored: Annotated[
            bool, typer.Option("--anchored", help="Choose by all days before, not by as many.")
        ] = False,
        purge_days: Annotated[
            int, typer.Option(min=0, metavar="DAYS", help="Left out before days judged by.")
        ] = 1,
        embargo_days: Annotated[
            int, typer.Option(min=0, metavar="DAYS", help="Left out after days judged by.")
        ] = 1,
        workers: Annotated[
            int | None, typer.Option(min=1, metavar="N", help="By default one for each core.")
        ] = None,
        ray: Annotated[
            str | None,
            typer.Option(metavar="ADDRESS", help="Run on this Ray cluster: HOST:6379"),
        ] = None,
        data: DataOption = None,
        stored: StoredOption = False,
        symbols: SymbolsOption = None,
        timeframe: TimeframeOption = None,
        risk: RiskOption = "moderate",
        capital: CapitalOption = "10000",
        market: MarketOption = "spot",
        leverage: LeverageOption = 1,
        exchange: ExchangeOption = "binance",
        fee_tier: FeeTierOption = "regular",
        slippage: SlippageOption = "drawn:0.0005",
        latency_ms: LatencyOption = 0,
        funding: FundingOption = None,
        seed: Annotated[
            int, typer.Option(min=0, help="Draws the slippage, and what is tried.")
        ] = 7,
        allow_gaps: AllowGapsOption = False,
        json_file: JsonFileOption = None,
        page: PageOption = None,
    ) -> None:
        """Backtest many parameters, and say how far to believe the best."""
        from hedgerow.entrypoints.backtest import BacktestRequest
        from hedgerow.entrypoints.sweep import SweepRequest, run_it

        _require_sweepable(analyst)
        backtest = BacktestRequest(
            desk=DeskRequest(
                analyst=analyst,
                params={},
                exchange=exchange_of(exchange),
                market_type=word_of("--market", MarketType, market),
                leverage=leverage,
                fee_tier=fee_tier,
                slippage=slippage,
                latency_ms=latency_ms,
                funding=funding,
                seed=seed,
            ),
            data=data,
            stored=stored,
            symbols=symbols_of(symbols),
            timeframe=timeframe_of(timeframe),
            risk_tolerance=word_of("--risk", RiskTolerance, risk),
            capital=capital_of(capital),
            memory=False,
            allow_gaps=allow_gaps,
            path=None,
            json_file=json_file,
            page=page,
            export=None,
        )
        request = SweepRequest(
            backtest=backtest,
            space=param or [],
            search=word_of("--search", SearchKind, search),
            trials=trials,
            walk=WalkForward(folds, in_sample, anchored, Margins(purge_days, embargo_days)),
            workers=workers,
            ray_address=ray,
        )
        with interruptible():
            run_it(backstage, request)


def _require_sweepable(analyst: str) -> None:
    if analyst == RECORDED:
        raise InputRefused(
            "a recorded run has no parameters to vary", "--analyst", "use house or FILE.py:Class"
        )
