"""Fetch news from all feeds, and store what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from hedgerow.domain.errors import NewsUnavailable
from hedgerow.domain.market_data import NewsItem
from hedgerow.usecases.ports.clock import Clock
from hedgerow.usecases.ports.market import NewsFeed, NewsStore


@dataclass(frozen=True, slots=True)
class FetchedNews:
    """What the feeds carried: items that are new, how many were known, and feeds that failed."""

    new: Sequence[NewsItem]
    known: int
    failures: Sequence[NewsUnavailable]


async def fetch_news(
    feeds: Sequence[NewsFeed],
    open_store: Callable[[], AbstractAsyncContextManager[NewsStore]],
    clock: Clock,
) -> FetchedNews:
    """Fetch all feeds at once; one that fails keeps no other from being stored."""
    answers = await asyncio.gather(*(_fetch(feed, clock) for feed in feeds))
    failures = [answer for answer in answers if isinstance(answer, NewsUnavailable)]
    # None is known before all have answered, whatever time it was when they were asked.
    known_at = clock.now()
    items = {
        item.id: replace(item, known_at=known_at)
        for answer in answers
        if not isinstance(answer, NewsUnavailable)
        for item in reversed(answer)
    }
    if not items:
        return FetchedNews([], 0, failures)
    async with open_store() as store:
        new = await store.save(list(items.values()))
    return FetchedNews(new, len(items) - len(new), failures)


async def _fetch(feed: NewsFeed, clock: Clock) -> Sequence[NewsItem] | NewsUnavailable:
    try:
        return await feed.fetch(clock.now())
    except NewsUnavailable as error:
        return error
