"""Trains a regime model: samples, walk-forward validation, the model itself, its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final

import numpy as np

from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.agents.indicators import WINDOW
from hedgerow.infrastructure.agents.regimes.boosting import STATES_MIN, grow
from hedgerow.infrastructure.agents.regimes.calibration import Scores
from hedgerow.infrastructure.agents.regimes.drift import DRIFT_CANDLES, learn_drift
from hedgerow.infrastructure.agents.regimes.files import LearnedModel, ModelFiles
from hedgerow.infrastructure.agents.regimes.samples import (
    HORIZON_CANDLES,
    STATES,
    Samples,
    samples_of,
)
from hedgerow.infrastructure.agents.regimes.walk_forward import (
    Fit,
    folds_of,
    hold_out,
    scores_of,
)
from hedgerow.usecases.regime_models import ModelCard, TrainingRequest, UnreadableModel

# Of a state, in the least that any fold learns from.
_OF_A_STATE_MIN: Final = 20

Show = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class BoostedRegimes:
    """The port RegimeTrainer: gradient boosting, kept in files."""

    files: ModelFiles

    def train(self, request: TrainingRequest, show: Show) -> ModelCard:
        """Train, validate and save a new version; raises InputRefused for too few candles."""
        model = learn(request, show)
        return self.files.save(model).card

    def models(self) -> Sequence[ModelCard | UnreadableModel]:
        """Every version there is, by timeframe and number."""
        loaded = [self.files.load(version) for version in self.files.versions()]
        return [one.card if isinstance(one, LearnedModel) else one for one in loaded]


def learn(request: TrainingRequest, show: Show) -> LearnedModel:
    """A model of what was asked for, not yet saved; raises InputRefused for too few candles."""
    series = [list(request.candles[symbol]) for symbol in sorted(request.candles)]
    candles = sum(len(each) for each in series)
    samples = samples_of(series, lambda done: show("reading candles", done, candles))
    _require_enough(samples)
    held, temperature = hold_out(samples, booster(request.seed), partial(show, "validating"))
    forest = grow(samples.features, samples.labels, request.seed)
    numbers = np.unique(samples.symbol)
    return LearnedModel(
        card=ModelCard(
            version="unsaved",
            timeframe=request.timeframe,
            symbols=tuple(sorted(request.candles)),
            since=min(each[0].open_time for each in series if each),
            until=max(each[-1].close_time for each in series if each),
            candles=candles,
            source=request.source,
            fingerprint=_fingerprint(samples),
            seed=request.seed,
            trained_at=request.at,
            scores=scores_of(held),
        ),
        forest=forest,
        temperature=temperature,
        drift=learn_drift([samples.features[samples.symbol == number] for number in numbers]),
    )


def booster(seed: int) -> Fit:
    """How a fold is trained, and asked."""

    def fit(past: Samples) -> Callable[[Samples], Scores]:
        forest = grow(past.features, past.labels, seed)
        return lambda test: forest.scores(test.features)

    return fit


def _require_enough(samples: Samples) -> None:
    fix = "train on more candles or more symbols"
    if len(samples) < DRIFT_CANDLES:
        what = (
            f"only {len(samples)} candles have the {WINDOW - 1} before and {HORIZON_CANDLES} after "
            f"them that are needed, of at least {DRIFT_CANDLES}"
        )
        raise InputRefused(what, "--symbols", fix)
    first = samples.labels[next(folds_of(samples)).train]
    counts = np.bincount(first, minlength=len(STATES))
    if np.sum(counts >= _OF_A_STATE_MIN) < STATES_MIN:
        found = ", ".join(f"{state} {n}" for state, n in zip(STATES, counts, strict=True))
        what = (
            f"the first candles hold too little of most regimes ({found}; {_OF_A_STATE_MIN} of "
            f"each of {STATES_MIN} are needed)"
        )
        raise InputRefused(what, "--symbols", fix)


def _fingerprint(samples: Samples) -> str:
    digest = sha256()
    for part in (samples.closed, samples.symbol, samples.features, samples.labels):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
