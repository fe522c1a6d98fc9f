"""Make a backup: PostgreSQL as of one moment, ClickHouse and the models after it, in one file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from hedgerow.usecases.ports.backup import (
    CLICKHOUSE,
    POSTGRES,
    ArchiveWriter,
    BackupDesk,
    BackupProgress,
    Manifest,
    ModelDump,
    ModelsDump,
    Show,
    StoreDump,
    TableDump,
)

FORMAT_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A finished archive; `keys_are_in` is where the keys are that it does not hold."""

    path: str
    size_bytes: int
    manifest: Manifest
    keys_are_in: str


async def make_backup(desk: BackupDesk, path: Path, at: datetime, show: Show) -> BackupMade:
    """Write everything to a new archive at `path`; other processes may work on.

    Raises InputRefused where `path` exists or cannot be written, and leaves nothing behind then.
    """
    with desk.archives.create(path) as archive:
        manifest = Manifest(
            format_version=FORMAT_VERSION,
            hedgerow_version=desk.hedgerow_version,
            created_at=at,
            postgres_revision=desk.records.revision,
            clickhouse_revision=desk.market.revision,
            partitions=desk.records.partitions,
            vault_key_ids=tuple(desk.records.vault_key_ids),
            tables=await _write_tables(desk, archive, show),
            models=tuple(_write_models(desk.models, archive, show)),
        )
        size_bytes = archive.seal(manifest)
    return BackupMade(str(path), size_bytes, manifest, desk.vault.source)


async def _write_tables(
    desk: BackupDesk, archive: ArchiveWriter, show: Show
) -> tuple[TableDump, ...]:
    # market data only grows: what the records refer to is still there when its turn comes
    stores: dict[str, StoreDump] = {POSTGRES: desk.records, CLICKHOUSE: desk.market}
    work = [
        (name, dump, table, columns)
        for name, dump in stores.items()
        for table, columns in dump.columns.items()
    ]
    done: list[TableDump] = []
    for store, dump, table, columns in work:
        member = f"{store}/{table}"
        with archive.member(member) as sink:
            rows = await dump.write(table, sink)
        digest = archive.sha256(member)
        done.append(TableDump(store, table, tuple(columns), rows, digest))
        show(BackupProgress("saved", member, rows, len(done), len(work)))
    return tuple(done)


def _write_models(models: ModelsDump, archive: ArchiveWriter, show: Show) -> Iterator[ModelDump]:
    versions = models.versions()
    for done, version in enumerate(versions, start=1):
        member = ModelDump(version, "").member
        with archive.member(member) as sink:
            models.write(version, sink)
        show(BackupProgress("saved", member, None, done, len(versions)))
        yield ModelDump(version, archive.sha256(member))
