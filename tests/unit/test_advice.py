"""When advice was right, case by case."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from hedgerow.domain.advice import Advice, Matter, agent_scores, moved, target_met
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.positions import PositionSide

AT = datetime(2024, 3, 1, tzinfo=UTC)
LONG, SHORT = PositionSide.LONG, PositionSide.SHORT


def candle(low: int, high: int) -> Candle:
    return Candle("BTC/USDT", Timeframe.H1, AT, *map(Decimal, (low, high, low, high, 1)))


def advice(
    says: bool | None,
    came_true: bool | None,
    confidence: float | None = None,
    agent: str = "market_analyst",
) -> Advice:
    return Advice(agent, Matter.DIRECTION, "BTC/USDT", AT, says, came_true, confidence)


@pytest.mark.parametrize(
    ("side", "later", "went"),
    [(LONG, 101, True), (LONG, 99, False), (SHORT, 99, True), (SHORT, 101, False)],
)
def test_a_price_moves_the_way_of_a_side(side: PositionSide, later: int, *, went: bool) -> None:
    assert moved(side, Decimal(100), Decimal(later)) is went


@pytest.mark.parametrize("side", PositionSide)
def test_a_price_that_stays_answers_nothing(side: PositionSide) -> None:
    assert moved(side, Decimal(100), Decimal("100.0")) is None


@pytest.mark.parametrize(
    ("side", "spans", "met"),
    [
        (LONG, [(96, 104), (97, 110)], True),
        (LONG, [(95, 104), (97, 110)], False),
        (LONG, [(94, 111)], False),
        (LONG, [(96, 109)], None),
        (LONG, [], None),
        (SHORT, [(90, 104)], True),
        (SHORT, [(91, 105)], False),
        (SHORT, [(90, 105)], False),
    ],
)
def test_a_target_is_met_before_a_stop(
    side: PositionSide,
    spans: list[tuple[int, int]],
    met: bool | None,
) -> None:
    stop, target = (95, 110) if side is LONG else (105, 90)
    after = [candle(low, high) for low, high in spans]
    assert target_met(side, Decimal(stop), Decimal(target), after) is met


def test_a_score_counts_each_kind_of_advice() -> None:
    (score,) = agent_scores(
        [
            advice(True, True, 0.9),
            advice(False, True, 0.6),
            advice(True, True, 0.7),
            advice(None, True, 0.0),
            advice(True, None, 0.8),
        ]
    )
    assert (score.given, score.no_side, score.unanswered) == (5, 1, 1)
    assert (score.judged, score.right, score.share) == (3, 2, 2 / 3)
    # it always rose: who always says so is always right
    assert score.constant_share == 1.0
    assert score.calibration is not None
    assert score.calibration.count == 3
    assert score.calibration.brier == pytest.approx((0.01 + 0.36 + 0.09) / 3)


def test_a_score_without_answers_claims_nothing() -> None:
    (score,) = agent_scores([advice(None, True), advice(True, None)])
    assert (score.judged, score.share, score.constant_share) == (0, None, None)
    assert (score.interval.low, score.interval.high) == (0.0, 1.0)
    assert score.calibration is None


def test_agents_are_scored_apart() -> None:
    scores = agent_scores([advice(True, True, agent="b"), advice(True, False, agent="a")])
    assert [(each.agent, each.right) for each in scores] == [("a", 0), ("b", 1)]
