"""What executions do to cash: margin and fees paid, what was put aside given back, dust."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hedgerow.domain.fund_state import FundState
from hedgerow.domain.ledger import Account, TransferReason
from hedgerow.domain.market import MarketType
from hedgerow.domain.money import ZERO, to_fee, to_quote
from hedgerow.domain.orders import Fill, Order, OrderSide
from hedgerow.domain.positions import Position
from hedgerow.domain.risk import anomaly


@dataclass(frozen=True, slots=True)
class Costs:
    """A fill's fee as the books see it: its worth in quote, how much of the bought base it took,
    or what it is in a third `currency`.
    """

    fee_quote: Decimal
    fee_base: Decimal
    fee_other: Decimal
    currency: str


def costs_of(state: FundState, order: Order, fill: Fill) -> Costs:
    """What the fee of an execution is to the books."""
    instrument = state.instruments[order.trading_pair_id]
    if fill.fee_currency == instrument.quote:
        return Costs(to_fee(fill.fee), ZERO, ZERO, fill.fee_currency)
    spot_buy = order.market_type is MarketType.SPOT and order.side is OrderSide.BUY
    if fill.fee_currency == instrument.base and spot_buy:
        return Costs(to_quote(fill.fee * fill.price), fill.fee, ZERO, fill.fee_currency)
    return Costs(ZERO, ZERO, fill.fee, fill.fee_currency)


def pay(
    state: FundState, order: Order, position: Position, margin: Decimal, costs: Costs, at: datetime
) -> None:
    """Pay margin and fee out of what was put aside, and what that lacks out of cash."""
    needed = margin + costs.fee_quote
    from_reserved = min(order.reserved_quote, needed)
    order.reserved_quote -= from_reserved
    strategy = state.strategies[order.strategy_id]
    amounts = {
        Account.POSITIONS: margin,
        Account.FEES: costs.fee_quote,
        Account.RESERVED: -from_reserved,
        Account.CASH: from_reserved - needed,
    }
    reference = state.reference(at, order.id, position.id)
    state.moved(strategy.move(TransferReason.ENTRY, reference, amounts))
    if strategy.cash_reserve < ZERO:
        # The venue has executed: the books follow it, and a person has to know.
        text = f"{position.symbol} cost {-strategy.cash_reserve:f} more than there was cash"
        state.alert(anomaly(order.id, position.id, text), at)
    _charge_elsewhere(state, order, position, costs, at)


def charge(state: FundState, order: Order, position: Position, costs: Costs, at: datetime) -> None:
    """Pay the fee of an execution that leaves a position."""
    if costs.fee_quote:
        strategy = state.strategies[order.strategy_id]
        amounts = {Account.CASH: -costs.fee_quote, Account.FEES: costs.fee_quote}
        reference = state.reference(at, order.id, position.id)
        state.moved(strategy.move(TransferReason.FEE, reference, amounts))
    _charge_elsewhere(state, order, position, costs, at)


def _charge_elsewhere(
    state: FundState, order: Order, position: Position, costs: Costs, at: datetime
) -> None:
    # A fee in a third currency (a venue's own token) is paid from what the owner holds of it:
    # it is booked in that currency and leaves the strategy's cash alone.
    if costs.fee_other:
        strategy = state.strategies[order.strategy_id]
        amounts = {Account.CAPITAL: -costs.fee_other, Account.FEES: costs.fee_other}
        reference = state.reference(at, order.id, position.id)
        state.moved(strategy.move(TransferReason.FEE, reference, amounts, costs.currency))


def write_off_dust(state: FundState, order: Order, position: Position, at: datetime) -> None:
    """Book less than one quantity step, which can never be sold, as a loss."""
    if not ZERO < position.size < state.instruments[position.trading_pair_id].quantity_step:
        return
    cost = position.write_off(at)
    strategy = state.strategies[position.strategy_id]
    reference = state.reference(at, order.id, position.id)
    state.moved(strategy.return_cash(ZERO, cost, reference))


def release(state: FundState, order: Order, at: datetime) -> None:
    """Give back to cash what an order had put aside and did not need."""
    if order.reserved_quote:
        amount, order.reserved_quote = order.reserved_quote, ZERO
        strategy = state.strategies[order.strategy_id]
        state.moved(strategy.release_cash(amount, state.reference(at, order.id)))
