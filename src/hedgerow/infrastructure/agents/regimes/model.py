"""The port RegimeModel with what was learned, and with the rules where no model fits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.regimes import MODEL_VERSION, Regime, RegimeReading
from hedgerow.infrastructure.agents.indicators import WINDOW, series_of
from hedgerow.infrastructure.agents.regimes.calibration import probabilities
from hedgerow.infrastructure.agents.regimes.drift import DRIFT_CANDLES, Drift, drift_of
from hedgerow.infrastructure.agents.regimes.features import FEATURES, Seen, look
from hedgerow.infrastructure.agents.regimes.files import LearnedModel, timeframe_of
from hedgerow.infrastructure.agents.regimes.samples import STATES
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.usecases.regime_models import UnreadableModel

# Levels: 1 is what nearly all stretches of the training itself stayed below.
DRIFT_WARNED: Final = 1.0
DRIFT_REFUSED: Final = 2.0
CANDLES_NEEDED: Final = WINDOW + DRIFT_CANDLES - 1

_log = logging.getLogger(__name__)


class Fit(StrEnum):
    """How the model of a timeframe fits a market; all but the first two leave it to the rules."""

    GOOD = "is read by its model"
    DRIFTING = "is read by its model, and has begun to drift from the training"
    NO_MODEL = "is left to the rules: no model of this timeframe is chosen"
    UNREADABLE = "is left to the rules: the model cannot be read"
    OTHER_SYMBOL = "is left to the rules: the model was not trained on this symbol"
    FROM_LATER = "is left to the rules: the model was trained on candles that were yet to come"
    TOO_FEW = "is left to the rules: too few candles"
    GAP = "is left to the rules: candles are missing"
    DRIFTED = "is left to the rules: the market is too far from the training"


@dataclass(frozen=True, slots=True)
class Judged:
    """What a model says, if it fits, and the figures that tell how."""

    fit: Fit
    figures: str
    reading: RegimeReading | None = None


@dataclass(frozen=True, slots=True)
class _Kept:
    """Candles on end, and what was seen after each of the last DRIFT_CANDLES of them."""

    candles: list[Candle]
    seen: list[Seen]


class LearnedRegimes:
    """Reads regimes with the model of each timeframe; falls back to the rules, and logs why.

    How a model fits a market is logged when it changes, not with every candle.
    """

    def __init__(
        self, chosen: Sequence[LearnedModel | UnreadableModel], rules: RulesRegimeModel
    ) -> None:
        self._rules = rules
        self._models: dict[Timeframe | None, LearnedModel | UnreadableModel] = {
            timeframe_of(_version(model)): model for model in chosen
        }
        self._kept: dict[tuple[str, Timeframe], _Kept] = {}
        self._fits: dict[tuple[str, Timeframe], Fit] = {}

    @property
    def candles_needed(self) -> int:
        """How many closed candles the learned models read."""
        return CANDLES_NEEDED

    @property
    def candles_least(self) -> int:
        """How many the rules read, which stand in for a model."""
        return self._rules.candles_least

    @property
    def versions(self) -> tuple[str, ...]:
        """The learned versions, then the rules."""
        return (*map(_version, self._models.values()), MODEL_VERSION)

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        """The regime after the last of `candles`.

        Raises InvalidValue where they are too few even for the rules.
        """
        judged = self.judge(candles)
        market = (candles[-1].symbol, candles[-1].timeframe)
        if self._fits.get(market, Fit.GOOD) is not judged.fit:
            _log.warning("%s %s %s (%s)", *market, judged.fit, judged.figures)
        self._fits[market] = judged.fit
        return judged.reading or self._rules.read(candles)

    def judge(self, candles: Sequence[Candle]) -> Judged:
        """What the model of this timeframe says, or why none fits."""
        last = candles[-1]
        model = self._models.get(last.timeframe)
        if model is None:
            return Judged(Fit.NO_MODEL, f"chosen: {', '.join(self.versions)}")
        if isinstance(model, UnreadableModel):
            return Judged(Fit.UNREADABLE, f"{model.version}: {model.problem}")
        if last.symbol not in model.card.symbols:
            return Judged(Fit.OTHER_SYMBOL, f"trained on {', '.join(model.card.symbols)}")
        if last.close_time < model.card.until:
            return Judged(Fit.FROM_LATER, f"trained until {model.card.until:%Y-%m-%d %H:%M}")
        if len(candles) < CANDLES_NEEDED:
            return Judged(Fit.TOO_FEW, f"{len(candles)} of {CANDLES_NEEDED}")
        recent = list(candles[-CANDLES_NEEDED:])
        spans = (last.open_time - recent[0].open_time) // last.timeframe.duration + 1
        if spans != CANDLES_NEEDED:
            return Judged(Fit.GAP, f"{spans - CANDLES_NEEDED} among the last {spans}")
        return _judge_drift(model, self._look(recent))

    def _look(self, recent: list[Candle]) -> list[Seen]:
        """What each of the last DRIFT_CANDLES windows shows, working out what is new alone."""
        market = (recent[-1].symbol, recent[-1].timeframe)
        kept = self._kept.get(market)
        if kept is not None and kept.candles == recent:
            return kept.seen
        if kept is not None and kept.candles[1:] == recent[:-1]:
            seen = [*kept.seen[1:], look(series_of(recent[-WINDOW:]))]
        else:
            series = series_of(recent)
            seen = [look(series.window(end)) for end in range(WINDOW, len(recent) + 1)]
        self._kept[market] = _Kept(recent, seen)
        return seen


def _version(model: LearnedModel | UnreadableModel) -> str:
    return model.version if isinstance(model, UnreadableModel) else model.card.version


def _judge_drift(model: LearnedModel, seen: Sequence[Seen]) -> Judged:
    drift = drift_of(np.array([each.features for each in seen]), model.drift)
    figures = (
        f"{model.card.version}, PSI of {drift.feature} {drift.index:.2f}, "
        f"usually at most {drift.usual:.2f} in training"
    )
    if drift.level > DRIFT_REFUSED:
        return Judged(Fit.DRIFTED, figures)
    fit = Fit.DRIFTING if drift.level > DRIFT_WARNED else Fit.GOOD
    return Judged(fit, figures, _reading(model, seen[-2:], drift))


def _reading(model: LearnedModel, last_two: Sequence[Seen], drift: Drift) -> RegimeReading:
    """The likeliest state; a transition where the candle before had another one.

    The confidence is calibrated: in the state, or in the one that was left being over.
    """
    scores = model.forest.scores(np.array([each.features for each in last_two]))
    before, now = probabilities(scores, model.temperature)
    left, best = int(before.argmax()), int(now.argmax())
    chances = {f"p_{state}": float(now[place]) for place, state in enumerate(STATES)}
    learned = dict(zip(FEATURES, map(float, last_two[-1].features), strict=True))
    indicators = {**asdict(last_two[-1].indicators), **learned, **chances}
    return RegimeReading(
        regime=STATES[best] if best == left else Regime.TRANSITION,
        confidence=float(now[best]) if best == left else float(1.0 - now[left]),
        indicators={**indicators, "drift": drift.level},
        model_version=model.card.version,
    )
