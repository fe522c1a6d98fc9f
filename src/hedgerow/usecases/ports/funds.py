"""Where funds are kept, and what they still have to do."""

from __future__ import annotations

from collections.abc import (
    Sequence,
)
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow.domain.fund import Fund
from hedgerow.domain.limits import Limits
from hedgerow.domain.messages import (
    Step,
    Wish,
)
from hedgerow.domain.risk import CircuitBreakerState
from hedgerow.domain.users import UserSettings


@dataclass(frozen=True, slots=True)
class PendingWish:
    """A saved wish that has not been carried out yet; `id` grows in the order of saving."""

    id: int
    wish: Wish
    at: datetime


@dataclass(frozen=True, slots=True)
class TimedStep:
    """What a step led to, and when."""

    at: datetime
    step: Step


class Funds(Protocol):
    """Funds, each with all rows that belong to it."""

    async def add(self, fund: Fund) -> None:
        """Store the user, tier, accounts and instruments of a new fund, before its first save."""
        ...

    async def load(self, user_id: UUID) -> Fund:
        """The fund as last saved; raises UnknownEntity."""
        ...

    async def save(self, fund: Fund, steps: Sequence[TimedStep]) -> list[PendingWish]:
        """Save changed rows, ledger entries, events and wishes; returns the wishes with ids.

        Raises ConcurrentUpdate when the fund was saved by somebody else since it was loaded.
        """
        ...

    async def allowances(self, user_id: UUID) -> tuple[UserSettings, Limits]:
        """What the user set and what their tier allows; raises UnknownEntity."""
        ...

    async def breaker(self, user_id: UUID) -> tuple[int, CircuitBreakerState]:
        """The version of the fund and its circuit breaker; raises UnknownEntity."""
        ...

    async def pending_wishes(self, user_id: UUID) -> list[PendingWish]:
        """Wishes saved but not carried out, oldest first."""
        ...

    async def wishes_done(self, wish_ids: Sequence[int], at: datetime) -> None:
        """Mark wishes as carried out."""
        ...
