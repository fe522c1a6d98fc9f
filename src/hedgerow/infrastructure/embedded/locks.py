"""Locks on files that the operating system releases when the last process holding them ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

POLL_SECONDS = 0.02


class FileHold:
    """An open file to lock; a child process that inherits `descriptor` shares the lock."""

    def __init__(self, path: Path) -> None:
        self.descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def share(self) -> None:
        """Hold the lock together with others; waits while somebody has it alone."""
        fcntl.flock(self.descriptor, fcntl.LOCK_SH)

    def take(self, timeout_seconds: float = 0) -> bool:
        """Hold the lock alone, or False where others still hold it after `timeout_seconds`."""
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(POLL_SECONDS)
            else:
                return True

    def close(self) -> None:
        """Let go, unless a child process has inherited the lock: then it holds on."""
        os.close(self.descriptor)


def is_held(path: Path) -> bool:
    """Whether any process holds the lock on `path`, alone or together."""
    hold = FileHold(path)
    try:
        return not hold.take()
    finally:
        hold.close()
