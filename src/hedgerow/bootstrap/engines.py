"""Engines and services by the settings: embedded, or servers of one's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, assert_never

from hedgerow.bootstrap.desks import unit_of_work
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.embedded.data_folder import DataFolder
from hedgerow.settings import EmbedderName, Settings
from hedgerow.usecases.ports.desk import Embedder
from hedgerow.usecases.ports.events import EventTarget
from hedgerow.usecases.ports.unit_of_work import SYSTEM

if TYPE_CHECKING:  # half a second, wasted on the commands that do without
    from sqlalchemy.ext.asyncio import AsyncEngine

    from hedgerow.infrastructure.clickhouse.client import ClickHouse
    from hedgerow.infrastructure.redis.link import RedisLink


class Engines:
    """Each opened for as long as its block lasts."""

    def __init__(self, settings: Settings, folder: DataFolder) -> None:
        self._settings = settings
        self._folder = folder

    @asynccontextmanager
    async def postgres(self) -> AsyncIterator[AsyncEngine]:
        """PostgreSQL with the newest schema, and partitions for the time ahead."""
        from hedgerow.infrastructure.postgres.engine import migrate
        from hedgerow.infrastructure.postgres.partitions import AHEAD, ensure_partitions

        async with self.connected() as engine:
            await migrate(engine)
            now = datetime.now(UTC)
            await ensure_partitions(engine, now, now + AHEAD)
            yield engine

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[AsyncEngine]:
        """PostgreSQL as it stands."""
        from hedgerow.infrastructure.postgres.engine import open_engine

        async with AsyncExitStack() as stack:
            if self._settings.postgres_url is None:
                from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres

                url = stack.enter_context(EmbeddedPostgres(self._folder.postgres)).url
            else:
                url = self._settings.postgres_url.get_secret_value()
            yield await stack.enter_async_context(open_engine(url))

    @asynccontextmanager
    async def clickhouse(self, *, here: bool = False) -> AsyncIterator[ClickHouse]:
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
            if here:
                # Not by those who only look: their settings may not be the fund's.
                await keep_for(clickhouse, _retention(self._settings))
            yield clickhouse

    def require_embedded(self) -> None:
        """Raise InputRefused where a server of one's own would be emptied."""
        for name, setting, url in (
            ("PostgreSQL", "POSTGRES", self._settings.postgres_url),
            ("ClickHouse", "CLICKHOUSE", self._settings.clickhouse_url),
        ):
            if url is not None:
                raise InputRefused(
                    what=f"only the embedded {name} is emptied, not one of your own",
                    where="--fresh",
                    fix=f"give it an empty database, or unset HEDGEROW_{setting}_URL",
                )

    async def empty(self, engine: AsyncEngine, clickhouse: ClickHouse) -> None:
        """Forget demos and candles; raises InputRefused where there is more than demos."""
        from hedgerow.infrastructure.clickhouse.candle_store import forget_candles
        from hedgerow.infrastructure.postgres.engine import reset

        async with unit_of_work(engine)(SYSTEM) as unit:
            if not await unit.runs.are_alone():
                raise InputRefused(
                    what="this data folder holds a fund that is not a demo, and would be emptied",
                    where="--fresh",
                    fix="set HEDGEROW_DATA_DIR to another folder for the demo",
                )
        await reset(engine)
        await forget_candles(clickhouse)

    def kafka(self) -> EventTarget | None:
        """Where events are relayed to, if anywhere."""
        if self._settings.kafka_bootstrap is None:
            return None
        from hedgerow.infrastructure.kafka.target import KafkaTarget

        return KafkaTarget(self._settings.kafka_bootstrap)

    @asynccontextmanager
    async def embedder(self) -> AsyncIterator[Embedder]:
        """What turns text into vectors."""
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
    async def redis(self) -> AsyncIterator[RedisLink]:
        """Redis, which may come and go."""
        from hedgerow.infrastructure.redis.link import open_link

        async with AsyncExitStack() as stack:
            if self._settings.redis_url is not None:
                url, revive = self._settings.redis_url.get_secret_value(), None
            else:
                from hedgerow.infrastructure.embedded.redis import EmbeddedRedis

                server = stack.enter_context(EmbeddedRedis(self._folder.redis))
                url, revive = server.url, server.revive
            yield await stack.enter_async_context(open_link(url, revive))


def _retention(settings: Settings) -> dict[str, int | None]:
    return {
        "market_data_kline": settings.candles_retention_days,
        "market_data_tick": settings.ticks_retention_days,
        "market_data_orderbook": settings.orderbook_retention_days,
        "market_data_trades": settings.trades_retention_days,
        "market_data_derivatives": settings.derivatives_retention_days,
        "market_news": settings.news_retention_days,
        "ai_usage_logs": settings.ai_usage_retention_days,
    }
