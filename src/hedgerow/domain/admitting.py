"""Which of a venue's reports can be: what cannot is refused before anything changes."""

from __future__ import annotations

from typing import Final, assert_never

from hedgerow.domain.booking import costs_of
from hedgerow.domain.errors import FillRefused, InvalidValue, TransitionRefused
from hedgerow.domain.fund_state import FundState
from hedgerow.domain.market import MarketType
from hedgerow.domain.messages import (
    FundingSettled,
    OrderAcknowledged,
    OrderAmended,
    OrderEnded,
    OrderFilled,
    PositionLiquidated,
    VenueMessage,
)
from hedgerow.domain.money import ZERO, require_exact
from hedgerow.domain.orders import (
    TRANSITIONS,
    Fill,
    Order,
    OrderPurpose,
    OrderStatus,
)
from hedgerow.domain.positions import Position

_ENDS: Final = frozenset({OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


def admit_report(state: FundState, message: VenueMessage) -> None:
    """Raise a HedgerowError for a report that cannot be; changes nothing."""
    match message:
        case OrderAcknowledged():
            state.order(message.order_id)
        case OrderAmended():
            order = state.order(message.order_id)
            order.check_amendment(message.amount, message.stop_price)
        case OrderEnded():
            _check_end(state.order(message.order_id), message.status)
        case OrderFilled():
            _check_fill(state, message.fill)
        case FundingSettled():
            _check_funding(state.position(message.position_id), message)
        case PositionLiquidated():
            _check_futures(state.position(message.position_id))
            require_exact(price=message.price, fee=message.fee)
            if message.price <= ZERO:
                raise InvalidValue(field="price", value=message.price, allowed="above 0")
        case _:
            assert_never(message)


def _check_end(order: Order, status: OrderStatus) -> None:
    if status not in _ENDS:
        raise InvalidValue(field="status", value=status, allowed="canceled, rejected or expired")
    if status not in TRANSITIONS[order.status]:
        raise TransitionRefused(order.id, order.status, status)


def _check_fill(state: FundState, fill: Fill) -> None:
    order = state.order(fill.order_id)
    if fill.venue_trade_id in order.trade_ids:
        return
    if order.purpose is not OrderPurpose.ENTRY:
        position = state.positions.get(order.position_id) if order.position_id else None
        size = position.size if position else ZERO
        if fill.quantity > size:
            raise FillRefused(order.id, f"{fill.quantity} is more than the {size} open")
    order.check_fill(fill)
    if costs_of(state, order, fill).fee_base >= fill.quantity:
        raise FillRefused(order.id, f"a fee of {fill.fee} leaves nothing of {fill.quantity}")


def _check_futures(position: Position) -> None:
    if position.market_type is not MarketType.FUTURES:
        raise InvalidValue(field="market_type", value=position.market_type, allowed="futures")


def _check_funding(position: Position, message: FundingSettled) -> None:
    _check_futures(position)
    require_exact(amount=message.amount)
    if message.settled_at < position.opened_at:
        # Of an earlier position on the same pair.
        raise InvalidValue(
            field="settled_at",
            value=message.settled_at,
            allowed=f"{position.opened_at} or later, when the position was opened",
        )
