"""Whether the market still looks like the one that was learned: the population stability index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from hedgerow.infrastructure.agents.indicators import Array
from hedgerow.infrastructure.agents.regimes.features import FEATURES, Rows

# How many of the latest candles are compared with the training, and in how many equal parts.
DRIFT_CANDLES: Final = 120
_PARTS: Final = 5
# The share of the training's stretches whose index is called usual. Not all of them: the longer the
# training, the stranger its strangest stretch, until nothing is stranger.
_USUAL_SHARE: Final = 0.98
# The customary bound of a large shift, for data that jump about less in training than that.
_USUAL_MIN: Final = 0.25


@dataclass(frozen=True, slots=True)
class DriftOf:
    """A feature in training: the inner `edges` of its equal parts, and its `usual` index at most.

    `usual` is the index that nearly all stretches of DRIFT_CANDLES candles of the training itself
    stayed below. Raises ValueError where it leaves nothing above it, or nothing below.
    """

    edges: Array
    usual: float

    def __post_init__(self) -> None:
        if not 0.0 < self.usual < _INDEX_MAX:
            raise ValueError(f"a usual drift of {self.usual} is not between 0 and {_INDEX_MAX}")

    @property
    def bound(self) -> float:
        """Twice the usual, or half of the way from there to where all lies in one part."""
        return min(2.0 * self.usual, (self.usual + _INDEX_MAX) / 2.0)

    def level(self, index: float) -> float:
        """An index on a scale where the usual is 1 and the bound 2."""
        if index <= self.usual:
            return index / self.usual
        return 1.0 + (index - self.usual) / (self.bound - self.usual)


@dataclass(frozen=True, slots=True)
class Drift:
    """The feature that has moved most: its index, the `usual` one at most, and its level."""

    feature: str
    index: float
    usual: float
    level: float


def learn_drift(blocks: Sequence[Rows]) -> tuple[DriftOf, ...]:
    """How each feature lay in training; `blocks` are candles on end, one array per symbol."""
    everything = np.concatenate(blocks)
    inner = np.arange(1, _PARTS) / _PARTS
    learned = []
    for place in range(len(FEATURES)):
        edges = np.quantile(everything[:, place], inner)
        indices = [
            stability_index(block[start : start + DRIFT_CANDLES, place], edges)
            for block in blocks
            for start in range(0, len(block) - DRIFT_CANDLES + 1, DRIFT_CANDLES // 4)
        ]
        usual = float(np.quantile(indices, _USUAL_SHARE)) if indices else _USUAL_MIN
        learned.append(DriftOf(edges, min(max(usual, _USUAL_MIN), _USUAL_MAX)))
    return tuple(learned)


def stability_index(values: Array, edges: Array) -> float:
    """The PSI of `values` against equal parts between `edges`: 0 where they lie as in training."""
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=_PARTS)
    # Half a sample in each part keeps an empty one from being infinitely far away.
    shares = (counts + 0.5) / (len(values) + 0.5 * _PARTS)
    return float(np.sum((shares - 1.0 / _PARTS) * np.log(shares * _PARTS)))


_INDEX_MAX: Final = stability_index(np.zeros(DRIFT_CANDLES), np.ones(_PARTS - 1))
# All in one part is too far, however often the training itself did so.
_USUAL_MAX: Final = 0.9 * _INDEX_MAX


def drift_of(rows: Rows, learned: Sequence[DriftOf]) -> Drift:
    """The largest drift of the latest rows, against what is usual."""
    found = [
        Drift(name, index, each.usual, each.level(index))
        for place, (name, each) in enumerate(zip(FEATURES, learned, strict=True))
        for index in (stability_index(rows[:, place], each.edges),)
    ]
    return max(found, key=lambda drift: drift.level)
