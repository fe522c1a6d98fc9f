"""After a trade was learned from, what its lesson bears out is shared, and shared once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import digits
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, Stance
from hedgerow.domain.messages import LearnFromTrade
from hedgerow.usecases.learn_from_trade import TradeSchool
from hedgerow.usecases.ports.desk import Lesson, TradeReview
from hedgerow.usecases.ports.funds import PendingWish
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from memory_world import World, lesson
from replay_builders import (
    CLOSES,
    HOUR,
    START,
    BriefCurator,
    BriefReviewer,
    Crashed,
    LetterEmbedder,
    SmallWorld,
    buy,
    candle_set,
    crashing,
    hourly,
)

BTC = "BTC/USDT"
CANDLES = candle_set(hourly(BTC, CLOSES))
SCRIPT = {(BTC, 9): buy(session_id="meeting 7")}
"""One trade, which wins."""


@dataclass(slots=True)
class TwoThoughts:
    """A lesson and a pattern beside it, or the pattern alone."""

    types: Sequence[MemoryType] = (MemoryType.LESSON, MemoryType.PATTERN)
    agent_id: str = "memory_curator"

    async def curate(self, entry: JournalEntry, review: TradeReview) -> Sequence[Lesson]:
        return [Lesson(f"a {each}", Stance.SUPPORTS, 0.5, ("t",), each) for each in self.types]


async def trade_of(open_unit: OpenUnitOfWork, run: PaperRun) -> UUID:
    async with open_unit(SYSTEM) as unit:
        (trade,) = await unit.trades.positions(run.strategy_id)
    return trade.id


async def memories_of(open_unit: OpenUnitOfWork, trade_id: UUID) -> list[Memory]:
    async with open_unit(SYSTEM) as unit:
        return await unit.memories.of_trade(trade_id)


async def shared(open_unit: OpenUnitOfWork) -> list[Memory]:
    async with open_unit(SYSTEM) as unit:
        return await unit.memories.shared_lessons()


async def four_others(database: AsyncEngine) -> None:
    """Two users have won four times with what the run will try a fifth time."""
    world = World(database)
    users = [await world.user(), await world.user()]
    about = {
        "stance": Stance.SUPPORTS,
        "setup_type": "breakout",
        "side": "long",
        "regime": "trend_up",
    }
    for number in range(4):
        user = users[number % 2]
        trade = await world.trade(user)
        await world.add(
            lesson(
                user,
                trade,
                Stance.SUPPORTS,
                timeframe=Timeframe.H1,
                metadata=about,
                created_at=START - timedelta(days=1),
            )
        )


async def test_the_fifth_trade_of_a_third_user_makes_it_everybodys_when_it_ends(
    open_postgres: OpenUnitOfWork, database: AsyncEngine
) -> None:
    await four_others(database)
    world = SmallWorld(open_postgres, SCRIPT)
    run = await world.run(CANDLES)
    (everybodys,) = await shared(open_postgres)
    own = next(
        each
        for each in await memories_of(open_postgres, await trade_of(open_postgres, run))
        if each.type is MemoryType.LESSON
    )
    assert everybodys.scope is MemoryScope.COLLECTIVE
    assert everybodys.created_at == own.created_at
    assert (everybodys.session_id, own.session_id) == (None, "meeting 7")
    assert everybodys.content.startswith("long breakout setup in a trend market on BTC/USDT 1h")
    first_knew = min(
        at
        for (_, at), known in world.analyst.remembered.items()
        if everybodys.id in {each.id for each in known}
    )
    assert first_knew - own.created_at < HOUR


@pytest.mark.parametrize("is_durable", [True, False])
async def test_a_run_that_dies_at_any_commit_shares_the_same_once(
    open_postgres: OpenUnitOfWork, database: AsyncEngine, is_durable: bool
) -> None:
    await four_others(database)
    ended, deaths = None, 0
    while ended is None and deaths < 60:
        dying = crashing(open_postgres, 2 if is_durable else 3, is_durable=is_durable)
        try:
            ended = await SmallWorld(dying, SCRIPT).run(CANDLES)
        except Crashed:
            deaths += 1
            async with open_postgres(SYSTEM) as unit:
                latest = await unit.runs.latest()
            ended = latest if latest and latest.finished_at else None
    assert deaths >= 5
    assert ended is not None
    (everybodys,) = await shared(open_postgres)
    kept = await memories_of(open_postgres, await trade_of(open_postgres, ended))
    assert len(kept) == 2
    assert everybodys.created_at == kept[0].created_at
    assert "5 of 5 trades gained" in everybodys.content


async def test_what_conversation_it_came_of_is_remembered_with_what_a_trade_leaves(
    open_postgres: OpenUnitOfWork,
) -> None:
    world = SmallWorld(open_postgres, SCRIPT, curator=TwoThoughts())
    run = await world.run(CANDLES)
    kept = await memories_of(open_postgres, await trade_of(open_postgres, run))
    by_type = {each.type: each for each in kept}
    assert by_type.keys() == {MemoryType.TRADE, MemoryType.LESSON, MemoryType.PATTERN}
    decided = world.analyst.remembered[BTC, START + 10 * HOUR]
    for memory in (*kept, *decided):
        assert memory.session_id == "meeting 7"
    assert len({each.id for each in kept}) == 3
    for kind in (MemoryType.LESSON, MemoryType.PATTERN):
        assert by_type[kind].content == f"a {kind}"
        assert by_type[kind].agent_id == "memory_curator"
        assert by_type[kind].stance is Stance.SUPPORTS


class StoreGone(Exception):
    """What sharing may meet."""


@dataclass(slots=True)
class Sharing:
    """Asked to share; notes when, and what had been stored of the trade by then."""

    open_unit: OpenUnitOfWork
    fails: bool = False
    asked: list[tuple[datetime, int]] = field(default_factory=list)

    async def __call__(self, at: datetime) -> None:
        async with self.open_unit(SYSTEM) as unit:
            latest = await unit.runs.latest()
            assert latest is not None
            self.asked.append((at, (await unit.trades.counts(latest.user_id))["journal_entries"]))
        if self.fails:
            raise StoreGone


async def unlearned(open_unit: OpenUnitOfWork) -> tuple[PaperRun, PendingWish]:
    """A run whose only trade has just ended, and the wish to learn from it."""
    for attempt in range(200):
        # by so few commits each time that the state in between is not passed over
        dying = crashing(open_unit, 2 + attempt % 2)
        try:
            await SmallWorld(dying, SCRIPT).run(CANDLES)
        except Crashed:
            async with open_unit(SYSTEM) as unit:
                run = await unit.runs.latest()
                wishes = await unit.funds.pending_wishes(run.user_id) if run else []
            for wish in wishes:
                if isinstance(wish.wish, LearnFromTrade):
                    assert run is not None
                    return run, wish
    raise AssertionError("no trade has ended")


@pytest.mark.parametrize(
    ("types", "times"), [((MemoryType.LESSON, MemoryType.PATTERN), 1), ((MemoryType.PATTERN,), 0)]
)
async def test_it_is_asked_after_learning_and_for_lessons_alone(
    open_postgres: OpenUnitOfWork, types: Sequence[MemoryType], times: int
) -> None:
    run, pending = await unlearned(open_postgres)
    assert isinstance(pending.wish, LearnFromTrade)
    sharing = Sharing(open_postgres)
    school = TradeSchool(
        open_postgres,
        BriefReviewer(),
        TwoThoughts(types),
        LetterEmbedder(),
        share_lessons=sharing,
    )
    await school.learn(run.user_id, pending, pending.wish)
    assert sharing.asked == [(pending.at, 1)] * times


async def test_what_is_learned_stays_learned_where_sharing_fails(
    open_postgres: OpenUnitOfWork,
) -> None:
    run, pending = await unlearned(open_postgres)
    assert isinstance(pending.wish, LearnFromTrade)
    sharing = Sharing(open_postgres, fails=True)
    school = TradeSchool(
        open_postgres, BriefReviewer(), BriefCurator(), LetterEmbedder(), share_lessons=sharing
    )
    with pytest.raises(StoreGone):
        await school.learn(run.user_id, pending, pending.wish)
    kept = await memories_of(open_postgres, pending.wish.position_id)
    assert {each.type for each in kept} == {MemoryType.LESSON, MemoryType.TRADE}
    async with open_postgres(SYSTEM) as unit:
        wishes = await unit.funds.pending_wishes(run.user_id)
    assert pending.id not in {each.id for each in wishes}


async def test_without_a_shared_memory_nothing_is_shared(open_postgres: OpenUnitOfWork) -> None:
    run, pending = await unlearned(open_postgres)
    assert isinstance(pending.wish, LearnFromTrade)
    school = TradeSchool(open_postgres, BriefReviewer(), BriefCurator(), LetterEmbedder())
    await school.learn(run.user_id, pending, pending.wish)
    await school.share(pending.at)
    assert digits(await shared(open_postgres)) == []
