"""Whether a Redis can be used; nothing in it is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from redis.exceptions import RedisError

from hedgerow.infrastructure.redis.link import GONE, WHERE, client_of, usable_version
from hedgerow.usecases.checks import Finding, failed, ok, warning

# what RedisLink falls back to
_WITHOUT: Final = (
    "everything goes on slower: prices and breakers come from PostgreSQL and this process, "
    "and each process counts limits for itself"
)


async def look_at_redis(url: str) -> Sequence[Finding]:
    """The version of the Redis at `url`; raises InputRefused where it is not usable."""
    try:
        client = client_of(url)
    except ValueError:
        # not repeated: it may hold the password
        fix = "write redis://:PASSWORD@HOST:PORT/NUMBER"
        return [failed("redis", f"{WHERE} has an option that cannot be understood", fix)]
    try:
        version = await usable_version(client)
    except GONE as error:
        found = f"{_place(url)} does not answer ({type(error).__name__}); {_WITHOUT}"
        return [warning("redis", found, f"start the server, or correct {WHERE}")]
    except RedisError as error:
        found = f"{_place(url)} is no Redis, or refuses INFO ({type(error).__name__})"
        return [failed("redis", found, f"correct {WHERE}")]
    finally:
        await client.aclose()
    return [ok("redis", f"version {version} at {_place(url)}")]


def _place(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname}:{parts.port or 6379}"
