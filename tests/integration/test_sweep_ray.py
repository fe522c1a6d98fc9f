"""A Ray cluster as workers, on a cluster of this machine that the test starts."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sweep_world
from command_line import hedgerow
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.sweeps.process_workers import ProcessWorkers
from hedgerow.infrastructure.sweeps.ray_workers import RayWorkers
from hedgerow.usecases.sweep.ports import Failure, Task
from hedgerow.usecases.sweep.report_json import sweep_json
from hedgerow.usecases.sweep.spaces import parse_space
from sweep_world import WINDOW, Crossing, Mortal, Unprepared, swept, write_closes

NO_RAY = "Ray is not installed: uv sync --extra ray"


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The address of a cluster of two cores."""
    utils = pytest.importorskip("ray.cluster_utils", reason=NO_RAY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(sweep_world.__file__).parent))
        nodes = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2})
    try:
        yield str(nodes.address)
    finally:
        nodes.shutdown()


@pytest.fixture
def candles(tmp_path: Path) -> Path:
    return write_closes(tmp_path / "closes")


@pytest.mark.slow
def test_comes_to_what_processes_come_to(cluster: str, candles: Path, tmp_path: Path) -> None:
    space = parse_space(["fast=2,6,8", "slow=10:40:10"])
    documents = []
    for workers in (
        ProcessWorkers(2, Mortal(), candles),
        RayWorkers(cluster, None, Mortal(), candles),
    ):
        folder = tmp_path / type(workers).__name__
        folder.mkdir()
        with workers:
            documents.append(sweep_json(swept(folder, workers, space=space)))
    assert documents[0] == documents[1]
    assert documents[0]["failed"] == 4


@pytest.mark.slow
def test_the_command_says_the_same_of_an_own_analyst(cluster: str, tmp_path: Path) -> None:
    analyst = Path(__file__).parents[2] / "examples" / "ema_cross.py"
    documents = []
    for name, where in (("here", ["--workers", "1"]), ("there", ["--ray", cluster])):
        file = tmp_path / f"{name}.json"
        said = hedgerow(
            *("sweep", "--analyst", f"{analyst}:EmaCross", "--symbols", "BTC/USDT"),
            *("--param", "fast=4,8", "--param", "slow=24", *where, "--json", file),
            data=tmp_path / name,
        )
        assert (said.code, said.err) == (0, ""), said
        documents.append(json.loads(file.read_text()))
    assert documents[0] == documents[1]


@pytest.mark.slow
def test_a_worker_that_dies_costs_its_task_alone(cluster: str, candles: Path) -> None:
    tasks = [Task((("fast", fast), ("slow", 20)), WINDOW) for fast in (2, 4, 8)]
    with RayWorkers(cluster, 1, Mortal(), candles) as workers:
        found = dict(workers.results(tasks))
    failed = [result for result in found.values() if isinstance(result, Failure)]
    assert len(found) == 3
    assert [each.reason for each in failed] == ["its worker process ended"]


@pytest.mark.slow
def test_a_recipe_that_fails_is_refused_once(cluster: str, candles: Path) -> None:
    tasks = [Task((("fast", fast), ("slow", 20)), WINDOW) for fast in (2, 4, 8)]
    with (
        pytest.raises(InputRefused, match="No module named 'averages'"),
        RayWorkers(cluster, 1, Unprepared(), candles) as workers,
    ):
        list(workers.results(tasks))


def test_without_ray_the_refusal_says_how_to_get_it(
    candles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputRefused, match="Ray is not installed") as refused:
        RayWorkers("127.0.0.1:6379", None, Crossing(), candles)
    assert refused.value.fix == "pip install 'hedgerow[ray]'"


@pytest.mark.parametrize(
    ("address", "reason"),
    [("127.0.0.1:1", "Connection refused"), ("cluster", "it is no HOST:PORT")],
)
def test_no_cluster_at_the_address(candles: Path, address: str, reason: str) -> None:
    pytest.importorskip("ray", reason=NO_RAY)
    with (
        pytest.raises(InputRefused, match=f"no Ray cluster answers at {address}.*{reason}"),
        RayWorkers(address, None, Crossing(), candles),
    ):
        pass
