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
from hedgerow.domain.money import ZERO, ratio, to_quote
from hedgerow.domain.orders import Fill, Order, OrderPurpose, OrderSide
from hedgerow.usecases.ports import AuditedOrder


@dataclass(slots=True)
class DerivedPosition:
    """A position as its executions tell it; amounts in quote, `size` in base currency."""

    sign: int
    leverage: int
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
    sequence: Sequence[tuple[UUID, str]],
    instruments: Mapping[UUID, Instrument],
) -> dict[UUID, DerivedBooks]:
    """Books by strategy, from each order's side, leverage and executions and nothing else.

    `sequence` names the executions (order, venue trade) in the order in which they became known;
    those it does not name come last.
    """
    books: defaultdict[UUID, DerivedBooks] = defaultdict(DerivedBooks)
    place = {name: number for number, name in enumerate(sequence)}
    executed = [(fill, audited.order) for audited in orders for fill in audited.fills]
    executed.sort(key=lambda e: place.get((e[1].id, e[0].venue_trade_id), len(place)))
    for fill, order in executed:
        assert order.position_id is not None, "an executed order has a position"
        positions = books[order.strategy_id].positions
        if order.position_id not in positions:
            positions[order.position_id] = DerivedPosition(_sign(order), order.leverage)
        instrument = instruments[order.trading_pair_id]
        _apply(positions[order.position_id], order, fill, instrument)
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
    position.fees += fill.fee if fill.fee_currency == instrument.quote else ZERO
    _take_off(position, fill.quantity, worth)
    if ZERO < position.size < instrument.quantity_step:
        # Too small to be sold: given up.
        _take_off(position, position.size, ZERO)


def _received(order: Order, fill: Fill, instrument: Instrument) -> tuple[Decimal, Decimal]:
    """The base currency that came in, and the fee's worth in quote."""
    if fill.fee_currency == instrument.quote:
        return fill.quantity, fill.fee
    takes_base = order.market_type is MarketType.SPOT and order.side is OrderSide.BUY
    if fill.fee_currency == instrument.base and takes_base:
        return fill.quantity - fill.fee, to_quote(fill.fee * fill.price)
    return fill.quantity, ZERO


def _take_off(position: DerivedPosition, quantity: Decimal, worth: Decimal) -> None:
    is_all = quantity == position.size
    share = ratio(quantity, position.size)
    cost = position.cost if is_all else to_quote(position.cost * share)
    margin = position.margin if is_all else to_quote(position.margin * share)
    position.size -= quantity
    position.cost -= cost
    position.margin -= margin
    position.profit += (worth - cost) * position.sign
