"""What LatestPrices, BreakerCache, RateLimits and Locks must do, with Redis and without it."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, USER, breaker
from hedgerow.domain.market import Exchange
from hedgerow.infrastructure.embedded.redis import EmbeddedRedis
from hedgerow.infrastructure.in_process.prices import RememberedPrices
from hedgerow.infrastructure.in_process.rate_limits import InProcessRateLimits
from hedgerow.infrastructure.postgres.locks import PostgresLocks
from hedgerow.infrastructure.postgres.marks import last_marks_in
from hedgerow.infrastructure.redis.breakers import RedisBreakers
from hedgerow.infrastructure.redis.link import RedisLink, open_link
from hedgerow.infrastructure.redis.locks import GatedLocks
from hedgerow.infrastructure.redis.prices import RedisPrices
from hedgerow.infrastructure.redis.rate_limits import RedisRateLimits
from hedgerow.usecases.ports.shared_state import (
    BreakerCache,
    Denied,
    Granted,
    LatestPrices,
    Lease,
    Locks,
    PricePoint,
    RateLimit,
    RateLimits,
)
from redis_servers import TcpRedis

HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Servers:
    unix: str
    tcp: str
    fallback: str = "redis://127.0.0.1:1/0"  # where nobody is


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/tmp")))
        yield Servers(
            stack.enter_context(EmbeddedRedis(folder)).url,
            stack.enter_context(TcpRedis()).url,
        )


@pytest.fixture(params=["unix", "tcp", "fallback"])
async def link(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator[RedisLink]:
    async with open_link(getattr(servers, request.param)) as link:
        await link.ask(lambda client: client.flushall(), None)
        yield link


def point(price: str, after: timedelta = timedelta(0), symbol: str = "BTC/USDT") -> PricePoint:
    return PricePoint(symbol, Decimal(price), NOON + after)


async def no_marks(exchange: Exchange, symbols: object) -> dict[str, PricePoint]:
    return {}


class TestLatestPrices:
    @pytest.fixture
    def prices(self, link: RedisLink) -> LatestPrices:
        return RedisPrices(link, RememberedPrices(no_marks))

    async def test_gives_back_what_it_was_told_to_the_last_digit(
        self, prices: LatestPrices
    ) -> None:
        told = [point("0.000000012345678901234567", TICK), point("98765.4", symbol="ETH/USDT")]
        await prices.put(Exchange.BINANCE, told)
        asked = await prices.get(Exchange.BINANCE, ["ETH/USDT", "BTC/USDT", "SOL/USDT"])
        assert asked == {each.symbol: each for each in told}

    async def test_keeps_exchanges_apart(self, prices: LatestPrices) -> None:
        await prices.put(Exchange.BINANCE, [point("1")])
        assert await prices.get(Exchange.OKX, ["BTC/USDT"]) == {}

    async def test_nothing_asked_or_told_is_nothing(self, prices: LatestPrices) -> None:
        await prices.put(Exchange.BINANCE, [])
        assert await prices.get(Exchange.BINANCE, []) == {}

    async def test_an_older_price_replaces_none(self, prices: LatestPrices) -> None:
        await prices.put(Exchange.BINANCE, [point("2", TICK), point("1")])
        await prices.put(Exchange.BINANCE, [point("1"), point("3", symbol="ETH/USDT")])
        asked = await prices.get(Exchange.BINANCE, ["BTC/USDT", "ETH/USDT"])
        assert asked["BTC/USDT"] == point("2", TICK)
        await prices.put(Exchange.BINANCE, [point("4", TICK)])
        assert (await prices.get(Exchange.BINANCE, ["BTC/USDT"]))["BTC/USDT"].price == 4

    async def test_the_latest_wins_whatever_the_order_of_arrival(
        self, prices: LatestPrices
    ) -> None:
        points = [point(str(number), number * TICK) for number in range(200)]
        random.Random(7).shuffle(points)
        async with asyncio.TaskGroup() as tasks:
            for each in points:
                tasks.create_task(prices.put(Exchange.BINANCE, [each]))
        asked = await prices.get(Exchange.BINANCE, ["BTC/USDT"])
        assert asked["BTC/USDT"] == point("199", 199 * TICK)


class TestRateLimits:
    @pytest.fixture
    def limits(self, link: RedisLink) -> RateLimits:
        return RedisRateLimits(link, InProcessRateLimits())

    async def test_grants_exactly_as_many_as_allowed_however_they_come(
        self, limits: RateLimits
    ) -> None:
        limit = RateLimit("orders", 50, HOUR)
        answers = await asyncio.gather(*(limits.take(USER, limit) for _ in range(200)))
        assert answers.count(Granted()) == 50
        denied = [each.retry_after for each in answers if isinstance(each, Denied)]
        assert len(denied) == 150
        assert all(timedelta(0) < wait <= HOUR / 50 for wait in denied)

    async def test_counts_users_and_limits_apart(self, limits: RateLimits) -> None:
        limit, other = RateLimit("orders", 1, HOUR), RateLimit("queries", 1, HOUR)
        for user_id in (USER, UUID(int=99)):
            for each in (limit, other):
                assert await limits.take(user_id, each) == Granted()
                assert isinstance(await limits.take(user_id, each), Denied)

    async def test_takes_all_of_a_cost_or_nothing(self, limits: RateLimits) -> None:
        limit = RateLimit("weight", 10, HOUR)
        assert await limits.take(USER, limit, 7) == Granted()
        assert isinstance(await limits.take(USER, limit, 4), Denied)
        assert await limits.take(USER, limit, 3) == Granted()

    async def test_gives_back_over_time(self, limits: RateLimits) -> None:
        limit = RateLimit("orders", 2, timedelta(milliseconds=400))
        assert await limits.take(USER, limit, 2) == Granted()
        denied = await limits.take(USER, limit)
        assert isinstance(denied, Denied)
        await asyncio.sleep(denied.retry_after.total_seconds())
        assert await limits.take(USER, limit) == Granted()
        assert isinstance(await limits.take(USER, limit, 2), Denied)

    async def test_a_coarse_period_grants_no_more_than_the_count(self, limits: RateLimits) -> None:
        # 700,000 do not divide a second: what is left over must not be granted as well
        limit = RateLimit("ticks", 700_000, timedelta(seconds=1))
        assert await limits.take(USER, limit, 700_000) == Granted()
        assert isinstance(await limits.take(USER, limit, 700_000), Denied)


@pytest.mark.parametrize(
    ("link", "postgres"),
    [("unix", "embedded"), ("tcp", "over TCP"), ("fallback", "embedded")],
    indirect=True,
)
class TestLocks:
    @pytest.fixture
    def locks(self, link: RedisLink, database: AsyncEngine) -> Locks:
        return GatedLocks(link, PostgresLocks(database))

    async def test_one_has_it_and_gives_it_back(self, locks: Locks) -> None:
        lease = await locks.acquire("relay", HOUR)
        assert lease is not None
        assert await locks.acquire("relay", HOUR) is None
        assert await locks.acquire("other", HOUR) is not None
        await locks.release(lease)
        again = await locks.acquire("relay", HOUR)
        assert again is not None
        assert again.token > lease.token

    async def test_of_many_that_want_it_one_gets_it(self, locks: Locks) -> None:
        answers = await asyncio.gather(*(locks.acquire("relay", HOUR) for _ in range(20)))
        assert len([lease for lease in answers if lease is not None]) == 1

    async def test_ends_by_itself_unless_it_is_renewed(self, locks: Locks) -> None:
        span = timedelta(milliseconds=300)
        lease = await locks.acquire("relay", span)
        assert lease is not None
        assert await locks.renew(lease, span)
        assert await locks.acquire("relay", HOUR) is None
        await asyncio.sleep(span.total_seconds() + 0.01)
        later = await locks.acquire("relay", HOUR)
        assert later is not None
        assert later.token > lease.token
        assert not await locks.renew(lease, HOUR)
        await locks.release(lease)
        assert await locks.acquire("relay", HOUR) is None, "it was not the old holder's to give"

    async def test_what_was_given_back_cannot_be_renewed(self, locks: Locks) -> None:
        lease = await locks.acquire("relay", HOUR)
        assert lease is not None
        await locks.release(lease)
        assert not await locks.renew(lease, HOUR)

    async def test_never_two_at_once_and_tokens_only_grow(self, locks: Locks) -> None:
        holders, tokens = 0, list[int]()

        async def work() -> None:
            nonlocal holders
            for _ in range(5):
                lease: Lease | None = None
                while lease is None:
                    lease = await locks.acquire("relay", HOUR)
                holders += 1
                assert holders == 1
                tokens.append(lease.token)
                await asyncio.sleep(0)
                holders -= 1
                await locks.release(lease)

        await asyncio.gather(*(work() for _ in range(4)))
        assert tokens == sorted(set(tokens))
        assert len(tokens) == 20


@pytest.mark.parametrize("link", ["unix", "tcp"], indirect=True)
class TestBreakerCache:
    @pytest.fixture
    def cache(self, link: RedisLink) -> BreakerCache:
        return RedisBreakers(link)

    async def test_knows_what_was_committed(self, cache: BreakerCache) -> None:
        state = breaker(is_triggered=True, triggered_at=NOON, trigger_reason="losses")
        assert await cache.read(USER) is None
        await cache.write(3, state)
        assert await cache.read(USER) == state
        assert await cache.read(uuid4()) is None

    async def test_a_newer_version_wins_whatever_the_order(self, cache: BreakerCache) -> None:
        newer = breaker(daily_losses=2)
        await cache.write(4, newer)
        await cache.write(3, breaker(daily_losses=1))
        assert await cache.read(USER) == newer

    async def test_in_doubt_it_knows_nothing_until_that_version_is_told(
        self, cache: BreakerCache
    ) -> None:
        await cache.write(3, breaker())
        await cache.doubt(USER, 4)
        assert await cache.read(USER) is None
        await cache.write(3, breaker())
        assert await cache.read(USER) is None, "a slow reader must not bring back the old state"
        await cache.write(4, breaker(daily_losses=1))
        assert await cache.read(USER) == breaker(daily_losses=1)

    async def test_forgets_after_a_while(self, link: RedisLink) -> None:
        cache = RedisBreakers(link, timedelta(milliseconds=50))
        await cache.write(3, breaker())
        await asyncio.sleep(0.06)
        assert await cache.read(USER) is None


@pytest.mark.parametrize("link", ["fallback"], indirect=True)
class TestWithoutRedis:
    async def test_breakers_are_asked_of_postgresql(self, link: RedisLink) -> None:
        cache = RedisBreakers(link)
        await cache.write(3, breaker())
        await cache.doubt(USER, 4)
        assert await cache.read(USER) is None

    async def test_prices_that_were_missed_are_the_last_marks(self, link: RedisLink) -> None:
        async def marks(exchange: Exchange, symbols: object) -> dict[str, PricePoint]:
            assert (exchange, symbols) == (Exchange.BINANCE, ["ETH/USDT"])
            return {"ETH/USDT": point("9", symbol="ETH/USDT")}

        prices = RedisPrices(link, RememberedPrices(marks))
        await prices.put(Exchange.BINANCE, [point("1")])
        asked = await prices.get(Exchange.BINANCE, ["BTC/USDT", "ETH/USDT"])
        assert asked == {"BTC/USDT": point("1"), "ETH/USDT": point("9", symbol="ETH/USDT")}

    async def test_without_positions_there_are_no_marks(
        self, link: RedisLink, database: AsyncEngine
    ) -> None:
        assert await last_marks_in(database)(Exchange.BINANCE, ["BTC/USDT"]) == {}
