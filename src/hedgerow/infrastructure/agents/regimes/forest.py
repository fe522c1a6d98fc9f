"""Boosted trees as plain numbers: asked without the library that grew them, and safe to load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
# Rows asked at once: all trees walk together, which takes memory for each row and tree.
_AT_ONCE: Final = 4096


@dataclass(frozen=True, slots=True)
class Forest:
    """The nodes of all trees in columns, and for each state a start value that its trees add to.

    `roots` has a row per round and a column per state. A row of features goes left where
    `feature` is at most `threshold`; a leaf leads to itself. Raises ValueError for nodes that lead
    nowhere or in a circle.
    """

    feature: Places
    threshold: Numbers
    left: Places
    right: Places
    value: Numbers
    roots: Places
    start: Numbers

    def __post_init__(self) -> None:
        size = len(self.feature)
        if any(len(each) != size for each in (self.threshold, self.left, self.right, self.value)):
            raise ValueError("the columns of its trees differ in length")
        if self.roots.ndim != 2 or self.roots.shape[1] != len(self.start):
            raise ValueError("it has not as many trees for each state")
        here = np.arange(size)
        is_leaf = (self.left == here) & (self.right == here)
        # A child stands after its parent, so that every walk ends in a leaf.
        leads_on = (np.minimum(self.left, self.right) > here) | is_leaf
        leads_in = np.maximum(self.left, self.right) < size
        roots_in = (self.roots >= 0) & (self.roots < size)
        if not (leads_on.all() and leads_in.all() and roots_in.all() and self.feature.min() >= 0):
            raise ValueError("a tree of it leads nowhere")

    def scores(self, rows: Numbers) -> Numbers:
        """One column of unbounded scores per state; their softmax is a probability."""
        parts = [rows[first : first + _AT_ONCE] for first in range(0, len(rows), _AT_ONCE)]
        return np.concatenate([self._scores(part) for part in parts])

    def _scores(self, rows: Numbers) -> Numbers:
        row = np.arange(len(rows))[:, None]
        at = np.tile(self.roots.reshape(-1), (len(rows), 1))
        while True:
            goes_left = rows[row, self.feature[at]] <= self.threshold[at]
            after = np.where(goes_left, self.left[at], self.right[at])
            if np.array_equal(after, at):
                break
            at = after
        added = self.value[at].reshape(len(rows), *self.roots.shape).sum(axis=1)
        return np.asarray(self.start + added)
