"""The embedded PostgreSQL starts, is shared, outlives its owner's death, and opens no home."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGKILL

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from hedgerow.domain.errors import InputRefused, StoreUnavailable
from hedgerow.infrastructure.embedded import postgres as postgres_module
from hedgerow.infrastructure.embedded import postgres_programs as programs_module
from hedgerow.infrastructure.embedded.locks import is_held
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.embedded.postgres_programs import postgres_programs
from hedgerow.infrastructure.embedded.service_user import ServiceUser, service_user
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.infrastructure.postgres.failures import reached

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root runs PostgreSQL as another user"
)
OWNER = """
import sys
from pathlib import Path
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as postgres:
    print(postgres.url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def folder(service_folder: Path) -> Iterator[Path]:
    """A folder for a server; none is left running in it, whatever the test has done."""
    folder = service_folder / "postgres"
    yield folder
    if is_running(folder):
        pid = (folder / "data" / "postmaster.pid").read_text().splitlines()[0]
        os.kill(int(pid), signal.SIGQUIT)
        wait_until_stopped(folder)


def is_running(folder: Path) -> bool:
    return (folder / "server.lock").exists() and is_held(folder / "server.lock")


def wait_until_stopped(folder: Path) -> None:
    while is_running(folder):
        time.sleep(0.01)


def ask(url: str, *statements: str) -> list[object]:
    async def run() -> list[object]:
        engine = create_async_engine(url)
        try:
            async with engine.begin() as connection:
                results = [await connection.execute(text(each)) for each in statements]
                return [result.scalar() if result.returns_rows else None for result in results]
        finally:
            await engine.dispose()

    return asyncio.run(run())


def socket_folder_of(postgres: EmbeddedPostgres) -> Path:
    return Path(str(make_url(postgres.url).query["host"]))


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


def test_starts_stops_and_keeps_what_it_was_given(folder: Path) -> None:
    for expected in (1, 2):
        with EmbeddedPostgres(folder) as postgres:
            answers = ask(
                postgres.url,
                "CREATE EXTENSION IF NOT EXISTS vector",
                "CREATE TABLE IF NOT EXISTS seen (id uuid DEFAULT uuidv7())",
                "INSERT INTO seen DEFAULT VALUES",
                "SELECT count(*) FROM seen",
            )
            assert answers[-1] == expected
        assert not is_running(folder)


def test_keeps_data_safe_and_times_in_utc(folder: Path) -> None:
    shown = ("fsync", "synchronous_commit", "full_page_writes", "timezone", "listen_addresses")
    with EmbeddedPostgres(folder) as postgres:
        answers = ask(postgres.url, *(f"SHOW {name}" for name in shown))
        assert answers == ["on", "on", "on", "UTC", ""]
        assert ask(postgres.url, "SELECT current_database()") == ["hedgerow"]


def test_ignores_the_environment_of_other_servers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"PGPORT": "1", "PGDATA": "/nowhere", "PGHOST": "/nowhere"}.items():
        monkeypatch.setenv(name, value)
    with EmbeddedPostgres(folder) as postgres:
        assert ask(postgres.url, "SELECT 1") == [1]


def test_the_last_process_to_leave_stops_it(folder: Path) -> None:
    with owner(folder) as (process, url):
        with EmbeddedPostgres(folder) as postgres:
            assert postgres.url == url
        assert is_running(folder)
        with EmbeddedPostgres(folder) as postgres:
            said = process.communicate("")
            assert (process.returncode, said) == (0, ("", ""))
            assert ask(postgres.url, "SELECT 1") == [1]
    assert not is_running(folder)


def test_two_processes_may_start_it_at_once(folder: Path) -> None:
    with owner(folder) as (_, first), EmbeddedPostgres(folder) as postgres:
        assert first == postgres.url


def test_a_server_left_by_a_killed_process_is_used_and_stopped(folder: Path) -> None:
    with owner(folder) as (process, url):
        ask(url, "CREATE TABLE kept (id int)")
        process.kill()
        process.wait()
    assert is_running(folder)
    with EmbeddedPostgres(folder) as postgres:
        assert ask(postgres.url, "SELECT count(*) FROM kept") == [0]
    assert not is_running(folder)


@pytest.mark.parametrize("is_idle", [True, False])
async def test_a_server_that_goes_away_is_told_from_one_that_never_was_there(
    folder: Path, is_idle: bool
) -> None:
    with EmbeddedPostgres(folder) as postgres:
        async with open_engine(postgres.url) as engine:
            async with engine.connect():
                pass
            if not is_idle:
                await engine.dispose()
            os.kill(int((folder / "data" / "postmaster.pid").read_text().split()[0]), SIGKILL)
            wait_until_stopped(folder)
            with pytest.raises(StoreUnavailable) as refused, reached(engine):
                async with engine.connect() as connection:
                    await connection.execute(text("SELECT 1"))
    assert refused.value.what.startswith("the connection to PostgreSQL is lost (")
    assert "what was committed is kept" in refused.value.fix


@pytest.mark.parametrize("pid", [os.getpid(), 2**22 + 1], ids=["alive", "dead"])
def test_a_pid_file_left_by_a_power_cut_is_no_obstacle(folder: Path, pid: int) -> None:
    pid_file = folder / "data" / "postmaster.pid"
    with owner(folder) as (process, url):
        ask(url, "CREATE TABLE kept (id int)")
        process.kill()
        process.wait()
        left = pid_file.read_text().splitlines()
        os.kill(int(left[0]), SIGKILL)
    wait_until_stopped(folder)
    # the id of the dead server may by now be that of any process
    pid_file.write_text("\n".join([str(pid), *left[1:]]) + "\n")
    with EmbeddedPostgres(folder) as postgres:
        assert ask(postgres.url, "SELECT count(*) FROM kept") == [0]


def test_an_initialisation_cut_short_is_begun_anew(folder: Path) -> None:
    (folder / "data.new").mkdir(parents=True)
    (folder / "data.new" / "PG_VERSION").write_text("18\n")
    with EmbeddedPostgres(folder) as postgres:
        assert ask(postgres.url, "SELECT 1") == [1]


@pytest.mark.parametrize("name", ["deep" * 30, 'it\'s a $(touch x) "folder", 100% odd'])
def test_folders_too_deep_or_too_odd_for_a_socket(folder: Path, name: str) -> None:
    with EmbeddedPostgres(folder / name) as postgres:
        assert ask(postgres.url, "SELECT 1") == [1]
        socket_folder = socket_folder_of(postgres)
        assert socket_folder.parent == Path("/tmp")
        assert socket_folder.stat().st_mode & 0o777 == 0o700
    assert not socket_folder.exists()


def test_a_foreign_folder_in_place_of_the_socket_folder_is_refused(folder: Path) -> None:
    deep = folder / ("deep" * 30)
    with EmbeddedPostgres(deep) as postgres:
        socket_folder = socket_folder_of(postgres)
    socket_folder.mkdir(mode=0o755)
    try:
        with pytest.raises(InputRefused, match="socket is taken") as caught, EmbeddedPostgres(deep):
            pass
    finally:
        socket_folder.rmdir()
    assert caught.value.where == str(socket_folder)


def test_a_foreign_file_in_place_of_the_socket_is_refused(folder: Path) -> None:
    folder.mkdir()
    (folder / ".s.PGSQL.5432").write_text("mine")
    with pytest.raises(InputRefused, match="socket is taken") as caught, EmbeddedPostgres(folder):
        pass
    assert caught.value.where == str(folder / ".s.PGSQL.5432")
    assert (folder / ".s.PGSQL.5432").read_text() == "mine"


def test_a_damaged_folder_is_refused_with_the_last_word_of_the_server(folder: Path) -> None:
    with EmbeddedPostgres(folder):
        pass
    (folder / "data" / "global" / "pg_control").write_bytes(b"")
    with pytest.raises(InputRefused) as caught, EmbeddedPostgres(folder):
        pass
    assert "pg_control" in caught.value.what
    assert caught.value.where == str(folder)
    assert str(folder / "log") in caught.value.fix


def test_a_server_that_cannot_be_used_is_not_left_running(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_module, "CREATE_DATABASE", "SELECT nonsense;")
    with pytest.raises(InputRefused, match='column "nonsense"'), EmbeddedPostgres(folder):
        pass
    assert not is_running(folder)


def test_a_file_in_place_of_the_folder_is_refused(folder: Path) -> None:
    folder.touch()
    with pytest.raises(InputRefused, match="File exists"), EmbeddedPostgres(folder):
        pass


def test_a_missing_package_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs_module, "PACKAGE", "no_such_package")
    with pytest.raises(InputRefused, match="not installed"), EmbeddedPostgres(folder):
        pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_write_permission_is_refused(folder: Path) -> None:
    folder.mkdir(mode=0o500)
    with pytest.raises(InputRefused, match="Permission denied"), EmbeddedPostgres(folder):
        pass


@needs_root
def test_a_full_disk_is_refused(folder: Path) -> None:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=True)
    try:
        with pytest.raises(InputRefused, match="No space left") as caught, EmbeddedPostgres(folder):
            pass
    finally:
        subprocess.run(["umount", folder], check=True)
    assert caught.value.fix.startswith("free some disk space")


@needs_root
def test_a_folder_in_a_closed_home_is_refused_and_the_home_stays_closed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    with pytest.raises(InputRefused) as caught, EmbeddedPostgres(home / "postgres"):
        pass
    assert "cannot reach" in caught.value.what
    assert "HEDGEROW_DATA_DIR" in caught.value.fix
    assert home.stat().st_mode & 0o777 == 0o700


@needs_root
def test_programs_in_a_closed_home_are_copied_and_the_home_stays_closed(
    tmp_path: Path, service_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    for part in programs_module.PARTS:
        shutil.copytree(programs_module.site_packages() / part, home / part)
    monkeypatch.setattr(programs_module, "site_packages", lambda: home)
    monkeypatch.setattr(postgres_module, "postgres_programs", programs_in(service_folder))
    with EmbeddedPostgres(service_folder / "postgres") as postgres:
        assert ask(postgres.url, "SELECT vector_dims('[1,2]'::vector)") == [2]
    copied = list(service_folder.glob("postgresql-18-*"))
    assert programs_in(service_folder)(service_user()).is_relative_to(*copied)
    assert home.stat().st_mode & 0o777 == 0o700


def programs_in(shared: Path) -> Callable[[ServiceUser], Path]:
    return lambda user: postgres_programs(user, shared)
