"""A paper run over bundled candles whose desk asks a model that a test plays."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from desk_scenes import PLAYED, PlayedModel, played, sample
from desk_world import KnownMarket
from hedgerow.domain.ai_usage import HOUSE, AIUsageLog, ModelChoice
from hedgerow.domain.journal import MarketRegime, SetupRecord
from hedgerow.domain.limits import Limits
from hedgerow.domain.market import Exchange
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.domain.users import UserSettings
from hedgerow.infrastructure.agents.desk.desk import AgentDesk, DeskTerms
from hedgerow.infrastructure.agents.desk.floor import Floor
from hedgerow.infrastructure.agents.desk.house.model import HouseModel
from hedgerow.infrastructure.agents.desk.research import ResearchRoom
from hedgerow.infrastructure.agents.desk.school import DeskSchool
from hedgerow.infrastructure.agents.desk.session_service import FundSessionService
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import IndicatorDesk
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.infrastructure.models.prices import BundledPrices
from hedgerow.infrastructure.models.usage import token_usage
from hedgerow.infrastructure.system_clock import SystemClock
from hedgerow.infrastructure.venues.paper import PaperVenue
from hedgerow.usecases.candle_sets import CandleSet
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.model_calls import ModelClerk
from hedgerow.usecases.paper_run import PaperDesk, plan_run, run_paper
from hedgerow.usecases.ports.desk import Staff
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork
from replay_builders import LetterEmbedder, ShelfOfCandles, candle_set

FIRST: Final = 250
SYMBOLS: Final = ("BNB/USDT", "SOL/USDT")


@dataclass(slots=True)
class KeptLog:
    """A usage log in memory (port UsageLog)."""

    rows: list[AIUsageLog] = field(default_factory=list)

    async def add(self, log: AIUsageLog, /) -> None:
        self.rows.append(log)


class CountedModel(PlayedModel):
    """As played, and each answer has used tokens."""

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        async for response in super().generate_content_async(llm_request, stream):
            response.usage_metadata = types.GenerateContentResponseUsageMetadata(
                prompt_token_count=1_000, candidates_token_count=100, total_token_count=1_100
            )
            yield response


def counted() -> CountedModel:
    """The house at a price."""
    return CountedModel(parts={}, asked=[])


@dataclass(slots=True)
class DeskRun:
    """Everything around a run. `models` are asked by choice; research asks the house."""

    open_unit: OpenUnitOfWork
    last: int = 500
    choice: ModelChoice = PLAYED
    models: Mapping[ModelChoice, PlayedModel] = field(default_factory=lambda: {PLAYED: played()})
    terms: DeskTerms = field(default_factory=DeskTerms)
    log: KeptLog = field(default_factory=KeptLog)

    @property
    def candles(self) -> CandleSet:
        """The bundled candles of two symbols, from FIRST to `last`."""
        cut = [sample()[symbol][FIRST : self.last] for symbol in SYMBOLS]
        return replace(candle_set(*cut), timeframe=cut[0][0].timeframe)

    async def go(self, is_stopped: Callable[[], bool] = lambda: False) -> PaperRun:
        """Run, or go on with what was interrupted."""
        plan = plan_run(
            self.candles, Exchange.BINANCE, Decimal(10_000), 7, RiskTolerance.MODERATE, self.choice
        )
        return await run_paper(self.desk(), plan, self.candles, lambda _: None, is_stopped)

    def desk(self) -> PaperDesk:
        indicators = IndicatorDesk()
        return PaperDesk(
            open_unit_of_work=self.open_unit,
            make_room=_make_room,
            candle_store=ShelfOfCandles(),
            make_venue=lambda instruments, _: PaperVenue(instruments),
            charges=VenueCharges(Decimal("0.001"), Decimal("0.0005")),
            regime_model=RulesRegimeModel(indicators),
            make_staff=lambda *_: self._staff(indicators),
            embedder=LetterEmbedder(),
            clock=SystemClock(),
        )

    def asked(self, choice: ModelChoice = PLAYED) -> Counter[str]:
        """How often each agent has asked a model."""
        return Counter(agent for agent, _ in self.models[choice].asked)

    def _staff(self, indicators: IndicatorDesk) -> Staff:
        clerk = ModelClerk(self.open_unit, self.log, BundledPrices(), SystemClock())
        sessions = FundSessionService(self.open_unit)
        floor = Floor(sessions.keep, self._llm, clerk, token_usage, 300.0)
        market = KnownMarket({symbol: list(candles) for symbol, candles in sample().items()})
        room = ResearchRoom(floor, Exchange.BINANCE, market, indicators, SYMBOLS, {}, HOUSE)
        house = HouseAnalyst(indicators)
        desk = AgentDesk(
            floor, room, house, self._record, self._last_met, self._allowances, self.terms
        )
        school = DeskSchool(floor, desk.school_terms)
        return Staff(desk, school, school)

    def _llm(self, choice: ModelChoice) -> BaseLlm:
        return self.models.get(choice) or HouseModel()

    async def _record(
        self, user_id: UUID, setup_type: SetupType, regime: MarketRegime, as_of: datetime
    ) -> SetupRecord:
        async with self.open_unit(user_id) as unit:
            return await unit.journal.record_of(user_id, setup_type, regime, as_of)

    async def _last_met(self, user_id: UUID, symbol: str, before: datetime) -> datetime | None:
        async with self.open_unit(user_id) as unit:
            return await unit.meetings.latest_at(user_id, symbol, before)

    async def _allowances(self, user_id: UUID) -> tuple[UserSettings, Limits]:
        async with self.open_unit(user_id) as unit:
            return await unit.funds.allowances(user_id)


async def _make_room(start: datetime, until: datetime) -> None:
    """The rows of a few months need no partitions of their own."""
