"""A database with users who trade and remember, for the tests of the memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import instrument, order, position
from embeddings_server import embed_words
from hedgerow.domain.ids import derived_id
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, RecalledMemory, Stance
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.open_fund import PaperFundPlan, open_paper_fund
from hedgerow.usecases.ports.desk import Embedder, RecallQuery
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor
from hedgerow.usecases.recall_memories import MemoryDesk, recall_memories

AT = datetime(2024, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class WordsEmbedder:
    """Counts words (port Embedder); texts without a common word are at right angles, or nearly."""

    def __init__(self, model: str = "words-256", dimensions: int = 256) -> None:
        self.model = model
        self.dimensions = dimensions

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, of length one."""
        vectors = [embed_words(text, self.dimensions) for text in texts]
        return [[x / sum(y * y for y in vector) ** 0.5 for x in vector] for vector in vectors]


def memory(number: int = 1, **changes: Any) -> Memory:
    """A collective lesson that says nothing in particular."""
    values: dict[str, Any] = {
        "id": UUID(int=number),
        "scope": MemoryScope.COLLECTIVE,
        "type": MemoryType.LESSON,
        "content": f"memory {number}",
        "agent_id": "test",
        "created_at": AT,
    }
    return Memory(**(values | changes))


def lesson(user_id: UUID, trade_id: UUID, stance: Stance, **changes: Any) -> Memory:
    """What a user learned from a long breakout on BTC."""
    values: dict[str, Any] = {
        "id": derived_id(AT, trade_id, "lesson"),
        "scope": MemoryScope.USER,
        "user_id": user_id,
        "symbol": "BTC/USDT",
        "timeframe": Timeframe.H4,
        "metadata": {
            "stance": stance,
            "setup_type": "breakout",
            "side": "long",
            "regime": "volatile",
        },
        "source_user_id": user_id,
        "source_trade_id": trade_id,
    }
    return memory(**(values | changes))


class World:
    """Users with funds, trades and memories, in one database."""

    def __init__(self, engine: AsyncEngine, embedder: Embedder | None = None) -> None:
        self.engine = engine
        self.embedder = embedder or WordsEmbedder()
        self._strategies: dict[UUID, tuple[UUID, UUID, UUID]] = {}
        self._trades = 0

    @property
    def desk(self) -> MemoryDesk:
        """What the use cases work with."""
        return MemoryDesk(self.unit, self.embedder)

    def unit(self, actor: Actor = SYSTEM) -> PostgresUnitOfWork:
        """A new unit of work."""
        return PostgresUnitOfWork(self.engine, actor)

    async def user(self, risk_tolerance: RiskTolerance = RiskTolerance.MODERATE) -> UUID:
        """A new user with a fund."""
        plan = PaperFundPlan(
            owner=UUID(int=(0xA << 64) + len(self._strategies)),
            exchange=Exchange.BINANCE,
            instruments=[instrument()],
            timeframe=Timeframe.H4,
            capital=instrument().notional_quote_min * 1000,
            risk_tolerance=risk_tolerance,
        )
        fund, step = open_paper_fund(plan, AT)
        (strategy,), (account,) = fund.strategies.values(), fund.accounts.values()
        strategy.risk_tolerance = risk_tolerance
        async with self.unit() as unit:
            await unit.funds.add(fund)
            await unit.funds.save(fund, [TimedStep(AT, step)])
            await unit.commit()
        (pair_id,) = fund.pairs
        self._strategies[plan.owner] = (strategy.id, account.id, pair_id)
        return plan.owner

    async def trade(self, user_id: UUID) -> UUID:
        """A new trade of a user; what it was is of no interest here."""
        strategy_id, account_id, pair_id = self._strategies[user_id]
        self._trades += 1
        entry = replace(
            order(),
            id=UUID(int=(0xB << 64) + self._trades),
            user_id=user_id,
            strategy_id=strategy_id,
            exchange_account_id=account_id,
            trading_pair_id=pair_id,
        )
        held = position(
            id=UUID(int=(0xC << 64) + self._trades),
            user_id=user_id,
            strategy_id=strategy_id,
            exchange_account_id=account_id,
            trading_pair_id=pair_id,
            entry_order_id=entry.id,
            size=Decimal(1),
            size_opened=Decimal(1),
            entry_cost=Decimal(100),
            entry_price=Decimal(100),
        )
        async with self.engine.begin() as connection:
            await act_as(connection, SYSTEM)
            await connection.execute(insert(tables.orders), [rows.order_row(entry)])
            await connection.execute(insert(tables.positions), [rows.position_row(held)])
        return held.id

    async def add(self, *memories: Memory, embedder: Embedder | None = None) -> None:
        """Store memories with the vectors of their contents."""
        used = embedder or self.embedder
        vectors = await used.embed([each.content for each in memories])
        async with self.unit() as unit:
            await unit.memories.add(memories, vectors, used)
            await unit.commit()

    async def get(self, *ids: UUID) -> list[Memory]:
        """Memories as they are stored."""
        async with self.unit() as unit:
            return await unit.memories.by_ids(ids)

    async def recall(self, user_id: UUID, text: str | None, **about: Any) -> list[RecalledMemory]:
        """What a user remembers, long after everything."""
        query = RecallQuery(**({"as_of": AT + 1000 * DAY, "text": text, "limit": 100} | about))
        return await recall_memories(self.desk, user_id, query)


def ids(found: Iterable[RecalledMemory]) -> list[UUID]:
    """The ids, in order."""
    return [each.memory.id for each in found]
