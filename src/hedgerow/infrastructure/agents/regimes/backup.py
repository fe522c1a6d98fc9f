"""The files of learned models in backups, byte by byte."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.agents.regimes.files import ModelFiles, timeframe_of
from hedgerow.usecases.ports.backup import ModelDump


class ModelsBackup:
    """Implements the ModelsDump and ModelsRestore ports over the folder of all versions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def versions(self) -> Sequence[str]:
        """Every version that has a file."""
        return ModelFiles(self._folder).versions()

    def write(self, version: str, sink: BinaryIO) -> None:
        """Write a file as it is; raises InputRefused where it cannot be read."""
        path = _file(self._folder, version)
        try:
            with path.open("rb") as file:
                shutil.copyfileobj(file, sink)
        except OSError as error:
            what = f"the model cannot be read: {error.strerror}"
            raise InputRefused(what, str(path), "make it readable, or move it away") from error

    def require_no_others(self, models: Sequence[ModelDump]) -> None:
        """Raise InputRefused where one of these versions is here and is another model.

        Raises it also for what is no version's name.
        """
        for model in models:
            path = _file(self._folder, model.version)
            if path.exists() and sha256(path.read_bytes()).hexdigest() != model.sha256:
                raise InputRefused(
                    what=f"is another model than the backup's {model.version}",
                    where=str(path),
                    fix="move it away, or add --replace to give it up",
                )

    @contextmanager
    def staged(self) -> Iterator[StagedModelFiles]:
        """Room for models beside those that are here, given back when the block ends."""
        with TemporaryDirectory(prefix=".regimes-", dir=self._folder.parent) as room:
            yield StagedModelFiles(Path(room), self._folder)


class StagedModelFiles:
    """Implements the StagedModels port: `room` is on the disk of `folder`."""

    def __init__(self, room: Path, folder: Path) -> None:
        self._room = room
        self._folder = folder

    def read(self, version: str, source: BinaryIO) -> None:
        """Take a file in; raises InputRefused for what is no version's name."""
        with _file(self._room, version).open("wb") as file:
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())

    def put_in_place(self) -> None:
        """Let them stand among the models that are here, in place of those of the same version."""
        self._folder.mkdir(exist_ok=True)
        for path in sorted(self._room.iterdir()):
            path.replace(self._folder / path.name)


def _file(folder: Path, version: str) -> Path:
    if timeframe_of(version) is None:
        # from an archive that others may have made: any other name could lead anywhere
        raise InputRefused(
            what="is not what a backup of Hedgerow holds",
            where=f"model {version!r} in the backup",
            fix="restore another backup",
        )
    return folder / f"{version}.json"
