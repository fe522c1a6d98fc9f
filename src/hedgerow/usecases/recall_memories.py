"""Remember: ask the memory by words, by a vector, or by both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from hedgerow.domain.memory import RecalledMemory
from hedgerow.usecases.ports.desk import Embedder, RecallQuery
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork


@dataclass(frozen=True, slots=True)
class MemoryDesk:
    """What working with memories needs from the outside."""

    open_unit_of_work: OpenUnitOfWork
    embedder: Embedder


async def recall_memories(
    desk: MemoryDesk, user_id: UUID, query: RecallQuery
) -> list[RecalledMemory]:
    """What the user may remember, best first; a query by words alone is given their vector."""
    if query.text is not None and query.vector is None:
        (vector,) = await desk.embedder.embed([query.text])
        query = replace(query, vector=vector)
    async with desk.open_unit_of_work(user_id) as unit:
        return await unit.memories.recall(user_id, query, desk.embedder.model)
