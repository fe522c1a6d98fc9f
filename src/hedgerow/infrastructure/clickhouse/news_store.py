"""The port NewsStore on ClickHouse: `market_news`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import pyarrow as pa

from hedgerow.domain.market_data import NewsItem
from hedgerow.infrastructure.clickhouse.amounts import times, words
from hedgerow.infrastructure.clickhouse.client import ClickHouse, moment

_TEXTS: Final = ("id", "source", "title", "summary", "url")
_KNOWN: Final = """
SELECT id, min(timestamp) AS timestamp
FROM market_news
WHERE id IN {ids:Array(String)}
GROUP BY id
"""
# Two who look at once may both store an item: the later one does not count.
_READ: Final = """
WITH known AS (
    SELECT *
    FROM market_news
    WHERE timestamp >= {start:DateTime64(6, 'UTC')} AND timestamp <= {as_of:DateTime64(6, 'UTC')}
    ORDER BY timestamp, id
    LIMIT 1 BY id
)
SELECT id, source, title, summary, url, symbols, published_at, timestamp AS known_at
FROM known
WHERE ({symbol:String} = '' OR empty(symbols) OR has(symbols, {symbol:String}))
    AND id NOT IN (
        SELECT id FROM market_news
        WHERE timestamp < {start:DateTime64(6, 'UTC')} AND id IN (SELECT id FROM known)
    )
ORDER BY timestamp DESC, published_at DESC, id
LIMIT {limit:UInt32}
"""


class ClickHouseNewsStore:
    """News in `market_news`, to the microsecond."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def save(self, items: Sequence[NewsItem]) -> list[NewsItem]:
        """Store news, and return what is new; of an item stored twice the earlier known stays."""
        first: dict[str, NewsItem] = {}
        for item in sorted(items, key=lambda each: each.known_at):
            first.setdefault(item.id, item)
        if not first:
            return []
        stored = await self._clickhouse.query(_KNOWN, ids=list(first))
        known_at = {row["id"]: row["timestamp"] for row in stored.to_pylist()}
        new = [
            item
            for item in first.values()
            if item.id not in known_at or item.known_at < known_at[item.id]
        ]
        if new:
            await self._clickhouse.insert("market_news", _rows(new))
        return [item for item in new if item.id not in known_at]

    async def read(
        self, symbol: str | None, start: datetime, as_of: datetime, limit: int
    ) -> list[NewsItem]:
        """The latest news with `start <= known_at <= as_of`, the latest first, at most `limit`.

        That about a symbol, and that about all; everything where `symbol` is None.
        """
        rows = await self._clickhouse.query(
            _READ, symbol=symbol or "", start=moment(start), as_of=moment(as_of), limit=str(limit)
        )
        return [_item(row) for row in rows.to_pylist()]


def _item(row: dict[str, Any]) -> NewsItem:
    return NewsItem(
        **{name: row[name] for name in _TEXTS},
        symbols=tuple(row["symbols"]),
        published_at=row["published_at"].astimezone(UTC),
        known_at=row["known_at"].astimezone(UTC),
    )


def _rows(items: Sequence[NewsItem]) -> pa.Table:
    return pa.table(
        {
            "timestamp": times((item.known_at for item in items), "us"),
            **{name: words([getattr(item, name) for item in items]) for name in _TEXTS},
            "symbols": pa.array([item.symbols for item in items], pa.list_(pa.string())),
            "published_at": times((item.published_at for item in items), "us"),
        }
    )
