"""How many model calls a user may still make in a month, and what follows as it runs out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.money import HUNDRED, ZERO, require_exact

# From this share of a limit on, in per cent, the desk is made to cost less.
THROTTLE_PCT: Final = Decimal(80)


def month_of(at: datetime) -> date:
    """The first day of the calendar month (UTC) that a call counts in."""
    return date(at.year, at.month, 1)


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """What a month may hold: `requests` by the tier (`monthly_ai_requests`), `usd` by the user.

    `usd` is None where the user has set no limit of their own. Raises InvalidValue.
    """

    requests: int
    usd: Decimal | None = None

    def __post_init__(self) -> None:
        require_exact(usd=self.usd)
        if self.requests < 0:
            raise InvalidValue(field="requests", value=self.requests, allowed="0 or more")
        if self.usd is not None and self.usd < ZERO:
            raise InvalidValue(field="usd", value=self.usd, allowed="0 or more")


@dataclass(frozen=True, slots=True)
class BudgetState:
    """What a user's month holds: settled calls, and those under way at their estimates."""

    month: date
    requests_spent: int = 0
    requests_reserved: int = 0
    usd_spent: Decimal = ZERO
    usd_reserved: Decimal = ZERO

    @property
    def requests(self) -> int:
        """Calls made or under way."""
        return self.requests_spent + self.requests_reserved

    @property
    def usd(self) -> Decimal:
        """US dollars spent or under way."""
        return self.usd_spent + self.usd_reserved


class BudgetPressure(StrEnum):
    """How close a month is to its limits."""

    NORMAL = "normal"
    THROTTLED = "throttled"
    """From THROTTLE_PCT on: fewer agents, longer intervals, a cheaper model."""
    EXHAUSTED = "exhausted"
    """At a limit: no model is asked; open positions are managed by rules."""


def used_pct(state: BudgetState, limits: BudgetLimits) -> Decimal:
    """The greater share of both limits that is used, in per cent; a limit of 0 is used up."""
    shares = [_share(Decimal(state.requests), Decimal(limits.requests))]
    if limits.usd is not None:
        shares.append(_share(state.usd, limits.usd))
    return max(shares)


def pressure(state: BudgetState, limits: BudgetLimits) -> BudgetPressure:
    """How close `state` is to `limits`."""
    return pressure_at(used_pct(state, limits))


def pressure_at(used: Decimal) -> BudgetPressure:
    """How close a month is to its limits with a share of `used` per cent."""
    if used >= HUNDRED:
        return BudgetPressure.EXHAUSTED
    return BudgetPressure.THROTTLED if used >= THROTTLE_PCT else BudgetPressure.NORMAL


def _share(used: Decimal, limit: Decimal) -> Decimal:
    return HUNDRED if limit == ZERO else used / limit * HUNDRED
