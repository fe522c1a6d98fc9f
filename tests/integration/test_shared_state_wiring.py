"""What is shared is wired up from the settings, and two processes see the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from builders import NOON, USER
from hedgerow.bootstrap import Backstage
from hedgerow.domain.market import Exchange
from hedgerow.usecases.ports.shared_state import Granted, PricePoint, RateLimit
from redis_servers import TcpRedis

POINT = PricePoint("BTC/USDT", Decimal("67000.1"), NOON)
MINUTE = timedelta(minutes=1)


@pytest.fixture(params=["embedded", "of one's own", "gone"])
def redis_setting(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    with TcpRedis() as server:
        urls = {"of one's own": server.url, "gone": "redis://127.0.0.1:1/0"}
        # an empty variable counts as unset
        monkeypatch.setenv("HEDGEROW_REDIS_URL", urls.get(request.param, ""))
        yield


@pytest.mark.usefixtures("redis_setting")
async def test_everything_works_on_whatever_redis_is_set(
    service_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEDGEROW_DATA_DIR", str(service_folder / "data"))
    async with Backstage().shared_state() as one:
        await one.prices.put(Exchange.BINANCE, [POINT])
        assert await one.prices.get(Exchange.BINANCE, ["BTC/USDT"]) == {"BTC/USDT": POINT}
        assert await one.rate_limits.take(USER, RateLimit("orders", 1, MINUTE)) == Granted()
        assert await one.breakers.read(USER) is None
        assert await one.locks.acquire("relay", MINUTE) is not None
        async with Backstage().shared_state() as other:
            assert await other.locks.acquire("relay", MINUTE) is None
