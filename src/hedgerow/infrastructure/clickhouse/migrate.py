"""The numbered SQL files of `migrations`, each applied once, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from importlib.resources import files

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.clickhouse.client import ClickHouse

_TABLE = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    version UInt32,
    name String,
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC')
) ENGINE = MergeTree()
ORDER BY version
"""
_RECORD = """
INSERT INTO schema_migrations (version, name) SELECT {version:UInt32}, {name:String}
"""
_STATEMENT_END = re.compile(r";\n")
_MADE_HERE = re.compile(r"CREATE (?:TABLE|MATERIALIZED VIEW) IF NOT EXISTS (\w+)")


async def migrate(clickhouse: ClickHouse, until: int | None = None) -> None:
    """Bring the tables up to date; raises InputRefused if a newer Hedgerow has been here.

    With `until` they stop at that version.

    The statements of a file do no harm when repeated (IF NOT EXISTS): ClickHouse has no
    transaction around them and their record, and the process may die between the two.
    """
    await clickhouse.execute(_TABLE)
    applied = await clickhouse.query("SELECT version FROM schema_migrations")
    done = set(applied.column("version").to_pylist())
    known = {version: (name, text) for version, name, text in _migrations()}
    if newer := done - known.keys():
        raise InputRefused(
            what=f"the market data has schema {max(newer)}, made by a newer Hedgerow",
            where=clickhouse.where,
            fix="run the newer Hedgerow, or use another data folder or database",
        )
    wanted = {version for version in known if until is None or version <= until}
    for version in sorted(wanted - done):
        name, text = known[version]
        for statement in _STATEMENT_END.split(text):
            await clickhouse.execute(statement)
        await clickhouse.execute(_RECORD, version=str(version), name=name)


def knows(version: int) -> bool:
    """Whether that version is among the migrations."""
    return any(version == known for known, _, _ in _migrations())


async def unapplied(clickhouse: ClickHouse) -> tuple[Sequence[str], Sequence[int]]:
    """Files that are yet to be applied, and versions applied by a newer Hedgerow; only looks."""
    known = {version: name for version, name, _ in _migrations()}
    done: set[int] = set()
    exists = await clickhouse.query("EXISTS TABLE schema_migrations")
    if exists.column(0).to_pylist() == [1]:
        applied = await clickhouse.query("SELECT version FROM schema_migrations")
        done = set(applied.column("version").to_pylist())
    return [known[version] for version in sorted(known.keys() - done)], sorted(done - known.keys())


async def reset(clickhouse: ClickHouse, until: int | None = None) -> None:
    """Drop everything the migrations have made, and make it anew, empty; `until` as above."""
    names = [name for _, _, text in _migrations() for name in _MADE_HERE.findall(text)]
    # the last made first: views go before the tables they write to
    for name in (*reversed(names), "schema_migrations"):
        await clickhouse.execute(f"DROP TABLE IF EXISTS {name} SYNC")
    await migrate(clickhouse, until)


def _migrations() -> Iterator[tuple[int, str, str]]:
    folder = files(__package__) / "migrations"
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(".sql"):
            yield int(file.name[:4]), file.name, file.read_text(encoding="utf-8").strip()
