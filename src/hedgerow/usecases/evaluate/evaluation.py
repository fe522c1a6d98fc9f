"""What an evaluation comes to: every arm's figures, and what they say about the desk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hedgerow.domain.advice import AgentScore
from hedgerow.domain.chance import Odds, Spread, odds_of, spread_of
from hedgerow.usecases.evaluate.figures import Figures
from hedgerow.usecases.evaluate.plan import EvaluationPlan, Span


class Arm(StrEnum):
    """Who decides."""

    DESK = "desk"
    HOUSE = "house_rules"
    HOLD = "buy_and_hold"
    RANDOM = "random_entries"


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of an arm: its figures by span, and of a desk its run and whether it was one of
    before. `model_cost_usd` is what all of its calls cost, research that other seeds share too.
    """

    arm: Arm
    seed: int
    figures: Mapping[Span, Figures]
    run_id: UUID | None = None
    was_finished: bool = False
    model_cost_usd: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of an arm in a span, over its samples; None where no sample has the figure."""

    samples: int
    return_pct: Spread | None
    max_drawdown_pct: Spread | None
    sharpe: Spread | None
    trades: Spread | None
    win_rate_pct: Spread | None
    fees: Spread | None
    model_cost_usd: Spread | None


class Verdict(StrEnum):
    """What a span says about the desk, beside chance."""

    NO_TRADES = "no_trades"
    """It made no trade: there is nothing to hold beside chance."""
    AS_CHANCE = "as_chance"
    """Its every seed, or some, might as well have been drawn by lot."""
    BEYOND_CHANCE = "beyond_chance"
    """Of each of its seeds, chance alone gets as far in at most one of twenty."""


@dataclass(frozen=True, slots=True)
class SpanResult:
    """One span: the row of each arm, where each seed of the desk stands among the draws of
    chance, what follows, and how often agents were right.

    `over_house_points` and `over_hold_points` are by how many points the desk's median return is
    above theirs, negative where it is below.
    """

    span: Span
    rows: Mapping[Arm, Row]
    odds: tuple[Odds, ...]
    verdict: Verdict
    over_house_points: Decimal
    over_hold_points: Decimal
    agents: tuple[AgentScore, ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The result of a plan that was carried out whole; `model_cost_usd` is what was spent in all.

    Amounts are in `quote_currency`.
    """

    plan: EvaluationPlan
    quote_currency: str
    samples: tuple[Sample, ...]
    spans: tuple[SpanResult, ...]
    model_cost_usd: Decimal


def span_result(
    span: Span, samples: Sequence[Sample], agents: tuple[AgentScore, ...]
) -> SpanResult:
    """What all samples say of a span."""
    rows = {arm: _row(span, _of(arm, samples)) for arm in Arm if any(_of(arm, samples))}
    chance = [each.figures[span].return_pct for each in _of(Arm.RANDOM, samples)]
    mine = [each.figures[span] for each in _of(Arm.DESK, samples)]
    odds = tuple(filter(None, (odds_of(each.return_pct, chance) for each in mine)))
    return SpanResult(
        span=span,
        rows=rows,
        odds=odds,
        verdict=_verdict(mine, odds),
        over_house_points=_median(rows[Arm.DESK]) - _median(rows[Arm.HOUSE]),
        over_hold_points=_median(rows[Arm.DESK]) - _median(rows[Arm.HOLD]),
        agents=agents,
    )


def _verdict(mine: Sequence[Figures], odds: Sequence[Odds]) -> Verdict:
    if not odds or not any(each.trades for each in mine):
        return Verdict.NO_TRADES
    return Verdict.BEYOND_CHANCE if all(o.is_convincing for o in odds) else Verdict.AS_CHANCE


def _of(arm: Arm, samples: Sequence[Sample]) -> Iterator[Sample]:
    return (each for each in samples if each.arm is arm)


def _row(span: Span, samples: Iterator[Sample]) -> Row:
    found = list(samples)
    figures = [each.figures[span] for each in found]
    return Row(
        samples=len(found),
        return_pct=spread_of([each.return_pct for each in figures]),
        max_drawdown_pct=spread_of([each.max_drawdown_pct for each in figures]),
        sharpe=spread_of([each.sharpe for each in figures]),
        trades=spread_of([Decimal(each.trades) for each in figures]),
        win_rate_pct=spread_of(_known([each.win_rate_pct for each in figures])),
        fees=spread_of([each.fees for each in figures]),
        model_cost_usd=spread_of(_known([each.model_cost_usd for each in found])),
    )


def _known(figures: Sequence[Decimal | None]) -> list[Decimal]:
    return [each for each in figures if each is not None]


def _median(row: Row) -> Decimal:
    assert row.return_pct is not None, "each arm has a sample"
    return row.return_pct.median
