"""Show one memory with what trades made of it, and say whose memories are meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.memory import Memory, Validation
from hedgerow.usecases.ports.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class MemoryStory:
    """A memory, and the trades of the one who asks that validated it, oldest first."""

    memory: Memory
    validations: Sequence[Validation]


async def owner_of_memories(unit: UnitOfWork, user: str | None) -> UUID:
    """The user with this id, or the one of the latest run; raises InputRefused where none is."""
    if user is not None:
        try:
            return UUID(user)
        except ValueError as error:
            raise InputRefused(
                f"{user!r} is not a user's id", "--user", "give the id in full"
            ) from error
    run = await unit.runs.latest()
    if run is None:
        raise InputRefused(
            what="nobody here remembers anything yet",
            where="hedgerow memory",
            fix="run `hedgerow demo` first",
        )
    return run.user_id


async def memory_story(unit: UnitOfWork, user_id: UUID, prefix: str) -> MemoryStory:
    """The memory whose id begins with `prefix`, among the user's and the collective ones.

    Raises InputRefused where there is none, or more than one.
    """
    found = await unit.memories.by_prefix(user_id, prefix.lower())
    if len(found) != 1:
        problem = "several memories have an id that begins so" if found else "no such memory"
        raise InputRefused(
            what=problem,
            where=f"hedgerow memory show {prefix}",
            fix="give the id as `hedgerow memory search` shows it",
        )
    (memory,) = found
    return MemoryStory(memory, await unit.memories.validations(memory.id, user_id))
