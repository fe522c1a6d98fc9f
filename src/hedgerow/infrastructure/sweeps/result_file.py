"""The results of a sweep, a line of JSON each, on the disk before anybody counts them.

The process may be killed at any moment: a line that was not written to its end is taken off when
the file is opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.sweep.fingerprint import SweepIdentity
from hedgerow.usecases.sweep.ports import Failure, Outcome, Result, Task, Window


class JsonLines:
    """Results in an open file; a result is kept once `keep` has returned."""

    def __init__(self, path: Path, file: IO[bytes], known: dict[Task, Result]) -> None:
        self.path = path
        self._file = file
        self._known = known

    def get(self, task: Task) -> Result | None:
        """What is known of a task."""
        return self._known.get(task)

    def keep(self, task: Task, result: Result) -> None:
        """Append a result and wait until the disk has it."""
        self._file.write(_line(task, result))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._known[task] = result


@contextmanager
def open_results(folder: Path, identity: SweepIdentity) -> Iterator[JsonLines]:
    """The file of a sweep in `folder`, made where there is none, held by this process alone.

    Raises InputRefused where another process has it, or where it is damaged.
    """
    path = folder / f"{identity.fingerprint}.jsonl"
    lock = FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        what = "another process runs the same sweep"
        raise InputRefused(what, str(path), "wait for it, or stop it") from error
    try:
        with path.open("a+b") as file:
            yield JsonLines(path, file, dict(_read(path, file)))
    finally:
        lock.release()


def _read(path: Path, file: IO[bytes]) -> Iterator[tuple[Task, Result]]:
    """Every whole line; what stands behind the last one is cut off."""
    file.seek(0)
    whole = 0
    for number, line in enumerate(file, start=1):
        if not line.endswith(b"\n"):
            break
        try:
            yield _parsed(line)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            what = f"is damaged: {type(error).__name__}: {error}"
            raise InputRefused(what, f"{path}, line {number}", "delete the file") from error
        whole += len(line)
    file.truncate(whole)


def _line(task: Task, result: Result) -> bytes:
    window = [task.window.starts_at.isoformat(), task.window.ends_at.isoformat()]
    document: dict[str, Any] = {"parameters": dict(task.parameters), "window": window}
    match result:
        case Failure():
            document["failure"] = result.reason
        case Outcome():
            document["outcome"] = {
                "trades": result.trades,
                "net_profit": str(result.net_profit),
                "max_drawdown_pct": str(result.max_drawdown_pct),
                "fees": str(result.fees),
                "daily_returns": result.daily_returns,
            }
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _parsed(line: bytes) -> tuple[Task, Result]:
    document = json.loads(line)
    starts_at, ends_at = map(datetime.fromisoformat, document["window"])
    task = Task(tuple(document["parameters"].items()), Window(starts_at, ends_at))
    if "failure" in document:
        return task, Failure(str(document["failure"]))
    outcome = document["outcome"]
    return task, Outcome(
        daily_returns=tuple(map(float, outcome["daily_returns"])),
        trades=int(outcome["trades"]),
        net_profit=Decimal(outcome["net_profit"]),
        max_drawdown_pct=Decimal(outcome["max_drawdown_pct"]),
        fees=Decimal(outcome["fees"]),
    )
