"""The circuit breaker: what it counts, when it trips, what it says, and when it starts afresh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from builders import NOON, breaker, exactly
from hedgerow.domain.risk import Alert, CircuitBreakerState, RiskEventType, Severity, next_midnight

MIDNIGHT = datetime(2024, 3, 5, tzinfo=UTC)


def kinds(alerts: list[Alert]) -> list[str]:
    return [alert.event_type.value for alert in alerts]


def lose(times: int, on: CircuitBreakerState) -> list[str]:
    """Close `times` losing trades; the kinds of all alerts they raise."""
    return [kind for _ in range(times) for kind in kinds(on.record_trade(Decimal(-1), NOON))]


# --- daily drawdown -------------------------------------------------------------------------


def test_the_days_profit_is_measured_from_the_equity_it_began_with() -> None:
    guard = breaker(day_start_equity=Decimal(8000))
    guard.mark_equity(Decimal(8100), NOON)
    assert (guard.daily_pnl, guard.daily_pnl_percent) == exactly(100, "1.25")


@pytest.mark.parametrize(
    ("equity", "alerts", "triggered"),
    [
        ("10400", [], False),
        ("9600.01", [], False),
        ("9600", ["drawdown_warning"], False),  # 80 % of 5 %
        ("9500.01", ["drawdown_warning"], False),
        ("9500", ["circuit_breaker_triggered"], True),  # all of it
        ("9000", ["circuit_breaker_triggered"], True),
    ],
)
def test_it_warns_at_80_per_cent_of_the_drawdown_limit_and_trips_at_all_of_it(
    equity: str, alerts: list[str], triggered: bool
) -> None:
    guard = breaker()
    assert kinds(guard.mark_equity(Decimal(equity), NOON)) == alerts
    assert guard.is_triggered is triggered


def test_what_it_says_names_the_drawdown_and_the_limit() -> None:
    guard = breaker()
    (warning,) = guard.mark_equity(Decimal(9580), NOON)
    assert warning == Alert(
        RiskEventType.DRAWDOWN_WARNING,
        Severity.WARNING,
        "Daily drawdown -4.20% approaches limit -5%",
        {
            "daily_pnl": "-420",
            "daily_pnl_percent": "-4.200000000000",
            "max_daily_drawdown": "5",
        },
    )
    (trip,) = guard.mark_equity(Decimal(9380), NOON)
    assert (trip.event_type, trip.severity) == (
        RiskEventType.CIRCUIT_BREAKER_TRIGGERED,
        Severity.CRITICAL,
    )
    assert trip.message == (
        "Trading halted until 2024-03-05 00:00 UTC. Daily drawdown -6.20% exceeds limit -5%"
    )
    assert trip.data["daily_pnl"] == "-620"
    assert (guard.trigger_reason, guard.triggered_at) == ("daily drawdown exceeded", NOON)


def test_it_warns_once_a_day() -> None:
    guard = breaker()
    equities = [9590, 9580, 9900, 9550]
    said = [kinds(guard.mark_equity(Decimal(equity), NOON)) for equity in equities]
    assert said == [["drawdown_warning"], [], [], []]
    guard.reset(MIDNIGHT, Decimal(10_000))
    assert kinds(guard.mark_equity(Decimal(9590), MIDNIGHT)) == ["drawdown_warning"]


def test_once_tripped_it_stays_so_whatever_equity_does_and_says_no_more() -> None:
    guard = breaker()
    guard.mark_equity(Decimal(9400), NOON)
    assert guard.mark_equity(Decimal(9300), NOON) == []
    assert guard.mark_equity(Decimal(11_000), NOON) == []
    assert guard.is_triggered
    assert guard.daily_pnl == Decimal(1000)


def test_a_fund_that_began_the_day_with_nothing_has_lost_no_share_of_it() -> None:
    guard = breaker(day_start_equity=Decimal(0))
    assert guard.mark_equity(Decimal(-5), NOON) == []
    assert guard.daily_pnl_percent == 0


# --- losses in a row ------------------------------------------------------------------------


def test_wins_losses_and_openings_are_counted() -> None:
    guard = breaker(max_consecutive_loss=9)
    for _ in range(5):
        guard.count_opening()
    for pnl in ("5", "-1", "3", "-2"):
        guard.record_trade(Decimal(pnl), NOON)
    assert (guard.daily_trade_count, guard.daily_wins, guard.daily_losses) == (5, 2, 2)
    assert guard.consecutive_losses == 1


def test_a_win_ends_a_row_of_losses_but_breaking_even_does_not() -> None:
    guard = breaker(max_consecutive_loss=9)
    lose(3, on=guard)
    assert guard.record_trade(Decimal(0), NOON) == []
    assert (guard.consecutive_losses, guard.daily_wins, guard.daily_losses) == (3, 0, 3)
    guard.record_trade(Decimal("0.01"), NOON)
    assert guard.consecutive_losses == 0


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        (1, ["consecutive_loss", "circuit_breaker_triggered"]),
        (2, ["consecutive_loss", "circuit_breaker_triggered"]),
        (3, ["consecutive_loss"] * 2 + ["circuit_breaker_triggered"]),
        (4, ["consecutive_loss"] * 3 + ["circuit_breaker_triggered"]),
    ],
)
def test_it_warns_from_the_second_loss_in_a_row_and_trips_at_the_limit(
    limit: int, said: list[str]
) -> None:
    guard = breaker(max_consecutive_loss=limit)
    before = lose(limit - 1, on=guard)
    assert not guard.is_triggered
    assert before + lose(1, on=guard) == said
    assert (guard.is_triggered, guard.trigger_reason) == (True, "consecutive losses")


def test_further_losses_are_counted_and_told_but_trip_nothing_twice() -> None:
    guard = breaker()
    lose(3, on=guard)
    assert lose(1, on=guard) == ["consecutive_loss"]
    assert guard.consecutive_losses == 4


def test_the_message_of_a_loss_streak() -> None:
    guard = breaker()
    lose(1, on=guard)
    (warning,) = guard.record_trade(Decimal(-1), NOON)
    assert (warning.severity, warning.message) == (
        Severity.WARNING,
        "2 losing trades in a row, limit 3",
    )
    assert warning.data == {"consecutive_losses": "2", "max_consecutive_loss": "3"}


# --- kill switch, switched off, reset -------------------------------------------------------


def test_the_kill_switch_stops_trading_at_the_users_word() -> None:
    guard = breaker()
    pulled, trip = guard.pull_kill_switch("I am on holiday", NOON)
    assert (pulled.event_type, pulled.severity, pulled.message) == (
        RiskEventType.KILL_SWITCH_ACTIVATED,
        Severity.CRITICAL,
        "Kill switch pulled: I am on holiday",
    )
    assert trip.event_type is RiskEventType.CIRCUIT_BREAKER_TRIGGERED
    assert (guard.is_triggered, guard.triggered_at, guard.trigger_reason) == (
        True,
        NOON,
        "kill switch",
    )


def test_pulled_on_a_tripped_breaker_it_is_noted_and_the_first_reason_stands() -> None:
    guard = breaker()
    guard.mark_equity(Decimal(9000), NOON)
    assert kinds(guard.pull_kill_switch("enough", NOON)) == ["kill_switch_activated"]
    assert guard.trigger_reason == "daily drawdown exceeded"


def test_switched_off_it_counts_and_tells_but_never_trips_by_itself() -> None:
    guard = breaker(is_enabled=False)
    assert guard.mark_equity(Decimal(5000), NOON) == []
    assert guard.daily_pnl_percent == Decimal(-50)
    assert lose(4, on=guard) == ["consecutive_loss"] * 3
    assert not guard.is_triggered


def test_the_kill_switch_works_also_when_the_breaker_is_switched_off() -> None:
    guard = breaker(is_enabled=False)
    guard.pull_kill_switch("enough", NOON)
    assert guard.is_triggered


def test_a_new_day_starts_afresh() -> None:
    guard = breaker()
    guard.count_opening()
    guard.mark_equity(Decimal(9590), NOON)
    lose(3, on=guard)
    at = MIDNIGHT + timedelta(minutes=7)
    guard.reset(at, Decimal(9400))
    assert guard == breaker(
        day_start_equity=Decimal(9400), reset_at=datetime(2024, 3, 6, tzinfo=UTC)
    )


@pytest.mark.parametrize(
    ("at", "midnight"),
    [
        (NOON, MIDNIGHT),
        (MIDNIGHT - timedelta(microseconds=1), MIDNIGHT),
        (MIDNIGHT, MIDNIGHT + timedelta(days=1)),  # the day that begins, not the one that ends
        # already the fifth in Tokyo, still the fourth in UTC
        (datetime(2024, 3, 5, 2, tzinfo=timezone(timedelta(hours=9))), MIDNIGHT),
        (datetime(2024, 2, 28, 23, 59, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_the_trading_day_ends_at_midnight_utc(at: Any, midnight: datetime) -> None:
    assert next_midnight(at) == midnight
    assert next_midnight(at).tzinfo is UTC
