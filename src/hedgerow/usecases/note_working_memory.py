"""Scratch space: what an agent wants to keep in mind for a while, and for its user alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hedgerow.domain.ids import derived_id
from hedgerow.domain.memory import WORKING_LIFE, Memory, MemoryScope, MemoryType
from hedgerow.usecases.recall_memories import MemoryDesk


@dataclass(frozen=True, slots=True)
class Note:
    """What is noted, by whom, and in which session."""

    user_id: UUID
    agent_id: str
    session_id: str
    content: str
    symbol: str | None = None


async def note_working_memory(
    desk: MemoryDesk, note: Note, at: datetime, life: timedelta = WORKING_LIFE
) -> Memory:
    """Keep a note from `at` until `life` later; the id follows from note and time."""
    memory = Memory(
        id=derived_id(at, note.user_id, note.agent_id, note.session_id, note.content),
        scope=MemoryScope.WORKING,
        type=MemoryType.OBSERVATION,
        content=note.content,
        agent_id=note.agent_id,
        created_at=at,
        user_id=note.user_id,
        session_id=note.session_id,
        symbol=note.symbol,
        expires_at=at + life,
    )
    vectors = await desk.embedder.embed([note.content])
    async with desk.open_unit_of_work(note.user_id) as unit:
        await unit.memories.add([memory], vectors, desk.embedder)
        await unit.commit()
    return memory
