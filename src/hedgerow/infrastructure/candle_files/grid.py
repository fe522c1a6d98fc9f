"""The timeframe of the files, whether every candle lies on its grid, and what is missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.candle_files.cells import EPOCH, MICROSECOND
from hedgerow.infrastructure.candle_files.series import Bar, Series, microseconds
from hedgerow.usecases.candle_sets import Gap

_BY_LENGTH = {microseconds(timeframe): timeframe for timeframe in Timeframe}
_KNOWN = ", ".join(Timeframe)


def timeframe_of(series: Series) -> Timeframe | None:
    """The timeframe of a file, by the least spacing of its candles; None if it has only one.

    Raises InputRefused where the spacing is no timeframe or a candle lies beside its grid.
    """
    spacing_us = series.spacing_us()
    if spacing_us is None:
        return None
    timeframe = _BY_LENGTH.get(spacing_us)
    if timeframe is None:
        raise _odd_spacing(series, spacing_us)
    require_on_grid(series, timeframe)
    return timeframe


def common_timeframe(series: Sequence[Series], found: Sequence[Timeframe | None]) -> Timeframe:
    """The least timeframe that every file can give: the coarsest one found."""
    known = [timeframe for timeframe in found if timeframe is not None]
    if not known:
        what = "one candle alone does not show its timeframe"
        fix = f"give the timeframe ({_KNOWN}), or files of two candles or more"
        raise series[0].place.refuse(None, what, fix)
    return max(known, key=lambda timeframe: timeframe.duration)


def require_on_grid(series: Series, timeframe: Timeframe) -> None:
    """Raise InputRefused for the first candle that does not open at a multiple of `timeframe`."""
    step_us = microseconds(timeframe)
    for bar in series.bars:
        if bar.open_us % step_us:
            what = f"open_time {_time(bar).isoformat()} is not the start of a {timeframe} candle"
            fix = f"give the times at which {timeframe} candles open, in UTC"
            raise series.place.refuse(bar.line, what, fix)


def require_not_coarser(series: Series, found: Timeframe, wanted: Timeframe) -> None:
    """Raise InputRefused where candles of `found` would have to be taken apart."""
    if found.duration > wanted.duration:
        what = f"{found} candles cannot be made into {wanted} candles"
        fix = f"ask for {found} or a longer timeframe, or give finer candles"
        raise series.place.refuse(None, what, fix)


def require_no_gaps(series: Series, timeframe: Timeframe) -> None:
    """Raise InputRefused naming the first place where candles are missing."""
    for before, after in _holes(series, timeframe):
        missing = (after.open_us - before.open_us) // microseconds(timeframe) - 1
        candles = "candle is" if missing == 1 else "candles are"
        raise series.place.refuse(
            after.line,
            f"{missing} {timeframe} {candles} missing between {_time(before).isoformat()} "
            f"and {_time(after).isoformat()}",
            "fetch the missing candles, or accept the gap with --allow-gaps",
        )


def gaps_in(series: Series, timeframe: Timeframe) -> list[Gap]:
    """Every place where candles are missing, in the order of time."""
    step_us = microseconds(timeframe)
    return [
        Gap(
            symbol=series.symbol,
            after=_time(before),
            before=_time(after),
            missing=(after.open_us - before.open_us) // step_us - 1,
        )
        for before, after in _holes(series, timeframe)
    ]


def _holes(series: Series, timeframe: Timeframe) -> Iterator[tuple[Bar, Bar]]:
    step_us = microseconds(timeframe)
    for before, after in pairwise(series.bars):
        if after.open_us - before.open_us > step_us:
            yield before, after


def _odd_spacing(series: Series, spacing_us: int) -> InputRefused:
    after = next(b for a, b in pairwise(series.bars) if b.open_us - a.open_us == spacing_us)
    what = f"{timedelta(microseconds=spacing_us)} after the candle before is no timeframe"
    fix = f"give candles of one timeframe: {_KNOWN}"
    return series.place.refuse(after.line, what, fix)


def _time(bar: Bar) -> datetime:
    return EPOCH + bar.open_us * MICROSECOND
