"""What every NewsStore must do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clickhouse_engines import ENGINES, opened
from hedgerow.domain.market_data import NewsItem
from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.infrastructure.clickhouse.news_store import ClickHouseNewsStore

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)
BTC, ETH = "BTC/USDT", "ETH/USDT"


@pytest.fixture(params=ENGINES)
async def clickhouse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClickHouse]:
    async with opened(request.param, tmp_path / "clickhouse") as found:
        yield found


@pytest.fixture
def store(clickhouse: ClickHouse) -> ClickHouseNewsStore:
    return ClickHouseNewsStore(clickhouse)


def item(number: int, hour: int = 0, **changes: Any) -> NewsItem:
    values: dict[str, Any] = {
        "id": f"item {number}",
        "source": "news.example.com",
        "title": "It's a \\ 'title'\n\t",
        "summary": "ключ 🌱",
        "url": "https://news.example.com/1",
        "symbols": (BTC,),
        "published_at": START - HOUR + TICK,
        "known_at": START + hour * HOUR + TICK,
    }
    return NewsItem(**(values | changes))


async def read_all(store: ClickHouseNewsStore, as_of: datetime = START + 99 * HOUR) -> list[str]:
    return [each.id for each in await store.read(None, START, as_of, 100)]


async def test_returns_every_field_as_it_was(store: ClickHouseNewsStore) -> None:
    saved = [item(1), item(2, symbols=(), url="", summary="")]
    assert await store.save(saved) == saved
    assert await store.save([]) == []
    assert await store.read(BTC, START, START + HOUR, 9) == saved


async def test_the_first_known_version_stays(store: ClickHouseNewsStore) -> None:
    await store.save([item(1)])
    changed = item(1, 5, title="Another one")
    assert await store.save([changed, item(2, 5)]) == [item(2, 5)]
    assert await store.read(BTC, START, START + 9 * HOUR, 9) == [item(2, 5), item(1)]
    assert await store.read(BTC, START + 2 * HOUR, START + 9 * HOUR, 9) == [item(2, 5)]


async def test_two_who_store_it_at_once_leave_the_first_version(clickhouse: ClickHouse) -> None:
    class Blind:
        """Finds nothing stored, as whoever looked a moment earlier."""

        where, execute, insert = clickhouse.where, clickhouse.execute, clickhouse.insert

        async def query(self, statement: str, **values: Any) -> Any:
            return (await clickhouse.query(statement, **values)).slice(0, 0)

    store = ClickHouseNewsStore(clickhouse)
    await store.save([item(1, 3)])
    await ClickHouseNewsStore(Blind()).save([item(1, 7, title="later")])
    assert await store.read(BTC, START, START + 9 * HOUR, 9) == [item(1, 3)]
    assert await store.read(BTC, START + 5 * HOUR, START + 9 * HOUR, 9) == []


async def test_what_turns_out_to_have_been_known_earlier_is(store: ClickHouseNewsStore) -> None:
    await store.save([item(1, 5, title="later")])
    assert await store.save([item(1, 9), item(1, 2)]) == []
    assert await store.read(BTC, START, START + 4 * HOUR, 9) == [item(1, 2)]


async def test_only_what_was_known_is_told_latest_first(store: ClickHouseNewsStore) -> None:
    await store.save([item(1, 0), item(3, 2), item(2, 1), item(4, 3)])
    assert await read_all(store, START + 2 * HOUR + TICK) == ["item 3", "item 2", "item 1"]
    assert await read_all(store, START + 2 * HOUR) == ["item 2", "item 1"]
    latest = await store.read(None, START, START + 99 * HOUR, 2)
    assert [each.id for each in latest] == ["item 4", "item 3"]
    assert await store.read(None, START + 3 * HOUR + 2 * TICK, START + 99 * HOUR, 9) == []


async def test_is_about_a_symbol_or_about_all(store: ClickHouseNewsStore) -> None:
    await store.save(
        [item(1), item(2, symbols=(ETH,)), item(3, symbols=()), item(4, symbols=(ETH, BTC))]
    )
    of = {each.id[-1] for each in await store.read(BTC, START, START + HOUR, 9)}
    assert of == {"1", "3", "4"}
    assert len(await read_all(store)) == 4
