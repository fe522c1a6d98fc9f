"""One transaction over all that PostgreSQL keeps."""

from __future__ import annotations

from collections.abc import (
    Callable,
)
from enum import Enum
from typing import Final, Protocol, Self
from uuid import UUID

from hedgerow.usecases.ports.ai_budget import AIBudgets
from hedgerow.usecases.ports.events import EventLog, Inbox
from hedgerow.usecases.ports.funds import Funds
from hedgerow.usecases.ports.learning import Journal, Memories, Regimes, Sessions
from hedgerow.usecases.ports.model_records import Meetings, ModelRecords
from hedgerow.usecases.ports.records import AuditRecords, PaperRuns, Trades
from hedgerow.usecases.ports.vault import Accounts, VaultKeys


class UnitOfWork(Protocol):
    """One transaction. Leaving the block without `commit` undoes everything.

    Raises StoreUnavailable where the database cannot be reached or goes away.
    """

    @property
    def funds(self) -> Funds:
        """Funds."""
        ...

    @property
    def memories(self) -> Memories:
        """Memories."""
        ...

    @property
    def journal(self) -> Journal:
        """Journal entries."""
        ...

    @property
    def regimes(self) -> Regimes:
        """Regime classifications."""
        ...

    @property
    def sessions(self) -> Sessions:
        """Conversations of agents."""
        ...

    @property
    def ai_budgets(self) -> AIBudgets:
        """What models may still cost each user."""
        ...

    @property
    def model_records(self) -> ModelRecords:
        """What models were asked and answered."""
        ...

    @property
    def meetings(self) -> Meetings:
        """Meetings of the desk."""
        ...

    @property
    def trades(self) -> Trades:
        """Trades, for people to read."""
        ...

    @property
    def runs(self) -> PaperRuns:
        """Runs over past candles."""
        ...

    @property
    def accounts(self) -> Accounts:
        """Exchange accounts."""
        ...

    @property
    def vault_keys(self) -> VaultKeys:
        """Keys of the vault, wrapped."""
        ...

    @property
    def audit(self) -> AuditRecords:
        """All that an auditor re-adds."""
        ...

    @property
    def events(self) -> EventLog:
        """The event log."""
        ...

    @property
    def inbox(self) -> Inbox:
        """Which events have been taken in."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def commit(self) -> None:
        """Make everything done in the block durable."""
        ...


class System(Enum):
    """Acts for all users: audits, relays, the opening of funds, the owner at the command line."""

    SYSTEM = "system"


SYSTEM: Final = System.SYSTEM


Actor = UUID | System


OpenUnitOfWork = Callable[[Actor], UnitOfWork]
"""A unit of work for a user, who sees nothing but their own, or for the system."""
