"""The commands below `hedgerow memory`."""

from __future__ import annotations

from typing import Annotated

import typer

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import finish
from hedgerow.entrypoints.options import JsonOption


def memory_commands(backstage: Backstage) -> typer.Typer:
    """All of them, working with `backstage`."""
    memory = typer.Typer(help="Ask what the fund remembers, and tend it.", no_args_is_help=True)
    _add_search(memory, backstage)
    _add_show(memory, backstage)
    _add_tend(memory, backstage)
    return memory


def _add_search(memory: typer.Typer, backstage: Backstage) -> None:
    @memory.command()
    def search(
        text: Annotated[str, typer.Argument(metavar="TEXT", help="What to look for, in words.")],
        symbol: Annotated[
            str | None, typer.Option(metavar="SYMBOL", help="About this one, or about none.")
        ] = None,
        kind: Annotated[
            str | None,
            typer.Option("--type", metavar="TYPE", help="Such as lesson, decision or trade."),
        ] = None,
        as_of: Annotated[
            str | None,
            typer.Option(metavar="TIME", help="What was known then; by default, now."),
        ] = None,
        user: Annotated[
            str | None,
            typer.Option(metavar="ID", help="Whose memory; by default, the latest run's."),
        ] = None,
        limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 10,
        as_json: JsonOption = False,
    ) -> None:
        """Find memories by words and by meaning, best first."""
        from hedgerow.entrypoints.memory import SearchRequest, show_search

        request = SearchRequest(text, symbol, kind, as_of, user, limit)
        finish(show_search(backstage, request, as_json=as_json))


def _add_show(memory: typer.Typer, backstage: Backstage) -> None:
    @memory.command()
    def show(
        memory_id: Annotated[
            str, typer.Argument(metavar="ID", help="A memory's id or its beginning.")
        ],
        user: Annotated[
            str | None,
            typer.Option(metavar="ID", help="Whose memory; by default, the latest run's."),
        ] = None,
        as_json: JsonOption = False,
    ) -> None:
        """Show all of one memory, and the trades that validated it."""
        from hedgerow.entrypoints.memory import show_memory

        finish(show_memory(backstage, memory_id, user, as_json=as_json))


def _add_tend(memory: typer.Typer, backstage: Backstage) -> None:
    @memory.command()
    def tend(
        as_json: JsonOption = False,
    ) -> None:
        """Share what several users' trades bear out, forget what proved wrong."""
        from hedgerow.entrypoints.memory import show_tending

        finish(show_tending(backstage, as_json=as_json))
