"""Published values, and what the formulas promise held against chance itself."""

from __future__ import annotations

import math
from statistics import fmean

import numpy as np
import pytest

from hedgerow.domain.deflated_sharpe import (
    ReturnShape,
    annual_sharpe,
    deflated_sharpe,
    expected_best_sharpe,
    probabilistic_sharpe,
    shape_of,
    sharpe,
)

# Bailey and López de Prado (2014): five years of 250 days, an annual Sharpe ratio of 2.5, and an
# annual variance of 1/2 across the trials
DAYS, DAILY, DAILY_VARIANCE = 1250, 2.5 / math.sqrt(250), 0.5 / 250
ODD = ReturnShape(DAYS, DAILY, skewness=-3, kurtosis=10)
NORMAL = ReturnShape(DAYS, DAILY, skewness=0, kurtosis=3)


class TestPublished:
    def test_luck_of_a_hundred_trials(self) -> None:
        assert expected_best_sharpe(DAILY_VARIANCE, 100) == pytest.approx(0.1132, abs=5e-5)

    @pytest.mark.parametrize(
        ("shape", "trials", "published"),
        [(ODD, 100, 0.9004), (ODD, 46, 0.9505), (NORMAL, 88, 0.9505)],
    )
    def test_deflated(self, shape: ReturnShape, trials: int, published: float) -> None:
        luck = expected_best_sharpe(DAILY_VARIANCE, trials)
        assert probabilistic_sharpe(shape, luck) == pytest.approx(published, abs=5e-5)

    @pytest.mark.parametrize(
        ("skewness", "kurtosis", "published"), [(0, 3, 0.982), (-2.448, 10.164, 0.913)]
    )
    def test_probabilistic(self, skewness: float, kurtosis: float, published: float) -> None:
        # Bailey and López de Prado (2012): two years of months, a monthly Sharpe ratio of 0.458
        shape = ReturnShape(24, 0.458, skewness, kurtosis)
        assert probabilistic_sharpe(shape) == pytest.approx(published, abs=5e-4)


class TestByHand:
    def test_sharpe_is_mean_over_sample_deviation(self) -> None:
        assert sharpe([0.1, -0.1, 0.3]) == pytest.approx(0.5)
        assert annual_sharpe(0.5) == pytest.approx(math.sqrt(365) / 2)

    def test_shape(self) -> None:
        shape = shape_of([0.0, 0.0, 0.0, 4.0])
        assert shape.count == 4
        assert shape.sharpe == pytest.approx(0.5)
        assert (shape.skewness, shape.kurtosis) == pytest.approx((2 / math.sqrt(3), 7 / 3))

    def test_returns_that_never_differ_have_no_sharpe(self) -> None:
        assert sharpe([0.1] * 5) == shape_of([0.1] * 5).sharpe == 0

    def test_two_days_are_too_few(self) -> None:
        assert probabilistic_sharpe(shape_of([0.1, 0.2])) is None
        assert deflated_sharpe(shape_of([0.1, 0.2]), [0.1, 0.2]).probability is None

    def test_returns_of_two_values_can_leave_no_doubt(self) -> None:
        assert probabilistic_sharpe(ReturnShape(4, 1.0, skewness=2.0, kurtosis=5.0)) == 1.0

    def test_one_trial_has_no_luck(self) -> None:
        returns = [0.01, -0.02, 0.03, 0.01]
        found = deflated_sharpe(shape_of(returns), [sharpe(returns)])
        assert (found.trials, found.luck_sharpe) == (1, 0.0)
        assert found.probability == probabilistic_sharpe(shape_of(returns))


class TestAgainstChance:
    def test_the_best_of_unskilled_trials_is_as_good_as_foretold(self) -> None:
        draw, days = np.random.default_rng(3), 250
        best = [self._sharpes(draw.standard_normal((100, days))).max() for _ in range(400)]
        assert fmean(best) == pytest.approx(expected_best_sharpe(1 / days, 100), rel=0.02)

    @pytest.mark.parametrize("is_skewed", [False, True])
    def test_psr_is_above_95_per_cent_in_5_of_100_unskilled_trials(self, is_skewed: bool) -> None:
        draw = np.random.default_rng(4)
        rows = (
            1 - draw.exponential(size=(2000, 250)) if is_skewed else draw.normal(size=(2000, 250))
        )
        found = [probabilistic_sharpe(shape_of(row.tolist())) for row in rows]
        share = fmean(each is not None and each > 0.95 for each in found)
        assert share == pytest.approx(0.05, abs=0.015)

    def test_dsr_sees_through_the_best_of_many_where_psr_does_not(self) -> None:
        draw, fooled_psr, fooled_dsr = np.random.default_rng(5), 0, 0
        for _ in range(200):
            trials = draw.standard_normal((50, 250))
            sharpes = self._sharpes(trials)
            shape = shape_of(trials[sharpes.argmax()].tolist())
            psr, found = probabilistic_sharpe(shape), deflated_sharpe(shape, sharpes.tolist())
            assert psr is not None
            assert found.probability is not None
            fooled_psr += psr > 0.95
            fooled_dsr += found.probability > 0.95
        assert fooled_psr > 170
        assert fooled_dsr < 10

    def test_dsr_believes_in_skill(self) -> None:
        draw = np.random.default_rng(6)
        trials = draw.standard_normal((50, 1000))
        trials[7] += 0.2
        sharpes = self._sharpes(trials)
        found = deflated_sharpe(shape_of(trials[7].tolist()), sharpes.tolist())
        assert found.probability is not None
        assert found.probability > 0.95

    @staticmethod
    def _sharpes(rows: np.ndarray) -> np.ndarray:
        sharpes: np.ndarray = rows.mean(axis=1) / rows.std(axis=1, ddof=1)
        return sharpes
