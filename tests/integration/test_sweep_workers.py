"""Processes as workers: the same whatever their number, and whatever happens to them."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.sweeps.optuna_search import OptunaSearch
from hedgerow.infrastructure.sweeps.process_workers import ProcessWorkers
from hedgerow.usecases.sweep.ports import Failure, Recipe, Task
from hedgerow.usecases.sweep.report_json import sweep_json
from hedgerow.usecases.sweep.searches import grid_search
from hedgerow.usecases.sweep.spaces import parse_space
from sweep_world import SPACE, WINDOW, Crossing, Mortal, Unprepared, swept, write_closes


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    return write_closes(tmp_path / "closes")


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


@pytest.mark.parametrize("search", ["grid", "optuna"])
def test_one_worker_and_two_come_to_the_same(search: str, candles: Path, tmp_path: Path) -> None:
    documents = []
    for count in (1, 2):
        chosen = grid_search(SPACE) if search == "grid" else OptunaSearch(SPACE, 40, 5)
        with ProcessWorkers(count, Crossing(), candles) as workers:
            documents.append(sweep_json(swept(folder(tmp_path, str(count)), workers, chosen)))
    assert documents[0] == documents[1]


def test_a_worker_that_dies_costs_its_task_alone(candles: Path, tmp_path: Path) -> None:
    space = parse_space(["fast=2,4,6,8", "slow=20"])
    with ProcessWorkers(2, Mortal(), candles) as workers:
        results = folder(tmp_path, "results")
        report = swept(results, workers, space=space)
    assert sorted(each.number for each in report.ranking) == [1, 4]
    assert [(each.number, each.reason) for each in report.failed] == [
        (2, "its worker process ended with exit code -9"),
        (3, "RuntimeError: no luck at all"),
    ]
    with ProcessWorkers(1, Crossing(), candles) as workers:
        again = swept(results, workers, space=space)
    assert [each.number for each in again.failed] == [3], "a death is tried again"


def test_a_recipe_that_fails_is_refused_once(candles: Path) -> None:
    recipe: Recipe = Unprepared()
    tasks = [Task((("fast", number), ("slow", 20)), WINDOW) for number in (2, 3, 4)]
    with (
        pytest.raises(InputRefused, match="No module named 'averages'"),
        ProcessWorkers(2, recipe, candles) as workers,
    ):
        list(workers.results(tasks))


def test_workers_end_with_their_context(candles: Path) -> None:
    tasks = [Task((("fast", number), ("slow", 20)), WINDOW) for number in range(2, 8)]
    with ProcessWorkers(2, Crossing(seconds=0.05), candles) as workers:
        results = workers.results(tasks)
        _, result = next(results)
        assert not isinstance(result, Failure)
        processes = psutil.Process().children()
        workers_alive = [each for each in processes if "spawn_main" in " ".join(each.cmdline())]
        assert len(workers_alive) == 2
    _, alive = psutil.wait_procs(workers_alive, timeout=10)
    assert not alive
