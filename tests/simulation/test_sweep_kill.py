"""Killed at any moment, a sweep goes on and comes to what it would have come to."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import sweep_world

KILLS = 8
TASKS = 20


def start(folder: Path, workers: int) -> subprocess.Popen[str]:
    command = [sys.executable, sweep_world.__file__, str(folder), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process: subprocess.Popen[str]) -> Any:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)


def lines(folder: Path) -> int:
    return sum(file.read_bytes().count(b"\n") for file in folder.glob("*.jsonl"))


@pytest.mark.parametrize("seed", [1])
def test_kills_cost_nothing(seed: int, tmp_path: Path) -> None:
    unharmed, killed = tmp_path / "unharmed", tmp_path / "killed"
    unharmed.mkdir()
    killed.mkdir()
    expected = ended(start(unharmed, 2))
    draw, kills = random.Random(seed), 0
    while kills < KILLS and lines(killed) < TASKS - 4:
        before = lines(killed)
        process = start(killed, draw.choice([1, 2]))
        while process.poll() is None and lines(killed) < before + 2:
            time.sleep(0.005)
        time.sleep(draw.uniform(0, 0.02))
        kills += process.poll() is None
        process.kill()
        process.communicate()
        file = next(iter(killed.glob("*.jsonl")))
        if draw.random() < 0.5:  # a power cut leaves a part of what was being written
            file.write_bytes(file.read_bytes()[: -draw.randrange(1, 100)])
    assert kills >= 4
    assert ended(start(killed, 1)) == expected
    assert lines(killed) == lines(unharmed) == TASKS
