"""What a fund holds, and how a step writes down what it did to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from hedgerow.domain.accounts import ExchangeAccount
from hedgerow.domain.errors import UnknownEntity
from hedgerow.domain.events import EventHead
from hedgerow.domain.ids import IdSequence
from hedgerow.domain.ledger import Reference, Transfer
from hedgerow.domain.limits import LimitProfile, TradingBounds, trading_bounds
from hedgerow.domain.market import Instrument
from hedgerow.domain.messages import CashMoved, Fact, Notify, OrderStatusChanged, RiskRaised, Wish
from hedgerow.domain.money import ZERO
from hedgerow.domain.orders import Fill, Order, OrderPurpose, OrderStatus
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.positions import Position
from hedgerow.domain.risk import Alert, CircuitBreakerState, RiskEvent
from hedgerow.domain.strategies import Strategy
from hedgerow.domain.users import User

_Row = TypeVar("_Row")


@dataclass(slots=True)
class Changes:
    """The rows that steps touched since the last save."""

    strategies: dict[UUID, Strategy] = field(default_factory=dict)
    pairs: dict[UUID, TradingPair] = field(default_factory=dict)
    orders: dict[UUID, Order] = field(default_factory=dict)
    positions: dict[UUID, Position] = field(default_factory=dict)
    transfers: list[Transfer] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    risk_events: list[RiskEvent] = field(default_factory=list)


@dataclass(slots=True)
class MonthlyTrades:
    """How many trades were opened in a calendar month (UTC, `YYYY-MM`)."""

    month: str = ""
    count: int = 0

    def at(self, when: datetime) -> int:
        """The count so far in the month of `when`."""
        return self.count if self.month == f"{when:%Y-%m}" else 0

    def add(self, when: datetime) -> None:
        """Count one more."""
        self.count = self.at(when) + 1
        self.month = f"{when:%Y-%m}"


@dataclass(slots=True)
class FundState:
    """One user's fund. `instruments` is keyed by trading pair; `positions` are the open ones;
    `orders` the working ones and those of open positions; `as_of` the time of the last step.
    `version` and `event_head` say which saved state this fund continues.
    """

    user: User
    limit_profile: LimitProfile
    breaker: CircuitBreakerState
    ids: IdSequence
    as_of: datetime
    accounts: Mapping[UUID, ExchangeAccount]
    instruments: Mapping[UUID, Instrument]
    pairs: dict[UUID, TradingPair] = field(default_factory=dict)
    strategies: dict[UUID, Strategy] = field(default_factory=dict)
    positions: dict[UUID, Position] = field(default_factory=dict)
    orders: dict[UUID, Order] = field(default_factory=dict)
    monthly_trades: MonthlyTrades = field(default_factory=MonthlyTrades)
    version: int = 0
    event_head: EventHead = field(default_factory=EventHead)
    changes: Changes = field(default_factory=Changes)
    facts: list[Fact] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)

    @property
    def bounds(self) -> TradingBounds:
        """The tighter of the user's settings and the tier's limits."""
        return trading_bounds(self.user.settings, self.limit_profile.limits)

    @property
    def equity(self) -> Decimal:
        """The worth of all strategies as last marked, in quote currency."""
        return sum((s.current_equity for s in self.strategies.values()), ZERO)

    @property
    def exposure(self) -> Decimal:
        """The notional of open positions and of entries that may still fill, in quote."""
        open_notional = sum((p.notional for p in self.positions.values()), ZERO)
        return open_notional + sum(
            (order.reserved_quote * order.leverage for order in self.working_entries()), ZERO
        )

    @property
    def risk_quote(self) -> Decimal:
        """What would be lost if every stop filled at its price, in quote currency."""
        at_stake = sum((p.risk_quote for p in self.positions.values()), ZERO)
        for order in self.working_entries():
            assert order.bracket is not None
            distance = abs(order.bracket.entry_price - order.bracket.stop_loss_price)
            at_stake += distance * order.remaining
        return at_stake

    def working_entries(self) -> Iterable[Order]:
        """Entry orders that a fill may still come for."""
        return [
            order
            for order in self.orders.values()
            if order.purpose is OrderPurpose.ENTRY and order.is_working
        ]

    def pair(self, pair_id: UUID) -> TradingPair:
        """A pair of this fund; raises UnknownEntity."""
        return _known("trading pair", self.pairs, pair_id)

    def order(self, order_id: UUID) -> Order:
        """An order that is working or belongs to an open position; raises UnknownEntity."""
        return _known("order", self.orders, order_id)

    def position(self, position_id: UUID) -> Position:
        """An open position; raises UnknownEntity."""
        return _known("open position", self.positions, position_id)

    def orders_of(self, position_id: UUID) -> list[Order]:
        """The working orders of a position."""
        return [o for o in self.orders.values() if o.position_id == position_id and o.is_working]

    def reference(
        self, at: datetime, order_id: UUID | None = None, position_id: UUID | None = None
    ) -> Reference:
        """A fresh reference for a transfer."""
        return Reference(self.ids.next(at), at, order_id, position_id)

    def record(self, fact: Fact) -> None:
        """Write down what happened."""
        self.facts.append(fact)

    def want(self, wish: Wish) -> None:
        """Ask for something outside."""
        self.wishes.append(wish)

    def moved(self, transfer: Transfer) -> None:
        """Write down a transfer that a strategy has posted."""
        self.changes.transfers.append(transfer)
        self.touch(self.strategies[transfer.strategy_id])
        self.record(CashMoved(transfer))

    def touch(self, row: Strategy | TradingPair | Order | Position) -> None:
        """Have the row saved with this step."""
        match row:
            case Strategy():
                self.changes.strategies[row.id] = row
            case Position():
                self.changes.positions[row.id] = row
            case Order():
                self.changes.orders[row.id] = row
            case TradingPair():
                self.changes.pairs[row.id] = row

    def change_status(
        self, order: Order, wanted: OrderStatus, at: datetime, reason: str | None = None
    ) -> None:
        """Move an order along the transition table and write that down."""
        before = order.status
        order.change_status(wanted, at, reason)
        self.touch(order)
        self.record(OrderStatusChanged(order.id, before, wanted, reason))

    def alert(self, alert: Alert, at: datetime) -> None:
        """Turn an alert into a risk event and tell the user, if they want to be told."""
        event = RiskEvent(
            id=self.ids.next(at),
            user_id=self.user.id,
            timestamp=at,
            event_type=alert.event_type,
            severity=alert.severity,
            message=alert.message,
            data=alert.data,
        )
        self.changes.risk_events.append(event)
        self.record(RiskRaised(event))
        if self.user.settings.notifications_on:
            self.want(Notify(alert.severity, alert.message))


def _known(kind: str, rows: Mapping[UUID, _Row], row_id: UUID) -> _Row:
    try:
        return rows[row_id]
    except KeyError:
        raise UnknownEntity(kind, row_id) from None
