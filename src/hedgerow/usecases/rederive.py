"""What a strategy must hold and have earned, worked out from its executions alone.

Written apart from the domain's own bookkeeping on purpose: two ways that agree are a proof, one
way that is used twice is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from hedgerow.domain.market import Instrument, MarketType
from hedgerow.domain.money import CONTEXT, ZERO, to_fee, to_quote
from hedgerow.domain.orders import Fill, Order, OrderPurpose, OrderSide
from hedgerow.usecases.ports.records import AuditedOrder


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution in the log, and the position that it opened, if any."""

    order_id: UUID
    venue_trade_id: str
    opened: UUID | None = None


@dataclass(slots=True)
class DerivedPosition:
    """A position as its executions tell it; amounts in quote, `size` in base currency."""

    sign: int
    leverage: int
    entry: Order
    size: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    profit: Decimal = ZERO
    fees: Decimal = ZERO


@dataclass(slots=True)
class DerivedBooks:
    """All positions of a strategy, by id."""

    positions: dict[UUID, DerivedPosition] = field(default_factory=dict)

    @property
    def profit(self) -> Decimal:
        """Realised profit after fees, before funding."""
        return sum((p.profit - p.fees for p in self.positions.values()), ZERO)

    @property
    def margin(self) -> Decimal:
        """Cash tied up in open positions."""
        return sum((p.margin for p in self.positions.values()), ZERO)


def derive_books(
    orders: Sequence[AuditedOrder],
    log: Sequence[Execution],
    instruments: Mapping[UUID, Instrument],
) -> dict[UUID, DerivedBooks]:
    """Books by strategy, from each order's side, leverage and executions and nothing else.

    `log` names the executions in the order in which they became known; those it does not name
    come last. An entry whose position has ended may open another with what it still fills.
    """
    books: defaultdict[UUID, DerivedBooks] = defaultdict(DerivedBooks)
    place = {(each.order_id, each.venue_trade_id): number for number, each in enumerate(log)}
    opened = {(each.order_id, each.venue_trade_id): each.opened for each in log}
    executed = [(fill, audited.order) for audited in orders for fill in audited.fills]
    executed.sort(key=lambda e: place.get((e[1].id, e[0].venue_trade_id), len(place)))
    fills_into: dict[UUID, UUID | None] = {}
    for fill, order in executed:
        name = (order.id, fill.venue_trade_id)
        into = opened.get(name) or fills_into.get(order.id) or order.position_id
        fills_into[order.id] = into
        if into is None:
            continue
        positions = books[order.strategy_id].positions
        if into not in positions:
            positions[into] = DerivedPosition(_sign(order), order.leverage, order)
        _apply(positions[into], order, fill, instruments[order.trading_pair_id])
    for derived in books.values():
        for position in derived.positions.values():
            if not position.entry.is_working:
                _give_up_dust(position, instruments[position.entry.trading_pair_id])
    return books


def _sign(order: Order) -> int:
    return 1 if order.side is OrderSide.BUY else -1


def _apply(position: DerivedPosition, order: Order, fill: Fill, instrument: Instrument) -> None:
    worth = to_quote(fill.price * fill.quantity)
    if order.purpose is OrderPurpose.ENTRY:
        kept, fee = _received(order, fill, instrument)
        cost = worth - (fee if kept != fill.quantity else ZERO)
        position.size += kept
        position.cost += cost
        position.margin += to_quote(cost / position.leverage)
        position.fees += fee
        return
    position.fees += to_fee(fill.fee) if fill.fee_currency == instrument.quote else ZERO
    _take_off(position, fill.quantity, worth)
    _give_up_dust(position, instrument)


def _give_up_dust(position: DerivedPosition, instrument: Instrument) -> None:
    # Too small to be sold.
    if ZERO < position.size < instrument.quantity_step:
        _take_off(position, position.size, ZERO)


def _received(order: Order, fill: Fill, instrument: Instrument) -> tuple[Decimal, Decimal]:
    """The base currency that came in, and the fee's worth in quote."""
    if fill.fee_currency == instrument.quote:
        return fill.quantity, to_fee(fill.fee)
    takes_base = order.market_type is MarketType.SPOT and order.side is OrderSide.BUY
    if fill.fee_currency == instrument.base and takes_base:
        return fill.quantity - fill.fee, to_quote(fill.fee * fill.price)
    return fill.quantity, ZERO


def _take_off(position: DerivedPosition, quantity: Decimal, worth: Decimal) -> None:
    if position.size:
        cost = to_quote(CONTEXT.divide(position.cost * quantity, position.size))
        margin = to_quote(CONTEXT.divide(position.margin * quantity, position.size))
    else:
        # More was closed than was ever open: the difference is to be seen, not to stop the work.
        cost = margin = ZERO
    position.size -= quantity
    position.cost -= cost
    position.margin -= margin
    position.profit += (worth - cost) * position.sign
