"""News in and out, on a terminal: what it says is text of others, and only shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from hedgerow.domain.market_data import NewsItem
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import complain, print_json
from hedgerow.entrypoints.words import sentence
from hedgerow.usecases.codec import encode
from hedgerow.usecases.fetch_news import FetchedNews, fetch_news

SHOWN_BY_DEFAULT: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewsRequest:
    """What was asked for: a symbol or everything, from when on, and how many at most."""

    symbol: str | None
    since: datetime | None
    limit: int


async def show_fetch(backstage: Backstage, symbols: Sequence[str], *, as_json: bool) -> bool:
    """Fetch all feeds once, store and show what is new; False where a feed failed."""
    async with backstage.news_feeds(symbols) as feeds:
        fetched = await fetch_news(feeds, backstage.news_store, backstage.clock())
    for failure in fetched.failures:
        complain(sentence(failure))
    if as_json:
        print_json(_document(len(feeds), fetched))
    else:
        _print_fetched(len(feeds), fetched, Console())
    return not fetched.failures


async def show_news(backstage: Backstage, request: NewsRequest, *, as_json: bool) -> None:
    """Print stored news, the latest first."""
    now = backstage.clock().now()
    since = request.since or now - SHOWN_BY_DEFAULT
    async with backstage.news_store() as store:
        items = await store.read(request.symbol, since, now, request.limit)
    if as_json:
        print_json([encode(item) for item in items])
        return
    console = Console()
    for item in items:
        _print(item, console)
    if not items:
        about = f" about {request.symbol}" if request.symbol else ""
        console.print(f"No news{about} is known since {_time(since)}.", highlight=False)


def _document(feeds: int, fetched: FetchedNews) -> dict[str, object]:
    return {
        "feeds": feeds,
        "new": [encode(item) for item in fetched.new],
        "known_before": fetched.known,
        "failed": [{"source": each.source, "problem": each.problem} for each in fetched.failures],
    }


def _print_fetched(feeds: int, fetched: FetchedNews, console: Console) -> None:
    if not feeds:
        console.print("No feed is set (HEDGEROW_NEWS_FEEDS): nothing was fetched.")
        return
    for item in fetched.new:
        _print(item, console)
    console.print(f"{len(fetched.new)} new, {fetched.known} known before.", highlight=False)


def _print(item: NewsItem, console: Console) -> None:
    about = ", ".join(item.symbols) or "all"
    console.print(Text(item.title, "bold"))
    console.print(
        Text(f"{item.source}, {_time(item.published_at)}, about {about}", "dim"), highlight=False
    )
    if item.summary and item.summary != item.title:
        console.print(Padding(Text(item.summary), (0, 0, 0, 2)))
    console.print()


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
