"""The data folder is private, serves one process at a time, and says when it is full."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded.data_folder import DataFolder

HOLDER = """
import sys
from pathlib import Path
from hedgerow.infrastructure.embedded.data_folder import DataFolder
with DataFolder(Path(sys.argv[1])).exclusive():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_is_private_to_its_owner(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "b")
    # root's is only passed through by the user that runs PostgreSQL
    expected = 0o711 if os.geteuid() == 0 else 0o700
    assert folder.path.stat().st_mode & 0o777 == expected
    assert folder.postgres == folder.path / "postgres"


def test_leaves_a_folder_that_is_there_as_it_is(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    DataFolder(tmp_path)
    assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_another_process_is_told_who_has_it(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    with pytest.raises(InputRefused) as caught, DataFolder(tmp_path).exclusive():
        pass
    assert caught.value.what == f"process {holder.pid} is using this data folder"
    assert caught.value.where == str(tmp_path)
    assert "HEDGEROW_DATA_DIR" in caught.value.fix


def test_a_killed_process_lets_go(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.wait()
    with DataFolder(tmp_path).exclusive():
        assert (tmp_path / "run.pid").read_text() == f"{os.getpid()}\n"


def test_can_be_had_again_after_it_was_given_back(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    for _ in range(2):
        with folder.exclusive():
            pass


def test_a_holder_that_has_not_said_who_it_is(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    (tmp_path / "run.pid").write_text("")
    with (
        pytest.raises(InputRefused, match="another process is using"),
        DataFolder(tmp_path).exclusive(),
    ):
        pass
    assert holder.poll() is None


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(InputRefused) as caught:
            DataFolder(path)
        assert caught.value.where == str(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(InputRefused, match="not writable"):
        DataFolder(tmp_path)
    with pytest.raises(InputRefused, match="Permission denied"):
        DataFolder(tmp_path / "new")


def test_space_that_is_there_is_no_problem(tmp_path: Path) -> None:
    DataFolder(tmp_path).require_free_space(1)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_space_that_is_missing_is_refused(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", tmp_path], check=True)
    try:
        with pytest.raises(InputRefused) as caught:
            DataFolder(tmp_path).require_free_space(50_000_000)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert caught.value.what == f"needs 50 MB free in {tmp_path}, 4 MB are"
