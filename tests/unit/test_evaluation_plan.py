"""Into which spans results fall, and what is said of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from builders import exactly, position
from evaluation_builders import END, MODEL, START, evaluation_plan
from hedgerow.domain.ai_usage import HOUSE
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.performance import CurvePoint
from hedgerow.domain.positions import PositionStatus
from hedgerow.usecases.evaluate.figures import figures_along
from hedgerow.usecases.evaluate.plan import EvaluationPlan, Seen, Span

DAY = timedelta(days=1)


def seen(found: EvaluationPlan) -> list[Seen]:
    return [span.seen for span in found.spans]


def test_the_house_has_seen_nothing() -> None:
    assert evaluation_plan(default=HOUSE, models=(HOUSE,)).spans == (
        Span(Seen.NO_MODEL, START, END),
    )


def test_one_agent_with_a_model_makes_it_a_models_desk() -> None:
    assert seen(evaluation_plan(default=HOUSE, models=(HOUSE, MODEL))) == [Seen.UNKNOWN]


def test_nobody_said_what_the_model_has_seen() -> None:
    assert evaluation_plan().spans == (Span(Seen.UNKNOWN, START, END),)


def test_the_last_day_of_training_is_one_that_was_seen() -> None:
    midnight = datetime(START.year, START.month, START.day, tzinfo=UTC) + 2 * DAY
    found = evaluation_plan(training_cutoff=(midnight - DAY).date()).spans
    assert found == (Span(Seen.BEFORE, START, midnight), Span(Seen.AFTER, midnight, END))


@pytest.mark.parametrize(
    ("cutoff", "expected"), [(date(2020, 1, 1), Seen.AFTER), (date(2030, 1, 1), Seen.BEFORE)]
)
def test_a_cutoff_beside_the_candles_leaves_one_span(cutoff: date, expected: Seen) -> None:
    assert evaluation_plan(training_cutoff=cutoff).spans == (Span(expected, START, END),)


def test_the_house_has_no_cutoff() -> None:
    with pytest.raises(InputRefused, match="trained on nothing"):
        evaluation_plan(default=HOUSE, models=(HOUSE,), training_cutoff=date(2024, 1, 1))


def test_each_seed_is_a_run_of_its_own() -> None:
    first, second = evaluation_plan().runs
    assert (first.seed, second.seed, first.model) == (7, 8, MODEL)
    assert first.fingerprint != second.fingerprint


def test_figures_of_a_span_begin_with_what_was_known_at_its_start() -> None:
    worth = (1000, 1100, 990, 1188)
    curve = [CurvePoint(START + n * DAY, Decimal(each)) for n, each in enumerate(worth)]
    early = position(
        opened_at=START + DAY - timedelta(hours=1),
        status=PositionStatus.CLOSED,
        realized_pnl=Decimal(100),
        fees=Decimal(3),
    )
    late = position(opened_at=START + DAY, fees=Decimal(4))
    before = figures_along(curve, [early, late], Span(Seen.BEFORE, START, START + DAY))
    after = figures_along(curve, [early, late], Span(Seen.AFTER, START + DAY, END))
    assert exactly(10, 0) == (before.return_pct, before.max_drawdown_pct)
    assert exactly(8, 10) == (after.return_pct, after.max_drawdown_pct)
    assert (before.trades, before.closed, before.won, before.fees) == (1, 1, 1, Decimal(3))
    assert (after.trades, after.closed, after.win_rate_pct) == (1, 0, None)
    assert after.fees == Decimal(4)
