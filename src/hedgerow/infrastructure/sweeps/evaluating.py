"""What a worker does, wherever it runs: try one task, and make a failure of what goes wrong."""

from __future__ import annotations

from hedgerow.domain.errors import HedgerowError
from hedgerow.usecases.sweep.ports import Evaluate, Failure, Result, Task

_REASON_CHARACTERS_MAX = 500


def tried(evaluate: Evaluate, task: Task) -> Result:
    """The outcome of a task, or why there is none."""
    try:
        return evaluate(dict(task.parameters), task.window)
    except Exception as error:  # noqa: BLE001 - a strategy may be anybody's code: it fails by itself
        return Failure(reason_of(error))


def reason_of(error: Exception) -> str:
    """What went wrong, in one line."""
    text = str(error) if isinstance(error, HedgerowError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())[:_REASON_CHARACTERS_MAX]
