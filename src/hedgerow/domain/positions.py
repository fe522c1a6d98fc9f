"""Positions: long and short, spot and futures, by the specified formulas."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from hedgerow.domain.errors import FillRefused, InvalidValue
from hedgerow.domain.market import MarketType
from hedgerow.domain.money import (
    CONTEXT,
    HUNDRED,
    ONE,
    ZERO,
    average_price,
    ratio,
    require_exact,
    to_quote,
)
from hedgerow.domain.orders import Fill, OrderSide

LEVERAGE_MAX: Final = 125


class PositionSide(StrEnum):
    """The direction of a position."""

    LONG = "long"
    SHORT = "short"

    @property
    def sign(self) -> int:
        """+1 where a rising price earns, -1 where it costs."""
        return 1 if self is PositionSide.LONG else -1

    @property
    def entry_side(self) -> OrderSide:
        """The order side that opens or adds."""
        return OrderSide.BUY if self is PositionSide.LONG else OrderSide.SELL

    @property
    def exit_side(self) -> OrderSide:
        """The order side that reduces or closes."""
        return self.entry_side.opposite


class MarginMode(StrEnum):
    """What stands behind a leveraged position: the strategy's cash, or its own margin alone."""

    CROSS = "cross"
    ISOLATED = "isolated"


class PositionStatus(StrEnum):
    """Where a position stands."""

    OPEN = "open"
    CLOSED = "closed"
    LIQUIDATED = "liquidated"


@dataclass(frozen=True, slots=True)
class Reduction:
    """What one closing execution took off a position, all in quote currency.

    `cost` leaves the books of open positions (the entry cost of spot, the margin of futures);
    `profit` is realised, before fees. `cost + profit` is the cash that comes back.
    """

    cost: Decimal
    profit: Decimal


@dataclass(slots=True)
class Position:
    """A trade from its first execution to its last.

    `size` is what is open, `size_opened` all that was ever added, in base currency. `entry_cost`
    is the exact quote cost of the open size and `entry_price` its average. `margin` is the cash
    the books hold for it: the entry cost of spot, the initial margin of futures. `fees` and
    `funding` are quote costs so far (funding received is negative). `best_pnl` and `worst_pnl`
    are the extremes of realised plus unrealised profit while it was open. `funded_at` holds the
    times of the funding settlements already counted.
    """

    id: UUID
    user_id: UUID
    strategy_id: UUID
    trading_pair_id: UUID
    exchange_account_id: UUID
    entry_order_id: UUID
    symbol: str
    market_type: MarketType
    side: PositionSide
    opened_at: datetime
    updated_at: datetime
    current_price: Decimal
    leverage: int = 1
    margin_mode: MarginMode = MarginMode.ISOLATED
    maintenance_margin_ratio: Decimal = ZERO
    size: Decimal = ZERO
    size_opened: Decimal = ZERO
    entry_cost: Decimal = ZERO
    entry_price: Decimal = ZERO
    margin: Decimal = ZERO
    exit_value: Decimal = ZERO
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    best_pnl: Decimal = ZERO
    worst_pnl: Decimal = ZERO
    stop_loss_price: Decimal | None = None
    take_profit_price: Decimal | None = None
    trailing_stop_pct: Decimal | None = None
    stop_loss_order_id: UUID | None = None
    take_profit_order_id: UUID | None = None
    open_reasoning: str = ""
    close_reasoning: str = ""
    status: PositionStatus = PositionStatus.OPEN
    closed_at: datetime | None = None
    funded_at: set[datetime] = field(default_factory=set)

    def __post_init__(self) -> None:
        require_exact(current_price=self.current_price, trailing_stop_pct=self.trailing_stop_pct)
        if not 1 <= self.leverage <= LEVERAGE_MAX:
            raise InvalidValue(
                field="leverage", value=self.leverage, allowed=f"1 to {LEVERAGE_MAX}"
            )
        if self.market_type is MarketType.SPOT:
            if self.side is PositionSide.SHORT:
                raise InvalidValue(field="side", value=self.side, allowed="long on spot")
            if self.leverage != 1:
                raise InvalidValue(field="leverage", value=self.leverage, allowed="1 on spot")

    @property
    def is_open(self) -> bool:
        """Whether anything of it is left to close."""
        return self.status is PositionStatus.OPEN

    @property
    def unrealized_pnl(self) -> Decimal:
        """(current - entry) x size for a long, the opposite for a short; in quote currency."""
        return self._pnl_at(self.current_price)

    @property
    def unrealized_pnl_pct(self) -> Decimal:
        """((current / entry) - 1) x 100 x leverage; for a short ((entry / current) - 1)."""
        if not self.size:
            return ZERO
        if self.side is PositionSide.LONG:
            change = ratio(self.current_price, self.entry_price) - ONE
        else:
            change = ratio(self.entry_price, self.current_price) - ONE
        return change * HUNDRED * self.leverage

    @property
    def notional(self) -> Decimal:
        """The market value of what it controls, in quote currency."""
        return self.size * self.current_price

    @property
    def market_value(self) -> Decimal:
        """What it adds to the strategy's equity, in quote currency."""
        return self.margin + self.unrealized_pnl

    @property
    def net_pnl(self) -> Decimal:
        """Realised profit after fees and funding, in quote currency."""
        return self.realized_pnl - self.fees - self.funding

    @property
    def exit_price(self) -> Decimal | None:
        """The average price of what was closed, or None before the first closing execution."""
        closed = self.size_opened - self.size
        return average_price(self.exit_value, closed) if closed else None

    @property
    def risk_quote(self) -> Decimal:
        """What a fill at the stop would cost from here; the whole value without a stop."""
        if self.stop_loss_price is None:
            return max(self.market_value, ZERO)
        return max((self.current_price - self.stop_loss_price) * self.side.sign * self.size, ZERO)

    def increase(self, fill: Fill, quantity: Decimal, cost: Decimal) -> Decimal:
        """Add `quantity` base that cost `cost` quote; returns the margin it ties up, in quote.

        `quantity` is the execution's, less a fee taken in base currency.
        """
        self.size += quantity
        self.size_opened += quantity
        self.entry_cost += cost
        self.entry_price = average_price(self.entry_cost, self.size)
        margin = to_quote(cost / self.leverage)
        self.margin += margin
        self.updated_at = fill.filled_at
        self.mark(fill.price, fill.filled_at)
        return margin

    def reduce(self, fill: Fill) -> Reduction:
        """Close part or all of it; the last part takes whatever rounding left on the books.

        Raises FillRefused where more is closed than is open.
        """
        if fill.quantity > self.size:
            raise FillRefused(fill.order_id, f"{fill.quantity} is more than the {self.size} open")
        cost = self._share_of(self.entry_cost, fill.quantity)
        margin = self._share_of(self.margin, fill.quantity)
        profit = (fill.quote - cost) * self.side.sign
        self.mark(fill.price, fill.filled_at)
        self.size -= fill.quantity
        self.entry_cost -= cost
        self.margin -= margin
        self.exit_value += fill.quote
        self.realized_pnl += profit
        self.updated_at = fill.filled_at
        return Reduction(cost=margin, profit=profit)

    def write_off(self, at: datetime) -> Decimal:
        """Give up what is too small to be sold; returns the margin that is lost, in quote."""
        margin = self.margin
        self.realized_pnl -= margin
        self.size_opened -= self.size
        self.size = self.entry_cost = self.margin = ZERO
        self.updated_at = at
        return margin

    def close(self, at: datetime, status: PositionStatus, reasoning: str) -> None:
        """End it; nothing may be left open."""
        assert not self.size, "a position with size left cannot be closed"
        self.status = status
        self.closed_at = at
        self.updated_at = at
        self.close_reasoning = reasoning

    def sets_record(self, price: Decimal) -> bool:
        """Whether `price` would move one of the extremes of profit."""
        pnl = self.realized_pnl + self._pnl_at(price)
        return not self.worst_pnl <= pnl <= self.best_pnl

    def mark(self, price: Decimal, at: datetime) -> None:
        """Take a new price; keeps the extremes of profit while it is open."""
        self.current_price = price
        self.updated_at = at
        pnl = self.realized_pnl + self.unrealized_pnl
        self.best_pnl = max(self.best_pnl, pnl)
        self.worst_pnl = min(self.worst_pnl, pnl)

    def trailed_stop(self, price: Decimal) -> Decimal | None:
        """Where the trailing stop would move to at `price`, if that is an advance."""
        if self.trailing_stop_pct is None or self.stop_loss_price is None:
            return None
        distance = self.trailing_stop_pct / HUNDRED * self.side.sign
        candidate = price * (ONE - distance)
        advance = (candidate - self.stop_loss_price) * self.side.sign
        return candidate if advance > ZERO else None

    def liquidation_price(self, collateral_quote: Decimal | None = None) -> Decimal | None:
        """The price at which the collateral is down to the maintenance margin; None on spot.

        With entry cost C, size q, collateral M and maintenance ratio m, a long is liquidated at
        (C - M) / (q (1 - m)), a short at (C + M) / (q (1 + m)). Isolated collateral is the
        margin; for cross margin pass `collateral_quote`, the margin plus the strategy's cash.
        A long whose collateral covers its whole cost has no liquidation price.
        """
        collateral = self.margin
        if self.margin_mode is MarginMode.CROSS and collateral_quote is not None:
            collateral = collateral_quote
        return self._price_where_left(collateral, self.maintenance_margin_ratio)

    def bankruptcy_price(self) -> Decimal | None:
        """The price at which the margin is lost: (C - M) / q for a long, (C + M) / q for a short.

        None where `liquidation_price` is.
        """
        return self._price_where_left(self.margin, ZERO)

    def _price_where_left(self, collateral: Decimal, left_ratio: Decimal) -> Decimal | None:
        if self.market_type is MarketType.SPOT or not self.size:
            return None
        sign = self.side.sign
        owed = self.entry_cost - collateral * sign
        price = average_price(owed, self.size * (ONE - left_ratio * sign))
        return price if price > ZERO else None

    def _share_of(self, whole: Decimal, quantity: Decimal) -> Decimal:
        # Multiplied before divided: a rounded share of a large cost would be off by more than 1e-8.
        if quantity == self.size:
            return whole
        return to_quote(CONTEXT.divide(whole * quantity, self.size))

    def _pnl_at(self, price: Decimal) -> Decimal:
        return (price * self.size - self.entry_cost) * self.side.sign
