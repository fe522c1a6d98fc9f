"""Backup archives: whole or not there, and refused in one sentence where they are no good."""

from __future__ import annotations

import json
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from builders import NOON
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.backup_archive import ZipArchives
from hedgerow.usecases.make_backup import FORMAT_VERSION
from hedgerow.usecases.ports.backup import ArchiveWriter, Manifest, TableDump

ROWS = b"".join(b"%d\trow\n" % number for number in range(200_000))


def write(path: Path, rows: bytes = ROWS, **changes: object) -> Manifest:
    with ZipArchives().create(path) as archive:
        manifest = replace(fill(archive, rows), **changes)  # type: ignore[arg-type]
        assert archive.seal(manifest) == path.stat().st_size
    return manifest


def fill(archive: ArchiveWriter, rows: bytes = ROWS) -> Manifest:
    with archive.member("postgres/users") as sink:
        sink.write(rows)
    digest = archive.sha256("postgres/users")
    return Manifest(
        format_version=FORMAT_VERSION,
        hedgerow_version="1.2.3",
        created_at=NOON,
        postgres_revision="0005",
        clickhouse_revision="9",
        partitions={"orders": ["2024-03"]},
        vault_key_ids=("kek",),
        tables=(TableDump("postgres", "users", ("id", "name"), 200_000, digest),),
    )


async def check(path: Path) -> None:
    with ZipArchives().open(path) as archive:
        for dump in archive.manifest.tables:
            await archive.verify(dump)


@contextmanager
def file_size_limit(limit_bytes: int) -> Iterator[None]:
    """A disk that is full: Python ignores the signal, so a longer write fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_is_written_is_read_and_private(tmp_path: Path) -> None:
    path = tmp_path / "fund.zip"
    manifest = write(path)
    await check(path)
    with ZipArchives().open(path) as archive:
        assert archive.manifest == manifest
        with archive.member("postgres/users") as source:
            assert source.read() == ROWS


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "fund.zip"
    write(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_exists_stays(tmp_path: Path) -> None:
    path = tmp_path / "fund.zip"
    path.write_text("mine")
    with pytest.raises(InputRefused, match="exists already"):
        write(path)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_appears_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "fund.zip"

    def write_late() -> None:
        with ZipArchives().create(path) as archive:
            manifest = fill(archive)
            path.write_text("mine")
            archive.seal(manifest)

    with pytest.raises(InputRefused, match="exists already"):
        write_late()
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("path", ["no/such/folder.zip", "file/in.zip", "x" * 300])
def test_a_place_that_cannot_be_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputRefused):
        write(tmp_path / path)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def write_half() -> None:
        with (
            ZipArchives().create(tmp_path / "fund.zip") as archive,
            archive.member("postgres/users") as sink,
        ):
            sink.write(ROWS)
            raise error

    with pytest.raises(error):
        write_half()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit_bytes", [0, 10_000, 300_000])
def test_a_full_disk_leaves_nothing(tmp_path: Path, limit_bytes: int) -> None:
    with (
        pytest.raises(InputRefused, match="cannot be written: File too large"),
        file_size_limit(limit_bytes),
    ):
        write(tmp_path / "fund.zip")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.999])
async def test_a_cut_off_file_is_told(tmp_path: Path, kept: float) -> None:
    path = tmp_path / "fund.zip"
    write(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(InputRefused, match="is cut off"):
        await check(path)


@pytest.mark.parametrize("place", range(0, 100, 7))
async def test_a_flipped_bit_is_told(tmp_path: Path, place: int) -> None:
    path = tmp_path / "fund.zip"
    write(path)
    spoilt = bytearray(path.read_bytes())
    # past the header of the member, most of which is repeated at the end of the file
    spoilt[100 + place * (len(spoilt) - 800) // 100] ^= 0x10
    path.write_bytes(spoilt)
    with pytest.raises(InputRefused, match=r"is damaged: (postgres/users|manifest.json)"):
        await check(path)


async def test_rows_exchanged_under_the_manifest_are_told(tmp_path: Path) -> None:
    path = tmp_path / "fund.zip"
    manifest = write(path)
    write(tmp_path / "other.zip", b"others", tables=manifest.tables)
    with pytest.raises(InputRefused, match="is damaged: postgres/users"):
        await check(tmp_path / "other.zip")


async def test_a_missing_member_is_told(tmp_path: Path) -> None:
    dump = TableDump("postgres", "orders", ("id",), 0, "")
    write(tmp_path / "fund.zip", tables=(dump,))
    with pytest.raises(InputRefused, match="is damaged: postgres/orders"):
        await check(tmp_path / "fund.zip")


async def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "fund.zip", format_version=FORMAT_VERSION + 1)
    with pytest.raises(InputRefused, match="format 2, and this Hedgerow reads 1"):
        await check(tmp_path / "fund.zip")


@pytest.mark.parametrize("manifest", ["", "{", "[]", "null", '{"format_version": 1}'])
async def test_a_manifest_that_is_none_is_told(tmp_path: Path, manifest: str) -> None:
    with zipfile.ZipFile(tmp_path / "fund.zip", "w") as archive:
        archive.writestr("manifest.json", manifest)
    with pytest.raises(InputRefused, match=r"is damaged: manifest.json"):
        await check(tmp_path / "fund.zip")


@pytest.mark.parametrize("content", [b"", b"PK", b"hello\n" * 1000, json.dumps([1]).encode()])
async def test_any_other_file_is_no_backup(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fund.zip"
    path.write_bytes(content)
    with pytest.raises(InputRefused, match="is not a backup"):
        await check(path)


async def test_any_other_zip_is_no_backup(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "fund.zip", "w") as archive:
        archive.writestr("hello", "world")
    with pytest.raises(InputRefused, match="is not a backup"):
        await check(tmp_path / "fund.zip")


async def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="No such file"):
        await check(tmp_path / "fund.zip")
