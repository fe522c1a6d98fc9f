"""The drift check: it says when the market is another one, however long the training was."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from hedgerow.infrastructure.agents.indicators import WINDOW, Series
from hedgerow.infrastructure.agents.regimes.drift import (
    DRIFT_CANDLES,
    DriftOf,
    drift_of,
    learn_drift,
    stability_index,
)
from hedgerow.infrastructure.agents.regimes.features import FEATURES, Rows, look
from hedgerow.infrastructure.agents.regimes.model import DRIFT_REFUSED, DRIFT_WARNED

PARTS = 5
EDGES = np.arange(PARTS - 1.0)
# Everything in one part, for each part: the sums differ in their last digits.
ALL_IN_ONE = [stability_index(np.full(DRIFT_CANDLES, part - 0.5), EDGES) for part in range(PARTS)]
TESTED_CANDLES = 3_000


@cache
def world(
    candles: int,
    seed: int,
    drift: float = 0.0,
    clustering: float = 0.98,
    shock: float = 0.15,
    memory: float = 0.0,
) -> Rows:
    """The features of a market whose volatility comes in clusters.

    `drift` in standard deviations per candle, `memory` how much of a return the next one repeats.
    """
    draw = np.random.default_rng(seed)
    level, before = 0.0, 0.0
    returns, volumes = np.empty(candles), np.empty(candles)
    for place in range(candles):
        level = clustering * level + shock * draw.standard_normal()
        size = 0.005 * np.exp(level)
        before = size * (draw.standard_normal() + drift) + memory * before
        returns[place] = before
        volumes[place] = np.exp(0.5 * draw.standard_normal() + level)
    closes = 100.0 * np.exp(np.cumsum(returns))
    opens = np.concatenate([[100.0], closes[:-1]])
    reach = 1.0 + 0.003 * np.abs(draw.standard_normal(candles))
    highs, lows = np.maximum(opens, closes) * reach, np.minimum(opens, closes) / reach
    series = Series(opens, highs, lows, closes, volumes)
    return np.array([look(series.window(end)).features for end in range(WINDOW, candles + 1)])


@cache
def levels(trained_on: int, **other: float) -> np.ndarray:
    """How far stretches of another seed's world are from a long training."""
    learned = learn_drift([world(trained_on, 1)])
    rows = world(TESTED_CANDLES, 99, **other)
    starts = range(0, len(rows) - DRIFT_CANDLES + 1, DRIFT_CANDLES // 4)
    found = [drift_of(rows[start : start + DRIFT_CANDLES], learned) for start in starts]
    return np.array([each.level for each in found])


def warned(found: np.ndarray) -> float:
    return float(np.mean(found > DRIFT_WARNED))


def refused(found: np.ndarray) -> float:
    return float(np.mean(found > DRIFT_REFUSED))


@pytest.mark.parametrize("trained_on", [9_000, 20_000])
class TestLongTraining:
    def test_the_same_world_is_hardly_ever_refused(self, trained_on: int) -> None:
        same = levels(trained_on)
        assert refused(same) <= 0.03
        assert warned(same) <= 0.25

    @pytest.mark.parametrize("memory", [-0.6, 0.6])
    def test_returns_that_turn_back_or_go_on_are_warned_of(
        self, trained_on: int, memory: float
    ) -> None:
        other = levels(trained_on, memory=memory)
        assert warned(other) >= max(0.3, 1.5 * warned(levels(trained_on)))

    def test_volatility_that_comes_in_bursts_is_refused(self, trained_on: int) -> None:
        other = levels(trained_on, clustering=0.9, shock=0.6)
        assert warned(other) >= 0.7
        assert refused(other) >= 0.3

    def test_a_steep_trend_is_refused(self, trained_on: int) -> None:
        assert refused(levels(trained_on, drift=1.0)) == 1.0


class TestLevel:
    def test_every_index_has_a_level_however_usual_one_part_was(self) -> None:
        stuck = np.repeat(np.arange(10.0), 1_000)[:, None] + np.linspace(0.0, 0.9, 10_000)[:, None]
        learned = learn_drift([np.tile(stuck, len(FEATURES))])
        for each in learned:
            assert each.usual < each.bound < min(ALL_IN_ONE)
            for index in ALL_IN_ONE:
                assert np.isfinite(each.level(index))
                assert each.level(index) > DRIFT_REFUSED

    def test_a_training_of_one_stretch_has_something_usual(self) -> None:
        assert learn_drift([world(DRIFT_CANDLES + WINDOW - 1, 1)])
        assert learn_drift([world(WINDOW, 1)])[0].bound == 0.5

    @pytest.mark.parametrize("usual", [0.0, -1.0, float("nan"), min(ALL_IN_ONE), 9.0])
    def test_what_leaves_no_room_is_no_drift_to_go_by(self, usual: float) -> None:
        with pytest.raises(ValueError, match="usual drift"):
            DriftOf(EDGES, usual)
