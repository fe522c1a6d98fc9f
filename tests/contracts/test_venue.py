"""What every ReplayVenue must do."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import UUID

import pytest

from hedgerow.domain.market import Candle, Instrument, MarketType, Timeframe
from hedgerow.domain.messages import (
    OrderAcknowledged,
    OrderAmended,
    OrderEnded,
    OrderFilled,
    PriceMoved,
)
from hedgerow.domain.orders import Fill, Order, OrderPurpose, OrderSide, OrderStatus, OrderType
from hedgerow.infrastructure.venues.paper import PaperVenue
from hedgerow.usecases.ports.venue import ReplayVenue, Timed

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
BTC, ETH = "BTC/USDT", "ETH/USDT"
INSTRUMENTS = [
    Instrument(symbol, MarketType.SPOT, Decimal("0.1"), Decimal("0.01"), Decimal(5))
    for symbol in (BTC, ETH)
]

NOBODY = UUID(int=0)
numbers = count(1)

VenueFactory = Callable[[], ReplayVenue]


@pytest.fixture(params=["paper"])
def make_venue(request: pytest.FixtureRequest) -> VenueFactory:
    assert request.param == "paper"
    return lambda: PaperVenue(INSTRUMENTS)


@pytest.fixture
def venue(make_venue: VenueFactory) -> ReplayVenue:
    return make_venue()


def order(amount: str = "1", symbol: str = BTC) -> Order:
    """A market order to buy, unlike any other."""
    return Order(
        id=UUID(int=next(numbers)),
        user_id=NOBODY,
        strategy_id=NOBODY,
        trading_pair_id=NOBODY,
        exchange_account_id=NOBODY,
        symbol=symbol,
        market_type=MarketType.SPOT,
        side=OrderSide.BUY,
        type=OrderType.MARKET,
        purpose=OrderPurpose.ENTRY,
        amount=Decimal(amount),
        created_at=START,
        updated_at=START,
    )


def candles(hour: int) -> list[Candle]:
    opened_at = START + hour * HOUR
    o, h, low, c, volume = (Decimal(number) for number in (100, 106, 97, 104, 1000))
    return [Candle(s, Timeframe.H1, opened_at, o, h, low, c, volume) for s in (BTC, ETH)]


def fills(items: Sequence[Timed]) -> list[Fill]:
    return [item.message.fill for item in items if isinstance(item.message, OrderFilled)]


class TestReplayVenue:
    async def test_acknowledges_and_then_executes(self, venue: ReplayVenue) -> None:
        bought = order(amount="2")
        (answer,) = await venue.submit(bought, START)
        assert isinstance(answer, OrderAcknowledged)
        assert answer.order_id == bought.id
        (fill,) = fills(list(venue.play(candles(0))))
        assert (fill.order_id, fill.quantity) == (bought.id, Decimal(2))
        bought.apply(fill)
        assert bought.status is OrderStatus.FILLED

    async def test_the_same_order_twice_is_one_order(self, venue: ReplayVenue) -> None:
        bought = order()
        first = await venue.submit(bought, START)
        assert await venue.submit(bought, START) == first
        assert len(fills(list(venue.play(candles(0))))) == 1
        assert await venue.submit(bought, START + HOUR) == first
        assert not fills(list(venue.play(candles(1))))

    async def test_a_refused_order_ends_with_a_reason(self, venue: ReplayVenue) -> None:
        refused = order(amount="0.001")
        (answer,) = await venue.submit(refused, START)
        assert isinstance(answer, OrderEnded)
        assert answer.status is OrderStatus.REJECTED
        assert answer.reason
        assert not fills(list(venue.play(candles(0))))

    async def test_a_canceled_order_never_executes(self, venue: ReplayVenue) -> None:
        taken_back = order()
        await venue.submit(taken_back, START)
        (answer,) = await venue.cancel(taken_back, START)
        assert isinstance(answer, OrderEnded)
        assert (answer.order_id, answer.status) == (taken_back.id, OrderStatus.CANCELED)
        assert await venue.cancel(taken_back, START) == ()
        assert not fills(list(venue.play(candles(0))))

    async def test_canceling_an_executed_order_is_answered_by_nothing(
        self, venue: ReplayVenue
    ) -> None:
        bought = order()
        await venue.submit(bought, START)
        list(venue.play(candles(0)))
        assert await venue.cancel(bought, START + HOUR) == ()

    async def test_an_amended_order_executes_for_its_new_amount(self, venue: ReplayVenue) -> None:
        bought = order(amount="2")
        await venue.submit(bought, START)
        amended = await venue.amend(bought, Decimal(3), None, START)
        assert amended == (OrderAmended(bought.id, Decimal(3), None),)
        (fill,) = fills(list(venue.play(candles(0))))
        assert fill.quantity == Decimal(3)

    async def test_prices_of_all_symbols_come_in_order_of_time(self, venue: ReplayVenue) -> None:
        items = list(venue.play(candles(0)))
        assert {i.message.symbol for i in items if isinstance(i.message, PriceMoved)} == {BTC, ETH}
        times = [item.at for item in items]
        assert times == sorted(times)
        assert times[0] >= START
        assert times[-1] <= START + HOUR

    async def test_a_restored_venue_goes_on_where_the_snapshot_was_taken(
        self, make_venue: VenueFactory
    ) -> None:
        venue = make_venue()
        for symbol in (BTC, ETH):
            await venue.submit(order(symbol=symbol), START)
        items, documents = [], [venue.snapshot()]
        for item in venue.play(candles(0)):
            items.append(item)
            documents.append(venue.snapshot())
        for done, document in enumerate(documents):
            again = make_venue()
            again.restore(json.loads(json.dumps(document)))
            assert list(again.play(candles(0))) == items[done:]

    async def test_trade_ids_are_unique(self, venue: ReplayVenue) -> None:
        for hour in range(3):
            await venue.submit(order(), START + hour * HOUR)
        made = [fill for hour in range(3) for fill in fills(list(venue.play(candles(hour))))]
        assert len({fill.venue_trade_id for fill in made}) == len(made) == 3
