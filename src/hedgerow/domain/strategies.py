"""A strategy (portfolio): its capital, its cash by ledger, its equity and what it has earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from hedgerow.domain.errors import DocumentRefused, InsufficientCash, InvalidValue
from hedgerow.domain.ledger import Account, LedgerEntry, Reference, Transfer, TransferReason
from hedgerow.domain.market import MarketType, split_symbol
from hedgerow.domain.money import HUNDRED, ONE, ZERO, ratio, require_exact, to_quote
from hedgerow.domain.performance import DailyReturns, day_return, fall_pct, win_rate_pct


class StrategyStatus(StrEnum):
    """Whether a strategy trades."""

    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"


class RiskTolerance(StrEnum):
    """How much a strategy stakes on one trade."""

    CONSERVATIVE = "conservative"
    MODERATE = "moderate"
    AGGRESSIVE = "aggressive"


class RebalanceFrequency(StrEnum):
    """How often a strategy returns to its targets."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    NEVER = "never"

    @property
    def every(self) -> timedelta | None:
        """The time in between; a month is 30 days, NEVER has none."""
        return _REBALANCED_EVERY.get(self)


_REBALANCED_EVERY: Final = {
    RebalanceFrequency.DAILY: timedelta(days=1),
    RebalanceFrequency.WEEKLY: timedelta(days=7),
    RebalanceFrequency.MONTHLY: timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class ReasoningNote:
    """Why a portfolio is as it is: when that was said, by whom, and in which words."""

    at: datetime
    author: str
    reasoning: str


@dataclass(slots=True)
class Strategy:
    """A portfolio in one quote currency. `allocated_capital` never changes after it is made.

    `balances` holds the ledger by account and currency; `max_drawdown`, `win_rate` and
    `total_pnl_percent` are in per cent. Sharpe ratio, drawdown and win rate are kept as trades
    close and days roll, and are what `domain.performance` makes of the whole series.
    """

    id: UUID
    user_id: UUID
    name: str
    quote_currency: str
    allocated_capital: Decimal
    market_type: MarketType
    risk_tolerance: RiskTolerance
    created_at: datetime
    updated_at: datetime
    description: str = ""
    status: StrategyStatus = StrategyStatus.ACTIVE
    rebalance_frequency: RebalanceFrequency = RebalanceFrequency.NEVER
    target_allocations: Mapping[str, Decimal] = field(default_factory=dict)
    reasoning_log: tuple[ReasoningNote, ...] = ()
    balances: dict[tuple[Account, str], Decimal] = field(default_factory=dict)
    current_equity: Decimal = ZERO
    total_pnl: Decimal = ZERO
    total_pnl_percent: Decimal = ZERO
    peak_equity: Decimal = ZERO
    max_drawdown: Decimal = ZERO
    trades_won: int = 0
    trades_lost: int = 0
    day_start_equity: Decimal = ZERO
    daily_returns: DailyReturns = field(default_factory=DailyReturns)

    def __post_init__(self) -> None:
        require_exact(allocated_capital=self.allocated_capital)
        if self.allocated_capital <= ZERO or to_quote(self.allocated_capital) != (
            self.allocated_capital
        ):
            raise InvalidValue(
                field="allocated_capital",
                value=self.allocated_capital,
                allowed="above 0, with at most 8 decimals",
            )
        check_allocations(self.target_allocations)

    def __setattr__(self, name: str, value: object) -> None:
        if name == "allocated_capital" and hasattr(self, name):
            raise InvalidValue(field=name, value=value, allowed="the initial capital, for ever")
        object.__setattr__(self, name, value)

    def balance(self, account: Account, currency: str | None = None) -> Decimal:
        """What an account holds, in the strategy's quote currency unless another is named."""
        return self.balances.get((account, currency or self.quote_currency), ZERO)

    @property
    def cash_reserve(self) -> Decimal:
        """Cash available for new positions."""
        return self.balance(Account.CASH)

    @property
    def reserved(self) -> Decimal:
        """Cash put aside for entry orders that are not filled yet."""
        return self.balance(Account.RESERVED)

    @property
    def win_rate(self) -> Decimal:
        """Winning trades of all closed ones, in per cent."""
        return win_rate_pct(self.trades_won, self.trades_won + self.trades_lost)

    @property
    def sharpe_ratio(self) -> Decimal:
        """Annualised, from daily equity at 00:00 UTC."""
        return self.daily_returns.sharpe_ratio

    def post(self, transfer: Transfer) -> Transfer:
        """Book a transfer: the one way by which a balance changes."""
        assert transfer.strategy_id == self.id
        for entry in transfer.entries:
            key = (entry.account, entry.currency)
            self.balances[key] = self.balances.get(key, ZERO) + entry.amount
        # Funding is filed under the time the venue settled it, which may have passed.
        self.updated_at = max(self.updated_at, transfer.at)
        return transfer

    def deposit(self, reference: Reference) -> Transfer:
        """Pay in the allocated capital, once."""
        assert not self.balances, "capital is allocated once"
        capital = self.allocated_capital
        transfer = self.move(
            TransferReason.DEPOSIT, reference, {Account.CAPITAL: -capital, Account.CASH: capital}
        )
        self.peak_equity = self.day_start_equity = capital
        self.update_equity(ZERO, reference.at)
        return transfer

    def allocate_cash(self, amount: Decimal, reference: Reference) -> Transfer:
        """Put cash aside for an opening order; raises InsufficientCash, InvalidValue."""
        _require_above_zero(amount)
        if amount > self.cash_reserve:
            raise InsufficientCash(needed=amount, available=self.cash_reserve)
        return self.move(
            TransferReason.RESERVE, reference, {Account.CASH: -amount, Account.RESERVED: amount}
        )

    def release_cash(self, amount: Decimal, reference: Reference) -> Transfer:
        """Give back what an ended order no longer needs; raises InsufficientCash, InvalidValue."""
        _require_above_zero(amount)
        if amount > self.reserved:
            raise InsufficientCash(needed=amount, available=self.reserved)
        return self.move(
            TransferReason.RELEASE, reference, {Account.RESERVED: -amount, Account.CASH: amount}
        )

    def return_cash(self, position_value: Decimal, cost: Decimal, reference: Reference) -> Transfer:
        """Take back what a closed position (or part of one) is worth.

        `cost` leaves the positions account; what the value exceeds it by is realised profit.
        """
        return self.move(
            TransferReason.EXIT,
            reference,
            {
                Account.POSITIONS: -cost,
                Account.CASH: position_value,
                Account.REALIZED_PROFIT: cost - position_value,
            },
        )

    def update_equity(self, positions_value: Decimal, at: datetime) -> None:
        """CurrentEquity = CashReserve + PositionsValue, and all that follows from it.

        Cash put aside for an unfilled entry belongs to `positions_value`: the order is a position
        in the making, and equity does not dip while it waits.
        """
        self.current_equity = self.cash_reserve + positions_value
        self.total_pnl = self.current_equity - self.allocated_capital
        self.total_pnl_percent = (
            ratio(self.current_equity, self.allocated_capital) - ONE
        ) * HUNDRED
        self.peak_equity = max(self.peak_equity, self.current_equity)
        self.max_drawdown = max(self.max_drawdown, fall_pct(self.peak_equity, self.current_equity))
        self.updated_at = at

    def sets_record(self, equity: Decimal) -> bool:
        """Whether `equity` would be a new peak or a deeper drawdown."""
        if equity > self.peak_equity:
            return True
        return fall_pct(self.peak_equity, equity) > self.max_drawdown

    def record_trade(self, won: bool) -> None:
        """Count a closed trade."""
        self.trades_won += won
        self.trades_lost += not won

    def roll_day(self) -> None:
        """Close the day's books: one more daily return."""
        earned = day_return(self.day_start_equity, self.current_equity)
        if earned is not None:
            self.daily_returns.add(earned)
        self.day_start_equity = self.current_equity

    def move(
        self,
        reason: TransferReason,
        reference: Reference,
        amounts: Mapping[Account, Decimal],
        currency: str | None = None,
    ) -> Transfer:
        """Post the non-zero `amounts`, in quote currency unless another is named."""
        entries = tuple(
            LedgerEntry(account, currency or self.quote_currency, amount)
            for account, amount in amounts.items()
            if amount
        )
        return self.post(
            Transfer(
                reference.transfer_id,
                self.id,
                reference.at,
                reason,
                entries,
                reference.order_id,
                reference.position_id,
            )
        )


def _require_above_zero(amount: Decimal) -> None:
    require_exact(amount=amount)
    if amount <= ZERO:
        raise InvalidValue(field="amount", value=amount, allowed="above 0")


def check_allocations(allocations: Mapping[str, Decimal]) -> None:
    """Raise DocumentRefused unless shares and their sum lie in 0 to 1 and pairs are BASE/QUOTE."""
    for key, share in allocations.items():
        if "/" in key:
            try:
                split_symbol(key)
            except InvalidValue as error:
                problem = f"must be a currency or {error.allowed}"
                raise DocumentRefused("target_allocations", key, problem) from error
        if not (isinstance(share, Decimal) and share.is_finite() and ZERO <= share <= ONE):
            raise DocumentRefused("target_allocations", key, "must be a share from 0 to 1")
    total = sum(allocations.values(), ZERO)
    if total > ONE:
        raise DocumentRefused("target_allocations", "(sum)", f"is {total}, above 1")
