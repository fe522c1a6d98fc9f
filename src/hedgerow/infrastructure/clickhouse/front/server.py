"""The front, served from a thread of its own."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from typing import Final

import uvicorn

from hedgerow.infrastructure.clickhouse.address import Address
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.front.app import make_app
from hedgerow.infrastructure.clickhouse.front.sessions import Sessions

LOOPBACK: Final = "127.0.0.1"
USER: Final = "hedgerow"
_POLL_SECONDS: Final = 0.005
# How long statements under way may take to end when the front closes.
_LEAVE_SECONDS: Final = 10


class Front:
    """Serves `clickhouse` on a free port of loopback, from `start` to `stop`.

    Its thread has an event loop of its own, so that it answers while the rest of the process
    computes. The password is a new one each time.
    """

    def __init__(self, clickhouse: EmbeddedClickHouse) -> None:
        self._sessions = Sessions(clickhouse.open_session)
        self._password = secrets.token_urlsafe(32)
        # The protocol is named because asyncio sets TCP_NODELAY on no other sockets, and without
        # it each answer waits 40 ms for an acknowledgement.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._server = uvicorn.Server(
            uvicorn.Config(
                make_app(self._sessions, USER, self._password),
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_LEAVE_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="clickhouse front", daemon=True)

    @property
    def address(self) -> Address:
        """Where it listens, and the password."""
        port: int = self._socket.getsockname()[1]
        return Address(LOOPBACK, port, USER, self._password, database="default")

    def start(self) -> None:
        """Listen; returns when the first request can come."""
        self._socket.bind((LOOPBACK, 0))
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the front did not start"
            time.sleep(_POLL_SECONDS)

    def stop(self) -> None:
        """Let statements under way end, and listen no more."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
        self._sessions.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])
