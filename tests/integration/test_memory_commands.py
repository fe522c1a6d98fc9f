"""`hedgerow memory`, from what is typed to what is shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.memory import MemoryScope, MemoryType
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.cli import make_app
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork
from hedgerow.usecases.recall_memories import MemoryDesk
from memory_world import AT, DAY, World, memory
from postgres_fixtures import units_on
from postgres_servers import MIGRATED, PostgresServer

BREAKOUT, TREND = UUID(int=0xFEED1), UUID(int=0xFEED2)


class Stage:
    """The part of the backstage that these commands use, on one database."""

    def __init__(self, url: str) -> None:
        self._url = url

    @asynccontextmanager
    async def memories(self) -> AsyncIterator[MemoryDesk]:
        async with open_engine(self._url) as engine:
            yield World(engine).desk

    @asynccontextmanager
    async def records(self) -> AsyncIterator[OpenUnitOfWork]:
        async with open_engine(self._url) as engine:
            yield units_on(engine)


async def _remember(url: str) -> UUID:
    async with open_engine(url) as engine:
        world = World(engine)
        user = await world.user()
        await world.add(
            memory(BREAKOUT.int, content="breakouts fail in quiet markets", symbol="BTC/USDT"),
            memory(
                TREND.int,
                content="trends pause at noon",
                scope=MemoryScope.USER,
                user_id=user,
                type=MemoryType.OBSERVATION,
                created_at=AT + DAY,
            ),
        )
        trade = await world.trade(user)
        async with world.unit() as unit:
            (held,) = await unit.memories.unvalidated([BREAKOUT], trade)
            held.validate(was_right=True)
            await unit.memories.save_validation(held, trade, user, True, AT + DAY)
            await unit.commit()
    return user


@pytest.fixture(scope="module")
def run(embedded_postgres: PostgresServer) -> Iterator[Callable[..., Result]]:
    """The commands, on memories that all tests of this module only look at."""
    name = asyncio.run(embedded_postgres.copy(MIGRATED))
    url = embedded_postgres.url(name)
    user = asyncio.run(_remember(url))
    app = make_app(cast(Backstage, Stage(url)))

    def run(*arguments: str, user: str | None = str(user)) -> Result:
        asked = arguments if user is None else (*arguments, "--user", user)
        return CliRunner().invoke(app, ["memory", *asked], env={"COLUMNS": "160"})

    yield run
    asyncio.run(embedded_postgres.drop(name))


def found(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.exception
    documents: list[dict[str, Any]] = json.loads(result.stdout)
    return documents


def ids(result: Result) -> list[str]:
    return [each["memory"]["id"] for each in found(result)]


def test_search_shows_why_each_is_where_it_is(run: Callable[..., Result]) -> None:
    (first, _) = found(run("search", "breakouts in quiet markets", "--json"))
    assert first["memory"]["id"] == str(BREAKOUT)
    assert first["validation"] == pytest.approx(2 / 3)
    factors = [first[name] for name in ("fused", "recency", "importance", "validation")]
    product = 1.0
    for factor in factors:
        product *= factor
    assert first["score"] == pytest.approx(product)
    shown = run("search", "breakouts in quiet markets").stdout
    for word in ("breakouts fail", "similarity", " proven; ", "relevant x "):
        assert word in shown


def test_search_is_narrowed(run: Callable[..., Result]) -> None:
    assert ids(run("search", "markets", "--json", "--type", "observation")) == [str(TREND)]
    assert ids(run("search", "markets", "--json", "--symbol", "eth/usdt")) == [str(TREND)]
    assert ids(run("search", "markets", "--json", "--as-of", "2024-03-01")) == [str(BREAKOUT)]
    assert len(ids(run("search", "markets", "--json", "--limit", "1"))) == 1
    assert "Nothing is remembered" in run("search", "markets", "--as-of", "2020-01-01").stdout


def test_show_tells_all_of_one_and_who_validated_it(run: Callable[..., Result]) -> None:
    shown = run("show", str(BREAKOUT)).stdout
    for words in ("breakouts fail in quiet markets", "bore it out", "BTC/USDT"):
        assert words in shown
    story = json.loads(run("show", str(TREND).upper(), "--json").stdout)
    assert (story["memory"]["id"], story["validations"]) == (str(TREND), [])
    assert "No trade" in run("show", str(TREND)).stdout


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("search", "x", "--type", "rumour"), "--type"),
        (("search", "x", "--as-of", "tomorrow"), "--as-of"),
        (("search", "?!"), "TEXT"),
        (("show", "ffff"), "hedgerow memory show ffff"),
        (("show", "0000"), "hedgerow memory show 0000"),
    ],
)
def test_nonsense_is_refused_with_its_place(
    run: Callable[..., Result], arguments: tuple[str, ...], where: str
) -> None:
    refusal = run(*arguments).exception
    assert isinstance(refusal, InputRefused)
    assert refusal.where == where


def test_whose_memory_is_meant_must_be_known(run: Callable[..., Result]) -> None:
    for user, where in ((None, "hedgerow memory"), ("me", "--user")):
        refusal = run("search", "x", user=user).exception
        assert isinstance(refusal, InputRefused)
        assert refusal.where == where


def test_tending_forgets_what_did_not_prove_itself_and_that_once(
    embedded_postgres: PostgresServer,
) -> None:
    name = asyncio.run(embedded_postgres.copy(MIGRATED))
    url = embedded_postgres.url(name)
    asyncio.run(_remember(url))
    app = make_app(cast(Backstage, Stage(url)))
    for forgotten in (1, 0):
        result = CliRunner().invoke(app, ["memory", "tend", "--json"])
        assert json.loads(result.stdout) == {"promoted": [], "forgotten": forgotten}
    said = CliRunner().invoke(app, ["memory", "tend"]).stdout
    assert said == "0 lessons shared, 0 memories forgotten.\n"
    asyncio.run(embedded_postgres.drop(name))
