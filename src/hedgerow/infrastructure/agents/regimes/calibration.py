"""From scores to probabilities that mean what they say, and how far they do."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedgerow.infrastructure.agents.indicators import Array
from hedgerow.usecases.regime_models import ReliabilityBin

Scores = NDArray[np.float64]
# No state is ever ruled out: a share of every probability is spread over all of them.
_SPREAD: Final = 0.001
# Above 1 a temperature makes a model less sure of itself.
_TEMPERATURES: Final = np.geomspace(0.2, 10.0, 400)
_BINS: Final = 10


def probabilities(scores: Scores, temperature: float) -> Scores:
    """One row of probabilities for each row of scores."""
    scaled = scores / temperature
    grown = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    shares = grown / grown.sum(axis=1, keepdims=True)
    return np.asarray(shares * (1.0 - _SPREAD) + _SPREAD / scores.shape[1])


def log_loss(given: Scores, labels: NDArray[np.int64]) -> float:
    """Mean of -ln of the probability that was given to what came, in nats."""
    return float(-np.mean(np.log(given[np.arange(len(labels)), labels])))


def best_temperature(scores: Scores, labels: NDArray[np.int64]) -> float:
    """The temperature with the least log-loss on samples that were held out; 1 without any."""
    if not len(labels):
        return 1.0
    losses = [log_loss(probabilities(scores, float(t)), labels) for t in _TEMPERATURES]
    return float(_TEMPERATURES[int(np.argmin(losses))])


def reliability(confidence: Array, came_true: NDArray[np.bool_]) -> tuple[ReliabilityBin, ...]:
    """What was said against what came, by tenths of confidence; empty ones are left out."""
    place = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return tuple(
        ReliabilityBin(
            at_least=bin_ / _BINS,
            samples=int(np.sum(inside)),
            confidence=float(np.mean(confidence[inside])),
            came_true=float(np.mean(came_true[inside])),
        )
        for bin_ in range(_BINS)
        if np.any(inside := place == bin_)
    )


def calibration_error(bins: tuple[ReliabilityBin, ...]) -> float:
    """The expected calibration error: mean distance of what was said from what came."""
    samples = sum(each.samples for each in bins)
    return sum(each.samples * abs(each.confidence - each.came_true) for each in bins) / samples
