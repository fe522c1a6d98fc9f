"""Which order executes when, at what price, and for how much."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hedgerow.domain.market import Instrument
from hedgerow.domain.messages import (
    FundingSettled,
    OrderEnded,
    OrderFilled,
    PositionLiquidated,
    PriceMoved,
)
from hedgerow.domain.money import (
    CONTEXT,
    ZERO,
    ceil_to_tick,
    floor_to_step,
    floor_to_tick,
    to_fee,
    to_quote,
)
from hedgerow.domain.orders import Fill, OrderSide, OrderStatus, OrderType
from hedgerow.infrastructure.venues.paper.funding import FundingRates
from hedgerow.infrastructure.venues.paper.path import PathPoint, Span
from hedgerow.infrastructure.venues.paper.rules import PaperVenueRules
from hedgerow.infrastructure.venues.paper.state import (
    Cover,
    Cursor,
    Market,
    VenueState,
    WorkingOrder,
)
from hedgerow.usecases.ports.venue import Timed


@dataclass(frozen=True, slots=True)
class Matcher:
    """Moves prices along the paths of a span and executes the orders they meet.

    It changes `state` and keeps nothing itself: where it is in the span is the state's cursor.
    """

    instruments: Mapping[str, Instrument]
    rules: PaperVenueRules
    state: VenueState
    span: Span
    funding_times: Sequence[datetime] = ()
    funding: FundingRates | None = None

    @property
    def cursor(self) -> Cursor:
        """Where in the span it is, and the time there."""
        cursor = self.state.cursor
        assert cursor is not None, "a span is begun before it is played"
        assert cursor.open_time == self.span.open_time, "one span is played to its end first"
        return cursor

    def advance(self) -> Timed | None:
        """Go on to the next thing that happens; None when the span is over.

        The book is examined at the present prices first, so that whatever was sent since the
        last call acts before any price moves on.
        """
        cursor = self.cursor
        while True:
            happened = self._liquidation() or self._execution()
            if happened:
                return Timed(at=cursor.now, message=happened)
            if cursor.next_point == len(self.span.points):
                self.state.close_markets()
                return None
            point = self.span.points[cursor.next_point]
            if (settled := self._settlement(point.at)) is not None:
                return settled
            cursor.now = point.at
            if not self._move_towards(point):
                cursor.next_point += 1
                self._let_arrive(point.at)
                return Timed(at=point.at, message=PriceMoved(point.symbol, point.price))

    def _execution(self) -> OrderFilled | OrderEnded | None:
        for order in in_turn(self.state.orders.values()):
            happened = self._examine(order)
            if happened:
                return happened
        return None

    def _liquidation(self) -> PositionLiquidated | None:
        """The forced end of the first position whose price has come to its liquidation price."""
        for symbol, cover in self.state.covers.items():
            market = self.state.markets.get(symbol)
            if market is None or not market.is_open or not self._is_used_up(symbol, market.price):
                continue
            size = abs(self.state.holdings[symbol])
            price = liquidation_execution(cover, market.price, self._held_side(symbol))
            left = ZERO
            if cover.bankruptcy_price is not None:
                left = abs(price - cover.bankruptcy_price) * size
            fee = min(to_fee(price * size * self.rules.liquidation_fee_ratio), to_quote(left))
            trade_id = self.state.liquidate(symbol)
            return PositionLiquidated(cover.position_id, price, fee, trade_id)
        return None

    def _held_side(self, symbol: str) -> OrderSide:
        held = self.state.holdings.get(symbol, ZERO)
        return OrderSide.BUY if held > ZERO else OrderSide.SELL

    def _is_used_up(self, symbol: str, price: Decimal) -> bool:
        limit = self.state.covers[symbol].liquidation_price
        held = self.state.holdings.get(symbol, ZERO)
        if limit is None or not held:
            return False
        return price <= limit if held > ZERO else price >= limit

    def _settlement(self, until: datetime) -> Timed | None:
        """The next funding that falls due no later than `until`, position by position."""
        cursor = self.cursor
        while cursor.fundings < len(self.funding_times):
            at = self.funding_times[cursor.fundings]
            if at > until:
                return None
            for symbol in sorted(self.state.covers.keys() - set(cursor.funded)):
                cursor.funded.append(symbol)
                if (amount := self._funding_of(symbol, at)) is not None:
                    cursor.now = at
                    position_id = self.state.covers[symbol].position_id
                    return Timed(at=at, message=FundingSettled(position_id, amount))
            cursor.fundings += 1
            cursor.funded.clear()
        return None

    def _funding_of(self, symbol: str, at: datetime) -> Decimal | None:
        market, held = self.state.markets.get(symbol), self.state.holdings.get(symbol, ZERO)
        if self.funding is None or market is None or not held:
            return None
        return to_quote(self.funding.rate(symbol, at) * market.price * held)

    def _let_arrive(self, at: datetime) -> None:
        for order in self.state.orders.values():
            if order.arrives_at is not None and order.arrives_at <= at:
                order.arrives_at = None

    def _move_towards(self, point: PathPoint) -> bool:
        """Go as far as the first order on the way; False when the price is there already."""
        market = self.state.markets.get(point.symbol)
        if market is None or not market.is_open:
            self.state.markets[point.symbol] = self._open(point)
            return True
        if market.price == point.price:
            return False
        orders = [order for order in self.state.orders.values() if order.symbol == point.symbol]
        target = self._before_liquidation(point, market.price)
        market.price = first_met(orders, market.price, target)
        return True

    def _before_liquidation(self, point: PathPoint, price: Decimal) -> Decimal:
        """The point's price, or the liquidation price where that lies on the way to it."""
        cover = self.state.covers.get(point.symbol)
        if cover is None or cover.liquidation_price is None:
            return point.price
        on_the_way = not self._is_used_up(point.symbol, price)
        if on_the_way and self._is_used_up(point.symbol, point.price):
            return cover.liquidation_price
        return point.price

    def _open(self, point: PathPoint) -> Market:
        volume = self.span.candles[point.symbol].volume * self.rules.participation_ratio
        step = self.instruments[point.symbol].quantity_step
        return Market(price=point.price, volume_left=floor_to_step(volume, step), is_open=True)

    def _examine(self, order: WorkingOrder) -> OrderFilled | OrderEnded | None:
        market = self.state.markets.get(order.symbol)
        if market is None or not market.is_open or order.arrives_at is not None:
            return None
        is_arriving = not order.has_rested
        order.has_rested = True
        if not order.is_triggered and order.is_awake(market.price):
            order.is_triggered = True
            is_arriving = True
        if not order.is_awake(market.price) or self._waits_for_its_stop(order):
            return None
        if order.is_reducing and not self.state.reducible(order.symbol, order.side):
            self.state.end(order)
            return OrderEnded(order.id, OrderStatus.CANCELED, "nothing is held any more")
        quantity = self._fillable(order, market)
        if not quantity:
            return None
        is_maker = market.price == order.price and not is_arriving
        return OrderFilled(self._fill(order, market, quantity, is_maker))

    def _waits_for_its_stop(self, order: WorkingOrder) -> bool:
        """Whether a target must wait because its stop lies in the same candle.

        Nobody knows which of the two the real price met first: the worse one is assumed.
        """
        if order.parent_order_id is None or order.type is not OrderType.LIMIT:
            return False
        candle = self.span.candles[order.symbol]
        return any(
            other.parent_order_id == order.parent_order_id
            and other.stop_price is not None
            and candle.low <= other.stop_price <= candle.high
            for other in self.state.orders.values()
        )

    def _fillable(self, order: WorkingOrder, market: Market) -> Decimal:
        quantity = min(order.remaining, market.volume_left)
        if order.is_reducing:
            return min(quantity, self.state.reducible(order.symbol, order.side))
        return quantity

    def _fill(self, order: WorkingOrder, market: Market, quantity: Decimal, is_maker: bool) -> Fill:
        price = self._execution_price(order, market.price, quantity)
        fee_ratio = self.rules.maker_fee_ratio if is_maker else self.rules.taker_fee_ratio
        self.state.book(order, quantity)
        return Fill(
            order_id=order.id,
            venue_trade_id=f"paper-{self.state.trades}",
            price=price,
            quantity=quantity,
            fee=to_fee(price * quantity * fee_ratio),
            fee_currency=self.instruments[order.symbol].quote,
            is_maker=is_maker,
            filled_at=self.cursor.now,
        )

    def _execution_price(self, order: WorkingOrder, price: Decimal, quantity: Decimal) -> Decimal:
        """The market's price; for orders without a limit worse by the slippage, in the candle."""
        if order.price is not None:
            return price
        candle, tick = self.span.candles[order.symbol], self.instruments[order.symbol].price_tick
        share = CONTEXT.divide(quantity, candle.volume) if self.rules.impact_ratio else ZERO
        slippage = price * self.rules.slippage(self.state.trades + 1, share)
        if order.side is OrderSide.BUY:
            return min(ceil_to_tick(price + slippage, tick), candle.high)
        return max(floor_to_tick(price - slippage, tick), candle.low)


def liquidation_execution(cover: Cover, price: Decimal, held: OrderSide) -> Decimal:
    """What a position is closed at by force: the price of the moment, no worse than bankruptcy.

    Beyond that the venue's insurance pays: isolated margin is all that can be lost.
    """
    if cover.bankruptcy_price is None:
        return price
    worst = max if held is OrderSide.BUY else min
    return worst(price, cover.bankruptcy_price)


def in_turn(orders: Iterable[WorkingOrder]) -> list[WorkingOrder]:
    """Who acts first at one moment: stops and market orders before limits, then the older."""
    return sorted(orders, key=lambda order: (order.type is OrderType.LIMIT, order.number))


def first_met(orders: Iterable[WorkingOrder], price: Decimal, target: Decimal) -> Decimal:
    """Where a price on its way to `target` meets the first order that waits for it, else there."""
    low, high = min(price, target), max(price, target)
    met = (
        wake_price
        for order in orders
        if order.arrives_at is None
        and (wake_price := order.wake_price) is not None
        and low <= wake_price <= high
        and not order.is_awake(price)
    )
    return min(met, key=lambda wake_price: abs(wake_price - price), default=target)
