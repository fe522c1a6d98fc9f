"""Workers that are processes of this machine, each with the same candles mapped into its memory.

They are spawned, not forked: this process may have threads. The candles are a file that all of them
map, so they are in memory once. A worker that dies takes its task with it and is replaced.
"""

from __future__ import annotations

import mmap
import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import TracebackType
from typing import Self

from hedgerow.infrastructure.sweeps.evaluating import Evaluator, be_quiet, require_prepared
from hedgerow.usecases.sweep.ports import Failure, Recipe, Result, Task

Pipe = Connection


class ProcessWorkers:
    """`count` processes, started with the first task; a context that ends them."""

    def __init__(self, count: int, recipe: Recipe, candles: Path) -> None:
        self._count = count
        self._recipe = recipe
        self._candles = candles
        self._workers: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            _end(worker)

    def results(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Result]]:
        """Each task with its result as they finish; raises InputRefused if none can start."""
        waiting = iter(tasks)
        busy: dict[Pipe, tuple[_Worker, Task]] = {}
        idle = list(self._workers)
        for task in waiting:
            worker = idle.pop() if idle else self._started()
            _give(busy, worker, task)
            if len(busy) == self._count:
                break
        while busy:
            for ready in wait([*busy]):
                assert isinstance(ready, Connection), "nothing else was waited for"
                worker, task = busy.pop(ready)
                result, worker = self._taken(worker)
                # the next task goes out before this result is stored, so that nobody is idle
                if (following := next(waiting, None)) is not None:
                    _give(busy, worker, following)
                yield task, result

    def _taken(self, worker: _Worker) -> tuple[Result, _Worker]:
        """The result of a worker, and who goes on: another one where it has died."""
        try:
            said = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            self._workers.remove(worker)
            reason = f"its worker process ended with exit code {worker.process.exitcode}"
            return Failure(reason, is_lasting=False), self._started()
        return require_prepared(said, "a worker process"), worker

    def _started(self) -> _Worker:
        spawning = multiprocessing.get_context("spawn")
        pipe, its_end = spawning.Pipe()
        arguments = (its_end, self._recipe, self._candles)
        process = spawning.Process(target=_work, args=arguments, daemon=True)
        process.start()
        its_end.close()
        worker = _Worker(process, pipe)
        self._workers.append(worker)
        return worker


@dataclass(frozen=True, slots=True)
class _Worker:
    process: SpawnProcess
    pipe: Pipe


def _give(busy: dict[Pipe, tuple[_Worker, Task]], worker: _Worker, task: Task) -> None:
    with suppress(BrokenPipeError):  # it has died, which waiting for its answer will tell
        worker.pipe.send(task)
    busy[worker.pipe] = (worker, task)


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    worker.process.terminate()
    worker.process.join()


def _work(pipe: Pipe, recipe: Recipe, candles: Path) -> None:
    """The life of a worker: until its pipe is closed, by whomever, or it is ended."""
    # Ctrl-C reaches all processes of a terminal; the one that started this one decides
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    be_quiet()
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):
        evaluator = Evaluator(recipe, _mapped(candles))
        while True:
            pipe.send(evaluator.run(pipe.recv()))


def _mapped(path: Path) -> memoryview:
    with path.open("rb") as file:
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
