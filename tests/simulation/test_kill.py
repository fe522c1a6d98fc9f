"""Killed at any moment, a run loses nothing: its books verify, and it comes out as if unharmed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from command_line import Finished, assert_clean, has_server, hedgerow, result_of, running

STARTING_S = 4.0
BETWEEN_LINES_S = 0.4
POWER_CUTS = 0.3


@pytest.mark.parametrize(("seed", "kills"), [(1, 5), pytest.param(2, 20, marks=pytest.mark.slow)])
def test_kills_cost_nothing(
    seed: int,
    kills: int,
    small_candles: Path,
    finished: Finished,
    data_folder: Path,
    service_folder: Path,
) -> None:
    file = service_folder / "result.json"
    demo: list[object] = ["demo", "--data", small_candles, "--json", file]
    survive(demo, data_folder, file, finished.result, seed=seed, kills=kills)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [3, 4])
def test_twenty_kills_of_a_run_over_all_candles_cost_nothing(
    seed: int, data_folder: Path, service_folder: Path
) -> None:
    file = service_folder / "result.json"
    demo: list[object] = ["demo", "--json", file]
    assert hedgerow(*demo, data=data_folder).code == 0
    unharmed = result_of(file)
    assert hedgerow("demo", "--symbols", "BTC/USDT", "--fresh", data=data_folder).code == 0
    survive(demo, data_folder, file, unharmed, seed=seed, kills=20)


def survive(
    demo: list[object],
    data: Path,
    file: Path,
    unharmed: dict[str, Any],
    *,
    seed: int,
    kills: int,
) -> None:
    """Kill the run so often, verify its books each time, and let it end at last.

    Only what was still alive is counted as killed. A life that came to its end has to have come
    out right, and is followed by the next run of the same plan.
    """
    draw, done = random.Random(seed), 0
    while done < kills:
        context = f"seed {seed}, after {done} kills"
        if was_killed(demo, data, draw, context):
            done += 1
            assert_clean(data, context)
        else:
            assert result_of(file) == unharmed, context
    last = hedgerow(*demo, data=data)
    assert (last.code, last.err) == (0, ""), f"seed {seed}"
    assert result_of(file) == unharmed, f"seed {seed}"
    assert_clean(data, f"seed {seed}")


def was_killed(demo: list[object], data: Path, draw: random.Random, context: str) -> bool:
    """Kill a life of the run at a moment drawn; False where it came to its end before."""
    lines, share, is_power_cut = draw.randrange(5), draw.random(), draw.random() < POWER_CUTS
    with running(*demo, data=data) as process:
        for _ in range(lines):
            wait_for_line(process)
        time.sleep(share * (BETWEEN_LINES_S if lines > 1 else STARTING_S))
        process.kill()
        code = process.wait()
        if code == 0:
            return False
        assert code == -signal.SIGKILL, f"{context}: {process.communicate()}"
    if is_power_cut:
        kill_server(data)
    return True


def wait_for_line(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    process.stdout.readline()


def kill_server(data: Path) -> None:
    """Let the server die with all it had not written."""
    try:
        pid = int((data / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
    except (FileNotFoundError, IndexError):
        return  # none had been started yet, or it had been stopped in order
    if has_server(data):
        os.kill(pid, signal.SIGKILL)
