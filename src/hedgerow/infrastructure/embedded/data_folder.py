"""The folder that holds everything Hedgerow keeps on this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from hedgerow.domain.errors import InputRefused

ELSEWHERE = "set HEDGEROW_DATA_DIR to a folder you can write to"
MEGABYTE = 1_000_000
# what the embedded services write before the first candle, with room for a run on top
FREE_BYTES_MIN = 500 * MEGABYTE


class Places:
    """Where each part of a data folder is, whether or not it has been made yet."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def postgres(self) -> Path:
        """Where the embedded PostgreSQL lives."""
        return self.path / "postgres"

    @property
    def redis(self) -> Path:
        """Where the embedded Redis lives."""
        return self.path / "redis"

    @property
    def vault_keys(self) -> Path:
        """The file of the vault's key-encryption keys."""
        return self.path / "vault" / "keys"

    @property
    def regime_models(self) -> Path:
        """The folder of learned regime models."""
        return self.path / "regimes"


class DataFolder(Places):
    """A private folder, made if absent; raises InputRefused where it cannot be used.

    Only its owner can enter it. As root others may pass through it without seeing what is in it,
    because the embedded PostgreSQL runs as a user of its own and has to reach its part.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        try:
            self._create()
        except OSError as error:
            what = f"the data folder cannot be created: {error.strerror}"
            raise InputRefused(what=what, where=str(self.path), fix=ELSEWHERE) from error
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            what = "the data folder is not writable for you"
            raise InputRefused(what=what, where=str(self.path), fix=ELSEWHERE)

    def require_free_space(self, needed_bytes: int) -> None:
        """Raise InputRefused unless the disk below the folder has `needed_bytes` free."""
        free_bytes = shutil.disk_usage(self.path).free
        if free_bytes < needed_bytes:
            raise InputRefused(
                what=f"needs {_megabytes(needed_bytes)} MB free in {self.path}, "
                f"{free_bytes // MEGABYTE} MB are",
                where=str(self.path),
                fix="free some disk space, or set HEDGEROW_DATA_DIR to a folder on a larger disk",
            )

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the folder for this process alone; raises InputRefused while another one does.

        The operating system lets go of the lock when its holder dies, in whatever way.
        """
        lock = FileLock(self.path / "run.lock", mode=0o600)
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise self._taken() from error
        except OSError as error:
            what = f"the data folder cannot be locked: {error.strerror}"
            raise InputRefused(what=what, where=str(self.path), fix=ELSEWHERE) from error
        try:
            self._pid_file.write_text(f"{os.getpid()}\n", encoding="ascii")
            yield
        finally:
            lock.release()

    @property
    def _pid_file(self) -> Path:
        return self.path / "run.pid"

    def _create(self) -> None:
        if self.path.is_dir():
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            self.path.chmod(0o711)

    def _taken(self) -> InputRefused:
        try:
            holder = f"process {int(self._pid_file.read_text(encoding='ascii'))}"
        except (OSError, ValueError):  # it has the lock and has not yet written who it is
            holder = "another process"
        return InputRefused(
            what=f"{holder} is using this data folder",
            where=str(self.path),
            fix="wait for it, stop it, or set HEDGEROW_DATA_DIR to another folder",
        )


def _megabytes(size_bytes: int) -> int:
    return -(-size_bytes // MEGABYTE)
