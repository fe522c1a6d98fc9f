"""Learn from a trade that has ended: journal, lessons, and the memories it was based on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol, Self
from uuid import UUID

from hedgerow.domain.ids import derived_id
from hedgerow.domain.journal import JournalEntry, exit_was_correct, journal_entry
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType
from hedgerow.domain.messages import LearnFromTrade, ProposalAccepted
from hedgerow.domain.money import exact
from hedgerow.domain.positions import Position
from hedgerow.domain.regimes import Regime, RegimeClassification
from hedgerow.usecases.ports.desk import Curator, Embedder, Lesson, Reviewer, TradeReview
from hedgerow.usecases.ports.funds import PendingWish
from hedgerow.usecases.validate_memories import ValidatedMemories, validate_memories


class SchoolTrades(Protocol):
    """What the school reads of trades; as in Trades."""

    async def by_part(self, part: str) -> list[Position]:
        """The position with this id."""
        ...

    async def proposal(self, order_id: UUID) -> ProposalAccepted:
        """The accepted proposal that an entry order came from."""
        ...


class SchoolFunds(Protocol):
    """What the school tells about wishes; as in Funds."""

    async def wishes_done(self, wish_ids: Sequence[int], at: datetime) -> None:
        """Mark wishes as carried out."""
        ...


class SchoolRegimes(Protocol):
    """What the school reads of regimes; as in Regimes."""

    async def at(
        self, symbol: str, timeframe: Timeframe, at: datetime, versions: Sequence[str] = ()
    ) -> RegimeClassification | None:
        """The latest classification known at `at`, by one of `versions`."""
        ...


class SchoolJournal(Protocol):
    """What the school reads and writes of the journal; as in Journal."""

    async def add(self, entry: JournalEntry) -> None:
        """Store a new entry."""
        ...

    async def awaiting_exit_verdict(
        self, user_id: UUID, closed_until: datetime
    ) -> list[JournalEntry]:
        """Entries of trades closed by then whose exit has not been judged."""
        ...

    async def save_exit_verdict(self, entry: JournalEntry) -> None:
        """Store the judgement of the exit."""
        ...


class SchoolMemories(ValidatedMemories, Protocol):
    """What the school writes of memories; as in Memories."""

    async def add(
        self, memories: Sequence[Memory], vectors: Sequence[Sequence[float]], embedder: Embedder
    ) -> None:
        """Store memories with one vector each."""
        ...


class SchoolUnit(Protocol):
    """The part of a unit of work that the school needs."""

    @property
    def trades(self) -> SchoolTrades:
        """Ended trades."""
        ...

    @property
    def funds(self) -> SchoolFunds:
        """Wishes."""
        ...

    @property
    def regimes(self) -> SchoolRegimes:
        """Regimes."""
        ...

    @property
    def journal(self) -> SchoolJournal:
        """The journal."""
        ...

    @property
    def memories(self) -> SchoolMemories:
        """Memories."""
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def commit(self) -> None:
        """Make everything done in the block durable."""
        ...


OpenSchoolUnit = Callable[[UUID], SchoolUnit]
CandlesAfter = Callable[[str, datetime], Sequence[Candle]]
ShareLessons = Callable[[datetime], Awaitable[object]]
"""Shares what lessons of several users bear out at a time; again, it shares nothing twice."""

TRADE_IMPORTANCE = 0.4


class TradeSchool:
    """Turns ended trades into journal entries, memories, and validated memories.

    `share_lessons` is None where nobody shares the memory.
    """

    def __init__(
        self,
        open_unit_of_work: OpenSchoolUnit,
        reviewer: Reviewer,
        curator: Curator,
        embedder: Embedder,
        regime_versions: Sequence[str] = (),
        share_lessons: ShareLessons | None = None,
    ) -> None:
        self._open = open_unit_of_work
        self._reviewer = reviewer
        self._curator = curator
        self._embedder = embedder
        self._regime_versions = regime_versions
        self._share_lessons = share_lessons

    async def learn(self, user_id: UUID, pending: PendingWish, wish: LearnFromTrade) -> None:
        """Everything there is to learn at the close, in one transaction with the wish's end.

        Reviewing, curating and embedding may ask a service, so they are done before that one
        begins. What the new lesson bears out is shared afterwards: what is learned stays learned
        if that fails.
        """
        async with self._open(user_id) as unit:
            position = await _ended(unit, wish.position_id)
            accepted = await unit.trades.proposal(position.entry_order_id)
            at = pending.at
            with exact():
                entry = journal_entry(
                    derived_id(at, position.id, "journal"), position, accepted.proposal, at
                )
            regime = await self._regime_at_exit(unit, entry)
        review = await self._review(entry, regime)
        lessons = await self._curator.curate(entry, review)
        memories = [
            _trade_memory(entry, accepted),
            *(self._memory(entry, accepted, each, place) for place, each in enumerate(lessons)),
        ]
        vectors = await self._embedder.embed([memory.content for memory in memories])
        async with self._open(user_id) as unit:
            await unit.journal.add(entry)
            await unit.memories.add(memories, vectors, self._embedder)
            await validate_memories(unit, accepted.proposal.memories_used, entry)
            await unit.funds.wishes_done([pending.id], at)
            await unit.commit()
        if any(lesson.type is MemoryType.LESSON for lesson in lessons):
            await self.share(at)

    async def share(self, at: datetime) -> None:
        """Share what lessons bear out at `at`; to be asked when a run goes on, too: it may have
        ended after a trade was learned from, and before this.
        """
        if self._share_lessons is not None:
            await self._share_lessons(at)

    async def judge_exits(
        self, user_id: UUID, closed_until: datetime, candles_after: CandlesAfter
    ) -> None:
        """Judge the exits of trades closed by then, by the candles that followed each.

        Reviewing may ask a service, and so is done between two transactions.
        """
        judged: list[tuple[JournalEntry, Regime]] = []
        async with self._open(user_id) as unit:
            for entry in await unit.journal.awaiting_exit_verdict(user_id, closed_until):
                after = candles_after(entry.symbol, entry.created_at)
                if after:
                    entry.was_correct_exit = exit_was_correct(entry.side, entry.exit_price, after)
                    judged.append((entry, await self._regime_at_exit(unit, entry)))
        if not judged:
            return
        for entry, regime in judged:
            await self._review(entry, regime)
        async with self._open(user_id) as unit:
            for entry, _ in judged:
                await unit.journal.save_exit_verdict(entry)
            await unit.commit()

    async def _regime_at_exit(self, unit: SchoolUnit, entry: JournalEntry) -> Regime:
        regime = await unit.regimes.at(
            entry.symbol, entry.timeframe, entry.created_at, self._regime_versions
        )
        return Regime.TRANSITION if regime is None else regime.reading.regime

    async def _review(self, entry: JournalEntry, regime_at_exit: Regime) -> TradeReview:
        review = await self._reviewer.review(entry, regime_at_exit)
        entry.lessons_learned = review.lessons_learned
        entry.improvement_tips = review.improvement_tips
        return review

    def _memory(
        self, entry: JournalEntry, accepted: ProposalAccepted, lesson: Lesson, place: int
    ) -> Memory:
        proposal = accepted.proposal
        name = f"lesson {place + 1}" if place else "lesson"
        return Memory(
            id=derived_id(entry.created_at, entry.trade_id, name),
            scope=MemoryScope.USER,
            type=lesson.type,
            content=lesson.content,
            agent_id=self._curator.agent_id,
            created_at=entry.created_at,
            user_id=entry.user_id,
            session_id=proposal.session_id,
            symbol=entry.symbol,
            timeframe=entry.timeframe,
            importance=lesson.importance,
            tags=lesson.tags,
            metadata={
                "stance": lesson.stance,
                "setup_type": proposal.setup_type,
                "side": proposal.side,
                "regime": proposal.regime,
            },
            source_user_id=entry.user_id,
            source_trade_id=entry.trade_id,
        )


def decision_memory(user_id: UUID, accepted: ProposalAccepted, at: datetime) -> Memory:
    """An accepted proposal as a memory of its own."""
    proposal = accepted.proposal
    return Memory(
        id=derived_id(at, accepted.order_id, "decision"),
        scope=MemoryScope.USER,
        type=MemoryType.DECISION,
        content=proposal.reasoning,
        agent_id=proposal.agent_id,
        created_at=at,
        user_id=user_id,
        session_id=proposal.session_id,
        symbol=proposal.symbol,
        timeframe=proposal.timeframe,
        importance=proposal.confidence,
        tags=(proposal.setup_type, proposal.regime, proposal.side),
        metadata={"order_id": str(accepted.order_id), "regime": proposal.regime},
    )


def _trade_memory(entry: JournalEntry, accepted: ProposalAccepted) -> Memory:
    outcome = f"closed with {entry.pnl_percent:+.2f}% after costs"
    return Memory(
        id=derived_id(entry.created_at, entry.trade_id, "trade"),
        scope=MemoryScope.USER,
        type=MemoryType.TRADE,
        content=f"{entry.strategy_used} {entry.side} on {entry.symbol} {outcome}. "
        f"{entry.exit_reasoning}",
        agent_id=accepted.proposal.agent_id,
        created_at=entry.created_at,
        user_id=entry.user_id,
        session_id=accepted.proposal.session_id,
        symbol=entry.symbol,
        timeframe=entry.timeframe,
        importance=TRADE_IMPORTANCE,
        tags=(entry.setup_type, accepted.proposal.regime, "won" if entry.won else "lost"),
        metadata={
            "setup_type": entry.setup_type,
            "side": entry.side,
            "regime": accepted.proposal.regime,
        },
        source_user_id=entry.user_id,
        source_trade_id=entry.trade_id,
    )


async def _ended(unit: SchoolUnit, position_id: UUID) -> Position:
    (position,) = await unit.trades.by_part(str(position_id))
    return position
