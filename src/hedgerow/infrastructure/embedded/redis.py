"""A Redis server of one's own, started from a folder and shared by the processes that use it.

It keeps nothing on disk: whatever must not be lost is in PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from pathlib import Path
from urllib.parse import quote

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded.locks import POLL_SECONDS, FileHold
from hedgerow.infrastructure.embedded.redis_program import redis_program
from hedgerow.infrastructure.embedded.service_user import ServiceUser
from hedgerow.infrastructure.embedded.shared_server import (
    READY_SECONDS_MAX,
    STOP_SECONDS_MAX,
    SharedServer,
)
from hedgerow.infrastructure.embedded.socket_folder import socket_folder

SOCKET = ".s.REDIS"
# nothing listens on the network, and whoever reaches the socket is its owner
OPTIONS = "--daemonize yes --port 0 --unixsocketperm 700 --appendonly no --loglevel notice"


class EmbeddedRedis(SharedServer):
    """A Redis in a folder, empty when it starts; entering blocks for some milliseconds.

    It runs as whoever starts it.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._socket: Path | None = None

    @property
    def url(self) -> str:
        """The URL for a client; only inside the block."""
        assert self._socket is not None, "the server is not in use"
        return f"unix://{quote(str(self._socket))}"

    def revive(self) -> None:
        """Start the server anew where it was killed; blocks, raises InputRefused."""
        with self._transition():
            self._open()

    def _own_folder(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def _open(self) -> None:
        self._socket = socket_folder(self.folder, _me(), SOCKET) / SOCKET
        if not self._answers(self._socket):
            self._launch(self._socket)

    def _close(self) -> None:
        self._socket = None

    def _answers(self, path: Path) -> bool:
        """Whether a server runs and accepts connections; False where no process is left."""
        deadline = time.monotonic() + READY_SECONDS_MAX
        while self._is_running():
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                if client.connect_ex(str(path)) == 0:
                    return True
            if time.monotonic() > deadline:
                raise self._refusal("a server process is left and does not answer")
            time.sleep(POLL_SECONDS)
        return False

    def _launch(self, path: Path) -> None:
        for left in (path, self._pid_file, self._log):
            left.unlink(missing_ok=True)
        # relative to the folder, whose name may hold what Redis would take for options
        command: list[str | Path] = [redis_program(), *OPTIONS.split(), "--save", ""]
        command += ["--dir", ".", "--pidfile", self._pid_file.name, "--logfile", self._log.name]
        command += ["--unixsocket", path.name if path.parent == self.folder else path]
        server = FileHold(self._server_lock)
        try:
            server.share()
            said = _me().run(command, self.folder, inherited=[server.descriptor]).stdout
        finally:
            server.close()
        if not self._answers(path):
            raise self._refusal(_last_line(said + self._log_text()))

    def _stop(self) -> None:
        self._stop_server()
        if self._socket is not None and self._socket.parent != self.folder:
            # ours alone; errors are ignored because the system may have swept /tmp before us
            shutil.rmtree(self._socket.parent, ignore_errors=True)

    def _stop_server(self) -> None:
        server = FileHold(self._server_lock)
        try:
            for how in (signal.SIGTERM, signal.SIGKILL):
                if server.take():
                    return
                os.kill(self._pid(), how)
                if server.take(STOP_SECONDS_MAX):
                    return
            raise self._refusal("the server does not stop")
        finally:
            server.close()

    def _pid(self) -> int:
        # written by the server that holds the lock: the file of another one was removed before
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while time.monotonic() < deadline:
            text = self._pid_file.read_text() if self._pid_file.exists() else ""
            if text.endswith("\n"):
                return int(text)
            time.sleep(POLL_SECONDS)
        raise self._refusal("a server process is left and cannot be told apart")

    @property
    def _pid_file(self) -> Path:
        return self.folder / "redis.pid"

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    def _log_text(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _refusal(self, reason: str) -> InputRefused:
        return InputRefused(
            what=f"the embedded Redis cannot be used: {reason}",
            where=str(self.folder),
            fix=f"read {self._log}; set HEDGEROW_DATA_DIR to another folder, "
            "or HEDGEROW_REDIS_URL to a server of your own",
        )


def _me() -> ServiceUser:
    return ServiceUser(uid=os.geteuid(), gid=os.getegid())


def _last_line(output: str) -> str:
    lines = output.strip().splitlines()
    return lines[-1].strip() if lines else "it ended without a word"
