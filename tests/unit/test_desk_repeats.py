"""The same briefing gives the same meeting to the byte, and nothing of the future is in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse

from desk_scenes import (
    LONG,
    PLAYED,
    SETUPS,
    Place,
    about,
    briefing_at,
    events_of,
    fingerprint,
    lesson,
    open_position,
    recalling,
    said_in,
    sample,
    world,
)
from desk_world import DeskWorld, KnownMarket, fund_view
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.market_data import (
    BookLevel,
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.domain.orders import OrderSide
from hedgerow.domain.proposals import Decision, ExitProposal, Proposal
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.agents.desk.house.heard import heard_in
from hedgerow.infrastructure.agents.desk.house.model import HouseModel
from hedgerow.infrastructure.agents.desk.wire import calls_of
from hedgerow.usecases.ports.desk import Briefing, RecallQuery

LESSONS = (lesson(1, metadata=about("supports")), lesson(2, metadata=about("cautions")))
MINUTE = timedelta(minutes=1)


@dataclass(slots=True)
class BusyMarket(KnownMarket):
    """A market with several order books, which keeps the moments that it was asked about."""

    books: list[OrderBookSnapshot] = field(default_factory=list)
    moments: set[datetime] = field(default_factory=set)

    async def candles(
        self, symbol: str, timeframe: Timeframe, count: int, as_of: datetime
    ) -> Sequence[Candle]:
        self.moments.add(as_of)
        return await KnownMarket.candles(self, symbol, timeframe, count, as_of)

    async def order_book(self, symbol: str, as_of: datetime) -> OrderBookSnapshot | None:
        self.moments.add(as_of)
        return max(
            (book for book in self.books if book.at <= as_of),
            key=lambda book: book.at,
            default=None,
        )

    async def trades(self, symbol: str, start: datetime, as_of: datetime) -> Sequence[MarketTrade]:
        self.moments.add(as_of)
        return await KnownMarket.trades(self, symbol, start, as_of)

    async def derivatives(
        self, symbol: str, start: datetime, as_of: datetime
    ) -> Sequence[DerivativesReading]:
        self.moments.add(as_of)
        return await KnownMarket.derivatives(self, symbol, start, as_of)

    async def news(
        self, symbol: str, start: datetime, as_of: datetime, limit: int
    ) -> Sequence[NewsItem]:
        self.moments.add(as_of)
        return await KnownMarket.news(self, symbol, start, as_of, limit)

    def add(self, symbol: str, at: datetime, price: str) -> None:
        """Something of everything, as it became known at `at`."""
        level = BookLevel(Decimal(price), Decimal(3))
        self.books.append(OrderBookSnapshot(symbol, at, (level,), (level,)))
        self.tape.append(
            MarketTrade(symbol, at, f"t{at}", OrderSide.BUY, Decimal(price), Decimal(2))
        )
        self.futures.append(DerivativesReading(symbol, at, Decimal("0.0004"), Decimal(price)))
        self.items.append(
            NewsItem(f"n{at}", "wire", f"hack at {price}", "", "", (symbol,), at - MINUTE, at)
        )


def market_until(at: datetime, symbol: str) -> BusyMarket:
    """What was known at a moment, and nothing more."""
    market = BusyMarket(
        {name: [c for c in candles if c.close_time <= at] for name, candles in sample().items()}
    )
    for ago in (200, 20, 2):
        market.add(symbol, at - ago * MINUTE, f"{100 + ago}")
    return market


async def meet(briefing: Briefing, **changes: Any) -> tuple[DeskWorld, Decision]:
    of = world(**changes)
    return of, await of.desk().decide(briefing, recalling(*LESSONS))


def briefings() -> list[Briefing]:
    position = open_position(LONG[0])
    held = fund_view(positions=(position,))
    turned = replace(
        briefing_at(*LONG, position=position, fund=held), regime_before=Regime.TRANSITION
    )
    return [*(briefing_at(*place) for place in SETUPS.values()), turned]


class TestTheSameBriefing:
    async def test_twice_is_the_same_to_the_byte(self) -> None:
        for briefing in briefings():
            one, decided = await meet(briefing)
            other, again = await meet(briefing)
            assert decided == again
            assert said_in(one) == said_in(other)
            assert one.clerk.meetings == other.clerk.meetings
            assert [each.call_id for each in one.clerk.exchanges] == [
                each.call_id for each in other.clerk.exchanges
            ]
            assert await _written(one) == await _written(other)

    async def test_another_price_is_another_meeting(self) -> None:
        briefing = briefing_at(*LONG)
        last = briefing.candles[-1]
        moved = replace(last, close=last.close + Decimal("0.01"))
        other = replace(briefing, candles=(*briefing.candles[:-1], moved))
        assert fingerprint(*await meet(briefing)) != fingerprint(*await meet(other))

    async def test_a_meeting_held_again_by_the_same_desk_leaves_one_session(self) -> None:
        of = world()
        briefing = briefing_at(*LONG, is_asked_for=True)
        desk = of.desk()
        first = await desk.decide(briefing, recalling(*LESSONS))
        written = await _written(of)
        assert await desk.decide(briefing, recalling(*LESSONS)) == first
        assert await _written(of) == written


async def _written(of: DeskWorld) -> dict[str, list[str]]:
    """Every event of every session, as it would be stored."""
    return {
        meeting.session_id: [
            event.model_dump_json()
            for event in await events_of(of, meeting.user_id, meeting.session_id)
        ]
        for meeting in of.clerk.meetings
        if meeting.answers
    }


ANALYSTS = (
    *("technical_analyst", "regime_analyst", "market_analyst", "correlation_analyst"),
    *("order_flow_analyst", "derivatives_analyst", "sentiment_analyst"),
)


class OrderlyModel(HouseModel):
    """The house, where each analyst speaks once the one before it in `order` has finished."""

    order: tuple[str, ...]
    finished: dict[str, Any]

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        agent = heard_in(llm_request).agent
        place = self.order.index(agent) if agent in self.order else 0
        if place:
            await self.finished[self.order[place - 1]].wait()
        async for response in super().generate_content_async(llm_request, stream):
            if agent in self.order and not calls_of(response):
                self.finished[agent].set()
            yield response


class TestParallelAnalysts:
    @pytest.mark.parametrize("order", [ANALYSTS, ANALYSTS[::-1], ANALYSTS[3:] + ANALYSTS[:3]])
    async def test_their_order_does_not_matter(self, order: tuple[str, ...]) -> None:
        briefing = briefing_at(*LONG)
        finished = {name: asyncio.Event() for name in order}
        even, decided = await meet(briefing, market=market_until(briefing.at, briefing.symbol))
        ordered, again = await meet(
            briefing,
            market=market_until(briefing.at, briefing.symbol),
            research_model=PLAYED,
            others={PLAYED: OrderlyModel(order=order, finished=finished)},
        )
        ended = {agent: n for n, (agent, _, _) in enumerate(said_in(ordered)) if agent in order}
        assert sorted(ended, key=ended.__getitem__) == list(order)
        assert isinstance(decided, Proposal)
        assert decided == again
        assert _answers(even) == _answers(ordered)


def _answers(of: DeskWorld) -> list[tuple[str, bytes]]:
    """What each agent said, one after the other, whoever came first."""
    return sorted(((agent, said) for agent, _, said in said_in(of)), key=lambda each: each[0])


class TestAsOf:
    @pytest.mark.parametrize("place", [LONG, SETUPS["range, short"], SETUPS["volatile, long"]])
    async def test_what_became_known_later_changes_nothing(self, place: Place) -> None:
        briefing = briefing_at(*place)
        known = market_until(briefing.at, briefing.symbol)
        past = fingerprint(*await meet(briefing, market=known))
        for ahead in (timedelta(microseconds=1), timedelta(hours=1), timedelta(days=1)):
            known.add(briefing.symbol, briefing.at + ahead, "999")
        known.by_symbol = market_until(briefing.at + timedelta(days=9), "").by_symbol
        assert fingerprint(*await meet(briefing, market=known)) == past

    async def test_what_was_known_a_moment_before_changes_it(self) -> None:
        briefing = briefing_at(*LONG)
        known = market_until(briefing.at, briefing.symbol)
        past = fingerprint(*await meet(briefing, market=known))
        known.add(briefing.symbol, briefing.at, "999")
        assert fingerprint(*await meet(briefing, market=known)) != past

    async def test_everything_is_asked_as_of_the_briefing(self) -> None:
        briefing = briefing_at(*LONG)
        market = market_until(briefing.at, briefing.symbol)
        queries: list[RecallQuery] = []

        async def recall(query: RecallQuery) -> list[Any]:
            queries.append(query)
            return []

        of = world(market=market)
        await of.desk().decide(briefing, recall)
        assert market.moments == {briefing.at}
        assert {query.as_of for query in queries} == {briefing.at}
        assert {exchange.at for exchange in of.clerk.exchanges} == {briefing.at}
        agents = {exchange.agent_name for exchange in of.clerk.exchanges}
        assert agents >= {"order_flow_analyst", "derivatives_analyst", "sentiment_analyst"}

    async def test_a_meeting_about_a_position_reads_nothing_later(self) -> None:
        briefing = briefings()[-1]
        known = market_until(briefing.at, briefing.symbol)
        full = market_until(briefing.at + timedelta(days=9), briefing.symbol)
        one, decided = await meet(briefing, market=known)
        other, again = await meet(briefing, market=full)
        assert not isinstance(decided, ExitProposal)
        assert fingerprint(one, decided) == fingerprint(other, again)
