"""Whether a PostgreSQL can be used, and keeps users apart; nothing in it is changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.postgres.catalogue import isolation_gaps
from hedgerow.infrastructure.postgres.engine import MIGRATIONS, open_engine
from hedgerow.infrastructure.postgres.failures import said
from hedgerow.infrastructure.postgres.roles import APP, WORKER
from hedgerow.usecases.checks import Finding, failed, ok, warning

SETTING: Final = "HEDGEROW_POSTGRES_URL"
_VERSION_MIN: Final = 160000
# the search among shared memories goes on until it has enough, which older ones cannot
_PGVECTOR_MIN: Final = (0, 8)
_DRIFT_WARNED: Final = timedelta(seconds=1)
_DRIFT_FAILED: Final = timedelta(seconds=60)

_SERVER: Final = text(
    "SELECT current_setting('server_version_num')::int, current_setting('server_version'),"
    " current_user, current_database()"
)
_PGVECTOR: Final = text("""
    SELECT (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS installed,
           (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS available,
           rolsuper FROM pg_roles WHERE rolname = current_user
""")
_MAY_MIGRATE: Final = text("""
    SELECT rolsuper OR rolcreaterole AS makes_roles, to_regrole(:app) IS NOT NULL
           AND to_regrole(:worker) IS NOT NULL AS has_roles,
           has_schema_privilege('public', 'CREATE') AS makes_tables
    FROM pg_roles WHERE rolname = current_user
""")
_ROLES: Final = text("""
    SELECT wanted.name, r.oid IS NOT NULL AS is_there, r.rolsuper OR r.rolbypassrls AS sees_all,
           pg_has_role(current_user, r.oid, 'SET') AS can_be_taken_on,
           EXISTS (SELECT FROM pg_class c WHERE c.relowner = r.oid) AS owns
    FROM (VALUES (:app), (:worker)) AS wanted (name) LEFT JOIN pg_roles r ON r.rolname = wanted.name
""")
_IS_OWNER: Final = text(
    "SELECT bool_and(pg_has_role(current_user, relowner, 'USAGE')) FROM pg_class"
    " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')"
)


async def look_at_postgres(url: str) -> Sequence[Finding]:
    """Server, pgvector, schema, roles and clock of the database at `url`, or why it is closed."""
    try:
        async with AsyncExitStack() as stack:
            try:
                engine = await stack.enter_async_context(open_engine(url))
                connection = await stack.enter_async_context(engine.connect())
            except (InputRefused, ValueError, TypeError):
                # not repeated: it may hold the password
                found = f"{SETTING} has a part that the driver does not understand"
                fix = (
                    "write postgresql://USER:PASSWORD@HOST:PORT/DATABASE; for TLS add ?ssl=require"
                )
                return [failed("postgresql", found, fix)]
            await connection.execution_options(postgresql_readonly=True)
            clock = await _clock(connection)
            return [*await connection.run_sync(lambda sync: list(_findings(sync, url))), clock]
    except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return [failed("postgresql", f"{_place(url)}: {said(error)}", _fix_for(error))]


def _place(url: str) -> str:
    """Host, port and database without user, password or options."""
    parts = make_url(url)
    host = (parts.host or str(parts.query.get("host", "localhost"))).rpartition("@")[2]
    return f"{host}:{parts.port or 5432}/{parts.database or ''}"


def _fix_for(error: Exception) -> str:
    origin = getattr(error, "orig", error)
    match str(getattr(origin, "sqlstate", ""))[:2]:
        case "28":
            return f"correct user and password in {SETTING}, or what pg_hba.conf allows"
        case "3D":
            return f"create that database, or correct its name in {SETTING}"
        case "42":
            return "connect as the owner of the database and of its tables"
        case _:
            return f"start the server, or correct host and port in {SETTING}"


def _findings(connection: Connection, url: str) -> Iterator[Finding]:
    number, version, user, database = connection.execute(_SERVER).one()
    if number < _VERSION_MIN:
        found = f"{_place(url)} is PostgreSQL {version}, which is too old"
        yield failed("postgresql", found, "use PostgreSQL 16 or later")
        return
    yield ok("postgresql", f"version {version} at {_place(url)}")
    yield _pgvector(connection, database)
    revision = MigrationContext.configure(connection).get_current_revision()
    # the newest first
    known = [step.revision for step in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    if revision is None:
        yield _first_migration(connection, user, database)
    elif revision not in known:
        found = f"migrated to {revision}, which this version does not know"
        yield failed("schema", found, "run the version that migrated it, or use another database")
    else:
        yield _schema(list(reversed(known[: known.index(revision)])), known[0])
        yield from _roles(connection, user, is_newest=revision == known[0])


def _pgvector(connection: Connection, database: str) -> Finding:
    installed, available, is_superuser = connection.execute(_PGVECTOR).one()
    version = installed or available
    if version is None:
        fix = "install pgvector on that server (package postgresql-NN-pgvector)"
        return failed("pgvector", "the server does not have it", fix)
    if _number(version) < _PGVECTOR_MIN:
        fix = "install 0.8 or later, then ALTER EXTENSION vector UPDATE"
        return failed("pgvector", f"version {version} is too old", fix)
    if installed is None and not is_superuser:
        found = f"version {version} is at hand, and only a superuser may create it"
        fix = f"as a superuser, in database {database}: CREATE EXTENSION vector"
        return failed("pgvector", found, fix)
    when = "" if installed else " is at hand, and created by the first migration"
    return ok("pgvector", f"version {version}{when}")


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(digits) for digits in re.findall(r"\d+", version)[:2])


def _first_migration(connection: Connection, user: str, database: str) -> Finding:
    roles = {"app": APP, "worker": WORKER}
    makes_roles, has_roles, makes_tables = connection.execute(_MAY_MIGRATE, roles).one()
    if not makes_tables:
        fix = f"ALTER DATABASE {database} OWNER TO {user}"
        return failed("schema", f"{user} may not create tables in schema public", fix)
    if not makes_roles and not has_roles:
        fix = f"ALTER ROLE {user} CREATEROLE, or have both created and granted to it WITH SET TRUE"
        return failed("schema", f"{user} may not create the roles {APP} and {WORKER}", fix)
    return ok("schema", "empty; the first command that needs it makes the tables")


def _schema(pending: Sequence[str], newest: str) -> Finding:
    if pending:
        found = f"these migrations are pending: {', '.join(pending)}"
        fix = "run `hedgerow db migrate`; every other command that needs the database does so too"
        return warning("schema", found, fix)
    return ok("schema", f"migrated to {newest}, the newest")


def _roles(connection: Connection, user: str, *, is_newest: bool) -> Iterator[Finding]:
    problems = list(_role_problems(connection, user))
    if is_newest:
        gaps = [f"{table} {problem}" for table, problem in isolation_gaps(connection)]
        if gaps:
            fix = "`hedgerow db check` names what differs; restore it as the migrations made it"
            problems.append(failed("roles", "; ".join(gaps), fix))
    yield from problems or [ok("roles", f"{APP} and {WORKER} own nothing and bypass nothing")]


def _role_problems(connection: Connection, user: str) -> Iterator[Finding]:
    if connection.scalar(_IS_OWNER) is False:
        fix = "connect as their owner, or REASSIGN OWNED to this user"
        yield failed("roles", f"{user} does not own all tables, so it cannot migrate them", fix)
    for role in connection.execute(_ROLES, {"app": APP, "worker": WORKER}).mappings():
        name = role["name"]
        if not role["is_there"]:
            fix = f"CREATE ROLE {name} NOLOGIN, then restore its rights from a backup"
            yield failed("roles", f"{name} is missing", fix)
            continue
        if role["sees_all"]:
            fix = f"ALTER ROLE {name} NOSUPERUSER NOBYPASSRLS"
            yield failed("roles", f"{name} bypasses the rules that keep users apart", fix)
        if role["owns"]:
            fix = f"REASSIGN OWNED BY {name} TO {user}"
            yield failed("roles", f"{name} owns tables, and could lift their rules", fix)
        if not role["can_be_taken_on"]:
            fix = f"GRANT {name} TO {user} WITH SET TRUE"
            yield failed("roles", f"{user} may not act as {name}", fix)


async def _clock(connection: AsyncConnection) -> Finding:
    before = datetime.now(UTC)
    there: datetime = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    return compare_clocks(before, there, datetime.now(UTC))


def compare_clocks(before: datetime, there: datetime, after: datetime) -> Finding:
    """How far the database's clock is off, asked between `before` and `after` by ours."""
    # what the way there and back took says nothing
    drift = max(before - there, there - after, timedelta())
    found = f"this machine and the database differ by {drift.total_seconds():.1f} s"
    fix = "have both follow a time server (timedatectl set-ntp true)"
    if drift >= _DRIFT_FAILED:
        return failed("clock", found, fix)
    return warning("clock", found, fix) if drift >= _DRIFT_WARNED else ok("clock", found)
