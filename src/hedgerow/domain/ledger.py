"""The capital ledger: cash moves only by transfers whose entries sum to zero."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hedgerow.domain.errors import UnbalancedTransfer
from hedgerow.domain.money import ZERO, require_exact


class Account(StrEnum):
    """The accounts of a strategy. What it owns is positive; where it came from, negative.

    So `capital` and a `realized_profit` that earned are below zero, `fees` paid above.
    """

    CAPITAL = "capital"
    CASH = "cash"
    RESERVED = "reserved"
    POSITIONS = "positions"
    FEES = "fees"
    REALIZED_PROFIT = "realized_profit"
    FUNDING = "funding"


class TransferReason(StrEnum):
    """Why money moved."""

    DEPOSIT = "deposit"
    RESERVE = "reserve"
    RELEASE = "release"
    ENTRY = "entry"
    EXIT = "exit"
    FEE = "fee"
    FUNDING = "funding"


@dataclass(frozen=True, slots=True)
class Reference:
    """What a transfer is filed under: its id, its time, and what it belongs to.

    `at` is when the money moved; for funding that is when the venue settled it, which the fund may
    hear of later.
    """

    transfer_id: UUID
    at: datetime
    order_id: UUID | None = None
    position_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of a transfer."""

    account: Account
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Transfer:
    """Lines that move money between accounts and sum to zero in each currency.

    Raises UnbalancedTransfer otherwise.
    """

    id: UUID
    strategy_id: UUID
    at: datetime
    reason: TransferReason
    entries: tuple[LedgerEntry, ...]
    order_id: UUID | None = None
    position_id: UUID | None = None

    def __post_init__(self) -> None:
        for currency, difference in totals(self.entries).items():
            if difference:
                raise UnbalancedTransfer(currency, difference)


def totals(entries: Iterable[LedgerEntry]) -> dict[str, Decimal]:
    """The sum of the entries in each currency."""
    sums: dict[str, Decimal] = {}
    for entry in entries:
        require_exact(amount=entry.amount)
        sums[entry.currency] = sums.get(entry.currency, ZERO) + entry.amount
    return sums
