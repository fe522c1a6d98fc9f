"""What every way of candles in bulk must do: in as columns, out as a file, and back unchanged."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from clickhouse_engines import ENGINES, opened
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.infrastructure.candle_files import (
    bundled_sample,
    read_candle_columns,
    read_candles,
)
from hedgerow.infrastructure.clickhouse import candle_intake
from hedgerow.infrastructure.clickhouse.candle_export import ClickHouseCandleExport
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.usecases.keep_candles import store_candles

BTC = "BTC/USDT"
FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture(params=ENGINES)
async def clickhouse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClickHouse]:
    async with opened(request.param, tmp_path / "clickhouse") as found:
        yield found


async def test_what_comes_in_bulk_is_as_if_saved_one_by_one(
    clickhouse: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candle_intake, "AT_ONCE", 300)
    candles = read_candles(bundled_sample(), None, None, allow_gaps=False)
    columns = read_candle_columns(bundled_sample(), None, None, allow_gaps=False)
    store, told = ClickHouseCandleStore(clickhouse), list[int]()
    await store.save(Exchange.OKX, candles.candles)
    for _ in range(2):
        await store_candles(
            candle_intake.ClickHouseCandleIntake(clickhouse), Exchange.GATE, columns, told.append
        )
    span = (candles.symbols, Timeframe.H4, candles.candles[0].open_time, FAR)
    saved = await store.read(Exchange.OKX, *span)
    assert saved == list(candles.candles)
    assert await store.read(Exchange.GATE, *span) == saved
    assert told == [300, 500, 800, 1000, 1300, 1500, 1800, 2000] * 2
    kept = await clickhouse.query(
        "SELECT DISTINCT toString(quote_volume) AS turnover, trades_count FROM market_data_kline"
    )
    assert kept.to_pylist() == [{"turnover": "0", "trades_count": 0}]


async def test_an_exported_file_is_imported_as_it_was(
    clickhouse: ClickHouse, tmp_path: Path
) -> None:
    candles = read_candles(bundled_sample(), None, [BTC], allow_gaps=False)
    columns = read_candle_columns(bundled_sample(), None, [BTC], allow_gaps=False)
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "BTC_USDT.parquet"
    told: list[int] = []
    intake = candle_intake.ClickHouseCandleIntake(clickhouse)
    await store_candles(intake, Exchange.BINANCE, columns, told.append)
    export = ClickHouseCandleExport(clickhouse)
    count = await export.write(
        file, Exchange.BINANCE, [BTC], Timeframe.H4, lambda _, done: told.append(done)
    )
    with pytest.raises(InputRefused, match="no 1h candles of BTC/USDT on okx"):
        await export.write(file, Exchange.OKX, [BTC], Timeframe.H1, lambda *_: None)
    again = read_candles(file.parent, None, None, allow_gaps=False)
    assert again.fingerprint == candles.fingerprint
    assert count == len(candles.candles) == told[0] == told[-1]
    assert [path.name for path in file.parent.iterdir()] == ["BTC_USDT.parquet"]
