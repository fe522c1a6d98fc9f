"""Funding of perpetual futures: when it is settled, and at which rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from hedgerow.domain.errors import InputRefused, InvalidValue
from hedgerow.domain.money import ONE, ZERO, require_exact

FUNDING_EVERY: Final = timedelta(hours=8)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class FundingRates:
    """What longs pay to shorts at 00:00, 08:00 and 16:00 UTC, as a share of a position's value.

    Below zero shorts pay. `by_time` holds the rates of symbols by settlement; without any,
    `constant` applies. Raises InvalidValue for a rate of 100 % or more.
    """

    constant: Decimal = ZERO
    by_time: Mapping[str, Mapping[datetime, Decimal]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = [rate for rates in self.by_time.values() for rate in rates.values()]
        for rate in (self.constant, *known):
            require_exact(rate=rate)
            if abs(rate) >= ONE:
                raise InvalidValue(field="funding rate", value=rate, allowed="a share below 1")

    def rate(self, symbol: str, at: datetime) -> Decimal:
        """The rate of the settlement at `at`."""
        return self.by_time.get(symbol, {}).get(at, self.constant)

    def require(self, symbol: str, start: datetime, end: datetime) -> None:
        """Raise InputRefused for the first settlement that a table of rates lacks."""
        if not self.by_time:
            return
        known = self.by_time.get(symbol, {})
        for at in funding_times(start, end):
            if at not in known:
                raise InputRefused(
                    what=f"there is no rate of {symbol} for {at:%Y-%m-%d %H:%M} UTC",
                    where="--funding",
                    fix="add the line to the file, or give one rate for all",
                )


def funding_times(start: datetime, end: datetime) -> Sequence[datetime]:
    """The settlements with `start <= time < end`."""
    at = next_funding(start)
    times = []
    while at < end:
        times.append(at)
        at += FUNDING_EVERY
    return times


def next_funding(start: datetime) -> datetime:
    """The first settlement not before `start`."""
    return _EPOCH - (_EPOCH - start) // FUNDING_EVERY * FUNDING_EVERY
