"""How fast memories are found, and how many of the right ones, among few and among many.

Run it as `python -m benchmarks.memory`, with `--json` for JSON and `--sizes 10000,100000` for other
numbers of memories. Each size gets a database of its own with as many memories of users (a hundred
each) as collective ones (of ten symbols, of which a search wants one). Vectors are synthetic: 1536
dimensions around 500 centres, from a seed; real texts cluster too, but not just so.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pgvector.asyncpg import register_vector
from sqlalchemy import insert, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from benchmarks.machine import machine
from hedgerow.domain.documents import write_document
from hedgerow.domain.limits import LimitProfile, TierName
from hedgerow.domain.memory import EMBEDDING_DIMENSIONS, MemoryScope, MemoryType
from hedgerow.domain.users import User, UserSettings
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres import rows, tables
from hedgerow.infrastructure.postgres.engine import migrate, open_engine
from hedgerow.infrastructure.postgres.memories import PostgresMemories
from hedgerow.infrastructure.postgres.roles import act_as
from hedgerow.usecases.open_fund import PAPER_LIMITS
from hedgerow.usecases.ports.desk import RecallQuery

Vectors = NDArray[np.float32]

SEED: Final = 7
SIZES: Final = (10_000, 100_000)
QUERIES: Final = 200
WARM_UP: Final = 20
LIMIT: Final = 10
USER_MEMORIES: Final = 100
SYMBOLS: Final = tuple(f"C{number}/USDT" for number in range(10))
MODEL: Final = "synthetic"
AT: Final = datetime(2024, 3, 1, tzinfo=UTC)
_CENTRES: Final = 500
# Noise as long as its centre: two vectors of one centre have a cosine of about a half.
_NOISE: Final = 1.0
_CHUNK: Final = 5_000
_COLUMNS: Final = (
    *("id", "scope", "user_id", "agent_id", "type", "content"),
    *("embedding", "embedding_model", "embedding_dimensions"),
    *("validation_score", "validation_trades", "symbol", "importance", "tags", "metadata"),
    "created_at",
)
_SIDES: Final = ("long", "short")
_SETUPS: Final = ("breakout", "reversal", "trend_follow")
_REGIMES: Final = ("trend", "range", "volatile")
_ZONES: Final = ("oversold", "weak", "neutral", "strong", "overbought")
_SHARED_INDEX: Final = "ix_memories_shared_embedding"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)), help="numbers of memories")
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    before = os.getloadavg()[0]
    measured = [measure(size) for size in sizes]
    result = {
        "vectors": f"synthetic, {_CENTRES} centres, {EMBEDDING_DIMENSIONS} dimensions, seed {SEED}",
        "queries": QUERIES,
        "sizes": measured,
        # Above the number of cores, others were at work and the times are longer than they need be.
        "load_average_1m": [round(before, 1), round(os.getloadavg()[0], 1)],
        "machine": machine(),
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for each in measured:
        print(json.dumps(each))


def measure(size: int) -> dict[str, Any]:
    """Everything about one number of memories, in a database made for it."""
    folder = Path(tempfile.mkdtemp(prefix="hedgerow-benchmark-", dir="/tmp"))
    folder.chmod(0o711)
    try:
        with EmbeddedPostgres(folder / "postgres") as postgres:
            return asyncio.run(_measure(postgres.url, size))
    finally:
        shutil.rmtree(folder)


async def _measure(url: str, size: int) -> dict[str, Any]:
    # Tables are filled by the superuser, whom no policy binds; users search as themselves.
    everything = make_url(url).set(username="postgres").render_as_string(hide_password=False)
    async with open_engine(url) as engine, open_engine(everything) as superuser:
        await migrate(engine)
        world = _World(size)
        started = time.monotonic()
        await _load(superuser, world)
        loaded = time.monotonic()
        build_s = await _build_index(superuser)
        async with engine.connect() as connection, superuser.connect() as owner:
            return {
                "memories_of_users": size,
                "users": len(world.users),
                "collective_memories": size,
                "load_s": round(loaded - started, 1),
                "index_build_s": build_s,
                "index_mb": await _scalar(
                    owner, f"SELECT pg_relation_size('{_SHARED_INDEX}') / 1000000"
                ),
                "user_scoped": await _user_scoped(connection, world),
                "collective_filtered_to_10_percent": await _collective(connection, world),
                "specification_statement_ms": await _as_specified(owner, world),
            }


class _World:
    """Users, and the vectors of their memories and of the collective ones."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.random = np.random.default_rng(SEED)
        self.centres = _unit(self.random.standard_normal((_CENTRES, EMBEDDING_DIMENSIONS)))
        self.own = self.vectors(size)
        self.shared = self.vectors(size)
        self.users = [UUID(int=1 + number) for number in range(size // USER_MEMORIES)]

    def vectors(self, count: int) -> Vectors:
        """Unit vectors around the centres."""
        made = np.empty((count, EMBEDDING_DIMENSIONS), dtype=np.float32)
        spread = _NOISE / np.sqrt(EMBEDDING_DIMENSIONS)
        for start in range(0, count, _CHUNK):
            part = made[start : start + _CHUNK]
            centre = self.random.integers(_CENTRES, size=len(part))
            noise = self.random.standard_normal(part.shape, dtype=np.float32) * spread
            part[:] = _unit(self.centres[centre] + noise)
        return made

    def words(self, number: int) -> str:
        """A text as the reviewer writes it; the same number, the same text."""
        draw = np.random.default_rng(number)
        side, setup, regime, zone = (
            str(draw.choice(words)) for words in (_SIDES, _SETUPS, _REGIMES, _ZONES)
        )
        symbol = SYMBOLS[number % len(SYMBOLS)]
        return f"{side} {setup} setup in a {regime} market on {symbol} 4h, RSI {zone}"


def _unit(vectors: NDArray[Any]) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / lengths, dtype=np.float32)


async def _load(engine: AsyncEngine, world: _World) -> None:
    async with engine.begin() as connection:
        await connection.execute(text(f"DROP INDEX {_SHARED_INDEX}"))
        await _add_users(connection, world.users)
        raw = (await connection.get_raw_connection()).driver_connection
        assert raw is not None
        await register_vector(raw)
        for scope, vectors in (
            (MemoryScope.USER, world.own),
            (MemoryScope.COLLECTIVE, world.shared),
        ):
            for start in range(0, world.size, _CHUNK):
                records = [
                    _record(world, scope, number, vectors[number])
                    for number in range(start, min(start + _CHUNK, world.size))
                ]
                await raw.copy_records_to_table("memories", records=records, columns=_COLUMNS)
    # The connection that was taught vectors in binary is no longer one as the fund uses them.
    await engine.dispose()


async def _add_users(connection: AsyncConnection, users: Sequence[UUID]) -> None:
    tier = LimitProfile(UUID(int=0), TierName.FREE, "for a benchmark", PAPER_LIMITS)
    await connection.execute(
        insert(tables.limit_profiles),
        [rows.to_row(tables.limit_profiles, tier, limits=write_document(tier.limits))],
    )
    made = [
        User(
            id=user_id,
            first_name="Bench",
            last_name="Mark",
            limit_profile_id=tier.id,
            settings=UserSettings(),
            created_at=AT,
            updated_at=AT,
        )
        for user_id in users
    ]
    await connection.execute(insert(tables.users), [rows.user_row(user) for user in made])


def _record(world: _World, scope: MemoryScope, number: int, vector: Vectors) -> tuple[Any, ...]:
    is_shared = scope is MemoryScope.COLLECTIVE
    return (
        UUID(int=(2 if is_shared else 1) << 64 | number),
        scope.value,
        None if is_shared else world.users[number // USER_MEMORIES],
        "benchmark",
        MemoryType.LESSON.value,
        world.words(number),
        vector,
        MODEL,
        EMBEDDING_DIMENSIONS,
        0.0,
        0,
        SYMBOLS[number % len(SYMBOLS)],
        0.5,
        [],
        "{}",
        AT,
    )


async def _build_index(engine: AsyncEngine) -> float:
    """Build the index of the migration anew, with memory enough, and let statistics be taken."""
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("SET maintenance_work_mem = '2GB'"))
        started = time.monotonic()
        await connection.execute(
            text(
                f"CREATE INDEX {_SHARED_INDEX} ON memories USING hnsw "
                f"((embedding::halfvec({EMBEDDING_DIMENSIONS})) halfvec_cosine_ops) "
                "WHERE scope = 'collective'"
            )
        )
        build_s = round(time.monotonic() - started, 1)
        await connection.execute(text("VACUUM ANALYZE memories"))
    return build_s


@dataclass(frozen=True, slots=True)
class _Search:
    """One search, and the ids that an exact one finds."""

    user_id: UUID
    query: RecallQuery
    exact: frozenset[UUID]


async def _user_scoped(connection: AsyncConnection, world: _World) -> dict[str, Any]:
    searches = []
    for vector in world.vectors(QUERIES + WARM_UP):
        number = int(world.random.integers(len(world.users)))
        mine = np.arange(number * USER_MEMORIES, (number + 1) * USER_MEMORIES)
        exact = _nearest(world.own, mine, vector, 1 << 64)
        query = RecallQuery(AT, vector=vector.tolist(), scopes=(MemoryScope.USER,), limit=LIMIT)
        searches.append(_Search(world.users[number], query, exact))
    return await _both_ways(connection, world, searches)


async def _collective(connection: AsyncConnection, world: _World) -> dict[str, Any]:
    searches = []
    for vector in world.vectors(QUERIES + WARM_UP):
        number = int(world.random.integers(len(SYMBOLS)))
        kept = np.arange(number, world.size, len(SYMBOLS))
        exact = _nearest(world.shared, kept, vector, 2 << 64)
        query = RecallQuery(
            AT,
            vector=vector.tolist(),
            scopes=(MemoryScope.COLLECTIVE,),
            types=(MemoryType.LESSON,),
            symbol=SYMBOLS[number],
            limit=LIMIT,
        )
        searches.append(_Search(world.users[0], query, exact))
    return await _both_ways(connection, world, searches)


def _nearest(vectors: Vectors, kept: NDArray[Any], asked: Vectors, base: int) -> frozenset[UUID]:
    nearest = kept[np.argsort(-(vectors[kept] @ asked))[:LIMIT]]
    return frozenset(UUID(int=base | int(number)) for number in nearest)


async def _both_ways(
    connection: AsyncConnection, world: _World, searches: Sequence[_Search]
) -> dict[str, Any]:
    """By vector alone, where there is an exact answer to compare with, and with words as well."""
    by_vector = await _timed(connection, searches)
    with_words = [
        _Search(each.user_id, _with_words(each.query, world.words(number)), each.exact)
        for number, each in enumerate(searches)
    ]
    hybrid = await _timed(connection, with_words)
    # What the hybrid finds first is not what the vector alone would: there is no recall to tell.
    del hybrid["recall_at_10"]
    return {"by_vector": by_vector, "by_vector_and_words": hybrid}


def _with_words(query: RecallQuery, words: str) -> RecallQuery:
    return replace(query, text=words)


async def _timed(connection: AsyncConnection, searches: Sequence[_Search]) -> dict[str, Any]:
    memories = PostgresMemories(connection)
    times_ms, recalls = [], []
    for number, search in enumerate(searches):
        await act_as(connection, search.user_id)
        started = time.perf_counter()
        found = await memories.recall(search.user_id, search.query, MODEL)
        await connection.rollback()
        if number < WARM_UP:
            continue
        times_ms.append((time.perf_counter() - started) * 1000.0)
        recalls.append(len(search.exact & {each.memory.id for each in found}) / len(search.exact))
    return {
        "p50_ms": round(statistics.median(times_ms), 2),
        "p95_ms": round(statistics.quantiles(times_ms, n=20)[-1], 2),
        "recall_at_10": round(statistics.fmean(recalls), 4),
    }


async def _as_specified(connection: AsyncConnection, world: _World) -> float:
    """The specification's statement, which compares every collective lesson."""
    statement = text(
        "SELECT *, 1 - (embedding <=> cast(:asked as vector)) AS similarity FROM memories "
        "WHERE scope = 'collective' AND type = 'lesson' ORDER BY similarity DESC LIMIT 10"
    )
    asked = str(world.vectors(1)[0].tolist())
    started = time.perf_counter()
    (await connection.execute(statement, {"asked": asked})).all()
    return round((time.perf_counter() - started) * 1000.0, 1)


async def _scalar(connection: AsyncConnection, statement: str) -> Any:
    return (await connection.execute(text(statement))).scalar()


if __name__ == "__main__":
    main()
