"""A server that is started from a folder and shared by the processes that use it.

Only the kernel is trusted to tell who is alive: the server holds a lock that it inherits when it
is started, and every user of the server holds another. A process that dies in whatever way lets
go of its locks, so a left-over pid file or a process id used again cannot mislead.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded.locks import FileHold, is_held

READY_SECONDS_MAX = 120  # recovery after a power cut reads up to a gigabyte of log
STOP_SECONDS_MAX = 30


class SharedServer(ABC):
    """The server whose files are below `folder`, running inside the `with` block.

    The first to enter starts it, the last to leave stops it; processes may share one folder.
    Raises InputRefused where the server cannot be started, with what it said last.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._use: FileHold | None = None

    def __enter__(self) -> Self:
        assert self._use is None, "already entered"
        try:
            self._own_folder()
            with self._transition():
                self._enter()
        except OSError as error:
            raise self._refusal(error.strerror or str(error)) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._use is not None, "never entered"
        with self._transition():
            self._leave()

    @abstractmethod
    def _own_folder(self) -> None:
        """Make the folder, and see that the server can use it."""

    @abstractmethod
    def _open(self) -> None:
        """Find the server that runs, or launch one."""

    @abstractmethod
    def _stop(self) -> None:
        """End the server, of which nobody else is a user."""

    @abstractmethod
    def _close(self) -> None:
        """Forget the server that was found."""

    @abstractmethod
    def _refusal(self, reason: str) -> InputRefused:
        """Why the server cannot be used, and what to do."""

    @property
    def _server_lock(self) -> Path:
        return self.folder / "server.lock"

    def _is_running(self) -> bool:
        return is_held(self._server_lock)

    @contextmanager
    def _transition(self) -> Iterator[None]:
        turn = FileHold(self.folder / "start.lock")
        try:
            if not turn.take(READY_SECONDS_MAX + STOP_SECONDS_MAX):
                raise self._refusal("another process does not finish starting or stopping it")
            yield
        finally:
            turn.close()

    def _enter(self) -> None:
        self._use = FileHold(self.folder / "users.lock")
        try:
            self._use.share()
            self._open()
        except BaseException:
            self._leave()
            raise

    def _leave(self) -> None:
        assert self._use is not None
        try:
            if self._use.take():
                self._stop()
        finally:
            self._use.close()
            self._use = None
            self._close()
