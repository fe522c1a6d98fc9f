"""The connection to Redis, and whether there is one."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    ClusterDownError,
    ConnectionError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    TimeoutError,
)

from hedgerow.domain.errors import InputRefused

T = TypeVar("T")
Client = Redis
Ask = Callable[[Redis], Awaitable[T]]
# anything else that Redis answers is a mistake of ours, and is raised
GONE: Final = (
    ConnectionError,
    TimeoutError,
    ReadOnlyError,
    OutOfMemoryError,
    ClusterDownError,
    OSError,
)
_ANSWER_SECONDS_MAX: Final = 1.0
_TURN_SECONDS_MAX: Final = 10
_CONNECTIONS_MAX: Final = 32
_REST_SECONDS: Final = 1.0
_VERSION_MIN: Final = (6, 2)
WHERE: Final = "HEDGEROW_REDIS_URL"
_log = logging.getLogger(__name__)


class RedisLink:
    """A Redis that may come and go.

    While it is gone nobody waits for it: once every `rest_seconds` one request tries it again,
    after `revive` (which may block) has had a chance to bring it back.
    """

    def __init__(
        self,
        client: Redis,
        revive: Callable[[], None] | None = None,
        rest_seconds: float = _REST_SECONDS,
    ) -> None:
        self._client = client
        self._revive = revive
        self._rest_seconds = rest_seconds
        self._is_gone = False
        self._rests_until = 0.0

    async def ask(self, ask: Ask[T], otherwise: T) -> T:
        """The answer of Redis, or `otherwise` while it is gone."""
        if self._is_gone and not await self._may_try():
            return otherwise
        try:
            answer = await ask(self._client)
        except GONE as error:
            self._lose(error)
            return otherwise
        if self._is_gone:
            self._is_gone = False
            _log.info("Redis is back: processes share their state again")
        return answer

    async def _may_try(self) -> bool:
        if time.monotonic() < self._rests_until:
            return False
        # before anything is awaited: of all that ask now, one tries
        self._rests_until = time.monotonic() + self._rest_seconds
        if self._revive is not None:
            try:
                await asyncio.to_thread(self._revive)
            except InputRefused as refusal:
                _log.warning("Redis cannot be started again: %s", refusal.what)
                return False
        return True

    def _lose(self, error: Exception) -> None:
        self._rests_until = time.monotonic() + self._rest_seconds
        if not self._is_gone:
            self._is_gone = True
            _log.warning(
                "Redis is gone (%s: %s): going on with PostgreSQL and what this process knows",
                type(error).__name__,
                error,
            )


@asynccontextmanager
async def open_link(
    url: str, revive: Callable[[], None] | None = None, rest_seconds: float = _REST_SECONDS
) -> AsyncIterator[RedisLink]:
    """A link to the Redis at `url`; one that does not answer may do so later.

    Raises InputRefused where it answers and cannot be used: too old, or it does not let us in.
    """
    client = client_of(url)
    try:
        link = RedisLink(client, revive, rest_seconds)
        await link.ask(usable_version, None)
        yield link
    finally:
        await client.aclose()


def client_of(url: str) -> Client:
    """A client for the Redis at `url`, which connects when it is first used."""
    pool = BlockingConnectionPool.from_url(
        url,
        decode_responses=True,
        max_connections=_CONNECTIONS_MAX,
        # a crowd waits for its turn: that is no sign of an outage
        timeout=_TURN_SECONDS_MAX,
        socket_timeout=_ANSWER_SECONDS_MAX,
        socket_connect_timeout=_ANSWER_SECONDS_MAX,
        # whether a request that broke off was carried out is unknown: never send it twice
        retry=Retry(NoBackoff(), 0),
    )
    return Redis.from_pool(pool)


async def usable_version(client: Client) -> str:
    """The version of Redis; raises InputRefused where it is too old, or does not let us in."""
    try:
        told = await client.info("server")
    except (AuthenticationError, NoPermissionError) as error:
        fix = "give user and password as in redis://USER:PASSWORD@HOST:PORT/0"
        raise InputRefused(f"Redis does not let us in: {error}", WHERE, fix) from error
    version = str(told["redis_version"])
    if tuple(int(part) for part in version.split(".")[:2]) < _VERSION_MIN:
        fix = "use Redis 6.2 or later, or unset it"
        raise InputRefused(f"is Redis {version}, which is too old", WHERE, fix)
    return version
