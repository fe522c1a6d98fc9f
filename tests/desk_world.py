"""A desk on the house model, or on models of a test's own, with everything kept in memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from google.adk.models._capabilities import LlmCapabilities
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.sessions import Session
from google.genai import types

from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure
from hedgerow.domain.ai_usage import HOUSE, ModelChoice, TokenUsage
from hedgerow.domain.errors import BudgetExhausted
from hedgerow.domain.journal import MarketRegime, SetupRecord
from hedgerow.domain.limits import Limits, trading_bounds
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.market_data import (
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.money import ZERO
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.strategies import RebalanceFrequency
from hedgerow.domain.users import UserSettings
from hedgerow.infrastructure.agents.desk.desk import AgentDesk, DeskTerms
from hedgerow.infrastructure.agents.desk.floor import Floor
from hedgerow.infrastructure.agents.desk.house.model import HouseModel
from hedgerow.infrastructure.agents.desk.research import ResearchRoom
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import IndicatorDesk
from hedgerow.usecases.model_calls import FREE, ModelCall, ModelReply, Reservation, exchange_of
from hedgerow.usecases.open_fund import PAPER_LIMITS
from hedgerow.usecases.ports.desk import FundView, RecallQuery
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange

USER = UUID("018d0000-0000-7000-8000-000000000001")


@dataclass(slots=True)
class KnownMarket:
    """Market records from what a test puts in (port MarketRecords)."""

    by_symbol: dict[str, list[Candle]] = field(default_factory=dict)
    book: OrderBookSnapshot | None = None
    tape: list[MarketTrade] = field(default_factory=list)
    futures: list[DerivativesReading] = field(default_factory=list)
    items: list[NewsItem] = field(default_factory=list)

    async def candles(
        self, symbol: str, timeframe: Timeframe, count: int, as_of: datetime
    ) -> Sequence[Candle]:
        mine = self.by_symbol.get(symbol, [])
        return [c for c in mine if c.timeframe is timeframe and c.close_time <= as_of][-count:]

    async def order_book(self, symbol: str, as_of: datetime) -> OrderBookSnapshot | None:
        return self.book if self.book is not None and self.book.at <= as_of else None

    async def trades(self, symbol: str, start: datetime, as_of: datetime) -> Sequence[MarketTrade]:
        return [trade for trade in self.tape if start <= trade.at <= as_of]

    async def derivatives(
        self, symbol: str, start: datetime, as_of: datetime
    ) -> Sequence[DerivativesReading]:
        return [each for each in self.futures if start <= each.at <= as_of]

    async def news(
        self, symbol: str, start: datetime, as_of: datetime, limit: int
    ) -> Sequence[NewsItem]:
        known = [item for item in self.items if start <= item.known_at <= as_of]
        return sorted(known, key=lambda item: item.known_at, reverse=True)[:limit]


@dataclass(slots=True)
class MemoryClerk:
    """Keeps account in memory; `calls_max` is how many calls that cost money are allowed."""

    calls_max: int = 1_000_000
    exchanges: list[ModelExchange] = field(default_factory=list)
    meetings: list[Meeting] = field(default_factory=list)
    replies: list[ModelReply] = field(default_factory=list)
    reserved: set[UUID] = field(default_factory=set)
    released: set[UUID] = field(default_factory=set)
    forfeited: set[UUID] = field(default_factory=set)
    is_remembering: bool = False

    async def pressure(self, user_id: UUID, limits: BudgetLimits) -> BudgetPressure:
        return BudgetPressure.NORMAL

    async def known(self, call: ModelCall) -> ModelExchange | None:
        if not self.is_remembering:
            return None
        key = call.request_key
        return next((each for each in self.exchanges if each.request_key == key), None)

    async def reserve(self, call: ModelCall) -> Reservation:
        if len(self.reserved) >= self.calls_max:
            limit = Decimal(self.calls_max)
            raise BudgetExhausted(call.caller.user_id, "monthly_ai_requests", limit, limit)
        self.reserved.add(call.id)
        return Reservation(call.id, FREE)

    async def release(self, call: ModelCall, reserved: Reservation) -> None:
        self.released.add(reserved.id)

    async def forfeit(self, call: ModelCall, reserved: Reservation) -> None:
        self.forfeited.add(reserved.id)

    async def settle(
        self, call: ModelCall, reserved: Reservation, reply: ModelReply
    ) -> ModelExchange:
        self.replies.append(reply)
        exchange = exchange_of(call, reply.answered_by, reply.response)
        self.exchanges.append(exchange)
        return exchange

    async def close(self, exchanges: Sequence[ModelExchange], meeting: Meeting) -> None:
        self.meetings.append(meeting)


@dataclass(slots=True)
class KeptSessions:
    """Sessions by their ids, once their meetings are over."""

    by_id: dict[str, Session] = field(default_factory=dict)

    async def keep(self, session: Session) -> None:
        self.by_id[session.id] = session

    async def get_session(self, *, app_name: str, user_id: str, session_id: str) -> Session | None:
        return self.by_id.get(session_id)


class ToldModel(BaseLlm):
    """Answers as a test tells it to: by a function of the request."""

    model: str = "told"
    answer: Callable[[LlmRequest], str | LlmResponse]

    @property
    def capabilities(self) -> LlmCapabilities:
        return LlmCapabilities(output_schema_and_tools=True)

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        said = self.answer(llm_request)
        if isinstance(said, str):
            said = LlmResponse(content=types.Content(role="model", parts=[types.Part(text=said)]))
        yield said


@dataclass(slots=True)
class DeskWorld:
    """A desk and what is around it. `others` are models by choice; all else is the house."""

    market: KnownMarket = field(default_factory=KnownMarket)
    clerk: MemoryClerk = field(default_factory=MemoryClerk)
    sessions: KeptSessions = field(default_factory=KeptSessions)
    others: dict[ModelChoice, BaseLlm] = field(default_factory=dict)
    terms: DeskTerms = field(default_factory=DeskTerms)
    universe: tuple[str, ...] = ()
    research_model: ModelChoice = HOUSE
    record: SetupRecord = field(default_factory=lambda: SetupRecord(0, 0, ZERO))
    met: datetime | None = None
    indicators: IndicatorDesk = field(default_factory=IndicatorDesk)
    deadline_s: float = 300.0

    @property
    def floor(self) -> Floor:
        return Floor(self.sessions.keep, self._llm, self.clerk, _no_tokens, self.deadline_s)

    def desk(self) -> AgentDesk:
        floor = self.floor
        room = ResearchRoom(
            floor,
            Exchange.BINANCE,
            self.market,
            self.indicators,
            self.universe,
            {},
            self.research_model,
        )
        house = HouseAnalyst(self.indicators)
        return AgentDesk(
            floor, room, house, self._record, self._last_met, self._allowances, self.terms
        )

    def _llm(self, choice: ModelChoice) -> BaseLlm:
        return self.others.get(choice) or HouseModel()

    async def _record(
        self, user_id: UUID, setup_type: SetupType, regime: MarketRegime, as_of: datetime
    ) -> SetupRecord:
        return self.record

    async def _last_met(self, user_id: UUID, symbol: str, before: datetime) -> datetime | None:
        return self.met

    async def _allowances(self, user_id: UUID) -> tuple[UserSettings, Limits]:
        view = fund_view()
        return view.settings, view.limits


def _no_tokens(response: LlmResponse) -> TokenUsage:
    return TokenUsage(0, 0)


def fund_view(**changes: Any) -> FundView:
    """A fund of 10,000 USDT that holds nothing."""
    settings = UserSettings(
        max_position_size_usd=Decimal(4000), max_total_exposure_usd=Decimal(10_000)
    )
    values: dict[str, Any] = {
        "user_id": USER,
        "strategy_id": USER,
        "quote_currency": "USDT",
        "equity": Decimal(10_000),
        "cash": Decimal(10_000),
        "exposure": ZERO,
        "risk": ZERO,
        "target_allocations": {"BTC/USDT": Decimal("0.5")},
        "rebalance_frequency": RebalanceFrequency.NEVER,
        "positions": (),
        "bounds": trading_bounds(settings, PAPER_LIMITS),
        "limits": PAPER_LIMITS,
        "settings": settings,
        "is_halted": False,
        "leverage_max": 1,
    }
    return FundView(**(values | changes))


async def forgetful(query: RecallQuery) -> Sequence[RecalledMemory]:
    """A memory with nothing in it."""
    return []


HOURS = timedelta(hours=1)
