"""What an evaluation is asked to be, and into which spans of time its results fall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedgerow.domain.ai_usage import AIProvider, ModelChoice
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.candle_sets import CandleSet
from hedgerow.usecases.paper_run import RunPlan, plan_run

FIRST_SEED: Final = 7
"""The seed of a demo, unless another is asked for: what it has run already is not run again."""


class Seen(StrEnum):
    """Whether what a model did in a span of time may have been remembered instead of foreseen."""

    NO_MODEL = "no_model"
    """The house has read nothing."""
    UNKNOWN = "unknown"
    """Nobody said when the model's training ended."""
    BEFORE = "before_cutoff"
    """The model may have read of this time."""
    AFTER = "after_cutoff"
    """The model cannot have read of this time, as far as its provider is right."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the candles, and what the model may know of it."""

    seen: Seen
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """Candles, seeds, how often chance is drawn, and `models`: all that the desk may ask.

    `default` is the one that agents ask without a model of their own. `training_cutoff` is the
    last day (UTC) that a model's training knew, as the provider says. Raises InputRefused for a
    cut-off of the house.
    """

    candles: CandleSet
    exchange: Exchange
    capital: Decimal
    risk_tolerance: RiskTolerance
    seeds: int
    draws: int
    default: ModelChoice
    models: tuple[ModelChoice, ...]
    training_cutoff: date | None = None

    def __post_init__(self) -> None:
        if self.is_house and self.training_cutoff is not None:
            raise InputRefused(
                what="the house plays by rules and was trained on nothing",
                where="--training-cutoff",
                fix="leave it out, or name a model with --model",
            )

    @property
    def is_house(self) -> bool:
        """Whether no language model takes part."""
        return all(choice.provider is AIProvider.HOUSE for choice in self.models)

    @property
    def runs(self) -> tuple[RunPlan, ...]:
        """The desk's paper runs, one for each seed; raises InputRefused, as `plan_run`."""
        return tuple(
            plan_run(
                self.candles,
                self.exchange,
                self.capital,
                FIRST_SEED + number,
                self.risk_tolerance,
                self.default,
            )
            for number in range(self.seeds)
        )

    @property
    def spans(self) -> tuple[Span, ...]:
        """The time of the candles, in two where the training ended in the midst of it."""
        candles = self.candles.candles
        start, end = candles[0].open_time, candles[-1].close_time
        if self.is_house:
            return (Span(Seen.NO_MODEL, start, end),)
        if self.training_cutoff is None:
            return (Span(Seen.UNKNOWN, start, end),)
        unseen = datetime.combine(self.training_cutoff + timedelta(days=1), time(), UTC)
        split = min(max(unseen, start), end)
        spans = (Span(Seen.BEFORE, start, split), Span(Seen.AFTER, split, end))
        return tuple(span for span in spans if span.starts_at < span.ends_at)
