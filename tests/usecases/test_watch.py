"""What a desk is told of positions that have ended, also by a process that takes over."""

from __future__ import annotations

from datetime import timedelta

from builders import NOON, fund, position
from hedgerow.domain.positions import PositionStatus
from hedgerow.usecases.fund_view import Watch

HOUR = timedelta(hours=1)


def test_who_takes_over_tells_what_has_ended_since_the_last_decisions() -> None:
    ended = position(
        opened_at=NOON - HOUR,
        closed_at=NOON + HOUR,
        status=PositionStatus.CLOSED,
        close_reasoning="the stop was filled",
    )
    watch = Watch(fund())
    assert watch.happened(ended.symbol) == ()
    watch.recall([ended], NOON)
    assert watch.happened(ended.symbol) == ("the long has ended: the stop was filled",)


def test_what_ended_before_them_or_began_after_them_is_no_news() -> None:
    before = position(opened_at=NOON - 2 * HOUR, closed_at=NOON - HOUR)
    within = position(opened_at=NOON + HOUR, closed_at=NOON + 2 * HOUR)
    watch = Watch(fund())
    watch.recall([before, within], NOON)
    assert watch.happened(before.symbol) == ()
