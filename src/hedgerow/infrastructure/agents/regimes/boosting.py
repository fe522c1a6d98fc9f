"""Grows the boosted trees; the one place that knows scikit-learn."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hedgerow.infrastructure.agents.regimes.features import Rows
from hedgerow.infrastructure.agents.regimes.forest import Forest
from hedgerow.infrastructure.agents.regimes.samples import STATES

# Few and shallow trees of many samples each: neighbouring candles say nearly the same, so there is
# far less to learn from than there are rows.
ROUNDS: Final = 80
LEARNING_RATE: Final = 0.05
LEAVES_MAX: Final = 4
SAMPLES_IN_LEAF_MIN: Final = 40
L2: Final = 5.0
# With two the library would grow one tree for both.
STATES_MIN: Final = 3


def grow(features: Rows, labels: NDArray[np.int64], seed: int) -> Forest:
    """Trees grown on samples in which STATES_MIN states occur; one seed and data, one forest."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    assert len(np.unique(labels)) >= STATES_MIN, "enough states occur"
    model = HistGradientBoostingClassifier(
        max_iter=ROUNDS,
        learning_rate=LEARNING_RATE,
        max_leaf_nodes=LEAVES_MAX,
        min_samples_leaf=SAMPLES_IN_LEAF_MIN,
        l2_regularization=L2,
        early_stopping=False,
        random_state=seed,
    )
    # Sums over several threads differ in their last digits from run to run.
    with threadpool_limits(limits=1):
        model.fit(features, labels)
    return forest_of(model, labels)


def forest_of(model: Any, labels: NDArray[np.int64]) -> Forest:
    """The trees of a classifier fitted to `labels`.

    A state that never occurred has no tree, and as much of a chance as if it had once.
    """
    # No public attribute holds them; a test compares the forest with the classifier itself.
    trees = [tree.nodes for each_round in model._predictors for tree in each_round]
    first = np.cumsum([0, *(len(nodes) for nodes in trees)])
    nodes = np.concatenate([*trees, _nothing(trees[0])])
    offset = np.repeat([*first[:-1], 0], [*np.diff(first), 1])
    here = np.arange(len(nodes))
    is_leaf = nodes["is_leaf"].astype(bool)
    occurs = model.classes_
    roots = np.full((len(model._predictors), len(STATES)), len(nodes) - 1)
    roots[:, occurs] = first[:-1].reshape(-1, len(occurs))
    return Forest(
        feature=np.where(is_leaf, 0, nodes["feature_idx"]).astype(np.int64),
        threshold=np.where(is_leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
        left=np.where(is_leaf, here, nodes["left"] + offset).astype(np.int64),
        right=np.where(is_leaf, here, nodes["right"] + offset).astype(np.int64),
        value=np.where(is_leaf, nodes["value"], 0.0).astype(np.float64),
        roots=roots,
        start=_start(model, labels),
    )


def _nothing(like: Any) -> Any:
    """A tree that adds nothing: one leaf."""
    leaf = np.zeros(1, dtype=like.dtype)
    leaf["is_leaf"] = 1
    return leaf


def _start(model: Any, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    occurs = model.classes_
    given = np.asarray(model._baseline_prediction, dtype=np.float64).reshape(-1)
    counts = np.bincount(labels)
    once = float(given[0]) - np.log(float(counts[occurs[0]]))
    start = np.full(len(STATES), once, dtype=np.float64)
    start[occurs] = given
    return start
