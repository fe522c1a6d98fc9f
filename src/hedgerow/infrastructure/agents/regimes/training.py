"""Trains a regime model: samples, walk-forward validation, the model itself, its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Final

import numpy as np

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle
from hedgerow.infrastructure.agents.indicators import WINDOW
from hedgerow.infrastructure.agents.regimes.boosting import STATES_MIN, grow
from hedgerow.infrastructure.agents.regimes.calibration import Scores
from hedgerow.infrastructure.agents.regimes.drift import learn_drift
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

# Candles on end, however many symbols are read side by side: what happens at one time is one world,
# and every fold has to test, and to calibrate the next, on times enough.
CANDLES_MIN: Final = 400
_TIMES_MIN: Final = CANDLES_MIN - (WINDOW - 1) - HORIZON_CANDLES
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
    symbols = sorted(request.candles)
    series = [list(request.candles[symbol]) for symbol in symbols]
    candles = sum(len(each) for each in series)
    samples = samples_of(series, lambda done: show("reading candles", done, candles))
    _require_each(symbols, series, samples)
    _require_enough(samples)
    held, temperature = hold_out(samples, booster(request.seed), partial(show, "validating"))
    forest = grow(samples.features, samples.labels, request.seed)
    numbers = np.unique(samples.symbol)
    return LearnedModel(
        card=ModelCard(
            version="unsaved",
            timeframe=request.timeframe,
            symbols=tuple(symbols),
            since=min(each[0].open_time for each in series),
            until=max(each[-1].close_time for each in series),
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


def _require_each(
    symbols: Sequence[str], series: Sequence[Sequence[Candle]], samples: Samples
) -> None:
    """A model judges the symbols that it has learned from; each has to give something to learn."""
    found = set(samples.symbol.tolist())
    lost = [
        f"{symbol} ({len(candles)} candles)"
        for number, (symbol, candles) in enumerate(zip(symbols, series, strict=True))
        if number not in found
    ]
    if lost:
        what = (
            f"there is nothing to learn of {', '.join(lost)}: none has the {WINDOW - 1} candles "
            f"before it and {HORIZON_CANDLES} after it that are needed"
        )
        raise InputRefused(what, "--symbols", "give it more candles, or leave it out")


def _require_enough(samples: Samples) -> None:
    times = len(np.unique(samples.closed))
    if times < _TIMES_MIN:
        what = (
            f"candles at only {times} times have the {WINDOW - 1} before and {HORIZON_CANDLES} "
            f"after them that are needed, and {_TIMES_MIN} are the least: {CANDLES_MIN} on end"
        )
        raise InputRefused(what, "--symbols", "train on more candles of each symbol")
    first = samples.labels[next(folds_of(samples)).train]
    counts = np.bincount(first, minlength=len(STATES))
    if np.sum(counts >= _OF_A_STATE_MIN) < STATES_MIN:
        found = ", ".join(f"{state} {n}" for state, n in zip(STATES, counts, strict=True))
        what = (
            f"the first candles hold too little of most regimes ({found}; {_OF_A_STATE_MIN} of "
            f"each of {STATES_MIN} are needed)"
        )
        raise InputRefused(what, "--symbols", "train on more candles or more symbols")


def _fingerprint(samples: Samples) -> str:
    digest = sha256()
    for part in (samples.closed, samples.symbol, samples.features, samples.labels):
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()
