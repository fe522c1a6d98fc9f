"""The command `hedgerow backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import MarketType
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import EXIT_INTERRUPTED, finish
from hedgerow.entrypoints.option_values import (
    capital_of,
    exchange_of,
    symbols_of,
    timeframe_of,
    word_of,
)
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.backtest.request import DeskRequest


def add_backtest(app: typer.Typer, backstage: Backstage) -> None:
    """Add the command."""

    @app.command()
    def backtest(
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
        analyst: Annotated[
            str,
            typer.Option(metavar="WHO", help="house, recorded (the latest demo), or FILE.py:Class"),
        ] = "house",
        param: Annotated[
            list[str] | None,
            typer.Option(metavar="NAME=VALUE", help="A parameter of the analyst; may be repeated."),
        ] = None,
        risk: Annotated[
            str, typer.Option(metavar="HOW", help="conservative, moderate or aggressive")
        ] = "moderate",
        capital: Annotated[
            str, typer.Option(metavar="AMOUNT", help="What the fund starts with.")
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
        seed: Annotated[int, typer.Option(min=0, help="Draws the slippage.")] = 7,
        path: Annotated[
            str | None,
            typer.Option(
                metavar="HOW",
                help="event-driven or fast; by default fast where the analyst has signals",
            ),
        ] = None,
        no_memory: Annotated[
            bool, typer.Option("--no-memory", help="Let the house neither learn nor remember.")
        ] = False,
        allow_gaps: Annotated[
            bool, typer.Option("--allow-gaps", help="Accept candles with gaps.")
        ] = False,
        json_file: Annotated[
            Path | None,
            typer.Option("--json", metavar="FILE", help="Also write the result here as JSON."),
        ] = None,
        page: Annotated[
            Path | None,
            typer.Option("--page", metavar="FILE", help="Also write the report here as HTML."),
        ] = None,
    ) -> None:
        """Let an analyst trade past candles in memory, and report on it."""
        from hedgerow.entrypoints.backtest import BacktestRequest, run_it

        desk = DeskRequest(
            analyst=analyst,
            params=_params(param or []),
            exchange=exchange_of(exchange),
            market_type=word_of("--market", MarketType, market),
            leverage=leverage,
            fee_tier=fee_tier,
            slippage=slippage,
            latency_ms=latency_ms,
            funding=funding,
            seed=seed,
        )
        request = BacktestRequest(
            desk=desk,
            data=data,
            stored=stored,
            symbols=symbols_of(symbols),
            timeframe=timeframe_of(timeframe),
            risk_tolerance=word_of("--risk", RiskTolerance, risk),
            capital=capital_of(capital),
            memory=not no_memory,
            allow_gaps=allow_gaps,
            path=None if path is None else word_of("--path", BacktestPath, path),
            json_file=json_file,
            page=page,
        )
        if not finish(run_it(backstage, request)):
            raise typer.Exit(EXIT_INTERRUPTED)


def _params(texts: list[str]) -> dict[str, object]:
    given: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputRefused(f"{text!r} is no parameter", "--param", "write it as fast=12")
        given[name] = value
    return given
