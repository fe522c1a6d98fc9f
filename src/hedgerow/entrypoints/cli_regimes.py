"""The commands below `hedgerow regimes`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from hedgerow.domain.errors import HedgerowError, InputRefused
from hedgerow.domain.market import Exchange, Timeframe, split_symbol
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import finish

_Symbols = Annotated[
    str, typer.Option("--symbols", metavar="LIST", help="Which ones: BTC/USDT,ETH/USDT")
]
_ExchangeName = Annotated[
    str, typer.Option("--exchange", metavar="NAME", help="The exchange the candles are from.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


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
        exchange: _ExchangeName = "binance",
        as_json: _Json = False,
    ) -> None:
        """Classify stored candles for every quarter of an hour."""
        from hedgerow.entrypoints.regimes import ClassifyRequest, classify_and_show

        request = ClassifyRequest(
            exchange=_exchange(exchange),
            symbols=_symbols(symbols),
            since=_time(since, "--since"),
            until=_time(until, "--until") or datetime.now(UTC),
        )
        if request.since is not None and request.since > request.until:
            raise InputRefused("is later than --until", "--since", "give an earlier time")
        finish(classify_and_show(backstage, request, as_json=as_json))


def _add_show(regimes: typer.Typer, backstage: Backstage) -> None:
    @regimes.command()
    def show(
        at: Annotated[
            str | None, typer.Option(metavar="TIME", help="As known then; by default, now.")
        ] = None,
        as_json: _Json = False,
    ) -> None:
        """Show the latest regime of every market, by each model."""
        from hedgerow.entrypoints.regimes import show_regimes

        finish(show_regimes(backstage, _time(at, "--at") or datetime.now(UTC), as_json=as_json))


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
        exchange: _ExchangeName = "binance",
        as_json: _Json = False,
    ) -> None:
        """Train a model, validated walking forward, as a new version."""
        from hedgerow.entrypoints.regimes import TrainRequest, train_and_show

        request = TrainRequest(
            exchange=_exchange(exchange),
            symbols=_symbols(symbols),
            timeframe=_timeframe(timeframe),
            data=data,
            until=_time(until, "--until") or datetime.now(UTC),
            seed=seed,
            at=datetime.now(UTC),
        )
        finish(train_and_show(backstage, request, as_json=as_json))


def _add_models(regimes: typer.Typer, backstage: Backstage) -> None:
    @regimes.command()
    def models(as_json: _Json = False) -> None:
        """List the trained versions with their scores."""
        from hedgerow.entrypoints.regimes import show_models

        show_models(backstage, as_json=as_json)


def _symbols(text: str) -> list[str]:
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    fix = "write them as BTC/USDT,ETH/USDT"
    try:
        for name in names:
            split_symbol(name)
    except HedgerowError as error:
        raise InputRefused(f"{text!r} is not a list of symbols", "--symbols", fix) from error
    if not names:
        raise InputRefused("no symbol is named", "--symbols", fix)
    return list(dict.fromkeys(names))


def _timeframe(text: str) -> Timeframe:
    known = [str(timeframe) for timeframe in Timeframe]
    if text not in known:
        fix = f"use one of {', '.join(known)}"
        raise InputRefused(f"{text!r} is not a timeframe", "--timeframe", fix)
    return Timeframe(text)


def _exchange(text: str) -> Exchange:
    known = [str(exchange) for exchange in Exchange]
    if text not in known:
        fix = f"use one of {', '.join(known)}"
        raise InputRefused(f"{text!r} is not an exchange that Hedgerow knows", "--exchange", fix)
    return Exchange(text)


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        fix = "write it as 2024-03-01T12:00, in UTC unless it names a zone"
        raise InputRefused(f"{text!r} is not a time", option, fix) from error
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
