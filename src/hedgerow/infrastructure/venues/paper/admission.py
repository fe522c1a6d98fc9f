"""What the paper venue refuses, in words."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hedgerow.domain.market import Instrument
from hedgerow.domain.money import ZERO, floor_to_step
from hedgerow.domain.orders import Order
from hedgerow.infrastructure.venues.paper.state import VenueState, WorkingOrder, is_reducing


def refusal(order: Order, instrument: Instrument | None, state: VenueState) -> str | None:
    """Why a new order is not accepted, or None.

    A market order is measured by the last price; before there is one its value is not checked.
    """
    if instrument is None:
        return f"{order.symbol} is not traded here"
    market = state.markets.get(order.symbol)
    reference = order.price or order.stop_price or (market.price if market else None)
    reasons = (
        *_off_grid(order, instrument),
        *_too_small(order, instrument, reference),
        *_nothing_held(order, state),
    )
    return next(iter(reasons), None)


def is_acceptable_amount(amount: Decimal, instrument: Instrument) -> bool:
    """Whether a working order can be given this amount (base currency)."""
    return _is_on_grid(amount, instrument.quantity_step)


def is_acceptable_stop(order: WorkingOrder, stop_price: Decimal, instrument: Instrument) -> bool:
    """Whether a working order can be given this trigger (quote): not once it has triggered."""
    return not order.is_triggered and _is_on_grid(stop_price, instrument.price_tick)


def _off_grid(order: Order, instrument: Instrument) -> Iterator[str]:
    if order.market_type is not instrument.market_type:
        yield f"{order.symbol} is traded on {instrument.market_type} here"
    step, tick = instrument.quantity_step, instrument.price_tick
    if not _is_on_grid(order.amount, step):
        yield f"the amount {order.amount} is not a multiple of the step {step}"
    for name, price in (("price", order.price), ("stop price", order.stop_price)):
        if price is not None and not _is_on_grid(price, tick):
            yield f"the {name} {price} is not a positive multiple of the tick {tick}"


def _too_small(order: Order, instrument: Instrument, reference: Decimal | None) -> Iterator[str]:
    # Reducing a position is always allowed, as on the exchanges: a rest can be closed.
    if order.reduce_only or reference is None:
        return
    notional_quote = order.amount * reference
    if notional_quote < instrument.notional_quote_min:
        yield f"{notional_quote} is below the minimum value {instrument.notional_quote_min}"


def _nothing_held(order: Order, state: VenueState) -> Iterator[str]:
    if is_reducing(order) and not state.reducible(order.symbol, order.side):
        yield f"nothing of {order.symbol} is held that this order could reduce"


def _is_on_grid(value: Decimal, grid: Decimal) -> bool:
    return value > ZERO and floor_to_step(value, grid) == value
