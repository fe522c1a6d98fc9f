"""The command `hedgerow backtest`."""

from __future__ import annotations

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
from hedgerow.entrypoints.options import (
    AllowGapsOption,
    CapitalOption,
    DataOption,
    ExchangeOption,
    ExportOption,
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
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.backtest.request import RECORDED, DeskRequest

_OF_ANY_RUN: Final = ("analyst", "json_file", "page", "export")


def add_backtest(app: typer.Typer, backstage: Backstage) -> None:
    """Add the command."""

    @app.command()
    def backtest(
        context: typer.Context,
        data: DataOption = None,
        stored: StoredOption = False,
        symbols: SymbolsOption = None,
        timeframe: TimeframeOption = None,
        analyst: Annotated[
            str,
            typer.Option(metavar="WHO", help="house, recorded (the latest demo), or FILE.py:Class"),
        ] = "house",
        param: Annotated[
            list[str] | None,
            typer.Option(metavar="NAME=VALUE", help="A parameter of the analyst; may be repeated."),
        ] = None,
        risk: RiskOption = "moderate",
        capital: CapitalOption = "10000",
        market: MarketOption = "spot",
        leverage: LeverageOption = 1,
        exchange: ExchangeOption = "binance",
        fee_tier: FeeTierOption = "regular",
        slippage: SlippageOption = "drawn:0.0005",
        latency_ms: LatencyOption = 0,
        funding: FundingOption = None,
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
        allow_gaps: AllowGapsOption = False,
        json_file: JsonFileOption = None,
        page: PageOption = None,
        export: ExportOption = None,
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
            path=None if path is None else word_of("--path", BacktestPath, path),
            json_file=json_file,
            page=page,
            export=export,
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
