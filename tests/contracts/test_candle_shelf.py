"""Candles out of the store and back, unchanged."""

from __future__ import annotations

from pathlib import Path

import pytest

from clickhouse_engines import opened
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.infrastructure.candle_files import (
    bundled_sample,
    read_candle_columns,
    read_candles,
)
from hedgerow.infrastructure.clickhouse.candle_export import ClickHouseCandleExport
from hedgerow.infrastructure.clickhouse.candle_intake import ClickHouseCandleIntake
from hedgerow.usecases.keep_candles import store_candles

BTC = "BTC/USDT"


async def test_an_exported_file_is_imported_as_it_was(tmp_path: Path) -> None:
    candles = read_candles(bundled_sample(), None, [BTC], allow_gaps=False)
    columns = read_candle_columns(bundled_sample(), None, [BTC], allow_gaps=False)
    (tmp_path / "out").mkdir()
    file = tmp_path / "out" / "BTC_USDT.parquet"
    told: list[int] = []
    async with opened("embedded", tmp_path / "clickhouse") as clickhouse:
        intake = ClickHouseCandleIntake(clickhouse)
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
