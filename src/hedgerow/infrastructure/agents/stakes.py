"""From a setup to numbers of money: entry, stop, target and the share of equity to put in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.money import (
    HUNDRED,
    ONE,
    floor_to_step,
    floor_to_tick,
    percent,
    price_from_float,
    ratio,
    round_to_tick,
)
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.agents.plays import Play

# The share of a strategy's equity that is lost when the stop is hit.
STAKE_RATIOS: Final[Mapping[RiskTolerance, Decimal]] = {
    RiskTolerance.CONSERVATIVE: Decimal("0.0025"),
    RiskTolerance.MODERATE: Decimal("0.005"),
    RiskTolerance.AGGRESSIVE: Decimal("0.01"),
}
# A stop further away than this share of the price protects nothing, and a target several times as
# far below a short would near zero.
STOP_RATIO_MAX: Final = Decimal("0.25")

_SIZE_STEP: Final = Decimal("0.0001")
_PERCENT_STEP: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Levels:
    """Where a trade starts and ends, in quote currency; `trailing_stop_pct` is in per cent."""

    entry: Decimal
    stop: Decimal
    target: Decimal
    trailing_stop_pct: Decimal | None

    @property
    def stop_ratio(self) -> Decimal:
        """The distance of the stop, as a share of the entry price."""
        return ratio(abs(self.entry - self.stop), self.entry)

    @property
    def reward_to_risk(self) -> Decimal:
        """The distance of the target in distances of the stop."""
        return ratio(abs(self.target - self.entry), abs(self.entry - self.stop))


@dataclass(frozen=True, slots=True)
class NoLevels:
    """The stop would lie less than a tick or more than STOP_RATIO_MAX of the price away."""

    entry: Decimal
    distance: Decimal


def levels(
    play: Play, side: PositionSide, close: Decimal, atr: float, tick: Decimal
) -> Levels | NoLevels:
    """Entry at `close`, stop and target by ATR (quote currency); prices are multiples of `tick`.

    The target is rounded towards the entry: no more is promised than the play does.
    """
    entry = round_to_tick(close, tick)
    distance = price_from_float(play.stop_atrs * atr, tick)
    if not tick <= distance <= entry * STOP_RATIO_MAX:
        return NoLevels(entry, distance)
    reward = floor_to_tick(distance * play.reward_to_risk, tick)
    return Levels(
        entry=entry,
        stop=entry - distance * side.sign,
        target=entry + reward * side.sign,
        trailing_stop_pct=_trailing_stop_pct(play, entry, distance),
    )


def _trailing_stop_pct(play: Play, entry: Decimal, distance: Decimal) -> Decimal | None:
    if play.trail_to_risk is None:
        return None
    return max(
        floor_to_step(percent(distance * play.trail_to_risk, entry), _PERCENT_STEP), _PERCENT_STEP
    )


def size_ratio(tolerance: RiskTolerance, stake_share: Decimal, stop_ratio: Decimal) -> Decimal:
    """The share of equity to put in: what is staked over the distance of the stop, at most 1."""
    staked = STAKE_RATIOS[tolerance] * stake_share
    return min(ONE, floor_to_step(ratio(staked, stop_ratio), _SIZE_STEP))


def stake_percent(tolerance: RiskTolerance, stake_share: Decimal) -> Decimal:
    """What a trade stakes, in per cent of equity."""
    return (STAKE_RATIOS[tolerance] * stake_share * HUNDRED).normalize()
