"""The rules of the paper venue, by example and by property."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, assert_never
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.domain.errors import DocumentRefused, InvalidValue, NotExact, UnknownEntity
from hedgerow.domain.market import Candle, Instrument, MarketType, Timeframe
from hedgerow.domain.messages import (
    OrderAcknowledged,
    OrderAmended,
    OrderEnded,
    OrderFilled,
    PriceMoved,
    VenueMessage,
)
from hedgerow.domain.money import ZERO, to_fee
from hedgerow.domain.orders import Fill, Order, OrderPurpose, OrderSide, OrderStatus, OrderType
from hedgerow.infrastructure.venues.paper import PaperVenue, PaperVenueRules
from hedgerow.usecases.ports.venue import Timed

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BTC, ETH = "BTC/USDT", "ETH/USDT"
BUY, SELL = OrderSide.BUY, OrderSide.SELL
MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
STOP_MARKET, STOP_LIMIT = OrderType.STOP_MARKET, OrderType.STOP_LIMIT
NOBODY = UUID(int=0)
FREE = PaperVenueRules(ZERO, ZERO, ZERO, Decimal(1))
UPTURN = (100, 106, 97, 104)  # goes 100, 97, 106, 104
DOWNTURN = (100, 103, 94, 96)  # goes 100, 103, 94, 96


def instruments(market_type: MarketType = MarketType.SPOT) -> list[Instrument]:
    return [
        Instrument(symbol, market_type, Decimal("0.1"), Decimal("0.01"), Decimal(5))
        for symbol in (BTC, ETH)
    ]


@pytest.fixture
def venue() -> PaperVenue:
    return PaperVenue(instruments(), FREE)


@pytest.fixture
def futures() -> PaperVenue:
    return PaperVenue(instruments(MarketType.FUTURES), FREE)


def order(number: int, side: OrderSide, kind: OrderType, amount: Any = 1, **changes: Any) -> Order:
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "user_id": NOBODY,
        "strategy_id": NOBODY,
        "trading_pair_id": NOBODY,
        "exchange_account_id": NOBODY,
        "symbol": BTC,
        "market_type": MarketType.SPOT,
        "side": side,
        "type": kind,
        "purpose": OrderPurpose.ENTRY,
        "amount": Decimal(amount),
        "created_at": START,
        "updated_at": START,
    }
    for name in ("price", "stop_price"):
        if name in changes:
            changes[name] = Decimal(changes[name])
    return Order(**(values | changes))


def short(number: int, side: OrderSide, kind: OrderType, amount: Any = 1, **changes: Any) -> Order:
    return order(number, side, kind, amount, market_type=MarketType.FUTURES, **changes)


def bar(
    prices: Sequence[Any] = UPTURN, hour: int = 0, volume: Any = 1000, symbol: str = BTC
) -> Candle:
    o, h, low, c = (Decimal(price) for price in prices)
    opened_at = START + hour * HOUR
    return Candle(symbol, Timeframe.H1, opened_at, o, h, low, c, Decimal(volume))


async def send(venue: PaperVenue, *orders: Order) -> None:
    for sent in orders:
        (answer,) = await venue.submit(sent, START)
        assert isinstance(answer, OrderAcknowledged), answer


async def play(
    venue: PaperVenue, *candles: Candle, after: Mapping[str, Sequence[Order]] | None = None
) -> list[str]:
    """What happens, in short; orders are sent right after what their key says has happened."""
    story, waiting = [], dict(after or {})
    for item in venue.play(candles):
        story.append(told(item))
        await send(venue, *waiting.pop(story[-1], ()))
    assert not waiting
    return story


def told(item: Timed) -> str:
    match item.message:
        case PriceMoved(symbol, price):
            return f"{symbol[:3]} {plain(price)}"
        case OrderFilled(fill):
            role = "maker" if fill.is_maker else "taker"
            return f"#{fill.order_id.int} {plain(fill.quantity)} @ {plain(fill.price)} {role}"
        case OrderEnded(order_id, status, _):
            return f"#{order_id.int} {status}"
        case other:
            raise AssertionError(other)


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def answer_of(answers: Sequence[VenueMessage]) -> VenueMessage:
    (answer,) = answers
    return answer


async def hold(venue: PaperVenue, amount: Any = 1) -> None:
    """Own some BTC, bought at 100 an hour before START."""
    await send(venue, order(99, BUY, MARKET, amount))
    await play(venue, bar((100, 100, 100, 100), hour=-1))


class TestPath:
    async def test_goes_to_the_nearer_extreme_first(self, venue: PaperVenue) -> None:
        assert await play(venue, bar(UPTURN)) == ["BTC 100", "BTC 97", "BTC 106", "BTC 104"]
        assert await play(venue, bar(DOWNTURN, 1)) == ["BTC 100", "BTC 103", "BTC 94", "BTC 96"]

    async def test_goes_to_the_low_first_where_both_are_as_near(self, venue: PaperVenue) -> None:
        story = await play(venue, bar((100, 105, 95, 101)))
        assert story == ["BTC 100", "BTC 95", "BTC 105", "BTC 101"]

    async def test_interleaves_symbols_by_phase_and_name(self, venue: PaperVenue) -> None:
        story = await play(venue, bar(DOWNTURN, symbol=ETH), bar(UPTURN))
        assert story[:4] == ["BTC 100", "ETH 100", "BTC 97", "ETH 103"]

    def test_stamps_the_points_within_the_candle(self, venue: PaperVenue) -> None:
        times = [item.at - START for item in venue.play([bar()])]
        assert times == [
            timedelta(0),
            timedelta(minutes=20),
            timedelta(minutes=40),
            HOUR - timedelta(milliseconds=1),
        ]

    def test_nothing_happens_without_candles(self, venue: PaperVenue) -> None:
        assert list(venue.play([])) == []

    async def test_a_symbol_without_a_candle_rests(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, MARKET, symbol=ETH))
        assert "#1 1 @ 100 taker" not in await play(venue, bar())
        assert "#1 1 @ 100 taker" in await play(venue, bar(hour=1), bar(hour=1, symbol=ETH))

    async def test_refuses_candles_that_do_not_fit_together(self, venue: PaperVenue) -> None:
        for candles in (
            [bar(), bar(hour=1, symbol=ETH)],
            [bar(), bar()],
            [bar((100, 99, 97, 98))],
        ):
            with pytest.raises(InvalidValue):
                venue.play(candles)
        with pytest.raises(UnknownEntity):
            venue.play([bar(symbol="DOGE/USDT")])

    async def test_a_span_left_midway_is_over_for_all_orders(self, venue: PaperVenue) -> None:
        next(venue.play([bar()]))
        await send(venue, order(1, BUY, MARKET))
        story = await play(venue, bar((110, 112, 109, 111), 1))
        assert story[:2] == ["#1 1 @ 110 taker", "BTC 110"]

    def test_an_iterator_of_an_earlier_span_is_a_bug(self, venue: PaperVenue) -> None:
        left = venue.play([bar()])
        venue.play([bar(hour=1)])
        with pytest.raises(AssertionError):
            next(left)

    def test_refuses_to_go_back_in_time(self, venue: PaperVenue) -> None:
        list(venue.play([bar(hour=1)]))
        with pytest.raises(InvalidValue):
            venue.play([bar()])


class TestMarketOrders:
    async def test_decided_at_a_close_execute_at_the_next_open(self, venue: PaperVenue) -> None:
        await play(venue, bar())
        await send(venue, order(1, BUY, MARKET, 2))
        story = await play(venue, bar((110, 112, 109, 111), 1))
        assert story[:2] == ["#1 2 @ 110 taker", "BTC 110"]

    async def test_wait_for_the_next_span_once_this_one_has_run_out(
        self, venue: PaperVenue
    ) -> None:
        await play(venue, bar())
        await send(venue, order(1, BUY, MARKET))
        assert await play(venue, bar()) == []

    @pytest.mark.parametrize("price", [100, 97, 106, 104])
    async def test_sent_on_the_way_execute_at_the_price_of_the_moment(
        self, venue: PaperVenue, price: int
    ) -> None:
        story = await play(venue, bar(), after={f"BTC {price}": [order(1, BUY, MARKET)]})
        assert story[story.index(f"BTC {price}") + 1] == f"#1 1 @ {price} taker"

    async def test_wait_for_their_own_symbol_to_open(self, venue: PaperVenue) -> None:
        await play(venue, bar((90, 90, 90, 90), -1, symbol=ETH))
        late = order(1, BUY, MARKET, symbol=ETH)
        story = await play(venue, bar(), bar(symbol=ETH), after={"BTC 100": [late]})
        assert story[:3] == ["BTC 100", "#1 1 @ 100 taker", "ETH 100"]

    async def test_slip_against_the_trader_to_the_next_tick(self) -> None:
        venue = PaperVenue(instruments(), PaperVenueRules(slippage_ratio=Decimal("0.0111")))
        await send(venue, order(1, BUY, MARKET))
        assert (await play(venue, bar()))[0] == "#1 1 @ 101.2 taker"
        await send(venue, order(2, SELL, MARKET))
        assert (await play(venue, bar(hour=1)))[0] == "#2 1 @ 98.8 taker"

    async def test_slip_no_further_than_the_candle_went(self) -> None:
        venue = PaperVenue(instruments(), PaperVenueRules(slippage_ratio=Decimal("0.2")))
        await send(venue, order(1, BUY, MARKET))
        assert (await play(venue, bar()))[0] == "#1 1 @ 106 taker"
        await send(venue, order(2, SELL, MARKET))
        assert (await play(venue, bar(hour=1)))[0] == "#2 1 @ 97 taker"


class TestLimitOrders:
    async def test_fill_at_their_limit_when_the_price_reaches_it(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, LIMIT, price=98))
        story = await play(venue, bar())
        assert story[:3] == ["BTC 100", "#1 1 @ 98 maker", "BTC 97"]

    async def test_fill_when_the_price_just_touches_them(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, LIMIT, price=97))
        assert "#1 1 @ 97 maker" in await play(venue, bar())

    async def test_do_not_fill_beyond_the_candle(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, LIMIT, price="96.9"))
        assert len(await play(venue, bar())) == 4

    async def test_take_a_better_price_when_they_arrive_marketable(self, venue: PaperVenue) -> None:
        story = await play(venue, bar(), after={"BTC 97": [order(1, BUY, LIMIT, price=99)]})
        assert story[1:3] == ["BTC 97", "#1 1 @ 97 taker"]

    async def test_are_takers_when_they_arrive_at_their_price(self, venue: PaperVenue) -> None:
        story = await play(venue, bar(), after={"BTC 97": [order(1, BUY, LIMIT, price=97)]})
        assert story[2] == "#1 1 @ 97 taker"

    async def test_fill_at_the_open_where_the_candle_opens_beyond_them(
        self, venue: PaperVenue
    ) -> None:
        await hold(venue)
        await send(venue, order(1, SELL, LIMIT, price=105))
        assert len(await play(venue, bar((100, 102, 99, 101)))) == 4
        assert (await play(venue, bar((110, 112, 109, 111), 1)))[0] == "#1 1 @ 110 taker"

    async def test_are_met_in_the_order_of_the_moving_price(self, venue: PaperVenue) -> None:
        await hold(venue)
        await send(
            venue,
            order(1, BUY, LIMIT, price="97.5"),
            order(2, BUY, LIMIT, price="98.5"),
            order(3, SELL, LIMIT, price=105),
            order(4, BUY, STOP_MARKET, stop_price=102),
        )
        story = [line for line in await play(venue, bar()) if line.startswith("#")]
        assert story == [
            "#2 1 @ 98.5 maker",
            "#1 1 @ 97.5 maker",
            "#4 1 @ 102 taker",
            "#3 1 @ 105 maker",
        ]

    async def test_sent_on_the_way_are_met_on_the_rest_of_it(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, LIMIT, price=98))
        later = {"#1 1 @ 98 maker": [order(2, BUY, LIMIT, price="97.5"), order(3, BUY, MARKET)]}
        story = await play(venue, bar(), after=later)
        assert story[1:5] == ["#1 1 @ 98 maker", "#3 1 @ 98 taker", "#2 1 @ 97.5 maker", "BTC 97"]

    async def test_at_one_price_stops_act_first_and_then_the_older(self, venue: PaperVenue) -> None:
        await hold(venue, 3)
        await send(
            venue,
            order(1, BUY, LIMIT, price=98),
            order(2, BUY, LIMIT, price=98),
            order(3, SELL, STOP_MARKET, stop_price=98),
        )
        story = await play(venue, bar())
        assert story[1:4] == ["#3 1 @ 98 taker", "#1 1 @ 98 maker", "#2 1 @ 98 maker"]


class TestStops:
    async def test_execute_at_their_trigger_with_slippage(self) -> None:
        venue = PaperVenue(instruments(), PaperVenueRules(slippage_ratio=Decimal("0.002")))
        await send(venue, order(1, BUY, STOP_MARKET, stop_price=105))
        assert "#1 1 @ 105.3 taker" in await play(venue, bar())

    async def test_execute_at_the_open_where_the_candle_opens_beyond_them(
        self, venue: PaperVenue
    ) -> None:
        await hold(venue)
        await send(venue, order(1, SELL, STOP_MARKET, stop_price=98))
        assert (await play(venue, bar((90, 99, 89, 95))))[0] == "#1 1 @ 90 taker"

    async def test_trigger_at_once_when_the_price_is_beyond_them_already(
        self, venue: PaperVenue
    ) -> None:
        await hold(venue)
        stop = order(1, SELL, STOP_MARKET, stop_price=99)
        story = await play(venue, bar(), after={"BTC 97": [stop]})
        assert story[2] == "#1 1 @ 97 taker"

    async def test_do_not_trigger_before_their_price(self, venue: PaperVenue) -> None:
        await hold(venue)
        await send(venue, order(1, SELL, STOP_MARKET, stop_price="96.9"))
        assert len(await play(venue, bar())) == 4

    async def test_with_a_limit_beyond_the_trigger_take_the_price(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, STOP_LIMIT, stop_price=102, price=103))
        assert "#1 1 @ 102 taker" in await play(venue, bar())

    async def test_with_a_limit_at_the_trigger_are_takers(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, STOP_LIMIT, stop_price=102, price=102))
        assert "#1 1 @ 102 taker" in await play(venue, bar())

    async def test_with_a_limit_short_of_the_trigger_wait_for_it(self, venue: PaperVenue) -> None:
        await hold(venue)
        await send(venue, order(1, SELL, STOP_LIMIT, stop_price=98, price=99))
        story = await play(venue, bar())
        assert story[1:3] == ["BTC 97", "#1 1 @ 99 maker"]

    async def test_jumped_over_with_their_limit_they_rest(self, venue: PaperVenue) -> None:
        await hold(venue)
        await send(venue, order(1, SELL, STOP_LIMIT, stop_price=98, price="97.5"))
        story = await play(venue, bar((95, 97, 94, 96)))
        assert len(story) == 4
        assert "#1 1 @ 97.5 maker" in await play(venue, bar((96, 99, 95, 98), 1))


class TestStopAndTarget:
    def pair(self, stop_price: Any, price: Any, side: OrderSide = SELL, amount: Any = 1) -> Any:
        parent = {"parent_order_id": UUID(int=99)}
        return (
            order(1, side, STOP_MARKET, amount, stop_price=stop_price, **parent),
            order(2, side, LIMIT, amount, price=price, **parent),
        )

    async def test_the_stop_comes_first_where_one_candle_has_both(self, venue: PaperVenue) -> None:
        await hold(venue)
        await send(venue, *self.pair(stop_price=95, price=102))
        story = await play(venue, bar(DOWNTURN))  # meets 102 before 95
        assert story == ["BTC 100", "BTC 103", "#1 1 @ 95 taker", "BTC 94", "BTC 96"]

    async def test_even_where_the_candle_opens_beyond_the_target(self, venue: PaperVenue) -> None:
        await hold(venue)
        await send(venue, *self.pair(stop_price=95, price=99))
        assert "#1 1 @ 95 taker" in await play(venue, bar(DOWNTURN))

    async def test_the_target_fills_where_the_candle_has_no_stop(self, venue: PaperVenue) -> None:
        await hold(venue)
        await send(venue, *self.pair(stop_price=93, price=102))
        assert "#2 1 @ 102 maker" in await play(venue, bar(DOWNTURN))

    async def test_the_target_fills_once_its_stop_is_canceled(self, venue: PaperVenue) -> None:
        await hold(venue)
        stop, target = self.pair(stop_price=95, price=102)
        await send(venue, stop, target)
        await venue.cancel(stop, START)
        assert "#2 1 @ 102 maker" in await play(venue, bar(DOWNTURN))

    async def test_limits_of_other_parents_do_not_wait(self, venue: PaperVenue) -> None:
        await hold(venue, 2)
        stop, _ = self.pair(stop_price=95, price=102)
        stranger = order(3, SELL, LIMIT, price=102, parent_order_id=UUID(int=98))
        await send(venue, stop, stranger, order(4, SELL, LIMIT, price=103))
        story = await play(venue, bar(DOWNTURN))
        assert {"#3 1 @ 102 maker", "#4 1 @ 103 maker"} <= set(story)

    async def test_both_may_rest_on_one_holding_and_sell_it_once(self, venue: PaperVenue) -> None:
        await hold(venue)
        await send(venue, *self.pair(stop_price=98, price=105))
        story = await play(venue, bar(UPTURN))
        assert [line for line in story if line.startswith("#")] == [
            "#1 1 @ 98 taker",
            "#2 canceled",
        ]

    async def test_a_short_is_treated_alike(self, futures: PaperVenue) -> None:
        await send(futures, short(99, SELL, MARKET))
        await play(futures, bar((100, 100, 100, 100), -1))
        parent: dict[str, Any] = {"parent_order_id": UUID(int=99), "reduce_only": True}
        await send(
            futures,
            short(1, BUY, STOP_MARKET, stop_price=105, **parent),
            short(2, BUY, LIMIT, price=98, **parent),
        )
        story = await play(futures, bar(UPTURN))  # meets 98 before 105
        assert [line for line in story if line.startswith("#")] == ["#1 1 @ 105 taker"]


class TestReducing:
    async def test_a_spot_sale_is_trimmed_to_what_is_held(self, venue: PaperVenue) -> None:
        await hold(venue, "1.5")
        await send(venue, order(1, SELL, MARKET, 2))
        assert (await play(venue, bar()))[:2] == ["#1 1.5 @ 100 taker", "#1 canceled"]

    async def test_is_refused_with_nothing_held(
        self, venue: PaperVenue, futures: PaperVenue
    ) -> None:
        for place, sent in (
            (venue, order(1, SELL, MARKET)),
            (venue, order(2, BUY, MARKET, reduce_only=True)),
            (futures, short(3, SELL, MARKET, reduce_only=True)),
        ):
            answer = answer_of(await place.submit(sent, START))
            assert isinstance(answer, OrderEnded)
            assert answer.status is OrderStatus.REJECTED
            assert "held" in answer.reason

    async def test_reduce_only_never_turns_a_position(self, futures: PaperVenue) -> None:
        await send(futures, short(1, SELL, MARKET, 2))
        await play(futures, bar())
        await send(futures, short(2, BUY, MARKET, 3, reduce_only=True))
        assert (await play(futures, bar(hour=1)))[:2] == ["#2 2 @ 100 taker", "#2 canceled"]

    async def test_futures_sell_short_without_reduce_only(self, futures: PaperVenue) -> None:
        await send(futures, short(1, SELL, MARKET, 2))
        assert "#1 2 @ 100 taker" in await play(futures, bar())

    async def test_one_symbol_is_not_held_for_another(self, venue: PaperVenue) -> None:
        await hold(venue)
        answer = answer_of(await venue.submit(order(1, SELL, MARKET, symbol=ETH), START))
        assert isinstance(answer, OrderEnded)


class TestVolume:
    @pytest.fixture
    def venue(self) -> PaperVenue:
        return PaperVenue(instruments(), PaperVenueRules(ZERO, ZERO, ZERO, Decimal("0.1")))

    async def test_the_rest_of_an_order_fills_with_the_next_candles(
        self, venue: PaperVenue
    ) -> None:
        await send(venue, order(1, BUY, MARKET, 5))
        fills = [(await play(venue, bar(hour=hour, volume="20.19")))[0] for hour in range(3)]
        assert fills == ["#1 2.01 @ 100 taker", "#1 2.01 @ 100 taker", "#1 0.98 @ 100 taker"]

    async def test_is_shared_by_all_orders_on_a_symbol(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, MARKET, 2), order(2, BUY, LIMIT, 2, price=98))
        await send(venue, order(3, BUY, MARKET, 2, symbol=ETH))
        story = await play(venue, bar(volume=30), bar(volume=30, symbol=ETH))
        assert [line for line in story if line.startswith("#")] == [
            "#1 2 @ 100 taker",
            "#3 2 @ 100 taker",
            "#2 1 @ 98 maker",
        ]

    async def test_a_limit_goes_on_when_its_price_comes_again(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, LIMIT, 3, price=98))
        assert "#1 2 @ 98 maker" in await play(venue, bar(volume=20))
        assert "#1 1 @ 98 maker" in await play(venue, bar(volume=20, hour=1))

    async def test_a_triggered_stop_goes_on_at_the_next_open(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, STOP_MARKET, 3, stop_price=105))
        assert "#1 2 @ 105 taker" in await play(venue, bar(volume=20))
        assert (await play(venue, bar(volume=20, hour=1)))[0] == "#1 1 @ 100 taker"

    async def test_a_stop_triggers_even_where_no_volume_is_left(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, STOP_MARKET, stop_price=105))
        assert len(await play(venue, bar(volume=0))) == 4
        assert (await play(venue, bar(hour=1)))[0] == "#1 1 @ 100 taker"


class TestRefusals:
    @pytest.mark.parametrize(
        ("refused", "reason"),
        [
            (order(1, BUY, MARKET, symbol="DOGE/USDT"), "DOGE/USDT is not traded"),
            (short(1, BUY, MARKET), "traded on spot"),
            (order(1, BUY, MARKET, "1.001"), "step 0.01"),
            (order(1, BUY, LIMIT, price="98.05"), "price 98.05"),
            (order(1, BUY, STOP_MARKET, stop_price="98.05"), "stop price 98.05"),
            (order(1, BUY, LIMIT, "0.05", price=98), "minimum value 5"),
            (order(1, BUY, STOP_MARKET, "0.04", stop_price=105), "minimum value 5"),
        ],
    )
    async def test_come_with_a_reason(self, venue: PaperVenue, refused: Order, reason: str) -> None:
        answer = answer_of(await venue.submit(refused, START))
        assert isinstance(answer, OrderEnded)
        assert answer.status is OrderStatus.REJECTED
        assert reason in answer.reason

    async def test_a_market_order_is_measured_by_the_last_price(self, venue: PaperVenue) -> None:
        tiny = order(1, BUY, MARKET, "0.04")
        await play(venue, bar())
        answer = answer_of(await venue.submit(tiny, START))
        assert isinstance(answer, OrderEnded)

    async def test_a_small_rest_can_still_be_reduced(self, futures: PaperVenue) -> None:
        await send(futures, short(1, BUY, MARKET))
        await play(futures, bar())
        await send(futures, short(2, SELL, LIMIT, "0.01", price=98, reduce_only=True))


class TestAmending:
    async def test_moves_the_trigger_and_keeps_the_place(self, venue: PaperVenue) -> None:
        await hold(venue)
        stop = order(1, SELL, STOP_MARKET, stop_price=90)
        await send(venue, stop)
        answer = answer_of(await venue.amend(stop, Decimal(1), Decimal(98), START))
        assert answer == OrderAmended(stop.id, Decimal(1), Decimal(98))
        assert "#1 1 @ 98 taker" in await play(venue, bar())

    async def test_down_to_what_is_filled_ends_the_order(self) -> None:
        venue = PaperVenue(instruments(), PaperVenueRules(participation_ratio=Decimal("0.1")))
        bought = order(1, BUY, MARKET, 5)
        await send(venue, bought)
        for item in venue.play([bar(volume=20)]):
            if isinstance(item.message, OrderFilled):
                bought.apply(item.message.fill)
        answer = answer_of(await venue.amend(bought, Decimal(1), None, START))
        assert answer == OrderAmended(bought.id, Decimal(2), None)
        bought.amend(START, answer.amount, answer.stop_price)
        assert bought.status is OrderStatus.FILLED
        assert len(await play(venue, bar(hour=1))) == 4
        assert await venue.amend(bought, Decimal(3), None, START) == ()

    @pytest.mark.parametrize(
        ("amount", "stop_price"), [("1.001", 90), (0, 90), (1, "90.05"), (1, 0), (1, None)]
    )
    async def test_what_cannot_be_is_not_taken_over(
        self, venue: PaperVenue, amount: Any, stop_price: Any
    ) -> None:
        await hold(venue)
        stop = order(1, SELL, STOP_MARKET, stop_price=90)
        await send(venue, stop)
        wanted = None if stop_price is None else Decimal(stop_price)
        answer = answer_of(await venue.amend(stop, Decimal(amount), wanted, START))
        assert answer == OrderAmended(stop.id, Decimal(1), Decimal(90))

    async def test_a_triggered_stop_cannot_be_taken_back_by_its_trigger(self) -> None:
        venue = PaperVenue(instruments(), PaperVenueRules(participation_ratio=Decimal("0.1")))
        stop = order(1, BUY, STOP_MARKET, 5, stop_price=105)
        await send(venue, stop)
        await play(venue, bar(volume=20))
        answer = answer_of(await venue.amend(stop, Decimal(5), Decimal(120), START))
        assert answer == OrderAmended(stop.id, Decimal(5), Decimal(105))

    async def test_an_order_without_a_trigger_gets_none(self, venue: PaperVenue) -> None:
        limit = order(1, BUY, LIMIT, price=90)
        await send(venue, limit)
        answer = answer_of(await venue.amend(limit, Decimal(2), Decimal(95), START))
        assert answer == OrderAmended(limit.id, Decimal(2), None)


class TestRules:
    @pytest.mark.parametrize(
        "outside",
        [
            {"maker_fee_ratio": Decimal(-1)},
            {"taker_fee_ratio": Decimal(1)},
            {"slippage_ratio": Decimal(1)},
            {"participation_ratio": ZERO},
            {"participation_ratio": Decimal("1.1")},
        ],
    )
    def test_are_refused_outside_their_ranges(self, outside: dict[str, Any]) -> None:
        with pytest.raises(InvalidValue):
            PaperVenueRules(**outside)

    def test_are_exact(self) -> None:
        with pytest.raises(NotExact):
            PaperVenueRules(slippage_ratio=0.1)  # type: ignore[arg-type]

    async def test_makers_and_takers_pay_their_own_fee_in_quote(self) -> None:
        rules = PaperVenueRules(maker_fee_ratio=Decimal("0.0002"), slippage_ratio=ZERO)
        venue = PaperVenue(instruments(), rules)
        await send(venue, order(1, BUY, MARKET, 2), order(2, BUY, LIMIT, price=98))
        fees = [(fill.fee, fill.fee_currency) for fill in fills_of(list(venue.play([bar()])))]
        assert fees == [(Decimal("0.2"), "USDT"), (Decimal("0.0196"), "USDT")]


class TestSnapshots:
    def test_a_document_of_something_else_is_refused(self, venue: PaperVenue) -> None:
        document = venue.snapshot()
        for wrong in ({}, document | {"holdings": {BTC: "much"}}, document | {"cash": "1"}):
            with pytest.raises(DocumentRefused):
                venue.restore(wrong)

    async def test_remembers_only_the_latest_ended_orders(self, venue: PaperVenue) -> None:
        await send(venue, *(order(number, BUY, MARKET) for number in range(1, 101)))
        await play(venue, bar())
        document = venue.snapshot()
        assert document["orders"] == {}
        assert list(document["ended"]) == [  # type: ignore[call-overload]
            str(UUID(int=number)) for number in range(37, 101)
        ]

    async def test_a_snapshot_does_not_move_on_with_the_venue(self, venue: PaperVenue) -> None:
        await send(venue, order(1, BUY, LIMIT, price=98))
        document = venue.snapshot()
        before = json.dumps(document)
        await play(venue, bar())
        assert json.dumps(document) == before


# --- properties -----------------------------------------------------------------------------

RULES = PaperVenueRules(
    maker_fee_ratio=Decimal("0.00017"),
    taker_fee_ratio=Decimal("0.00053"),
    slippage_ratio=Decimal("0.0031"),
    participation_ratio=Decimal("0.07"),
)


@dataclass(frozen=True)
class Send:
    order: Order


@dataclass(frozen=True)
class Cancel:
    number: int


@dataclass(frozen=True)
class Amend:
    number: int
    amount: Decimal
    stop_price: Decimal | None


Action = Send | Cancel | Amend
Script = Mapping[int, Sequence[Action]]

ticks = st.integers(950, 1050).map(lambda tick: Decimal(tick) / 10)
amounts = st.integers(10, 900).map(lambda steps: Decimal(steps) / 100)


@st.composite
def spans(draw: st.DrawFn) -> list[list[Candle]]:
    played = []
    for hour in range(draw(st.integers(1, 4))):
        symbols = draw(st.lists(st.sampled_from([BTC, ETH]), min_size=1, unique=True))
        played.append([draw(candles(hour, symbol)) for symbol in symbols])
    return played


@st.composite
def candles(draw: st.DrawFn, hour: int, symbol: str) -> Candle:
    low, one, other, high = sorted(draw(st.tuples(ticks, ticks, ticks, ticks)))
    o, c = draw(st.permutations([one, other]))
    return bar((o, high, low, c), hour, draw(st.integers(0, 200)), symbol)


@st.composite
def orders(draw: st.DrawFn, number: int, market_type: MarketType) -> Order:
    kind = draw(st.sampled_from(OrderType))
    prices: dict[str, Decimal] = {}
    if kind in (LIMIT, STOP_LIMIT):
        prices["price"] = draw(ticks)
    if kind in (STOP_MARKET, STOP_LIMIT):
        prices["stop_price"] = draw(ticks)
    symbol, parent = draw(st.sampled_from([(BTC, UUID(int=98)), (ETH, UUID(int=99))]))
    return order(
        number,
        draw(st.sampled_from(OrderSide)),
        kind,
        draw(amounts),
        symbol=symbol,
        market_type=market_type,
        reduce_only=market_type is MarketType.FUTURES and draw(st.booleans()),
        parent_order_id=draw(st.sampled_from([None, parent])),
        **prices,
    )


@st.composite
def scripts(draw: st.DrawFn, market_type: MarketType) -> Script:
    """What is done after how many items; key 0 is what is done before the first."""
    script: dict[int, list[Action]] = defaultdict(list)
    for number in range(1, draw(st.integers(1, 14)) + 1):
        script[draw(st.integers(0, 30))].append(Send(draw(orders(number, market_type))))
    numbers = st.integers(1, 14)
    changes = st.builds(Amend, numbers, amounts, st.none() | ticks) | st.builds(Cancel, numbers)
    for change in draw(st.lists(changes, max_size=6)):
        script[draw(st.integers(0, 30))].append(change)
    return script


async def perform(venue: PaperVenue, action: Action) -> Sequence[VenueMessage]:
    match action:
        case Send(sent):
            return await venue.submit(sent, START)
        case Cancel(number):
            return await venue.cancel(order(number, BUY, MARKET), START)
        case Amend(number, amount, stop_price):
            return await venue.amend(order(number, BUY, MARKET), amount, stop_price, START)
        case _:
            assert_never(action)


Happened = Timed | VenueMessage


async def run(
    venue: PaperVenue, played: list[list[Candle]], script: Script, restarts: bool = False
) -> list[Happened]:
    """Everything that happens; with `restarts`, each item is followed by a restored venue."""
    seen = 0
    log: list[Happened] = []
    for action in script.get(0, ()):
        log += await perform(venue, action)
    for span in played:
        items = venue.play(span)
        while (item := next(items, None)) is not None:
            seen += 1
            log.append(item)
            for action in script.get(seen, ()):
                log += await perform(venue, action)
            if restarts:
                venue = restored(venue)
                items = venue.play(span)
    return log


def restored(venue: PaperVenue) -> PaperVenue:
    again = PaperVenue(venue._instruments.values(), RULES)
    again.restore(json.loads(json.dumps(venue.snapshot())))
    return again


def fills_of(log: Sequence[Happened]) -> list[Fill]:
    messages = [item.message for item in log if isinstance(item, Timed)]
    return [message.fill for message in messages if isinstance(message, OrderFilled)]


def new_venue(market_type: MarketType) -> PaperVenue:
    return PaperVenue(instruments(market_type), RULES)


def sent_orders(script: Script) -> dict[UUID, Order]:
    sent = [a.order for actions in script.values() for a in actions if isinstance(a, Send)]
    return {each.id: each for each in sent}


@given(played=spans(), data=st.data(), market_type=st.sampled_from(MarketType))
def test_executions_stay_within_candle_volume_amount_and_holdings(
    played: list[list[Candle]], data: st.DataObject, market_type: MarketType
) -> None:
    script = data.draw(scripts(market_type))
    log = asyncio.run(run(new_venue(market_type), played, script))
    bars = {(c.symbol, c.open_time): c for span in played for c in span}
    sent = sent_orders(script)
    amount = {order_id: each.amount for order_id, each in sent.items()}
    filled: dict[UUID, Decimal] = defaultdict(Decimal)
    held: dict[str, Decimal] = defaultdict(Decimal)
    traded: dict[Candle, Decimal] = defaultdict(Decimal)
    for item in log:
        message = item.message if isinstance(item, Timed) else item
        if isinstance(message, OrderAmended):
            amount[message.order_id] = message.amount
        if not isinstance(message, OrderFilled):
            continue
        fill, done = message.fill, sent[message.fill.order_id]
        candle = bars[done.symbol, fill.filled_at.replace(minute=0, second=0, microsecond=0)]
        assert candle.low <= fill.price <= candle.high
        if done.price is not None:
            assert fill.price <= done.price if done.side is BUY else fill.price >= done.price
        fee_ratio = RULES.maker_fee_ratio if fill.is_maker else RULES.taker_fee_ratio
        assert fill.fee == to_fee(fill.price * fill.quantity * fee_ratio)
        assert fill.quantity % Decimal("0.01") == 0
        filled[done.id] += fill.quantity
        assert filled[done.id] <= amount[done.id]
        traded[candle] += fill.quantity
        assert traded[candle] <= candle.volume * RULES.participation_ratio
        sign = 1 if done.side is BUY else -1
        before = held[done.symbol]
        held[done.symbol] += sign * fill.quantity
        if done.reduce_only:
            assert held[done.symbol] * before >= 0
            assert abs(held[done.symbol]) < abs(before)
        assert market_type is MarketType.FUTURES or held[done.symbol] >= 0


@given(played=spans(), data=st.data(), market_type=st.sampled_from(MarketType))
def test_a_venue_restored_after_every_item_does_the_same(
    played: list[list[Candle]], data: st.DataObject, market_type: MarketType
) -> None:
    script = data.draw(scripts(market_type))
    uninterrupted = asyncio.run(run(new_venue(market_type), played, script))
    again = asyncio.run(run(new_venue(market_type), played, script))
    restarted = asyncio.run(run(new_venue(market_type), played, script, restarts=True))
    assert uninterrupted == again == restarted


@given(played=spans(), data=st.data())
def test_time_never_runs_backwards_and_trades_are_never_named_twice(
    played: list[list[Candle]], data: st.DataObject
) -> None:
    script = data.draw(scripts(MarketType.SPOT))
    log = asyncio.run(run(new_venue(MarketType.SPOT), played, script))
    times = [item.at for item in log if isinstance(item, Timed)]
    assert times == sorted(times)
    made = fills_of(log)
    assert len({fill.venue_trade_id for fill in made}) == len(made)


@given(candle=candles(0, BTC), stop_price=ticks, target_price=ticks)
def test_a_target_fills_only_in_a_candle_without_its_stop(
    candle: Candle, stop_price: Decimal, target_price: Decimal
) -> None:
    parent = {"parent_order_id": UUID(int=99)}
    stop = order(1, SELL, STOP_MARKET, "0.01", stop_price=stop_price, **parent)
    target = order(2, SELL, LIMIT, "0.01", price=target_price, **parent)
    venue = PaperVenue([replace(each, notional_quote_min=ZERO) for each in instruments()], FREE)

    async def trade() -> list[str]:
        await hold(venue, "0.01")
        await send(venue, target, stop)
        return await play(venue, replace(candle, volume=Decimal(1000)))

    filled = {line.partition(" ")[0] for line in asyncio.run(trade()) if " @ " in line}
    if stop_price >= candle.low:
        assert filled == {"#1"}
    elif target_price <= candle.high:
        assert filled == {"#2"}
    else:
        assert not filled
