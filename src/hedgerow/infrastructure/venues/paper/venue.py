"""The paper venue: the ReplayVenue port on top of the matcher."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.market import Candle, Instrument
from hedgerow.domain.messages import OrderAcknowledged, OrderAmended, OrderEnded, VenueMessage
from hedgerow.domain.money import exact
from hedgerow.domain.orders import Order, OrderStatus
from hedgerow.infrastructure.venues.paper.admission import (
    is_acceptable_amount,
    is_acceptable_stop,
    refusal,
)
from hedgerow.infrastructure.venues.paper.matching import Matcher
from hedgerow.infrastructure.venues.paper.path import span_of
from hedgerow.infrastructure.venues.paper.rules import PaperVenueRules
from hedgerow.infrastructure.venues.paper.state import VenueState, exchange_order_id
from hedgerow.usecases.ports import Timed


class PaperVenue:
    """One account at a venue that matches orders against candles.

    It knows the account's net holding per symbol, from its own executions alone, and neither
    cash nor margin: those are the fund's. `instruments` are all it trades, one per symbol. Fees
    are charged in the quote currency. What happens depends on nothing but the calls made.
    """

    def __init__(
        self, instruments: Iterable[Instrument], rules: PaperVenueRules | None = None
    ) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}
        self._rules = rules or PaperVenueRules()
        self._state = VenueState.empty()

    async def submit(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Acknowledge or reject an order; executions are left to `play`.

        An order that is working, or has ended not long ago, is acknowledged again and that is all.
        """
        number = self._state.number_of(order.id)
        if number is None:
            with exact():
                reason = refusal(order, self._instruments.get(order.symbol), self._state)
            if reason is not None:
                return (OrderEnded(order.id, OrderStatus.REJECTED, reason),)
            number = self._state.accept(order).number
        return (OrderAcknowledged(order.id, exchange_order_id(number)),)

    async def cancel(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        """Take a working order back; an order that has already ended is answered by nothing."""
        working = self._state.orders.get(order.id)
        if working is None:
            return ()
        self._state.end(working)
        return (OrderEnded(order.id, OrderStatus.CANCELED, "canceled on request"),)

    async def amend(
        self, order: Order, amount: Decimal, stop_price: Decimal | None, at: datetime
    ) -> Sequence[VenueMessage]:
        """Change what can be changed of a working order, and answer with what it is now.

        An amount below what is filled becomes what is filled, and nothing is left to do. An
        amount or trigger off the grid, and a new trigger for a stop that has already triggered,
        are not taken over. An order that has ended is answered by nothing.
        """
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
        return _items(Matcher(self._instruments, self._rules, self._state, span))

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
