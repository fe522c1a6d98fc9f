"""What every way to reach ClickHouse must do, and what the embedded one does besides."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pyarrow as pa
import pytest

from clickhouse_engines import ENGINES, opened
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.clickhouse.client import ClickHouse, EngineFailed, Value
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.migrate import migrate, reset
from hedgerow.infrastructure.clickhouse.retention import keep_for

MONEY, WORD, UTC_MS, UTC_US = (
    "Decimal(38, 18)",
    "LowCardinality(String)",
    "DateTime64(3, 'UTC')",
    "DateTime64(6, 'UTC')",
)
PROVIDERS = (
    "Enum8('anthropic' = 1, 'openai' = 2, 'google' = 3, 'deepseek' = 4,"
    " 'compatible' = 5, 'house' = 6)"
)
COLUMNS = {
    "market_data_kline": [
        ("timestamp", UTC_MS),
        *((name, WORD) for name in ("symbol", "exchange", "timeframe")),
        *((name, MONEY) for name in ("open", "high", "low", "close", "volume", "quote_volume")),
        ("trades_count", "UInt32"),
    ],
    "market_data_tick": [
        ("timestamp", UTC_US),
        *((name, WORD) for name in ("symbol", "exchange")),
        *((name, MONEY) for name in ("price", "bid", "ask")),
    ],
    "market_data_orderbook": [
        ("timestamp", UTC_US),
        *((name, WORD) for name in ("symbol", "exchange")),
        *(
            (name, f"Array({MONEY})")
            for name in ("bid_prices", "bid_quantities", "ask_prices", "ask_quantities")
        ),
    ],
    "market_data_trades": [
        ("timestamp", UTC_US),
        *((name, WORD) for name in ("symbol", "exchange")),
        ("trade_id", "String"),
        ("side", "Enum8('buy' = 1, 'sell' = 2)"),
        *((name, MONEY) for name in ("price", "quantity")),
    ],
    "ai_usage_logs": [
        ("timestamp", "DateTime('UTC')"),
        *((name, "String") for name in ("event_id", "user_id", "session_id")),
        ("agent_name", WORD),
        ("provider", PROVIDERS),
        ("model_id", WORD),
        *((name, "UInt32") for name in ("prompt_tokens", "completion_tokens", "total_tokens")),
        *((name, MONEY) for name in ("input_cost_usd", "output_cost_usd", "total_cost_usd")),
        ("tool_calls_count", "UInt16"),
        ("is_cached", "Bool"),
        ("cache_hit", "Bool"),
        ("latency_ms", "UInt32"),
        ("reasoning_step", "UInt16"),
        ("workflow_name", WORD),
        *((name, "UInt32") for name in ("cached_tokens", "cache_write_tokens", "thinking_tokens")),
    ],
    "market_data_derivatives": [
        ("timestamp", UTC_US),
        *((name, WORD) for name in ("symbol", "exchange")),
        *((name, MONEY) for name in ("funding_ratio", "open_interest")),
    ],
    "market_news": [
        ("timestamp", UTC_US),
        ("id", "String"),
        ("source", WORD),
        *((name, "String") for name in ("title", "summary", "url")),
        ("symbols", f"Array({WORD})"),
        ("published_at", UTC_US),
    ],
}


@pytest.fixture(params=ENGINES)
async def clickhouse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClickHouse]:
    async with opened(request.param, tmp_path / "clickhouse") as found:
        yield found


async def rows(clickhouse: ClickHouse, statement: str, **values: str) -> list[tuple[object, ...]]:
    found = await clickhouse.query(statement, **values)
    return [tuple(row.values()) for row in found.to_pylist()]


class TestClickHouse:
    async def test_has_the_columns_of_the_specification(self, clickhouse: ClickHouse) -> None:
        for table, columns in COLUMNS.items():
            found = await rows(
                clickhouse,
                "SELECT name, type FROM system.columns"
                " WHERE table = {table:String} AND database = currentDatabase() ORDER BY position",
                table=table,
            )
            assert found == columns, table

    async def test_migrates_once(self, clickhouse: ClickHouse) -> None:
        statement = "SELECT version, name FROM schema_migrations ORDER BY version"
        applied = await rows(clickhouse, statement)
        await migrate(clickhouse)
        assert await rows(clickhouse, statement) == applied
        assert applied[0] == (1, "0001_market_data_kline.sql")
        assert [version for version, _ in applied] == list(range(1, len(applied) + 1))

    async def test_refuses_the_tables_of_a_newer_hedgerow(self, clickhouse: ClickHouse) -> None:
        await clickhouse.execute("INSERT INTO schema_migrations (version, name) SELECT 99, 'x'")
        with pytest.raises(InputRefused, match="schema 99"):
            await migrate(clickhouse)

    async def test_is_empty_after_a_reset(self, clickhouse: ClickHouse) -> None:
        await clickhouse.execute(
            "INSERT INTO market_data_kline (timestamp, timeframe) SELECT now(), '1m'"
        )
        await reset(clickhouse)
        for table in ("market_data_kline", "market_data_kline_5m", "market_data_kline_1d"):
            assert await rows(clickhouse, f"SELECT count() FROM {table}") == [(0,)]

    async def test_names_the_error_of_a_statement_without_a_stack_trace(
        self, clickhouse: ClickHouse
    ) -> None:
        with pytest.raises(EngineFailed) as caught:
            await clickhouse.query("SELECT nothing_of_the_kind")
        assert caught.value.code == 47
        assert caught.value.problem.startswith("Unknown expression identifier")
        assert "Stack trace" not in caught.value.problem
        assert "http" not in caught.value.problem

    @pytest.mark.parametrize(
        "text", ["", "o'clock", "back\\slash", "tab\tline\n", "ключ 🌱", "\\N"]
    )
    async def test_takes_any_text_as_a_parameter(self, clickhouse: ClickHouse, text: str) -> None:
        found = await clickhouse.query(
            "SELECT {one:String} AS one, {many:Array(String)} AS many", one=text, many=[text, "x"]
        )
        assert found.to_pylist() == [{"one": text, "many": [text, "x"]}]

    async def test_takes_many_texts_as_a_parameter(self, clickhouse: ClickHouse) -> None:
        many = [f"event-{at}" for at in range(10_000)]
        found = await clickhouse.query("SELECT length({many:Array(String)}) AS found", many=many)
        assert found.to_pylist() == [{"found": 10_000}]

    async def test_stores_large_batches_whole(self, clickhouse: ClickHouse) -> None:
        await clickhouse.execute("CREATE TABLE numbers (n UInt64) ENGINE = MergeTree ORDER BY n")
        await clickhouse.insert("numbers", pa.table({"n": pa.array(range(300_000), pa.uint64())}))
        assert await rows(clickhouse, "SELECT count(), sum(n) FROM numbers") == [
            (300_000, 300_000 * 299_999 // 2)
        ]

    async def test_stores_all_of_a_batch_or_nothing(self, clickhouse: ClickHouse) -> None:
        await clickhouse.execute("CREATE TABLE small (n UInt8) ENGINE = MergeTree ORDER BY n")
        with pytest.raises(EngineFailed):
            await clickhouse.insert("small", pa.table({"n": ["1", "not a number"]}))
        assert await rows(clickhouse, "SELECT count() FROM small") == [(0,)]


class TestRetention:
    async def test_deletes_what_is_older(self, clickhouse: ClickHouse) -> None:
        await keep_for(clickhouse, {"market_data_tick": 30})
        await clickhouse.execute(
            "INSERT INTO market_data_tick (timestamp, symbol)"
            " SELECT now() - toIntervalDay(number * 20), 'BTC/USDT' FROM numbers(4)"
        )
        await clickhouse.execute("OPTIMIZE TABLE market_data_tick FINAL")
        assert await rows(clickhouse, "SELECT count() FROM market_data_tick") == [(2,)]

    async def test_changes_a_table_only_when_the_setting_has_changed(
        self, clickhouse: ClickHouse
    ) -> None:
        changes = Changes(clickhouse)
        await keep_for(changes, {"market_data_kline": 400, "ai_usage_logs": None})
        altered = sorted(statement.split()[2] for statement in changes.executed)
        assert altered == [
            "market_data_kline",
            *(f"market_data_kline_{span}" for span in ("15m", "1d", "1h", "4h", "5m")),
        ]
        changes.executed.clear()
        await keep_for(changes, {"market_data_kline": 400, "ai_usage_logs": None})
        assert changes.executed == []
        await keep_for(changes, {"market_data_kline": None})
        assert len(changes.executed) == 6
        changes.executed.clear()
        await keep_for(changes, {"market_data_kline": None})
        assert changes.executed == []


class Changes:
    """Passes on to ClickHouse, and remembers what was executed."""

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse
        self.executed: list[str] = []
        self.where = clickhouse.where
        self.query = clickhouse.query
        self.insert = clickhouse.insert

    async def execute(self, statement: str, **parameters: Value) -> None:
        self.executed.append(statement)
        await self._clickhouse.execute(statement, **parameters)


class TestEmbeddedClickHouse:
    async def test_survives_closing(self, tmp_path: Path) -> None:
        async with EmbeddedClickHouse(tmp_path) as clickhouse:
            await clickhouse.execute("CREATE TABLE kept (n UInt8) ENGINE = MergeTree ORDER BY n")
        async with EmbeddedClickHouse(tmp_path) as clickhouse:
            assert await rows(clickhouse, "SELECT count() FROM kept") == [(0,)]

    async def test_brings_older_candles_along(self, tmp_path: Path) -> None:
        async with EmbeddedClickHouse(tmp_path) as clickhouse:
            await clickhouse.execute(
                "CREATE TABLE schema_migrations (version UInt32, name String,"
                " applied_at DateTime64(3, 'UTC') DEFAULT now64(3, 'UTC'))"
                " ENGINE = MergeTree() ORDER BY version"
            )
            await clickhouse.execute(
                "INSERT INTO schema_migrations (version, name) SELECT 1, 'the first'"
            )
            await clickhouse.execute(FIRST_TABLE.read_text(encoding="utf-8"))
            await clickhouse.execute(
                "INSERT INTO market_data_kline SELECT"
                " toDateTime64('2024-01-01 00:00:00', 3, 'UTC') + toIntervalMinute(number),"
                " 'BTC/USDT', 'binance', '1m', 1, 1, 1, 1.00000001, 2, 0, 0 FROM numbers(60)"
            )
            await migrate(clickhouse)
            found = await rows(
                clickhouse,
                "SELECT toString(argMaxMerge(r.close)), toString(sum(r.volume)),"
                " groupBitmapMerge(r.minutes) FROM market_data_kline_1h AS r",
            )
        assert found == [("1.00000001", "120", 60)]

    @pytest.mark.parametrize("name", ["a?b", "file/below"])
    async def test_refuses_a_folder_it_cannot_open(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(InputRefused) as caught:
            await EmbeddedClickHouse(tmp_path / name).__aenter__()
        assert caught.value.where == str(tmp_path / name)


FIRST_TABLE = (
    Path(__file__).parents[2]
    / "src/hedgerow/infrastructure/clickhouse/migrations/0001_market_data_kline.sql"
)
