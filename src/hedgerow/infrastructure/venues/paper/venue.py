"""The paper venue: the ReplayVenue port on top of the matcher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.market import Candle, Instrument, MarketType
from hedgerow.domain.messages import OrderAcknowledged, OrderAmended, OrderEnded, VenueMessage
from hedgerow.domain.money import ZERO, exact
from hedgerow.domain.orders import Order, OrderStatus
from hedgerow.domain.positions import Position
from hedgerow.infrastructure.venues.paper.admission import (
    is_acceptable_amount,
    is_acceptable_stop,
    refusal,
)
from hedgerow.infrastructure.venues.paper.funding import FundingRates, funding_times
from hedgerow.infrastructure.venues.paper.matching import Matcher
from hedgerow.infrastructure.venues.paper.path import span_of
from hedgerow.infrastructure.venues.paper.rules import PaperVenueRules
from hedgerow.infrastructure.venues.paper.state import (
    Cover,
    Market,
    VenueState,
    exchange_order_id,
)
from hedgerow.usecases.ports.venue import Timed


class PaperVenue:
    """One account at a venue that matches orders against candles.

    It knows the account's net holding per symbol, from its own executions alone, and neither
    cash nor margin: those are the fund's. `instruments` are all it trades, one per symbol. Fees
    are charged in the quote currency. What happens depends on nothing but the calls made.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        rules: PaperVenueRules | None = None,
        funding: FundingRates | None = None,
    ) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._rules = rules or PaperVenueRules()
        self._funding = funding
        self._state = VenueState.empty()

    async def submit(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Acknowledge or reject an order; executions are left to `play`.

        An order that is working, or has ended not long ago, is acknowledged again and that is all.
        """
        return self.place(order, at)

    async def cancel(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Take a working order back; an order that has already ended is answered by nothing."""
        return self.take_back(order, at)

    async def amend(
        self, order: Order, amount: Decimal, stop_price: Decimal | None, at: datetime
    ) -> Sequence[VenueMessage]:
        """Change what can be changed of a working order, and answer with what it is now.

        An amount below what is filled becomes what is filled, and nothing is left to do. An
        amount or trigger off the grid, and a new trigger for a stop that has already triggered,
        are not taken over. An order that has ended is answered by nothing.
        """
        return self.change(order, amount, stop_price, at)

    def place(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """What `submit` answers: nothing here has to wait."""
        number = self._state.number_of(order.id)
        if number is None:
            with exact():
                reason = refusal(order, self._instruments.get(order.symbol), self._state)
            if reason is not None:
                return (OrderEnded(order.id, OrderStatus.REJECTED, reason),)
            latency = timedelta(milliseconds=self._rules.latency_ms)
            number = self._state.accept(order, at + latency if latency else None).number
        return (OrderAcknowledged(order.id, exchange_order_id(number)),)

    def take_back(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """What `cancel` answers."""
        working = self._state.orders.get(order.id)
        if working is None:
            return ()
        self._state.end(working)
        return (OrderEnded(order.id, OrderStatus.CANCELED, "canceled on request"),)

    def change(
        self, order: Order, amount: Decimal, stop_price: Decimal | None, at: datetime
    ) -> Sequence[VenueMessage]:
        """What `amend` answers."""
        working = self._state.orders.get(order.id)
        if working is None:
            return ()
        instrument = self._instruments[working.symbol]
        with exact():
            wanted = max(amount, working.filled_amount)
            if is_acceptable_amount(wanted, instrument):
                working.amount = wanted
            if stop_price is not None and is_acceptable_stop(working, stop_price, instrument):
                working.stop_price = stop_price
            if not working.remaining:
                self._state.end(working)
        return (OrderAmended(order.id, working.amount, working.stop_price),)

    def cover(self, positions: Iterable[Position]) -> None:
        """Take note of what stands behind each open futures position; others are ignored.

        From then on they pay funding, and are closed by force where their collateral is used up.
        """
        with exact():
            self._state.covers = {
                position.symbol: Cover(
                    position.id, position.liquidation_price(), position.bankruptcy_price()
                )
                for position in positions
                if position.market_type is MarketType.FUTURES and position.size
            }

    @property
    def ordered(self) -> set[str]:
        """The symbols that have working orders."""
        return {order.symbol for order in self._state.orders.values()}

    @property
    def settles_funding(self) -> bool:
        """Whether positions pay or receive funding."""
        return self._funding is not None

    def resting_span(self, symbol: str) -> tuple[Decimal | None, Decimal | None] | None:
        """Prices (quote) strictly between which a candle of `symbol` makes nothing happen.

        None for an end that is open; None alone where an order acts at once.
        """
        below: list[Decimal] = []
        above: list[Decimal] = []
        for order in self._state.orders.values():
            wake_price = order.wake_price
            if order.symbol != symbol:
                continue
            if wake_price is None or order.arrives_at is not None:
                return None
            (below if order.waits_below else above).append(wake_price)
        cover = self._state.covers.get(symbol)
        if cover is not None and cover.liquidation_price is not None:
            is_long = self._state.holdings.get(symbol, ZERO) > ZERO
            (below if is_long else above).append(cover.liquidation_price)
        return max(below, default=None), min(above, default=None)

    def know_last(self, symbol: str, price: Decimal) -> None:
        """Take the last price of a symbol whose candles were not played."""
        market = self._state.markets.get(symbol)
        if market is None:
            self._state.markets[symbol] = Market(price=price, volume_left=ZERO, is_open=False)
        else:
            market.price = price

    def pass_over(self, symbol: str, close: Decimal) -> None:
        """Let a candle go by in which nothing could happen."""
        self.know_last(symbol, close)
        for order in self._state.orders.values():
            order.has_rested = True

    def play(self, candles: Sequence[Candle]) -> Iterator[Timed]:
        """Live through one span: one candle per symbol, all with the same open_time.

        Yields executions and prices in the order of their times; what happens on the way to a
        point of the path has the time of that point. Given the candles of the span that it is
        in already, it goes on after the last item yielded; once it has run out, orders wait for
        the next span. Raises InvalidValue for a span before the present one and for candles that
        do not fit together, UnknownEntity for a symbol that is not traded here.
        """
        if not candles:
            return iter(())
        with exact():
            span = span_of(candles, self._instruments)
        begun = self._state.cursor
        if begun is not None and span.open_time < begun.open_time:
            raise InvalidValue(
                field="open_time", value=span.open_time, allowed=f"{begun.open_time} or later"
            )
        if begun is None or span.open_time > begun.open_time:
            self._state.begin(span.open_time)
        times = funding_times(span.open_time, span.close_time) if self._funding else ()
        return _items(
            Matcher(self._instruments, self._rules, self._state, span, times, self._funding)
        )

    def snapshot(self) -> dict[str, object]:
        """All state, as a JSON document."""
        return self._state.to_document()

    def restore(self, document: Mapping[str, object]) -> None:
        """Take over a snapshot; raises DocumentRefused for any other document.

        Iterators that `play` returned before belong to the state that is thus given up.
        """
        self._state = VenueState.from_document(document)


def _items(matcher: Matcher) -> Iterator[Timed]:
    while (item := _advance(matcher)) is not None:
        yield item


def _advance(matcher: Matcher) -> Timed | None:
    # Exact arithmetic must not leak to the caller while the iterator is suspended.
    with exact():
        return matcher.advance()
