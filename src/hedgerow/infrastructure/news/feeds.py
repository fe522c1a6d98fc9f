"""The port NewsFeed: an RSS or Atom feed."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlsplit

import feedparser
import httpx2

from hedgerow.domain.errors import NewsUnavailable
from hedgerow.domain.market_data import NewsItem
from hedgerow.infrastructure.news.coins import CoinFinder
from hedgerow.infrastructure.news.destinations import NotFetched
from hedgerow.infrastructure.news.fetching import USUAL_LIMITS, FetchLimits, Page, fetch
from hedgerow.infrastructure.news.texts import plain_text

ITEMS_MAX: Final = 200
TITLE_LENGTH_MAX: Final = 300
SUMMARY_LENGTH_MAX: Final = 1000
URL_LENGTH_MAX: Final = 500
_ID_LENGTH: Final = 32
# Around anything that could be news; what says otherwise is taken to be of now.
_YEARS: Final = range(1990, 2101)


class RssFeed:
    """The feed at `url`. What has not changed since it was fetched last is not sent again.

    An item is told apart by its source, which is the host, and by the id that it has there: changed
    later, it is the same item still. It is about the coins that its title and summary name.
    """

    def __init__(
        self,
        url: str,
        symbols: Sequence[str],
        client: httpx2.AsyncClient,
        limits: FetchLimits = USUAL_LIMITS,
    ) -> None:
        self._url = url
        self._client = client
        self._limits = limits
        self._coins = CoinFinder(symbols)
        self._last: Page | None = None
        self.source = urlsplit(url).hostname or url

    def __repr__(self) -> str:
        return f"RssFeed({self.source})"

    async def fetch(self, known_at: datetime) -> list[NewsItem]:
        """What is new in the feed, as known from `known_at` on; raises NewsUnavailable."""
        try:
            page = await fetch(self._client, self._url, self._last, self._limits)
            entries = [] if page is None else await asyncio.to_thread(_entries, page)
        except NotFetched as error:
            raise NewsUnavailable(self.source, error.problem) from None
        if page is not None:
            self._last = page
        items = [self._item(entry, known_at) for entry in entries[:ITEMS_MAX]]
        return [item for item in items if item is not None]

    def _item(self, entry: dict[str, Any], known_at: datetime) -> NewsItem | None:
        """What an entry says; None where it says nothing."""
        summary = plain_text(_summary(entry), SUMMARY_LENGTH_MAX)
        title = plain_text(entry.get("title", ""), TITLE_LENGTH_MAX)
        title = title or plain_text(summary, TITLE_LENGTH_MAX)
        if not title:
            return None
        url = _web_address(entry.get("link", ""))
        named = entry.get("id") or url or title
        return NewsItem(
            id=sha256(f"{self.source}\n{named}".encode(errors="replace")).hexdigest()[:_ID_LENGTH],
            source=self.source,
            title=title,
            summary=summary,
            url=url,
            symbols=self._coins.symbols_in(f"{title}\n{summary}"),
            published_at=_published_at(entry) or known_at,
            known_at=known_at,
        )


def _entries(page: Page) -> list[dict[str, Any]]:
    """The entries of a feed; raises NotFetched for what is none."""
    feed = feedparser.parse(
        io.BytesIO(page.body),
        response_headers={"content-type": page.content_type, "content-location": page.url},
        # markup is removed altogether
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    entries: list[dict[str, Any]] = feed.entries
    if not entries and (feed.bozo or not feed.get("version")):
        raise NotFetched("is no feed that can be read")
    return entries


def _summary(entry: dict[str, Any]) -> str:
    """The summary, or else the text itself."""
    texts = [
        entry.get("summary", ""),
        *(part.get("value", "") for part in entry.get("content", ())),
    ]
    return next((text for text in texts if text), "")


def _published_at(entry: dict[str, Any]) -> datetime | None:
    for name in ("published_parsed", "updated_parsed"):
        if name in entry and entry[name] is not None and entry[name][0] in _YEARS:
            year, month, day, hour, minute, second = entry[name][:6]
            # a leap second is none here
            return datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    return None


def _web_address(link: str) -> str:
    """The link, if it leads to the web and nothing is hidden in it."""
    is_plain = link.isascii() and link.isprintable() and " " not in link
    is_web = link.startswith(("https://", "http://"))
    return link if is_web and is_plain and len(link) <= URL_LENGTH_MAX else ""
