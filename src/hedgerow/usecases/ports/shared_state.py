"""What processes share and may lose (Redis)."""

from __future__ import annotations

from collections.abc import (
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from hedgerow.domain.market import Exchange
from hedgerow.domain.risk import CircuitBreakerState


@dataclass(frozen=True, slots=True)
class PricePoint:
    """What a symbol traded at, in quote currency, and when."""

    symbol: str
    price: Decimal
    at: datetime


class LatestPrices(Protocol):
    """The latest price of each symbol on each exchange, shared by all processes."""

    async def put(self, exchange: Exchange, prices: Sequence[PricePoint]) -> None:
        """Take prices; one that is older than what is known is ignored."""
        ...

    async def get(self, exchange: Exchange, symbols: Sequence[str]) -> Mapping[str, PricePoint]:
        """The latest prices by symbol, each as old as it says; unknown symbols are left out."""
        ...


LastMarks = Callable[[Exchange, Sequence[str]], Awaitable[Mapping[str, PricePoint]]]
"""The prices that positions were last marked with, by symbol."""


class BreakerCache(Protocol):
    """Circuit breakers as last committed, so that asking costs no query. PostgreSQL decides."""

    async def read(self, user_id: UUID) -> CircuitBreakerState | None:
        """The breaker, or None where PostgreSQL has to be asked."""
        ...

    async def doubt(self, user_id: UUID, version: int) -> None:
        """From now on know nothing older than this version of the fund, about to be committed."""
        ...

    async def write(self, version: int, state: CircuitBreakerState) -> None:
        """Know the breaker of a committed version of its fund; an older one is ignored."""
        ...


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` at once, and as many again over each `period`, evenly."""

    name: str
    count: int
    period: timedelta

    def __post_init__(self) -> None:
        assert 1 <= self.count <= self.period // timedelta(microseconds=1), self


@dataclass(frozen=True, slots=True)
class Granted:
    """Go on."""


@dataclass(frozen=True, slots=True)
class Denied:
    """Too many: the same request can be granted after `retry_after`, and not before."""

    retry_after: timedelta


class RateLimits(Protocol):
    """What users may do how often, counted over all processes."""

    async def take(self, user_id: UUID, limit: RateLimit, cost: int = 1) -> Granted | Denied:
        """Use up `cost` of the user's limit, all or nothing; `cost` is 1 to `limit.count`."""
        ...


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock that is held for a while. Whoever got it later has the greater `token`.

    A holder that was asleep may believe in a lease that has ended: hand the token to whatever is
    written under the lock, and refuse there what comes with a smaller token than was seen.
    """

    name: str
    token: int


class Locks(Protocol):
    """Locks that processes share. A lease ends by itself, so a dead holder blocks for no longer."""

    async def acquire(self, name: str, duration: timedelta) -> Lease | None:
        """The lock, or None while somebody else holds it."""
        ...

    async def renew(self, lease: Lease, duration: timedelta) -> bool:
        """Hold on for `duration` from now; False where the lease has ended."""
        ...

    async def release(self, lease: Lease) -> None:
        """Give the lock back; a lease that has ended stays as it is."""
        ...


@dataclass(frozen=True, slots=True)
class SharedState:
    """What processes tell each other in passing; nothing in it is the only copy."""

    prices: LatestPrices
    breakers: BreakerCache
    rate_limits: RateLimits
    locks: Locks
