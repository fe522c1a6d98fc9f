"""What every CandleStore must do."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from clickhouse_engines import ENGINES, opened
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.usecases.ports.market import CandleStore

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
BTC, ETH = "BTC/USDT", "ETH/USDT"


@pytest.fixture(params=ENGINES)
async def store(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[ClickHouseCandleStore]:
    async with opened(request.param, tmp_path / "clickhouse") as clickhouse:
        yield ClickHouseCandleStore(clickhouse)


def candle(
    hour: int = 0, symbol: str = BTC, close: str = "1.5", volume: str = "7", **changes: Any
) -> Candle:
    values: dict[str, Any] = {
        "symbol": symbol,
        "timeframe": Timeframe.H1,
        "open_time": START + hour * HOUR,
        "open": Decimal("1"),
        "high": Decimal("99999999999999999999.999999999999999999"),
        "low": Decimal("0.000000000000000001"),
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
            {"volume": Decimal("100000000000000000000")},
            {"close": Decimal("0.0000000000000000001")},
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

    async def test_keeps_no_zeros_that_nobody_wrote(self, store: CandleStore) -> None:
        await store.save(Exchange.BINANCE, [candle(close="42000", volume="0")])
        [found] = await read_all(store)
        assert (str(found.close), str(found.volume)) == ("42000", "0")


class TestRollUps:
    """Longer candles follow from the 1m candles stored last, however they came."""

    MINUTES = 2 * 24 * 60

    @staticmethod
    def minute(at: int, price: int = 0, symbol: str = BTC) -> Candle:
        base = Decimal(price or 100 + at % 77)
        return Candle(
            symbol=symbol,
            timeframe=Timeframe.M1,
            open_time=START + timedelta(minutes=at),
            open=base,
            high=base + Decimal("1.5"),
            low=base - Decimal("0.25"),
            close=base + Decimal("0.75"),
            volume=Decimal(at % 13) + Decimal("0.000000000000000001"),
        )

    @staticmethod
    def expected(minutes: list[Candle], timeframe: Timeframe) -> list[Candle]:
        """The same by hand: the latest of each minute, complete spans alone."""
        latest = {(c.symbol, c.open_time): c for c in minutes}
        spans: dict[tuple[datetime, str], list[Candle]] = {}
        for (symbol, at), each in sorted(latest.items()):
            opened_at = at - (at - datetime(1970, 1, 1, tzinfo=UTC)) % timeframe.duration
            spans.setdefault((opened_at, symbol), []).append(each)
        return [
            Candle(
                symbol=symbol,
                timeframe=timeframe,
                open_time=at,
                open=parts[0].open,
                high=max(part.high for part in parts),
                low=min(part.low for part in parts),
                close=parts[-1].close,
                volume=sum((part.volume for part in parts), Decimal(0)),
            )
            for (at, symbol), parts in sorted(spans.items())
            if len(parts) == timeframe.duration // timedelta(minutes=1)
        ]

    async def agree(self, store: ClickHouseCandleStore, minutes: list[Candle]) -> None:
        for timeframe in list(Timeframe)[1:]:
            found = await store.read_rolled_up(
                Exchange.BINANCE, [BTC, ETH], timeframe, START, START + 3 * DAY
            )
            assert found == self.expected(minutes, timeframe), timeframe

    async def test_of_candles_in_order(self, store: ClickHouseCandleStore) -> None:
        minutes = [self.minute(at) for at in range(self.MINUTES)]
        await store.save(Exchange.BINANCE, minutes)
        await self.agree(store, minutes)

    async def test_of_candles_out_of_order_in_many_parts(
        self, store: ClickHouseCandleStore
    ) -> None:
        minutes = [self.minute(at) for at in range(self.MINUTES)]
        shuffled = random.Random(7).sample(minutes, len(minutes))
        for begin in range(0, len(shuffled), 400):
            await store.save(Exchange.BINANCE, shuffled[begin : begin + 400])
        await self.agree(store, minutes)

    async def test_of_the_same_candles_stored_again(self, store: ClickHouseCandleStore) -> None:
        minutes = [self.minute(at) for at in range(self.MINUTES)]
        for _ in range(3):
            await store.save(Exchange.BINANCE, minutes)
        await self.agree(store, minutes)

    async def test_of_candles_that_were_replaced(self, store: ClickHouseCandleStore) -> None:
        minutes = [self.minute(at, symbol=each) for each in (BTC, ETH) for at in range(300)]
        await store.save(Exchange.BINANCE, minutes)
        # first, middle and last of an hour: open, extremes and close were wrong
        corrected = [self.minute(at, price=9, symbol=BTC) for at in (0, 30, 59, 70)]
        await store.save(Exchange.BINANCE, corrected)
        await self.agree(store, minutes + corrected)

    async def test_of_incomplete_spans_until_the_late_candle_comes(
        self, store: ClickHouseCandleStore
    ) -> None:
        minutes = [self.minute(at) for at in range(60) if at != 17]
        await store.save(Exchange.BINANCE, minutes)
        await self.agree(store, minutes)
        await store.save(Exchange.BINANCE, [self.minute(17)])
        await self.agree(store, [*minutes, self.minute(17)])

    async def test_keeps_exchanges_and_stored_longer_candles_apart(
        self, store: ClickHouseCandleStore
    ) -> None:
        minutes = [self.minute(at) for at in range(60)]
        await store.save(Exchange.BYBIT, [self.minute(at, price=5) for at in range(60)])
        await store.save(Exchange.BINANCE, [candle(0, close="7"), *minutes])
        await self.agree(store, minutes)
        assert await read_all(store) == [candle(0, close="7")]
