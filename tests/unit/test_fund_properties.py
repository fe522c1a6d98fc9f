"""The fund under fire: no sequence of messages, sound or not, breaks what must always hold.

The messages are made against the fund as it stands, so that most of them mean something: orders
are acknowledged, filled in part, filled too much, ended, amended; positions are liquidated; old
messages come again and out of order; some name nothing at all. After each one the books are done
again, from the facts alone and by other arithmetic, and compared.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from typing import get_args
from uuid import UUID

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import (
    BTC,
    ETH,
    NOON,
    SOL,
    STRATEGY,
    fund,
    proposal,
    reproducible,
    settings,
    stop_proposal,
)
from builders import fill as execution
from hedgerow.domain.errors import HedgerowError
from hedgerow.domain.fund import Fund
from hedgerow.domain.fund_state import Changes
from hedgerow.domain.ledger import Account, Transfer, TransferReason
from hedgerow.domain.market import MarketType
from hedgerow.domain.messages import (
    Abstained,
    AmendOrder,
    BreakerReset,
    BudgetUsed,
    CancelOrder,
    CashMoved,
    DecisionMade,
    Fact,
    FillBooked,
    FundingSettled,
    FundOpened,
    IntervalClosed,
    KillSwitchPulled,
    Message,
    OrderAcknowledged,
    OrderAmended,
    OrderCreated,
    OrderEnded,
    OrderFilled,
    OrderStatusChanged,
    PlaceOrder,
    PositionEnded,
    PositionLiquidated,
    PositionOpened,
    PriceMoved,
    ProposalAccepted,
    ProposalApproved,
    ProposalWithheld,
    RiskRaised,
    Step,
    Wish,
)
from hedgerow.domain.orders import Order, OrderPurpose, OrderStatus, OrderType
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import ExitProposal, StopProposal
from hedgerow.domain.risk import RiskEvent, RiskEventType

PAIRS = {BTC: "BTC/USDT", ETH: "ETH/USDT", SOL: "SOL/USDT"}
STEP = Decimal("0.001")
QUANTUM = Decimal("0.00000001")
NOBODY = UUID(int=0xDEAD)
HOUR = timedelta(hours=1)

# What an order may become, as specified.
LIFECYCLE = {
    "pending": {"open", "canceled", "rejected", "expired"},
    "open": {"partial", "filled", "canceled", "rejected", "expired"},
    "partial": {"filled", "canceled", "rejected", "expired"},
}


# --- the messages ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens, and numbers to make it particular."""

    what: str
    after: timedelta
    pick: int
    a: int
    b: int
    c: int


@dataclass(slots=True)
class World:
    """A fund and what has been seen of it from outside."""

    fund: Fund
    at: datetime = NOON
    orders: dict[UUID, Order] = field(default_factory=dict)
    positions: dict[UUID, Position] = field(default_factory=dict)
    wishes: list[Wish] = field(default_factory=list)
    told: list[Message] = field(default_factory=list)
    saved: dict[UUID, str] = field(default_factory=dict)

    def take(self, changes: Changes, step: Step) -> None:
        """Note what a step has changed; all of it must have been handed over for saving."""
        self.orders |= changes.orders
        self.positions |= changes.positions
        self.wishes += step.wishes
        handed_over = changes.strategies | changes.orders | changes.positions
        self.saved |= {row_id: repr(row) for row_id, row in handed_over.items()}
        rows = self.fund.strategies | self.fund.orders | self.fund.positions
        assert all(self.saved[row_id] == repr(row) for row_id, row in rows.items())
        assert changes.transfers == [f.transfer for f in step.facts if isinstance(f, CashMoved)]
        assert changes.fills == [f.fill for f in step.facts if isinstance(f, FillBooked)]
        assert changes.risk_events == [f.event for f in step.facts if isinstance(f, RiskRaised)]

    def an_order(self, act: Act) -> Order | None:
        """Mostly one that is working, now and then one that may long have ended."""
        working = [order for order in self.orders.values() if order.is_working]
        among = working if act.pick < 6 and working else list(self.orders.values())
        return among[act.pick % len(among)] if among else None

    def a_position(self, act: Act) -> Position | None:
        """Mostly an open one."""
        held = list(self.fund.positions.values())
        among = held if act.pick < 7 and held else list(self.positions.values())
        return among[act.pick % len(among)] if among else None


def a_price(act: Act) -> Decimal:
    """Mostly near 100, now and then far off."""
    return Decimal((90, 95, 99, 100, 97, 105, 110, 40, 93, 180)[act.b])


def propose(world: World, act: Act) -> Message:
    pair_id, symbol = list(PAIRS.items())[act.pick % 3]
    is_long = world.fund.pairs[pair_id].market_type is MarketType.SPOT or act.a % 2 == 0
    percent = Decimal(1 if is_long else -1)
    wanted = proposal(
        symbol,
        side=PositionSide.LONG if is_long else PositionSide.SHORT,
        entry_type=OrderType.LIMIT if act.b % 2 else OrderType.MARKET,
        stop_loss_price=100 - percent * (2 + act.b),
        take_profit_price=100 + percent * (2 + act.a),
        trailing_stop_pct=Decimal(act.c) if act.c % 3 == 0 else None,
        size_ratio=Decimal((act.a % 5) * 2 + 1) / 10,
        leverage=1 if world.fund.pairs[pair_id].market_type is MarketType.SPOT else act.b + 1,
    )
    if act.c == 9:
        return ProposalApproved(pair_id, wanted)
    return DecisionMade(pair_id, wanted)


def tighten(world: World, act: Act) -> Message | None:
    position = world.a_position(act)
    if position is None:
        return None
    now = position.current_price
    nearer = now * (1 - position.side.sign * (Decimal(act.b) - 1) / 100)
    wanted = stop_proposal(position, str(a_price(act) if act.c == 9 else nearer))
    return DecisionMade(position.trading_pair_id if act.c else SOL, wanted)


def use_budget(_: World, act: Act) -> Message:
    used = Decimal(act.a * 12)
    return BudgetUsed(NOON.date(), used, act.a * 12, 100, Decimal(act.b), Decimal(10))


def leave(world: World, act: Act) -> Message | None:
    position = world.a_position(act)
    if position is None:
        return None
    wanted = ExitProposal(position.symbol, position.id, "time to go", "risk_manager")
    return DecisionMade(position.trading_pair_id, wanted)


def acknowledge(world: World, act: Act) -> Message | None:
    order = world.an_order(act)
    return None if order is None else OrderAcknowledged(order.id, f"venue-{act.a}")


def execute(world: World, act: Act) -> Message | None:
    order = world.an_order(act)
    if order is None:
        return None
    eighths = Decimal((8, 8, 8, 1, 2, 3, 5, 7, 8, 9)[act.a])
    quantity = max((order.remaining or order.amount) * eighths / 8, STEP).quantize(STEP)
    price = a_price(act)
    base = order.symbol.partition("/")[0]
    fee, currency = [
        (Decimal(0), "USDT"),
        (quantity * price * Decimal("0.00075123"), "USDT"),
        (quantity * price * Decimal("0.00075123"), "USDT"),
        (quantity * Decimal("0.001"), base),
        (quantity * Decimal("0.001"), base),
        (Decimal("0.00123"), "BNB"),
        (quantity * price * Decimal("-0.0001"), "USDT"),
        (quantity * Decimal("0.00075"), base),
        (quantity, base),
        (quantity * price * 2, "USDT"),
    ][act.c]
    return OrderFilled(
        execution(
            str(price),
            str(quantity),
            of=order.id,
            trade_id=f"trade-{len(world.told)}",
            fee=str(fee),
            fee_currency=currency,
            at=world.at - timedelta(seconds=act.c),
        )
    )


def run_through_a_stop(world: World, act: Act) -> Message | None:
    """A whole position goes at once, at what its stop was meant to save, or by slipping past."""
    position = world.a_position(act)
    if position is None or not position.size or position.stop_loss_order_id is None:
        return None
    slipped = 1 - position.side.sign * act.c * STEP
    price = (position.stop_loss_price or a_price(act)) * slipped
    quantity = position.size.quantize(STEP, rounding=ROUND_DOWN)
    stop_id, name = position.stop_loss_order_id, f"stopped-{len(world.told)}"
    return OrderFilled(execution(str(price), str(quantity), of=stop_id, trade_id=name, at=world.at))


def end(world: World, act: Act) -> Message | None:
    order = world.an_order(act)
    statuses = (OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED, *OrderStatus)
    return None if order is None else OrderEnded(order.id, statuses[act.a], "the venue says so")


def amend(world: World, act: Act) -> Message | None:
    order = world.an_order(act)
    if order is None:
        return None
    amounts = (order.filled_amount, order.filled_amount + STEP, order.amount * 2, Decimal(0))
    stops = (order.stop_price, order.stop_price, a_price(act), None)
    return OrderAmended(order.id, amounts[act.a % 4], stops[act.c % 4])


def carry_out(world: World, act: Act) -> Message | None:
    """The venue does one of the latest things it was asked to."""
    asked = [w for w in world.wishes if isinstance(w, PlaceOrder | CancelOrder | AmendOrder)]
    if not asked:
        return None
    match asked[-1 - act.a % min(4, len(asked))]:
        case PlaceOrder(order_id):
            return OrderAcknowledged(order_id, "venue")
        case CancelOrder(order_id):
            return OrderEnded(order_id, OrderStatus.CANCELED, "as asked")
        case AmendOrder(order_id, amount, stop_price):
            return OrderAmended(order_id, amount, stop_price)


def move(_: World, act: Act) -> Message:
    return PriceMoved(list(PAIRS.values())[act.pick % 3], a_price(act))


def settle_funding(world: World, act: Act) -> Message | None:
    position = world.a_position(act)
    if position is None:
        return None
    # as the venue has it: some reports come late, and out of order
    settled_at = max(position.opened_at - (act.b == 9) * HOUR, world.at - act.c * HOUR)
    return FundingSettled(position.id, settled_at, Decimal(act.a - 4) / 3)


def liquidate(world: World, act: Act) -> Message | None:
    position = world.a_position(act)
    if position is None:
        return None
    name = f"liquidation-{len(world.told)}"
    return PositionLiquidated(position.id, a_price(act), Decimal(act.c) / 7, name)


def close_interval(_: World, __: Act) -> Message:
    return IntervalClosed()


def pull_kill_switch(_: World, act: Act) -> Message | None:
    return KillSwitchPulled("enough") if act.a == 0 else None


def say_again(world: World, act: Act) -> Message | None:
    """A message from before, as after a reconnect: the latest, or one from long ago."""
    back = act.pick * act.a if act.c % 2 else act.a
    return world.told[-1 - back % len(world.told)] if world.told else None


def talk_nonsense(world: World, act: Act) -> Message:
    position = world.a_position(act)
    known = position.id if position else NOBODY
    return (
        OrderAcknowledged(NOBODY, ""),
        OrderFilled(execution("100", "1", of=NOBODY)),
        OrderEnded(NOBODY, OrderStatus.CANCELED, ""),
        OrderAmended(NOBODY, Decimal(1), None),
        FundingSettled(known, world.at, Decimal("NaN")),
        PositionLiquidated(known, Decimal(0), Decimal(0), "zero"),
        PositionLiquidated(known, Decimal(1), Decimal("NaN"), "nan"),
        DecisionMade(NOBODY, proposal()),
        PriceMoved("BTC/USDT", Decimal(-1)),
        PriceMoved("BTC/USDT", Decimal("NaN")),
    )[act.a]


# Each by how often it happens: mostly trading, now and then trouble.
ACTS: dict[Callable[[World, Act], Message | None], int] = {
    execute: 8,
    propose: 6,
    run_through_a_stop: 4,
    carry_out: 3,
    move: 2,
    say_again: 2,
    end: 2,
    leave: 1,
    tighten: 2,
    use_budget: 1,
    acknowledge: 1,
    amend: 1,
    settle_funding: 1,
    liquidate: 1,
    close_interval: 1,
    pull_kill_switch: 1,
    talk_nonsense: 1,
}
BY_NAME = {act.__name__: act for act in ACTS}

DIGITS = st.integers(0, 9)
SECONDS = [0, 1, 1, 1, 60, 60, 600] * 4 + [3600, 50_000, 40 * 86_400]
LATER = st.sampled_from([timedelta(seconds=seconds) for seconds in SECONDS])
HAPPENINGS = st.lists(
    st.builds(
        Act,
        what=st.sampled_from([act.__name__ for act, often in ACTS.items() for _ in range(often)]),
        after=LATER,
        pick=DIGITS,
        a=DIGITS,
        b=DIGITS,
        c=DIGITS,
    ),
    min_size=25,
    max_size=60,
)


# --- the books, done again from the facts ---------------------------------------------------


@dataclass(slots=True)
class Trade:
    """A position as its executions alone tell it, in fractions: nothing is rounded here."""

    sign: int
    leverage: int
    size: Fraction = Fraction(0)
    cost: Fraction = Fraction(0)
    margin: Fraction = Fraction(0)
    profit: Fraction = Fraction(0)
    fees: Fraction = Fraction(0)
    paid_in: Fraction = Fraction(0)
    paid_out: Fraction = Fraction(0)
    executions: int = 0

    def enter(self, quantity: Fraction, cost: Fraction) -> None:
        self.executions += 1
        self.size += quantity
        self.cost += cost
        self.margin += cost / self.leverage
        self.paid_in += cost

    def leave(self, quantity: Fraction, proceeds: Fraction) -> None:
        self.executions += 1
        share = quantity / self.size
        self.profit += self.sign * (proceeds - self.cost * share)
        self.paid_out += proceeds
        self.size -= quantity
        self.cost -= self.cost * share
        self.margin -= self.margin * share
        if 0 < self.size < Fraction(STEP):
            self.give_up()

    def give_up(self) -> None:
        """What is left is too small to be sold."""
        self.profit -= self.cost
        self.size = self.cost = self.margin = Fraction(0)


def in_quanta(amount: Fraction) -> Fraction:
    """To 1e-8, half to even: what a venue charges."""
    return Fraction(round(amount / Fraction(QUANTUM))) * Fraction(QUANTUM)


@dataclass(slots=True)
class Books:
    """Everything recounted from the facts, and the claims that must hold of it."""

    capital: Decimal
    is_spot: bool
    balances: defaultdict[tuple[Account, str], Decimal] = field(
        default_factory=lambda: defaultdict(Decimal)
    )
    statuses: dict[UUID, OrderStatus] = field(default_factory=dict)
    created: dict[UUID, OrderCreated] = field(default_factory=dict)
    leverages: dict[UUID, int] = field(default_factory=dict)
    position_of_entry: dict[UUID, UUID] = field(default_factory=dict)
    trades: dict[UUID, Trade] = field(default_factory=dict)
    seen_trades: set[tuple[UUID, str]] = field(default_factory=set)
    alarms: set[str] = field(default_factory=set)
    funding: Decimal = Decimal(0)
    seen_settlements: set[tuple[UUID | None, datetime]] = field(default_factory=set)
    # beyond what was put aside for them, entries took this from cash
    overdrawn_by_entries: Decimal = Decimal(0)
    # beyond what they brought in, exits cost this in fees
    overdrawn_by_exits: Decimal = Decimal(0)
    # of the day
    triggered: bool = False
    opened: int = 0
    outcomes: list[Decimal] = field(default_factory=list)
    opened_by_month: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.balances[Account.CASH, "USDT"] = self.capital
        self.balances[Account.CAPITAL, "USDT"] = -self.capital

    def take(self, fact: Fact, at: datetime) -> None:
        """Recount with one more fact; what a fact itself must hold is claimed here."""
        match fact:
            case CashMoved():
                self.take_transfer(fact.transfer)
            case ProposalAccepted():
                self.leverages[fact.order_id] = fact.proposal.leverage
            case OrderCreated():
                assert fact.order_id not in self.created
                is_entry = fact.purpose is OrderPurpose.ENTRY
                assert not (is_entry and self.triggered), (
                    "a triggered breaker lets no entry through"
                )
                self.created[fact.order_id] = fact
                self.statuses[fact.order_id] = OrderStatus.PENDING
            case OrderStatusChanged():
                assert fact.before == self.statuses[fact.order_id], "changes follow each other"
                assert fact.after in LIFECYCLE[fact.before], "each is a row of the table"
                self.statuses[fact.order_id] = fact.after
            case PositionOpened():
                assert fact.leverage == self.leverages[fact.entry_order_id]
                self.position_of_entry[fact.entry_order_id] = fact.position_id
                self.trades[fact.position_id] = Trade(fact.side.sign, fact.leverage)
                self.opened += 1
                self.opened_by_month[f"{at:%Y-%m}"] += 1
            case PositionEnded():
                self.outcomes.append(fact.net_pnl)
            case BreakerReset():
                self.triggered, self.opened, self.outcomes = False, 0, []
            case RiskRaised():
                self.take_risk_event(fact.event)
            case _:
                pass

    def take_transfer(self, transfer: Transfer) -> None:
        totals: defaultdict[str, Decimal] = defaultdict(Decimal)
        for entry in transfer.entries:
            totals[entry.currency] += entry.amount
            self.balances[entry.account, entry.currency] += entry.amount
            assert entry.currency != "USDT" or entry.amount % QUANTUM == 0
        assert not any(totals.values()), "a transfer sums to zero in each currency"
        lines = {e.account: e.amount for e in transfer.entries if e.currency == "USDT"}
        assert transfer.entries or transfer.reason is TransferReason.FUNDING, "something moves"
        if transfer.reason is TransferReason.ENTRY:
            self.overdrawn_by_entries -= lines.get(Account.CASH, Decimal(0))
        if transfer.reason is TransferReason.FUNDING:
            settlement = (transfer.position_id, transfer.at)
            assert settlement not in self.seen_settlements, "a settlement is charged once"
            self.seen_settlements.add(settlement)
            self.funding += lines.get(Account.FUNDING, Decimal(0))

    def take_risk_event(self, event: RiskEvent) -> None:
        if event.event_type is RiskEventType.CIRCUIT_BREAKER_TRIGGERED:
            assert not self.triggered, "it trips once a day"
            self.triggered = True
        if event.event_type is RiskEventType.ANOMALY_DETECTED:
            self.alarms.add(event.data["position_id"])

    def execute(self, facts: tuple[Fact, ...]) -> None:
        """Book the executions of a step, after `take` has learned whose they are."""
        for fact in facts:
            if not isinstance(fact, FillBooked):
                continue
            fill = fact.fill
            assert (fill.order_id, fill.venue_trade_id) not in self.seen_trades, "counted once"
            self.seen_trades.add((fill.order_id, fill.venue_trade_id))
            order = self.created[fill.order_id]
            base, _, quote = order.symbol.partition("/")
            worth = in_quanta(Fraction(fill.price) * Fraction(fill.quantity))
            fee_quote = fee_base = Fraction(0)
            if fill.fee_currency == quote:
                # never understated: up to the next 1e-8
                fee_quote = -(-Fraction(fill.fee) // Fraction(QUANTUM)) * Fraction(QUANTUM)
            is_entry = order.purpose is OrderPurpose.ENTRY
            if fill.fee_currency == base and is_entry and self.is_spot:
                fee_base = Fraction(fill.fee)
                fee_quote = in_quanta(fee_base * Fraction(fill.price))
            position_id = self.position_of_entry[fill.order_id] if is_entry else order.position_id
            assert position_id is not None
            trade = self.trades[position_id]
            trade.fees += fee_quote
            if is_entry:
                cost = worth - fee_quote if fee_base else worth
                trade.enter(Fraction(fill.quantity) - fee_base, cost)
            else:
                trade.leave(Fraction(fill.quantity), worth)
                shortfall = max(fee_quote - worth, Fraction(0))
                self.overdrawn_by_exits += Decimal(shortfall.numerator) / shortfall.denominator
        for fact in facts:
            if isinstance(fact, PositionEnded) and self.trades[fact.position_id].size:
                self.trades[fact.position_id].give_up()

    # --- what must hold after every step ---

    def check(self, world: World) -> None:
        self.check_ledger(world.fund)
        self.check_equity(world.fund)
        self.check_breaker(world.fund)
        self.check_orders(world)
        self.check_trades(world)

    def check_ledger(self, of: Fund) -> None:
        strategy = of.strategies[STRATEGY]
        assert strategy.balances == {
            k: v for k, v in self.balances.items() if k in strategy.balances
        }
        assert {k for k, v in self.balances.items() if v} <= strategy.balances.keys()
        for currency in {currency for _, currency in strategy.balances}:
            held = [v for (_, c), v in strategy.balances.items() if c == currency]
            assert sum(held) == 0, "whatever the strategy has came from somewhere"
        assert strategy.reserved == sum(order.reserved_quote for order in of.working_entries())
        assert strategy.balance(Account.POSITIONS) == sum(p.margin for p in of.positions.values())
        assert all(order.reserved_quote >= 0 for order in of.orders.values())
        assert strategy.allocated_capital == self.capital

    def check_equity(self, of: Fund) -> None:
        strategy = of.strategies[STRATEGY]
        market_value = sum(
            (p.margin + p.side.sign * (p.size * p.current_price - p.entry_cost))
            for p in of.positions.values()
        )
        assert strategy.current_equity == strategy.cash_reserve + strategy.reserved + market_value
        assert strategy.total_pnl == strategy.current_equity - self.capital
        assert of.equity == strategy.current_equity
        if self.is_spot:
            # Cash goes below zero only by what entries cost beyond their reserves, and by what
            # exits cost beyond their proceeds; not by any new entry.
            overdrawn = self.overdrawn_by_entries + self.overdrawn_by_exits
            assert strategy.cash_reserve >= -overdrawn

    def check_breaker(self, of: Fund) -> None:
        breaker = of.breaker
        assert breaker.is_triggered == self.triggered
        assert breaker.daily_trade_count == self.opened
        assert breaker.daily_wins == sum(pnl > 0 for pnl in self.outcomes)
        assert breaker.daily_losses == sum(pnl < 0 for pnl in self.outcomes)
        in_a_row = 0
        for pnl in self.outcomes:
            in_a_row = 0 if pnl > 0 else in_a_row + (pnl < 0)
        assert breaker.consecutive_losses == in_a_row
        assert breaker.daily_pnl == of.equity - breaker.day_start_equity
        limit = -breaker.max_daily_drawdown * breaker.day_start_equity / 100
        if breaker.daily_pnl <= limit < 0:
            assert breaker.is_triggered
        if in_a_row >= breaker.max_consecutive_loss:
            assert breaker.is_triggered
        month = f"{of.as_of:%Y-%m}"
        assert of.monthly_trades.at(of.as_of) == self.opened_by_month[month]

    def check_orders(self, world: World) -> None:
        for order in world.fund.orders.values():
            assert order.status == self.statuses[order.id]
            assert order.is_working or order.position_id in world.fund.positions
            assert 0 <= order.filled_amount <= order.amount
        working = {o.id for o in world.fund.orders.values() if o.is_working}
        ended = {
            OrderStatus.FILLED,
            OrderStatus.CANCELED,
            OrderStatus.REJECTED,
            OrderStatus.EXPIRED,
        }
        assert working == {name for name, status in self.statuses.items() if status not in ended}
        for position in world.fund.positions.values():
            guards = {order.purpose for order in world.fund.orders_of(position.id)}
            is_guarded = guards & {OrderPurpose.STOP_LOSS, OrderPurpose.EXIT}
            is_unsellable = position.size < STEP
            # Naked only after an alarm, and only until the next interval closes.
            is_known = str(position.id) in self.alarms
            may_be_naked = is_known and not isinstance(world.told[-1], IntervalClosed)
            assert is_guarded or is_unsellable or may_be_naked

    def check_trades(self, world: World) -> None:
        total_profit = total_fees = total_margin = Fraction(0)
        for position_id, trade in self.trades.items():
            position = world.positions[position_id]
            # one rounding to 1e-8 for each execution
            tolerance = Fraction(QUANTUM) * (trade.executions + 1)
            assert position.is_open == (position_id in world.fund.positions)
            assert Fraction(position.size) == trade.size
            assert Fraction(position.fees) == trade.fees
            assert abs(Fraction(position.realized_pnl) - trade.profit) <= tolerance
            assert abs(Fraction(position.margin) - trade.margin) <= tolerance
            if not position.is_open:
                # nothing open, nothing rounded: proceeds less cost, to the last digit
                earned = trade.sign * (trade.paid_out - trade.paid_in)
                assert Fraction(position.realized_pnl) == earned
            total_profit += Fraction(position.realized_pnl)
            total_margin += Fraction(position.margin)
            total_fees += trade.fees
        strategy = world.fund.strategies[STRATEGY]
        assert strategy.balance(Account.REALIZED_PROFIT) == -Decimal(total_profit.numerator) / (
            total_profit.denominator
        )
        cash = Fraction(strategy.cash_reserve + strategy.reserved)
        earned = total_profit - total_fees - Fraction(self.funding)
        assert cash == Fraction(self.capital) + earned - total_margin
        if self.is_spot:
            # what was bought, sold and paid in fees, with no books in between
            flows = sum(t.paid_out - t.paid_in - t.fees for t in self.trades.values())
            assert cash == Fraction(self.capital) + flows


# --- the claim ------------------------------------------------------------------------------


def begin(market_type: MarketType) -> Fund:
    """Bounds tight enough to be met, a breaker that trips now and then and is reset again."""
    own = settings(
        max_daily_drawdown=Decimal(8),
        max_consecutive_loss=2,
        max_total_exposure_usd=Decimal(6_000 if market_type is MarketType.SPOT else 30_000),
        max_leverage_multiple=Decimal(9),
    )
    return fund(market_type, own=own)


def run(
    happenings: list[Act], market_type: MarketType, reached: Counter[str]
) -> list[tuple[Message, datetime, Step]]:
    """Live through it, checking everything after each message; what was accepted."""
    world = World(begin(market_type))
    world.saved = {row.id: repr(row) for row in world.fund.strategies.values()}
    books = Books(Decimal(10_000), is_spot=market_type is MarketType.SPOT)
    accepted: list[tuple[Message, datetime, Step]] = []
    for act in happenings:
        message = BY_NAME[act.what](world, act)
        if message is None:
            continue
        world.at += act.after
        world.told.append(message)
        before, risk_before = repr(world.fund), world.fund.risk_quote
        try:
            step = world.fund.step(message, world.at)
        except HedgerowError as refusal:
            assert repr(world.fund) == before, "a refused message leaves no trace"
            reached[type(refusal).__name__] += 1
            continue
        accepted.append((message, world.at, step))
        if isinstance(message, DecisionMade) and isinstance(message.decision, StopProposal):
            assert world.fund.risk_quote == risk_before
        world.take(world.fund.take_changes(), step)
        for fact in step.facts:
            books.take(fact, world.at)
        books.execute(step.facts)
        reached.update(type(said).__name__ for said in (*step.facts, *step.wishes))
        reached.update(f.event.event_type for f in step.facts if isinstance(f, RiskRaised))
        books.check(world)
    return accepted


def replay(accepted: list[tuple[Message, datetime, Step]], market_type: MarketType) -> list[Step]:
    again = begin(market_type)
    return [again.step(message, at) for message, at, _ in accepted]


NEVER_HERE = {FundOpened, ProposalWithheld, Abstained}
REACHED = {fact.__name__ for fact in get_args(Fact) if fact not in NEVER_HERE}
REACHED |= {wish.__name__ for wish in get_args(Wish)}
REACHED |= set(RiskEventType)
REACHED |= {"UnknownEntity", "FillRefused", "TransitionRefused", "InvalidValue", "NotExact"}


@pytest.mark.parametrize("market_type", MarketType)
def test_no_sequence_of_messages_breaks_the_fund(market_type: MarketType) -> None:
    reached: Counter[str] = Counter()

    @hypothesis.settings(reproducible, max_examples=300)
    @given(happenings=HAPPENINGS)
    def live_through(happenings: list[Act]) -> None:
        accepted = run(happenings, market_type, reached)
        # the same messages, and not even those that were refused, make the same facts and ids
        assert replay(accepted, market_type) == [step for _, _, step in accepted]

    live_through()
    assert not REACHED - reached.keys(), "the examples must reach every kind of fact and refusal"
