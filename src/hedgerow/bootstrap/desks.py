"""What use cases are given, put together from engines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from hedgerow.domain.market import Instrument
from hedgerow.infrastructure.embedded.data_folder import DataFolder, Places
from hedgerow.settings import Settings, secret_of
from hedgerow.usecases.gather_report import VenueCharges
from hedgerow.usecases.paper_run import MakeStaff, PaperDesk
from hedgerow.usecases.ports.desk import Embedder, RegimeModel
from hedgerow.usecases.ports.market import CandleStore
from hedgerow.usecases.ports.shared_state import SharedState
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork
from hedgerow.usecases.ports.vault import Vault
from hedgerow.usecases.ports.venue import ReplayVenue
from hedgerow.usecases.regime_models import RegimeTrainer, UnreadableModel

if TYPE_CHECKING:  # half a second, wasted on the commands that do without
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hedgerow.infrastructure.agents.indicators import IndicatorDesk
    from hedgerow.infrastructure.agents.regimes.files import LearnedModel
    from hedgerow.infrastructure.redis.link import RedisLink

ChosenRegimes: TypeAlias = "tuple[LearnedModel | UnreadableModel, ...]"


def at_one_moment(engine: AsyncEngine) -> AsyncEngine:
    """For those who only look: what a running fund commits meanwhile stays out of sight."""
    return engine.execution_options(isolation_level="REPEATABLE READ")


def vault(settings: Settings, folder: DataFolder) -> Vault:
    """The vault, its keys from the command, the setting or the file, whichever is given first."""
    from hedgerow.infrastructure.vault.key_sources import key_sources
    from hedgerow.infrastructure.vault.vault import EnvelopeVault

    given = secret_of(settings.vault_key)
    command = secret_of(settings.vault_key_command)
    return EnvelopeVault(key_sources(folder.vault_keys, given, command))


def shared_state(link: RedisLink, engine: AsyncEngine) -> SharedState:
    """What processes share in passing: in Redis, and without it in PostgreSQL."""
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


def unit_of_work(engine: AsyncEngine) -> OpenUnitOfWork:
    """Units of work on a database."""
    from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork

    return lambda actor: PostgresUnitOfWork(engine, actor)


def chosen_regimes(settings: Settings, places: Places) -> ChosenRegimes:
    """The learned models that are chosen by a setting, read from the data folder."""
    if settings.regime_models is None:
        return ()
    from hedgerow.infrastructure.agents.regimes.files import ModelFiles

    files = ModelFiles(places.regime_models)
    return tuple(files.load(each) for each in settings.regime_models.split(","))


def regime_model(chosen: ChosenRegimes, indicators: IndicatorDesk) -> RegimeModel:
    """The learned models that are chosen, with the rules where none fits; else the rules."""
    from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel

    rules = RulesRegimeModel(indicators)
    if not chosen:
        return rules
    from hedgerow.infrastructure.agents.regimes.model import LearnedRegimes

    return LearnedRegimes(chosen, rules)


def regime_trainer(folder: DataFolder) -> RegimeTrainer:
    """Trains regime models into the data folder."""
    from hedgerow.infrastructure.agents.regimes.files import ModelFiles
    from hedgerow.infrastructure.agents.regimes.training import BoostedRegimes

    return BoostedRegimes(ModelFiles(folder.regime_models))


def paper_desk(
    engine: AsyncEngine,
    candle_store: CandleStore,
    embedder: Embedder,
    regimes: RegimeModel,
    make_staff: MakeStaff,
) -> PaperDesk:
    """What a run over past candles needs."""
    from hedgerow.infrastructure.postgres.partitions import ensure_partitions
    from hedgerow.infrastructure.system_clock import SystemClock
    from hedgerow.infrastructure.venues.paper.rules import PaperVenueRules
    from hedgerow.infrastructure.venues.paper.venue import PaperVenue

    rules = PaperVenueRules()

    async def make_room(start: datetime, until: datetime) -> None:
        await ensure_partitions(engine, start, until)

    def make_venue(instruments: Sequence[Instrument], seed: int) -> ReplayVenue:
        return PaperVenue(instruments, replace(rules, seed=seed))

    return PaperDesk(
        open_unit_of_work=unit_of_work(engine),
        make_room=make_room,
        candle_store=candle_store,
        make_venue=make_venue,
        charges=VenueCharges(rules.taker_fee_ratio, rules.slippage_ratio),
        regime_model=regimes,
        make_staff=make_staff,
        embedder=embedder,
        clock=SystemClock(),
    )
