"""A gate before the locks in PostgreSQL: who comes while a lock is held turns round in Redis."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from hedgerow.infrastructure.redis.link import Client, RedisLink
from hedgerow.usecases.ports.shared_state import Lease, Locks

_MILLISECOND: Final = timedelta(milliseconds=1)
_CLOSE: Final = """
if tonumber(redis.call('GET', KEYS[1]) or '0') <= tonumber(ARGV[1]) then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
end
"""
_OPEN: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
"""


class GatedLocks:
    """Implements the Locks port on `locks`, which decide; a gate can only say "not now".

    A gate that was lost costs a statement in PostgreSQL. One that was left closed, because Redis
    was gone when its lock was released, opens when that lease would have ended.
    """

    def __init__(self, link: RedisLink, locks: Locks) -> None:
        self._link = link
        self._locks = locks

    async def acquire(self, name: str, duration: timedelta) -> Lease | None:
        """The lock, or None while somebody else holds it."""

        async def ask(client: Client) -> bool:
            return bool(await client.exists(_key(name)))

        if await self._link.ask(ask, False):
            return None
        lease = await self._locks.acquire(name, duration)
        if lease is not None:
            await self._close(lease, duration)
        return lease

    async def renew(self, lease: Lease, duration: timedelta) -> bool:
        """Hold on for `duration` from now; False where the lease has ended."""
        is_held = await self._locks.renew(lease, duration)
        if is_held:
            await self._close(lease, duration)
        return is_held

    async def release(self, lease: Lease) -> None:
        """Give the lock back; a lease that has ended stays as it is."""
        await self._locks.release(lease)

        async def ask(client: Client) -> None:
            script = client.register_script(_OPEN)
            await script(keys=[_key(lease.name)], args=[lease.token])

        await self._link.ask(ask, None)

    async def _close(self, lease: Lease, duration: timedelta) -> None:
        async def ask(client: Client) -> None:
            duration_ms = max(1, duration // _MILLISECOND)
            script = client.register_script(_CLOSE)
            await script(keys=[_key(lease.name)], args=[lease.token, duration_ms])

        await self._link.ask(ask, None)


def _key(name: str) -> str:
    return f"hedgerow:lock:{name}"
