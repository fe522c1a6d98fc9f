"""Keeping open positions protected: stops and targets, trailing, resizing, leaving at market."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from hedgerow.domain.fund_state import FundState
from hedgerow.domain.market import MarketType
from hedgerow.domain.messages import AmendOrder, CancelOrder, OrderCreated, PlaceOrder
from hedgerow.domain.money import ceil_to_tick, floor_to_step, floor_to_tick
from hedgerow.domain.orders import Bracket, Order, OrderPurpose, OrderSide, OrderType
from hedgerow.domain.positions import Position, PositionSide


def create(state: FundState, order: Order) -> None:
    """Write down a pending order and ask for it to be sent."""
    write_down(state, order)
    state.want(PlaceOrder(order.id))


def write_down(state: FundState, order: Order) -> None:
    """Take an order into the books, pending."""
    state.orders[order.id] = order
    state.touch(order)
    state.record(
        OrderCreated(
            order_id=order.id,
            client_order_id=order.client_order_id,
            symbol=order.symbol,
            side=order.side,
            type=order.type,
            purpose=order.purpose,
            amount=order.amount,
            price=order.price,
            stop_price=order.stop_price,
            parent_order_id=order.parent_order_id,
            position_id=order.position_id,
            agent_id=order.agent_id,
            reasoning=order.reasoning,
        )
    )


def protect(state: FundState, position: Position, bracket: Bracket, at: datetime) -> None:
    """Give a position its stop and target, for the quantity that is really filled."""
    position.stop_loss_price = bracket.stop_loss_price
    position.take_profit_price = bracket.take_profit_price
    position.trailing_stop_pct = bracket.trailing_stop_pct
    state.touch(position)
    _place_stop_and_target(state, position, at)


def _place_stop_and_target(state: FundState, position: Position, at: datetime) -> None:
    # A fee in base currency may leave less than one step: the entry's next fill brings more.
    if not sellable(state, position):
        return
    stop = _closing_order(state, position, OrderPurpose.STOP_LOSS, OrderType.STOP_MARKET, at)
    target = _closing_order(state, position, OrderPurpose.TAKE_PROFIT, OrderType.LIMIT, at)
    position.stop_loss_order_id = stop.id
    position.take_profit_order_id = target.id
    state.touch(position)
    create(state, stop)
    create(state, target)


def resize(state: FundState, position: Position, at: datetime) -> None:
    """Bring the working protective orders to the size that is open now."""
    if position.stop_loss_order_id is None:
        _place_stop_and_target(state, position, at)
        return
    left = sellable(state, position)
    for order in state.orders_of(position.id):
        if order.purpose is OrderPurpose.ENTRY or order.remaining == left:
            continue
        state.want(AmendOrder(order.id, order.filled_amount + left, order.stop_price))


def guard_again(state: FundState, position: Position, at: datetime) -> None:
    """Give a position that has lost its stop, and could not be left, a stop again.

    Asked once an interval, so that a venue that refuses both is not asked for ever.
    """
    working = {order.purpose for order in state.orders_of(position.id)}
    if working & {OrderPurpose.STOP_LOSS, OrderPurpose.EXIT} or not sellable(state, position):
        return
    stop = _closing_order(state, position, OrderPurpose.STOP_LOSS, OrderType.STOP_MARKET, at)
    position.stop_loss_order_id = stop.id
    state.touch(position)
    create(state, stop)


def trail(state: FundState, position: Position) -> None:
    """Ask for the stop to follow the price, where the trailing distance says so."""
    price = trailing_to(state, position, position.current_price)
    if price is None:
        return
    assert position.stop_loss_order_id is not None
    stop = state.orders[position.stop_loss_order_id]
    # The size of now, not of the order: an amendment to it may still be under way.
    amount = stop.filled_amount + sellable(state, position)
    state.want(AmendOrder(stop.id, amount, price))


def trailing_to(state: FundState, position: Position, price: Decimal) -> Decimal | None:
    """Where the stop would trail to at `price`, on the venue's grid; None where it would stay."""
    candidate = position.trailed_stop(price)
    if candidate is None:
        return None
    stop = working_stop(state, position)
    if stop is None or stop.stop_price is None:
        return None
    advanced = stop_on_grid(state, position, candidate)
    return advanced if (advanced - stop.stop_price) * position.side.sign > 0 else None


def working_stop(state: FundState, position: Position) -> Order | None:
    """The stop-loss of a position that is at work; None where there is none."""
    if position.stop_loss_order_id is None:
        return None
    stop = state.orders.get(position.stop_loss_order_id)
    return stop if stop is not None and stop.is_working else None


def stop_on_grid(state: FundState, position: Position, price: Decimal) -> Decimal:
    """A stop's price on the venue's grid, rounded away from the market: never closer than asked."""
    tick = state.instruments[position.trading_pair_id].price_tick
    outward = floor_to_tick if position.side is PositionSide.LONG else ceil_to_tick
    return outward(price, tick)


def trigger_to_ask(order: Order, wish: AmendOrder) -> Decimal | None:
    """The trigger to send for a wish, by how the order stands when the wish is carried out.

    A wish can be older than the stop that is at work by now: the fund trails it, tightens it and
    resizes it by wishes of their own. None of them is to take it back from the market.
    """
    if order.purpose is not OrderPurpose.STOP_LOSS:
        return wish.stop_price
    assert order.stop_price is not None
    assert wish.stop_price is not None
    closer = max if order.side is OrderSide.SELL else min
    return closer(order.stop_price, wish.stop_price)


def exit_at_market(
    state: FundState, position: Position, reasoning: str, agent_id: str, at: datetime
) -> None:
    """Ask for the rest of a position to be closed at the market; once is enough.

    An entry that is still working is taken back first: it would go on adding.
    """
    working = state.orders_of(position.id)
    for order in working:
        if order.purpose is OrderPurpose.ENTRY:
            state.want(CancelOrder(order.id))
    leaving = any(order.purpose is OrderPurpose.EXIT for order in working)
    if leaving or not sellable(state, position):
        return
    order = _closing_order(state, position, OrderPurpose.EXIT, OrderType.MARKET, at)
    order.reasoning = reasoning
    order.agent_id = agent_id
    create(state, order)


def withdraw(state: FundState, position: Position) -> None:
    """Take back every order of a position that has ended."""
    for order in state.orders_of(position.id):
        state.want(CancelOrder(order.id))


def sellable(state: FundState, position: Position) -> Decimal:
    """The open size on the venue's grid: a fee taken in base currency leaves dust below it."""
    return floor_to_step(position.size, state.instruments[position.trading_pair_id].quantity_step)


def _closing_order(
    state: FundState, position: Position, purpose: OrderPurpose, kind: OrderType, at: datetime
) -> Order:
    entry = state.order(position.entry_order_id)
    limit, stop = kind is OrderType.LIMIT, kind is OrderType.STOP_MARKET
    return Order(
        id=state.ids.next(at),
        user_id=position.user_id,
        strategy_id=position.strategy_id,
        trading_pair_id=position.trading_pair_id,
        exchange_account_id=position.exchange_account_id,
        symbol=position.symbol,
        market_type=position.market_type,
        side=position.side.exit_side,
        type=kind,
        purpose=purpose,
        amount=sellable(state, position),
        price=position.take_profit_price if limit else None,
        stop_price=position.stop_loss_price if stop else None,
        # Spot venues know no reduce_only: there the holding itself is the bound.
        reduce_only=position.market_type is MarketType.FUTURES,
        leverage=position.leverage,
        agent_id=entry.agent_id,
        reasoning=f"{purpose.replace('_', ' ')} of {position.symbol} {position.side}",
        parent_order_id=entry.id,
        position_id=position.id,
        created_at=at,
        updated_at=at,
    )
