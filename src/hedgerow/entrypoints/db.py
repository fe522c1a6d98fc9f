"""The commands that keep the database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.backup import add_backup
from hedgerow.entrypoints.interrupts import finish
from hedgerow.entrypoints.options import JsonOption
from hedgerow.entrypoints.output import print_json
from hedgerow.entrypoints.words import EXIT_DIFFERENCES
from hedgerow.usecases.codec import encode
from hedgerow.usecases.schema import SchemaDifference, SchemaStatus


def add_db(app: typer.Typer, backstage: Backstage) -> None:
    """Add `hedgerow db` and its commands."""
    db = typer.Typer(help="Keep the database.", no_args_is_help=True)
    app.add_typer(db, name="db")
    _add_migrate(db, backstage)
    _add_status(db, backstage)
    _add_check(db, backstage)
    _add_reset(db, backstage)
    _add_docs(db, backstage)
    add_backup(db, backstage)


def _add_migrate(db: typer.Typer, backstage: Backstage) -> None:
    @db.command()
    def migrate() -> None:
        """Bring the database to the newest schema."""
        finish(_migrate(backstage))


def _add_status(db: typer.Typer, backstage: Backstage) -> None:
    @db.command()
    def status(as_json: JsonOption = False) -> None:
        """Show how far the database is migrated, and how full it is."""
        finish(_status(backstage, as_json=as_json))


def _add_check(db: typer.Typer, backstage: Backstage) -> None:
    @db.command()
    def check(as_json: JsonOption = False) -> None:
        """Hold the live schema against models and specification."""
        if finish(_check(backstage, as_json=as_json)):
            raise typer.Exit(EXIT_DIFFERENCES)


def _add_reset(db: typer.Typer, backstage: Backstage) -> None:
    @db.command()
    def reset(
        yes: Annotated[bool, typer.Option("--yes", help="Yes, delete everything.")] = False,
    ) -> None:
        """Delete everything in the database and start anew."""
        if not yes:
            raise InputRefused(
                what="this deletes every fund, order and event in the database, for good",
                where="hedgerow db reset",
                fix="add --yes if that is what you want",
            )
        finish(_reset(backstage))


def _add_docs(db: typer.Typer, backstage: Backstage) -> None:
    @db.command()
    def docs(
        folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write.")] = Path(
            "docs/data"
        ),
        check: Annotated[
            bool, typer.Option("--check", help="Write nothing; fail where a file is stale.")
        ] = False,
    ) -> None:
        """Write the schema's diagram and dictionary."""
        pages = backstage.schema_pages()
        stale = [name for name, page in pages.items() if _text_of(folder / name) != page]
        if check:
            _refuse_stale(folder, stale)
            return
        folder.mkdir(parents=True, exist_ok=True)
        for name in stale:
            (folder / name).write_text(pages[name], encoding="utf-8")
        Console().print(f"{folder}: {', '.join(stale) or 'nothing'} written.", highlight=False)


async def _migrate(backstage: Backstage) -> None:
    async with backstage.schema_keeper(alone=False) as keeper:
        applied = await keeper.migrate()
    done = f"Migrated: {', '.join(applied)}." if applied else "The schema is the newest already."
    Console().print(done, highlight=False)


async def _status(backstage: Backstage, *, as_json: bool) -> None:
    async with backstage.schema_keeper(alone=False) as keeper:
        status = await keeper.status()
    if as_json:
        print_json(encode(status))
    else:
        _print_status(status, Console())


async def _check(backstage: Backstage, *, as_json: bool) -> bool:
    async with backstage.schema_keeper(alone=False) as keeper:
        differences = await keeper.check()
    if as_json:
        print_json({"clean": not differences, "differences": encode(list(differences))})
    else:
        _print_differences(differences, Console())
    return bool(differences)


async def _reset(backstage: Backstage) -> None:
    async with backstage.schema_keeper(alone=True) as keeper:
        await keeper.reset()
    Console().print("The database is empty, with the newest schema.")


def _print_status(status: SchemaStatus, console: Console) -> None:
    pending = f"pending: {', '.join(status.pending)}" if status.pending else "nothing pending"
    console.print(
        f"PostgreSQL {status.server_version}, schema {status.revision or 'none'} of "
        f"{status.newest} ({pending}), {status.size_bytes / 1_000_000:,.1f} MB.",
        highlight=False,
    )
    table = Table("table", "rows (estimate)")
    table.columns[1].justify = "right"
    for name, count in status.rows.items():
        table.add_row(name, f"{count:,}")
    if status.rows:
        console.print(table)


def _print_differences(differences: Sequence[SchemaDifference], console: Console) -> None:
    for each in differences:
        line = f"✗ {each.against}: {each.subject} {each.problem}"
        console.print(Text(line, style="red"), soft_wrap=True)
    if differences:
        console.print(f"{len(differences)} differences.", style="red")
    else:
        console.print("The live schema is that of the models and of the specification.")


def _text_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _refuse_stale(folder: Path, stale: Sequence[str]) -> None:
    if stale:
        raise InputRefused(
            what=f"{', '.join(stale)} no longer describe the schema",
            where=str(folder),
            fix=f"run `hedgerow db docs {folder}`",
        )
