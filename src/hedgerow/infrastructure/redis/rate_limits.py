"""Rate limits in Redis: a token bucket in one number, changed by one script, by Redis' clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

from hedgerow.infrastructure.redis.link import Client, RedisLink
from hedgerow.usecases.ports.shared_state import Denied, Granted, RateLimit, RateLimits

_MICROSECOND: Final = timedelta(microseconds=1)
# The number is the time at which all that was taken will have been given back.
# ARGV: what is taken, and what the full bucket holds, in microseconds of giving back.
# Lua writes large numbers with an exponent, hence the format.
_TAKE: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local full_again = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + tonumber(ARGV[1])
local wait = full_again - now - tonumber(ARGV[2])
if wait > 0 then return wait end
local text = string.format('%.0f', full_again)
redis.call('SET', KEYS[1], text, 'PX', math.ceil((full_again - now) / 1000))
return 0
"""


class RedisRateLimits:
    """Implements the RateLimits port; while Redis is gone the `fallback` counts, from nothing."""

    def __init__(self, link: RedisLink, fallback: RateLimits) -> None:
        self._link = link
        self._fallback = fallback

    async def take(self, user_id: UUID, limit: RateLimit, cost: int = 1) -> Granted | Denied:
        """Use up `cost` of the user's limit, all or nothing; `cost` is 1 to `limit.count`."""
        assert 1 <= cost <= limit.count, cost
        each_us = limit.period // _MICROSECOND // limit.count
        key = f"hedgerow:limit:{user_id}:{limit.name}"

        async def ask(client: Client) -> int:
            taken = [cost * each_us, limit.count * each_us]
            return int(await client.register_script(_TAKE)(keys=[key], args=taken))

        wait_us = await self._link.ask(ask, None)
        if wait_us is None:
            return await self._fallback.take(user_id, limit, cost)
        return Denied(wait_us * _MICROSECOND) if wait_us else Granted()
