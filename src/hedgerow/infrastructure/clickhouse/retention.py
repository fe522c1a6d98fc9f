"""How long rows are kept, by ClickHouse's own TTL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.clickhouse.client import ClickHouse

_ENGINES: Final = """
SELECT name, engine_full FROM system.tables WHERE database = currentDatabase()
"""
_DAYS: Final = re.compile(r" TTL toDateTime\(timestamp\) \+ toIntervalDay\((\d+)\)")
# A roll-up ends with the candles it is made of: without them it could not be made anew.
ROLL_UPS: Final = tuple(
    f"market_data_kline_{each}" for each in Timeframe if each is not Timeframe.M1
)


async def keep_for(clickhouse: ClickHouse, days_by_table: Mapping[str, int | None]) -> None:
    """Keep the rows of each table for so many days, or for ever (None).

    Tables that already do so are left alone, because the change rewrites what is stored.
    """
    wanted = dict(days_by_table)
    if "market_data_kline" in wanted:
        wanted |= dict.fromkeys(ROLL_UPS, wanted["market_data_kline"])
    rows = await clickhouse.query(_ENGINES)
    for row in rows.to_pylist():
        name = row["name"]
        if name in wanted and wanted[name] != _days_in(row["engine_full"]):
            await clickhouse.execute(_change(name, wanted[name]))


def _days_in(engine: str) -> int | None:
    found = _DAYS.search(engine)
    return int(found[1]) if found else None


def _change(table: str, days: int | None) -> str:
    if days is None:
        return f"ALTER TABLE {table} REMOVE TTL"
    return f"ALTER TABLE {table} MODIFY TTL toDateTime(timestamp) + toIntervalDay({days})"
