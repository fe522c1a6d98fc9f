"""What a person can get wrong, and what can go wrong around a run: one sentence, nothing half done.

Every refusal ends with exit code 2 and one line on standard error that names the place and the fix.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from command_line import (
    PROGRAM,
    Finished,
    assert_clean,
    assert_refused,
    ended,
    hedgerow,
    result_of,
    running,
    wait_for,
)
from hedgerow.infrastructure.embedded.data_folder import MEGABYTE
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can mount a disk that is small enough to fill"
)
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
HEADER = "open_time,open,high,low,close,volume"
GOOD = [f"2024-01-0{day}T00:00:00Z,10,12,9,11,5" for day in range(1, 6)]


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    """A folder with the candles of five days in BTC_USDT.csv."""
    folder = tmp_path / "candles"
    folder.mkdir()
    write(folder, [HEADER, *GOOD])
    return folder


@pytest.fixture
def small_disk(service_folder: Path) -> Iterator[Path]:
    """A disk of its own, large enough for a run and small enough to fill."""
    disk = service_folder / "disk"
    disk.mkdir()
    options = "size=700m,mode=711"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def write(folder: Path, lines: list[str]) -> None:
    (folder / "BTC_USDT.csv").write_text("".join(f"{line}\n" for line in lines))


def assert_nothing_written(data: Path, file: Path) -> None:
    assert not data.exists()
    assert not file.exists()
    assert list(file.parent.glob(".*partial")) == []


@pytest.mark.parametrize(
    ("option", "value", "fix"),
    [
        ("--timeframe", "7h", "use one of 1m, 5m, 15m, 1h, 4h, 1d"),
        ("--timeframe", "", "use one of 1m"),
        ("--symbols", "BTC", "write them as BTC/USDT,ETH/USDT"),
        ("--symbols", "BTC/USDT/X", "write them as BTC/USDT,ETH/USDT"),
        ("--symbols", " , ", "write them as BTC/USDT,ETH/USDT"),
        ("--capital", "0", "such as 10000"),
        ("--capital", "-5", "such as 10000"),
        ("--capital", "NaN", "such as 10000"),
        ("--capital", "much", "such as 10000"),
        ("--capital", "1e30", "such as 10000"),
        ("--capital", "1e-9", "such as 10000"),
        ("--capital", "1e999999999", "such as 10000"),
    ],
)
def test_an_option_that_cannot_be_meant(
    option: str, value: str, fix: str, data_folder: Path, service_folder: Path
) -> None:
    file = service_folder / "result.json"
    said = hedgerow("demo", option, value, "--json", file, data=data_folder)
    assert_refused(said, f"hedgerow: {option}: ", fix)
    assert said.out == ""
    assert_nothing_written(data_folder, file)


@pytest.mark.parametrize("seed", ["-1", "seven", "1.5"])
def test_a_seed_that_is_no_whole_number(seed: str, data_folder: Path, service_folder: Path) -> None:
    file = service_folder / "result.json"
    said = hedgerow("demo", "--seed", seed, "--json", file, data=data_folder)
    assert said.code == 2
    assert "Invalid value for '--seed'" in said.err
    assert_nothing_written(data_folder, file)


@pytest.mark.parametrize(
    ("lines", "place", "problem"),
    [
        ([], "BTC_USDT.csv: ", "the file is empty; fill it with the columns"),
        ([HEADER], "BTC_USDT.csv: ", "the file holds no candles; add candles"),
        (["time,o,h", *GOOD], "BTC_USDT.csv, line 1: ", "no column open_time, open, high"),
        ([HEADER, *GOOD[:2], *GOOD[4:]], "BTC_USDT.csv, line 4: ", "--allow-gaps"),
        ([HEADER, GOOD[0].replace("11", "NaN")], "BTC_USDT.csv, line 2: ", "close is NaN; fill in"),
        ([HEADER, GOOD[0].replace("12", "8")], "BTC_USDT.csv, line 2: ", "high 8 is below low 9"),
        ([HEADER, *GOOD, GOOD[4]], "BTC_USDT.csv, line 7: ", "keep one candle for each time"),
        ([HEADER, GOOD[1], GOOD[0]], "BTC_USDT.csv, line 3: ", "sort the file by time"),
    ],
    ids=["empty", "no candles", "columns", "gap", "NaN", "high below low", "twice", "order"],
)
def test_a_file_that_cannot_be_traded(
    lines: list[str],
    place: str,
    problem: str,
    candles: Path,
    data_folder: Path,
    service_folder: Path,
) -> None:
    write(candles, lines)
    file = service_folder / "result.json"
    said = hedgerow("demo", "--data", candles, "--json", file, data=data_folder)
    assert_refused(said, f"hedgerow: {candles}/{place}", problem)
    assert_nothing_written(data_folder, file)


def test_a_gap_can_be_accepted(candles: Path, data_folder: Path, service_folder: Path) -> None:
    write(candles, [HEADER, *GOOD[:2], *GOOD[3:]])
    file = service_folder / "result.json"
    demo = ["demo", "--data", candles, "--allow-gaps", "--json", file]
    said = hedgerow(*demo, data=data_folder)
    assert (said.code, said.err) == (0, "")
    assert result_of(file)["candles"] == 4


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--data", "{candles}/none"], "{candles}/none: the folder of candles cannot be read"),
        (["--data", "{candles}", "--symbols", "XRP/USDT"], "{candles}: no candles of XRP/USDT"),
        (["--data", "{candles}", "--timeframe", "4h"], "BTC_USDT.csv: 1d candles cannot be made"),
        (["--json", "{candles}"], "{candles}: is a folder; name a file"),
        (["--json", "{candles}/no/x"], "{candles}/no/x: its folder does not exist; create"),
        (["--json", "/proc/hedgerow.json"], "/proc/hedgerow.json: cannot be written: No such file"),
    ],
    ids=["no folder", "no symbol", "too coarse", "JSON folder", "JSON nowhere", "JSON unwritable"],
)
def test_a_place_that_cannot_be_used(
    arguments: list[str], problem: str, candles: Path, data_folder: Path
) -> None:
    said = hedgerow("demo", *(a.format(candles=candles) for a in arguments), data=data_folder)
    assert_refused(said, problem.format(candles=candles))
    assert not data_folder.exists()


@pytest.mark.parametrize("command", [["demo"], ["report"], ["explain"], ["audit", "verify"]])
def test_a_data_folder_that_is_a_file(command: list[str], service_folder: Path) -> None:
    taken = service_folder / "taken"
    taken.write_text("mine")
    said = hedgerow(*command, data=taken)
    assert_refused(said, f"hedgerow: {taken}: ", "set HEDGEROW_DATA_DIR")
    assert taken.read_text() == "mine"


@not_root
def test_a_data_folder_without_write_permission(service_folder: Path) -> None:
    closed = service_folder / "closed"
    closed.mkdir(mode=0o500)
    said = hedgerow("demo", data=closed)
    assert_refused(said, f"hedgerow: {closed}: ", "set HEDGEROW_DATA_DIR")
    assert list(closed.iterdir()) == []


@needs_root
def test_a_data_folder_on_a_disk_that_takes_no_changes(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    said = hedgerow("demo", data=small_disk / "data")
    assert_refused(said, f"hedgerow: {small_disk}/data: ", "Read-only", "set HEDGEROW_DATA_DIR")


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("mysql://user:secret@localhost/db", "HEDGEROW_POSTGRES_URL: not the URL"),
        ("postgresql://user:secret@localhost:port/db", "HEDGEROW_POSTGRES_URL: not the URL"),
        ("postgresql://user:secret@127.0.0.1:1/db", "127.0.0.1:1: PostgreSQL cannot be reached"),
        ("postgresql://user:secret@127.0.0.1:99999/db", "cannot be reached"),
        ("postgresql://user:secret@host.invalid/db", "host.invalid: PostgreSQL cannot be reached"),
        ("postgresql://user:secret@/db?host=/nowhere", "/nowhere: PostgreSQL cannot be reached"),
    ],
)
def test_a_postgres_url_that_leads_nowhere(url: str, problem: str, data_folder: Path) -> None:
    said = hedgerow("audit", "verify", data=data_folder, HEDGEROW_POSTGRES_URL=url)
    assert_refused(said, problem, "HEDGEROW_POSTGRES_URL")
    assert "secret" not in said.err


def test_a_database_that_does_not_exist(finished: Finished) -> None:
    with EmbeddedPostgres(finished.data / "postgres") as postgres:
        url = postgres.url.replace("/hedgerow?", "/none?")
        said = hedgerow("audit", "verify", data=finished.data, HEDGEROW_POSTGRES_URL=url)
    assert_refused(said, 'database "none" does not exist', "correct HEDGEROW_POSTGRES_URL")


def test_a_data_folder_in_use_by_another_run(small_candles: Path, data_folder: Path) -> None:
    demo = ["demo", "--data", small_candles]
    with running(*demo, data=data_folder) as first:
        wait_for(first, "60%")
        # held still, so that it cannot end before the others come
        first.send_signal(signal.SIGSTOP)
        said = hedgerow(*demo, data=data_folder)
        assert_refused(said, f"process {first.pid} is using this data folder", "wait for it")
        first.send_signal(signal.SIGCONT)
        # who only looks is let in
        with ExitStack() as stack:
            lookers = [
                stack.enter_context(running(*command, data=data_folder))
                for command in (["explain"], ["explain", "--json"], ["audit", "verify"], ["costs"])
            ]
            for said in map(ended, lookers):
                assert (said.code, said.err) == (0, ""), said
        assert ended(first).code == 0
    assert_clean(data_folder)


@needs_root
def test_a_disk_without_enough_space(small_disk: Path) -> None:
    with (small_disk / "fill").open("wb") as fill:
        os.posix_fallocate(fill.fileno(), 0, 300 * MEGABYTE)
    said = hedgerow("demo", data=small_disk / "data")
    assert_refused(said, "needs 500 MB free", "free some disk space")
    assert sorted(path.name for path in (small_disk / "data").iterdir()) == ["run.lock", "run.pid"]


def fill_the_disk(disk: Path, _: Path) -> None:
    with (disk / "fill").open("wb") as fill:
        subprocess.run(["cat", "/dev/zero"], stdout=fill, stderr=subprocess.DEVNULL, check=False)


def kill_the_server(_: Path, data: Path) -> None:
    os.kill(server_pid(data), signal.SIGKILL)


def server_pid(data: Path) -> int:
    return int((data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


@needs_root
@pytest.mark.parametrize(
    ("strike", "problem"),
    [
        (fill_the_disk, ""),
        (kill_the_server, "the connection to PostgreSQL is lost"),
    ],
)
def test_what_strikes_during_a_run_costs_nothing_that_was_committed(
    strike: Callable[[Path, Path], None],
    problem: str,
    small_disk: Path,
    small_candles: Path,
    finished: Finished,
    service_folder: Path,
) -> None:
    data, file = small_disk / "data", service_folder / "result.json"
    demo = ["demo", "--data", small_candles, "--json", file]
    with running(*demo, data=data) as process:
        wait_for(process, "60%")
        strike(small_disk, data)
        said = ended(process)
    assert_refused(said, problem, "PostgreSQL", "what was committed is kept")
    assert not file.exists()
    assert list(data.glob("reports/*")) == []
    (small_disk / "fill").unlink(missing_ok=True)
    assert_clean(data)
    again = hedgerow(*demo, data=data)
    assert (again.code, again.err) == (0, "")
    assert " 10%" not in again.out
    assert result_of(file) == finished.result


def test_a_foreign_file_in_place_of_the_socket(data_folder: Path) -> None:
    (data_folder / "postgres").mkdir(parents=True)
    data_folder.chmod(0o711)
    socket = data_folder / "postgres" / ".s.PGSQL.5432"
    socket.write_text("mine")
    said = hedgerow("audit", "verify", data=data_folder)
    assert_refused(said, f"hedgerow: {socket}: ", f"move {socket} away")
    assert socket.read_text() == "mine"


def test_a_terminal_without_these_characters_gets_question_marks(finished: Finished) -> None:
    said = hedgerow("explain", data=finished.data, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert (said.code, said.err) == (0, "")
    assert "? circuit_breaker: clear (allowed: clear)" in said.out


def test_output_onto_a_full_disk(finished: Finished) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            ["hedgerow", "audit", "verify"],
            executable=PROGRAM,
            env={**os.environ, "HEDGEROW_DATA_DIR": str(finished.data)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "hedgerow: standard output: the disk is full; free some space.\n"


@pytest.mark.parametrize(
    ("setting", "url", "name"),
    [
        ("HEDGEROW_POSTGRES_URL", "postgresql://u:canary@127.0.0.1:1/fund", "PostgreSQL"),
        ("HEDGEROW_CLICKHOUSE_URL", "http://u:canary@127.0.0.1:1/fund", "ClickHouse"),
    ],
)
def test_a_server_of_ones_own_is_not_emptied(
    setting: str, url: str, name: str, data_folder: Path
) -> None:
    said = hedgerow("demo", "--fresh", data=data_folder, **{setting: url})
    assert_refused(said, f"only the embedded {name} is emptied", f"unset {setting}")
    assert "canary" not in said.err
