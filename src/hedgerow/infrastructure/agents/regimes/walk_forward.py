"""Walk-forward validation: trained on the past, tested on what came after, fold by fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.agents.indicators import Array
from hedgerow.infrastructure.agents.regimes.calibration import (
    Scores,
    best_temperature,
    calibration_error,
    log_loss,
    probabilities,
    reliability,
)
from hedgerow.infrastructure.agents.regimes.samples import (
    HORIZON_CANDLES,
    STATES,
    Samples,
    Whole,
    joined,
)
from hedgerow.usecases.regime_models import AfterRegime, ModelScores, Skill

FOLDS: Final = 5
# The first fold is trained on this share of the time; what is left is tested in equal parts. One
# more part comes before the folds: it is not scored, but gives the first of them a temperature.
_FIRST_SHARE: Final = 0.3
_PARTS: Final = FOLDS + 1
_STILL: Final = 1e-12

# Fits on samples, and answers with scores for others.
Fit = Callable[[Samples], Callable[[Samples], Scores]]
Chosen = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fold:
    """Which samples a fold learns from and which it is tested on; `starts` as Samples.closed."""

    starts: int
    train: Chosen
    test: Chosen


def folds_of(samples: Samples) -> Iterator[Fold]:
    """The part that only calibrates and then the folds, the earliest first.

    Purged: what a fold learns from has a label that was known before its first test candle closed.
    """
    times = np.unique(samples.closed)
    shares = _FIRST_SHARE + (1.0 - _FIRST_SHARE) * np.arange(_PARTS + 1) / _PARTS
    bounds = [int(times[min(int(share * len(times)), len(times) - 1)]) for share in shares]
    bounds[-1] += 1
    for starts, ends in pairwise(bounds):
        yield Fold(
            starts=starts,
            train=samples.known <= starts,
            test=(samples.closed >= starts) & (samples.closed < ends),
        )


@dataclass(frozen=True, slots=True)
class HeldOut:
    """All tested samples with the forecasts that were made for them, in the order of the folds.

    `raw` are the model's scores, `model` its calibrated probabilities, each by what was known then.
    """

    samples: Samples
    fold: Whole
    raw: Scores
    model: Scores
    rules: Scores
    base: Scores

    @property
    def temperature(self) -> float:
        """The temperature that would have served best."""
        return best_temperature(self.raw, self.samples.labels)


def hold_out(samples: Samples, fit: Fit, show: Callable[[int, int], None]) -> tuple[HeldOut, float]:
    """Train and test fold by fold: what came of the folds, and the temperature that served best.

    `show` is told how many parts are done and out of how many.
    """
    parts: list[HeldOut] = []
    for number, fold in enumerate(folds_of(samples)):
        past, test = samples.where(fold.train), samples.where(fold.test)
        raw = fit(past)(test)
        temperature = _temperature(parts, fold.starts)
        parts.append(
            HeldOut(
                samples=test,
                fold=np.full(len(test), number),
                raw=raw,
                model=probabilities(raw, temperature),
                rules=_rules_forecast(past, test),
                base=np.tile(_frequencies(past.labels), (len(test), 1)),
            )
        )
        show(number + 1, _PARTS)
    return _joined(parts[1:]), _joined(parts).temperature


def _temperature(parts: list[HeldOut], known_by: int) -> float:
    """From the folds before, as far as their labels were known; 1 while none was."""
    if not parts:
        return 1.0
    before = _joined(parts)
    known = before.samples.known <= known_by
    return best_temperature(before.raw[known], before.samples.labels[known])


def _joined(parts: list[HeldOut]) -> HeldOut:
    columns = ("fold", "raw", "model", "rules", "base")
    return HeldOut(
        joined([part.samples for part in parts]),
        *(np.concatenate([getattr(part, name) for part in parts]) for name in columns),
    )


def _frequencies(labels: Whole) -> Array:
    counts = np.bincount(labels, minlength=len(STATES)) + 1.0
    return np.asarray(counts / counts.sum())


def _rules_forecast(past: Samples, test: Samples) -> Scores:
    """What followed, in the past, where the same rule held best, and held or did not."""
    said, asked = (each.rules * 2 + each.is_held for each in (past, test))
    table = np.array([_frequencies(past.labels[said == row]) for row in range(2 * len(STATES))])
    return np.asarray(table[asked])


def scores_of(held: HeldOut) -> ModelScores:
    """All there is to say of a model out of sample."""
    told = told_by(held)
    labels = held.samples.labels
    bins = reliability(told.confidence, told.came_true)
    rules = np.where(held.samples.is_held, held.samples.rules, len(STATES))
    return ModelScores(
        samples=len(labels),
        folds=FOLDS,
        model=_skill(held.model, labels),
        uncalibrated=_skill(probabilities(held.raw, 1.0), labels),
        rules=_skill(held.rules, labels),
        base=_skill(held.base, labels),
        model_by_fold=_by_fold(held, held.model),
        rules_by_fold=_by_fold(held, held.rules),
        calibration_error=calibration_error(bins),
        reliability=bins,
        run_candles=_run_candles(held, held.model.argmax(axis=1)),
        rules_run_candles=_run_candles(held, held.samples.rules),
        after_model=_after(held.samples, told.regime),
        after_rules=_after(held.samples, rules),
    )


@dataclass(frozen=True, slots=True)
class Told:
    """What the model would have said: places in STATES, or after them for a transition."""

    regime: Whole
    confidence: Array
    came_true: Chosen


def told_by(held: HeldOut) -> Told:
    """The regime of each held-out sample: a transition where the likeliest state changes.

    A state comes true if hindsight names it; a transition, if hindsight names another state than
    the one that was left.
    """
    best = held.model.argmax(axis=1)
    before = np.where(_follows(held), np.roll(best, 1), best)
    changes = best != before
    rows = np.arange(len(best))
    return Told(
        regime=np.where(changes, len(STATES), best),
        confidence=np.where(changes, 1.0 - held.model[rows, before], held.model[rows, best]),
        came_true=np.where(changes, held.samples.labels != before, held.samples.labels == best),
    )


def _follows(held: HeldOut) -> Chosen:
    """Whether the sample before is of the same symbol and fold, and of the candle before."""
    samples = held.samples
    candle = (samples.known - samples.closed) // HORIZON_CANDLES
    follows = (
        (samples.symbol == np.roll(samples.symbol, 1))
        & (held.fold == np.roll(held.fold, 1))
        & (samples.closed == np.roll(samples.closed, 1) + candle)
    )
    follows[0] = False
    return np.asarray(follows)


def _run_candles(held: HeldOut, state: Whole) -> float:
    """How many candles on end have the same state, in the mean of all such runs."""
    goes_on = _follows(held) & (state == np.roll(state, 1))
    return float(len(state) / np.sum(~goes_on))


def _skill(given: Scores, labels: Whole) -> Skill:
    return Skill(log_loss(given, labels), float(np.mean(given.argmax(axis=1) == labels)))


def _by_fold(held: HeldOut, given: Scores) -> tuple[float, ...]:
    inside = [held.fold == number for number in np.unique(held.fold)]
    return tuple(log_loss(given[each], held.samples.labels[each]) for each in inside)


def _after(samples: Samples, regime: Whole) -> tuple[AfterRegime, ...]:
    names = (*STATES, Regime.TRANSITION)
    return tuple(
        _after_one(name, samples.where(inside))
        for place, name in enumerate(names)
        if np.sum(inside := regime == place) > 1
    )


def _after_one(name: Regime, samples: Samples) -> AfterRegime:
    returns = 100.0 * samples.forward_return
    apart = max(1.0, len(samples) / HORIZON_CANDLES)
    usual = np.maximum(samples.usual_volatility, _STILL)
    return AfterRegime(
        regime=name,
        samples=len(samples),
        volatility_ratio=float(np.mean(samples.forward_volatility / usual)),
        return_pct=float(np.mean(returns)),
        return_error_pct=float(np.std(returns) / np.sqrt(apart)),
    )
