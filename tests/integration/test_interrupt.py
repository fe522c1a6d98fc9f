"""Ctrl-C, or SIGTERM: what was committed is kept, and the same command goes on from there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from command_line import (
    Finished,
    assert_clean,
    assert_refused,
    ended,
    has_server,
    hedgerow,
    result_of,
    running,
    wait_for,
)

INTERRUPTED = 130


def goes_on(demo: list[object], data: Path) -> None:
    """The same command ends, and it did not begin anew."""
    again = hedgerow(*demo, data=data)
    assert (again.code, again.err) == (0, "")
    assert " 10%" not in again.out


def test_an_interrupted_run_is_saved_told_of_and_resumed(
    small_candles: Path, finished: Finished, data_folder: Path, service_folder: Path
) -> None:
    file = service_folder / "result.json"
    demo: list[object] = ["demo", "--data", small_candles, "--json", file]
    with running(*demo, data=data_folder) as process:
        wait_for(process, "60%")
        # a terminal tells the whole process group
        os.killpg(process.pid, signal.SIGINT)
        said = ended(process)
    assert (said.code, said.err) == (INTERRUPTED, "")
    for told in (
        "Stopped early. Everything up to here is saved.",
        "hedgerow demo          goes on from here",
        "hedgerow report        shows this again",
        "hedgerow explain last  tells",
        "hedgerow audit verify  proves",
    ):
        assert told in said.out
    assert not has_server(data_folder)
    so_far = result_of(file)
    assert 300 <= so_far["candles"] < 500
    assert hedgerow("report", "--json", data=data_folder).document == so_far
    assert_clean(data_folder)
    goes_on(demo, data_folder)
    assert result_of(file) == finished.result


def test_the_second_interrupt_ends_at_once(
    small_candles: Path, finished: Finished, data_folder: Path, service_folder: Path
) -> None:
    file = service_folder / "result.json"
    demo: list[object] = ["demo", "--data", small_candles, "--json", file]
    with running(*demo, data=data_folder) as process:
        wait_for(process, "60%")
        os.killpg(process.pid, signal.SIGTERM)
        # by now the run has stopped, and its report is being made
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGTERM)
        said = ended(process)
    assert_refused(said, "interrupted; what was committed is kept", code=INTERRUPTED)
    assert not has_server(data_folder)
    assert_clean(data_folder)
    goes_on(demo, data_folder)
    assert result_of(file) == finished.result


@pytest.fixture(params=["foreground", "background"])
def started_in(request: pytest.FixtureRequest) -> Iterator[str]:
    """How a shell starts commands: those in the background are made to ignore Ctrl-C."""
    usual = signal.getsignal(signal.SIGINT)
    if request.param == "background":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield request.param
    signal.signal(signal.SIGINT, usual)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("started_in")
def test_interrupted_while_services_start(
    number: signal.Signals, small_candles: Path, data_folder: Path
) -> None:
    with running("demo", "--data", small_candles, data=data_folder) as process:
        wait_for(process, "Trading")
        time.sleep(0.3)
        os.killpg(process.pid, number)
        said = ended(process)
    assert_refused(said, "interrupted", code=INTERRUPTED)
    assert not has_server(data_folder)
    assert_clean(data_folder)
