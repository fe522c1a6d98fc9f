"""`hedgerow db backup` and `db restore`, with progress on standard error."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.interrupts import finish
from hedgerow.entrypoints.options import JsonOption
from hedgerow.entrypoints.output import print_json
from hedgerow.usecases.codec import encode
from hedgerow.usecases.make_backup import BackupMade, make_backup
from hedgerow.usecases.ports.backup import BackupProgress, Manifest, Show
from hedgerow.usecases.restore_backup import BackupRestored, restore_backup


def add_backup(db: typer.Typer, backstage: Backstage) -> None:
    """Add `backup` and `restore` to `hedgerow db`."""
    _add_backup(db, backstage)
    _add_restore(db, backstage)


def _add_backup(db: typer.Typer, backstage: Backstage) -> None:
    @db.command()
    def backup(
        path: Annotated[Path, typer.Argument(metavar="PATH", help="A file that is not there yet.")],
        as_json: JsonOption = False,
    ) -> None:
        """Write everything but the vault's keys to a file, while funds run."""
        finish(_backup(backstage, path, as_json=as_json))


def _add_restore(db: typer.Typer, backstage: Backstage) -> None:
    @db.command()
    def restore(
        path: Annotated[Path, typer.Argument(metavar="PATH", help="A file made by `backup`.")],
        replace: Annotated[
            bool, typer.Option("--replace", help="Give up everything that is stored here.")
        ] = False,
        as_json: JsonOption = False,
    ) -> None:
        """Bring back what a backup holds, all of it or nothing."""
        finish(_restore(backstage, path, replace=replace, as_json=as_json))


async def _backup(backstage: Backstage, path: Path, *, as_json: bool) -> None:
    with _progress(Console(stderr=True)) as show:
        async with backstage.backup_desk() as desk:
            made = await make_backup(desk, path, datetime.now(UTC), show)
    if as_json:
        facts = {"path": made.path, "size_bytes": made.size_bytes, "keys_are_in": made.keys_are_in}
        print_json(facts | _facts(made.manifest))
    else:
        _print_backup(made, Console())


async def _restore(backstage: Backstage, path: Path, *, replace: bool, as_json: bool) -> None:
    with _progress(Console(stderr=True)) as show:
        async with backstage.restore_desk() as desk:
            restored = await restore_backup(desk, path, show, replace=replace)
    if as_json:
        missing = {"missing_key_ids": list(restored.missing_key_ids)}
        facts = {"path": str(path), "keys_belong_in": restored.keys_belong_in}
        print_json(facts | missing | _facts(restored.manifest))
    else:
        _print_restored(restored, path, Console())


@contextmanager
def _progress(console: Console) -> Iterator[Show]:
    """A bar on a terminal, elsewhere a line for each table."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    is_live = console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=not is_live) as bar:
        task = bar.add_task("starting", total=None)

        def show(progress: BackupProgress) -> None:
            line = f"{progress.doing} {progress.table}"
            bar.update(
                task, description=line, completed=progress.tables_done, total=progress.tables
            )
            if progress.rows:
                line = f"{line}: {progress.rows:,} rows"
            if not is_live and progress.rows != 0:
                console.print(line, highlight=False, soft_wrap=True)

        yield show


def _print_backup(made: BackupMade, console: Console) -> None:
    manifest = made.manifest
    lines = [f"{made.path}: {_held(manifest)} in {made.size_bytes / 1_000_000:,.1f} MB."]
    if manifest.vault_key_ids:
        lines.append(
            f"Not in it: key {_listed(manifest.vault_key_ids)}, which locks the exchange "
            f"credentials; keep a copy of {made.keys_are_in} somewhere else."
        )
    console.print(Text("\n".join(lines)), soft_wrap=True)


def _print_restored(restored: BackupRestored, path: Path, console: Console) -> None:
    manifest = restored.manifest
    done = (
        f"Restored {_held(manifest)}, as of "
        f"{manifest.created_at:%Y-%m-%d %H:%M:%S} UTC, from {path}."
    )
    console.print(Text(done), soft_wrap=True)
    if restored.missing_key_ids:
        console.print(Text(_missing(restored), style="yellow"), soft_wrap=True)


def _held(manifest: Manifest) -> str:
    tables = f"{_rows(manifest):,} rows of {len(manifest.tables)} tables"
    versions = ", ".join(model.version for model in manifest.models)
    return f"{tables} and {versions}" if versions else tables


def _missing(restored: BackupRestored) -> str:
    return (
        f"The exchange credentials are locked with key {_listed(restored.missing_key_ids)}, which "
        f"is not at hand: bring it over into {restored.keys_belong_in}, or give it to "
        "HEDGEROW_VAULT_KEY; a backup never holds it."
    )


def _facts(manifest: Manifest) -> dict[str, Any]:
    facts = encode(manifest)
    facts["rows"] = _rows(manifest)
    return {name: fact for name, fact in facts.items() if name != "partitions"}


def _rows(manifest: Manifest) -> int:
    return sum(dump.rows for dump in manifest.tables)


def _listed(key_ids: Sequence[str]) -> str:
    return " and ".join(key_ids)
