"""A backup as a ZIP file: a member for each table, and `manifest.json` as the last one."""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.codec import decode, encode
from hedgerow.usecases.make_backup import FORMAT_VERSION
from hedgerow.usecases.ports.backup import Manifest, TableDump

MANIFEST: Final = "manifest.json"
_COMPRESSION: Final = 3  # half the time of the usual 6, for a tenth more bytes
_PIECE_BYTES: Final = 1 << 20
_MAGIC: Final = b"PK\x03\x04"
_DAMAGE: Final = (BadZipFile, zlib.error, EOFError, NotImplementedError)


class ZipArchives:
    """Implements the Archives port."""

    @contextmanager
    def create(self, path: Path) -> Iterator[ZipWriter]:
        """An archive that is at `path` once it is sealed, and nowhere if it never is."""
        _require_free(path)
        partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
        with _refusals(path):
            raw = _PartialFile(partial, path)
        try:
            with (
                io.BufferedWriter(raw) as file,
                ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_COMPRESSION) as archive,
            ):
                yield ZipWriter(path, partial, file, archive)
        finally:
            partial.unlink(missing_ok=True)

    @contextmanager
    def open(self, path: Path) -> Iterator[ZipReader]:
        """The archive at `path`."""
        try:
            file = path.open("rb")
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            raise InputRefused(what, str(path), "name a backup that you may read") from error
        with file:
            begins_well = file.read(len(_MAGIC)) == _MAGIC
            try:
                archive = ZipFile(file)
            except _DAMAGE as error:
                raise _unusable(path, cut_off=begins_well) from error
            with archive:
                yield ZipReader(path, archive)


class _PartialFile(io.FileIO):
    """A new file that only its owner can read; raises InputRefused where it cannot be written."""

    def __init__(self, partial: Path, path: Path) -> None:
        super().__init__(partial, "xb", opener=_open_private)
        self._path = path

    def write(self, data: Any) -> int:
        with _refusals(self._path):
            return super().write(data)


def _open_private(name: str, flags: int) -> int:
    # whoever can read it can read every fund
    return os.open(name, flags, 0o600)


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise InputRefused(what, str(path), "name a file where there is room") from error


class ZipWriter:
    """Implements the ArchiveWriter port."""

    def __init__(self, path: Path, partial: Path, file: IO[bytes], archive: ZipFile) -> None:
        self._path = path
        self._partial = partial
        self._file = file
        self._archive = archive
        self._digests: dict[str, str] = {}

    @contextmanager
    def member(self, name: str) -> Iterator[BinaryIO]:
        """A new member to write to; one at a time."""
        with self._archive.open(name, "w", force_zip64=True) as member:
            sink = _HashingSink(member)
            yield cast(BinaryIO, sink)
        self._digests[name] = sink.sha256

    def sha256(self, name: str) -> str:
        """The digest of a member that is written."""
        return self._digests[name]

    def seal(self, manifest: Manifest) -> int:
        """Put the archive in its place, safe against a power cut; returns its size in bytes."""
        text = json.dumps(encode(manifest), indent=2, ensure_ascii=False)
        self._archive.writestr(MANIFEST, text)
        self._archive.close()
        self._file.flush()
        _require_free(self._path)
        with _refusals(self._path):
            os.fsync(self._file.fileno())
            self._partial.replace(self._path)
            _sync_folder(self._path.absolute().parent)
        return self._path.stat().st_size


class ZipReader:
    """Implements the ArchiveReader port."""

    def __init__(self, path: Path, archive: ZipFile) -> None:
        self._path = path
        self._archive = archive
        self.manifest = self._read_manifest()

    async def verify(self, dump: TableDump) -> None:
        """Raise InputRefused unless the member is there, and is what it was when written."""
        digest = hashlib.sha256()
        try:
            with self._archive.open(dump.member) as member:
                while piece := member.read(_PIECE_BYTES):
                    digest.update(piece)
                    await asyncio.sleep(0)  # an interrupt gets through
        except (*_DAMAGE, KeyError, OSError) as error:
            raise self._damaged(dump.member) from error
        if digest.hexdigest() != dump.sha256:
            raise self._damaged(dump.member)

    @contextmanager
    def member(self, name: str) -> Iterator[BinaryIO]:
        """A member to read from."""
        with self._archive.open(name) as member:
            yield cast(BinaryIO, member)

    def _read_manifest(self) -> Manifest:
        try:
            document = json.loads(self._archive.read(MANIFEST))
            version = document["format_version"]
        except KeyError as error:
            raise _unusable(self._path, cut_off=False) from error
        except (*_DAMAGE, ValueError, TypeError, OSError) as error:
            raise self._damaged(MANIFEST) from error
        if version != FORMAT_VERSION:
            raise InputRefused(
                what=f"is a backup of format {version}, and this Hedgerow reads {FORMAT_VERSION}",
                where=str(self._path),
                fix="restore it with a newer Hedgerow",
            )
        return self._decoded(document)

    def _decoded(self, document: dict[str, Any]) -> Manifest:
        try:
            return decode(Manifest, document)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._damaged(MANIFEST) from error

    def _damaged(self, member: str) -> InputRefused:
        return InputRefused(
            what=f"is damaged: {member} is not what was written",
            where=str(self._path),
            fix="copy the backup anew, or restore another one",
        )


class _HashingSink(io.RawIOBase):
    """Writes to a member, and digests what it writes."""

    def __init__(self, member: IO[bytes]) -> None:
        self._member = member
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return self._member.write(data)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_free(path: Path) -> None:
    if os.path.lexists(path):
        raise InputRefused("exists already", str(path), "name a file that does not exist yet")
    if not path.absolute().parent.is_dir():
        raise InputRefused("its folder does not exist", str(path), "create the folder first")


def _unusable(path: Path, *, cut_off: bool) -> InputRefused:
    what = "is cut off" if cut_off else "is not a backup of Hedgerow"
    return InputRefused(what, str(path), "name a whole file made by `hedgerow db backup`")
