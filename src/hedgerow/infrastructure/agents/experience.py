"""What remembered lessons say of a setup, and how far they move the confidence in it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from hedgerow.domain.journal import JOURNAL_REGIMES
from hedgerow.domain.memory import Memory, MemoryType, RecalledMemory, Stance
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.regimes import Regime

# How far one proven lesson on exactly this setup moves the confidence, and all of them together.
LESSON_WEIGHT: Final = 0.1
SHIFT_MAX: Final = 0.2

_SIGNS: Final[Mapping[Stance, float]] = {Stance.SUPPORTS: 1.0, Stance.CAUTIONS: -1.0}
_QUOTE_CHARS: Final = 120


@dataclass(frozen=True, slots=True)
class Kind:
    """What a lesson must be about to count."""

    setup_type: SetupType
    side: PositionSide
    regime: Regime

    def matches(self, memory: Memory) -> bool:
        """Whether a memory is a lesson on this kind of trade, by its metadata.

        The regime may be the one at the decision or the journal's group of it.
        """
        about = memory.metadata
        return (
            memory.type is MemoryType.LESSON
            and about.get("setup_type") == self.setup_type
            and about.get("side") == self.side
            and about.get("regime") in (self.regime, JOURNAL_REGIMES[self.regime])
        )


@dataclass(frozen=True, slots=True)
class Experience:
    """How far the lessons in `used` move a confidence (-SHIFT_MAX to SHIFT_MAX), and why."""

    shift: float
    used: tuple[UUID, ...]
    reasoning: str


def moves(recalled: RecalledMemory) -> float:
    """LESSON_WEIGHT x trust x similarity, below 0 for a caution; 0 where it says nothing.

    A similarity below 0 counts as 0: an unrelated text is no argument for the contrary.
    """
    stance = recalled.memory.stance
    if stance is None:
        return 0.0
    similarity = max(0.0, recalled.similarity)
    return _SIGNS[stance] * LESSON_WEIGHT * recalled.memory.trust * similarity


def weigh(recalled: Sequence[RecalledMemory], kind: Kind) -> Experience:
    """The sum of what matching lessons move, kept within SHIFT_MAX either way."""
    moved = [(each, moves(each)) for each in recalled if kind.matches(each.memory)]
    moved = [(each, move) for each, move in moved if move]
    total = sum(move for _, move in moved)
    return Experience(
        shift=max(-SHIFT_MAX, min(SHIFT_MAX, total)),
        used=tuple(each.memory.id for each, _ in moved),
        reasoning="; ".join(_in_words(each, move) for each, move in moved)
        or f"none of {len(recalled)} recalled memories is a lesson on this kind of trade",
    )


def _in_words(each: RecalledMemory, move: float) -> str:
    return (
        f"a lesson {each.memory.stance} ({move:+.3f}, similarity {each.similarity:.2f}, "
        f'score {each.memory.validation_score:.2f}): "'
        f'{textwrap.shorten(each.memory.content, _QUOTE_CHARS, placeholder="...")}"'
    )
