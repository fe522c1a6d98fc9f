"""Rate limits counted in one process."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from hedgerow.usecases.ports.shared_state import Denied, Granted, RateLimit

_KEPT_MAX: Final = 10_000
_MICROSECOND: Final = timedelta(microseconds=1)


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000


class InProcessRateLimits:
    """Implements the RateLimits port for one process; `clock_us` runs in microseconds.

    A limit is the time at which all that was taken will have been given back: a token bucket in
    one number, as in the Redis script beside which this stands in.
    """

    def __init__(self, clock_us: Callable[[], int] = _monotonic_us) -> None:
        self._clock_us = clock_us
        self._full_again_us: dict[tuple[UUID, str], int] = {}

    async def take(self, user_id: UUID, limit: RateLimit, cost: int = 1) -> Granted | Denied:
        """Use up `cost` of the user's limit, all or nothing; `cost` is 1 to `limit.count`."""
        assert 1 <= cost <= limit.count, cost
        now_us, key = self._clock_us(), (user_id, limit.name)
        each_us = limit.period // _MICROSECOND // limit.count
        full_again_us = max(self._full_again_us.get(key, 0), now_us) + cost * each_us
        wait_us = full_again_us - now_us - limit.count * each_us
        if wait_us > 0:
            return Denied(wait_us * _MICROSECOND)
        self._full_again_us[key] = full_again_us
        self._forget_the_full(now_us)
        return Granted()

    def _forget_the_full(self, now_us: int) -> None:
        if len(self._full_again_us) > _KEPT_MAX:
            kept = {key: at for key, at in self._full_again_us.items() if at > now_us}
            self._full_again_us = kept
