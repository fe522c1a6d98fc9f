"""A PostgreSQL server of one's own, started from a folder and shared by the processes that use it.

The programs of PostgreSQL come with a Python package.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded.locks import POLL_SECONDS, FileHold
from hedgerow.infrastructure.embedded.postgres_programs import postgres_programs
from hedgerow.infrastructure.embedded.postmaster import Postmaster, reason_in
from hedgerow.infrastructure.embedded.service_user import ServiceUser, service_user
from hedgerow.infrastructure.embedded.shared_server import (
    READY_SECONDS_MAX,
    STOP_SECONDS_MAX,
    SharedServer,
)
from hedgerow.infrastructure.embedded.socket_folder import SOCKET, socket_folder

# durability is left as PostgreSQL ships it: fsync and synchronous_commit are on
OPTIONS = "-p 5432 -c listen_addresses= -c jit=off -c timezone=UTC -c log_checkpoints=off"
# Hedgerow works as an owner who is no superuser, as on a server of one's own: nothing but row-level
# security then stands between it and the rows, and FORCE binds it too.
CREATE_DATABASE = r"""
SET client_min_messages = warning;
SELECT 'CREATE ROLE hedgerow LOGIN CREATEROLE'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hedgerow') \gexec
SELECT 'CREATE DATABASE hedgerow OWNER hedgerow'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'hedgerow') \gexec
\connect hedgerow
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS vector;
"""
_ELSEWHERE = "set HEDGEROW_DATA_DIR to another folder"
_FIXES = {
    "No space left on device": f"free some disk space, or {_ELSEWHERE}",
    "Permission denied": f"let its owner write to the folder, or {_ELSEWHERE}",
    "Read-only file system": _ELSEWHERE,
}


class EmbeddedPostgres(SharedServer):
    """A PostgreSQL in a folder; entering blocks for about two seconds the first time."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._postmaster: Postmaster | None = None

    @property
    def url(self) -> str:
        """The SQLAlchemy URL of the database `hedgerow`; only inside the block."""
        assert self._postmaster is not None, "the server is not in use"
        host = quote(str(self._postmaster.socket_folder))
        # the port names the socket; without it the driver would look at PGPORT
        return f"postgresql+asyncpg://hedgerow@/hedgerow?host={host}&port=5432"

    def _own_folder(self) -> None:
        user = service_user()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.folder.stat().st_uid != user.uid:
            os.chown(self.folder, user.uid, user.gid)
        if not user.can_enter(self.folder):
            raise InputRefused(
                what="PostgreSQL does not run as root, and its user pgserver cannot reach "
                "its folder: a folder above it is closed to others",
                where=str(self.folder),
                fix="set HEDGEROW_DATA_DIR to a folder outside of homes, such as /var/lib/hedgerow",
            )

    def _open(self) -> None:
        user = service_user()
        self._postmaster = self._served() or self._launch(user)
        self._create_database(user)

    def _close(self) -> None:
        self._postmaster = None

    def _served(self) -> Postmaster | None:
        """The server once it answers, or None where no server process is left."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while self._is_running():
            postmaster = Postmaster.read(self._data)
            if postmaster is not None and postmaster.is_ready and postmaster.answers():
                return postmaster
            if time.monotonic() > deadline:
                raise self._refusal("a server process is left and does not answer")
            time.sleep(POLL_SECONDS)
        return None

    def _launch(self, user: ServiceUser) -> Postmaster:
        programs = postgres_programs(user)
        self._initialise(programs, user)
        socket = socket_folder(self.folder, user)
        self._remove_leftovers(socket)
        options = f"{OPTIONS} -k {socket}"
        server = FileHold(self._server_lock)
        try:
            server.share()
            # -D and -l relative to the folder: pg_ctl hands them to a shell without quoting
            command: list[str | Path] = [programs / "pg_ctl", "start", "-W", "-D", "data"]
            command += ["-l", "log", "-o", options]
            said = user.run(command, self.folder, inherited=[server.descriptor]).stdout
        finally:
            server.close()
        postmaster = self._served()
        if postmaster is None:
            raise self._refusal(reason_in(said + self._log_text()))
        return postmaster

    def _initialise(self, programs: Path, user: ServiceUser) -> None:
        if self._data.exists():
            return
        # made aside and renamed, so that an initdb cut short is never taken for a database
        fresh = self.folder / "data.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        command: list[str | Path] = [
            programs / "initdb",
            "-D",
            fresh.name,
            "-U",
            "postgres",
            "--auth=trust",
        ]
        command += ["--encoding=UTF8", "--locale=C"]
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = user.run(command, self.folder)
        if done.returncode != 0:
            raise self._refusal(reason_in(done.stdout))
        fresh.rename(self._data)

    def _remove_leftovers(self, socket: Path) -> None:
        postmaster = Postmaster.read(self._data)
        # a server that answers was started by hand: PostgreSQL itself then says so and refuses
        if postmaster is None or not postmaster.answers():
            (self._data / "postmaster.pid").unlink(missing_ok=True)
            (socket / f"{SOCKET}.lock").unlink(missing_ok=True)
        self._log.unlink(missing_ok=True)

    def _create_database(self, user: ServiceUser) -> None:
        assert self._postmaster is not None
        psql = postgres_programs(user) / "psql"
        command: list[str | Path] = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1"]
        command += ["-h", self._postmaster.socket_folder, "-U", "postgres", "-d", "postgres"]
        done = user.run(command, self.folder, text=CREATE_DATABASE)
        if done.returncode != 0:
            raise self._refusal(reason_in(done.stdout))

    def _stop(self) -> None:
        self._stop_server()
        self._sweep_socket_folder()

    def _stop_server(self) -> None:
        postmaster = self._served()
        if postmaster is None:
            return
        server = FileHold(self._server_lock)
        try:
            # fast, then at once: the second way costs a recovery at the next start, no data
            for how in (signal.SIGINT, signal.SIGQUIT):
                with suppress(ProcessLookupError):  # it has died of itself
                    os.kill(postmaster.pid, how)
                if server.take(STOP_SECONDS_MAX):
                    return
            raise self._refusal("the server does not stop")
        finally:
            server.close()

    def _sweep_socket_folder(self) -> None:
        if self._postmaster is not None and self._postmaster.socket_folder != self.folder:
            # ours alone; errors are ignored because the system may have swept /tmp before us
            shutil.rmtree(self._postmaster.socket_folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _refusal(self, reason: str) -> InputRefused:
        fix = f"read {self._log}; {_ELSEWHERE}, or HEDGEROW_POSTGRES_URL to a server of your own"
        for sign, better in _FIXES.items():
            fix = better if sign in reason else fix
        what = f"the embedded PostgreSQL cannot be used: {reason}"
        return InputRefused(what=what, where=str(self.folder), fix=fix)
