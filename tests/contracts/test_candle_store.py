"""What every CandleStore must do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.infrastructure.clickhouse.engine import ClickHouseEngine, EngineFailed
from hedgerow.infrastructure.clickhouse.migrate import migrate
from hedgerow.usecases.ports import CandleStore

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BTC, ETH = "BTC/USDT", "ETH/USDT"


@pytest.fixture(params=["clickhouse"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[CandleStore]:
    assert request.param == "clickhouse"
    async with ClickHouseEngine(tmp_path / "clickhouse") as engine:
        await migrate(engine)
        yield ClickHouseCandleStore(engine)


def candle(
    hour: int = 0, symbol: str = BTC, close: str = "1.5", volume: str = "7", **changes: Any
) -> Candle:
    values: dict[str, Any] = {
        "symbol": symbol,
        "timeframe": Timeframe.H1,
        "open_time": START + hour * HOUR,
        "open": Decimal("1"),
        "high": Decimal("9999999999.99999999"),
        "low": Decimal("0.00000001"),
        "close": Decimal(close),
        "volume": Decimal(volume),
    }
    return Candle(**(values | changes))


async def read_all(store: CandleStore, *symbols: str) -> list[Candle]:
    return await store.read(Exchange.BINANCE, symbols or [BTC], Timeframe.H1, START, START + DAY)


class TestCandleStore:
    async def test_returns_what_was_saved_to_the_last_decimal(self, store: CandleStore) -> None:
        saved = [candle(hour, close=f"0.1234567{hour}") for hour in range(3)]
        await store.save(Exchange.BINANCE, saved)
        assert await read_all(store) == saved

    async def test_orders_by_time_and_then_symbol(self, store: CandleStore) -> None:
        saved = [candle(1, ETH), candle(1), candle(0, ETH), candle(0)]
        await store.save(Exchange.BINANCE, saved)
        assert await read_all(store, ETH, BTC) == saved[::-1]

    async def test_the_later_of_two_saves_wins(self, store: CandleStore) -> None:
        await store.save(Exchange.BINANCE, [candle(close="1")])
        await store.save(Exchange.BINANCE, [candle(close="2")])
        assert await read_all(store) == [candle(close="2")]

    async def test_the_later_of_two_in_one_save_wins(self, store: CandleStore) -> None:
        await store.save(Exchange.BINANCE, [candle(close="1"), candle(close="2")])
        assert await read_all(store) == [candle(close="2")]

    async def test_start_is_included_and_end_is_not(self, store: CandleStore) -> None:
        await store.save(Exchange.BINANCE, [candle(hour) for hour in range(4)])
        found = await store.read(
            Exchange.BINANCE, [BTC], Timeframe.H1, START + HOUR, START + 3 * HOUR
        )
        assert [c.open_time for c in found] == [START + HOUR, START + 2 * HOUR]

    async def test_a_start_within_a_millisecond_is_not_rounded(self, store: CandleStore) -> None:
        await store.save(Exchange.BINANCE, [candle()])
        start = START + timedelta(microseconds=1)
        assert not await store.read(Exchange.BINANCE, [BTC], Timeframe.H1, start, START + DAY)

    async def test_keeps_exchanges_symbols_and_timeframes_apart(self, store: CandleStore) -> None:
        await store.save(Exchange.BINANCE, [candle()])
        await store.save(Exchange.BYBIT, [candle(close="2")])
        await store.save(Exchange.BINANCE, [candle(symbol=ETH), candle(timeframe=Timeframe.M5)])
        assert await read_all(store) == [candle()]

    async def test_nothing_saved_and_nothing_asked_for(self, store: CandleStore) -> None:
        await store.save(Exchange.BINANCE, [])
        assert await read_all(store) == []
        assert await store.read(Exchange.BINANCE, [], Timeframe.H1, START, START + DAY) == []

    @pytest.mark.parametrize(
        "changes",
        [
            {"volume": Decimal("10000000000")},
            {"close": Decimal("0.000000001")},
            {"open_time": START + timedelta(microseconds=1)},
            {"open_time": START.replace(tzinfo=None)},
        ],
    )
    async def test_refuses_what_it_cannot_keep_exactly(
        self, store: CandleStore, changes: dict[str, Any]
    ) -> None:
        with pytest.raises(InputRefused, match="BTC/USDT 1h 2024-01-01T00:00:00"):
            await store.save(Exchange.BINANCE, [candle(1), candle(**changes)])
        assert await read_all(store) == []

    async def test_keeps_times_in_utc_wherever_it_runs(
        self, store: CandleStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        await store.save(Exchange.BINANCE, [candle()])
        [found] = await read_all(store)
        assert found.open_time == START
        assert found.open_time.tzinfo is UTC


class TestClickHouse:
    async def test_survives_closing_and_migrates_once(self, tmp_path: Path) -> None:
        for _ in range(2):
            async with ClickHouseEngine(tmp_path) as engine:
                await migrate(engine)
                await ClickHouseCandleStore(engine).save(Exchange.BINANCE, [candle()])
        async with ClickHouseEngine(tmp_path) as engine:
            assert await read_all(ClickHouseCandleStore(engine)) == [candle()]
            applied = await engine.query("SELECT version, name FROM schema_migrations")
        assert applied.to_pylist() == [{"version": 1, "name": "0001_market_data_kline.sql"}]

    async def test_has_the_columns_of_the_specification(self, tmp_path: Path) -> None:
        async with ClickHouseEngine(tmp_path) as engine:
            await migrate(engine)
            columns = await engine.query(
                "SELECT name, type FROM system.columns"
                " WHERE table = 'market_data_kline' AND database = currentDatabase()"
                " ORDER BY position"
            )
        money = "Decimal(18, 8)"
        word = "LowCardinality(String)"
        assert [tuple(row.values()) for row in columns.to_pylist()] == [
            ("timestamp", "DateTime64(3, 'UTC')"),
            *((name, word) for name in ("symbol", "exchange", "timeframe")),
            *((name, money) for name in ("open", "high", "low", "close", "volume")),
            ("quote_volume", money),
            ("trades_count", "UInt32"),
        ]

    async def test_refuses_the_tables_of_a_newer_hedgerow(self, tmp_path: Path) -> None:
        async with ClickHouseEngine(tmp_path) as engine:
            await migrate(engine)
            await engine.execute("INSERT INTO schema_migrations (version, name) SELECT 99, 'x'")
            with pytest.raises(InputRefused, match="schema 99"):
                await migrate(engine)

    async def test_names_the_error_of_a_statement_without_a_stack_trace(
        self, tmp_path: Path
    ) -> None:
        async with ClickHouseEngine(tmp_path) as engine:
            with pytest.raises(EngineFailed) as caught:
                await engine.query("SELECT nothing_of_the_kind")
        assert caught.value.code == 47
        assert "nothing_of_the_kind" in caught.value.problem
        assert "Stack trace" not in caught.value.problem

    @pytest.mark.parametrize("name", ["a?b", "file/below"])
    async def test_refuses_a_folder_it_cannot_open(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(InputRefused) as caught:
            await ClickHouseEngine(tmp_path / name).__aenter__()
        assert caught.value.where == str(tmp_path / name)

    async def test_refuses_a_folder_that_is_open_already(self, tmp_path: Path) -> None:
        async with ClickHouseEngine(tmp_path):
            with pytest.raises(InputRefused, match=r"open already \(PID: [0-9]+\)"):
                await ClickHouseEngine(tmp_path).__aenter__()
