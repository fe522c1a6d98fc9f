"""Restore a backup: everything in the archive, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.ports.backup import (
    CLICKHOUSE,
    POSTGRES,
    ArchiveReader,
    BackupProgress,
    Manifest,
    MarketRestore,
    ModelDump,
    RecordsRestore,
    RestoreDesk,
    Show,
    StagedModels,
    TableDump,
)


@dataclass(frozen=True, slots=True)
class BackupRestored:
    """What was restored; `missing_key_ids` lock credentials and are not at `keys_belong_in`."""

    manifest: Manifest
    missing_key_ids: Sequence[str]
    keys_belong_in: str


async def restore_backup(
    desk: RestoreDesk, path: Path, show: Show, *, replace: bool
) -> BackupRestored:
    """Bring PostgreSQL and ClickHouse to what the archive at `path` holds, and models to the rest.

    The archive is read to its end before anything is changed. PostgreSQL is one transaction;
    ClickHouse, which has none, is emptied first and again where something fails. Models are laid
    ready before the transaction ends, and put in place right after it.

    Raises InputRefused for an archive that cannot be used, and for stores that hold data unless
    `replace` gives it up.
    """
    await desk.vault.reload()
    with desk.archives.open(path) as archive:
        manifest = archive.manifest
        await _verify(archive, show)
        async with desk.records as records:
            _require_known(path, manifest, records, desk.market)
            if not replace:
                await records.require_empty()
                await desk.market.require_empty()
                desk.models.require_no_others(manifest.models)
            with desk.models.staged() as models:
                _read_models(archive, models, show)
                await _restore(archive, records, desk.market, show)
                models.put_in_place()
    missing = [key_id for key_id in manifest.vault_key_ids if key_id not in desk.vault.key_ids]
    return BackupRestored(manifest, missing, desk.vault.source)


async def _verify(archive: ArchiveReader, show: Show) -> None:
    dumps: list[TableDump | ModelDump] = [*archive.manifest.tables, *archive.manifest.models]
    for done, dump in enumerate(dumps, start=1):
        await archive.verify(dump)
        rows = dump.rows if isinstance(dump, TableDump) else None
        show(BackupProgress("verified", dump.member, rows, done, len(dumps)))


def _require_known(
    path: Path, manifest: Manifest, records: RecordsRestore, market: MarketRestore
) -> None:
    has_records = records.knows(manifest.postgres_revision)
    if not has_records or not market.knows(manifest.clickhouse_revision):
        raise InputRefused(
            what=f"was made by a newer Hedgerow ({manifest.hedgerow_version})",
            where=str(path),
            fix="restore it with that version or a later one",
        )


async def _restore(
    archive: ArchiveReader, records: RecordsRestore, market: MarketRestore, show: Show
) -> None:
    manifest = archive.manifest
    await records.begin(manifest.postgres_revision, manifest.partitions)
    await _read(archive, POSTGRES, records, show)
    await records.settle()
    async with market.emptied(manifest.clickhouse_revision):
        await _read(archive, CLICKHOUSE, market, show)
        await market.settle()
        await records.commit()


async def _read(
    archive: ArchiveReader, store: str, target: RecordsRestore | MarketRestore, show: Show
) -> None:
    tables = archive.manifest.tables
    for done, dump in enumerate(tables, start=1):
        if dump.store == store:
            with archive.member(dump.member) as source:
                rows = await target.read(dump.table, dump.columns, source)
            _require_all(dump, rows)
            show(BackupProgress("restored", dump.member, rows, done, len(tables)))


def _read_models(archive: ArchiveReader, models: StagedModels, show: Show) -> None:
    dumps = archive.manifest.models
    for done, dump in enumerate(dumps, start=1):
        with archive.member(dump.member) as source:
            models.read(dump.version, source)
        show(BackupProgress("restored", dump.member, None, done, len(dumps)))


def _require_all(dump: TableDump, rows: int) -> None:
    if rows != dump.rows:
        raise InputRefused(
            what=f"holds {rows:,} rows, not {dump.rows:,} as its manifest says",
            where=f"{dump.member} in the backup",
            fix="restore another backup",
        )
