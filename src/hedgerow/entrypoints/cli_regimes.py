"""The commands below `hedgerow regimes`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import finish
from hedgerow.entrypoints.option_values import exchange_of, symbols_of, time_of, timeframe_of
from hedgerow.entrypoints.options import JsonOption, OriginOption

_Symbols = Annotated[
    str, typer.Option("--symbols", metavar="LIST", help="Which ones: BTC/USDT,ETH/USDT")
]


def regimes_commands(backstage: Backstage) -> typer.Typer:
    """All of them, working with `backstage`."""
    regimes = typer.Typer(help="Tell what markets are doing.", no_args_is_help=True)
    _add_classify(regimes, backstage)
    _add_show(regimes, backstage)
    _add_train(regimes, backstage)
    _add_models(regimes, backstage)
    return regimes


def _add_classify(regimes: typer.Typer, backstage: Backstage) -> None:
    @regimes.command()
    def classify(
        symbols: _Symbols,
        since: Annotated[
            str | None,
            typer.Option(
                metavar="TIME", help="From when on; by default, after the latest of each market."
            ),
        ] = None,
        until: Annotated[
            str | None, typer.Option(metavar="TIME", help="Until when; by default, now.")
        ] = None,
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help="Go on after every quarter of an hour.")
        ] = False,
        exchange: OriginOption = "binance",
        as_json: JsonOption = False,
    ) -> None:
        """Classify stored candles for every quarter of an hour."""
        from hedgerow.entrypoints.regimes import ClassifyRequest, classify_and_show
        from hedgerow.entrypoints.regimes_follow import classify_and_follow

        request = ClassifyRequest(
            exchange=exchange_of(exchange),
            symbols=symbols_of(symbols),
            since=time_of("--since", since),
            until=time_of("--until", until) or datetime.now(UTC),
        )
        if request.since is not None and request.since > request.until:
            raise InputRefused("is later than --until", "--since", "give an earlier time")
        if follow and until is not None:
            raise InputRefused("following has no end", "--until", "leave it or --follow out")
        go = classify_and_follow if follow else classify_and_show
        finish(go(backstage, request, as_json=as_json))


def _add_show(regimes: typer.Typer, backstage: Backstage) -> None:
    @regimes.command()
    def show(
        at: Annotated[
            str | None, typer.Option(metavar="TIME", help="As known then; by default, now.")
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show the latest regime of every market, by each model."""
        from hedgerow.entrypoints.regimes import show_regimes

        finish(show_regimes(backstage, time_of("--at", at) or datetime.now(UTC), as_json=as_json))


def _add_train(regimes: typer.Typer, backstage: Backstage) -> None:
    @regimes.command()
    def train(
        symbols: _Symbols,
        timeframe: Annotated[str, typer.Option(metavar="SPAN", help="Such as 1h, 4h or 1d.")],
        data: Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="Candles in files; by default, the stored ones."),
        ] = None,
        until: Annotated[
            str | None,
            typer.Option(metavar="TIME", help="Learn from nothing later; by default, now."),
        ] = None,
        seed: Annotated[int, typer.Option(min=0, help="One seed and data, one model.")] = 7,
        exchange: OriginOption = "binance",
        as_json: JsonOption = False,
    ) -> None:
        """Train a model, validated walking forward, as a new version."""
        from hedgerow.entrypoints.regimes import TrainRequest, train_and_show

        request = TrainRequest(
            exchange=exchange_of(exchange),
            symbols=symbols_of(symbols),
            timeframe=timeframe_of(timeframe),
            data=data,
            until=time_of("--until", until) or datetime.now(UTC),
            seed=seed,
            at=datetime.now(UTC),
        )
        finish(train_and_show(backstage, request, as_json=as_json))


def _add_models(regimes: typer.Typer, backstage: Backstage) -> None:
    @regimes.command()
    def models(as_json: JsonOption = False) -> None:
        """List the trained versions with their scores."""
        from hedgerow.entrypoints.regimes import show_models

        show_models(backstage, as_json=as_json)
