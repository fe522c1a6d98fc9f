"""Marks without consequence: between which prices a price changes nothing but the mark itself.

A price that neither moves a stop, nor sets an extreme of profit, equity or drawdown, nor lets the
circuit breaker speak, is overwritten by the next one without a trace. Who replays years of candles
need not deliver it: it is enough to deliver the last one before something else happens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.fund_state import FundState
from hedgerow.domain.money import CONTEXT, HUNDRED, ONE, ZERO, exact, floor_to_tick
from hedgerow.domain.orders import OrderPurpose
from hedgerow.domain.positions import Position
from hedgerow.domain.protecting import trailing_to
from hedgerow.domain.strategies import Strategy

# The breaker compares ratios of twelve digits: a price so near its limit counts as beyond it.
_BREAKER_ROUNDS: Final = Decimal("1e-11")


@dataclass(frozen=True, slots=True)
class QuietSpan:
    """Prices (quote) of a symbol, both ends included, whose marks have no consequence.

    At such a price the strategy is worth `equity_base + equity_slope x price`, in quote currency.
    """

    low: Decimal
    high: Decimal
    equity_base: Decimal
    equity_slope: Decimal

    def equity_at(self, price: Decimal) -> Decimal:
        """What the strategy is worth at a price of the span."""
        return CONTEXT.add(self.equity_base, CONTEXT.multiply(self.equity_slope, price))


def quiet_span(state: FundState, symbol: str) -> QuietSpan | None:
    """The span around the present price of the fund's only open position, if it is in `symbol`.

    None where several positions or strategies are worth something together, where the position
    has no stop at work, or where the next price might matter for any other reason.
    """
    if len(state.positions) != 1 or len(state.strategies) != 1:
        return None
    (position,), (strategy,) = state.positions.values(), state.strategies.values()
    if position.symbol != symbol or not position.size or not _is_guarded(state, position):
        return None
    with exact():
        slope = position.size * position.side.sign
        base = (
            strategy.cash_reserve
            + strategy.reserved
            + position.margin
            - position.entry_cost * position.side.sign
        )

        def is_quiet(price: Decimal) -> bool:
            equity = base + slope * price
            return (
                price > ZERO
                and not position.sets_record(price)
                and not strategy.sets_record(equity)
                and state.breaker.stays_silent(equity)
                and trailing_to(state, position, price) is None
            )

        gain, loss = _room(state, strategy, position, base + slope * position.current_price)
        up, down = (gain, loss) if position.side.sign > 0 else (loss, gain)
        tick = state.instruments[position.trading_pair_id].price_tick
        now = position.current_price
        if position.trailing_stop_pct is not None and not is_quiet(now):
            return None
        low, high = now - floor_to_tick(down, tick), now + floor_to_tick(up, tick)
        return QuietSpan(
            low=low if low == now or is_quiet(low) else _a_tick_nearer(now, low, is_quiet, tick),
            high=high
            if high == now or is_quiet(high)
            else _a_tick_nearer(now, high, is_quiet, -tick),
            equity_base=base,
            equity_slope=slope,
        )


def silent_prices(state: FundState, span: QuietSpan) -> tuple[Decimal | None, Decimal | None]:
    """Prices (quote) strictly between which the breaker has nothing to say and no stop trails.

    There a price of the fund's only position, whose span is `span`, can set records, and nothing
    follows from those. None for an end that is open.
    """
    (position,) = state.positions.values()
    with exact():
        speaks_at = trails_from = None
        if (loss_pct := state.breaker.speaks_from_pct) is not None:
            floor = state.breaker.day_start_equity * (ONE - loss_pct / HUNDRED + _BREAKER_ROUNDS)
            speaks_at = (floor - span.equity_base) / span.equity_slope
        if position.trailing_stop_pct is not None and position.stop_loss_price is not None:
            distance = position.trailing_stop_pct / HUNDRED * position.side.sign
            trails_from = position.stop_loss_price / (ONE - distance)
    return (speaks_at, trails_from) if position.side.sign > 0 else (trails_from, speaks_at)


def _is_guarded(state: FundState, position: Position) -> bool:
    # Without a stop the close of an interval gives the position one: that is no quiet moment.
    stop = state.orders.get(position.stop_loss_order_id) if position.stop_loss_order_id else None
    return stop is not None and stop.purpose is OrderPurpose.STOP_LOSS and stop.is_working


def _room(
    state: FundState, strategy: Strategy, position: Position, equity: Decimal
) -> tuple[Decimal, Decimal]:
    """How far the price may go with and against the position, to within rounding."""
    pnl = position.realized_pnl + position.unrealized_pnl
    floors = [equity - (pnl - position.worst_pnl)]
    floors.append(strategy.peak_equity * (ONE - strategy.max_drawdown / HUNDRED))
    if (loss_pct := state.breaker.speaks_from_pct) is not None:
        floors.append(state.breaker.day_start_equity * (ONE - loss_pct / HUNDRED))
    gain = min(position.best_pnl - pnl, strategy.peak_equity - equity)
    loss = equity - max(floors)
    rooms = [max(each, ZERO) / position.size for each in (gain, loss)]
    if position.trailing_stop_pct is not None and position.stop_loss_price is not None:
        distance = position.trailing_stop_pct / HUNDRED * position.side.sign
        trails_from = position.stop_loss_price / (ONE - distance)
        rooms[0] = min(rooms[0], max(abs(trails_from - position.current_price), ZERO))
    return rooms[0], rooms[1]


def _a_tick_nearer(
    now: Decimal, end: Decimal, is_quiet: Callable[[Decimal], bool], back: Decimal
) -> Decimal:
    """A tick back from `end`, where rounding made that one matter; else `now`."""
    return end + back if end + back != now and is_quiet(end + back) else now
