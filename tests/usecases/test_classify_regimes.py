"""Markets are classified every quarter of an hour, by closed candles, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.regimes import (
    CLASSIFY_EVERY,
    MODEL_VERSION,
    Regime,
    RegimeClassification,
    RegimeReading,
    classification,
)
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.usecases.classify_regimes import (
    Classified,
    Classify,
    RegimeDesk,
    classify_due,
    classify_regimes,
)
from hedgerow.usecases.ports.desk import RegimeModel
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from market_builders import BEGIN, random_market
from replay_builders import Crashed, ShelfOfCandles, crashing

BTC: Final = "BTC/USDT"
HOUR: Final = timedelta(hours=1)
COUNT: Final = WINDOW + 6
END: Final = BEGIN + COUNT * HOUR
FIRST: Final = BEGIN + WINDOW * HOUR


class Shelf(ShelfOfCandles):
    """Candles in memory, and those that are made of 1m candles elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.rolled_up: list[Candle] = []

    async def read_rolled_up(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        timeframe: Timeframe,
        start: datetime,
        end: datetime,
    ) -> list[Candle]:
        assert exchange is Exchange.BINANCE
        return [
            candle
            for candle in self.rolled_up
            if candle.symbol in symbols
            and candle.timeframe is timeframe
            and start <= candle.open_time < end
        ]


class Learned:
    """Knows BTC only, and otherwise says what the rules say."""

    candles_needed = WINDOW + 1
    candles_least = WINDOW
    versions = ("learned_v1", MODEL_VERSION)

    def __init__(self) -> None:
        self.rules = RulesRegimeModel(IndicatorDesk())

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        if candles[-1].symbol != BTC:
            return self.rules.read(candles)
        return RegimeReading(Regime.RANGE, 0.5, {"candles": float(len(candles))}, "learned_v1")


def rules() -> RulesRegimeModel:
    return RulesRegimeModel(IndicatorDesk())


async def shelf_with(*candles: Candle) -> Shelf:
    shelf = Shelf()
    await shelf.save(Exchange.BINANCE, candles)
    return shelf


def asked(until: datetime = END, since: datetime | None = None) -> Classify:
    return Classify(Exchange.BINANCE, [BTC], until, since, (Timeframe.H1,))


async def go(
    open_unit: OpenUnitOfWork,
    shelf: Shelf,
    request: Classify,
    model: RegimeModel | None = None,
) -> Classified:
    desk = RegimeDesk(open_unit, shelf, model or rules())
    (done,) = await classify_regimes(desk, request, lambda *_: None)
    return done


async def stored(open_unit: OpenUnitOfWork, symbol: str = BTC) -> list[RegimeClassification]:
    async with open_unit(SYSTEM) as unit:
        return await unit.regimes.between(symbol, Timeframe.H1, BEGIN, END + 100 * HOUR)


async def test_every_quarter_of_an_hour_has_the_regime_of_the_latest_closed_candle(
    open_postgres: OpenUnitOfWork,
) -> None:
    candles = random_market(COUNT, seed=1)
    until = END + timedelta(minutes=44)
    done = await go(open_postgres, await shelf_with(*candles), asked(until))
    rows = await stored(open_postgres)
    assert [row.timestamp for row in rows] == [
        FIRST + place * CLASSIFY_EVERY for place in range(4 * 6 + 3)
    ]
    for row in rows:
        closed = [candle for candle in candles if candle.close_time <= row.timestamp]
        assert row.reading == rules().read(closed)
        assert row == classification(BTC, Timeframe.H1, row.timestamp, row.reading)
    assert (done.moments, done.stored[MODEL_VERSION], done.known_before) == (27, 27, 0)
    assert done.last == rows[-1]


async def test_a_second_call_changes_nothing(open_postgres: OpenUnitOfWork) -> None:
    shelf = await shelf_with(*random_market(COUNT, seed=1))
    await go(open_postgres, shelf, asked())
    before = await stored(open_postgres)
    again = await go(open_postgres, shelf, asked(since=BEGIN))
    assert (again.moments, again.stored.total(), again.known_before) == (25, 0, 25)
    assert await stored(open_postgres) == before


async def test_without_since_it_goes_on_after_the_latest(open_postgres: OpenUnitOfWork) -> None:
    shelf = await shelf_with(*random_market(COUNT, seed=1))
    await go(open_postgres, shelf, asked(FIRST + 2 * HOUR))
    done = await go(open_postgres, shelf, asked())
    assert done.moments == done.stored.total() == 16
    assert len(await stored(open_postgres)) == 25


async def test_with_since_holes_are_filled(open_postgres: OpenUnitOfWork) -> None:
    shelf = await shelf_with(*random_market(COUNT, seed=1))
    await go(open_postgres, shelf, asked(since=END - HOUR))
    done = await go(open_postgres, shelf, asked(since=BEGIN))
    assert (done.stored.total(), done.known_before) == (20, 5)


@pytest.mark.parametrize("hours_known", [1, 4])
async def test_another_future_changes_nothing_before_it(
    open_postgres: OpenUnitOfWork, hours_known: int
) -> None:
    known = WINDOW + hours_known
    past = random_market(COUNT, seed=1)
    other = [*past[:known], *random_market(COUNT, seed=2)[known:]]
    until = BEGIN + known * HOUR
    model = rules()
    expected = [model.read(past[:count]) for count in range(WINDOW, known + 1)]
    await go(open_postgres, await shelf_with(*other), asked())
    rows = [row for row in await stored(open_postgres) if row.timestamp <= until]
    assert [row.reading for row in rows[::4]] == expected


async def test_a_candle_that_is_missing_leaves_its_moments_out(
    open_postgres: OpenUnitOfWork,
) -> None:
    candles = random_market(COUNT, seed=1)
    missing = candles.pop(WINDOW + 2)
    await go(open_postgres, await shelf_with(*candles), asked())
    moments = {row.timestamp for row in await stored(open_postgres)}
    hole = {missing.close_time + place * CLASSIFY_EVERY for place in range(4)}
    assert not moments & hole
    assert missing.close_time + HOUR in moments


async def test_too_few_candles_are_no_moment(open_postgres: OpenUnitOfWork) -> None:
    done = await go(open_postgres, await shelf_with(*random_market(WINDOW - 1, 1)), asked())
    assert (done.moments, done.last, done.has_enough_candles) == (0, None, False)


async def test_what_is_up_to_date_has_no_moment_but_candles_enough(
    open_postgres: OpenUnitOfWork,
) -> None:
    shelf = await shelf_with(*random_market(COUNT, seed=1))
    await go(open_postgres, shelf, asked())
    done = await go(open_postgres, shelf, asked())
    assert (done.moments, done.last, done.has_enough_candles) == (0, None, True)


async def test_a_second_exchange_is_refused_where_there_are_rows_of_another(
    open_postgres: OpenUnitOfWork,
) -> None:
    shelf = await shelf_with(*random_market(COUNT, seed=1))
    await shelf.save(Exchange.OKX, random_market(COUNT + 4, seed=2))
    await go(open_postgres, shelf, asked())
    before = await stored(open_postgres)
    elsewhere = replace(asked(END + 4 * HOUR), exchange=Exchange.OKX)
    with pytest.raises(InputRefused, match=r"BTC/USDT are read from candles of binance.*okx"):
        await go(open_postgres, shelf, elsewhere)
    assert await stored(open_postgres) == before


async def test_what_stores_no_row_keeps_no_other_exchange_out(
    open_postgres: OpenUnitOfWork,
) -> None:
    shelf = await shelf_with()
    await go(open_postgres, shelf, asked())
    async with open_postgres(SYSTEM) as unit:
        assert await unit.regimes.claim(BTC, Exchange.OKX) is Exchange.OKX


async def test_candles_made_of_minutes_do_where_none_are_stored(
    open_postgres: OpenUnitOfWork,
) -> None:
    candles = random_market(COUNT, seed=1)
    shelf = await shelf_with(*candles[100:])
    shelf.rolled_up = [*candles[:100], *random_market(COUNT, seed=2)[100:]]
    await go(open_postgres, shelf, asked())
    assert (await stored(open_postgres))[-1].reading == rules().read(candles)


async def test_what_was_interrupted_goes_on(
    open_postgres: OpenUnitOfWork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hedgerow.usecases.classify_regimes._AT_ONCE", 10)
    shelf = await shelf_with(*random_market(COUNT, seed=1))
    with pytest.raises(Crashed):
        await go(crashing(open_postgres, at_commit=2, is_durable=False), shelf, asked())
    assert len(await stored(open_postgres)) == 10
    done = await go(open_postgres, shelf, asked())
    assert done.stored.total() == 15
    assert len(await stored(open_postgres)) == 25


async def test_a_learned_row_stands_beside_that_of_the_rules(
    open_postgres: OpenUnitOfWork,
) -> None:
    shelf = await shelf_with(*random_market(COUNT, seed=1))
    await go(open_postgres, shelf, asked())
    done = await go(open_postgres, shelf, asked(since=BEGIN), Learned())
    assert done.stored == {"learned_v1": 25}
    # It reads one candle more than the rules, where there is one.
    assert done.last is not None
    assert done.last.reading.indicators == {"candles": WINDOW + 1.0}
    again = await go(open_postgres, shelf, asked(since=BEGIN), Learned())
    assert (again.stored.total(), again.known_before) == (0, 25)
    async with open_postgres(SYSTEM) as unit:
        both = [await unit.regimes.at(BTC, Timeframe.H1, END, v) for v in (Learned.versions, ())]
    assert [row and row.reading.model_version for row in both] == ["learned_v1"] * 2


async def test_where_no_model_fits_the_rules_stand_in_once(open_postgres: OpenUnitOfWork) -> None:
    shelf = await shelf_with(*random_market(COUNT, seed=1, symbol="ETH/USDT"))
    request = Classify(Exchange.BINANCE, ["ETH/USDT"], END, BEGIN, (Timeframe.H1,))
    first = await go(open_postgres, shelf, request, Learned())
    again = await go(open_postgres, shelf, request, Learned())
    assert (first.stored, again.stored.total()) == ({MODEL_VERSION: 25}, 0)


async def test_what_is_due_is_every_timeframe_of_every_symbol(
    open_postgres: OpenUnitOfWork,
) -> None:
    spans = (Timeframe.H1, Timeframe.H4, Timeframe.D1)
    shelf = await shelf_with(
        *(candle for span in spans for candle in random_market(WINDOW, 1, timeframe=span))
    )
    desk = RegimeDesk(open_postgres, shelf, rules())
    at = BEGIN + WINDOW * timedelta(days=1)
    done = await classify_due(desk, Exchange.BINANCE, [BTC, "ETH/USDT"], at)
    assert [(each.symbol, each.timeframe) for each in done] == [
        (symbol, span) for symbol in (BTC, "ETH/USDT") for span in spans
    ]
    assert [each.stored.total() for each in done] == [4, 16, 1, 0, 0, 0]
