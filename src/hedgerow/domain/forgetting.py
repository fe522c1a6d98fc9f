"""When shared memories that do not prove themselves are no longer recalled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hedgerow.domain.memory import Memory, MemoryScope


@dataclass(frozen=True, slots=True)
class ForgettingRule:
    """A collective memory has `proving_time` to reach a validation score of `score_min`.

    After n trades with r right the score is r / (n + 2) (Memory.validate): nobody's memory, never
    tried, has 0, and so has one that was always wrong.
    """

    proving_time: timedelta
    score_min: float

    def created_until(self, at: datetime) -> datetime:
        """What was created by then has had its time at `at`."""
        return at - self.proving_time

    def applies(self, memory: Memory, at: datetime) -> bool:
        """Whether `memory` expires at `at`."""
        return (
            memory.scope is MemoryScope.COLLECTIVE
            and memory.expires_at is None
            and memory.created_at <= self.created_until(at)
            and memory.validation_score < self.score_min
        )


# A coin that is right half of the time passes 0.4 at eight trades (4 / 10): what is forgotten is
# worse than chance after many trades, or was hardly tried in a quarter of a year.
FORGETTING: Final = ForgettingRule(proving_time=timedelta(days=90), score_min=0.4)
