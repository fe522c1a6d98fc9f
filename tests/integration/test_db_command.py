"""`hedgerow db`: what it says of a sound database, and of one that somebody has been at."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from hedgerow.bootstrap import Backstage
from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.cli import make_app
from hedgerow.infrastructure.postgres.documentation import pages
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.infrastructure.postgres.keeper import PostgresKeeper
from hedgerow.infrastructure.postgres.rules import known_rules, rules_of
from hedgerow.infrastructure.postgres.specification import SPECIFIED
from hedgerow.infrastructure.postgres.tables import metadata
from hedgerow.usecases.schema import SchemaKeeper
from postgres_fixtures import on_every_postgres

ROOT = Path(__file__).parents[2]


class AtUrl(Backstage):
    """Keeps the database at a URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    @asynccontextmanager
    async def schema_keeper(self, *, alone: bool) -> AsyncIterator[SchemaKeeper]:
        """The database as it stands; a test has it to itself anyway."""
        async with open_engine(self._url) as engine:
            yield PostgresKeeper(engine)


def run(url: str, *arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(AtUrl(url)), ["db", *arguments])
    if isinstance(result.exception, InputRefused):
        raise result.exception
    return result.exit_code, result.output


def as_json(url: str, *arguments: str) -> Any:
    return json.loads(run(url, *arguments, "--json")[1])


async def alter(engine: AsyncEngine, statement: str) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(statement))


def test_an_empty_database_is_migrated_once(empty_url: str) -> None:
    before = as_json(empty_url, "status")
    assert before["revision"] is None
    assert before["pending"][0] == "0001_the_schema"
    assert "nothing" not in run(empty_url, "status")[1]
    assert run(empty_url, "migrate")[1].startswith(
        "Migrated: 0001_the_schema, 0002_who_may_do_what"
    )
    assert run(empty_url, "migrate") == (0, "The schema is the newest already.\n")
    after = as_json(empty_url, "status")
    assert after["pending"] == []
    assert after["revision"] == after["newest"]
    assert after["rows"]["orders"] == 0


def test_a_sound_database_has_no_differences(database_url: str) -> None:
    assert as_json(database_url, "check") == {"clean": True, "differences": []}
    assert run(database_url, "check")[0] == 0


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "ALTER TABLE positions DROP COLUMN open_reasoning",
            {("models", "positions.open_reasoning"), ("specification", "positions.open_reasoning")},
        ),
        ("ALTER TABLE orders ADD COLUMN mood text", {("models", "orders.mood")}),
        (
            "ALTER TABLE users ALTER COLUMN telegram_id TYPE integer",
            {("models", "users.telegram_id"), ("specification", "users.telegram_id")},
        ),
        ("ALTER TABLE positions ALTER COLUMN size DROP NOT NULL", {("models", "positions.size")}),
        (
            "ALTER TABLE positions DROP CONSTRAINT ck_positions_leverage",
            {("migrations", "constraint ck_positions_leverage on positions")},
        ),
        (
            "ALTER TABLE orders ADD CHECK (amount < 9)",
            {("migrations", "constraint orders_amount_check on orders")},
        ),
        ("DROP INDEX ix_positions_open", {("models", "positions")}),
        (
            "ALTER TABLE trading_pairs DROP CONSTRAINT fk_trading_pairs_user_id_strategy_id",
            {("models", "trading_pairs"), ("specification", "trading_pairs.strategy_id")},
        ),
        (
            "ALTER TABLE strategies DROP CONSTRAINT ck_strategies_status,"
            " ADD CONSTRAINT ck_strategies_status CHECK (status IN ('active', 'paused'))",
            {("specification", "strategies.status")},
        ),
        (
            "DROP TABLE sessions CASCADE",
            {("models", "sessions"), ("specification", "sessions.state")},
        ),
        ("CREATE TABLE notes (id int)", {("models", "notes")}),
        ("ALTER TABLE wishes NO FORCE ROW LEVEL SECURITY", {("isolation", "wishes")}),
        ("DROP TRIGGER stays_whole ON fills", {("migrations", "trigger stays_whole on fills")}),
        (
            "GRANT DELETE ON fills TO hedgerow_app",
            {("migrations", "grant on fills to hedgerow_app")},
        ),
        (
            "CREATE POLICY anyone ON orders USING (true)",
            {("migrations", "policy anyone on orders")},
        ),
        (
            "CREATE VIEW all_orders AS SELECT * FROM orders",
            {("migrations", "view all_orders")},
        ),
        (
            "ALTER TABLE positions DROP CONSTRAINT ck_positions_leverage,"
            " ADD CONSTRAINT ck_positions_leverage CHECK (leverage > 0)",
            {("migrations", "constraint ck_positions_leverage on positions")},
        ),
        (
            "CREATE INDEX ix_sizes ON positions (user_id, size) WHERE closed_at IS NULL",
            {("models", "positions"), ("migrations", "index ix_sizes")},
        ),
        (
            "CREATE OR REPLACE FUNCTION hedgerow_refuse_change() RETURNS trigger"
            " LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
            {("migrations", "function hedgerow_refuse_change")},
        ),
        (
            "ALTER TABLE strategies DISABLE TRIGGER capital_stays",
            {("migrations", "trigger capital_stays on strategies")},
        ),
    ],
)
async def test_every_difference_is_named(
    database: AsyncEngine, statement: str, found: set[tuple[str, str]]
) -> None:
    await alter(database, statement)
    differences = await PostgresKeeper(database).check()
    named = {(each.against, each.subject) for each in differences}
    assert found <= named
    # Whatever a migration made, the rules of the migrations miss too.
    beside = {each for each in named - found if each[0] != "migrations"}
    assert not beside or "sessions" in statement


async def test_differences_end_the_command_with_1(database: AsyncEngine, database_url: str) -> None:
    await alter(database, "ALTER TABLE orders DROP COLUMN agent_id")
    code, said = await asyncio.to_thread(run, database_url, "check")
    assert code == 1
    assert "✗ specification: orders.agent_id is specified and does not exist" in said


def test_a_reset_has_to_be_meant(database_url: str) -> None:
    with pytest.raises(InputRefused) as refused:
        run(database_url, "reset")
    assert "--yes" in refused.value.fix
    assert run(database_url, "reset", "--yes")[0] == 0
    assert as_json(database_url, "check")["clean"]


def test_the_pages_are_written_and_found_stale(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with pytest.raises(InputRefused) as refused:
        run("", "docs", str(folder), "--check")
    assert "schema.md, schema.svg" in refused.value.what
    run("", "docs", str(folder))
    assert run("", "docs", str(folder), "--check") == (0, "")


def test_the_pages_in_the_repository_are_those_of_the_schema() -> None:
    for name, page in pages().items():
        assert (ROOT / "docs" / "data" / name).read_text(encoding="utf-8") == page


@on_every_postgres
async def test_the_rules_in_the_repository_are_those_of_the_migrations(
    database: AsyncEngine,
) -> None:
    async with database.connect() as connection:
        assert await connection.run_sync(rules_of) == known_rules(), (
            "run `python tests/remake_rules.py` after a migration"
        )


def test_every_column_says_what_it_means() -> None:
    assert all(table.comment for table in metadata.tables.values())
    silent = [str(c) for t in metadata.tables.values() for c in t.columns if not c.comment]
    assert silent == []


def test_the_field_list_is_the_whole_specification() -> None:
    assert len(SPECIFIED) == 13
    assert sum(len(fields) for fields in SPECIFIED.values()) == 196
