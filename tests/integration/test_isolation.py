"""No user sees or touches another's rows, by whatever way; nobody named sees nothing."""

from __future__ import annotations

import inspect
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from builders import NOON
from hedgerow.domain.ai_budget import BudgetState, month_of
from hedgerow.domain.errors import HedgerowError
from hedgerow.domain.journal import SetupRecord
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.catalogue import isolation_gaps
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from postgres_fixtures import on_every_postgres
from stored import KEK, LATER, Stored, WordCount, store
from tenant_walk import NOTHING, OWN, SHARED, SWEEPS, TENANT_TABLES, WRITES, contents, owner_of

ADA, BOB = UUID(int=0xADA), UUID(int=0xB0B)


@pytest.fixture
async def ada(database: AsyncEngine) -> Stored:
    """Ada's fund; Bob has one too."""
    await store(database, BOB)
    return await store(database, ADA)


async def seen(connection: AsyncConnection, table: Table) -> set[str]:
    """Whose rows of a table can be seen."""
    found = await connection.execute(select(owner_of(table)).distinct())
    return {str(owner) for owner in found.scalars() if owner is not None}


@on_every_postgres
async def test_every_table_shows_a_user_their_own_rows(database: AsyncEngine, ada: Stored) -> None:
    async with database.connect() as connection:
        await act_as(connection, ADA)
        for table in TENANT_TABLES:
            owners = await seen(connection, table)
            assert owners == ({str(ADA)} if table.name != "memory_validations" else set()), table


@on_every_postgres
async def test_the_system_sees_all(database: AsyncEngine, ada: Stored) -> None:
    async with database.connect() as connection:
        await act_as(connection, SYSTEM)
        assert await seen(connection, tables.orders) == {str(ADA), str(BOB)}


@pytest.mark.parametrize("setting", [None, "", str(UUID(int=0xE5E))])
@on_every_postgres
async def test_nobody_sees_nothing(database: AsyncEngine, ada: Stored, setting: str | None) -> None:
    async with database.connect() as connection:
        await connection.execute(text("SET LOCAL ROLE hedgerow_app"))
        if setting is not None:
            await connection.execute(
                text("SELECT set_config('hedgerow.user_id', :id, true)"), {"id": setting}
            )
        for table in TENANT_TABLES:
            assert await seen(connection, table) == set(), table


async def test_a_user_that_is_no_id_is_refused(database: AsyncEngine, ada: Stored) -> None:
    async with database.connect() as connection:
        await connection.execute(text("SET LOCAL ROLE hedgerow_app"))
        await connection.execute(text("SELECT set_config('hedgerow.user_id', 'ada', true)"))
        with pytest.raises(DBAPIError, match="invalid input syntax for type uuid"):
            await seen(connection, tables.orders)


@on_every_postgres
async def test_a_role_ends_with_its_transaction(database: AsyncEngine, ada: Stored) -> None:
    async with PostgresUnitOfWork(database, ADA) as unit:
        await unit.commit()
        with pytest.raises(Exception, match="closed"):
            await unit.trades.last()
    async with database.connect() as connection:
        assert await connection.scalar(text("SELECT current_user = session_user"))
        left = await connection.scalar(text("SELECT current_setting('hedgerow.user_id', true)"))
        assert not left


@on_every_postgres
async def test_no_tenant_table_is_left_open(database: AsyncEngine) -> None:
    async with database.connect() as connection:
        assert await connection.run_sync(lambda sync: list(isolation_gaps(sync))) == []


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("ALTER TABLE orders NO FORCE ROW LEVEL SECURITY", "does not force"),
        ("ALTER TABLE orders DISABLE ROW LEVEL SECURITY", "has no row-level security"),
        ("DROP POLICY own_rows ON orders", "has no policy"),
        ("CREATE TABLE notes (user_id uuid)", "has no row-level security"),
        ("DROP INDEX ix_memory_validations_user_id", "has no index"),
        ("GRANT SELECT ON orders_default TO hedgerow_app", "is a partition that can be read"),
    ],
)
async def test_an_open_tenant_table_is_named(
    database: AsyncEngine, statement: str, problem: str
) -> None:
    async with database.begin() as connection:
        await connection.execute(text(statement))
        gaps = await connection.run_sync(lambda sync: list(isolation_gaps(sync)))
    assert any(found.startswith(problem) for _, found in gaps)


@on_every_postgres
async def test_the_application_owns_nothing(database: AsyncEngine) -> None:
    owned = text(
        "SELECT DISTINCT r.rolname, d.classid::regclass::text"
        " FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid"
        " WHERE d.deptype = 'o' AND r.rolname IN ('hedgerow_app', 'hedgerow_worker')"
    )
    flags = text(
        "SELECT bool_or(rolsuper OR rolbypassrls OR rolcanlogin OR rolcreaterole)"
        " FROM pg_roles WHERE rolname IN ('hedgerow_app', 'hedgerow_worker')"
    )
    async with database.connect() as connection:
        # the one function that counts validations for users who must not
        found = (await connection.execute(owned)).all()
        assert [tuple(row) for row in found] == [("hedgerow_worker", "pg_proc")]
        assert await connection.scalar(flags) is False


# --- every method of every repository --------------------------------------------------------


async def test_the_walk_leaves_no_method_out(database: AsyncEngine) -> None:
    async with PostgresUnitOfWork(database, BOB) as unit:
        methods = {
            f"{name}.{method}"
            for name, repository in vars(unit).items()
            if not name.startswith("_")
            for method, _ in inspect.getmembers(repository, inspect.ismethod)
            if not method.startswith("_")
        }
    assert methods == {*NOTHING, *WRITES, *OWN, *SHARED, *SWEEPS}


@on_every_postgres
async def test_no_method_tells_of_another_user(database: AsyncEngine, ada: Stored) -> None:
    for name, call in NOTHING.items():
        async with PostgresUnitOfWork(database, ADA) as unit:
            own = await call(unit, ada)
        async with PostgresUnitOfWork(database, BOB) as unit:
            try:
                told = await call(unit, ada)
            except (HedgerowError, KeyError):
                continue
        assert not told, name
        assert own or name in {"trades.equity_marks", "memories.validations"}, name


@on_every_postgres
async def test_no_method_changes_another_users_rows(
    database: AsyncEngine, admin_database: AsyncEngine, ada: Stored
) -> None:
    before = await contents(admin_database, ADA)
    assert all(before[name] for name in ("orders", "events", "sessions", "journal_entries"))
    for call in WRITES.values():
        ada.journal.was_correct_exit = False
        try:
            async with PostgresUnitOfWork(database, BOB) as unit:
                await call(unit, ada)
                await unit.commit()
        except (HedgerowError, DBAPIError):
            pass
        assert await contents(admin_database, ADA) == before


@on_every_postgres
async def test_what_concerns_no_one_concerns_oneself(database: AsyncEngine, ada: Stored) -> None:
    async with PostgresUnitOfWork(database, BOB) as unit:
        told = {name: await call(unit, ada) for name, call in OWN.items()}
    for name in ("trades.last", "runs.unfinished", "runs.latest"):
        assert told[name].user_id == BOB, name  # type: ignore[attr-defined]
    assert told["meetings.last"].user_id == BOB  # type: ignore[attr-defined]
    assert told["journal.record_of"] == SetupRecord(0, 0, Decimal(0))
    assert told["runs.finished"] is None
    assert told["ai_budgets.state"] == BudgetState(month_of(NOON))
    assert told["runs.count"] == 1
    assert [run.user_id for run in told["runs.all"]] == [BOB]  # type: ignore[attr-defined]
    assert told["audit.user_ids"] == [BOB]
    assert set(told["events.heads"]) == {BOB}  # type: ignore[call-overload]
    assert {event.user_id for event in told["events.since"]} == {BOB}  # type: ignore[attr-defined]
    assert told["vault_keys.usage"] == {KEK: 1}
    assert set(told["trades.counts"].values()) == {0}  # type: ignore[attr-defined]


# --- references ------------------------------------------------------------------------------


@on_every_postgres
async def test_a_row_cannot_name_another_users(database: AsyncEngine, ada: Stored) -> None:
    async with database.connect() as connection:
        await act_as(connection, BOB)
        row = {
            "id": UUID(int=1),
            "user_id": BOB,
            "strategy_id": ada.strategy_id,
            "fingerprint": "",
            "plan": {},
            "venue": {},
            "started_at": NOON,
        }
        with pytest.raises(DBAPIError, match="fk_paper_runs_user_id_strategy_id"):
            await connection.execute(insert(tables.paper_runs), row)


@on_every_postgres
async def test_nobody_writes_in_anothers_name(database: AsyncEngine, ada: Stored) -> None:
    async with database.connect() as connection:
        await act_as(connection, BOB)
        row = {"user_id": ADA, "kind": "Notify", "body": {}, "created_at": NOON}
        with pytest.raises(DBAPIError, match="row-level security"):
            await connection.execute(insert(tables.wishes), row)


async def test_a_user_cannot_raise_their_own_tier(database: AsyncEngine, ada: Stored) -> None:
    async with database.connect() as connection:
        await act_as(connection, ADA)
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text("UPDATE users SET is_premium = true"))


@on_every_postgres
async def test_collective_memories_are_read_and_validated_by_all(
    database: AsyncEngine, ada: Stored
) -> None:
    shared = Memory(
        id=UUID(int=0xC0),
        scope=MemoryScope.COLLECTIVE,
        type=MemoryType.PATTERN,
        content="Funding flips before a squeeze.",
        agent_id="reviewer",
        created_at=NOON,
    )
    async with PostgresUnitOfWork(database, SYSTEM) as unit:
        await unit.memories.add([shared], [[1.0, 1.0]], WordCount())
        await unit.commit()
    async with PostgresUnitOfWork(database, ADA) as unit:
        (found,) = await unit.memories.by_ids([shared.id])
        found.validate(was_right=True)
        await unit.memories.save_validation(found, ada.closed.id, ADA, True, LATER)
        await unit.commit()
    async with PostgresUnitOfWork(database, BOB) as unit:
        (seen_by_bob,) = await unit.memories.by_ids([shared.id])
        assert seen_by_bob.validation_trades == 1
    async with database.connect() as connection:
        await act_as(connection, BOB)
        with pytest.raises(DBAPIError, match="permission denied"):
            await connection.execute(text("UPDATE memories SET content = 'Buy my coin.'"))


async def test_a_user_adds_no_collective_memory(database: AsyncEngine, ada: Stored) -> None:
    shared = Memory(UUID(int=0xC1), MemoryScope.COLLECTIVE, MemoryType.PATTERN, "", "", NOON)
    async with PostgresUnitOfWork(database, ADA) as unit:
        with pytest.raises(DBAPIError, match="row-level security"):
            await unit.memories.add([shared], [[1.0, 1.0]], WordCount())


async def test_regimes_are_shared(database: AsyncEngine, ada: Stored) -> None:
    async with PostgresUnitOfWork(database, BOB) as unit:
        assert await unit.regimes.at("BTC/USDT", Timeframe.H1, NOON) is None
        await unit.regimes.add([])


async def test_sessions_know_their_user_by_one_spelling(database: AsyncEngine, ada: Stored) -> None:
    shouted = text("UPDATE sessions SET user_id = upper(user_id)")
    async with database.connect() as connection:
        await act_as(connection, SYSTEM)
        assert await connection.scalar(select(func.count()).select_from(tables.sessions)) == 4
        with pytest.raises(DBAPIError, match="ck_sessions_user_id"):
            await connection.execute(shouted)
