"""The first sentence of an evaluation claims no more than the figures do."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from evaluation_builders import evaluation_plan
from hedgerow.entrypoints.evaluate_words import arm_rows, span_title, standing, verdict
from hedgerow.usecases.evaluate.evaluation import Arm, Evaluation, Sample, span_result
from hedgerow.usecases.evaluate.figures import Figures
from hedgerow.usecases.evaluate.plan import EvaluationPlan, Span


def figures(return_pct: int, trades: int = 4) -> Figures:
    return Figures(Decimal(return_pct), Decimal(1), Decimal(2), trades, trades, 1, Decimal(5))


def sample(arm: Arm, seed: int, worth: dict[Span, Figures]) -> Sample:
    return Sample(arm, seed, worth)


def evaluation(asked: EvaluationPlan, *returns: int, trades: int = 4) -> Evaluation:
    """The desk's seeds earned `returns` in each span; the draws of chance 1 to 40."""
    spans = asked.spans
    samples = (
        *(
            sample(Arm.DESK, n, {s: figures(each, trades) for s in spans})
            for n, each in enumerate(returns)
        ),
        sample(Arm.HOUSE, 7, {s: figures(10) for s in spans}),
        sample(Arm.HOLD, 0, {s: figures(50, 0) for s in spans}),
        *(sample(Arm.RANDOM, n, {s: figures(n) for s in spans}) for n in range(1, 41)),
    )
    results = tuple(span_result(span, samples, ()) for span in spans)
    return Evaluation(asked, "USDT", samples, results, Decimal(0))


@pytest.mark.parametrize(
    ("asked", "returns", "said"),
    [
        (evaluation_plan(), (20, 30), "beats chance nowhere with confidence"),
        (evaluation_plan(), (20, 50), "beats chance nowhere with confidence"),
        (evaluation_plan(), (50, 60), "only where its model may have seen what came: no evidence"),
        (evaluation_plan(training_cutoff=date(2030, 1, 1)), (50, 60), "no evidence"),
        (
            evaluation_plan(training_cutoff=date(2020, 1, 1)),
            (50, 60),
            "beats chance with confidence after the training cut-off, on these candles",
        ),
    ],
)
def test_a_verdict(asked: EvaluationPlan, returns: tuple[int, ...], said: str) -> None:
    assert said in verdict(evaluation(asked, *returns))


def test_who_makes_no_trade_is_not_held_beside_chance() -> None:
    assert "no trade" in verdict(evaluation(evaluation_plan(), 0, trades=0))


def test_a_span_says_where_the_desk_stands() -> None:
    (result,) = evaluation(evaluation_plan(), 20, 24).spans
    assert "the model may have seen this time" in span_title(result)
    words = standing(result)
    assert "12.00 points above the house rules and 28.00 points below holding" in words
    # of 40 draws 19 are below 20, and one is level with it
    assert "better than 49 to 59 % of 40 draws" in words
    assert "with a chance of 0.54" in words


def test_rows_give_median_and_reach() -> None:
    (result,) = evaluation(evaluation_plan(), 20, 30).spans
    desk, house, hold, chance = arm_rows(result)
    assert desk[:2] == ("the desk\n2 runs", "+25.00\n+20.00..+30.00")
    assert house[1] == "+10.00"
    assert hold[4] == "–"
    assert chance[0] == "random entries\n40 runs"
