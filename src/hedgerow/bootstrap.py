"""The one place that knows which adapter stands behind which port."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Instrument, Timeframe
from hedgerow.infrastructure.embedded.data_folder import MEGABYTE, DataFolder
from hedgerow.settings import Settings, load_settings
from hedgerow.usecases.candle_sets import CandleSet
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.paper_run import PaperDesk
from hedgerow.usecases.ports import SYSTEM, CandleStore, OpenUnitOfWork, ReplayVenue
from hedgerow.usecases.schema import SchemaKeeper

# What the embedded services write before the first candle, with room for a run on top.
_FREE_BYTES_MIN: Final = 500 * MEGABYTE


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

    def report_folder(self) -> Path:
        """Where HTML reports are kept."""
        folder = self._folder.path / "reports"
        folder.mkdir(exist_ok=True)
        return folder

    @asynccontextmanager
    async def paper_desk(self, *, fresh: bool) -> AsyncIterator[PaperDesk]:
        """All services for a run, held by this process alone; `fresh` empties the stores first."""
        from hedgerow.infrastructure.clickhouse.candle_store import ClickHouseCandleStore
        from hedgerow.infrastructure.clickhouse.engine import ClickHouseEngine
        from hedgerow.infrastructure.clickhouse.migrate import migrate as migrate_clickhouse

        async with AsyncExitStack() as stack:
            stack.enter_context(self._folder.exclusive())
            self._folder.require_free_space(_FREE_BYTES_MIN)
            engine = await stack.enter_async_context(self._postgres())
            if fresh:
                await self._empty(engine)
            clickhouse = await stack.enter_async_context(ClickHouseEngine(self._folder.clickhouse))
            await migrate_clickhouse(clickhouse)
            yield _paper_desk(engine, ClickHouseCandleStore(clickhouse))

    @asynccontextmanager
    async def records(self) -> AsyncIterator[OpenUnitOfWork]:
        """PostgreSQL alone, shared with whatever else is running."""
        async with self._postgres() as engine:
            yield _unit_of_work(engine)

    @asynccontextmanager
    async def schema_keeper(self, *, alone: bool) -> AsyncIterator[SchemaKeeper]:
        """The database as it stands, not migrated; `alone` keeps every other run out."""
        from hedgerow.infrastructure.postgres.keeper import PostgresKeeper

        async with AsyncExitStack() as stack:
            if alone:
                stack.enter_context(self._folder.exclusive())
            yield PostgresKeeper(await stack.enter_async_context(self._connected()))

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

    async def _empty(self, engine: AsyncEngine) -> None:
        from hedgerow.infrastructure.postgres.engine import reset

        async with _unit_of_work(engine)(SYSTEM) as unit:
            if not await unit.runs.are_alone():
                raise InputRefused(
                    what="this data folder holds a fund that is not a demo, and would be emptied",
                    where="--fresh",
                    fix="set HEDGEROW_DATA_DIR to another folder for the demo",
                )
        await reset(engine)
        shutil.rmtree(self._folder.clickhouse, ignore_errors=True)


def _unit_of_work(engine: AsyncEngine) -> OpenUnitOfWork:
    from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork

    return lambda actor: PostgresUnitOfWork(engine, actor)


def _paper_desk(engine: AsyncEngine, candle_store: CandleStore) -> PaperDesk:
    from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
    from hedgerow.infrastructure.agents.house_reviewer import HouseReviewer
    from hedgerow.infrastructure.agents.indicators import IndicatorDesk
    from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
    from hedgerow.infrastructure.embedders import WordLlamaEmbedder
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
        embedder=WordLlamaEmbedder(),
    )
