"""The command `hedgerow sweep`."""

from __future__ import annotations

from pathlib import Path
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
        data: Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="Candles of your own; by default the bundled ones."),
        ] = None,
        stored: Annotated[
            bool, typer.Option("--stored", help="Take candles that were imported instead.")
        ] = False,
        symbols: Annotated[
            str | None, typer.Option(metavar="LIST", help="Trade these only: BTC/USDT,ETH/USDT")
        ] = None,
        timeframe: Annotated[
            str | None,
            typer.Option(metavar="SPAN", help="1m, 5m, 15m, 1h, 4h or 1d; by default as the data"),
        ] = None,
        risk: Annotated[
            str, typer.Option(metavar="HOW", help="conservative, moderate or aggressive")
        ] = "moderate",
        capital: Annotated[
            str, typer.Option(metavar="AMOUNT", help="What each fund starts with.")
        ] = "10000",
        market: Annotated[str, typer.Option(metavar="TYPE", help="spot or futures")] = "spot",
        leverage: Annotated[int, typer.Option(metavar="N", help="Of futures positions.")] = 1,
        exchange: Annotated[
            str, typer.Option(metavar="NAME", help="Whose fees, and whose stored candles.")
        ] = "binance",
        fee_tier: Annotated[
            str, typer.Option(metavar="TIER", help="regular, vip1, vip2, or MAKER/TAKER as shares")
        ] = "regular",
        slippage: Annotated[
            str, typer.Option(metavar="MODEL", help="fixed:R, drawn:R or volume:R")
        ] = "drawn:0.0005",
        latency_ms: Annotated[
            int, typer.Option(metavar="MS", help="How long an order is on its way.")
        ] = 0,
        funding: Annotated[
            str | None,
            typer.Option(metavar="RATE", help="Every 8 hours: a share, or a CSV file of rates"),
        ] = None,
        seed: Annotated[
            int, typer.Option(min=0, help="Draws the slippage, and what is tried.")
        ] = 7,
        allow_gaps: Annotated[
            bool, typer.Option("--allow-gaps", help="Accept candles with gaps.")
        ] = False,
        json_file: Annotated[
            Path | None,
            typer.Option("--json", metavar="FILE", help="Also write the result here as JSON."),
        ] = None,
        page: Annotated[
            Path | None,
            typer.Option("--page", metavar="FILE", help="Also write a page with heat maps here."),
        ] = None,
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
