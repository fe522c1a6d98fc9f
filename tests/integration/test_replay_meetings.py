"""Meetings of a run that died and went on are held again to the letter, whatever came later."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from clickhouse_engines import opened
from command_line import cut_candles
from hedgerow.bootstrap.agents import AgentsMaker
from hedgerow.bootstrap.desks import paper_desk, unit_of_work
from hedgerow.domain.ai_usage import HOUSE, AIUsageLog
from hedgerow.domain.ids import derived_id
from hedgerow.domain.market import Exchange
from hedgerow.domain.market_data import (
    BookLevel,
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType
from hedgerow.domain.orders import OrderSide
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.agents.indicators import IndicatorDesk
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.infrastructure.candle_files import read_candles
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.infrastructure.clickhouse.client import ClickHouse
from hedgerow.infrastructure.clickhouse.market_stores import (
    ClickHouseDerivativesStore,
    ClickHouseMarketTradeStore,
    ClickHouseOrderBookStore,
)
from hedgerow.infrastructure.clickhouse.news_store import ClickHouseNewsStore
from hedgerow.infrastructure.embedders import WordLlamaEmbedder
from hedgerow.settings import Settings
from hedgerow.usecases.candle_sets import CandleSet
from hedgerow.usecases.paper_run import plan_run, run_paper
from hedgerow.usecases.ports.model_records import Meeting
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.replay_meeting import (
    MeetingArchive,
    Replayed,
    replay_meeting,
    replay_with_model,
)
from replay_builders import Crashed, crashing

TICK: Final = timedelta(microseconds=1)
EARLY, LATE = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
BINANCE: Final = Exchange.BINANCE


class Logged:
    """A log of calls that nobody reads (port UsageLog)."""

    async def add(self, log: AIUsageLog) -> None:
        """Forget it."""


@dataclass(slots=True)
class House:
    """A paper fund of the house on real stores, and the means to replay it."""

    engine: AsyncEngine
    clickhouse: ClickHouse
    embedder: WordLlamaEmbedder
    candles: CandleSet

    def agents(self) -> AgentsMaker:
        """A desk as a new process makes it."""
        settings = Settings()
        units, indicators = unit_of_work(self.engine), IndicatorDesk()
        return AgentsMaker(settings, units, self.clickhouse, Logged(), indicators, None)

    async def run(self, crash_at: int | None = None) -> PaperRun:
        """Run, or go on; `crash_at` is the commit at which the process dies."""
        agents, store = self.agents(), ClickHouseCandleStore(self.clickhouse)
        units = agents.open_unit_of_work
        if crash_at is not None:
            units = crashing(units, crash_at)
            agents = replace(agents, open_unit_of_work=units)
        regimes = RulesRegimeModel(agents.indicators)
        desk = paper_desk(self.engine, store, self.embedder, regimes, agents.staff)
        desk = replace(desk, open_unit_of_work=units)
        plan = plan_run(self.candles, BINANCE, Decimal(10_000), 7, RiskTolerance.MODERATE)
        return await run_paper(desk, plan, self.candles, lambda _: None, lambda: False)

    def archive(self) -> MeetingArchive:
        """What replays need, as a new process makes it."""
        agents = self.agents()
        room = partial(agents.record_room, self.embedder, asks_models=True)
        candles = ClickHouseCandleStore(self.clickhouse)
        return MeetingArchive(agents.open_unit_of_work, candles, room)

    async def tell(self, symbol: str, at: datetime, price: int) -> None:
        """One row of each kind of market records, known at a moment."""
        worth = Decimal(price)
        book = (BookLevel(worth - 1, Decimal(price)),), (BookLevel(worth + 1, Decimal(1)),)
        await ClickHouseOrderBookStore(self.clickhouse).save(
            BINANCE, [OrderBookSnapshot(symbol, at, *book)]
        )
        await ClickHouseMarketTradeStore(self.clickhouse).save(
            BINANCE, [MarketTrade(symbol, at, str(price), OrderSide.BUY, worth, Decimal(2))]
        )
        await ClickHouseDerivativesStore(self.clickhouse).save(
            BINANCE, [DerivativesReading(symbol, at, worth / 1_000_000, worth)]
        )
        await ClickHouseNewsStore(self.clickhouse).save(
            [_news(symbol, at, f"the price of {symbol} is {price}")]
        )


def _news(symbol: str, at: datetime, title: str) -> NewsItem:
    return NewsItem(
        id=str(derived_id(at, symbol, title)),
        source="wire",
        title=title,
        summary=title,
        url="https://news.test/1",
        symbols=(symbol,),
        published_at=at,
        known_at=at,
    )


@pytest.fixture
async def house(database: AsyncEngine, tmp_path: Path) -> AsyncIterator[House]:
    """A house whose run has died once, and has gone on to its end."""
    folder = cut_candles(tmp_path / "candles")
    candles = read_candles(folder, None, None, allow_gaps=False)
    async with opened("embedded", tmp_path / "clickhouse") as clickhouse:
        made = House(database, clickhouse, WordLlamaEmbedder(), candles)
        for place, candle in enumerate(candles.candles):
            if place % 3 == 0:
                await made.tell(candle.symbol, candle.close_time - TICK, 100 + place)
        with pytest.raises(Crashed):
            await made.run(crash_at=350)
        await made.run()
        yield made


async def meetings_of(house: House) -> list[Meeting]:
    """All meetings of the fund, by time."""
    async with unit_of_work(house.engine)(SYSTEM) as unit:
        run = await unit.runs.latest()
        assert run is not None
        held = await unit.meetings.between(run.user_id, EARLY, LATE)
    return [meeting for meeting in held if "fund" in meeting.briefing]


async def replay_all(house: House, meetings: Sequence[Meeting]) -> list[Replayed]:
    archive = house.archive()
    return [await replay_meeting(archive, str(meeting.id)) for meeting in meetings]


def differing(replayed: Sequence[Replayed]) -> list[object]:
    return [difference for each in replayed for difference in each.differences]


async def store_the_future(house: House, meeting: Meeting) -> None:
    """Of everything that agents read, rows that became known just after a meeting."""
    after = meeting.at + TICK
    for symbol in house.candles.symbols:
        await house.tell(symbol, after, 999_999)
    later = [c for c in house.candles.candles if c.open_time >= meeting.at]
    moved = [replace(c, close=c.close * 2, high=c.high * 2, volume=c.volume * 9) for c in later]
    await ClickHouseCandleStore(house.clickhouse).save(BINANCE, moved)
    async with unit_of_work(house.engine)(SYSTEM) as unit:
        run = await unit.runs.latest()
        assert run is not None
        positions = await unit.trades.positions(run.strategy_id)
        lessons = [
            lesson
            for position in positions
            for lesson in await unit.memories.of_trade(position.id)
            if lesson.type is MemoryType.LESSON and lesson.created_at <= meeting.at
        ]
        assert lessons
        for position in positions:
            ids = [lesson.id for lesson in lessons]
            for lesson in await unit.memories.unvalidated(ids, position.id):
                lesson.validate(was_right=False)
                await unit.memories.save_validation(
                    lesson, position.id, position.user_id, was_right=False, at=after
                )
        news = [_again(lesson, after) for lesson in lessons]
        news += [_shared(lesson, after) for lesson in lessons]
        vectors = await house.embedder.embed([each.content for each in news])
        await unit.memories.add(news, vectors, house.embedder)
        await unit.memories.expire([lesson.id for lesson in lessons], after)
        await unit.commit()


def _again(lesson: Memory, at: datetime) -> Memory:
    return replace(lesson, id=derived_id(at, lesson.id), created_at=at)


def _shared(lesson: Memory, at: datetime) -> Memory:
    return replace(
        lesson,
        id=derived_id(at, lesson.id, "shared"),
        created_at=at,
        scope=MemoryScope.COLLECTIVE,
        user_id=None,
        session_id=None,
    )


async def test_meetings_are_held_again_to_the_letter(house: House) -> None:
    meetings = await meetings_of(house)
    kinds = Counter(str(meeting.decision["kind"]) for meeting in meetings)
    assert kinds["Proposal"] >= 5
    assert kinds["Abstention"] >= 3
    replayed = await replay_all(house, meetings)
    assert differing(replayed) == []
    assert [each.again.decision_hash for each in replayed] == [m.decision_hash for m in meetings]
    assert all(len(each.again.calls) == len(each.record.exchanges) for each in replayed)
    assert all(each.again.tools for each in replayed)
    agents = {call.agent_name for each in replayed for call in each.again.calls}
    assert agents >= {"order_flow_analyst", "derivatives_analyst", "sentiment_analyst"}

    archive = house.archive()
    other = await replay_with_model(archive, str(meetings[0].id), HOUSE)
    assert other.differences == []
    assert {call.session_id for call in other.again.calls}.isdisjoint(
        {meetings[0].session_id, meetings[0].research_session_id}
    )
    assert await meetings_of(house) == meetings

    # whatever has become known since one of them changes none that was held by then
    middle = _one_that_remembers(replayed)
    await store_the_future(house, middle)
    by_then = [meeting for meeting in meetings if meeting.at <= middle.at]
    assert differing(await replay_all(house, by_then)) == []
    later = [meeting for meeting in meetings if meeting.at > middle.at]
    assert differing(await replay_all(house, later))

    # what is said to have been known then, and was not, is told by name
    title = "a headline that nobody had read"
    await ClickHouseNewsStore(house.clickhouse).save([_news(middle.symbol, middle.at, title)])
    (changed,) = await replay_all(house, [middle])
    named = [difference for difference in changed.differences if title in difference.now]
    assert named, changed.differences
    assert "sentiment_analyst" in named[0].what
    assert "read_news" not in named[0].recorded
    assert changed.again.strange


def _one_that_remembers(replayed: Sequence[Replayed]) -> Meeting:
    """The meeting in the middle of those at which memories were recalled."""
    remembering = [
        each.record.meeting for each in replayed if each.again.decision.get("memories_recalled")
    ]
    assert len(remembering) >= 2
    return remembering[len(remembering) // 2 - 1]
