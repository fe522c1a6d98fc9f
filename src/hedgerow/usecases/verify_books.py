"""Verify everything that can be verified: ledger, books, orders, protection, event chain."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from hedgerow.domain.events import Event, EventHead
from hedgerow.domain.fund import Fund
from hedgerow.domain.ledger import Account, totals
from hedgerow.domain.messages import (
    AmendOrder,
    CashMoved,
    FillBooked,
    LearnFromTrade,
    OrderCreated,
    OrderStatusChanged,
    PositionOpened,
)
from hedgerow.domain.money import ZERO, exact
from hedgerow.domain.orders import TRANSITIONS, Order, OrderPurpose, OrderStatus
from hedgerow.domain.positions import Position
from hedgerow.domain.strategies import Strategy
from hedgerow.usecases.facts import fact_of
from hedgerow.usecases.ports.funds import PendingWish
from hedgerow.usecases.ports.records import AuditedOrder
from hedgerow.usecases.ports.unit_of_work import UnitOfWork
from hedgerow.usecases.rederive import DerivedBooks, DerivedPosition, Execution, derive_books


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it must be."""

    check: str
    subject: str
    problem: str


@dataclass(slots=True)
class AuditReport:
    """How many of each thing were verified, and every difference found."""

    verified: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was found."""
        return not self.differences

    def has_clean(self, check: str) -> bool:
        """Whether one check found nothing."""
        return all(difference.check != check for difference in self.differences)

    def note(self, check: str, subject: object, problem: str) -> None:
        """Write down a difference."""
        self.differences.append(Difference(check, str(subject), problem))

    def compare(self, check: str, subject: object, what: str, stored: object, found: Any) -> None:
        """Write down a difference where what is stored is not what was worked out."""
        if stored != found:
            self.note(check, subject, f"{what} is stored as {stored}, but works out as {found}")


async def verify_all(unit: UnitOfWork) -> AuditReport:
    """Verify every fund in the database."""
    report = AuditReport()
    for user_id in await unit.audit.user_ids():
        await verify_fund(unit, user_id, report)
    return report


async def verify_fund(unit: UnitOfWork, user_id: UUID, report: AuditReport) -> None:
    """Verify one user's fund, adding to `report`."""
    fund = await unit.funds.load(user_id)
    orders = await unit.audit.orders(user_id)
    positions = await unit.audit.positions(user_id)
    wishes = await unit.funds.pending_wishes(user_id)
    report.verified["funds"] += 1
    with exact():
        log = await _verify_events(unit, fund, report)
        transfers = await _verify_ledger(unit, fund, report)
        report.compare("events", user_id, "the number of transfers", transfers, log.transfers)
        _verify_orders(orders, log, report)
        _verify_books(fund, orders, positions, log, report)
        _verify_protection(fund, wishes, report)
        await _verify_journal(unit, user_id, positions, wishes, report)


@dataclass(slots=True)
class _History:
    """The statuses an order went through, by its events."""

    created: bool = False
    changes: list[tuple[OrderStatus, OrderStatus]] = field(default_factory=list)


@dataclass(slots=True)
class _Log:
    """What a user's events tell: order histories, executions in their order, transfers."""

    histories: defaultdict[UUID, _History] = field(default_factory=lambda: defaultdict(_History))
    fills: list[Execution] = field(default_factory=list)
    transfers: int = 0

    def read(self, event: Event) -> None:
        """Take in one event."""
        match event.kind, event.subject_id:
            case OrderCreated.__name__, UUID() as order_id:
                self.histories[order_id].created = True
            case OrderStatusChanged.__name__, UUID() as order_id:
                fact = fact_of(event, OrderStatusChanged)
                self.histories[order_id].changes.append((fact.before, fact.after))
            case FillBooked.__name__, UUID() as order_id:
                fill = fact_of(event, FillBooked).fill
                self.fills.append(Execution(order_id, fill.venue_trade_id))
            case PositionOpened.__name__, UUID() as position_id:
                # The fund writes it down right after the execution that opened it.
                self.fills[-1:] = [replace(last, opened=position_id) for last in self.fills[-1:]]
            case CashMoved.__name__, _:
                self.transfers += 1


async def _verify_events(unit: UnitOfWork, fund: Fund, report: AuditReport) -> _Log:
    """Verify the hash chain from the first event to the fund's head; collect what it tells."""
    head, log = EventHead(), _Log()
    async for event in unit.audit.events(fund.user.id):
        subject = f"event {event.sequence} of {fund.user.id}"
        if event.sequence != head.sequence + 1 or event.previous_hash != head.hash:
            report.note("events", subject, f"does not follow event {head.sequence}")
        if event.is_intact:
            log.read(event)
        else:
            # What it says now is worth nothing, and may not even be readable.
            report.note("events", subject, "was changed after it was written")
        head = EventHead(event.sequence, event.hash)
        report.verified["events"] += 1
    report.compare("events", fund.user.id, "the end of the event log", fund.event_head, head)
    return log


async def _verify_ledger(unit: UnitOfWork, fund: Fund, report: AuditReport) -> int:
    """Re-add every entry of every transfer; returns the number of transfers."""
    sums: defaultdict[tuple[UUID, Account, str], Decimal] = defaultdict(lambda: ZERO)
    count = 0
    async for transfer in unit.audit.transfers(fund.user.id):
        count += 1
        for currency, difference in totals(transfer.entries).items():
            if difference:
                report.note("ledger", transfer.id, f"is off by {difference} {currency}")
        for entry in transfer.entries:
            sums[transfer.strategy_id, entry.account, entry.currency] += entry.amount
            report.verified["ledger entries"] += 1
    for strategy in fund.strategies.values():
        _compare_balances(strategy, sums, report)
    report.verified["transfers"] += count
    return count


def _compare_balances(
    strategy: Strategy, sums: dict[tuple[UUID, Account, str], Decimal], report: AuditReport
) -> None:
    added = {(a, c): total for (owner, a, c), total in sums.items() if owner == strategy.id}
    for key in added.keys() | strategy.balances.keys():
        stored = strategy.balances.get(key, ZERO)
        report.compare("ledger", strategy.id, f"the {key[0]} account", stored, added.get(key, ZERO))
    capital = -added.get((Account.CAPITAL, strategy.quote_currency), ZERO)
    report.compare(
        "ledger", strategy.id, "the allocated capital", strategy.allocated_capital, capital
    )
    report.verified["strategies"] += 1


def _verify_orders(orders: Sequence[AuditedOrder], log: _Log, report: AuditReport) -> None:
    """Walk every order through the transition table, and re-add its executions."""
    stored = {(a.order.id, fill.venue_trade_id) for a in orders for fill in a.fills}
    known = {(each.order_id, each.venue_trade_id) for each in log.fills}
    report.compare("events", "fills", "the set of fills", stored, known)
    for audited in orders:
        order, history = audited.order, log.histories[audited.order.id]
        report.verified["orders"] += 1
        report.verified["fills"] += len(audited.fills)
        for problem in _history_problems(order, history):
            report.note("orders", order.id, problem)
        filled = sum((fill.quantity for fill in audited.fills), ZERO)
        report.compare("orders", order.id, "the filled amount", order.filled_amount, filled)
        quote = sum((fill.quote for fill in audited.fills), ZERO)
        report.compare("orders", order.id, "the filled quote", order.filled_quote, quote)


def _history_problems(order: Order, history: _History) -> Iterator[str]:
    if not history.created:
        yield "has no event of its creation"
    status = OrderStatus.PENDING
    for before, after in history.changes:
        if before != status:
            yield f"went to {after} from {before} while it was {status}"
        if after not in TRANSITIONS[before]:
            yield f"went from {before} to {after}, which the transition table refuses"
        status = after
    if status is not order.status:
        yield f"is stored as {order.status}, but its events end with {status}"


def _verify_books(
    fund: Fund,
    orders: Sequence[AuditedOrder],
    positions: Sequence[Position],
    log: _Log,
    report: AuditReport,
) -> None:
    """Hold strategies and positions against what the executions alone lead to."""
    books = derive_books(orders, log.fills, fund.instruments)
    for position in positions:
        derived = books[position.strategy_id].positions.get(position.id)
        report.verified["positions"] += 1
        if derived is None:
            report.note("books", position.id, "is a position without an execution")
        else:
            _compare_position(position, derived, report)
    for strategy in fund.strategies.values():
        mine = [p for p in positions if p.strategy_id == strategy.id]
        _compare_strategy(strategy, books.get(strategy.id, DerivedBooks()), mine, report)


def _compare_position(position: Position, derived: DerivedPosition, report: AuditReport) -> None:
    pairs = {
        "the size": (position.size, derived.size),
        "the realised profit": (position.realized_pnl, derived.profit),
        "the margin": (position.margin, derived.margin),
        "the fees": (position.fees, derived.fees),
        "being open": (position.is_open, bool(derived.size)),
    }
    for what, (stored, found) in pairs.items():
        report.compare("books", position.id, what, stored, found)


def _compare_strategy(
    strategy: Strategy, books: DerivedBooks, positions: Sequence[Position], report: AuditReport
) -> None:
    funding = sum((position.funding for position in positions), ZERO)
    unrealized = sum(
        (
            (p.current_price * derived.size - derived.cost) * derived.sign
            for p in positions
            if (derived := books.positions.get(p.id)) is not None
        ),
        ZERO,
    )
    earned = books.profit - funding
    cash = strategy.allocated_capital + earned - books.margin - strategy.reserved
    equity = strategy.allocated_capital + earned + unrealized
    report.compare("books", strategy.id, "the cash reserve", strategy.cash_reserve, cash)
    report.compare("books", strategy.id, "the equity", strategy.current_equity, equity)
    profit = equity - strategy.allocated_capital
    report.compare("books", strategy.id, "the total profit", strategy.total_pnl, profit)


def _verify_protection(fund: Fund, wishes: Sequence[PendingWish], report: AuditReport) -> None:
    """Every open position has a working stop for all of it, or is being left."""
    amending = {pending.wish.order_id for pending in wishes if isinstance(pending.wish, AmendOrder)}
    for position in fund.positions.values():
        report.verified["open positions"] += 1
        working = fund.orders_of(position.id)
        stops = [order for order in working if order.purpose is OrderPurpose.STOP_LOSS]
        leaving = any(order.purpose is OrderPurpose.EXIT for order in working)
        step = fund.instruments[position.trading_pair_id].quantity_step
        # What is too small to be sold cannot be protected either.
        if not stops and not leaving and position.size >= step:
            report.note("protection", position.id, "is open without a working stop")
        for stop in stops:
            if stop.id not in amending and abs(position.size - stop.remaining) >= step:
                problem = f"its stop covers {stop.remaining} of {position.size}"
                report.note("protection", position.id, problem)


async def _verify_journal(
    unit: UnitOfWork,
    user_id: UUID,
    positions: Sequence[Position],
    wishes: Sequence[PendingWish],
    report: AuditReport,
) -> None:
    """Every trade that has ended is in the journal, or is waiting to be written down."""
    waiting = {
        pending.wish.position_id for pending in wishes if isinstance(pending.wish, LearnFromTrade)
    }
    written = await unit.journal.trade_ids(user_id)
    for position in positions:
        # What was given up without a sale has no exit to write down.
        if position.is_open or position.exit_price is None or position.id in waiting:
            continue
        if position.id not in written:
            report.note("journal", position.id, "has ended and is not in the journal")
        report.verified["journal entries"] += 1
