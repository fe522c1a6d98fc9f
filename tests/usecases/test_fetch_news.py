"""News of several feeds is stored once, as known when all had answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

from hedgerow.domain.errors import NewsUnavailable
from hedgerow.domain.market_data import NewsItem
from hedgerow.usecases.fetch_news import fetch_news
from market_shelves import News

START = datetime(2024, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class TickingClock:
    """A minute passes each time that it is looked at."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        self.at += MINUTE
        return self.at

    async def wait_until(self, at: datetime, stop: asyncio.Event) -> None:
        raise AssertionError("nobody waits here")


class Feed:
    """Carries these items, or fails."""

    def __init__(self, *ids: str, problem: str = "") -> None:
        self._ids = ids
        self._problem = problem

    async def fetch(self, known_at: datetime) -> list[NewsItem]:
        if self._problem:
            raise NewsUnavailable("b", self._problem)
        return [NewsItem(each, "a", "t", "", "", (), known_at, known_at) for each in self._ids]


async def test_what_is_new_is_told_and_a_failure_keeps_nothing_back() -> None:
    store = News()

    @asynccontextmanager
    async def open_store() -> AsyncIterator[News]:
        yield store

    clock = TickingClock()
    first = await fetch_news([Feed("1", "2"), Feed(problem="gone"), Feed("2")], open_store, clock)
    assert sorted(item.id for item in first.new) == ["1", "2"]
    assert first.known == 0
    assert [each.problem for each in first.failures] == ["gone"]
    # asked three times, known after that
    assert {item.known_at for item in store.rows} == {START + 4 * MINUTE}
    again = await fetch_news([Feed("1", "3")], open_store, clock)
    assert ([item.id for item in again.new], again.known, again.failures) == (["3"], 1, [])


async def test_without_news_no_store_is_opened() -> None:
    def open_store() -> AbstractAsyncContextManager[News]:
        raise AssertionError("opened")

    assert (await fetch_news([], open_store, TickingClock())).new == []
    assert (await fetch_news([Feed()], open_store, TickingClock())).known == 0
