"""Optuna's search: a tree-structured Parzen estimator that learns which parameters are promising.

It proposes in rounds of one size, however many workers there are, and is told the scores in the
order of the round: one seed, one result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hedgerow.usecases.sweep.ports import Parameters, Value
from hedgerow.usecases.sweep.searches import short
from hedgerow.usecases.sweep.spaces import Dimension, Space, Span

ROUND: Final = 16


class OptunaSearch:
    """`trials` proposals; scores are to be as high as possible."""

    def __init__(self, space: Space, trials: int, seed: int) -> None:
        import optuna  # noqa: PLC0415 - takes a second, and only this search needs it

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.trials = trials
        self._space = space
        self._failed = optuna.trial.TrialState.FAIL
        self._study = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=seed, constant_liar=True),
            direction="maximize",
        )
        self._left = trials
        self._round: list[Any] = []

    def ask(self) -> Sequence[Parameters]:
        """The next round, the last one shorter; none when all were proposed."""
        self._round = [self._study.ask() for _ in range(min(ROUND, self._left))]
        self._left -= len(self._round)
        return [
            tuple((each.name, _suggested(trial, each)) for each in self._space)
            for trial in self._round
        ]

    def tell(self, scores: Sequence[float | None]) -> None:
        """The scores of the last round in its order; None failed."""
        for trial, score in zip(self._round, scores, strict=True):
            if score is None:
                self._study.tell(trial, state=self._failed)
            else:
                self._study.tell(trial, score)


def _suggested(trial: Any, dimension: Dimension) -> Value:
    if isinstance(dimension, Span):
        return short(dimension, trial.suggest_float(dimension.name, dimension.low, dimension.high))
    values = dimension.values
    if isinstance(values[0], str):
        chosen: Value = trial.suggest_categorical(dimension.name, values)
        return chosen
    # numbers by their place: the search then knows which are neighbours
    place: int = trial.suggest_int(dimension.name, 0, len(values) - 1)
    return values[place]
