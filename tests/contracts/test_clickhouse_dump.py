"""A dump of ClickHouse and its restore: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from clickhouse_engines import ENGINES, opened
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.clickhouse import dump as dumps
from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.infrastructure.clickhouse.dump import ClickHouseDump, ClickHouseRestore

# 4 days of minutes of two symbols, each stored twice; hourly candles; and rows of every other
# table, the ticks over more months than one INSERT takes.
CANDLES = """
INSERT INTO market_data_kline
SELECT toDateTime64('2024-01-25 00:00:00', 3, 'UTC') + INTERVAL number MINUTE,
    arrayJoin(['BTC/USDT', 'PEPE/USDT']), 'binance', '1m',
    1 + number / 3, 9 + number / 3, 0.000000000000000001, 2 + number / 3, number, 0, 0
FROM numbers(5760)
"""
OTHERS = (
    "INSERT INTO market_data_kline SELECT toDateTime64('2019-12-31 23:00:00', 3, 'UTC'),"
    " 'BTC/USDT', 'okx', '1h', 1, 1, 1, 1, 1, 0, 0",
    "INSERT INTO market_data_tick SELECT toDateTime64('2000-01-31 00:00:00.000001', 6, 'UTC')"
    " + INTERVAL number MONTH, 'BTC/USDT', 'binance', number, 1, 1 FROM numbers(99)",
    "INSERT INTO market_data_tick SELECT toDateTime64('2010-01-31 00:00:00.000001', 6, 'UTC')"
    " + INTERVAL number MONTH, 'BTC/USDT', 'binance', number, 1, 1 FROM numbers(99)",
    "INSERT INTO market_data_orderbook SELECT now64(6), 'BTC/USDT', 'binance', [1.5, 1], [2, 3],"
    " [], []",
    "INSERT INTO market_data_trades SELECT now64(6), 'BTC/USDT', 'binance', toString(number),"
    " 'sell', 1.5, 2 FROM numbers(9)",
    "INSERT INTO market_data_derivatives SELECT now64(6), 'BTC/USDT', 'binance', 0.0001, 2.5",
    "INSERT INTO market_news SELECT toDateTime64('2024-02-01 00:00:00', 6, 'UTC')"
    " - INTERVAL number YEAR, toString(number), 's', 't', 'the summary', 'u', ['BTC/USDT'],"
    " now64(6) FROM numbers(5)",
    "INSERT INTO ai_usage_logs SELECT toDateTime('2024-01-31 12:00:00', 'UTC') + number * 40000,"
    " toString(number), 'ann', 's', 'analyst', 'deepseek', 'm', 1, 2, 3, 0.25, 0.5, 0.75, 1, true,"
    " false, 5, 1, 'w', 4, 5, 6 FROM numbers(7)",
    # the sums of calls that are no longer kept
    "INSERT INTO ai_cost_by_user_day VALUES ('bob', '2020-02-03', 1.5, 4, 40, 1, 2, 3, 4, 5)",
    "INSERT INTO ai_cost_by_agent (agent_name, cost, requests) VALUES ('analyst', 1.5, 4)",
    "INSERT INTO ai_cost_by_model (model_id, user_id, cost) VALUES ('m', 'bob', 1.5)",
)
SEEN = {
    "candles": "SELECT * FROM market_data_kline FINAL ORDER BY ALL",
    "ticks": "SELECT * FROM market_data_tick FINAL ORDER BY ALL",
    "books": "SELECT * FROM market_data_orderbook FINAL ORDER BY ALL",
    "trades": "SELECT * FROM market_data_trades FINAL ORDER BY ALL",
    "calls": "SELECT * FROM ai_usage_logs FINAL ORDER BY ALL",
    "by day": "SELECT * FROM ai_cost_by_user_day FINAL ORDER BY ALL",
    "by agent": "SELECT * FROM ai_cost_by_agent FINAL ORDER BY ALL",
    "by model": "SELECT * FROM ai_cost_by_model FINAL ORDER BY ALL",
    "funding": "SELECT * FROM market_data_derivatives FINAL ORDER BY ALL",
    "news": "SELECT * FROM market_news FINAL ORDER BY ALL",
    "4h": "SELECT timestamp, symbol, max(high), min(low), argMinMerge(open), argMaxMerge(close)"
    " FROM market_data_kline_4h GROUP BY ALL ORDER BY ALL",
}


@pytest.fixture(params=ENGINES)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def filled(kind: str, folder: Path) -> AsyncIterator[ClickHouse]:
    async with opened(kind, folder) as clickhouse:
        for statement in (CANDLES, CANDLES, *OTHERS):
            await clickhouse.execute(statement)
        yield clickhouse


async def seen(clickhouse: ClickHouse) -> dict[str, Any]:
    return {name: await clickhouse.query(statement) for name, statement in SEEN.items()}


async def dumped(clickhouse: ClickHouse) -> tuple[ClickHouseDump, dict[str, io.BytesIO]]:
    dump = await ClickHouseDump.of(clickhouse)
    members = {table: io.BytesIO() for table in dump.columns}
    for table, member in members.items():
        await dump.write(table, member)
        member.seek(0)
    return dump, members


async def restore(
    clickhouse: ClickHouse, dump: ClickHouseDump, members: dict[str, io.BytesIO]
) -> dict[str, int]:
    target = ClickHouseRestore(clickhouse)
    async with target.emptied(dump.revision):
        rows = {
            table: await target.read(table, dump.columns[table], member)
            for table, member in members.items()
        }
        await target.settle()
    return rows


async def test_everything_comes_back_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # parts of many days, of one day, and days cut into several
    monkeypatch.setattr(dumps, "PART_ROWS_MAX", 2000)
    async with filled(kind, tmp_path / "from") as clickhouse:
        before = await seen(clickhouse)
        dump, members = await dumped(clickhouse)
    async with opened(kind, tmp_path / "to") as clickhouse:
        rows = await restore(clickhouse, dump, members)
        assert await seen(clickhouse) == before
        exact = await clickhouse.query(
            "SELECT min(n = m) AS ok FROM (SELECT sum(stored) AS n, groupBitmapMerge(minutes) AS m"
            " FROM market_data_kline_1d GROUP BY symbol, timestamp)"
        )
    assert exact.column("ok").to_pylist() == [1]
    assert rows == {
        "market_data_kline": 11_521,
        "market_data_tick": 198,
        "market_data_orderbook": 1,
        "market_data_trades": 9,
        "market_data_derivatives": 1,
        "market_news": 5,
        "ai_usage_logs": 7,
        "ai_cost_by_user_day": 5,
        "ai_cost_by_agent": 5,
        "ai_cost_by_model": 5,
    }


async def test_what_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    async with filled("embedded", tmp_path / "from") as clickhouse:
        dump, members = await dumped(clickhouse)
        members["ai_usage_logs"] = io.BytesIO(b"no Arrow stream")
        with pytest.raises(InputRefused, match="ai_usage_logs"):
            await restore(clickhouse, dump, members)
        await ClickHouseRestore(clickhouse).require_empty()


async def test_data_that_is_there_is_named(tmp_path: Path) -> None:
    async with filled("embedded", tmp_path / "from") as clickhouse:
        with pytest.raises(InputRefused, match="market_data_kline") as refused:
            await ClickHouseRestore(clickhouse).require_empty()
    assert "--replace" in refused.value.fix


async def test_an_older_schema_is_carried_forward(tmp_path: Path) -> None:
    async with opened("embedded", tmp_path / "old") as clickhouse:
        target = ClickHouseRestore(clickhouse)
        async with target.emptied("5"):
            tables = await clickhouse.query("SHOW TABLES")
            assert "ai_usage_logs" not in tables.column(0).to_pylist()
            await clickhouse.execute(CANDLES)
            await target.settle()
        days = await clickhouse.query("SELECT count() AS n FROM market_data_kline_1d FINAL")
        assert days.column("n").to_pylist() == [8]


def test_versions_are_told_apart() -> None:
    target = ClickHouseRestore(None)  # type: ignore[arg-type]
    assert target.knows("1")
    assert not target.knows("9999")
    assert not target.knows("0a1")


@pytest.mark.parametrize("rows_max", [1, 7, 1000])
def test_parts_leave_no_row_out_and_take_none_twice(
    monkeypatch: pytest.MonkeyPatch, rows_max: int
) -> None:
    monkeypatch.setattr(dumps, "PART_ROWS_MAX", rows_max)
    noons = [
        (symbol, datetime(year, 12, day, 12, 0, 1, tzinfo=UTC))
        for symbol in ("A", "B")
        for year in (2020, 2021)
        for day in (1, 2, 5, 31)
    ]
    days = [{"symbol": symbol, "day": noon.date(), "rows": noon.day} for symbol, noon in noons]
    parts = list(dumps._parts_of(days, ("symbol",)))
    for symbol, noon in noons:
        mine = [part for part in parts if part.series["symbol"] == symbol]
        assert sum(part.start <= noon < part.end for part in mine) == 1
    assert all(part.end <= datetime(part.start.year + 1, 1, 1, tzinfo=UTC) for part in parts)
