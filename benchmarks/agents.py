"""What the desk of agents costs without a model's own time, in milliseconds, calls and tokens.

Run it as `python -m benchmarks.agents`, with `--json` for JSON. The house model plays all agents,
over bundled candles at which the desk finds a setup:

- turns: one fund decides at several candles, on the embedded PostgreSQL and ClickHouse, durable as
  they ship, with as many events of its history as said; a turn is one agent with its tools and its
  answer;
- tokens: so many funds decide at one candle and share its research; tokens are those of the whole
  requests and answers as recorded, counted by the tokenizer of Llama 2 that wordllama carries;
- answers of a second: so many funds decide at once, and each answer takes a model one second.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import wordllama
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.adk.sessions import Session
from wordllama import WordLlama

from benchmarks.machine import machine
from benchmarks.sessions import begin
from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure
from hedgerow.domain.ai_usage import HOUSE, ModelChoice
from hedgerow.domain.journal import MarketRegime, SetupRecord
from hedgerow.domain.limits import Limits, trading_bounds
from hedgerow.domain.market import Candle, Exchange, MarketType, Timeframe
from hedgerow.domain.market_data import (
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.money import ZERO
from hedgerow.domain.proposals import Proposal, SetupType
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.domain.strategies import RebalanceFrequency, RiskTolerance
from hedgerow.domain.users import UserSettings
from hedgerow.infrastructure.agents.desk.desk import AgentDesk, DeskTerms
from hedgerow.infrastructure.agents.desk.floor import Floor
from hedgerow.infrastructure.agents.desk.house.model import HouseModel
from hedgerow.infrastructure.agents.desk.research import ResearchRoom
from hedgerow.infrastructure.agents.desk.session_service import FundSessionService
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.infrastructure.candle_files import bundled_sample, read_candles
from hedgerow.infrastructure.clickhouse.batch_writer import BatchWriter
from hedgerow.infrastructure.clickhouse.opening import ClickHouseHome
from hedgerow.infrastructure.clickhouse.usage_store import ClickHouseUsageStore
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.models.prices import BundledPrices
from hedgerow.infrastructure.models.usage import token_usage
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.infrastructure.system_clock import SystemClock
from hedgerow.usecases.model_calls import ModelCall, ModelClerk, ModelReply, exchange_of
from hedgerow.usecases.open_fund import PAPER_LIMITS
from hedgerow.usecases.ports.desk import Briefing, FundView, RecallQuery
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange

_HISTORIES: Final = (10, 1_000, 10_000)
_DECISIONS: Final = 24
_USERS: Final = (1, 100, 1_000)
_MODEL_S: Final = 1.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            result = asyncio.run(_measure(postgres.url, folder)) | {"machine": machine()}
    finally:
        shutil.rmtree(folder)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(", ".join(f"{name}: {value}" for name, value in result.items()))


async def _measure(url: str, folder: Path) -> dict[str, Any]:
    market = _Market()
    briefings = market.setups()
    result: dict[str, Any] = {"candles_with_a_setup": len(briefings)}
    async with AsyncExitStack() as stack:
        engine = await stack.enter_async_context(open_engine(url))
        await migrate(engine)
        clickhouse = await stack.enter_async_context(ClickHouseHome(folder).open(here=True))
        store = ClickHouseUsageStore(clickhouse)
        log = await stack.enter_async_context(BatchWriter(store.save))

        def open_unit(actor: Any) -> PostgresUnitOfWork:
            return PostgresUnitOfWork(engine, actor)

        clerk = ModelClerk(open_unit, log, BundledPrices(), SystemClock())
        keep = FundSessionService(open_unit).keep
        # what is imported and compiled once is no part of a turn
        await _turn_ms(Floor(keep, _house, clerk, token_usage), market, uuid4(), briefings[:2])
        for length in _HISTORIES:
            owner = await begin(open_unit, length)
            counting = _CountingClerk(clerk)
            floor = Floor(keep, _house, counting, token_usage)
            times = await _turn_ms(floor, market, owner, briefings[:_DECISIONS])
            result[f"turn_ms_at_{length}_events"] = round(statistics.median(times), 2)
            result[f"turn_ms_at_{length}_events_p90"] = round(
                statistics.quantiles(times, n=10)[-1], 2
            )
    for users in _USERS:
        result |= await _tokens(market, briefings[0], users)
    result |= await _at_once(market, briefings[0], _USERS[-1])
    return result


async def _turn_ms(
    floor: Floor, market: _Market, owner: UUID, briefings: Sequence[Briefing]
) -> list[float]:
    """Milliseconds of a turn in each decision: those of the decision over its turns."""
    desk = market.desk(floor)
    times = []
    for briefing in briefings:
        before = _turns(floor)
        started = time.perf_counter()
        decision = await desk.decide(_of(briefing, owner), _nothing_remembered)
        elapsed_ms = (time.perf_counter() - started) * 1_000
        assert isinstance(decision, Proposal), decision
        times.append(elapsed_ms / max(_turns(floor) - before, 1))
    return times


def _turns(floor: Floor) -> int:
    return floor.clerk.turns if isinstance(floor.clerk, _CountingClerk) else 0


async def _tokens(market: _Market, briefing: Briefing, users: int) -> dict[str, Any]:
    clerk = _ListeningClerk()
    desk = market.desk(Floor(_forget, _house, clerk, token_usage))
    funds = [uuid4() for _ in range(users)]
    await asyncio.gather(*(desk.decide(_of(briefing, fund), _nothing_remembered) for fund in funds))
    shared = [each for each in clerk.exchanges if each.user_id == RESEARCH_USER_ID]
    own = [each for each in clerk.exchanges if each.user_id == funds[0]]
    asked, answered = _counted(clerk.exchanges)
    shared_asked, shared_answered = _counted(shared)
    own_asked, own_answered = _counted(own)
    name = f"at_{users}_users"
    return {
        f"calls_per_decision_{name}": round(len(clerk.exchanges) / users, 2),
        f"input_tokens_per_decision_{name}": round(asked / users),
        f"output_tokens_per_decision_{name}": round(answered / users),
        "shared_research": {
            "calls": len(shared),
            "input_tokens": shared_asked,
            "output_tokens": shared_answered,
        },
        "one_fund": {"calls": len(own), "input_tokens": own_asked, "output_tokens": own_answered},
    }


async def _at_once(market: _Market, briefing: Briefing, users: int) -> dict[str, Any]:
    clerk = _ListeningClerk()
    desk = market.desk(Floor(_forget, lambda _: _Slow(), clerk, token_usage))
    started = time.perf_counter()
    await asyncio.gather(
        *(desk.decide(_of(briefing, uuid4()), _nothing_remembered) for _ in range(users))
    )
    elapsed_s = time.perf_counter() - started
    return {
        f"decisions_per_second_of_{users}_users_with_a_model_of_{_MODEL_S:g}_s": round(
            users / elapsed_s, 1
        )
    }


def _counted(exchanges: Sequence[ModelExchange]) -> tuple[int, int]:
    """Tokens of requests and of answers."""
    tokenizer = _tokenizer()
    sizes: dict[bytes, int] = {}

    def size(body: bytes) -> int:
        if body not in sizes:
            sizes[body] = len(tokenizer.encode(body.decode()).ids)
        return sizes[body]

    return sum(size(e.request) for e in exchanges), sum(size(e.response) for e in exchanges)


def _tokenizer() -> Any:
    package = Path(wordllama.__file__).parent
    tokenizer = WordLlama.load(cache_dir=package, disable_download=True).tokenizer
    # it is set to cut and to fill up texts, for vectors
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


async def _nothing_remembered(query: RecallQuery) -> Sequence[RecalledMemory]:
    return ()


async def _forget(session: Session) -> None:
    """Keep no session: what is counted are calls."""


def _house(choice: ModelChoice) -> BaseLlm:
    return HouseModel()


class _Slow(HouseModel):
    """The house, which thinks for a second."""

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        await asyncio.sleep(_MODEL_S)
        async for response in super().generate_content_async(llm_request, stream):
            yield response


@dataclass(slots=True)
class _CountingClerk:
    """A clerk, and how many turns of agents it has put down."""

    clerk: ModelClerk
    turns: int = 0

    async def pressure(self, user_id: UUID, limits: BudgetLimits) -> BudgetPressure:
        return await self.clerk.pressure(user_id, limits)

    async def known(self, call: ModelCall) -> ModelExchange | None:
        return await self.clerk.known(call)

    async def reserve(self, call: ModelCall) -> None:
        await self.clerk.reserve(call)

    async def release(self, call: ModelCall) -> None:
        await self.clerk.release(call)

    async def settle(self, call: ModelCall, reply: ModelReply) -> ModelExchange:
        return await self.clerk.settle(call, reply)

    async def close(self, exchanges: Sequence[ModelExchange], meeting: Meeting) -> None:
        self.turns += len(meeting.answers)
        await self.clerk.close(exchanges, meeting)


@dataclass(slots=True)
class _ListeningClerk:
    """A clerk in memory, which keeps what was said."""

    exchanges: list[ModelExchange] = field(default_factory=list)

    async def pressure(self, user_id: UUID, limits: BudgetLimits) -> BudgetPressure:
        return BudgetPressure.NORMAL

    async def known(self, call: ModelCall) -> ModelExchange | None:
        return None

    async def reserve(self, call: ModelCall) -> None:
        """There is no budget here."""

    async def release(self, call: ModelCall) -> None:
        """There is no budget here."""

    async def settle(self, call: ModelCall, reply: ModelReply) -> ModelExchange:
        exchange = exchange_of(call, reply.answered_by, reply.response)
        self.exchanges.append(exchange)
        return exchange

    async def close(self, exchanges: Sequence[ModelExchange], meeting: Meeting) -> None:
        """Nobody reads it."""


class _Market:
    """The bundled candles as market records (port MarketRecords), and a desk that reads them."""

    def __init__(self) -> None:
        self._candles: dict[str, list[Candle]] = {}
        for candle in read_candles(bundled_sample(), None, None, allow_gaps=False).candles:
            self._candles.setdefault(candle.symbol, []).append(candle)
        self._indicators = IndicatorDesk()

    def desk(self, floor: Floor) -> AgentDesk:
        room = ResearchRoom(
            floor,
            Exchange.BINANCE,
            self,
            self._indicators,
            tuple(self._candles),
            {},
            HOUSE,
        )
        house = HouseAnalyst(self._indicators)
        return AgentDesk(floor, room, house, _no_record, _never_met, _allowances, DeskTerms())

    def setups(self) -> list[Briefing]:
        """The closes at which the house would open a long."""
        regimes = RulesRegimeModel(self._indicators)
        rules = HouseAnalyst(self._indicators)
        found = []
        for candles in self._candles.values():
            for end in range(WINDOW, len(candles)):
                briefing = _briefing(candles[end - WINDOW : end], regimes)
                decided = rules.decide(briefing, _nothing_remembered)
                try:
                    decided.send(None)
                except StopIteration as done:
                    if isinstance(done.value, Proposal):
                        found.append(briefing)
        return found

    async def candles(
        self, symbol: str, timeframe: Timeframe, count: int, as_of: datetime
    ) -> Sequence[Candle]:
        mine = self._candles.get(symbol, [])
        if not mine or mine[0].timeframe is not timeframe:
            return ()
        return [candle for candle in mine if candle.close_time <= as_of][-count:]

    async def order_book(self, symbol: str, as_of: datetime) -> OrderBookSnapshot | None:
        return None

    async def trades(self, symbol: str, start: datetime, as_of: datetime) -> Sequence[MarketTrade]:
        return ()

    async def derivatives(
        self, symbol: str, start: datetime, as_of: datetime
    ) -> Sequence[DerivativesReading]:
        return ()

    async def news(
        self, symbol: str, start: datetime, as_of: datetime, limit: int
    ) -> Sequence[NewsItem]:
        return ()


def _briefing(candles: Sequence[Candle], regimes: RulesRegimeModel) -> Briefing:
    last = candles[-1]
    return Briefing(
        at=last.close_time,
        symbol=last.symbol,
        timeframe=last.timeframe,
        market_type=MarketType.SPOT,
        risk_tolerance=RiskTolerance.MODERATE,
        price_tick=Decimal("0.01"),
        candles=candles,
        longer=lambda timeframe, count: (),
        regime=regimes.read(candles),
        position=None,
        has_working_entry=False,
    )


def _of(briefing: Briefing, owner: UUID) -> Briefing:
    """The briefing of a fund of 10,000 USDT that holds nothing."""
    settings = UserSettings()
    fund = FundView(
        user_id=owner,
        strategy_id=owner,
        quote_currency="USDT",
        equity=Decimal(10_000),
        cash=Decimal(10_000),
        exposure=ZERO,
        risk=ZERO,
        target_allocations={briefing.symbol: Decimal("0.25")},
        rebalance_frequency=RebalanceFrequency.NEVER,
        positions=(),
        bounds=trading_bounds(settings, PAPER_LIMITS),
        limits=PAPER_LIMITS,
        settings=settings,
        is_halted=False,
        leverage_max=1,
    )
    return replace(briefing, fund=fund)


async def _no_record(
    user_id: UUID, setup_type: SetupType, regime: MarketRegime, as_of: datetime
) -> SetupRecord:
    return SetupRecord(0, 0, ZERO)


async def _never_met(user_id: UUID, symbol: str, before: datetime) -> datetime | None:
    return None


async def _allowances(user_id: UUID) -> tuple[UserSettings, Limits]:
    return UserSettings(), PAPER_LIMITS


if __name__ == "__main__":
    main()
