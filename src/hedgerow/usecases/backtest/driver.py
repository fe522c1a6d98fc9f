"""Drive a fund in a backtest: messages in, wishes carried out at once, idle marks kept back."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from hedgerow.domain.fund import Fund
from hedgerow.domain.messages import (
    AmendOrder,
    CancelOrder,
    LearnFromTrade,
    Message,
    Notify,
    PlaceOrder,
    PriceMoved,
    Step,
    VenueMessage,
    Wish,
)
from hedgerow.domain.orders import OrderStatus
from hedgerow.domain.protecting import trigger_to_ask
from hedgerow.domain.quiet import LoneTrade, QuietSpan, lone_trade
from hedgerow.usecases.backtest.desk import BacktestVenue


class BacktestDriver:
    """The single writer of a fund whose stores are in memory.

    A price that changes nothing but the mark is kept back, and delivered before whatever comes
    next: the fund then stands as if it had been told every price.
    """

    def __init__(self, fund: Fund, venue: BacktestVenue) -> None:
        self.fund = fund
        self.ended_trades: list[tuple[LearnFromTrade, datetime]] = []
        """Trades that have ended and are still to be learned from, and when."""
        self.steps = 0
        self.changes = 0
        """Counts the messages that were more than a mark: only they can change an order."""
        self._venue = venue
        self._wishes: deque[tuple[Wish, datetime]] = deque()
        self._kept_back: tuple[str, Decimal, datetime] | None = None
        self._trade: tuple[str, int, LoneTrade | None] = ("", -1, None)
        self._quiet: tuple[int, QuietSpan | None] = (-1, None)

    @property
    def _reset_at(self) -> datetime:
        return self.fund.breaker.reset_at

    @property
    def equity_kept_back(self) -> Decimal | None:
        """What the fund is worth at the price that is kept back for it, if one is."""
        if self._kept_back is None:
            return None
        symbol, price, _ = self._kept_back
        trade = self.trade(symbol)
        assert trade is not None, "only a quiet price is kept back"
        return trade.equity_at(price)

    def deliver(self, message: Message, at: datetime) -> Step:
        """Let the fund take a message; call `settle` before the world moves on."""
        self.catch_up()
        return self._step(message, at)

    def price(self, symbol: str, price: Decimal, at: datetime) -> bool:
        """Let the fund know a price if that matters; returns whether it was delivered."""
        if at < self._reset_at:
            if not self.fund.positions:
                return False
            if self._is_quiet(symbol, price):
                self._kept_back = (symbol, price, at)
                return False
        if self._kept_back is not None and self._kept_back[0] == symbol and at < self._reset_at:
            # The same position has another price now: the one kept back is overwritten.
            self._kept_back = None
        self.catch_up()
        self._step(PriceMoved(symbol, price), at)
        return True

    def trade(self, symbol: str) -> LoneTrade | None:
        """The fund's only position, if it is in this symbol."""
        known, changes, trade = self._trade
        if changes != self.changes or known != symbol:
            trade = lone_trade(self.fund, symbol)
            self._trade = symbol, self.changes, trade
        return trade

    def quiet(self, symbol: str) -> QuietSpan | None:
        """The prices of a symbol that change nothing but its mark, around the present one."""
        trade = self.trade(symbol)
        if trade is None:
            return None
        if self._quiet[0] != self.steps:
            # What was kept back lies in the span that was in force, and leaves it as it is.
            self._quiet = self.steps, trade.quiet_span()
        return self._quiet[1]

    def _is_quiet(self, symbol: str, price: Decimal) -> bool:
        trade = self.trade(symbol)
        if trade is None:
            return False
        steps, span = self._quiet
        if steps != self.steps:
            # To work out a span for one price alone would cost more than to look at that price.
            return trade.is_quiet(price)
        return span is not None and span.low <= price <= span.high

    def catch_up(self) -> None:
        """Deliver the price that was kept back, if any."""
        if self._kept_back is not None:
            (symbol, price, at), self._kept_back = self._kept_back, None
            self._step(PriceMoved(symbol, price), at)

    def settle(self) -> None:
        """Carry out the wishes, and what follows from them, until nothing is left."""
        while self._wishes:
            wish, at = self._wishes.popleft()
            match wish:
                case LearnFromTrade():
                    self.ended_trades.append((wish, at))
                case PlaceOrder() | CancelOrder() | AmendOrder():
                    for message in self._ask_venue(wish, at):
                        self.deliver(message, at)
                case Notify():
                    # Nobody waits for it: the risk event stands in the result.
                    pass
                case _:
                    assert_never(wish)

    def _step(self, message: Message, at: datetime) -> Step:
        step = self.fund.step(message, at)
        self.steps += 1
        if step.facts or step.wishes:
            self.changes += 1
        for wish in step.wishes:
            self._wishes.append((wish, at))
        return step

    def _ask_venue(
        self, wish: PlaceOrder | CancelOrder | AmendOrder, at: datetime
    ) -> Sequence[VenueMessage]:
        order = self.fund.orders.get(wish.order_id)
        if order is None or not order.is_working:
            # It ended while the wish waited: there is nothing left to send, cancel or amend.
            return ()
        match wish:
            case PlaceOrder():
                is_new = order.status is OrderStatus.PENDING
                return self._venue.place(order, at) if is_new else ()
            case CancelOrder():
                return self._venue.take_back(order, at)
            case AmendOrder():
                return self._venue.change(order, wish.amount, trigger_to_ask(order, wish), at)
