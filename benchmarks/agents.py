"""What the desk costs beside its models: time of a turn, tokens of a decision, many at once.

Run it as `python -m benchmarks.agents`, with `--json` for JSON. The desk is the one that is wired,
on the embedded PostgreSQL and ClickHouse in a folder of their own, durable as they ship. It asks
the house's rules as if they were a model of somebody else's: each call is set aside, settled,
logged and recorded. Tokens are those of the tokenizer that WordLlama carries, over the requests
and answers as recorded, which hold each schema and each declaration of a tool in full.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID, uuid4

from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.machine import machine
from hedgerow.bootstrap.agents import AgentsMaker
from hedgerow.domain import sessions as stored
from hedgerow.domain.ai_usage import AIProvider, AIUsageLog, ModelChoice
from hedgerow.domain.ids import derived_id
from hedgerow.domain.limits import trading_bounds
from hedgerow.domain.market import Candle, Exchange, MarketType
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.money import ZERO
from hedgerow.domain.proposals import Abstention, Decision, Proposal
from hedgerow.domain.sessions import AGENTS_APP, RESEARCH_USER_ID, ContentType, EventContent
from hedgerow.domain.strategies import RebalanceFrequency, RiskTolerance
from hedgerow.domain.users import UserSettings
from hedgerow.infrastructure.agents.desk.house.model import HouseModel
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.infrastructure.candle_files import bundled_sample, read_candles
from hedgerow.infrastructure.clickhouse.batch_writer import BatchWriter
from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.migrate import migrate as migrate_clickhouse
from hedgerow.infrastructure.clickhouse.usage_store import ClickHouseUsageStore
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.models.book import ModelBook
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.settings import Settings
from hedgerow.usecases.open_fund import PAPER_LIMITS
from hedgerow.usecases.ports.desk import Analyst, Briefing, FundView, RecallQuery

_MODEL: Final = ModelChoice(AIProvider.COMPATIBLE, "rules")
_LENGTHS: Final = (10, 1_000, 10_000)
_MEETINGS: Final = 16
_SHARING: Final = (1, 100, 1_000)
_AT_ONCE: Final = 1_000
_LATENCY_S: Final = 1.0


class RulesAsModel(HouseModel):
    """The house's rules after a pause, counting what they are asked."""

    pause_s: float = 0.0
    calls: int = 0
    turns: int = 0

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """The rules' answer."""
        await asyncio.sleep(self.pause_s)
        self.calls += 1
        async for response in super().generate_content_async(llm_request, stream):
            parts = (response.content and response.content.parts) or []
            self.turns += not any(part.function_call for part in parts)
            response.usage_metadata = types.GenerateContentResponseUsageMetadata(
                prompt_token_count=1_000, candidates_token_count=100, total_token_count=1_100
            )
            yield response


@dataclass(slots=True)
class OneModel:
    """A book of models with one page."""

    model: RulesAsModel

    def llm(self, chain: Sequence[ModelChoice]) -> RulesAsModel:
        """That one."""
        return self.model


@dataclass(slots=True)
class Bench:
    """Engines, and desks on them."""

    engine: AsyncEngine
    clickhouse: EmbeddedClickHouse
    log: BatchWriter[AIUsageLog]
    model: RulesAsModel = field(default_factory=RulesAsModel)

    def unit(self, actor: Any) -> PostgresUnitOfWork:
        """A unit of work."""
        return PostgresUnitOfWork(self.engine, actor)

    def analyst(self) -> Analyst:
        """A desk as it is wired, which has met nobody yet."""
        settings = Settings(ai_provider=_MODEL.provider, ai_model=_MODEL.model_id)
        book = cast(ModelBook, OneModel(self.model))
        maker = AgentsMaker(settings, self.unit, self.clickhouse, self.log, IndicatorDesk(), book)
        last = candles()["BTC/USDT"][-1].close_time
        return maker.staff(Exchange.BINANCE, tuple(candles()), last).analyst


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        result = asyncio.run(_measure(folder))
    finally:
        shutil.rmtree(folder)
    result |= {"load_before": round(load, 2), "machine": machine()}
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(", ".join(f"{name}: {value}" for name, value in result.items()))


async def _measure(folder: Path) -> dict[str, Any]:
    async with _bench(folder) as bench:
        return {
            **await _turns(bench),
            **await _tokens(bench),
            **await _at_once(bench),
        }


@asynccontextmanager
async def _bench(folder: Path) -> AsyncIterator[Bench]:
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(EmbeddedPostgres(folder / "postgres"))
        engine = await stack.enter_async_context(open_engine(postgres.url))
        await migrate(engine)
        clickhouse = await stack.enter_async_context(EmbeddedClickHouse(folder / "clickhouse"))
        await migrate_clickhouse(clickhouse)
        store = ClickHouseCandleStore(clickhouse)
        await store.save(Exchange.BINANCE, [c for each in candles().values() for c in each])
        usage = ClickHouseUsageStore(clickhouse)
        log = await stack.enter_async_context(BatchWriter(usage.save))
        yield Bench(engine, clickhouse, log)


# --- time of a turn --------------------------------------------------------------------------


async def _turns(bench: Bench) -> dict[str, Any]:
    """Milliseconds of an agent's turn, of users whose sessions hold so many events already.

    They take turns, each meeting on a window of its own, research included.
    """
    owners = {length: await _user_with(bench, length) for length in _LENGTHS}
    desk = bench.analyst()
    times: dict[int, list[float]] = {length: [] for length in _LENGTHS}
    calls: list[float] = []
    windows = iter(await _setups())
    for _ in range(_MEETINGS):
        for length, owner in owners.items():
            before, asked = bench.model.turns, bench.model.calls
            started = time.perf_counter()
            await desk.decide(_briefing(next(windows), owner), _forgetful)
            took_ms = (time.perf_counter() - started) * 1000
            times[length].append(took_ms / (bench.model.turns - before))
            calls.append(took_ms / (bench.model.calls - asked))
    result: dict[str, Any] = {}
    for length, taken in times.items():
        result[f"turn_ms_at_{length}"] = round(statistics.median(taken), 1)
        result[f"turn_ms_at_{length}_p90"] = round(statistics.quantiles(taken, n=10)[-1], 1)
    result["call_ms"] = round(statistics.median(calls), 1)
    return result


async def _user_with(bench: Bench, length: int) -> UUID:
    """A user with sessions of 100 events each, or one that is shorter."""
    owner, left = uuid4(), length
    async with bench.unit(owner) as unit:
        while left:
            count = min(left, 100)
            name = f"{left}"
            at = candles()["BTC/USDT"][0].open_time
            row_id = derived_id(at, owner, name)
            session = stored.Session(row_id, AGENTS_APP, str(owner), name, at, at)
            session.append(*(_event(number) for number in range(count)))
            await unit.sessions.add(session)
            left -= count
        await unit.commit()
    return owner


def _event(number: int) -> stored.SessionEvent:
    return stored.SessionEvent(
        event_id=f"evt_{number}",
        author="analyst",
        content=EventContent(ContentType.TEXT, text="the market breaks out " * 50),
        timestamp=candles()["BTC/USDT"][0].open_time + timedelta(seconds=number),
    )


# --- tokens of a decision --------------------------------------------------------------------


async def _tokens(bench: Bench) -> dict[str, Any]:
    """Calls and tokens of a fund's decision, of funds that share their research.

    Decisions are those at which the desk met of its own accord, at the closes of the bundled
    candles; `shared` is what research took for one, `own` what the fund took.
    """
    owner, desk = uuid4(), bench.analyst()
    sessions: set[tuple[UUID, str]] = set()
    met = 0
    for symbol, mine in candles().items():
        for end in range(WINDOW + 1, len(mine), 11):
            decision = await desk.decide(
                _briefing((symbol, end), owner, is_asked_for=False), _forgetful
            )
            if decision.session_id is not None:
                met += 1
                sessions |= await _sessions_of(bench, owner, decision)
    shared = [each for each in sessions if each[0] == RESEARCH_USER_ID]
    own = [each for each in sessions if each[0] != RESEARCH_USER_ID]
    by_research, by_fund = await _used(bench, shared), await _used(bench, own)
    result: dict[str, Any] = {"decisions": met, "tokenizer": "that of WordLlama"}
    for name, sums in (("shared", by_research), ("own", by_fund)):
        result |= {f"{what}_{name}": round(total / met, 2) for what, total in sums.items()}
    for users in _SHARING:
        for what, total in by_research.items():
            each = (total / users + by_fund[what]) / met
            result[f"{what}_at_{users}_users"] = round(each, 2)
    return result


async def _sessions_of(bench: Bench, owner: UUID, decision: Decision) -> set[tuple[UUID, str]]:
    assert decision.session_id is not None
    async with bench.unit(owner) as unit:
        meeting = await unit.meetings.of_session(decision.session_id)
    assert meeting is not None
    found = {(meeting.user_id, meeting.session_id)}
    if meeting.research_session_id is not None:
        found.add((RESEARCH_USER_ID, meeting.research_session_id))
    return found


async def _used(bench: Bench, sessions: Sequence[tuple[UUID, str]]) -> Mapping[str, int]:
    used = {"calls": 0, "input_tokens": 0, "output_tokens": 0}
    for user_id, session_id in sessions:
        async with bench.unit(user_id) as unit:
            for exchange in await unit.model_records.of_session(user_id, session_id):
                used["calls"] += 1
                used["input_tokens"] += _count(exchange.request)
                used["output_tokens"] += _count(exchange.response)
    return used


def _count(text: bytes) -> int:
    return len(_tokenizer().encode(text.decode()).ids)


@cache
def _tokenizer() -> Any:
    # Late: it sets up the root logger when it is imported.
    import wordllama  # noqa: PLC0415

    home = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=home, dim=256, disable_download=True).tokenizer


# --- many at once ----------------------------------------------------------------------------


async def _at_once(bench: Bench) -> dict[str, Any]:
    """Decisions a second of users who all ask at once, of a model that takes its time."""
    bench.model.pause_s = _LATENCY_S
    desk = bench.analyst()
    # one that nobody has met on
    window = (await _setups())[-1]
    before = bench.model.calls
    briefings = [_briefing(window, uuid4()) for _ in range(_AT_ONCE)]
    started = time.perf_counter()
    decided = await asyncio.gather(*(desk.decide(each, _forgetful) for each in briefings))
    took_s = time.perf_counter() - started
    return {
        "users_at_once": _AT_ONCE,
        "model_latency_s": _LATENCY_S,
        "all_decided_s": round(took_s, 1),
        "decisions_per_s": round(_AT_ONCE / took_s, 1),
        "acted_at_once": sum(not isinstance(each, Abstention) for each in decided),
        "calls_at_once": bench.model.calls - before,
    }


# --- briefings -------------------------------------------------------------------------------


@cache
def candles() -> Mapping[str, tuple[Candle, ...]]:
    """The bundled candles by symbol."""
    found = read_candles(bundled_sample(), None, None, allow_gaps=False)
    return {
        symbol: tuple(each for each in found.candles if each.symbol == symbol)
        for symbol in found.symbols
    }


async def _setups() -> Sequence[tuple[str, int]]:
    """Windows of all symbols after which the house proposes a trade."""
    house = HouseAnalyst(IndicatorDesk())
    places = [(symbol, end) for end in range(WINDOW, 500) for symbol in candles()]
    owner = uuid4()
    return [
        place
        for place in places
        if isinstance(await house.decide(_briefing(place, owner), _forgetful), Proposal)
    ]


def _briefing(window: tuple[str, int], owner: UUID, *, is_asked_for: bool = True) -> Briefing:
    symbol, end = window
    mine = candles()[symbol][end - WINDOW : end]
    rules = RulesRegimeModel(IndicatorDesk())
    return Briefing(
        at=mine[-1].close_time,
        symbol=symbol,
        timeframe=mine[-1].timeframe,
        market_type=MarketType.SPOT,
        risk_tolerance=RiskTolerance.AGGRESSIVE,
        price_tick=Decimal("0.01"),
        candles=mine,
        longer=lambda timeframe, count: [],
        regime=rules.read(mine),
        position=None,
        has_working_entry=False,
        fund=_fund(owner),
        regime_before=rules.read(candles()[symbol][end - WINDOW - 1 : end - 1]).regime
        if end > WINDOW
        else None,
        is_asked_for=is_asked_for,
    )


def _fund(owner: UUID) -> FundView:
    settings = UserSettings(
        max_position_size_usd=Decimal(4_000), max_total_exposure_usd=Decimal(10_000)
    )
    asking = replace(
        settings, default_ai_provider=_MODEL.provider.value, default_ai_model=_MODEL.model_id
    )
    return FundView(
        user_id=owner,
        strategy_id=owner,
        quote_currency="USDT",
        equity=Decimal(10_000),
        cash=Decimal(10_000),
        exposure=ZERO,
        risk=ZERO,
        target_allocations={"BTC/USDT": Decimal("0.5")},
        rebalance_frequency=RebalanceFrequency.NEVER,
        positions=(),
        bounds=trading_bounds(settings, PAPER_LIMITS),
        limits=PAPER_LIMITS,
        settings=asking,
        is_halted=False,
        leverage_max=1,
    )


async def _forgetful(query: RecallQuery) -> Sequence[RecalledMemory]:
    return []


if __name__ == "__main__":
    main()
