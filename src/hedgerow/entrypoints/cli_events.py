"""The commands below `hedgerow events`."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import finish


def events_commands(backstage: Backstage) -> typer.Typer:
    """All of them, working with `backstage`."""
    events = typer.Typer(help="Read the event log, and relay it.", no_args_is_help=True)
    _add_tail(events, backstage)
    _add_relay(events, backstage)
    _add_schemas(events)
    return events


def _add_tail(events: typer.Typer, backstage: Backstage) -> None:
    @events.command()
    def tail(
        lines: Annotated[
            int, typer.Option("--lines", "-n", min=0, help="How many of the latest to show.")
        ] = 20,
        follow: Annotated[
            bool, typer.Option("--follow", "-f", help="Go on with what is yet to come.")
        ] = False,
        user: Annotated[
            str | None, typer.Option(metavar="ID", help="Events of this user only.")
        ] = None,
        kind: Annotated[
            list[str] | None,
            typer.Option(metavar="KIND", help="Events of this kind only; may be repeated."),
        ] = None,
        as_json: Annotated[
            bool, typer.Option("--json", help="Print each event as a line of JSON.")
        ] = False,
    ) -> None:
        """Show the latest events of the log."""
        from hedgerow.entrypoints.events_tail import TailRequest, show_tail

        request = TailRequest(
            lines=lines,
            follow=follow,
            user_id=_user_id(user),
            kinds=_kinds(kind or []),
            as_json=as_json,
        )
        finish(show_tail(backstage, request))


def _add_relay(events: typer.Typer, backstage: Backstage) -> None:
    @events.command()
    def relay(
        replay: Annotated[
            bool, typer.Option("--replay", help="Begin again with the first event of the log.")
        ] = False,
    ) -> None:
        """Relay events to Kafka, or as lines of JSON to standard output."""
        from hedgerow.entrypoints.events_relay import run_relay

        finish(run_relay(backstage, replay=replay))


def _add_schemas(events: typer.Typer) -> None:
    @events.command()
    def schemas() -> None:
        """Print what every kind of event holds, as Markdown."""
        from hedgerow.entrypoints.events_page import events_page

        typer.echo(events_page(), nl=False)


def _user_id(text: str | None) -> UUID | None:
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError as error:
        raise InputRefused(
            f"{text!r} is not a user's id", "--user", "give it as `hedgerow events tail` shows it"
        ) from error


def _kinds(names: list[str]) -> list[str]:
    from hedgerow.usecases.event_schemas import SCHEMAS

    known = sorted(schema.kind for schema in SCHEMAS)
    for name in names:
        if name not in known:
            raise InputRefused(
                f"{name!r} is not a kind of event", "--kind", f"use one of {', '.join(known)}"
            )
    return names
