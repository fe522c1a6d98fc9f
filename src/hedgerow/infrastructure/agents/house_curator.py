"""The house curator: one lesson of each trade, as important as the trade was."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.memory import Stance
from hedgerow.infrastructure.agents.words import rsi_zone
from hedgerow.usecases.ports.desk import Lesson, TradeReview

AGENT_ID: Final = "house_curator"
# A trade that moved this much of its cost, in per cent, is as important as one gets.
PERCENT_FULL: Final = 5.0
IMPORTANCE_MIN: Final = 0.2


class HouseCurator:
    """Keeps what the review learned, filed under the trade's kind and outcome (port Curator)."""

    @property
    def agent_id(self) -> str:
        """Who the lesson is attributed to."""
        return AGENT_ID

    async def curate(self, entry: JournalEntry, review: TradeReview) -> Sequence[Lesson]:
        """The one lesson; a trade that won supports its setup, any other cautions against it."""
        return [
            Lesson(
                content=review.lessons,
                stance=Stance.SUPPORTS if entry.won else Stance.CAUTIONS,
                importance=importance(entry.pnl_percent),
                tags=(
                    entry.setup_type.value,
                    entry.side.value,
                    entry.market_regime.value,
                    rsi_zone(entry.rsi_at_entry),
                    "won" if entry.won else "lost",
                ),
            )
        ]


def importance(pnl_percent: Decimal) -> float:
    """|pnl_percent| / PERCENT_FULL, kept from IMPORTANCE_MIN to 1."""
    return max(IMPORTANCE_MIN, min(1.0, abs(float(pnl_percent)) / PERCENT_FULL))
