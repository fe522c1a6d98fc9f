"""Latest prices in Redis: a hash for each exchange, of `microseconds|price` by symbol."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, cast

from hedgerow.domain.market import Exchange
from hedgerow.infrastructure.redis.link import Client, RedisLink
from hedgerow.usecases.ports.shared_state import LatestPrices, PricePoint

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
# microseconds since 1970 are exact in Lua's numbers until the year 2255
_PUT: Final = """
for i = 1, #ARGV, 3 do
    local known = redis.call('HGET', KEYS[1], ARGV[i])
    if not known or tonumber(string.match(known, '^[^|]+')) <= tonumber(ARGV[i + 1]) then
        redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1] .. '|' .. ARGV[i + 2])
    end
end
"""


class RedisPrices:
    """Implements the LatestPrices port.

    The `fallback` is told everything, too, and asked for whatever Redis does not know: after an
    outage, or a restart that emptied it.
    """

    def __init__(self, link: RedisLink, fallback: LatestPrices) -> None:
        self._link = link
        self._fallback = fallback
        self._unsent: dict[Exchange, list[PricePoint]] = {}

    async def put(self, exchange: Exchange, prices: Sequence[PricePoint]) -> None:
        """Take prices; one that is older than what is known is ignored."""
        await self._fallback.put(exchange, prices)
        await self._send(exchange, prices)

    async def get(self, exchange: Exchange, symbols: Sequence[str]) -> Mapping[str, PricePoint]:
        """The latest prices by symbol, each as old as it says; unknown symbols are left out."""
        if not symbols:
            return {}
        if exchange in self._unsent:
            await self._send(exchange, ())

        async def ask(client: Client) -> list[str | None]:
            return cast("list[str | None]", await client.hmget(_key(exchange), list(symbols)))

        silence: list[str | None] = [None] * len(symbols)
        answers = await self._link.ask(ask, silence)
        told = {
            symbol: _point(symbol, answer)
            for symbol, answer in zip(symbols, answers, strict=True)
            if answer is not None
        }
        untold = [symbol for symbol in symbols if symbol not in told]
        return {**told, **await self._fallback.get(exchange, untold)} if untold else told

    async def _send(self, exchange: Exchange, prices: Sequence[PricePoint]) -> None:
        """Tell Redis, also what it missed while it was gone: the last price of each symbol."""
        latest = {point.symbol: point for point in self._unsent.pop(exchange, [])}
        for point in prices:
            known = latest.get(point.symbol, point)
            latest[point.symbol] = point if point.at >= known.at else known
        if not latest:
            return
        arguments = [text for point in latest.values() for text in _arguments(point)]

        async def ask(client: Client) -> bool:
            await client.register_script(_PUT)(keys=[_key(exchange)], args=arguments)
            return True

        if not await self._link.ask(ask, False):
            # another call may have failed meanwhile: the script will sort them out by time
            self._unsent.setdefault(exchange, []).extend(latest.values())


def _key(exchange: Exchange) -> str:
    return f"hedgerow:prices:{exchange}"


def _arguments(point: PricePoint) -> tuple[str, str, str]:
    return point.symbol, str((point.at - _EPOCH) // _MICROSECOND), format(point.price, "f")


def _point(symbol: str, answer: str) -> PricePoint:
    at_us, _, price = answer.partition("|")
    return PricePoint(symbol, Decimal(price), _EPOCH + int(at_us) * _MICROSECOND)
