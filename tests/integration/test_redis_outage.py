"""Redis dies, hangs, forgets and comes back, and nobody has to be told."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, USER, begin, opened_fund
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange
from hedgerow.infrastructure.embedded.redis import EmbeddedRedis
from hedgerow.infrastructure.in_process.prices import RememberedPrices
from hedgerow.infrastructure.in_process.rate_limits import InProcessRateLimits
from hedgerow.infrastructure.postgres.locks import PostgresLocks
from hedgerow.infrastructure.postgres.marks import last_marks_in
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.infrastructure.redis.breakers import RedisBreakers
from hedgerow.infrastructure.redis.link import RedisLink, open_link
from hedgerow.infrastructure.redis.locks import GatedLocks
from hedgerow.infrastructure.redis.prices import RedisPrices
from hedgerow.infrastructure.redis.rate_limits import RedisRateLimits
from hedgerow.usecases.breaker_states import commit_with_breaker, current_breaker
from hedgerow.usecases.ports.shared_state import Denied, Granted, PricePoint, RateLimit, SharedState
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from postgres_fixtures import units_on
from redis_servers import TcpRedis, embedded_pid

HOUR = timedelta(hours=1)
REST_SECONDS = 0.05


@pytest.fixture
async def engine(database: AsyncEngine) -> AsyncEngine:
    """With the fund of `USER`."""
    await begin(units_on(database), *opened_fund())
    return database


@pytest.fixture
def server() -> Iterator[TcpRedis]:
    with TcpRedis() as server:
        yield server


@dataclass
class Process:
    """What one process has of the shared state."""

    link: RedisLink
    state: SharedState

    async def is_connected(self) -> bool:
        return await self.link.ask(lambda client: client.ping(), False) is True

    async def comes_back(self) -> None:
        async with asyncio.timeout(10):
            while not await self.is_connected():  # noqa: ASYNC110 - there is nothing to wait for
                await asyncio.sleep(REST_SECONDS)


@asynccontextmanager
async def process(engine: AsyncEngine, url: str, **options: Any) -> AsyncIterator[Process]:
    async with open_link(url, rest_seconds=REST_SECONDS, **options) as link:
        state = SharedState(
            prices=RedisPrices(link, RememberedPrices(last_marks_in(engine))),
            breakers=RedisBreakers(link),
            rate_limits=RedisRateLimits(link, InProcessRateLimits()),
            locks=GatedLocks(link, PostgresLocks(engine)),
        )
        yield Process(link, state)


def btc(price: int, second: int) -> PricePoint:
    return PricePoint("BTC/USDT", Decimal(price), NOON + timedelta(seconds=second))


async def price_in(of: Process) -> Decimal:
    return (await of.state.prices.get(Exchange.BINANCE, ["BTC/USDT"]))["BTC/USDT"].price


async def test_prices_go_on_without_redis_and_are_shared_again_with_it(
    engine: AsyncEngine, server: TcpRedis, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hedgerow")
    async with process(engine, server.url) as one, process(engine, server.url) as other:
        await one.state.prices.put(Exchange.BINANCE, [btc(1, 1)])
        assert await price_in(other) == 1
        server.kill()
        await one.state.prices.put(Exchange.BINANCE, [btc(2, 2)])
        await one.state.prices.put(Exchange.BINANCE, [btc(1, 1)])
        assert await price_in(one) == 2
        assert await other.state.prices.get(Exchange.BINANCE, ["BTC/USDT"]) == {}
        server.start()
        await one.comes_back()
        await other.comes_back()
        assert await price_in(one) == 2
        assert await price_in(other) == 2
    assert caplog.text.count("Redis is gone") == 2
    assert caplog.text.count("Redis is back") == 2


async def test_a_process_that_was_cut_off_does_not_bring_back_old_prices(
    engine: AsyncEngine, server: TcpRedis
) -> None:
    async with process(engine, server.url) as one, process(engine, server.url) as other:
        server.kill()
        await one.state.prices.put(Exchange.BINANCE, [btc(1, 1)])
        server.start()
        await other.comes_back()
        await other.state.prices.put(Exchange.BINANCE, [btc(2, 2)])
        await one.comes_back()
        assert await price_in(one) == 2


async def test_limits_hold_in_process_and_then_for_all_again(
    engine: AsyncEngine, server: TcpRedis
) -> None:
    limit = RateLimit("orders", 2, HOUR)
    async with process(engine, server.url) as one:
        take = one.state.rate_limits.take
        server.kill()
        assert [await take(USER, limit) for _ in range(2)] == [Granted(), Granted()]
        assert isinstance(await take(USER, limit), Denied)
        server.start()
        await one.comes_back()
        assert await take(USER, limit) == Granted()


async def test_a_lock_is_held_by_one_whether_redis_is_there_or_not(
    engine: AsyncEngine, server: TcpRedis
) -> None:
    async with process(engine, server.url) as one, process(engine, server.url) as other:
        first = await one.state.locks.acquire("relay", HOUR)
        assert first is not None
        server.kill()
        assert await other.state.locks.acquire("relay", HOUR) is None, "taken with Redis"
        await one.state.locks.release(first)
        second = await other.state.locks.acquire("relay", HOUR)
        assert second is not None
        server.start()
        await one.comes_back()
        assert await one.state.locks.acquire("relay", HOUR) is None, "taken without it"
        assert await other.state.locks.renew(second, HOUR)
        await other.state.locks.release(second)
        third = await one.state.locks.acquire("relay", HOUR)
        assert third is not None
        assert first.token < second.token < third.token


async def test_a_redis_that_forgot_everything_neither_frees_a_lock_nor_restarts_its_tokens(
    engine: AsyncEngine, server: TcpRedis
) -> None:
    async with process(engine, server.url) as one:
        first = await one.state.locks.acquire("relay", HOUR)
        assert first is not None
        await one.link.ask(lambda client: client.flushall(), None)
        assert await one.state.locks.acquire("relay", HOUR) is None
        await one.state.locks.release(first)
        second = await one.state.locks.acquire("relay", HOUR)
        assert second is not None
        assert second.token > first.token


async def test_a_redis_that_hangs_is_waited_for_once(engine: AsyncEngine, server: TcpRedis) -> None:
    async with open_link(server.url, rest_seconds=30) as link:
        prices = RedisPrices(link, RememberedPrices(last_marks_in(engine)))
        server.freeze()
        started = time.monotonic()
        for second in range(1000):
            await prices.put(Exchange.BINANCE, [btc(second, second)])
        assert time.monotonic() - started < 5
        server.thaw()


async def trip(engine: AsyncEngine) -> None:
    """As a process would that knows nothing of Redis."""
    async with engine.begin() as connection:
        await act_as(connection, SYSTEM)
        await connection.execute(text("update funds set version = version + 1"))
        await connection.execute(
            text(
                "update circuit_breaker_states set is_triggered = true,"
                " triggered_at = now(), trigger_reason = 'daily loss'"
            )
        )


async def test_postgresql_decides_about_breakers(engine: AsyncEngine, server: TcpRedis) -> None:
    units = units_on(engine)
    async with process(engine, server.url) as one:
        cache = one.state.breakers
        async with units(USER) as unit:
            fund = await unit.funds.load(USER)
            assert await current_breaker(cache, units, USER) == fund.breaker
            fund.breaker.is_triggered = True
            fund.breaker.triggered_at, fund.breaker.trigger_reason = NOON, "daily loss"
            await unit.funds.save(fund, [])
            assert not (await current_breaker(cache, units, USER)).is_triggered
            await commit_with_breaker(cache, unit, fund)
        assert (await current_breaker(cache, units, USER)).is_triggered


async def test_a_save_that_dies_after_its_commit_leaves_no_old_breaker_behind(
    engine: AsyncEngine, server: TcpRedis
) -> None:
    units = units_on(engine)
    async with process(engine, server.url) as one:
        assert not (await current_breaker(one.state.breakers, units, USER)).is_triggered
        async with units(USER) as unit:
            version, _ = await unit.funds.breaker(USER)
        await one.state.breakers.doubt(USER, version + 1)
        assert not (await current_breaker(one.state.breakers, units, USER)).is_triggered
        await trip(engine)
        assert (await current_breaker(one.state.breakers, units, USER)).is_triggered


async def test_breakers_are_read_with_redis_gone(engine: AsyncEngine, server: TcpRedis) -> None:
    units = units_on(engine)
    async with process(engine, server.url) as one:
        await current_breaker(one.state.breakers, units, USER)
        server.kill()
        await trip(engine)
        assert (await current_breaker(one.state.breakers, units, USER)).is_triggered


async def test_an_embedded_redis_that_is_killed_is_started_again(
    engine: AsyncEngine, service_folder: Path
) -> None:
    with EmbeddedRedis(service_folder / "redis") as server:
        async with process(engine, server.url, revive=server.revive) as one:
            assert await one.is_connected()
            os.kill(embedded_pid(service_folder / "redis"), signal.SIGKILL)
            await one.comes_back()
            assert await one.state.rate_limits.take(USER, RateLimit("a", 1, HOUR)) == Granted()


async def test_a_redis_that_does_not_let_us_in_is_refused_without_its_password() -> None:
    with TcpRedis("--requirepass", "canary-password") as server:
        for url in (server.url, server.url.replace("redis://", "redis://:canary-wrong@")):
            with pytest.raises(InputRefused, match="does not let us in") as caught:
                async with open_link(url):
                    pass
            assert "canary" not in str(caught.value)
        right = server.url.replace("redis://", "redis://:canary-password@")
        async with open_link(right) as link:
            assert await link.ask(lambda client: client.ping(), False)


async def test_a_redis_that_is_too_old_is_refused(
    server: TcpRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.infrastructure.redis.link._VERSION_MIN", (99, 0))
    with pytest.raises(InputRefused, match="too old"):
        async with open_link(server.url):
            pass
