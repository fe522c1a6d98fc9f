"""The probability of overfitting: by the definition, on noise and on skill."""

from __future__ import annotations

from itertools import combinations
from statistics import fmean

import numpy as np
import pytest

from hedgerow.domain.day_ranges import Margins
from hedgerow.domain.overfitting import overfitting_probability

NO_MARGINS = Margins(0, 0)


def noise(seed: int, trials: int = 40, days: int = 200) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((trials, days)) * 0.01


def by_definition(trials: np.ndarray, blocks: int) -> float:
    """Without margins, with numpy, in the words of the paper."""
    parts = np.array_split(trials, blocks, axis=1)
    overfitted = []
    for chosen in combinations(range(blocks), blocks // 2):
        seen = np.hstack([parts[each] for each in chosen])
        unseen = np.hstack([parts[each] for each in range(blocks) if each not in chosen])
        best = (seen.mean(axis=1) / seen.std(axis=1)).argmax()
        judged = unseen.mean(axis=1) / unseen.std(axis=1)
        rank = (judged <= judged[best]).sum() / (len(trials) + 1)
        overfitted.append(rank <= 0.5)
    return fmean(overfitted)


@pytest.mark.parametrize("seed", range(3))
def test_is_what_its_definition_says(seed: int) -> None:
    trials = noise(seed, trials=11)
    found = overfitting_probability(trials.tolist(), NO_MARGINS, blocks=8)
    assert found == pytest.approx(by_definition(trials, 8))


def test_the_best_of_noise_is_a_coin_toss() -> None:
    found = [overfitting_probability(noise(seed).tolist(), NO_MARGINS, 6) for seed in range(30)]
    assert fmean(each for each in found if each is not None) == pytest.approx(0.5, abs=0.1)


def test_skill_is_not_overfitted() -> None:
    trials = noise(1)
    trials[3] += 0.01
    assert overfitting_probability(trials.tolist(), Margins(1, 1)) == 0


def test_margins_keep_a_neighbouring_day_from_telling() -> None:
    """Each trial wins on days at one block's border: without margins both halves know of it."""
    trials = noise(2, trials=20, days=200)
    for number in range(1, 10):
        trials[number, number * 20 - 2 : number * 20 + 2] += 0.05
    without = overfitting_probability(trials.tolist(), NO_MARGINS)
    with_margins = overfitting_probability(trials.tolist(), Margins(3, 3))
    assert without is not None
    assert with_margins is not None
    assert with_margins > without


@pytest.mark.parametrize(("trials", "days"), [(0, 100), (1, 100), (5, 20)])
def test_too_little_to_tell(trials: int, days: int) -> None:
    returns = noise(1, trials, days).tolist()
    assert overfitting_probability(returns, Margins(1, 1)) is None
