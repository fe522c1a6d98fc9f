"""How far a curve stood below its highest point so far, and for how long.

Source: Magdon-Ismail and Atiya (2004), Maximum Drawdown; measured on the points given alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from hedgerow.domain.money import ZERO, exact, percent
from hedgerow.domain.performance.returns import CurvePoint


@dataclass(frozen=True, slots=True)
class DrawdownPoint:
    """How far below its highest point so far a curve stood, in per cent of that point (>= 0)."""

    at: datetime
    percent: Decimal


@dataclass(frozen=True, slots=True)
class Drawdown:
    """A fall from a peak until the curve stood as high again: its depth, and when.

    `percent` is the deepest, in per cent of the peak. `recovered_at` is None while it has not;
    `length` is from the peak to the recovery, or to the curve's end without one. A curve that
    never fell has no dates.
    """

    percent: Decimal = ZERO
    peak_at: datetime | None = None
    trough_at: datetime | None = None
    recovered_at: datetime | None = None
    length: timedelta = timedelta()


def fall_pct(peak: Decimal, equity: Decimal) -> Decimal:
    """How far `equity` stands below `peak`, in per cent of the peak; zero where that is zero."""
    return percent(peak - equity, peak)


def drawdowns(curve: Sequence[CurvePoint]) -> tuple[DrawdownPoint, ...]:
    """How far below its highest point so far the curve stands, at each of its points."""
    peak, falls = ZERO, []
    with exact():
        for point in curve:
            peak = max(peak, point.equity)
            falls.append(DrawdownPoint(point.at, fall_pct(peak, point.equity)))
    return tuple(falls)


def drawdown_periods(falls: Sequence[DrawdownPoint]) -> list[Drawdown]:
    """Every fall from a peak to the recovery from it, oldest first; they do not overlap.

    `falls` are the `drawdowns` of a curve.
    """
    found: list[Drawdown] = []
    peak_at, trough = None, None
    for point in falls:
        if point.percent:
            trough = max(trough or point, point, key=lambda fall: fall.percent)
            continue
        if peak_at and trough:
            found.append(_period(peak_at, trough, point.at, recovered=True))
        peak_at, trough = point.at, None
    if peak_at and trough:
        found.append(_period(peak_at, trough, falls[-1].at, recovered=False))
    return found


def max_drawdown(periods: Iterable[Drawdown]) -> Drawdown:
    """The first of the deepest of a curve's `drawdown_periods`."""
    return max(periods, key=lambda fall: fall.percent, default=Drawdown())


def _period(
    peak_at: datetime, trough: DrawdownPoint, ended_at: datetime, *, recovered: bool
) -> Drawdown:
    return Drawdown(
        percent=trough.percent,
        peak_at=peak_at,
        trough_at=trough.at,
        recovered_at=ended_at if recovered else None,
        length=ended_at - peak_at,
    )
