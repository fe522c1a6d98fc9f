"""What people and auditors read."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow.domain.events import Event
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.ledger import LedgerEntry, TransferReason
from hedgerow.domain.messages import (
    EquityMarked,
    ProposalAccepted,
)
from hedgerow.domain.orders import Fill, Order
from hedgerow.domain.positions import Position


class Trades(Protocol):
    """Positions with what belongs to them, read for people: reports and explanations."""

    async def last(self) -> Position | None:
        """The position of the latest run that ended last, or while none has, opened last."""
        ...

    async def by_part(self, part: str) -> list[Position]:
        """Positions whose id begins or ends with `part`; at most two."""
        ...

    async def positions(self, strategy_id: UUID) -> list[Position]:
        """All positions of a strategy, by opening time."""
        ...

    async def orders(self, position_id: UUID) -> list[Order]:
        """The orders of a position, oldest first."""
        ...

    async def fills(self, order_ids: Sequence[UUID]) -> list[Fill]:
        """The executions of orders, oldest first."""
        ...

    async def journal(self, strategy_id: UUID) -> list[JournalEntry]:
        """All journal entries of a strategy's trades."""
        ...

    async def proposal(self, order_id: UUID) -> ProposalAccepted:
        """The accepted proposal that an entry order came from; raises UnknownEntity."""
        ...

    async def equity_marks(self, strategy_id: UUID) -> list[tuple[datetime, EquityMarked]]:
        """The equity of a strategy over time."""
        ...

    async def events_about(self, user_id: UUID, subject_ids: Sequence[UUID]) -> list[Event]:
        """A user's events whose subject is one of these, by sequence."""
        ...

    async def counts(self, user_id: UUID) -> Mapping[str, int]:
        """How many `orders`, `fills`, `memories`, `journal_entries` and of each event kind."""
        ...

    async def refusals(self, user_id: UUID) -> Mapping[str, int]:
        """How many proposals failed which pre-trade check, the most frequent first."""
        ...

    async def breaker_trips(self, user_id: UUID) -> int:
        """How often the user's circuit breaker has been triggered."""
        ...


@dataclass(slots=True)
class PaperRun:
    """A fund trading past candles, and how far it has come.

    `fingerprint` tells whether two runs have the same plan and candles; `plan` is a JSON document
    of what was asked for; `closed_through` the open_time of the last candles lived through.
    """

    id: UUID
    user_id: UUID
    strategy_id: UUID
    fingerprint: str
    plan: Mapping[str, object]
    started_at: datetime
    venue: Mapping[str, object]
    closed_through: datetime | None = None
    finished_at: datetime | None = None


class PaperRuns(Protocol):
    """Runs over past candles, saved in the same transaction as the fund they drive."""

    async def add(self, run: PaperRun) -> None:
        """Store a new run."""
        ...

    async def save(self, run: PaperRun) -> None:
        """Store how far a run has come, and its venue."""
        ...

    async def unfinished(self, fingerprint: str) -> PaperRun | None:
        """The latest run with this plan that has not finished."""
        ...

    async def finished(self, fingerprint: str) -> PaperRun | None:
        """The latest run with this plan that has finished."""
        ...

    async def count(self, fingerprint: str) -> int:
        """How many runs with this plan there are."""
        ...

    async def latest(self) -> PaperRun | None:
        """The run started last."""
        ...

    async def of_user(self, user_id: UUID) -> PaperRun | None:
        """The run of a user's fund."""
        ...

    async def all(self) -> list[PaperRun]:
        """Every run, the one started last first."""
        ...

    async def are_alone(self) -> bool:
        """Whether every fund here belongs to a run over past candles."""
        ...


@dataclass(frozen=True, slots=True)
class AuditedOrder:
    """An order with its executions, oldest first."""

    order: Order
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True)
class AuditedTransfer:
    """A transfer as it stands in the ledger, balanced or not."""

    id: UUID
    strategy_id: UUID
    at: datetime
    reason: TransferReason
    entries: Sequence[LedgerEntry]


class AuditRecords(Protocol):
    """Everything an auditor re-adds, user by user."""

    async def user_ids(self) -> list[UUID]:
        """All users that have a fund."""
        ...

    def events(self, user_id: UUID) -> AsyncIterator[Event]:
        """A user's log from its first event."""
        ...

    def transfers(self, user_id: UUID) -> AsyncIterator[AuditedTransfer]:
        """A user's transfers with their entries, as they stand."""
        ...

    async def orders(self, user_id: UUID) -> list[AuditedOrder]:
        """All orders of a user with their executions, oldest first."""
        ...

    async def positions(self, user_id: UUID) -> list[Position]:
        """All positions of a user, oldest first."""
        ...
