"""Let a trade's outcome validate the memories that it was based on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.memory import Memory


class ValidatedMemories(Protocol):
    """What is needed of memories; as in Memories."""

    async def unvalidated(self, ids: Sequence[UUID], trade_id: UUID) -> list[Memory]:
        """Those of `ids` that the trade has not validated yet, by id."""
        ...

    async def save_validation(
        self, memory: Memory, trade_id: UUID, user_id: UUID, was_right: bool, at: datetime
    ) -> None:
        """Store a validated memory's new score."""
        ...


class _Unit(Protocol):
    @property
    def memories(self) -> ValidatedMemories: ...


async def validate_memories(unit: _Unit, ids: Sequence[UUID], entry: JournalEntry) -> None:
    """Count the trade once for each memory in `ids`, however often and by however many it is told.

    The memories are held from the reading of their scores to the end of the unit of work, so two
    trades that end at once both count.
    """
    for memory in await unit.memories.unvalidated(ids, entry.trade_id):
        was_right = memory.was_right(trade_won=entry.won)
        memory.validate(was_right)
        await unit.memories.save_validation(
            memory, entry.trade_id, entry.user_id, was_right, entry.created_at
        )
