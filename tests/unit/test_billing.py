"""The fund tells, as events and to its user, when the month's budget for models runs out."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from builders import Scene, fund, settings
from hedgerow.domain.ai_budget import (
    BudgetLimits,
    BudgetPressure,
    BudgetState,
    pressure,
    used_pct,
)
from hedgerow.domain.errors import InvalidValue, NotExact
from hedgerow.domain.messages import BillingAlert, BudgetUsed, Notify, Step

MARCH = date(2024, 3, 1)
USED = BudgetUsed(MARCH, Decimal(83), 830, 1000, Decimal("4.125"), Decimal(5))


def alert(used: BudgetUsed, level: BudgetPressure) -> BillingAlert:
    return BillingAlert(
        level,
        used.month,
        used.used_pct,
        used.requests,
        used.requests_max,
        used.usd,
        used.usd_max,
    )


@pytest.mark.parametrize(
    ("used_pct", "level", "severity"),
    [
        ("80", BudgetPressure.THROTTLED, "warning"),
        ("99.99", BudgetPressure.THROTTLED, "warning"),
        ("100", BudgetPressure.EXHAUSTED, "critical"),
        ("140", BudgetPressure.EXHAUSTED, "critical"),
    ],
)
def test_from_a_threshold_on_it_is_an_event_and_the_user_is_told(
    used_pct: str, level: BudgetPressure, severity: str
) -> None:
    used = replace(USED, used_pct=Decimal(used_pct))
    said = Scene().tell(used)
    assert said.facts == (alert(used, level),)
    (told,) = said.wishes
    assert isinstance(told, Notify)
    assert told.severity == severity
    assert told.text.startswith(
        f"AI budget of 2024-03 {int(used.used_pct)} % used (830 of 1000 requests, 4.12 of 5.00 USD)"
    )


def test_below_it_there_is_nothing_to_say() -> None:
    assert Scene().tell(replace(USED, used_pct=Decimal("79.99"))) == Step((), ())


def test_who_wants_no_notices_gets_the_event_alone() -> None:
    said = Scene(fund(own=settings(notifications_on=False))).tell(USED)
    assert said == Step((alert(USED, BudgetPressure.THROTTLED),), ())


def test_without_a_limit_of_ones_own_none_is_named() -> None:
    (told,) = Scene().tell(replace(USED, usd_max=None)).wishes
    assert isinstance(told, Notify)
    assert "(830 of 1000 requests, 4.12 USD)" in told.text


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"used_pct": Decimal("NaN")}, NotExact),
        ({"used_pct": Decimal(-1)}, InvalidValue),
        ({"usd": 4.5}, NotExact),
        ({"usd": Decimal(-1)}, InvalidValue),
        ({"usd_max": Decimal("Infinity")}, NotExact),
        ({"requests": -1}, InvalidValue),
    ],
)
def test_what_cannot_have_been_used_is_refused_and_leaves_no_trace(
    changes: dict[str, Any], error: type[Exception]
) -> None:
    scene = Scene()
    before = repr(scene.fund)
    with pytest.raises(error):
        scene.tell(replace(USED, **changes))
    assert repr(scene.fund) == before


@pytest.mark.parametrize(
    ("requests", "usd", "usd_max", "share", "level"),
    [
        (79, "0", None, "79", BudgetPressure.NORMAL),
        (80, "0", None, "80", BudgetPressure.THROTTLED),
        (10, "4.5", "5", "90", BudgetPressure.THROTTLED),
        (100, "0", "5", "100", BudgetPressure.EXHAUSTED),
        (0, "5.01", "5", "100.2", BudgetPressure.EXHAUSTED),
        (0, "0", "0", "100", BudgetPressure.EXHAUSTED),
    ],
)
def test_the_greater_share_of_both_limits_counts(
    requests: int, usd: str, usd_max: str | None, share: str, level: BudgetPressure
) -> None:
    limits = BudgetLimits(100, None if usd_max is None else Decimal(usd_max))
    state = BudgetState(MARCH, requests - requests // 2, requests // 2, Decimal(usd))
    assert used_pct(state, limits) == Decimal(share)
    assert pressure(state, limits) is level
