"""Let a trade's outcome validate the memories that it was based on."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from hedgerow.domain.journal import JournalEntry
from hedgerow.usecases.ports import UnitOfWork


async def validate_memories(unit: UnitOfWork, ids: Sequence[UUID], entry: JournalEntry) -> None:
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
