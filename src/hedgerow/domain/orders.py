"""Orders: the specified lifecycle as a table, partial fills, averages, fees in their currency.

pending -> open -> partial -> filled, and from each of the first three to an end without a fill.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from hedgerow.domain.errors import FillRefused, InvalidValue, TransitionRefused
from hedgerow.domain.ids import client_order_id
from hedgerow.domain.market import MarketType
from hedgerow.domain.money import ZERO, average_price, require_exact, to_quote


class OrderSide(StrEnum):
    """The direction of an order."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> OrderSide:
        """The side that undoes this one."""
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderType(StrEnum):
    """How an order finds its price."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_MARKET = "stop_market"
    STOP_LIMIT = "stop_limit"


class OrderStatus(StrEnum):
    """Where an order stands."""

    PENDING = "pending"
    OPEN = "open"
    PARTIAL = "partial"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"


class OrderPurpose(StrEnum):
    """What an order does for its position."""

    ENTRY = "entry"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"
    EXIT = "exit"


TRANSITIONS: Final[dict[OrderStatus, frozenset[OrderStatus]]] = {
    # Never filled straight from pending: a fill that outruns its acknowledgement opens it first.
    # Canceled from pending: nothing was sent, or the venue never heard of it.
    OrderStatus.PENDING: frozenset(
        {OrderStatus.OPEN, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
    ),
    # Rejected from open: venues that acknowledge first refuse afterwards (Bybit).
    OrderStatus.OPEN: frozenset(
        {
            OrderStatus.PARTIAL,
            OrderStatus.FILLED,
            OrderStatus.CANCELED,
            OrderStatus.REJECTED,
            OrderStatus.EXPIRED,
        }
    ),
    # Filled from partial also when an amendment shrinks the order to what is already done.
    OrderStatus.PARTIAL: frozenset(
        {
            OrderStatus.FILLED,
            OrderStatus.CANCELED,
            OrderStatus.REJECTED,
            OrderStatus.EXPIRED,
        }
    ),
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.EXPIRED: frozenset(),
}

_WORKING: Final = tuple(status for status, following in TRANSITIONS.items() if following)
_LIMIT_TYPES: Final = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT})
_STOP_TYPES: Final = frozenset({OrderType.STOP_MARKET, OrderType.STOP_LIMIT})


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `price` in quote, `quantity` in base, `fee` in `fee_currency`.

    `venue_trade_id` is unique per account and symbol and tells a repeated report from a new fill.
    """

    order_id: UUID
    venue_trade_id: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_currency: str
    is_maker: bool
    filled_at: datetime

    def __post_init__(self) -> None:
        require_exact(price=self.price, quantity=self.quantity, fee=self.fee)
        if self.price <= ZERO or self.quantity <= ZERO:
            raise FillRefused(self.order_id, "price and quantity must be above zero")

    @property
    def quote(self) -> Decimal:
        """Price times quantity, to 1e-8."""
        return to_quote(self.price * self.quantity)


@dataclass(frozen=True, slots=True)
class Bracket:
    """The protection an entry asks for: prices in quote, the trailing distance in per cent.

    `entry_price` is the price the proposal was made at.
    """

    entry_price: Decimal
    stop_loss_price: Decimal
    take_profit_price: Decimal
    trailing_stop_pct: Decimal | None

    def __post_init__(self) -> None:
        require_exact(
            entry_price=self.entry_price,
            stop_loss_price=self.stop_loss_price,
            take_profit_price=self.take_profit_price,
            trailing_stop_pct=self.trailing_stop_pct,
        )


@dataclass(slots=True)
class Order:
    """An instruction to a venue. `amount` in base currency, prices in quote.

    `filled_quote` is the exact cost of what is filled; `reserved_quote` the cash still put aside
    for the rest; `trade_ids` the executions already counted. An entry carries the `bracket` it
    is to be protected by; the children made of it name the entry as `parent_order_id`.
    """

    id: UUID
    user_id: UUID
    strategy_id: UUID
    trading_pair_id: UUID
    exchange_account_id: UUID
    symbol: str
    market_type: MarketType
    side: OrderSide
    type: OrderType
    purpose: OrderPurpose
    amount: Decimal
    created_at: datetime
    updated_at: datetime
    price: Decimal | None = None
    stop_price: Decimal | None = None
    reduce_only: bool = False
    leverage: int = 1
    agent_id: str = ""
    reasoning: str = ""
    parent_order_id: UUID | None = None
    position_id: UUID | None = None
    bracket: Bracket | None = None
    status: OrderStatus = OrderStatus.PENDING
    exchange_order_id: str | None = None
    filled_amount: Decimal = ZERO
    filled_quote: Decimal = ZERO
    avg_fill_price: Decimal | None = None
    reserved_quote: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    filled_at: datetime | None = None
    status_reason: str | None = None
    trade_ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        require_exact(amount=self.amount, price=self.price, stop_price=self.stop_price)
        if self.amount <= ZERO:
            raise InvalidValue(field="amount", value=self.amount, allowed="above 0")
        if (self.type in _LIMIT_TYPES) != (self.price is not None):
            raise InvalidValue(field="price", value=self.price, allowed="set for limit orders only")
        if (self.type in _STOP_TYPES) != (self.stop_price is not None):
            raise InvalidValue(
                field="stop_price", value=self.stop_price, allowed="set for stop orders only"
            )
        for name, price in (("price", self.price), ("stop_price", self.stop_price)):
            if price is not None and price <= ZERO:
                raise InvalidValue(field=name, value=price, allowed="above 0")

    @property
    def client_order_id(self) -> str:
        """The id the venue is given; known before anything is sent."""
        return client_order_id(self.id)

    @property
    def remaining(self) -> Decimal:
        """What is left to fill, in base currency."""
        return self.amount - self.filled_amount

    @property
    def is_working(self) -> bool:
        """Whether a fill may still come."""
        return self.status in _WORKING

    @property
    def fee_currency(self) -> str | None:
        """The currency of the first fee paid; further ones stand in `fees`."""
        return next(iter(self.fees), None)

    @property
    def fee(self) -> Decimal:
        """The fee paid in `fee_currency`."""
        return next(iter(self.fees.values()), ZERO)

    def change_status(self, wanted: OrderStatus, at: datetime, reason: str | None = None) -> None:
        """Follow one row of TRANSITIONS; raises TransitionRefused for any other change."""
        if wanted not in TRANSITIONS[self.status]:
            raise TransitionRefused(self.id, self.status, wanted)
        self.status = wanted
        self.status_reason = reason
        self.updated_at = at

    def check_fill(self, fill: Fill) -> None:
        """Raise FillRefused or TransitionRefused where the order cannot have had an execution."""
        if fill.quantity > self.remaining:
            raise FillRefused(self.id, f"{fill.quantity} is more than the {self.remaining} left")
        if not self.is_working:
            raise TransitionRefused(self.id, self.status, OrderStatus.PARTIAL)

    def apply(self, fill: Fill) -> None:
        """Count an execution; raises what `check_fill` raises.

        The caller has already dropped executions whose id is in `trade_ids`.
        """
        self.check_fill(fill)
        if self.status is OrderStatus.PENDING:
            self.change_status(OrderStatus.OPEN, fill.filled_at)
        is_last = fill.quantity == self.remaining
        if is_last:
            self.change_status(OrderStatus.FILLED, fill.filled_at)
            self.filled_at = fill.filled_at
        elif self.status is not OrderStatus.PARTIAL:
            self.change_status(OrderStatus.PARTIAL, fill.filled_at)
        self.updated_at = fill.filled_at
        self.filled_amount += fill.quantity
        self.filled_quote += fill.quote
        self.avg_fill_price = average_price(self.filled_quote, self.filled_amount)
        self.fees[fill.fee_currency] = self.fees.get(fill.fee_currency, ZERO) + fill.fee
        self.trade_ids.add(fill.venue_trade_id)

    def check_amendment(self, amount: Decimal, stop_price: Decimal | None) -> None:
        """Raise TransitionRefused for an order that has ended, InvalidValue for what cannot be."""
        if not self.is_working:
            raise TransitionRefused(self.id, self.status, "amended")
        require_exact(amount=amount, stop_price=stop_price)
        if amount <= ZERO:
            raise InvalidValue(field="amount", value=amount, allowed="above 0")
        if amount < self.filled_amount:
            raise InvalidValue(
                field="amount", value=amount, allowed=f"at least the filled {self.filled_amount}"
            )
        if (self.type in _STOP_TYPES) != (stop_price is not None):
            raise InvalidValue(
                field="stop_price", value=stop_price, allowed="set for stop orders only"
            )
        if stop_price is not None and stop_price <= ZERO:
            raise InvalidValue(field="stop_price", value=stop_price, allowed="above 0")

    def amend(self, at: datetime, amount: Decimal, stop_price: Decimal | None) -> None:
        """Take over what the venue has confirmed: a new amount and, for stops, a new trigger.

        Raises what `check_amendment` raises.
        """
        self.check_amendment(amount, stop_price)
        self.amount = amount
        self.stop_price = stop_price
        self.updated_at = at
        if self.filled_amount == amount:
            self.change_status(OrderStatus.FILLED, at)
            self.filled_at = at
