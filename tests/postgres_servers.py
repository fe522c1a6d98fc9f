"""PostgreSQL servers for tests: the embedded one, and one over TCP as an operator's would be."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.embedded.postgres_programs import postgres_programs
from hedgerow.infrastructure.embedded.service_user import ServiceUser, service_user
from hedgerow.infrastructure.postgres.engine import migrate, open_engine

EMPTY: Final = "hedgerow_empty"
MIGRATED: Final = "hedgerow_migrated"
# Nothing in a test has to outlive a power cut.
UNSAFE: Final = ("fsync", "synchronous_commit", "full_page_writes")
# What an operator's server has and the embedded one has not: a password, which a URL must quote,
# an owner who is no superuser, and another time zone than UTC.
ADMIN, OWNER, PASSWORD = "postgres", "operator", "p@ss/w:rd"
OPTIONS: Final = (
    "-c listen_addresses=127.0.0.1 -c unix_socket_directories= -c timezone=Asia/Kolkata"
)

_numbers = count(1)


@dataclass(frozen=True)
class PostgresServer:
    """A running server with two databases to copy: without tables, and with the newest schema."""

    admin: URL
    owner: URL

    def url(self, database: str) -> str:
        """The URL of a database as its owner, who migrates it."""
        return _in_full(self.owner.set(database=database))

    def admin_url(self, database: str) -> str:
        """The URL of a database as a superuser, who is past all that keeps rows apart."""
        return _in_full(self.admin.set(database=database))

    async def administer(self, *statements: str, database: str = "postgres") -> None:
        """Execute each statement as a superuser, outside of a transaction."""
        engine = create_async_engine(
            self.admin_url(database), isolation_level="AUTOCOMMIT", poolclass=NullPool
        )
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    async def make_templates(self) -> None:
        """Make the databases that are copied; the superuser gives what only they can give."""
        await self._copy("template1", EMPTY)
        await self.administer("CREATE EXTENSION vector", database=EMPTY)
        await self._copy(EMPTY, MIGRATED)
        async with open_engine(self.url(MIGRATED)) as engine:
            await migrate(engine)

    async def copy(self, template: str) -> str:
        """The name of a new database, to be dropped by who asked for it."""
        name = f"test_{next(_numbers)}"
        await self._copy(template, name)
        return name

    async def drop(self, name: str) -> None:
        """Drop a database, whoever is connected to it."""
        await self.administer(f"DROP DATABASE {name} WITH (FORCE)")

    async def _copy(self, template: str, name: str) -> None:
        # file by file is twice as fast as by the log where nothing waits for the disk
        await self.administer(
            f"CREATE DATABASE {name} TEMPLATE {template}"
            f" OWNER {self.owner.username} STRATEGY FILE_COPY"
        )


@contextmanager
def embedded_server() -> Iterator[PostgresServer]:
    """The embedded one."""
    with server_folder() as folder, EmbeddedPostgres(folder / "postgres") as postgres:
        url = make_url(postgres.url)
        server = PostgresServer(admin=url.set(username="postgres"), owner=url)
        asyncio.run(_start(server))
        yield server


@contextmanager
def tcp_server() -> Iterator[PostgresServer]:
    """One reached over TCP by a password, whose databases belong to a role without superpowers."""
    user = service_user()
    programs = postgres_programs(user)
    with server_folder() as folder:
        if os.geteuid() == 0:
            os.chown(folder, user.uid, user.gid)
        _initialise(programs, user, folder)
        port = _free_port()
        options = f"-p {port} {OPTIONS}"
        _run(user, folder, programs / "pg_ctl", "start", "-w", *_DATA, "-l", "log", "-o", options)
        try:
            admin = URL.create("postgresql+asyncpg", ADMIN, PASSWORD, "127.0.0.1", port)
            server = PostgresServer(admin, admin.set(username=OWNER))
            asyncio.run(_start(server))
            yield server
        finally:
            _run(user, folder, programs / "pg_ctl", "stop", "-m", "immediate", *_DATA)


@contextmanager
def server_folder() -> Iterator[Path]:
    """A folder that is not too deep for a socket, and that the user pgserver reaches."""
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-test-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


_DATA: Final = ("-D", "data")


async def _start(server: PostgresServer) -> None:
    await server.administer(*(f"ALTER SYSTEM SET {setting} = off" for setting in UNSAFE))
    await server.administer("SELECT pg_reload_conf()")
    if server.owner.username != server.admin.username:
        await server.administer(f"CREATE ROLE {OWNER} LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
    await server.make_templates()


def _initialise(programs: Path, user: ServiceUser, folder: Path) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    options = ("-U", ADMIN, "--auth=scram-sha-256", f"--pwfile={secret.name}")
    _run(
        user,
        folder,
        programs / "initdb",
        *_DATA,
        *options,
        "--encoding=UTF8",
        "--no-sync",
    )


def _run(user: ServiceUser, folder: Path, program: Path, *arguments: str) -> None:
    done = user.run([program, *arguments], folder)
    assert done.returncode == 0, done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _in_full(url: URL) -> str:
    return url.render_as_string(hide_password=False)
