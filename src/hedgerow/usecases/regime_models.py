"""Learned regime models: what is known of each, and who trains and keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.regimes import Regime


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Classifications with a confidence from `at_least` to a tenth above, and how many were right.

    `confidence` is their mean, `came_true` the share that hindsight bears out.
    """

    at_least: float
    samples: int
    confidence: float
    came_true: float


@dataclass(frozen=True, slots=True)
class Skill:
    """How well one way of telling regimes did on the same candles that it had not seen.

    `log_loss` in nats, lower is better; `accuracy` the share in which the likeliest came true.
    """

    log_loss: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class AfterRegime:
    """What followed where a regime was told: means over the horizon.

    `volatility_ratio` is over the usual volatility before; `return_pct` the return in per cent,
    `return_error_pct` its standard error, as if candles a horizon apart were independent.
    """

    regime: Regime
    samples: int
    volatility_ratio: float
    return_pct: float
    return_error_pct: float


@dataclass(frozen=True, slots=True)
class ModelScores:
    """Out of sample, in walk-forward folds: `samples` that the model was tested on.

    `rules` gives what followed each rule in training as its forecast, `base` the frequencies alone.
    `uncalibrated` is the model before its temperature. `run_candles` is for how many candles on
    end the model's likeliest state stays the same, transitions left aside; `rules_run_candles` the
    same of the rule that holds best.
    """

    samples: int
    folds: int
    model: Skill
    uncalibrated: Skill
    rules: Skill
    base: Skill
    model_by_fold: tuple[float, ...]
    rules_by_fold: tuple[float, ...]
    calibration_error: float
    reliability: tuple[ReliabilityBin, ...]
    run_candles: float
    rules_run_candles: float
    after_model: tuple[AfterRegime, ...]
    after_rules: tuple[AfterRegime, ...]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What is known of a trained model without asking it.

    `since` and `until` bound the candles it was trained on, `source` says where they are from, and
    `fingerprint` is the SHA-256 of what was learned from them: features, labels and times.
    """

    version: str
    timeframe: Timeframe
    symbols: tuple[str, ...]
    since: datetime
    until: datetime
    candles: int
    source: str
    fingerprint: str
    seed: int
    trained_at: datetime
    scores: ModelScores


@dataclass(frozen=True, slots=True)
class UnreadableModel:
    """A version whose file cannot be used, and why."""

    version: str
    problem: str


@dataclass(frozen=True, slots=True)
class TrainingRequest:
    """What to learn from: candles of each symbol, oldest first, all of one timeframe."""

    timeframe: Timeframe
    candles: Mapping[str, Sequence[Candle]]
    source: str
    seed: int
    at: datetime


class RegimeTrainer(Protocol):
    """Trains regime models and keeps them."""

    def train(self, request: TrainingRequest, show: Callable[[str, int, int], None]) -> ModelCard:
        """Train, validate and save a new version.

        `show` is told what is under way, how far it is and out of how much. Raises InputRefused
        where the candles are too few or hold too little of a regime.
        """
        ...

    def models(self) -> Sequence[ModelCard | UnreadableModel]:
        """Every version there is, the oldest first."""
        ...
