"""Keep markets classified: once after every quarter of an hour, until told to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hedgerow.domain.errors import HedgerowError
from hedgerow.domain.market import Exchange
from hedgerow.usecases.classify_regimes import (
    Classified,
    RegimeDesk,
    classify_due,
    moment_from,
)
from hedgerow.usecases.ports.clock import Clock

# A candle that closes on the quarter is stored some seconds later.
CANDLES_SETTLE: Final = timedelta(seconds=15)
# A round that failed is repeated after this, or with the next quarter if that comes sooner.
RETRY_AFTER: Final = timedelta(minutes=1)

OpenRegimeDesk = Callable[[], AbstractAsyncContextManager[RegimeDesk]]


@dataclass(frozen=True, slots=True)
class Round:
    """What was done at `at`, market by market; the next round begins at `next_at`."""

    at: datetime
    markets: Sequence[Classified]
    next_at: datetime


@dataclass(frozen=True, slots=True)
class RoundFailed:
    """A round that broke off, and why; the one at `next_at` makes up for it."""

    at: datetime
    error: HedgerowError
    next_at: datetime


async def follow_regimes(
    open_desk: OpenRegimeDesk,
    exchange: Exchange,
    symbols: Sequence[str],
    clock: Clock,
    tell: Callable[[Round | RoundFailed], None],
    stop: asyncio.Event,
) -> None:
    """Classify after every quarter of an hour what has become due, until `stop` is set.

    A round under way is finished first. One that was missed or that failed is made up for by the
    next. The desk is opened for each round alone, so that nothing is held in between. Any number
    of processes may follow the same markets: each row is stored once.
    """
    next_at = next_round(clock.now())
    while True:
        await clock.wait_until(next_at, stop)
        if stop.is_set():
            return
        at = clock.now()
        try:
            async with open_desk() as desk:
                markets = await classify_due(desk, exchange, symbols, at)
        except HedgerowError as error:
            next_at = min(at + RETRY_AFTER, next_round(at))
            tell(RoundFailed(at, error, next_at))
        else:
            next_at = next_round(at)
            tell(Round(at, markets, next_at))


def next_round(after: datetime) -> datetime:
    """When the first round later than `after` begins."""
    return moment_from(after - CANDLES_SETTLE + timedelta(microseconds=1)) + CANDLES_SETTLE
