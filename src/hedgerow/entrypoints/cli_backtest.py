"""The command `hedgerow backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

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
from hedgerow.usecases.backtest.request import RECORDED, DeskRequest

_OF_ANY_RUN: Final = ("analyst", "json_file", "page")


def add_backtest(app: typer.Typer, backstage: Backstage) -> None:
    """Add the command."""

    @app.command()
    def backtest(
        context: typer.Context,
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

        if analyst == RECORDED:
            _require_nothing_else(context)
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
            json_file=json_file,
            page=page,
        )
        if not finish(run_it(backstage, request)):
            raise typer.Exit(EXIT_INTERRUPTED)


def _require_nothing_else(context: typer.Context) -> None:
    """Raise InputRefused for options that a recorded run has answered already."""
    said = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in _OF_ANY_RUN and _is_given(context, str(parameter.name))
    ]
    if said:
        what = f"a recorded run has its own candles and terms, not those of {', '.join(said)}"
        raise InputRefused(what, "--analyst recorded", "leave those options out")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _params(texts: list[str]) -> dict[str, object]:
    given: dict[str, object] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.isidentifier():
            raise InputRefused(f"{text!r} is no parameter", "--param", "write it as fast=12")
        given[name] = value
    return given
