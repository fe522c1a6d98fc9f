"""What the commands are given to work with; bootstrap makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path
from typing import Protocol

from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.domain.market import Timeframe
from hedgerow.usecases.backtest.desk import BacktestDesk
from hedgerow.usecases.backtest.recorded import Recording
from hedgerow.usecases.backtest.request import DeskRequest
from hedgerow.usecases.candle_series import CandleSeries
from hedgerow.usecases.candle_sets import CandleColumns, CandleSet
from hedgerow.usecases.checks import Check
from hedgerow.usecases.classify_regimes import RegimeDesk
from hedgerow.usecases.evaluate.run_evaluation import EvaluationDesk
from hedgerow.usecases.export_report import Table
from hedgerow.usecases.keep_candles import CandleShelf
from hedgerow.usecases.paper_run import PaperDesk
from hedgerow.usecases.ports.backup import BackupDesk, RestoreDesk
from hedgerow.usecases.ports.clock import Clock
from hedgerow.usecases.ports.market import CandleStore, NewsFeed, NewsStore
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


class Backstage(Protocol):
    """Everything behind the commands."""

    def read_candles(
        self,
        folder: Path | None,
        timeframe: Timeframe | None,
        symbols: Sequence[str] | None,
        *,
        allow_gaps: bool,
    ) -> CandleSet:
        """Candles from a folder of files, or the bundled ones; raises InputRefused."""
        ...

    def read_candle_columns(
        self,
        folder: Path,
        timeframe: Timeframe | None,
        symbols: Sequence[str] | None,
        *,
        allow_gaps: bool,
    ) -> Sequence[CandleColumns]:
        """Candles from a folder of files, as they are stored in bulk; raises InputRefused."""
        ...

    def read_series(
        self,
        folder: Path | None,
        timeframe: Timeframe | None,
        symbols: Sequence[str] | None,
        *,
        allow_gaps: bool,
    ) -> Mapping[str, CandleSeries]:
        """Candles from a folder of files, or the bundled ones, for a backtest."""
        ...

    def candle_store(self) -> AbstractAsyncContextManager[CandleStore]:
        """Stored candles, candle by candle, shared with whatever else is running."""
        ...

    def backtest_desk(
        self, request: DeskRequest, candles: Mapping[str, CandleSeries], *, memory: bool
    ) -> AbstractAsyncContextManager[BacktestDesk]:
        """What a backtest needs; raises InputRefused for an analyst or terms that cannot be."""
        ...

    def sweep_desk(
        self, order: SweepOrder, candles: Mapping[str, CandleSeries]
    ) -> AbstractContextManager[SweepDesk]:
        """What a sweep is run with; raises InputRefused for what cannot be."""
        ...

    def recorded_desk(self, recording: Recording) -> BacktestDesk:
        """What a backtest of a paper run's decisions needs."""
        ...

    def report_folder(self) -> Path:
        """Where HTML reports are kept."""
        ...

    def write_tables(self, folder: Path, tables: Sequence[Table]) -> None:
        """Write each table to `folder` as CSV and as Parquet; raises InputRefused."""
        ...

    def write_run(self, folder: Path, facts: RunFacts) -> None:
        """Write the record of a run to `folder`; raises InputRefused."""
        ...

    def read_run(self, folder: Path) -> RunFacts:
        """The record of a run that was written to `folder`; raises InputRefused."""
        ...

    def paper_desk(self, *, fresh: bool) -> AbstractAsyncContextManager[PaperDesk]:
        """All services for a run, held by this process alone; `fresh` empties the stores first."""
        ...

    def shared_desk(self) -> AbstractAsyncContextManager[PaperDesk]:
        """All services for looking at runs, shared with whatever else is running."""
        ...

    def meeting_archive(self, *, asks_models: bool) -> AbstractAsyncContextManager[MeetingArchive]:
        """What decisions are replayed with, shared with whatever else is running: the stores
        alone, or other models as well.
        """
        ...

    def default_model(self) -> ModelChoice:
        """The model that agents ask, unless a user's settings say otherwise."""
        ...

    def news_feeds(self, symbols: Sequence[str]) -> AbstractAsyncContextManager[Sequence[NewsFeed]]:
        """The feeds that are set, which look for the names of `symbols`; there may be none."""
        ...

    def news_store(self) -> AbstractAsyncContextManager[NewsStore]:
        """Stored news, shared with whatever else is running."""
        ...

    def desk_models(self) -> tuple[ModelChoice, ...]:
        """Every model that an agent may ask by the settings, the default one first."""
        ...

    def evaluation_desk(
        self, *, fresh: bool, model: ModelChoice | None
    ) -> AbstractAsyncContextManager[EvaluationDesk]:
        """What an evaluation is run with, as `paper_desk`; a `model` is asked by all agents."""
        ...

    def usage(self) -> AbstractAsyncContextManager[UsageStore]:
        """What models have cost, shared with whatever else is running."""
        ...

    def candle_shelf(self) -> AbstractAsyncContextManager[CandleShelf]:
        """Stored candles, shared with whatever else is running."""
        ...

    def regime_desk(self) -> AbstractAsyncContextManager[RegimeDesk]:
        """What markets are classified with, shared with whatever else is running."""
        ...

    def clock(self) -> Clock:
        """The time of this machine."""
        ...

    def regime_trainer(self) -> RegimeTrainer:
        """Trains regime models, and knows those that are kept."""
        ...

    def schema_keeper(self, *, alone: bool) -> AbstractAsyncContextManager[SchemaKeeper]:
        """The database as it stands, not migrated; `alone` keeps every other run out."""
        ...

    def backup_desk(self) -> AbstractAsyncContextManager[BackupDesk]:
        """What a backup is made with, shared with whatever else is running."""
        ...

    def restore_desk(self) -> AbstractAsyncContextManager[RestoreDesk]:
        """What a backup is restored with; keeps every run out."""
        ...

    def schema_pages(self) -> Mapping[str, str]:
        """The schema's documentation: texts by file name."""
        ...

    def records(self) -> AbstractAsyncContextManager[OpenUnitOfWork]:
        """PostgreSQL alone, shared with whatever else is running."""
        ...

    def relay_desk(self) -> AbstractAsyncContextManager[RelayDesk]:
        """What a relay of the event log needs, shared with whatever else is running."""

    def vault(self) -> AbstractAsyncContextManager[tuple[OpenUnitOfWork, Vault]]:
        """PostgreSQL, and the vault with its keys read; raises InputRefused without its keys."""

    def checks(self) -> Sequence[Check]:
        """The looks at everything that would be used, by settings that may be wrong."""
        ...

    def memories(self) -> AbstractAsyncContextManager[MemoryDesk]:
        """PostgreSQL and what turns text into vectors."""
        ...
