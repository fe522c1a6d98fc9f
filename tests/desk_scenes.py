"""Scenes for the desk: windows of the bundled candles, lessons, positions, and models that play."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from google.adk.events import Event
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from desk_world import USER, DeskWorld, KnownMarket, MemoryClerk, fund_view
from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure
from hedgerow.domain.ai_usage import AIProvider, ModelChoice
from hedgerow.domain.market import Candle, MarketType
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, RecalledMemory, Standing
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import Decision
from hedgerow.domain.regimes import RegimeReading
from hedgerow.domain.sessions import AGENTS_APP
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.agents.desk.house.heard import heard_in
from hedgerow.infrastructure.agents.desk.house.model import HouseModel
from hedgerow.infrastructure.agents.desk.market_tools import MarketBrief, MarketTools
from hedgerow.infrastructure.agents.desk.wire import canonical, saying
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.infrastructure.candle_files import bundled_sample, read_candles
from hedgerow.usecases.codec import encode
from hedgerow.usecases.ports.desk import Briefing, FundView, RecallQuery

START: Final = datetime(2024, 1, 1, tzinfo=UTC)
PLAYED: Final = ModelChoice(AIProvider.COMPATIBLE, "played")
"""The model that a test plays; it costs money, so that budgets count."""

Place = tuple[str, int]
"""A window of the bundled candles: their symbol, and how many of them have closed."""

# Windows where the house finds each of its setups, by regime and side.
SETUPS: Final[Mapping[str, Place]] = {
    "trend up": ("BNB/USDT", 266),
    "trend up, barely": ("BNB/USDT", 179),
    "trend down": ("BTC/USDT", 124),
    "range, long": ("BTC/USDT", 453),
    "range, short": ("BNB/USDT", 131),
    "volatile, long": ("BNB/USDT", 281),
    "volatile, short": ("SOL/USDT", 484),
}
# Windows with a setup that a moderate strategy does not believe in.
FAINT: Final[Mapping[str, Place]] = {
    "trend up": ("BTC/USDT", 387),
    "trend down": ("ETH/USDT", 127),
    "range, short": ("BTC/USDT", 444),
    "range, long": ("SOL/USDT", 315),
    "volatile, long": ("SOL/USDT", 454),
}
# Windows without a setup.
EMPTY: Final[Mapping[str, Place]] = {
    "range": ("BNB/USDT", 120),
    "transition": ("BNB/USDT", 145),
    "trend up": ("BNB/USDT", 171),
    "trend down": ("BNB/USDT", 147),
    "volatile": ("BTC/USDT", 399),
}
LONG: Final = SETUPS["trend up"]
SHORT: Final = SETUPS["trend down"]
NOTHING: Final = EMPTY["transition"]


@cache
def sample() -> Mapping[str, tuple[Candle, ...]]:
    """The bundled candles by symbol."""
    found = read_candles(bundled_sample(), None, None, allow_gaps=False)
    return {
        symbol: tuple(candle for candle in found.candles if candle.symbol == symbol)
        for symbol in found.symbols
    }


@cache
def reading_at(symbol: str, end: int) -> RegimeReading:
    """The regime by the rules after the first `end` candles."""
    return RulesRegimeModel(IndicatorDesk()).read(sample()[symbol][end - WINDOW : end])


def briefing_at(symbol: str, end: int, **changes: Any) -> Briefing:
    """What a moderate spot fund that holds nothing knows after the first `end` candles."""
    window = sample()[symbol][end - WINDOW : end]
    values: dict[str, Any] = {
        "at": window[-1].close_time,
        "symbol": symbol,
        "timeframe": window[-1].timeframe,
        "market_type": MarketType.SPOT,
        "risk_tolerance": RiskTolerance.MODERATE,
        "price_tick": Decimal("0.01"),
        "candles": window,
        "longer": lambda timeframe, count: [],
        "regime": reading_at(symbol, end),
        "position": None,
        "has_working_entry": False,
        "fund": fund_view(),
    }
    return Briefing(**(values | changes))


def market_tools(
    briefing: Briefing, market: KnownMarket | None = None, universe: Sequence[str] = ()
) -> MarketTools:
    """What may be read of a market by those who are given a briefing."""
    shared = {entry.name: getattr(briefing, entry.name) for entry in fields(MarketBrief)}
    seen = IndicatorDesk().read(briefing.candles)
    return MarketTools(MarketBrief(**shared), seen, market or KnownMarket(), universe)


def world(**changes: Any) -> DeskWorld:
    """A desk on the house model that can read all bundled candles."""
    known = {symbol: list(candles) for symbol, candles in sample().items()}
    values: dict[str, Any] = {"market": KnownMarket(known), "universe": tuple(known)}
    return DeskWorld(**(values | changes))


def lesson(number: int, similarity: float = 0.8, **changes: Any) -> RecalledMemory:
    """A lesson that was right in all of three trades; `metadata` says what it is about."""
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "scope": MemoryScope.COLLECTIVE,
        "type": MemoryType.LESSON,
        "content": f"lesson {number}: pullbacks in an uptrend are bought",
        "agent_id": "house_reviewer",
        "created_at": START,
        "metadata": about("supports"),
        "validation_score": 0.6,
        "validation_trades": 3,
    }
    return RecalledMemory(Memory(**(values | changes)), similarity, Standing(1.0, 1.0, 1.0, 1.0))


def about(
    stance: str, setup_type: str = "trend_follow", side: str = "long", regime: str = "trend_up"
) -> dict[str, str]:
    """What a lesson is about, and what it says of it."""
    return {"stance": stance, "setup_type": setup_type, "side": side, "regime": regime}


def recalling(
    *memories: RecalledMemory,
) -> Callable[[RecallQuery], Any]:
    """A memory that answers every question with the same."""

    async def recall(query: RecallQuery) -> Sequence[RecalledMemory]:
        return memories

    return recall


def open_position(
    symbol: str = "BTC/USDT",
    side: PositionSide = PositionSide.LONG,
    price: str = "200",
    size: str = "1",
    **changes: Any,
) -> Position:
    """A position of `size`, opened at `price` and standing there still."""
    values: dict[str, Any] = {
        "id": UUID(int=77),
        "user_id": USER,
        "strategy_id": UUID(int=2),
        "trading_pair_id": UUID(int=3),
        "exchange_account_id": UUID(int=4),
        "entry_order_id": UUID(int=5),
        "symbol": symbol,
        "market_type": MarketType.FUTURES,
        "side": side,
        "opened_at": START,
        "updated_at": START,
        "current_price": Decimal(price),
        "entry_price": Decimal(price),
        "entry_cost": Decimal(price) * Decimal(size),
        "size": Decimal(size),
        "size_opened": Decimal(size),
    }
    return Position(**(values | changes))


def agents_max(count: int, *, advanced: bool = True, **changes: Any) -> FundView:
    """A fund whose tier seats so many agents."""
    fund = fund_view(**changes)
    limits = replace(fund.limits, max_agents_count=count, advanced_agents_access=advanced)
    return replace(fund, limits=limits)


def played_fund(**changes: Any) -> FundView:
    """A fund whose user has chosen the model that a test plays."""
    fund = fund_view(**changes)
    chosen = replace(
        fund.settings,
        default_ai_provider=PLAYED.provider.value,
        default_ai_model=PLAYED.model_id,
    )
    return replace(fund, settings=chosen)


Part = Callable[[LlmRequest], str | LlmResponse]


class PlayedModel(HouseModel):
    """The house model, but for the agents whose part a test plays; keeps what it was asked."""

    model: str = PLAYED.model_id
    parts: dict[str, Part]
    asked: list[tuple[str, LlmRequest]]

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        agent = heard_in(llm_request).agent
        self.asked.append((agent, llm_request))
        part = self.parts.get(agent)
        if part is None:
            async for response in super().generate_content_async(llm_request, stream):
                yield response
            return
        said = part(llm_request)
        yield saying(said) if isinstance(said, str) else said

    def requests(self, agent: str) -> list[LlmRequest]:
        """What an agent was asked, in order."""
        return [request for name, request in self.asked if name == agent]


def played(**parts: Part) -> PlayedModel:
    """A model that plays `parts` by the names of agents."""
    return PlayedModel(parts=parts, asked=[])


def with_model(model: PlayedModel, **changes: Any) -> DeskWorld:
    """A world in which everybody, research included, asks `model`."""
    return world(others={PLAYED: model}, research_model=PLAYED, **changes)


def calling(name: str, **arguments: Any) -> LlmResponse:
    """The call of a tool."""
    call = types.FunctionCall(name=name, args=arguments)
    return LlmResponse(content=types.Content(role="model", parts=[types.Part(function_call=call)]))


def tools_first(answer: Callable[[LlmRequest], str]) -> Part:
    """Asks every tool once, as the house does, and then answers."""

    def part(request: LlmRequest) -> str | LlmResponse:
        told = heard_in(request).told
        unasked = [name for name in request.tools_dict if name not in told]
        return calling(unasked[0]) if unasked else answer(request)

    return part


def prompt_of(request: LlmRequest) -> str:
    """All words of a request, its answers of tools included."""
    parts = [part for content in request.contents for part in content.parts or []]
    return "\n".join(
        part.text or canonical(part.model_dump(mode="json", exclude_none=True)).decode()
        for part in parts
    )


@dataclass(slots=True)
class PressedClerk(MemoryClerk):
    """A clerk whose users' months are as far used up as `now` says."""

    now: BudgetPressure = BudgetPressure.NORMAL

    async def pressure(self, user_id: UUID, limits: BudgetLimits) -> BudgetPressure:
        return self.now


def said_in(of: DeskWorld) -> list[tuple[str, str, bytes]]:
    """All exchanges, by content: who asked, the key of what was asked, and the answer."""
    return [(each.agent_name, each.request_key, each.response) for each in of.clerk.exchanges]


def fingerprint(of: DeskWorld, decision: Decision) -> str:
    """One hash over all that was said, and what was decided."""
    said = [[agent, key, response.decode()] for agent, key, response in said_in(of)]
    return sha256(canonical([said, type(decision).__name__, encode(decision)])).hexdigest()


async def events_of(of: DeskWorld, user_id: UUID, session_id: str) -> list[Event]:
    """What happened in a session."""
    found = await of.sessions.get_session(
        app_name=AGENTS_APP, user_id=str(user_id), session_id=session_id
    )
    assert found is not None
    return list(found.events)
