"""Tell a fund once for each threshold that its month of model calls has passed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from hedgerow.domain.ai_budget import THROTTLE_PCT, BudgetLimits, used_pct
from hedgerow.domain.fund import Fund
from hedgerow.domain.limits import Limits
from hedgerow.domain.messages import BudgetUsed
from hedgerow.domain.money import HUNDRED
from hedgerow.domain.users import UserSettings
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork, UnitOfWork

_THRESHOLDS: Final = (HUNDRED, THROTTLE_PCT)


def budget_limits(settings: UserSettings, limits: Limits) -> BudgetLimits:
    """What a user's month of model calls may hold: by the tier, and by what they set."""
    return BudgetLimits(limits.monthly_ai_requests, settings.max_monthly_ai_usd)


async def bill_due(
    open_unit: OpenUnitOfWork, fund: Fund, now: datetime, unsaved: Sequence[BudgetUsed]
) -> BudgetUsed | None:
    """What the fund is to be told of the month of `now`, if it has not been; nothing is noted yet.

    `unsaved` is what it has been told and `note_bill` has not noted. Models are paid by the clock
    on the wall, whatever time a fund is living through.
    """
    user = fund.user
    limits = budget_limits(user.settings, fund.limit_profile.limits)
    async with open_unit(user.id) as unit:
        state = await unit.ai_budgets.state(user.id, now)
        used = used_pct(state, limits)
        passed = _passed(used)
        if any((state.month, passed) == (told.month, _passed(told.used_pct)) for told in unsaved):
            return None
        # asked in a unit of work that is left without a commit
        if passed is None or not await unit.ai_budgets.alert_due(user.id, int(passed), now):
            return None
    return BudgetUsed(
        month=state.month,
        used_pct=used,
        requests=state.requests,
        requests_max=limits.requests,
        usd=state.usd,
        usd_max=limits.usd,
    )


async def note_bill(unit: UnitOfWork, fund: Fund, bill: BudgetUsed) -> None:
    """Note, along with what the fund made of it, that it has been told."""
    passed = _passed(bill.used_pct)
    assert passed is not None, "a bill is due from a threshold on"
    month = datetime(bill.month.year, bill.month.month, 1, tzinfo=UTC)
    await unit.ai_budgets.alert_due(fund.user.id, int(passed), month)


def _passed(used: Decimal) -> Decimal | None:
    return next((each for each in _THRESHOLDS if used >= each), None)
