"""The plays of the house, one per regime: what each looks for, and on which terms it trades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.money import ONE
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.agents.indicators import Indicators

# Trend: a candle in the trend's direction, closing within this many ATR beyond the middle band,
# before the RSI (mirrored for a short) says that the move is spent.
PULLBACK_ATRS_MAX: Final = 1.0
PULLBACK_RSI_MIN: Final = 45.0
PULLBACK_RSI_MAX: Final = 70.0
# Range: a close in the outer part of the bands, with an RSI (mirrored for a short) that agrees.
REVERSION_PLACE_MAX: Final = 0.15
REVERSION_RSI_MAX: Final = 40.0
# Volatile: a close beyond the channel of the candles before, on more than the usual volume.
BREAKOUT_VOLUME_RATIO_MIN: Final = 1.2
# The volume ratio from which a breakout is as strong as it gets.
_BREAKOUT_VOLUME_RATIO_FULL: Final = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of a play: whether it holds, and the numbers in words."""

    holds: bool
    fact: str


@dataclass(frozen=True, slots=True)
class Look:
    """What a play sees in a market: the side it would take and how each condition stands.

    `strength` is 0 (conditions barely met) to 1; it means nothing unless all of them hold.
    """

    side: PositionSide
    checks: tuple[Check, ...]
    strength: float

    @property
    def is_setup(self) -> bool:
        """Whether every condition holds."""
        return all(check.holds for check in self.checks)

    @property
    def facts(self) -> str:
        """All conditions in words."""
        return ", ".join(check.fact for check in self.checks)

    @property
    def missing(self) -> str:
        """The conditions that do not hold, in words."""
        return ", ".join(check.fact for check in self.checks if not check.holds)


@dataclass(frozen=True, slots=True)
class Play:
    """A way to trade one regime.

    `stop_atrs` is the stop's distance in ATR; target and trailing stop are in multiples of that
    distance. `stake_share` scales what the strategy's risk tolerance would stake.
    """

    name: str
    setup_type: SetupType
    stop_atrs: float
    reward_to_risk: Decimal
    trail_to_risk: Decimal | None
    stake_share: Decimal
    look: Callable[[Indicators], Look]


def _clamp(value: float) -> float:
    return max(0.0, min(1.0, value))


def _mirrored(oscillator: float, side: PositionSide, top: float) -> float:
    """An oscillator of 0 to `top` as a long would read it."""
    return oscillator if side is PositionSide.LONG else top - oscillator


def _follow_trend(seen: Indicators, side: PositionSide) -> Look:
    """A pullback to the middle band that has turned: the nearer to the band, the stronger."""
    # Without any movement ATR is 0, and the close is on the band.
    away_atrs = (seen.close - seen.band_middle) * side.sign / max(seen.regime.atr, 1e-300)
    rsi = _mirrored(seen.rsi, side, 100.0)
    return Look(
        side,
        (
            Check(
                0.0 <= away_atrs <= PULLBACK_ATRS_MAX,
                f"the close {away_atrs:.2f} ATR beyond the middle band "
                f"(wanted 0 to {PULLBACK_ATRS_MAX:g})",
            ),
            Check(
                PULLBACK_RSI_MIN <= rsi <= PULLBACK_RSI_MAX,
                f"RSI {seen.rsi:.1f} (wanted {_rsi_span(side)})",
            ),
            Check(
                (seen.close - seen.open) * side.sign > 0.0,
                f"the candle {(seen.close / seen.open - 1.0) * 100.0:+.2f} % "
                f"(wanted {'a gain' if side is PositionSide.LONG else 'a loss'})",
            ),
        ),
        strength=_clamp(1.0 - away_atrs / PULLBACK_ATRS_MAX),
    )


def _rsi_span(side: PositionSide) -> str:
    ends = sorted(_mirrored(end, side, 100.0) for end in (PULLBACK_RSI_MIN, PULLBACK_RSI_MAX))
    return f"{ends[0]:g} to {ends[1]:g}"


def _revert_to_mean(seen: Indicators) -> Look:
    """A close at the edge of the bands: the further out, the stronger."""
    side = PositionSide.LONG if seen.band_place < 0.5 else PositionSide.SHORT
    place = _mirrored(seen.band_place, side, 1.0)
    rsi = _mirrored(seen.rsi, side, 100.0)
    beyond = "at most" if side is PositionSide.LONG else "at least"
    return Look(
        side,
        (
            Check(
                place <= REVERSION_PLACE_MAX,
                f"the close at {seen.band_place:.2f} of the way from the lower to the upper band "
                f"(wanted {beyond} {_mirrored(REVERSION_PLACE_MAX, side, 1.0):.2f})",
            ),
            Check(
                rsi <= REVERSION_RSI_MAX,
                f"RSI {seen.rsi:.1f} "
                f"(wanted {beyond} {_mirrored(REVERSION_RSI_MAX, side, 100.0):g})",
            ),
        ),
        strength=_clamp((REVERSION_PLACE_MAX - place) / (2.0 * REVERSION_PLACE_MAX)),
    )


def _break_out(seen: Indicators) -> Look:
    """A close beyond the channel: the more volume, the stronger."""
    middle = (seen.channel_high + seen.channel_low) / 2.0
    side = PositionSide.LONG if seen.close >= middle else PositionSide.SHORT
    edge = seen.channel_high if side is PositionSide.LONG else seen.channel_low
    beyond = BREAKOUT_VOLUME_RATIO_MIN
    return Look(
        side,
        (
            Check(
                (seen.close - edge) * side.sign > 0.0,
                f"the close {(seen.close / edge - 1.0) * 100.0:+.2f} % from the "
                f"{'high' if side is PositionSide.LONG else 'low'} of the channel (wanted beyond)",
            ),
            Check(
                seen.volume_ratio >= beyond,
                f"volume {seen.volume_ratio:.2f} of the usual (wanted at least {beyond:g})",
            ),
        ),
        strength=_clamp((seen.volume_ratio - beyond) / (_BREAKOUT_VOLUME_RATIO_FULL - beyond)),
    )


def _trend_play(side: PositionSide) -> Play:
    return Play(
        name="trend pullback",
        setup_type=SetupType.TREND_FOLLOW,
        stop_atrs=2.0,
        reward_to_risk=Decimal("2.5"),
        trail_to_risk=Decimal("1.5"),
        stake_share=ONE,
        look=lambda seen: _follow_trend(seen, side),
    )


# The regime in which a position of each side works against the market.
AGAINST: Final[Mapping[PositionSide, Regime]] = {
    PositionSide.LONG: Regime.TREND_DOWN,
    PositionSide.SHORT: Regime.TREND_UP,
}

# A regime in transition has no play: nothing is known yet of what it turns into.
PLAYS: Final[Mapping[Regime, Play]] = {
    Regime.TREND_UP: _trend_play(PositionSide.LONG),
    Regime.TREND_DOWN: _trend_play(PositionSide.SHORT),
    Regime.RANGE: Play(
        name="band reversion",
        setup_type=SetupType.REVERSAL,
        stop_atrs=1.5,
        reward_to_risk=Decimal("1.5"),
        # A range has no distance for a stop to trail in.
        trail_to_risk=None,
        stake_share=ONE,
        look=_revert_to_mean,
    ),
    Regime.VOLATILE: Play(
        name="channel breakout",
        setup_type=SetupType.BREAKOUT,
        stop_atrs=2.0,
        reward_to_risk=Decimal(2),
        trail_to_risk=Decimal("1.2"),
        # A market this wild may jump a stop: half the stake.
        stake_share=Decimal("0.5"),
        look=_break_out,
    ),
}
