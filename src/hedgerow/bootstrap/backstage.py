"""What each command is given to work with, put together when it is first needed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from hedgerow.bootstrap.agents import AgentsMaker
from hedgerow.bootstrap.desks import (
    ChosenRegimes,
    at_one_moment,
    chosen_regimes,
    paper_desk,
    regime_model,
    regime_trainer,
    shared_state,
    unit_of_work,
    vault,
)
from hedgerow.bootstrap.engines import Engines
from hedgerow.bootstrap.models import (
    asking_only,
    default_model,
    desk_models,
    has_models,
    model_book,
)
from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.embedded.data_folder import FREE_BYTES_MIN, DataFolder
from hedgerow.settings import EmbedderName, Settings, load_settings
from hedgerow.usecases.backtest.desk import BacktestDesk
from hedgerow.usecases.backtest.recorded import Recording
from hedgerow.usecases.backtest.request import HOUSE, DeskRequest
from hedgerow.usecases.candle_series import CandleSeries
from hedgerow.usecases.candle_sets import CandleColumns, CandleSet
from hedgerow.usecases.checks import Check
from hedgerow.usecases.classify_regimes import RegimeDesk
from hedgerow.usecases.evaluate.run_evaluation import EvaluationDesk
from hedgerow.usecases.export_report import Table
from hedgerow.usecases.keep_candles import CandleShelf
from hedgerow.usecases.log_usage import log_usage
from hedgerow.usecases.paper_run import PaperDesk
from hedgerow.usecases.ports.backup import BackupDesk, RestoreDesk
from hedgerow.usecases.ports.clock import Clock
from hedgerow.usecases.ports.desk import RegimeModel
from hedgerow.usecases.ports.market import CandleStore, NewsFeed, NewsStore
from hedgerow.usecases.ports.shared_state import SharedState
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork
from hedgerow.usecases.ports.usage import UsageStore
from hedgerow.usecases.ports.vault import Vault
from hedgerow.usecases.recall_memories import MemoryDesk
from hedgerow.usecases.regime_models import RegimeTrainer
from hedgerow.usecases.relay_events import RelayDesk
from hedgerow.usecases.replay_meeting import MeetingArchive
from hedgerow.usecases.report_facts import RunFacts
from hedgerow.usecases.schema import SchemaKeeper
from hedgerow.usecases.sweep.order import SweepOrder
from hedgerow.usecases.sweep.run_sweep import SweepDesk
from hedgerow.usecases.vault_keys import prepare_vault

if TYPE_CHECKING:  # half a second, wasted on the commands that do without
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hedgerow.infrastructure.agents.indicators import IndicatorDesk
    from hedgerow.infrastructure.clickhouse.client import ClickHouse


class Backstage:
    """Adapters behind the commands, each imported when it is first needed."""

    @cached_property
    def _settings(self) -> Settings:
        return load_settings()

    @cached_property
    def _folder(self) -> DataFolder:
        return DataFolder(self._settings.data_dir)

    @cached_property
    def _engines(self) -> Engines:
        return Engines(self._settings, self._folder)

    def read_candles(
        self,
        folder: Path | None,
        timeframe: Timeframe | None,
        symbols: Sequence[str] | None,
        *,
        allow_gaps: bool,
    ) -> CandleSet:
        """Candles from a folder of files, or the bundled ones; raises InputRefused."""
        from hedgerow.infrastructure.candle_files import bundled_sample, read_candles

        return read_candles(folder or bundled_sample(), timeframe, symbols, allow_gaps=allow_gaps)

    def read_candle_columns(
        self,
        folder: Path,
        timeframe: Timeframe | None,
        symbols: Sequence[str] | None,
        *,
        allow_gaps: bool,
    ) -> list[CandleColumns]:
        """Candles from a folder of files, as they are stored in bulk; raises InputRefused."""
        from hedgerow.infrastructure.candle_files import read_candle_columns

        return read_candle_columns(folder, timeframe, symbols, allow_gaps=allow_gaps)

    def read_series(
        self,
        folder: Path | None,
        timeframe: Timeframe | None,
        symbols: Sequence[str] | None,
        *,
        allow_gaps: bool,
    ) -> Mapping[str, CandleSeries]:
        """Candles from a folder of files, or the bundled ones, for a backtest."""
        from hedgerow.bootstrap.backtests import read_series

        return read_series(folder, timeframe, symbols, allow_gaps=allow_gaps)

    @asynccontextmanager
    async def candle_store(self) -> AsyncIterator[CandleStore]:
        """Stored candles, candle by candle, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore

        async with self._engines.clickhouse() as clickhouse:
            yield ClickHouseCandleStore(clickhouse)

    @asynccontextmanager
    async def backtest_desk(
        self, request: DeskRequest, candles: Mapping[str, CandleSeries], *, memory: bool
    ) -> AsyncIterator[BacktestDesk]:
        """What a backtest needs; raises InputRefused for an analyst or terms that cannot be."""
        from hedgerow.bootstrap.backtests import backtest_desk

        chosen = self._regimes_for(request)
        if not memory:
            yield backtest_desk(request, candles, chosen)
            return
        async with self._engines.embedder() as embedder:
            yield backtest_desk(request, candles, chosen, embedder)

    def sweep_desk(
        self, order: SweepOrder, candles: Mapping[str, CandleSeries]
    ) -> AbstractContextManager[SweepDesk]:
        """What a sweep is run with; raises InputRefused for what cannot be."""
        from hedgerow.bootstrap.sweeps import sweep_desk

        folder = self._folder.path / "sweeps"
        folder.mkdir(exist_ok=True)
        return sweep_desk(folder, order, candles, self._regimes_for(order.request))

    def recorded_desk(self, recording: Recording) -> BacktestDesk:
        """What a backtest of a paper run's decisions needs."""
        from hedgerow.bootstrap.backtests import recorded_desk

        return recorded_desk(recording)

    def report_folder(self) -> Path:
        """Where HTML reports are kept."""
        folder = self._folder.path / "reports"
        folder.mkdir(exist_ok=True)
        return folder

    def write_tables(self, folder: Path, tables: Sequence[Table]) -> None:
        """Write each table to `folder` as CSV and as Parquet; raises InputRefused."""
        from hedgerow.infrastructure.table_files import write_tables

        write_tables(folder, tables)

    def write_run(self, folder: Path, facts: RunFacts) -> None:
        """Write the record of a run to `folder`; raises InputRefused."""
        from hedgerow.infrastructure.run_files import write_run

        write_run(folder, facts)

    def read_run(self, folder: Path) -> RunFacts:
        """The record of a run that was written to `folder`; raises InputRefused."""
        from hedgerow.infrastructure.run_files import read_run

        return read_run(folder)

    @asynccontextmanager
    async def paper_desk(
        self, *, fresh: bool, model: ModelChoice | None = None
    ) -> AsyncIterator[PaperDesk]:
        """All services for a run, held by this process alone; `fresh` forgets earlier ones.

        A `model` is asked by all agents instead of those that are set.
        """
        from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore

        if fresh:
            self._engines.require_embedded()
        async with AsyncExitStack() as stack:
            stack.enter_context(self._folder.exclusive())
            self._folder.require_free_space(FREE_BYTES_MIN)
            engine = await stack.enter_async_context(self._engines.postgres())
            clickhouse = await stack.enter_async_context(self._engines.clickhouse(here=True))
            if fresh:
                await self._engines.empty(engine, clickhouse)
            embedder = await stack.enter_async_context(self._engines.embedder())
            agents = await stack.enter_async_context(self._agents(engine, clickhouse, model))
            await agents.clerk().sweep()
            store = ClickHouseCandleStore(clickhouse)
            yield paper_desk(engine, store, embedder, self._regime_model, agents.staff)

    @asynccontextmanager
    async def shared_desk(self) -> AsyncIterator[PaperDesk]:
        """All services for looking at runs, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore

        async with (
            self._engines.postgres() as engine,
            self._engines.clickhouse() as clickhouse,
            self._engines.embedder() as embedder,
            self._agents(engine, clickhouse) as agents,
        ):
            store = ClickHouseCandleStore(clickhouse)
            look = at_one_moment(engine)
            yield paper_desk(look, store, embedder, self._regime_model, agents.staff)

    @asynccontextmanager
    async def meeting_archive(self, *, asks_models: bool) -> AsyncIterator[MeetingArchive]:
        """What decisions are replayed with: the stores alone, or other models as well."""
        from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
        from hedgerow.infrastructure.embedders import UnaskedEmbedder

        async with (
            self._engines.postgres() as engine,
            self._engines.clickhouse() as clickhouse,
            self._engines.embedder() as embedder,
            self._agents(engine, clickhouse, asks_models=asks_models) as agents,
        ):
            may_embed = asks_models or self._settings.embedder is EmbedderName.WORDLLAMA
            unasked = UnaskedEmbedder(embedder.model, embedder.dimensions)
            used = embedder if may_embed else unasked
            room = partial(agents.record_room, used, asks_models=asks_models)
            units = unit_of_work(at_one_moment(engine))
            yield MeetingArchive(units, ClickHouseCandleStore(clickhouse), room)

    @asynccontextmanager
    async def _agents(
        self,
        engine: AsyncEngine,
        clickhouse: ClickHouse,
        model: ModelChoice | None = None,
        *,
        asks_models: bool = True,
    ) -> AsyncIterator[AgentsMaker]:
        """What desks of agents are made of; the log of their calls is whole when it ends."""
        from hedgerow.infrastructure.clickhouse.batch_writer import BatchWriter
        from hedgerow.infrastructure.clickhouse.usage_store import ClickHouseUsageStore

        async with AsyncExitStack() as stack:
            book = None
            if asks_models and has_models(self._settings):
                book = await stack.enter_async_context(model_book(self._settings))
            units = unit_of_work(engine)
            save = partial(log_usage, ClickHouseUsageStore(clickhouse).save, units)
            log = await stack.enter_async_context(BatchWriter(save))
            settings = self._settings if model is None else asking_only(self._settings, model)
            yield AgentsMaker(settings, units, clickhouse, log, self._indicators, book)

    def default_model(self) -> ModelChoice:
        """The model that agents ask, unless a user's settings say otherwise."""
        return default_model(self._settings)

    def desk_models(self) -> tuple[ModelChoice, ...]:
        """Every model that an agent may ask by the settings, the default one first."""
        return desk_models(self._settings)

    @asynccontextmanager
    async def evaluation_desk(
        self, *, fresh: bool, model: ModelChoice | None
    ) -> AsyncIterator[EvaluationDesk]:
        """What an evaluation is run with, as `paper_desk`."""
        from hedgerow.bootstrap.evaluations import evaluation_desk

        async with self.paper_desk(fresh=fresh, model=model) as paper:
            yield evaluation_desk(paper, self._chosen_regimes)

    @asynccontextmanager
    async def news_feeds(self, symbols: Sequence[str]) -> AsyncIterator[Sequence[NewsFeed]]:
        """The feeds that are set, which look for the names of `symbols`; there may be none."""
        from hedgerow.infrastructure.news.feeds import RssFeed
        from hedgerow.infrastructure.news.fetching import open_client

        urls = self._settings.news_feeds
        async with open_client() as client:
            yield [RssFeed(url, symbols, client) for url in urls.split(",")] if urls else []

    @asynccontextmanager
    async def news_store(self) -> AsyncIterator[NewsStore]:
        """Stored news, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.news_store import ClickHouseNewsStore

        async with self._engines.clickhouse() as clickhouse:
            yield ClickHouseNewsStore(clickhouse)

    @asynccontextmanager
    async def usage(self) -> AsyncIterator[UsageStore]:
        """What models have cost, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.usage_store import ClickHouseUsageStore

        async with self._engines.clickhouse() as clickhouse:
            yield ClickHouseUsageStore(clickhouse)

    @asynccontextmanager
    async def candle_shelf(self) -> AsyncIterator[CandleShelf]:
        """Stored candles, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.candle_export import ClickHouseCandleExport
        from hedgerow.infrastructure.clickhouse.candle_intake import ClickHouseCandleIntake

        async with self._engines.clickhouse() as clickhouse:
            yield CandleShelf(
                ClickHouseCandleIntake(clickhouse), ClickHouseCandleExport(clickhouse)
            )

    @asynccontextmanager
    async def regime_desk(self) -> AsyncIterator[RegimeDesk]:
        """What markets are classified with, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore

        async with self._engines.postgres() as engine, self._engines.clickhouse() as clickhouse:
            store = ClickHouseCandleStore(clickhouse)
            yield RegimeDesk(unit_of_work(engine), store, self._regime_model)

    def clock(self) -> Clock:
        """The time of this machine."""
        from hedgerow.infrastructure.system_clock import SystemClock

        return SystemClock()

    def regime_trainer(self) -> RegimeTrainer:
        """Trains regime models, and knows those that are kept."""
        return regime_trainer(self._folder)

    @cached_property
    def _indicators(self) -> IndicatorDesk:
        # one for all who ask, for each window is worked out once
        from hedgerow.infrastructure.agents.indicators import IndicatorDesk

        return IndicatorDesk()

    @cached_property
    def _regime_model(self) -> RegimeModel:
        return regime_model(self._chosen_regimes, self._indicators)

    @cached_property
    def _chosen_regimes(self) -> ChosenRegimes:
        return chosen_regimes(self._settings, self._folder)

    def _regimes_for(self, request: DeskRequest) -> ChosenRegimes:
        return self._chosen_regimes if request.analyst == HOUSE else ()

    @asynccontextmanager
    async def records(self) -> AsyncIterator[OpenUnitOfWork]:
        """PostgreSQL alone, shared with whatever else is running."""
        async with self._engines.postgres() as engine:
            yield unit_of_work(at_one_moment(engine))

    @asynccontextmanager
    async def relay_desk(self) -> AsyncIterator[RelayDesk]:
        """What a relay of the event log needs."""
        from hedgerow.infrastructure.postgres.relay import PostgresRelayElection

        async with self._engines.postgres() as engine:
            yield RelayDesk(PostgresRelayElection(engine), self._engines.kafka())

    @asynccontextmanager
    async def vault(self) -> AsyncIterator[tuple[OpenUnitOfWork, Vault]]:
        """PostgreSQL, and the vault with its keys read; raises InputRefused without its keys."""
        async with self.records() as open_unit_of_work:
            keys = vault(self._settings, self._folder)
            await prepare_vault(open_unit_of_work, keys, datetime.now(UTC))
            yield open_unit_of_work, keys

    @asynccontextmanager
    async def shared_state(self) -> AsyncIterator[SharedState]:
        """What processes share in passing: in Redis, and without it in PostgreSQL."""
        async with self._engines.postgres() as engine, self._engines.redis() as link:
            yield shared_state(link, engine)

    def checks(self) -> Sequence[Check]:
        """The looks at everything that would be used, by settings that may be wrong."""
        from hedgerow.bootstrap.checkup import checks_to_make

        return checks_to_make()

    @asynccontextmanager
    async def memories(self) -> AsyncIterator[MemoryDesk]:
        """PostgreSQL and what turns text into vectors."""
        async with self._engines.postgres() as engine, self._engines.embedder() as embedder:
            yield MemoryDesk(unit_of_work(engine), embedder)

    @asynccontextmanager
    async def schema_keeper(self, *, alone: bool) -> AsyncIterator[SchemaKeeper]:
        """The database as it stands, not migrated; `alone` keeps every other run out."""
        from hedgerow.infrastructure.postgres.keeper import PostgresKeeper

        async with AsyncExitStack() as stack:
            if alone:
                stack.enter_context(self._folder.exclusive())
            yield PostgresKeeper(await stack.enter_async_context(self._engines.connected()))

    @asynccontextmanager
    async def backup_desk(self) -> AsyncIterator[BackupDesk]:
        """What a backup is made with, shared with whatever else is running."""
        from hedgerow.infrastructure.agents.regimes.backup import ModelsBackup
        from hedgerow.infrastructure.backup_archive import ZipArchives
        from hedgerow.infrastructure.clickhouse.dump import ClickHouseDump
        from hedgerow.infrastructure.postgres.dump import open_dump

        async with (
            self._engines.postgres() as engine,
            open_dump(engine) as records,
            self._engines.clickhouse() as clickhouse,
        ):
            market = await ClickHouseDump.of(clickhouse)
            keys = vault(self._settings, self._folder)
            models = ModelsBackup(self._folder.regime_models)
            yield BackupDesk(ZipArchives(), records, market, models, keys, version("hedgerow"))

    @asynccontextmanager
    async def restore_desk(self) -> AsyncIterator[RestoreDesk]:
        """What a backup is restored with; keeps every run out."""
        from hedgerow.infrastructure.agents.regimes.backup import ModelsBackup
        from hedgerow.infrastructure.backup_archive import ZipArchives
        from hedgerow.infrastructure.clickhouse.dump import ClickHouseRestore
        from hedgerow.infrastructure.postgres.restore import PostgresRestore

        with self._folder.exclusive():
            async with (
                self._engines.connected() as engine,
                self._engines.clickhouse() as clickhouse,
            ):
                keys = vault(self._settings, self._folder)
                records, market = PostgresRestore(engine), ClickHouseRestore(clickhouse)
                models = ModelsBackup(self._folder.regime_models)
                yield RestoreDesk(ZipArchives(), records, market, models, keys)

    def schema_pages(self) -> Mapping[str, str]:
        """The schema's documentation: texts by file name."""
        from hedgerow.infrastructure.postgres.documentation import pages

        return pages()
