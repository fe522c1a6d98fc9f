"""What calls the desk together: something has changed. What has not is passed over, with why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from hedgerow.domain.money import HUNDRED, ZERO, percent
from hedgerow.infrastructure.agents.setups import Setup
from hedgerow.usecases.ports.desk import Briefing

# How far a holding may grow beyond its target, in per cent of equity, before the desk looks at it.
DRIFT_BAND_PCT: Final = Decimal(5)


@dataclass(frozen=True, slots=True)
class Called:
    """The desk meets, and why."""

    reason: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """The desk does not meet, and why not."""

    reason: str


@dataclass(frozen=True, slots=True)
class Sight:
    """What the screen looks at: the house's setup or why there is none, why an open position has
    lost its reason, and how long ago the desk met on this symbol (None: never).
    """

    briefing: Briefing
    setup: Setup | str
    thesis_gone: str | None
    since_met: timedelta | None


def screen(sight: Sight, interval: timedelta) -> Called | PassedOver:
    """Whether the desk meets now; at most once in `interval`, unless the user asks."""
    briefing = sight.briefing
    if briefing.is_asked_for:
        return Called("the user asks")
    if sight.since_met is not None and sight.since_met < interval:
        return PassedOver(f"the desk met {sight.since_met} ago, and meets once in {interval}")
    for reason in (
        next(iter(briefing.happened), None),
        sight.thesis_gone,
        _new_regime(briefing),
        _setup(sight),
        _drift(sight),
    ):
        if reason is not None:
            return Called(reason)
    if briefing.position is not None:
        return PassedOver(f"the {briefing.position.side} goes on, and nothing has changed")
    return PassedOver(f"nothing has changed. {sight.setup}")


def _new_regime(briefing: Briefing) -> str | None:
    before, now = briefing.regime_before, briefing.regime.regime
    return f"the regime has turned from {before} to {now}" if before not in (None, now) else None


def _setup(sight: Sight) -> str | None:
    if isinstance(sight.setup, str) or sight.briefing.position is not None:
        return None
    return f"a setup: {sight.setup.play.name} ({sight.setup.look.side})"


def _drift(sight: Sight) -> str | None:
    """A holding that has outgrown its target; too little is no drift: targets are no quotas.

    It may go on for weeks: the desk looks at it as often as the strategy rebalances.
    """
    fund, position = sight.briefing.fund, sight.briefing.position
    assert fund is not None, "a desk is told whose it is"
    every = fund.rebalance_frequency.every
    if position is None or every is None:
        return None
    if sight.since_met is not None and sight.since_met < every:
        return None
    symbol = sight.briefing.symbol
    share = percent(position.notional, fund.equity)
    target = fund.target_allocations.get(symbol, ZERO) * HUNDRED
    if share - target <= DRIFT_BAND_PCT:
        return None
    return f"{symbol} is {share:.1f} % of equity, its target {target:.1f} %"
