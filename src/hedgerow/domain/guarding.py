"""Watching over the fund: prices, equity, the circuit breaker and the turn of the day."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.fund_state import FundState
from hedgerow.domain.messages import (
    BreakerReset,
    CancelOrder,
    EquityMarked,
    KillSwitchPulled,
    PriceMoved,
)
from hedgerow.domain.money import ZERO, require_exact
from hedgerow.domain.performance import is_won
from hedgerow.domain.positions import Position
from hedgerow.domain.protecting import guard_again, trail
from hedgerow.domain.risk import TRADING_DAY, Alert
from hedgerow.domain.strategies import Strategy


def admit_price(price: Decimal) -> None:
    """Raise NotExact or InvalidValue for what is no price."""
    require_exact(price=price)
    if price <= ZERO:
        raise InvalidValue(field="price", value=price, allowed="above 0")


def on_price(state: FundState, message: PriceMoved, at: datetime) -> None:
    """Mark the positions on a symbol, let stops trail, and look at the breaker."""
    held = [p for p in state.positions.values() if p.symbol == message.symbol]
    for position in held:
        position.mark(message.price, at)
        state.touch(position)
        trail(state, position)
    if held:
        assess(state, at)


def on_opening(state: FundState, at: datetime) -> None:
    """Take back entries that waited through a gap and have not begun to fill."""
    for order in state.working_entries():
        if order.created_at < at and not order.filled_amount:
            state.want(CancelOrder(order.id))


def on_interval(state: FundState, at: datetime) -> None:
    """Write down what every strategy is worth, and leave no position without a stop."""
    assess(state, at)
    for position in state.positions.values():
        guard_again(state, position, at)
    for strategy in state.strategies.values():
        state.touch(strategy)
        state.record(EquityMarked(strategy.id, strategy.current_equity, strategy.cash_reserve))


def on_kill_switch(state: FundState, message: KillSwitchPulled, at: datetime) -> None:
    """Stop opening at the user's word; closing goes on."""
    _raise_all(state, state.breaker.pull_kill_switch(message.reason, at), at)


def record_outcome(state: FundState, position: Position, at: datetime) -> None:
    """Count a trade that has ended, for its strategy and for the breaker."""
    strategy = state.strategies[position.strategy_id]
    strategy.record_trade(won=is_won(position.net_pnl))
    state.touch(strategy)
    _raise_all(state, state.breaker.record_trade(position.net_pnl, at), at)


def assess(state: FundState, at: datetime) -> None:
    """Recompute every strategy's equity and hold the fund's against the drawdown limit."""
    for strategy in state.strategies.values():
        _revalue(state, strategy, at)
    _raise_all(state, state.breaker.mark_equity(state.equity, at), at)


def turn_day(state: FundState, at: datetime) -> None:
    """At the first step of a new trading day, close the day's books and reset the breaker.

    Days in which nothing was heard earned nothing.
    """
    if at < state.breaker.reset_at:
        return
    midnights = (at - state.breaker.reset_at) // TRADING_DAY + 1
    for strategy in state.strategies.values():
        for _ in range(midnights):
            strategy.roll_day()
        state.touch(strategy)
    state.breaker.reset(at, state.equity)
    state.record(BreakerReset(state.breaker.reset_at))


def _revalue(state: FundState, strategy: Strategy, at: datetime) -> None:
    worth = sum(
        (p.market_value for p in state.positions.values() if p.strategy_id == strategy.id), ZERO
    )
    strategy.update_equity(worth + strategy.reserved, at)
    state.touch(strategy)


def _raise_all(state: FundState, alerts: list[Alert], at: datetime) -> None:
    for alert in alerts:
        state.alert(alert, at)
    if alerts and state.breaker.is_triggered:
        for order in state.working_entries():
            state.want(CancelOrder(order.id))
