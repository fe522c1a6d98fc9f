"""Workers that are actors of a Ray cluster: more machines than this one.

The candles go into the cluster's object store once, and each machine keeps them in memory once.
Hedgerow must be installed on all of them in this version.
"""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import numpy as np

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.sweeps.evaluating import (
    Evaluator,
    be_quiet,
    reason_of,
    require_prepared,
)
from hedgerow.usecases.sweep.ports import Failure, Recipe, Result, Task

_WHERE: Final = "--ray"
_ANSWER_S: Final = 5.0


class RayWorkers:
    """`count` actors (None: one for each core of the cluster); a context that ends them."""

    def __init__(self, address: str, count: int | None, recipe: Recipe, candles: Path) -> None:
        self._ray = _ray()
        self._address = address
        self._count = count
        self._recipe = recipe
        self._candles = candles
        self._shared: Any = None

    def __enter__(self) -> Self:
        heard_sigterm = signal.getsignal(signal.SIGTERM)
        try:
            _require_listening(self._address)
            self._ray.init(self._address, logging_level="ERROR", log_to_driver=False)
        except (OSError, RuntimeError, ValueError) as error:
            what = f"no Ray cluster answers at {self._address}: {reason_of(error)}"
            fix = "start one with `ray start --head`, and give its address, such as HOST:6379"
            raise InputRefused(what, _WHERE, fix) from error
        finally:
            signal.signal(signal.SIGTERM, heard_sigterm)  # Ray hears it as an end without a word
        self._shared = self._ray.put(np.frombuffer(self._candles.read_bytes(), np.uint8))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ray.shutdown()

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task with its result as they finish; raises InputRefused if none can start."""
        waiting = iter(tasks)
        busy: dict[Any, tuple[Any, Task]] = {}
        for _ in range(self._count or int(self._ray.cluster_resources().get("CPU", 1))):
            if (task := next(waiting, None)) is not None:
                _give(busy, self._started(), task)
        while busy:
            (ready,), _ = self._ray.wait([*busy], num_returns=1)
            actor, task = busy.pop(ready)
            result, actor = self._taken(ready, actor)
            if (following := next(waiting, None)) is not None:
                _give(busy, actor, following)
            yield task, result

    def _taken(self, ready: Any, actor: Any) -> tuple[Result, Any]:
        """The result of an actor, and who goes on: another one where it has died."""
        try:
            said = self._ray.get(ready)
        except self._ray.exceptions.RayActorError as error:
            if error.actor_init_failed:
                what = f"no worker can start: {reason_of(error)}"
                fix = "install this version of Hedgerow on all machines of the cluster"
                raise InputRefused(what, _WHERE, fix) from error
            return Failure("its worker process ended", is_lasting=False), self._started()
        return require_prepared(said, _WHERE), actor

    def _started(self) -> Any:
        return self._ray.remote(num_cpus=1)(_Actor).remote(self._recipe, self._shared)


class _Actor(Evaluator):
    """What Ray makes of the candles in its store: an array, without a copy."""

    def __init__(self, recipe: Recipe, candles: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        be_quiet()
        super().__init__(recipe, candles.data)


def _give(busy: dict[Any, tuple[Any, Task]], actor: Any, task: Task) -> None:
    busy[actor.run.remote(task)] = (actor, task)


def _require_listening(address: str) -> None:
    """Raise OSError or ValueError unless somebody listens: Ray itself would wait for minutes."""
    url = urlsplit(address if "://" in address else f"//{address}")
    if not url.hostname or not url.port:
        raise ValueError("it is no HOST:PORT or ray://HOST:PORT")
    with socket.create_connection((url.hostname, url.port), timeout=_ANSWER_S):
        pass


def _ray() -> ModuleType:
    """Ray, where it is installed; raises InputRefused where it is not."""
    try:
        import ray  # noqa: PLC0415 - a large package that few need
    except ImportError as error:
        what = "Ray is not installed, which a cluster needs"
        raise InputRefused(what, _WHERE, "pip install 'hedgerow[ray]'") from error
    module: ModuleType = ray
    return module
