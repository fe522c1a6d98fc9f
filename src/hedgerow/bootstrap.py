"""The one place that knows which adapter stands behind which port."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
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
    async def _postgres(self) -> AsyncIterator[AsyncEngine]:
        from hedgerow.infrastructure.postgres.engine import migrate, open_engine

        async with AsyncExitStack() as stack:
            if self._settings.postgres_url is None:
                from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres

                url = stack.enter_context(EmbeddedPostgres(self._folder.postgres)).url
            else:
                url = self._settings.postgres_url.get_secret_value()
            engine = await stack.enter_async_context(open_engine(url))
            await migrate(engine)
            yield engine

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
    from hedgerow.infrastructure.venues.paper.rules import PaperVenueRules
    from hedgerow.infrastructure.venues.paper.venue import PaperVenue

    rules = PaperVenueRules()

    def make_venue(instruments: Sequence[Instrument], seed: int) -> ReplayVenue:
        return PaperVenue(instruments, replace(rules, seed=seed))

    indicators = IndicatorDesk()
    return PaperDesk(
        open_unit_of_work=_unit_of_work(engine),
        candle_store=candle_store,
        make_venue=make_venue,
        charges=VenueCharges(rules.taker_fee_ratio, rules.slippage_ratio),
        analyst=HouseAnalyst(indicators),
        regime_model=RulesRegimeModel(indicators),
        reviewer=HouseReviewer(),
        embedder=WordLlamaEmbedder(),
    )
