"""The desk's school: an agent answers the five questions of a closed trade, another one curates.

Where an agent abstains, is not seated, or the month's budget is used up, the house's rules answer:
no trade goes by without its review and its lesson.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from google.adk.workflow import START, Workflow

from hedgerow.domain.ai_budget import BudgetLimits
from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.domain.ids import derived_id
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.memory import MemoryType, Stance
from hedgerow.domain.money import percent
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.agents.desk.answers import (
    KeptLesson,
    KeptLessons,
    LessonKind,
    PostMortem,
)
from hedgerow.infrastructure.agents.desk.floor import Floor, Table
from hedgerow.infrastructure.agents.desk.market_tools import Told
from hedgerow.infrastructure.agents.desk.quoting import quoted, read
from hedgerow.infrastructure.agents.desk.research import answers_in
from hedgerow.infrastructure.agents.desk.roster import BY_NAME, Agent
from hedgerow.infrastructure.agents.desk.wire import canonical
from hedgerow.infrastructure.agents.house_curator import HouseCurator
from hedgerow.infrastructure.agents.house_reviewer import HouseReviewer
from hedgerow.usecases.codec import encode
from hedgerow.usecases.model_calls import Caller
from hedgerow.usecases.ports.desk import Lesson, TradeReview

WORKFLOW: Final = "PostMortemWorkflow"
REVIEWER, CURATOR = BY_NAME["trade_reviewer"], BY_NAME["memory_curator"]


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms an agent is asked for a user: their budget, and the model."""

    limits: BudgetLimits
    choice: ModelChoice


TermsOf = Callable[[UUID, Agent], Awaitable[Terms | None]]
"""The terms of a user for an agent; None where the rules are to answer instead."""


@dataclass(frozen=True, slots=True)
class Lecture:
    """What an agent of the school may read: the trade, and what the rules make of it."""

    entry: JournalEntry
    by_rule: TradeReview
    lesson: Lesson

    async def read_trade(self) -> Told:
        """The closed trade in numbers, and the answers and the lesson that follow by rule."""
        entry = self.entry
        cost = entry.entry_price * entry.size
        return {
            "symbol": entry.symbol,
            "side": str(entry.side),
            "strategy": entry.strategy_used,
            "setup_type": str(entry.setup_type),
            "market_regime": str(entry.market_regime),
            "result_pct": read(entry.pnl_percent),
            "best_pct": _share(entry.max_profit, cost),
            "worst_pct": _share(entry.max_drawdown, cost),
            "held_hours": read(entry.hold_duration / 3600),
            "rsi_at_entry": read(entry.rsi_at_entry),
            "confidence_at_entry": read(entry.confidence_score),
            "entered_because": quoted(entry.entry_reasoning, 600),
            "left_because": quoted(entry.exit_reasoning, 300),
            "answers_by_rule": asdict(self.by_rule),
            "lesson_by_rule": {
                "content": self.lesson.content,
                "importance": self.lesson.importance,
                "tags": list(self.lesson.tags),
            },
        }


class DeskSchool:
    """Reviews closed trades and keeps their lessons (ports Reviewer and Curator)."""

    def __init__(self, floor: Floor, terms_of: TermsOf) -> None:
        self._floor = floor
        self._terms_of = terms_of
        self._house_reviewer = HouseReviewer()
        self._house_curator = HouseCurator()

    @property
    def agent_id(self) -> str:
        """Who the memories are attributed to."""
        return CURATOR.name

    async def review(self, entry: JournalEntry, regime_at_exit: Regime) -> TradeReview:
        """The five answers and tips, from the facts of `entry`."""
        by_rule = await self._house_reviewer.review(entry, regime_at_exit)
        said = await self._ask(REVIEWER, entry, by_rule, _stage(entry))
        return (
            by_rule if said is None else TradeReview(**PostMortem.model_validate(said).model_dump())
        )

    async def curate(self, entry: JournalEntry, review: TradeReview) -> Sequence[Lesson]:
        """The lessons and patterns of a trade, the one that tells most first; at least one."""
        said = await self._ask(CURATOR, entry, review, "lessons")
        kept = [] if said is None else KeptLessons.model_validate(said).lessons
        if not kept:
            return await self._house_curator.curate(entry, review)
        by_kind = sorted(kept, key=lambda each: each.kind is not LessonKind.LESSON)
        if by_kind[0].kind is not LessonKind.LESSON:
            return [*await self._house_curator.curate(entry, review), *_patterns(entry, by_kind)]
        # a trade moves later confidence once: what else is kept of it are patterns
        first, *others = by_kind
        return [_kept(entry, first, MemoryType.LESSON), *_patterns(entry, others)]

    async def _ask(
        self, agent: Agent, entry: JournalEntry, review: TradeReview, stage: str
    ) -> Any | None:
        terms = await self._terms_of(entry.user_id, agent)
        if terms is None:
            return None
        session_id = str(derived_id(entry.created_at, entry.trade_id, WORKFLOW, stage))
        caller = Caller(entry.user_id, session_id, WORKFLOW, terms.limits, entry.created_at)
        (lesson, *_) = await self._house_curator.curate(entry, review)
        lecture = Lecture(entry, review, lesson)
        tools = {"read_trade": lecture.read_trade}
        table = Table(self._floor, caller, lambda _: terms.choice, tools)
        opening = {"trade": str(entry.trade_id), "as_of": f"{entry.created_at:%Y-%m-%d %H:%M}"}
        workflow = Workflow(name=WORKFLOW, edges=[(START, table.seat(agent))])
        said = answers_in(await table.hold(workflow, canonical(opening).decode()))[agent.name]
        await self._floor.close(
            table.minutes,
            symbol=entry.symbol,
            timeframe=entry.timeframe,
            reason=f"a trade has ended ({stage})",
            answers={agent.name: said},
            briefing={"trade_id": str(entry.trade_id), "review": encode(review)},
            decision=said,
        )
        return None if table.minutes.abstained else said


def _patterns(entry: JournalEntry, kept: Sequence[KeptLesson]) -> list[Lesson]:
    return [_kept(entry, each, MemoryType.PATTERN) for each in kept]


def _kept(entry: JournalEntry, kept: KeptLesson, kind: MemoryType) -> Lesson:
    # what it says of its setup follows from the outcome, whatever its words
    stance = Stance.SUPPORTS if entry.won else Stance.CAUTIONS
    return Lesson(kept.content, stance, kept.importance, tuple(kept.tags), kind)


def _stage(entry: JournalEntry) -> str:
    return "review" if entry.was_correct_exit is None else "verdict"


def _share(part: Decimal, cost: Decimal) -> float:
    return read(percent(part, cost))
