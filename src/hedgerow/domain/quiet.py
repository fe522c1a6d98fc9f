"""Marks without consequence: between which prices a price changes nothing but the mark itself.

A price that neither moves a stop, nor sets an extreme of profit, equity or drawdown, nor lets the
circuit breaker speak, is overwritten by the next one without a trace. Who replays years of candles
need not deliver it: it is enough to deliver the last one before something else happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.fund_state import FundState
from hedgerow.domain.money import CONTEXT, HUNDRED, ONE, ZERO, exact, floor_to_tick
from hedgerow.domain.positions import Position
from hedgerow.domain.protecting import trailing_to, working_stop
from hedgerow.domain.strategies import Strategy

# The breaker compares ratios of twelve digits: a price so near its limit counts as beyond it.
_BREAKER_ROUNDS: Final = Decimal("1e-11")


@dataclass(frozen=True, slots=True)
class QuietSpan:
    """Prices (quote) of a symbol, both ends included, whose marks have no consequence."""

    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class LoneTrade:
    """A fund's only open position, with a stop at work, and its only strategy.

    At a price the fund is worth `equity_base + equity_slope x price`, in quote currency. It holds
    for as long as the fund is told nothing but prices.
    """

    state: FundState
    position: Position
    strategy: Strategy
    equity_base: Decimal
    equity_slope: Decimal

    def equity_at(self, price: Decimal) -> Decimal:
        """What the fund is worth at a price."""
        return CONTEXT.add(self.equity_base, CONTEXT.multiply(self.equity_slope, price))

    def is_quiet(self, price: Decimal) -> bool:
        """Whether nothing follows from a price but the mark itself."""
        with exact():
            return self._is_quiet(price)

    def quiet_span(self) -> QuietSpan | None:
        """Quiet prices around the present one; None where the next may matter for any reason."""
        with exact():
            position = self.position
            gain, loss = self._room()
            up, down = (gain, loss) if position.side.sign > 0 else (loss, gain)
            tick = self.state.instruments[position.trading_pair_id].price_tick
            now = position.current_price
            if position.trailing_stop_pct is not None and not self._is_quiet(now):
                return None
            low, high = now - floor_to_tick(down, tick), now + floor_to_tick(up, tick)
            return QuietSpan(
                low if low == now or self._is_quiet(low) else self._nearer(low, tick),
                high if high == now or self._is_quiet(high) else self._nearer(high, -tick),
            )

    def silent_prices(self) -> tuple[Decimal | None, Decimal | None]:
        """Prices (quote) strictly between which the breaker says nothing and no stop trails.

        A price there can set records, and nothing follows from those. None for an open end.
        """
        position, breaker = self.position, self.state.breaker
        with exact():
            speaks_at = None
            if (loss_pct := breaker.speaks_from_pct) is not None:
                left = ONE - loss_pct / HUNDRED + _BREAKER_ROUNDS
                speaks_at = (breaker.day_start_equity * left - self.equity_base) / self.equity_slope
            trails_from = self._trails_from
        return (speaks_at, trails_from) if position.side.sign > 0 else (trails_from, speaks_at)

    @property
    def _trails_from(self) -> Decimal | None:
        """The price beyond which the stop trails, if it does."""
        position = self.position
        if position.trailing_stop_pct is None or position.stop_loss_price is None:
            return None
        distance = position.trailing_stop_pct / HUNDRED * position.side.sign
        return position.stop_loss_price / (ONE - distance)

    def _is_quiet(self, price: Decimal) -> bool:
        equity = self.equity_base + self.equity_slope * price
        return (
            price > ZERO
            and not self.position.sets_record(price)
            and not self.strategy.sets_record(equity)
            and self.state.breaker.stays_silent(equity)
            and trailing_to(self.state, self.position, price) is None
        )

    def _room(self) -> tuple[Decimal, Decimal]:
        """How far the price may go with and against the position, to within rounding."""
        position, strategy, breaker = self.position, self.strategy, self.state.breaker
        equity = self.equity_base + self.equity_slope * position.current_price
        pnl = position.realized_pnl + position.unrealized_pnl
        floors = [equity - (pnl - position.worst_pnl)]
        floors.append(strategy.peak_equity * (ONE - strategy.max_drawdown / HUNDRED))
        if (loss_pct := breaker.speaks_from_pct) is not None:
            floors.append(breaker.day_start_equity * (ONE - loss_pct / HUNDRED))
        gain = min(position.best_pnl - pnl, strategy.peak_equity - equity)
        loss = equity - max(floors)
        gain, loss = (max(each, ZERO) / position.size for each in (gain, loss))
        if (trails_from := self._trails_from) is not None:
            gain = min(gain, max(abs(trails_from - position.current_price), ZERO))
        return gain, loss

    def _nearer(self, end: Decimal, back: Decimal) -> Decimal:
        """A tick back from `end`, where rounding made that one matter; else the present price."""
        now = self.position.current_price
        return end + back if end + back != now and self._is_quiet(end + back) else now


def lone_trade(state: FundState, symbol: str) -> LoneTrade | None:
    """The fund's only open position, if it is in `symbol`.

    None where several positions or strategies are worth something together, and where the position
    has no stop at work: the close of an interval gives it one, and that is no quiet moment.
    """
    if len(state.positions) != 1 or len(state.strategies) != 1:
        return None
    (position,), (strategy,) = state.positions.values(), state.strategies.values()
    if position.symbol != symbol or not position.size or working_stop(state, position) is None:
        return None
    sign = position.side.sign
    with exact():
        cash = strategy.cash_reserve + strategy.reserved
        return LoneTrade(
            state,
            position,
            strategy,
            equity_base=cash + position.margin - position.entry_cost * sign,
            equity_slope=position.size * sign,
        )
