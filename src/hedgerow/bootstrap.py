"""The one place that knows which adapter stands behind which port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, assert_never

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Instrument, Timeframe
from hedgerow.infrastructure.embedded.data_folder import FREE_BYTES_MIN, DataFolder
from hedgerow.settings import EmbedderName, Settings, load_settings, secret_of
from hedgerow.usecases.backup_ports import BackupDesk, RestoreDesk
from hedgerow.usecases.candle_sets import CandleColumns, CandleSet
from hedgerow.usecases.checks import Check
from hedgerow.usecases.event_ports import EventTarget
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.keep_candles import CandleShelf
from hedgerow.usecases.paper_run import PaperDesk
from hedgerow.usecases.ports import (
    SYSTEM,
    CandleStore,
    Embedder,
    OpenUnitOfWork,
    ReplayVenue,
    SharedState,
    UsageLog,
    UsageStore,
    Vault,
)
from hedgerow.usecases.recall_memories import MemoryDesk
from hedgerow.usecases.relay_events import RelayDesk
from hedgerow.usecases.schema import SchemaKeeper
from hedgerow.usecases.vault_keys import prepare_vault

if TYPE_CHECKING:  # half a second, wasted on the commands that do without
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hedgerow.infrastructure.clickhouse.client import ClickHouse
    from hedgerow.infrastructure.redis.link import RedisLink


class Backstage:
    """Adapters behind the commands, each imported when it is first needed."""

    @cached_property
    def _settings(self) -> Settings:
        return load_settings()

    @cached_property
    def _folder(self) -> DataFolder:
        return DataFolder(self._settings.data_dir)

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

    def report_folder(self) -> Path:
        """Where HTML reports are kept."""
        folder = self._folder.path / "reports"
        folder.mkdir(exist_ok=True)
        return folder

    @asynccontextmanager
    async def paper_desk(self, *, fresh: bool) -> AsyncIterator[PaperDesk]:
        """All services for a run, held by this process alone; `fresh` empties the stores first."""
        from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
        from hedgerow.infrastructure.clickhouse.migrate import reset as reset_clickhouse

        async with AsyncExitStack() as stack:
            stack.enter_context(self._folder.exclusive())
            self._folder.require_free_space(FREE_BYTES_MIN)
            engine = await stack.enter_async_context(self._postgres())
            if fresh:
                await self._empty(engine)
            clickhouse = await stack.enter_async_context(self._clickhouse(here=True))
            if fresh:
                await reset_clickhouse(clickhouse)
            embedder = await stack.enter_async_context(self._embedder())
            yield _paper_desk(engine, ClickHouseCandleStore(clickhouse), embedder)

    @asynccontextmanager
    async def shared_desk(self) -> AsyncIterator[PaperDesk]:
        """All services for looking at runs, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore

        async with (
            self._postgres() as engine,
            self._clickhouse() as clickhouse,
            self._embedder() as embedder,
        ):
            store = ClickHouseCandleStore(clickhouse)
            yield _paper_desk(_at_one_moment(engine), store, embedder)

    @asynccontextmanager
    async def usage(self) -> AsyncIterator[UsageStore]:
        """What models have cost, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.usage_store import ClickHouseUsageStore

        async with self._clickhouse() as clickhouse:
            yield ClickHouseUsageStore(clickhouse)

    @asynccontextmanager
    async def usage_log(self) -> AsyncIterator[UsageLog]:
        """Takes the calls of models as they happen; all are stored when the block ends.

        Raises RowsNotStored at the end where ClickHouse kept failing.
        """
        from hedgerow.infrastructure.clickhouse.batch_writer import BatchWriter

        async with self.usage() as usage, BatchWriter(usage.save) as writer:
            yield writer

    @asynccontextmanager
    async def candle_shelf(self) -> AsyncIterator[CandleShelf]:
        """Stored candles, shared with whatever else is running."""
        from hedgerow.infrastructure.clickhouse.candle_export import ClickHouseCandleExport
        from hedgerow.infrastructure.clickhouse.candle_intake import ClickHouseCandleIntake

        async with self._clickhouse() as clickhouse:
            yield CandleShelf(
                ClickHouseCandleIntake(clickhouse), ClickHouseCandleExport(clickhouse)
            )

    @asynccontextmanager
    async def records(self) -> AsyncIterator[OpenUnitOfWork]:
        """PostgreSQL alone, shared with whatever else is running."""
        async with self._postgres() as engine:
            yield _unit_of_work(_at_one_moment(engine))

    @asynccontextmanager
    async def relay_desk(self) -> AsyncIterator[RelayDesk]:
        """What a relay of the event log needs."""
        from hedgerow.infrastructure.postgres.relay import PostgresRelayElection

        async with self._postgres() as engine:
            yield RelayDesk(PostgresRelayElection(engine), self._kafka())

    def _kafka(self) -> EventTarget | None:
        if self._settings.kafka_bootstrap is None:
            return None
        from hedgerow.infrastructure.kafka.target import KafkaTarget

        return KafkaTarget(self._settings.kafka_bootstrap)

    @asynccontextmanager
    async def vault(self) -> AsyncIterator[tuple[OpenUnitOfWork, Vault]]:
        """PostgreSQL, and the vault with its keys read; raises InputRefused without its keys."""
        async with self.records() as open_unit_of_work:
            vault = _vault(self._settings, self._folder)
            await prepare_vault(open_unit_of_work, vault, datetime.now(UTC))
            yield open_unit_of_work, vault

    @asynccontextmanager
    async def shared_state(self) -> AsyncIterator[SharedState]:
        """What processes share in passing: in Redis, and without it in PostgreSQL."""
        from hedgerow.infrastructure.redis.link import open_link

        async with AsyncExitStack() as stack:
            engine = await stack.enter_async_context(self._postgres())
            if self._settings.redis_url is not None:
                url, revive = self._settings.redis_url.get_secret_value(), None
            else:
                from hedgerow.infrastructure.embedded.redis import EmbeddedRedis

                server = stack.enter_context(EmbeddedRedis(self._folder.redis))
                url, revive = server.url, server.revive
            yield _shared_state(await stack.enter_async_context(open_link(url, revive)), engine)

    def checks(self) -> Sequence[Check]:
        """The looks at everything that would be used, by settings that may be wrong."""
        from hedgerow.checkup import checks_to_make

        return checks_to_make()

    @asynccontextmanager
    async def memories(self) -> AsyncIterator[MemoryDesk]:
        """PostgreSQL and what turns text into vectors."""
        async with self._postgres() as engine, self._embedder() as embedder:
            yield MemoryDesk(_unit_of_work(engine), embedder)

    @asynccontextmanager
    async def _embedder(self) -> AsyncIterator[Embedder]:
        settings = self._settings
        match settings.embedder:
            case EmbedderName.WORDLLAMA:
                from hedgerow.infrastructure.embedders import WordLlamaEmbedder

                yield WordLlamaEmbedder()
            case EmbedderName.OPENAI:
                from hedgerow.infrastructure.openai_embedder import EmbeddingService, OpenAIEmbedder

                service = EmbeddingService(
                    url=settings.embeddings_url,
                    model=settings.embeddings_model,
                    dimensions=settings.embeddings_dimensions,
                    key=settings.embeddings_key,
                )
                async with OpenAIEmbedder(service) as embedder:
                    yield embedder
            case _:
                assert_never(settings.embedder)

    @asynccontextmanager
    async def schema_keeper(self, *, alone: bool) -> AsyncIterator[SchemaKeeper]:
        """The database as it stands, not migrated; `alone` keeps every other run out."""
        from hedgerow.infrastructure.postgres.keeper import PostgresKeeper

        async with AsyncExitStack() as stack:
            if alone:
                stack.enter_context(self._folder.exclusive())
            yield PostgresKeeper(await stack.enter_async_context(self._connected()))

    @asynccontextmanager
    async def backup_desk(self) -> AsyncIterator[BackupDesk]:
        """What a backup is made with, shared with whatever else is running."""
        from hedgerow.infrastructure.backup_archive import ZipArchives
        from hedgerow.infrastructure.clickhouse.dump import ClickHouseDump
        from hedgerow.infrastructure.postgres.dump import open_dump

        async with (
            self._postgres() as engine,
            open_dump(engine) as records,
            self._clickhouse() as clickhouse,
        ):
            market = await ClickHouseDump.of(clickhouse)
            vault = _vault(self._settings, self._folder)
            yield BackupDesk(ZipArchives(), records, market, vault, version("hedgerow"))

    @asynccontextmanager
    async def restore_desk(self) -> AsyncIterator[RestoreDesk]:
        """What a backup is restored with; keeps every run out."""
        from hedgerow.infrastructure.backup_archive import ZipArchives
        from hedgerow.infrastructure.clickhouse.dump import ClickHouseRestore
        from hedgerow.infrastructure.postgres.restore import PostgresRestore

        with self._folder.exclusive():
            async with self._connected() as engine, self._clickhouse() as clickhouse:
                vault = _vault(self._settings, self._folder)
                records, market = PostgresRestore(engine), ClickHouseRestore(clickhouse)
                yield RestoreDesk(ZipArchives(), records, market, vault)

    def schema_pages(self) -> Mapping[str, str]:
        """The schema's documentation: texts by file name."""
        from hedgerow.infrastructure.postgres.documentation import pages

        return pages()

    @asynccontextmanager
    async def _postgres(self) -> AsyncIterator[AsyncEngine]:
        from hedgerow.infrastructure.postgres.engine import migrate
        from hedgerow.infrastructure.postgres.partitions import AHEAD, ensure_partitions

        async with self._connected() as engine:
            await migrate(engine)
            now = datetime.now(UTC)
            await ensure_partitions(engine, now, now + AHEAD)
            yield engine

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncEngine]:
        from hedgerow.infrastructure.postgres.engine import open_engine

        async with AsyncExitStack() as stack:
            if self._settings.postgres_url is None:
                from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres

                url = stack.enter_context(EmbeddedPostgres(self._folder.postgres)).url
            else:
                url = self._settings.postgres_url.get_secret_value()
            yield await stack.enter_async_context(open_engine(url))

    @asynccontextmanager
    async def _clickhouse(self, *, here: bool = False) -> AsyncIterator[ClickHouse]:
        """ClickHouse by the settings; `here` keeps the embedded one in this process."""
        from hedgerow.infrastructure.clickhouse.address import address_of
        from hedgerow.infrastructure.clickhouse.migrate import migrate as migrate_clickhouse
        from hedgerow.infrastructure.clickhouse.networked import NetworkedClickHouse
        from hedgerow.infrastructure.clickhouse.opening import ClickHouseHome
        from hedgerow.infrastructure.clickhouse.retention import keep_for

        async with AsyncExitStack() as stack:
            url = self._settings.clickhouse_url
            clickhouse: ClickHouse
            if url is None:
                home = ClickHouseHome(self._folder.path)
                clickhouse = await stack.enter_async_context(home.open(here=here))
            else:
                address = address_of(url.get_secret_value())
                clickhouse = await stack.enter_async_context(NetworkedClickHouse(address))
                await migrate_clickhouse(clickhouse)
            await keep_for(clickhouse, _retention(self._settings))
            yield clickhouse

    async def _empty(self, engine: AsyncEngine) -> None:
        from hedgerow.infrastructure.postgres.engine import reset

        if self._settings.postgres_url is not None:
            raise InputRefused(
                what="only the embedded PostgreSQL is emptied, not one of your own",
                where="--fresh",
                fix="give it an empty database, or unset HEDGEROW_POSTGRES_URL",
            )
        async with _unit_of_work(engine)(SYSTEM) as unit:
            if not await unit.runs.are_alone():
                raise InputRefused(
                    what="this data folder holds a fund that is not a demo, and would be emptied",
                    where="--fresh",
                    fix="set HEDGEROW_DATA_DIR to another folder for the demo",
                )
        await reset(engine)


def _retention(settings: Settings) -> dict[str, int | None]:
    return {
        "market_data_kline": settings.candles_retention_days,
        "market_data_tick": settings.ticks_retention_days,
        "market_data_orderbook": settings.orderbook_retention_days,
        "market_data_trades": settings.trades_retention_days,
        "ai_usage_logs": settings.ai_usage_retention_days,
    }


def _at_one_moment(engine: AsyncEngine) -> AsyncEngine:
    """For those who only look: what a running fund commits meanwhile stays out of sight."""
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _vault(settings: Settings, folder: DataFolder) -> Vault:
    from hedgerow.infrastructure.vault.key_sources import key_sources
    from hedgerow.infrastructure.vault.vault import EnvelopeVault

    given = secret_of(settings.vault_key)
    command = secret_of(settings.vault_key_command)
    return EnvelopeVault(key_sources(folder.vault_keys, given, command))


def _shared_state(link: RedisLink, engine: AsyncEngine) -> SharedState:
    from hedgerow.infrastructure.in_process.prices import RememberedPrices
    from hedgerow.infrastructure.in_process.rate_limits import InProcessRateLimits
    from hedgerow.infrastructure.postgres.locks import PostgresLocks
    from hedgerow.infrastructure.postgres.marks import last_marks_in
    from hedgerow.infrastructure.redis.breakers import RedisBreakers
    from hedgerow.infrastructure.redis.locks import GatedLocks
    from hedgerow.infrastructure.redis.prices import RedisPrices
    from hedgerow.infrastructure.redis.rate_limits import RedisRateLimits

    return SharedState(
        prices=RedisPrices(link, RememberedPrices(last_marks_in(engine))),
        breakers=RedisBreakers(link),
        rate_limits=RedisRateLimits(link, InProcessRateLimits()),
        locks=GatedLocks(link, PostgresLocks(engine)),
    )


def _unit_of_work(engine: AsyncEngine) -> OpenUnitOfWork:
    from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork

    return lambda actor: PostgresUnitOfWork(engine, actor)


def _paper_desk(engine: AsyncEngine, candle_store: CandleStore, embedder: Embedder) -> PaperDesk:
    from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
    from hedgerow.infrastructure.agents.house_reviewer import HouseReviewer
    from hedgerow.infrastructure.agents.indicators import IndicatorDesk
    from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
    from hedgerow.infrastructure.postgres.partitions import ensure_partitions
    from hedgerow.infrastructure.venues.paper.rules import PaperVenueRules
    from hedgerow.infrastructure.venues.paper.venue import PaperVenue

    rules = PaperVenueRules()

    async def make_room(start: datetime, until: datetime) -> None:
        await ensure_partitions(engine, start, until)

    def make_venue(instruments: Sequence[Instrument], seed: int) -> ReplayVenue:
        return PaperVenue(instruments, replace(rules, seed=seed))

    indicators = IndicatorDesk()
    return PaperDesk(
        open_unit_of_work=_unit_of_work(engine),
        make_room=make_room,
        candle_store=candle_store,
        make_venue=make_venue,
        charges=VenueCharges(rules.taker_fee_ratio, rules.slippage_ratio),
        analyst=HouseAnalyst(indicators),
        regime_model=RulesRegimeModel(indicators),
        reviewer=HouseReviewer(),
        embedder=embedder,
    )
