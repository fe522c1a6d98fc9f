"""What a fund says as the month's budget for models runs out."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from hedgerow.domain.ai_budget import BudgetPressure, pressure_at
from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.fund_state import FundState
from hedgerow.domain.messages import BillingAlert, BudgetUsed, Notify
from hedgerow.domain.money import ZERO, require_exact
from hedgerow.domain.risk import Severity

_SEVERITY: Final = {
    BudgetPressure.THROTTLED: Severity.WARNING,
    BudgetPressure.EXHAUSTED: Severity.CRITICAL,
}
_FOLLOWS: Final = {
    BudgetPressure.THROTTLED: "fewer agents are asked, less often, and of a cheaper model",
    BudgetPressure.EXHAUSTED: "no model is asked any more, open positions are managed by rules",
}


def admit_budget(message: BudgetUsed) -> None:
    """Raise NotExact or InvalidValue for what cannot have been used; changes nothing."""
    require_exact(used_pct=message.used_pct, usd=message.usd, usd_max=message.usd_max)
    for name in ("used_pct", "requests", "requests_max", "usd", "usd_max"):
        value: Decimal | int | None = getattr(message, name)
        if value is not None and value < ZERO:
            raise InvalidValue(field=name, value=value, allowed="0 or more")


def on_budget(state: FundState, message: BudgetUsed) -> None:
    """Write down that the budget is nearly or wholly used, and tell the user, if they want to be
    told. Below the first threshold there is nothing to say.
    """
    level = pressure_at(message.used_pct)
    if level is BudgetPressure.NORMAL:
        return
    state.record(
        BillingAlert(
            level=level,
            month=message.month,
            used_pct=message.used_pct,
            requests=message.requests,
            requests_max=message.requests_max,
            usd=message.usd,
            usd_max=message.usd_max,
        )
    )
    if state.user.settings.notifications_on:
        state.want(Notify(_SEVERITY[level], _in_words(message, level)))


def _in_words(message: BudgetUsed, level: BudgetPressure) -> str:
    of_usd = "" if message.usd_max is None else f" of {message.usd_max:.2f}"
    return (
        f"AI budget of {message.month:%Y-%m} {int(message.used_pct)} % used ({message.requests} of "
        f"{message.requests_max} requests, {message.usd:.2f}{of_usd} USD): {_FOLLOWS[level]}"
    )
