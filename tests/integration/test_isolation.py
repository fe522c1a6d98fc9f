"""No user sees or touches another's rows, by whatever way; nobody named sees nothing."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from sqlalchemy import Table, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from builders import NOON
from hedgerow.domain.accounts import ExchangeAccount
from hedgerow.domain.errors import HedgerowError
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType
from hedgerow.domain.sessions import ContentType, EventContent, SessionEvent
from hedgerow.infrastructure.postgres import tables
from hedgerow.infrastructure.postgres.catalogue import isolation_gaps
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from postgres_fixtures import on_every_postgres
from stored import KEK, LATER, Stored, WordCount, store

ADA, BOB = UUID(int=0xADA), UUID(int=0xB0B)
TENANT_TABLES: Final = [
    table
    for table in tables.metadata.sorted_tables
    if table is tables.users or "user_id" in table.columns
]
Call = Callable[[Any, Stored], Awaitable[object]]


@pytest.fixture
async def ada(database: AsyncEngine) -> Stored:
    """Ada's fund; Bob has one too."""
    await store(database, BOB)
    return await store(database, ADA)


def owner_of(table: Table) -> Any:
    return table.c.id if table is tables.users else table.c.user_id


def account_of(stored: Stored) -> ExchangeAccount:
    (account,) = stored.fund.accounts.values()
    return account


async def seen(connection: AsyncConnection, table: Table) -> set[str]:
    """Whose rows of a table can be seen."""
    found = await connection.execute(select(owner_of(table)).distinct())
    return {str(owner) for owner in found.scalars() if owner is not None}


async def contents(engine: AsyncEngine, owner: UUID) -> dict[str, list[str]]:
    """All rows of a user, as a superuser sees them."""
    async with engine.connect() as connection:
        return {
            table.name: list(
                await connection.scalars(
                    select(
                        text(
                            f"t::text FROM {table.name} t WHERE t.{owner_of(table).name}::text"
                            " = :owner ORDER BY 1"
                        )
                    ),
                    {"owner": str(owner)},
                )
            )
            for table in TENANT_TABLES
        }


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

NOTHING: Final[dict[str, Call]] = {
    # What Bob is told when he asks for what is Ada's.
    "funds.load": lambda unit, ada: unit.funds.load(ada.user_id),
    "funds.breaker": lambda unit, ada: unit.funds.breaker(ada.user_id),
    "funds.pending_wishes": lambda unit, ada: unit.funds.pending_wishes(ada.user_id),
    "memories.recall": lambda unit, ada: unit.memories.recall(
        ada.user_id,
        RecallQuery(LATER + timedelta(days=1), "breakouts", vector=[1.0, 2.0]),
        WordCount.model,
    ),
    "memories.by_ids": lambda unit, ada: unit.memories.by_ids([ada.memory.id]),
    "memories.by_prefix": lambda unit, ada: unit.memories.by_prefix(
        ada.user_id, str(ada.memory.id)
    ),
    "memories.unvalidated": lambda unit, ada: unit.memories.unvalidated(
        [ada.memory.id], ada.closed.id
    ),
    "memories.validations": lambda unit, ada: unit.memories.validations(ada.memory.id, ada.user_id),
    "memories.of_trade": lambda unit, ada: unit.memories.of_trade(ada.closed.id),
    "journal.of_trade": lambda unit, ada: unit.journal.of_trade(ada.closed.id),
    "journal.trade_ids": lambda unit, ada: unit.journal.trade_ids(ada.user_id),
    "journal.awaiting_exit_verdict": lambda unit, ada: unit.journal.awaiting_exit_verdict(
        ada.user_id, LATER
    ),
    "sessions.find": lambda unit, ada: unit.sessions.find(
        ada.session.app_name, ada.user_id, ada.session.session_id
    ),
    "trades.by_part": lambda unit, ada: unit.trades.by_part(str(ada.closed.id)),
    "trades.positions": lambda unit, ada: unit.trades.positions(ada.strategy_id),
    "trades.orders": lambda unit, ada: unit.trades.orders(ada.closed.id),
    "trades.fills": lambda unit, ada: unit.trades.fills([ada.entry.id]),
    "trades.journal": lambda unit, ada: unit.trades.journal(ada.strategy_id),
    "trades.proposal": lambda unit, ada: unit.trades.proposal(ada.entry.id),
    "trades.equity_marks": lambda unit, ada: unit.trades.equity_marks(ada.strategy_id),
    "trades.events_about": lambda unit, ada: unit.trades.events_about(ada.user_id, [ada.entry.id]),
    "trades.breaker_trips": lambda unit, ada: unit.trades.breaker_trips(ada.user_id),
    "audit.events": lambda unit, ada: anext(unit.audit.events(ada.user_id), None),
    "audit.transfers": lambda unit, ada: anext(unit.audit.transfers(ada.user_id), None),
    "audit.orders": lambda unit, ada: unit.audit.orders(ada.user_id),
    "audit.positions": lambda unit, ada: unit.audit.positions(ada.user_id),
    "accounts.load": lambda unit, ada: unit.accounts.load(ada.data_key.account),
    "vault_keys.key_of": lambda unit, ada: unit.vault_keys.key_of(ada.data_key.account),
    "events.last": lambda unit, ada: unit.events.last(5, ada.user_id),
}
WRITES: Final[dict[str, Call]] = {
    # What Bob does to Ada's rows: refused, or without effect.
    "funds.add": lambda unit, ada: unit.funds.add(ada.fund),
    "funds.save": lambda unit, ada: unit.funds.save(ada.fund, list[TimedStep]()),
    "funds.wishes_done": lambda unit, ada: unit.funds.wishes_done(
        [wish.id for wish in ada.wishes], LATER
    ),
    "memories.add": lambda unit, ada: unit.memories.add([ada.memory], [[1.0, 1.0]], WordCount()),
    "memories.save_validation": lambda unit, ada: unit.memories.save_validation(
        ada.memory, ada.closed.id, ada.user_id, True, LATER
    ),
    "memories.expire": lambda unit, ada: unit.memories.expire([ada.memory.id], LATER),
    "accounts.add": lambda unit, ada: unit.accounts.add(account_of(ada)),
    "accounts.save": lambda unit, ada: unit.accounts.save(account_of(ada)),
    "vault_keys.add": lambda unit, ada: unit.vault_keys.add(ada.data_key, LATER),
    "vault_keys.replace": lambda unit, ada: unit.vault_keys.replace(ada.data_key, LATER),
    "vault_keys.any_under": lambda unit, _: unit.vault_keys.any_under(KEK),
    "vault_keys.register": lambda unit, _: unit.vault_keys.register("bob's", LATER),
    "vault_keys.retire": lambda unit, _: unit.vault_keys.retire(KEK),
    "inbox.claim": lambda unit, ada: unit.inbox.claim("other", [(ada.user_id, 1)]),
    "journal.add": lambda unit, ada: unit.journal.add(ada.journal),
    "journal.save_exit_verdict": lambda unit, ada: unit.journal.save_exit_verdict(ada.journal),
    "sessions.add": lambda unit, ada: unit.sessions.add(ada.session),
    "sessions.append": lambda unit, ada: unit.sessions.append(
        ada.session,
        SessionEvent(
            "e2", "bob", EventContent(ContentType.TEXT, text="Hi."), LATER + timedelta(days=1)
        ),
    ),
    "runs.add": lambda unit, ada: unit.runs.add(ada.run),
    "runs.save": lambda unit, ada: unit.runs.save(ada.run),
}
OWN: Final[dict[str, Call]] = {
    # What concerns no one user: Bob is told of himself only.
    "trades.last": lambda unit, _: unit.trades.last(),
    "trades.counts": lambda unit, ada: unit.trades.counts(ada.user_id),
    "runs.unfinished": lambda unit, ada: unit.runs.unfinished(ada.run.fingerprint),
    "runs.count": lambda unit, ada: unit.runs.count(ada.run.fingerprint),
    "runs.latest": lambda unit, _: unit.runs.latest(),
    "runs.all": lambda unit, _: unit.runs.all(),
    "runs.are_alone": lambda unit, _: unit.runs.are_alone(),
    "audit.user_ids": lambda unit, _: unit.audit.user_ids(),
    "events.heads": lambda unit, _: unit.events.heads(),
    "events.since": lambda unit, _: unit.events.since({}, 1_000),
    "vault_keys.usage": lambda unit, _: unit.vault_keys.usage(),
}
SHARED: Final = {
    "regimes.add",
    "regimes.at",
    "regimes.between",
    "regimes.latest",
    "vault_keys.registered",
    "vault_keys.claim_rotation",
}
# What only the system does, over the lessons of all; under a user it finds what is the user's.
SWEEPS: Final = {
    "memories.begin_promotion",
    "memories.forgettable",
    "memories.lessons_of_trades",
    "memories.shared_lessons",
}


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
        assert await connection.scalar(select(func.count()).select_from(tables.sessions)) == 2
        with pytest.raises(DBAPIError, match="ck_sessions_user_id"):
            await connection.execute(shouted)
