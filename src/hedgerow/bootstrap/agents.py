"""The desk of agents, put together from models, stores and settings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from hedgerow.bootstrap.models import default_model, stand_ins
from hedgerow.domain.ai_budget import BudgetLimits
from hedgerow.domain.ai_usage import AIProvider, ModelChoice, model_chain, models_by_agent
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.journal import MarketRegime, SetupRecord
from hedgerow.domain.limits import Limits
from hedgerow.domain.market import Exchange
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.users import UserSettings
from hedgerow.settings import Settings
from hedgerow.usecases.market_records import MarketStores, StoredMarket
from hedgerow.usecases.model_calls import ModelClerk
from hedgerow.usecases.ports.desk import Embedder, Staff
from hedgerow.usecases.ports.replay import MeetingRoom
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork
from hedgerow.usecases.ports.usage import UsageLog
from hedgerow.usecases.recall_memories import MemoryDesk, recall_memories

if TYPE_CHECKING:  # google-adk takes seconds
    from google.adk.models.base_llm import BaseLlm

    from hedgerow.infrastructure.agents.indicators import IndicatorDesk
    from hedgerow.infrastructure.clickhouse.client import ClickHouse
    from hedgerow.infrastructure.models.book import ModelBook

# Calls of research that all users share are limited in money only.
_RESEARCH_REQUESTS_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class AgentsMaker:
    """What a desk of agents is made of; `book` is None where no provider is set up."""

    settings: Settings
    open_unit_of_work: OpenUnitOfWork
    clickhouse: ClickHouse
    usage_log: UsageLog
    indicators: IndicatorDesk
    book: ModelBook | None

    def staff(self, exchange: Exchange, symbols: Sequence[str], settled_until: datetime) -> Staff:
        """Those who decide on symbols of an exchange; raises InputRefused for a wrong setting.

        Market records before `settled_until` are taken to be stored whole.
        """
        from hedgerow.infrastructure.agents.desk.desk import AgentDesk, DeskTerms
        from hedgerow.infrastructure.agents.desk.floor import Floor
        from hedgerow.infrastructure.agents.desk.research import ResearchRoom
        from hedgerow.infrastructure.agents.desk.school import DeskSchool
        from hedgerow.infrastructure.agents.desk.session_service import FundSessionService
        from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
        from hedgerow.infrastructure.models.usage import token_usage

        settings = self.settings
        clerk = self.clerk()
        sessions = FundSessionService(self.open_unit_of_work)
        floor = Floor(sessions.keep, self._llm, clerk, token_usage, settings.desk_deadline_s)
        models = _models_of_agents(settings.agent_models)
        records = StoredMarket(exchange, _stores(self.clickhouse), settled_until)
        default = default_model(settings)
        cheaper = model_chain(settings.cheaper_model or "")
        for choice in (default, *models.values(), *cheaper):
            # refused now rather than in the middle of a run
            self._llm(choice)
        room = ResearchRoom(
            floor,
            exchange,
            records,
            self.indicators,
            symbols,
            models,
            default,
            self._research_limits,
        )
        desk = AgentDesk(
            floor,
            room,
            HouseAnalyst(self.indicators),
            self._record,
            self._last_met,
            self._allowances,
            DeskTerms(
                interval=_interval(settings),
                models=models,
                cheaper=next(iter(cheaper), None),
            ),
        )
        school = DeskSchool(floor, desk.school_terms)
        return Staff(desk, school, school)

    def record_room(self, embedder: Embedder, *, asks_models: bool) -> MeetingRoom:
        """Where meetings are held again: from the record, or with another model as well."""
        from hedgerow.infrastructure.agents.desk.replay import Archive, LiveModels, RecordRoom
        from hedgerow.infrastructure.agents.desk.session_service import FundSessionService
        from hedgerow.infrastructure.models.usage import token_usage

        memory, stores = MemoryDesk(self.open_unit_of_work, embedder), _stores(self.clickhouse)
        archive = Archive(
            market_of=lambda record: StoredMarket(record.exchange, stores),
            recall_of=lambda user_id: partial(recall_memories, memory, user_id),
            read_record=self._record,
            indicators=self.indicators,
        )
        if not asks_models:
            return RecordRoom(archive, None)
        keep = FundSessionService(self.open_unit_of_work).keep
        terms = self._research_limits, self.settings.desk_deadline_s
        live = LiveModels(self._llm_alone, self._clerk(), keep, token_usage, *terms)
        return RecordRoom(archive, live)

    @property
    def _research_limits(self) -> BudgetLimits:
        return BudgetLimits(_RESEARCH_REQUESTS_MAX, self.settings.research_budget_usd)

    def clerk(self) -> ModelClerk:
        """Who keeps account of the desk's calls."""
        return self._clerk(*stand_ins(self.settings))

    def _clerk(self, *others: ModelChoice) -> ModelClerk:
        from hedgerow.infrastructure.models.prices import BundledPrices
        from hedgerow.infrastructure.system_clock import SystemClock

        units, prices = self.open_unit_of_work, BundledPrices()
        return ModelClerk(units, self.usage_log, prices, SystemClock(), others)

    def _llm(self, choice: ModelChoice) -> BaseLlm:
        """A model with those that stand in for it; raises InputRefused for one not set up."""
        others = [each for each in stand_ins(self.settings) if each != choice]
        return self._chain(choice, *others)

    def _llm_alone(self, choice: ModelChoice) -> BaseLlm:
        """A model that nothing stands in for; raises InputRefused for one not set up."""
        return self._chain(choice)

    def _chain(self, choice: ModelChoice, *others: ModelChoice) -> BaseLlm:
        if choice.provider is AIProvider.HOUSE:
            from hedgerow.infrastructure.agents.desk.house.model import HouseModel

            return HouseModel()
        if self.book is None:
            from hedgerow.infrastructure.models.book import not_set_up

            raise not_set_up(choice)
        return self.book.llm((choice, *others))

    async def _record(
        self, user_id: UUID, setup_type: SetupType, regime: MarketRegime, as_of: datetime
    ) -> SetupRecord:
        async with self.open_unit_of_work(user_id) as unit:
            return await unit.journal.record_of(user_id, setup_type, regime, as_of)

    async def _last_met(self, user_id: UUID, symbol: str, before: datetime) -> datetime | None:
        async with self.open_unit_of_work(user_id) as unit:
            return await unit.meetings.latest_at(user_id, symbol, before)

    async def _allowances(self, user_id: UUID) -> tuple[UserSettings, Limits]:
        async with self.open_unit_of_work(user_id) as unit:
            return await unit.funds.allowances(user_id)


def _models_of_agents(text: str | None) -> dict[str, ModelChoice]:
    from hedgerow.infrastructure.agents.desk.roster import BY_NAME

    models = models_by_agent(text or "")
    for name in models:
        if name not in BY_NAME:
            raise InputRefused(
                what=f"no agent is called {name!r}",
                where="HEDGEROW_AGENT_MODELS",
                fix=f"use one of {', '.join(sorted(BY_NAME))}",
            )
    return models


def _interval(settings: Settings) -> timedelta | None:
    minutes = settings.desk_interval_minutes
    return None if minutes is None else timedelta(minutes=minutes)


def _stores(clickhouse: ClickHouse) -> MarketStores:
    from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
    from hedgerow.infrastructure.clickhouse.market_stores import (
        ClickHouseDerivativesStore,
        ClickHouseMarketTradeStore,
        ClickHouseOrderBookStore,
    )
    from hedgerow.infrastructure.clickhouse.news_store import ClickHouseNewsStore

    return MarketStores(
        candles=ClickHouseCandleStore(clickhouse),
        books=ClickHouseOrderBookStore(clickhouse),
        trades=ClickHouseMarketTradeStore(clickhouse),
        derivatives=ClickHouseDerivativesStore(clickhouse),
        news=ClickHouseNewsStore(clickhouse),
    )
