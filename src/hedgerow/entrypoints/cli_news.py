"""The commands below `hedgerow news`."""

from __future__ import annotations

from typing import Annotated

import typer

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import finish
from hedgerow.entrypoints.option_values import symbol_of, symbols_of, time_of
from hedgerow.entrypoints.options import JsonOption
from hedgerow.entrypoints.words import EXIT_DIFFERENCES


def news_commands(backstage: Backstage) -> typer.Typer:
    """All of them, working with `backstage`."""
    news = typer.Typer(help="Fetch news from feeds, and show it.", no_args_is_help=True)
    _add_fetch(news, backstage)
    _add_show(news, backstage)
    return news


def _add_fetch(news: typer.Typer, backstage: Backstage) -> None:
    @news.command()
    def fetch(
        symbols: Annotated[
            str | None,
            typer.Option(
                metavar="LIST", help="Whose names to look for: BTC/USDC,ABC/USDC; else in USDT."
            ),
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Fetch all feeds once, store what is new, and show it."""
        from hedgerow.entrypoints.news import show_fetch

        wanted = symbols_of(symbols) or []
        if not finish(show_fetch(backstage, wanted, as_json=as_json)):
            raise typer.Exit(EXIT_DIFFERENCES)


def _add_show(news: typer.Typer, backstage: Backstage) -> None:
    @news.command()
    def show(
        symbol: Annotated[
            str | None, typer.Option(metavar="SYMBOL", help="About this one, or about all.")
        ] = None,
        since: Annotated[
            str | None,
            typer.Option(metavar="TIME", help="First seen since then; by default, a week ago."),
        ] = None,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 20,
        as_json: JsonOption = False,
    ) -> None:
        """Show stored news, the latest first."""
        from hedgerow.entrypoints.news import NewsRequest, show_news

        about = symbol_of("--symbol", symbol)
        request = NewsRequest(about, time_of("--since", since), limit)
        finish(show_news(backstage, request, as_json=as_json))
