"""What the venue reports: acknowledgements, executions, ends, amendments, funding, liquidation."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hedgerow.domain.booking import charge, costs_of, pay, release, write_off_dust
from hedgerow.domain.fund_state import FundState
from hedgerow.domain.guarding import record_outcome
from hedgerow.domain.ledger import Account, Reference, TransferReason
from hedgerow.domain.messages import (
    FillBooked,
    FundingSettled,
    LearnFromTrade,
    OrderAcknowledged,
    OrderAmended,
    OrderChanged,
    OrderEnded,
    OrderFilled,
    OrderStatusChanged,
    PositionEnded,
    PositionLiquidated,
    PositionOpened,
    PositionResized,
)
from hedgerow.domain.money import digits, to_quote
from hedgerow.domain.orders import (
    Fill,
    Order,
    OrderPurpose,
    OrderSide,
    OrderStatus,
    OrderType,
)
from hedgerow.domain.positions import Position, PositionSide, PositionStatus
from hedgerow.domain.protecting import (
    exit_at_market,
    protect,
    resize,
    sellable,
    withdraw,
    write_down,
)
from hedgerow.domain.risk import anomaly

# A target may leave the rest of a position to the stop; these two mean all of it.
_MUST_CLOSE: Final = {OrderPurpose.STOP_LOSS: "stop", OrderPurpose.EXIT: "exit"}
_ENDED_BY: Final = {
    OrderPurpose.ENTRY: "entered at {price} with less than can be sold",
    OrderPurpose.STOP_LOSS: "stop-loss filled at {price}",
    OrderPurpose.TAKE_PROFIT: "take-profit filled at {price}",
    OrderPurpose.EXIT: "closed at market at {price}: {reasoning}",
}

_LIQUIDATED: Final = "liquidated by the venue at {price}"


def on_acknowledged(state: FundState, message: OrderAcknowledged, at: datetime) -> None:
    """The venue has the order. Said twice, or after the first fill, it changes nothing more."""
    order = state.order(message.order_id)
    order.exchange_order_id = message.exchange_order_id
    state.touch(order)
    if order.status is OrderStatus.PENDING:
        state.change_status(order, OrderStatus.OPEN, at)


def on_amended(state: FundState, message: OrderAmended, at: datetime) -> None:
    """The venue took over a new amount or trigger."""
    order = state.order(message.order_id)
    before = order.status
    order.amend(at, message.amount, message.stop_price)
    state.touch(order)
    state.record(OrderChanged(order.id, order.amount, order.stop_price))
    if order.status is not before:
        state.record(OrderStatusChanged(order.id, before, order.status, "amended to its fills"))
        _settle_entry(state, order, at)
    position = state.positions.get(order.position_id) if order.position_id else None
    if position is None:
        return
    if order.purpose is OrderPurpose.STOP_LOSS:
        position.stop_loss_price = order.stop_price
        state.touch(position)
    if not order.is_working and order.purpose in _MUST_CLOSE:
        text = f"The {_MUST_CLOSE[order.purpose]} of {position.symbol} was amended away: leaving"
        state.alert(anomaly(order.id, position.id, text), at)
        exit_at_market(state, position, text, order.agent_id, at)


def on_ended(state: FundState, message: OrderEnded, at: datetime) -> None:
    """The venue ended an order; what was put aside comes back, and no position stays naked."""
    order = state.order(message.order_id)
    state.change_status(order, message.status, at, message.reason)
    _settle_entry(state, order, at)
    position = state.positions.get(order.position_id) if order.position_id else None
    if position is None:
        return
    ended = f"{position.symbol} was {message.status} ({message.reason})"
    if order.purpose is OrderPurpose.STOP_LOSS:
        text = f"The stop of {ended}: leaving"
        state.alert(anomaly(order.id, position.id, text), at)
        exit_at_market(state, position, text, order.agent_id, at)
    elif order.purpose is OrderPurpose.EXIT:
        # Asking again at once could go on for ever: a person has to look.
        state.alert(anomaly(order.id, position.id, f"The exit of {ended}: still open"), at)


def on_filled(state: FundState, message: OrderFilled, at: datetime) -> None:
    """Count an execution once; raises FillRefused for one that cannot have been."""
    fill = message.fill
    order = state.order(fill.order_id)
    if fill.venue_trade_id in order.trade_ids:
        return
    if order.purpose is OrderPurpose.ENTRY:
        _enter(state, order, fill, at)
    else:
        _leave(state, order, fill, at)


def on_funding(state: FundState, message: FundingSettled, at: datetime) -> None:
    """Funding goes from cash to the funding account, or back; each settlement is counted once."""
    position = state.position(message.position_id)
    if message.settled_at in position.funded_at:
        return
    amount = to_quote(message.amount)
    position.funded_at.add(message.settled_at)
    position.funding += amount
    state.touch(position)
    strategy = state.strategies[position.strategy_id]
    # By the venue's time of it, which the settlement is known by when the fund is loaded again.
    reference = Reference(state.ids.next(at), message.settled_at, position_id=position.id)
    amounts = {Account.CASH: -amount, Account.FUNDING: amount}
    state.moved(strategy.move(TransferReason.FUNDING, reference, amounts))


def on_liquidated(state: FundState, message: PositionLiquidated, at: datetime) -> None:
    """The venue closed a position by force: written down as an order and a fill of its own."""
    position = state.position(message.position_id)
    order = _liquidation_order(state, position, at)
    write_down(state, order)
    fill = Fill(
        order_id=order.id,
        venue_trade_id=message.venue_trade_id,
        price=message.price,
        quantity=position.size,
        fee=message.fee,
        fee_currency=state.strategies[position.strategy_id].quote_currency,
        is_maker=False,
        filled_at=at,
    )
    text = f"{position.symbol} {position.side} was liquidated at {message.price}"
    state.alert(anomaly(order.id, position.id, text), at)
    _leave(state, order, fill, at, PositionStatus.LIQUIDATED)


def _enter(state: FundState, order: Order, fill: Fill, at: datetime) -> None:
    costs = costs_of(state, order, fill)
    _count(state, order, fill)
    position = state.positions.get(order.position_id) if order.position_id else None
    is_new = position is None
    if position is None:
        position = _open(state, order, fill, at)
    cost = fill.quote - to_quote(costs.fee_base * fill.price)
    margin = position.increase(fill, fill.quantity - costs.fee_base, cost)
    position.fees += costs.fee_quote
    state.touch(position)
    pay(state, order, position, margin, costs, at)
    state.record(
        PositionResized(position.id, position.size, position.entry_price, position.realized_pnl)
    )
    if is_new:
        assert order.bracket is not None
        protect(state, position, order.bracket, at)
    else:
        resize(state, position, at)
    if order.status is OrderStatus.FILLED:
        _settle_entry(state, order, at)


def _leave(
    state: FundState,
    order: Order,
    fill: Fill,
    at: datetime,
    ends_as: PositionStatus = PositionStatus.CLOSED,
) -> None:
    assert order.position_id is not None
    position = state.position(order.position_id)
    costs = costs_of(state, order, fill)
    _count(state, order, fill)
    reduction = position.reduce(fill)
    position.fees += costs.fee_quote
    strategy = state.strategies[position.strategy_id]
    reference = state.reference(at, order.id, position.id)
    value = reduction.cost + reduction.profit
    state.moved(strategy.return_cash(value, reduction.cost, reference))
    charge(state, order, position, costs, at)
    write_off_dust(state, order, position, at)
    state.touch(position)
    state.record(
        PositionResized(position.id, position.size, position.entry_price, position.realized_pnl)
    )
    if position.size:
        resize(state, position, at)
        _leave_with_the_rest(state, order, position, at)
    else:
        _end(state, order, position, at, ends_as)


def _leave_with_the_rest(state: FundState, order: Order, position: Position, at: datetime) -> None:
    # An order filled before it could be amended to what had been added meanwhile.
    if order.is_working or order.purpose not in _MUST_CLOSE:
        return
    reasoning = order.reasoning
    if order.purpose is OrderPurpose.STOP_LOSS:
        reasoning = f"stop-loss filled at {_filled_at(order)}: leaving with the rest"
    exit_at_market(state, position, reasoning, order.agent_id, at)


def _count(state: FundState, order: Order, fill: Fill) -> None:
    before = order.status
    order.apply(fill)
    if before is OrderStatus.PENDING:
        state.record(OrderStatusChanged(order.id, before, OrderStatus.OPEN, "filled unannounced"))
        before = OrderStatus.OPEN
    if order.status is not before:
        state.record(OrderStatusChanged(order.id, before, order.status, None))
    state.touch(order)
    state.changes.fills.append(fill)
    state.record(FillBooked(fill))


def _open(state: FundState, order: Order, fill: Fill, at: datetime) -> Position:
    instrument = state.instruments[order.trading_pair_id]
    position = Position(
        id=state.ids.next(at),
        user_id=order.user_id,
        strategy_id=order.strategy_id,
        trading_pair_id=order.trading_pair_id,
        exchange_account_id=order.exchange_account_id,
        entry_order_id=order.id,
        symbol=order.symbol,
        market_type=order.market_type,
        side=_side_of_entry(order),
        opened_at=fill.filled_at,
        updated_at=fill.filled_at,
        current_price=fill.price,
        leverage=order.leverage,
        maintenance_margin_ratio=instrument.maintenance_margin_ratio,
        open_reasoning=order.reasoning,
    )
    order.position_id = position.id
    state.positions[position.id] = position
    state.breaker.count_opening()
    # By the fund's own time: a report that comes late must not reopen a month that is over.
    state.monthly_trades.add(at)
    state.record(
        PositionOpened(position.id, order.id, position.symbol, position.side, position.leverage)
    )
    return position


def _end(
    state: FundState, order: Order, position: Position, at: datetime, status: PositionStatus
) -> None:
    wording = _ENDED_BY[order.purpose] if status is PositionStatus.CLOSED else _LIQUIDATED
    reasoning = wording.format(price=_filled_at(order), reasoning=order.reasoning)
    position.close(at, status, reasoning)
    del state.positions[position.id]
    state.record(PositionEnded(position.id, status, position.net_pnl, reasoning))
    withdraw(state, position)
    if position.exit_price is not None:
        state.want(LearnFromTrade(position.id))
    record_outcome(state, position, at)


def _filled_at(order: Order) -> str:
    assert order.avg_fill_price is not None
    return digits(order.avg_fill_price)


def _settle_entry(state: FundState, order: Order, at: datetime) -> None:
    """After an order's end: give back what it kept, and give up a position it left unsellable."""
    release(state, order, at)
    position = state.positions.get(order.position_id) if order.position_id else None
    if order.purpose is not OrderPurpose.ENTRY or position is None or sellable(state, position):
        return
    write_off_dust(state, order, position, at)
    state.touch(position)
    _end(state, order, position, at, PositionStatus.CLOSED)


def _side_of_entry(order: Order) -> PositionSide:
    return PositionSide.LONG if order.side is OrderSide.BUY else PositionSide.SHORT


def _liquidation_order(state: FundState, position: Position, at: datetime) -> Order:
    return Order(
        id=state.ids.next(at),
        user_id=position.user_id,
        strategy_id=position.strategy_id,
        trading_pair_id=position.trading_pair_id,
        exchange_account_id=position.exchange_account_id,
        symbol=position.symbol,
        market_type=position.market_type,
        side=position.side.exit_side,
        type=OrderType.MARKET,
        purpose=OrderPurpose.EXIT,
        amount=position.size,
        reduce_only=True,
        leverage=position.leverage,
        agent_id="venue",
        reasoning="liquidation by the venue",
        parent_order_id=position.entry_order_id,
        position_id=position.id,
        created_at=at,
        updated_at=at,
    )
