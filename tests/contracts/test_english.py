"""Text in memory is read, ranked and recalled as PostgreSQL does it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from hedgerow.domain.memory import MemoryScope
from hedgerow.infrastructure.memory_store.english import lexemes, text_rank
from hedgerow.infrastructure.memory_store.notebook import RememberedMemories
from hedgerow.usecases.ports.desk import RecallQuery
from memory_world import AT, HOUR, World, ids, memory
from postgres_fixtures import on_every_postgres

pytestmark = on_every_postgres

SENTENCES = [
    "Long breakout setup in a volatile market on BNB/USDT 4h, RSI overbought: ended with most of "
    "its best gain kept (+4.85 %, best +5.05 %, worst -1.34 %); the regime did not change.",
    "Don't over-trade in ranging markets, it's wasteful; generous gains rarely succeed twice.",
    "The fund's positions weren't closed: well-known set-ups failed at -3.2, +4 and 50%.",
    "RSI(14) at 28.5<30 with an EMA-cross of 12/26; the top-10 by volume are communicating news.",
    "An étude in a café: naïve réversals, trend_follow and mean-reversion on ETH/BTC 15m.",
    "",
    "the and of it",
]
WORDS = [
    *("trend", "trends", "trending", "follow", "follows", "following", "reversal", "reversals"),
    *("range", "ranging", "ranged", "volatile", "volatility", "market", "markets", "marketed"),
    *("strong", "strongly", "weak", "weakness", "losses", "loss", "losing", "gains", "gained"),
    *("the", "a", "with", "without", "its", "not", "BTC/USDT", "ETH/USDT", "4h", "15m", "-1.5"),
    *("+0.25", "70", "stop-loss", "take-profit", "happily", "argued", "skies", "dying", "early"),
]


def random_texts(seed: int, count: int, most: int = 30) -> list[str]:
    chance = random.Random(seed)
    return [" ".join(chance.choices(WORDS, k=chance.randint(1, most))) for _ in range(count)]


class DrawnEmbedder:
    """Draws a direction for each text (port Embedder): no two are as near to a third."""

    model = "drawn"
    dimensions = 32

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector per text, of length one."""
        drawn = ([random.Random(f"{said} {n}").gauss() for n in range(32)] for said in texts)
        return [[x / math.hypot(*vector) for x in vector] for vector in drawn]


async def test_words_are_those_of_to_tsvector(database: AsyncEngine) -> None:
    statement = text(
        "SELECT lexeme, cardinality(positions) AS places FROM unnest(to_tsvector('english', :said))"
    )
    async with database.connect() as connection:
        for said in [*SENTENCES, *random_texts(1, 100)]:
            rows = await connection.execute(statement, {"said": said})
            assert dict(lexemes(said)) == {row.lexeme: row.places for row in rows}, said


async def test_the_rank_is_ts_rank_to_the_last_digit(database: AsyncEngine) -> None:
    statement = text(
        "SELECT ts_rank(to_tsvector('english', :said),"
        " replace(plainto_tsquery('english', :asked)::text, ' & ', ' | ')::tsquery)"
    )
    contents, questions = [*SENTENCES, *random_texts(2, 60)], random_texts(3, 10, most=8)
    async with database.connect() as connection:
        for asked in [SENTENCES[0], *questions]:
            for said in contents:
                found = await connection.scalar(statement, {"said": said, "asked": asked})
                assert text_rank(lexemes(said), lexemes(asked)) == found, (said, asked)


async def test_as_much_is_recalled_in_the_same_order(database: AsyncEngine) -> None:
    world, remembered = World(database, DrawnEmbedder()), RememberedMemories()
    user = await world.user()
    # More than either search gives, so that what is left out counts as well.
    memories = [
        memory(
            number,
            content=content,
            scope=MemoryScope.USER,
            user_id=user,
            created_at=AT - number * HOUR,
            importance=(number % 5) / 5,
        )
        for number, content in enumerate(random_texts(4, 120, most=12), start=1)
    ]
    await world.add(*memories)
    vectors = await world.embedder.embed([each.content for each in memories])
    await remembered.add(memories, vectors, world.embedder)
    for asked in random_texts(5, 25, most=8):
        (vector,) = await world.embedder.embed([asked])
        query = RecallQuery(text=asked, vector=tuple(vector), as_of=AT, limit=8)
        async with world.unit(user) as unit:
            stored = await unit.memories.recall(user, query, world.embedder.model)
        found = await remembered.recall(query, world.embedder)
        assert ids(found) == ids(stored), asked
