"""The numbered SQL files of `migrations`, each applied once, in order."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.clickhouse.engine import ClickHouseEngine

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


async def migrate(engine: ClickHouseEngine) -> None:
    """Bring the tables up to date; raises InputRefused if a newer Hedgerow has been here.

    Each file holds one statement that does no harm when repeated (IF NOT EXISTS): ClickHouse has
    no transaction around it and its record, and the process may die between the two.
    """
    await engine.execute(_TABLE)
    applied = await engine.query("SELECT version FROM schema_migrations")
    done = set(applied.column("version").to_pylist())
    known = {version: (name, statement) for version, name, statement in _migrations()}
    if newer := done - known.keys():
        raise InputRefused(
            what=f"the market data has schema {max(newer)}, made by a newer Hedgerow",
            where=str(engine.folder),
            fix="run the newer Hedgerow, or set HEDGEROW_DATA_DIR to another folder",
        )
    for version in sorted(known.keys() - done):
        name, statement = known[version]
        await engine.execute(statement)
        await engine.execute(_RECORD, version=str(version), name=name)


def _migrations() -> Iterator[tuple[int, str, str]]:
    for file in (files(__package__) / "migrations").iterdir():
        if file.name.endswith(".sql"):
            yield int(file.name[:4]), file.name, file.read_text(encoding="utf-8")
