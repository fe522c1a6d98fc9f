"""Share what several trades of several users have taught."""

from __future__ import annotations

from datetime import datetime

from hedgerow.domain.memory import Memory
from hedgerow.domain.promotion import PROMOTION, PromotionRule, evidence_of, promotions
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.recall_memories import MemoryDesk


async def promote_lessons(
    desk: MemoryDesk, at: datetime, rule: PromotionRule = PROMOTION
) -> list[Memory]:
    """Make collective memories of the lessons that `rule` finds borne out at `at`; returns them.

    Running it again, or twice at once, promotes nothing twice.
    """
    async with desk.open_unit_of_work(SYSTEM) as unit:
        await unit.memories.begin_promotion()
        lessons = await unit.memories.lessons_of_trades(rule, at)
        evidence = [evidence_of(lesson, tolerance) for lesson, tolerance in lessons]
        made = promotions(
            [each for each in evidence if each is not None],
            await unit.memories.shared_lessons(),
            at,
            rule,
        )
        if not made:
            return []
        memories = [each.memory for each in made]
        # Embedded while others wait: nobody waits for this lock but another promotion.
        vectors = await desk.embedder.embed([memory.content for memory in memories])
        await unit.memories.expire([old for each in made for old in each.replaces], at)
        await unit.memories.add(memories, vectors, desk.embedder)
        await unit.commit()
    return memories
