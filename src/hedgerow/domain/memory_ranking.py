"""Which of the memories found come first: relevance by two searches, then what each is worth.

score = fused x recency x importance x validation, each factor above 0 and at most 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from hedgerow.domain.memory import Memory, RecalledMemory, Standing

# Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank
# Learning Methods" (SIGIR 2009): how much less the first places differ than their numbers do.
RANK_OFFSET: Final = 60
SEARCHES: Final = 2
# Each search gives this many times what is asked for, and at least so many: a memory that is only
# fair by words and by vector can still be the best by both.
_CANDIDATES_FACTOR: Final = 2
_CANDIDATES_MIN: Final = 20
# After this time half of what age can take from a memory is gone.
RECENCY_HALF_LIFE: Final = timedelta(days=30)
# Age, or unimportance, alone makes no memory worth less than half: a rare setup is remembered by
# its last lesson, however old.
RECENCY_MIN: Final = 0.5
IMPORTANCE_MIN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Found:
    """A memory that a search found: `similarity` by vector (-1 to 1), `wording` by full text.

    Either is None where that search was not made; a `wording` of 0 shares no word.
    """

    memory: Memory
    similarity: float | None
    wording: float | None


def candidates(limit: int) -> int:
    """How many memories each search gives where `limit` are asked for."""
    return max(_CANDIDATES_MIN, _CANDIDATES_FACTOR * limit)


def rank(found: Iterable[Found], as_of: datetime, limit: int) -> list[RecalledMemory]:
    """The best `limit`, best first; of equal scores the more similar one, then the lower id."""
    candidates = {each.memory.id: each for each in found}
    fused = fuse(
        [
            _places(candidates.values(), lambda each: each.similarity),
            _places(candidates.values(), lambda each: each.wording or None),
        ]
    )
    recalled = [
        RecalledMemory(
            each.memory,
            0.0 if each.similarity is None else each.similarity,
            standing(each.memory, fused[memory_id], as_of),
        )
        for memory_id, each in candidates.items()
        if memory_id in fused
    ]
    recalled.sort(key=lambda each: (-each.score, -each.similarity, each.memory.id))
    return recalled[:limit]


def fuse(rankings: Sequence[Mapping[UUID, int]]) -> Mapping[UUID, float]:
    """Reciprocal rank fusion: sum over rankings of 1 / (RANK_OFFSET + place), places from 1.

    It is scaled by the most that SEARCHES rankings can give, so that 1 is first in both; places
    are all it looks at, so the scores of different searches need not be of one kind.
    """
    best = SEARCHES / (RANK_OFFSET + 1)
    sums: dict[UUID, float] = {}
    for ranking in rankings:
        for memory_id, place in ranking.items():
            sums[memory_id] = sums.get(memory_id, 0.0) + 1.0 / (RANK_OFFSET + place)
    return {memory_id: min(1.0, total / best) for memory_id, total in sums.items()}


def standing(memory: Memory, fused: float, as_of: datetime) -> Standing:
    """The factors of a memory's score as of a moment."""
    return Standing(
        fused=fused,
        recency=recency(as_of - memory.created_at),
        importance=IMPORTANCE_MIN + (1.0 - IMPORTANCE_MIN) * memory.importance,
        validation=memory.trust,
    )


def recency(age: timedelta) -> float:
    """RECENCY_MIN + (1 - RECENCY_MIN) x 0.5 ** (age / RECENCY_HALF_LIFE); 1 when new."""
    return RECENCY_MIN + (1.0 - RECENCY_MIN) * math.exp2(-(age / RECENCY_HALF_LIFE))


def _places(found: Iterable[Found], worth: Callable[[Found], float | None]) -> Mapping[UUID, int]:
    """Each memory's place by what a search says it is worth, 1 for the best.

    Equals share the better place: lessons that read alike must not be told apart by their ids.
    """
    worths = {each.memory.id: value for each in found if (value := worth(each)) is not None}
    best: dict[float, int] = {}
    for place, value in enumerate(sorted(worths.values(), reverse=True), start=1):
        best.setdefault(value, place)
    return {memory_id: best[value] for memory_id, value in worths.items()}
