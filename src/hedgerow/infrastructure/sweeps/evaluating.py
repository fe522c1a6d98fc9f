"""What a worker does, wherever it runs: try one task after another, and tell what goes wrong."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from hedgerow.domain.errors import HedgerowError, InputRefused, InvalidValue, value_in_words
from hedgerow.usecases.sweep.ports import Evaluate, Failure, Recipe, Result, Task

_REASON_CHARACTERS_MAX = 500


@dataclass(frozen=True, slots=True)
class NotPrepared:
    """What a worker says instead of a result where its recipe has failed."""

    reason: str


class Evaluator:
    """A recipe made ready; where that fails, every task is answered with the reason."""

    def __init__(self, recipe: Recipe, candles: memoryview) -> None:
        self._evaluate: Evaluate | NotPrepared
        try:
            self._evaluate = recipe(candles)
        except Exception as error:  # noqa: BLE001 - told to the one who can say it to a person
            self._evaluate = NotPrepared(reason_of(error))

    def run(self, task: Task) -> Result | NotPrepared:
        """The outcome of a task, or why there is none."""
        if isinstance(self._evaluate, NotPrepared):
            return self._evaluate
        return tried(self._evaluate, task)


def be_quiet() -> None:
    """Log errors alone in this worker: thousands of trials would repeat the same warning."""
    logging.getLogger("hedgerow").setLevel(logging.ERROR)


def tried(evaluate: Evaluate, task: Task) -> Result:
    """The outcome of a task, or a failure with what was raised."""
    try:
        return evaluate(dict(task.parameters), task.window)
    except Exception as error:  # noqa: BLE001 - a strategy may be anybody's code: it fails by itself
        return Failure(reason_of(error), is_lasting=not _is_of_the_machine(error))


def _is_of_the_machine(error: BaseException) -> bool:
    """Whether memory, a disk or another part of the machine failed, which may not last."""
    cause = error.__cause__
    is_cause = cause is not None and _is_of_the_machine(cause)
    return isinstance(error, OSError | MemoryError) or is_cause


def require_prepared(said: Result | NotPrepared, where: str) -> Result:
    """What a worker said; raises InputRefused where it could not even begin."""
    if isinstance(said, NotPrepared):
        raise InputRefused(f"no backtest can be run: {said.reason}", where, "mend that first")
    return said


def reason_of(error: Exception) -> str:
    """What went wrong, in one line."""
    return " ".join(_told(error).split())[:_REASON_CHARACTERS_MAX]


def _told(error: Exception) -> str:
    if isinstance(error, InputRefused):
        return f"{error.where}: {error.what}"
    if isinstance(error, InvalidValue):
        return value_in_words(error)
    return str(error) if isinstance(error, HedgerowError) else f"{type(error).__name__}: {error}"
