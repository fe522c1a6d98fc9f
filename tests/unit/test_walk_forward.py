"""Walk-forward validation, on samples made by hand: what is told, and what was known when."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from hedgerow.infrastructure.agents.regimes.calibration import (
    Scores,
    best_temperature,
    probabilities,
)
from hedgerow.infrastructure.agents.regimes.samples import HORIZON_CANDLES, STATES, Samples
from hedgerow.infrastructure.agents.regimes.walk_forward import (
    FOLDS,
    HeldOut,
    folds_of,
    hold_out,
    scores_of,
    told_by,
)

HOUR = 3_600_000_000
UP, DOWN, RANGE, VOLATILE = range(len(STATES))
TRANSITION = len(STATES)
COUNT = 600


def samples(
    labels: Sequence[int],
    *,
    closed: Sequence[int] | None = None,
    symbol: Sequence[int] | None = None,
    rules: Sequence[int] | None = None,
    features: np.ndarray | None = None,
) -> Samples:
    """Samples of 1h candles, on end unless `closed` says at which hours."""
    count = len(labels)
    hours = np.arange(count) if closed is None else np.array(closed)
    zeros = np.zeros(count)
    return Samples(
        closed=hours * HOUR,
        known=(hours + HORIZON_CANDLES) * HOUR,
        features=np.zeros((count, 1)) if features is None else features,
        labels=np.array(labels),
        rules=np.array(labels if rules is None else rules),
        is_held=np.ones(count, dtype=np.bool_),
        forward_return=zeros,
        forward_volatility=zeros,
        usual_volatility=np.ones(count),
        symbol=np.zeros(count, dtype=np.int64) if symbol is None else np.array(symbol),
    )


def told_of(made: Samples, model: Sequence[Sequence[float]], fold: Sequence[int]) -> HeldOut:
    """What was held out, where the model gave these probabilities."""
    given = np.array(model)
    return HeldOut(made, np.array(fold), np.log(given), given, given, given)


SURE_UP = (0.7, 0.1, 0.1, 0.1)
SURE_DOWN = (0.2, 0.6, 0.1, 0.1)


class TestTold:
    def test_a_state_comes_true_where_hindsight_names_it(self) -> None:
        told = told_by(told_of(samples([UP, DOWN, UP]), [SURE_UP] * 3, [1] * 3))
        assert told.regime.tolist() == [UP] * 3
        assert told.confidence.tolist() == [0.7] * 3
        assert told.came_true.tolist() == [True, False, True]

    @pytest.mark.parametrize(
        ("label", "came_true"), [(DOWN, True), (UP, False), (RANGE, True), (VOLATILE, True)]
    )
    def test_a_transition_comes_true_where_the_state_that_was_left_is_over(
        self, label: int, came_true: bool
    ) -> None:
        told = told_by(told_of(samples([UP, label]), [SURE_UP, SURE_DOWN], [1, 1]))
        assert told.regime.tolist() == [UP, TRANSITION]
        assert told.confidence.tolist() == [0.7, 1.0 - 0.2]
        assert told.came_true.tolist() == [True, came_true]

    def test_a_transition_lasts_one_candle(self) -> None:
        told = told_by(told_of(samples([UP, DOWN, DOWN]), [SURE_UP, SURE_DOWN, SURE_DOWN], [1] * 3))
        assert told.regime.tolist() == [UP, TRANSITION, DOWN]

    @pytest.mark.parametrize(
        ("closed", "symbol", "fold"),
        [
            ([0, 1], [0, 1], [1, 1]),
            ([0, 1], [0, 0], [1, 2]),
            ([0, 2], [0, 0], [1, 1]),
            ([1, 0], [0, 0], [1, 1]),
        ],
        ids=["another symbol", "another fold", "a gap", "back in time"],
    )
    def test_only_the_candle_before_of_the_same_symbol_and_fold_is_left(
        self, closed: list[int], symbol: list[int], fold: list[int]
    ) -> None:
        made = samples([UP, DOWN], closed=closed, symbol=symbol)
        told = told_by(told_of(made, [SURE_UP, SURE_DOWN], fold))
        assert told.regime.tolist() == [UP, DOWN]
        assert told.confidence.tolist() == [0.7, 0.6]

    def test_the_first_does_not_follow_the_last(self) -> None:
        told = told_by(told_of(samples([UP, DOWN], closed=[1, 0]), [SURE_UP, SURE_DOWN], [1, 1]))
        assert told.regime[0] == UP


class TestRuns:
    def test_a_run_is_of_the_likeliest_state_and_a_transition_is_its_first_candle(self) -> None:
        model = [SURE_UP] * 4 + [SURE_DOWN] * 2
        made = samples([UP] * 6, rules=[UP, UP, RANGE, UP, UP, UP])
        found = scores_of(told_of(made, model, [1] * 6))
        assert found.run_candles == 3.0
        assert found.rules_run_candles == 2.0

    def test_a_gap_ends_a_run(self) -> None:
        made = samples([UP] * 6, closed=[0, 1, 2, 4, 5, 6])
        assert scores_of(told_of(made, [SURE_UP] * 6, [1] * 6)).run_candles == 3.0


def noisy(seed: int = 3) -> Samples:
    """Labels that the feature names seven times in ten, and a rule that says what it says."""
    draw = np.random.default_rng(seed)
    shown = draw.integers(0, len(STATES), COUNT)
    labels = np.where(draw.random(COUNT) < 0.7, shown, draw.integers(0, len(STATES), COUNT))
    return samples(labels.tolist(), rules=shown.tolist(), features=shown[:, None].astype(float))


def overconfident(past: Samples) -> Callable[[Samples], Scores]:
    """Believes the feature beyond all doubt, and beside it what was frequent in the past."""
    frequent = np.bincount(past.labels, minlength=len(STATES)) / len(past)
    return lambda test: 8.0 * np.eye(len(STATES))[test.features[:, 0].astype(int)] + frequent


def held_of(made: Samples) -> HeldOut:
    return hold_out(made, overconfident, lambda *_: None)[0]


class TestHoldOut:
    @pytest.mark.parametrize("number", range(1, FOLDS + 1))
    def test_labels_not_known_yet_change_nothing_that_is_forecast(self, number: int) -> None:
        made = noisy()
        fold = list(folds_of(made))[number]
        unknown = made.known > fold.starts
        other = replace(made, labels=np.where(unknown, UP, made.labels))
        assert (other.labels != made.labels).sum() > 50
        one, two = held_of(made), held_of(other)
        for name in ("raw", "model", "rules", "base"):
            forecasts = [getattr(each, name)[each.fold == number] for each in (one, two)]
            assert (forecasts[0] == forecasts[1]).all(), name

    def test_each_fold_has_the_temperature_of_what_was_known_before_it(self) -> None:
        made = noisy()
        folds = list(folds_of(made))
        held = held_of(made)
        raw = np.concatenate(
            [overconfident(made.where(f.train))(made.where(f.test)) for f in folds]
        )
        tested = np.concatenate([np.flatnonzero(fold.test) for fold in folds])
        for number, fold in enumerate(folds[1:], start=1):
            known = made.known[tested] <= fold.starts
            temperature = best_temperature(raw[known], made.labels[tested[known]])
            assert temperature > 2.0
            mine = held.fold == number
            assert (held.model[mine] == probabilities(held.raw[mine], temperature)).all()

    def test_what_followed_a_rule_is_learned_of_the_past_alone(self) -> None:
        made = noisy()
        held = held_of(made)
        for number, fold in list(enumerate(folds_of(made)))[1:]:
            past = made.where(fold.train)
            for rule in range(len(STATES)):
                said = (held.fold == number) & (held.samples.rules == rule)
                counts = np.bincount(past.labels[past.rules == rule], minlength=len(STATES)) + 1.0
                assert (held.rules[said] == counts / counts.sum()).all()

    def test_while_no_label_is_known_the_scores_stay_as_they_are(self) -> None:
        made = noisy()
        first = made.closed < next(folds_of(made)).starts
        late = replace(made, known=np.where(first, made.known, made.known + COUNT * HOUR))
        held = held_of(late)
        assert (held.model == probabilities(held.raw, 1.0)).all()


def test_no_sample_asks_for_no_other_temperature() -> None:
    assert best_temperature(np.zeros((0, len(STATES))), np.zeros(0, dtype=np.int64)) == 1.0
