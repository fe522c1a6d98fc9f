"""Circuit breakers in Redis, each with the version of the fund it was committed with."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Final, cast
from uuid import UUID

from hedgerow.domain.risk import CircuitBreakerState
from hedgerow.infrastructure.redis.link import Client, RedisLink
from hedgerow.usecases.codec import decode, encode

# An empty body says that the state is in doubt. The version stays until the entry expires.
_PUT: Final = """
local known = tonumber(redis.call('HGET', KEYS[1], 'version') or '-1')
if known <= tonumber(ARGV[1]) then
    redis.call('HSET', KEYS[1], 'version', ARGV[1], 'body', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
"""
_FRESH_FOR: Final = timedelta(seconds=10)


class RedisBreakers:
    """Implements the BreakerCache port; while Redis is gone it knows nothing.

    `fresh_for` bounds how long an entry can be wrong that a process could not put in doubt,
    because it had lost sight of a Redis that others still saw.
    """

    def __init__(self, link: RedisLink, fresh_for: timedelta = _FRESH_FOR) -> None:
        self._link = link
        self._fresh_ms = fresh_for // timedelta(milliseconds=1)

    async def read(self, user_id: UUID) -> CircuitBreakerState | None:
        """The breaker, or None where PostgreSQL has to be asked."""

        async def ask(client: Client) -> str | None:
            return cast("str | None", await client.hget(_key(user_id), "body"))

        body = await self._link.ask(ask, None)
        return decode(CircuitBreakerState, json.loads(body)) if body else None

    async def doubt(self, user_id: UUID, version: int) -> None:
        """From now on know nothing older than this version of the fund, about to be committed."""
        await self._put(user_id, version, "")

    async def write(self, version: int, state: CircuitBreakerState) -> None:
        """Know the breaker of a committed version of its fund; an older one is ignored."""
        await self._put(state.user_id, version, json.dumps(encode(state)))

    async def _put(self, user_id: UUID, version: int, body: str) -> None:
        async def ask(client: Client) -> None:
            script = client.register_script(_PUT)
            await script(keys=[_key(user_id)], args=[version, body, self._fresh_ms])

        await self._link.ask(ask, None)


def _key(user_id: UUID) -> str:
    return f"hedgerow:breaker:{user_id}"
