"""A demo whose desk asks a model over HTTP: what it decides, what is kept of it, and what fails."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Final

import pytest
import zstandard
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from command_line import (
    Said,
    assert_clean,
    cut_candles,
    ended,
    hedgerow,
    result_of,
    running,
)
from hedgerow.infrastructure.agents.desk.roster import BY_NAME, Room
from hedgerow.infrastructure.embedded.postgres import EmbeddedPostgres
from hedgerow.infrastructure.postgres.engine import open_engine
from house_behind_http import USED, HouseServer, agent_of
from model_servers import Answer
from model_servers import Heard as Request
from model_servers import Said as Words
from postgres_fixtures import as_superuser

CANARY: Final = "sk-canary-desk-4f1a77c0"
SHARED: Final = {
    agent.name
    for agent in BY_NAME.values()
    if agent.room in {Room.RESEARCH, Room.DEBATE, Room.CONCLUSION}
}
Row = Mapping[str, Any]


async def demo(data: Path, candles: Path, **settings: str) -> Said:
    """Run it beside the server, which runs here."""
    arguments = ("demo", "--data", candles, "--json", data.with_suffix(".json"))
    return await asyncio.to_thread(lambda: hedgerow(*arguments, data=data, **settings))


@asynccontextmanager
async def store(data: Path) -> AsyncIterator[AsyncConnection]:
    """PostgreSQL, as its superuser sees it."""
    with EmbeddedPostgres(data / "postgres") as postgres:
        async with open_engine(postgres.url) as engine:
            url = as_superuser(engine)
        async with open_engine(url) as engine, engine.connect() as connection:
            yield connection


async def rows(data: Path, query: str) -> list[Row]:
    """What PostgreSQL has."""
    async with store(data) as connection:
        return [row._asdict() for row in await connection.execute(text(query))]


async def everything(data: Path) -> str:
    """Every row of every table as text, those that are stored compressed unpacked."""
    tables = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found: list[str] = []
    async with store(data) as connection:
        for table in await connection.scalars(tables):
            found += await connection.scalars(text(f'SELECT t::text FROM "{table}" t'))
        bodies = await connection.scalars(text("SELECT body FROM model_contents"))
    return "\n".join([*found, *(zstandard.decompress(body).decode() for body in bodies)])


@dataclass(frozen=True, slots=True)
class Asked:
    """A demo that has asked a model to its end: what was said, and what was asked."""

    data: Path
    said: Said
    result: dict[str, Any]
    server: HouseServer

    def agents(self, since: int = 0) -> Counter[str]:
        return Counter(agent_of(each) for each in self.server.documents[since:])


@asynccontextmanager
async def asked(candles: Path, data: Path, server: HouseServer) -> AsyncIterator[Asked]:
    async with server:
        settings = {**server.settings, "HEDGEROW_COMPATIBLE_API_KEY": CANARY}
        said = await demo(data, candles, **settings)
        assert (said.code, said.err) == (0, "")
        yield Asked(data, said, result_of(data.with_suffix(".json")), server)


@pytest.fixture(scope="module")
def few_candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Intervals among which the house trades once."""
    return cut_candles(tmp_path_factory.mktemp("candles") / "few", 250, 400)


@pytest.fixture(scope="module")
def hardly_any_candles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Intervals at whose end the desk meets for the first time."""
    return cut_candles(tmp_path_factory.mktemp("candles") / "hardly-any", 250, 376)


async def test_a_model_that_plays_the_house_trades_as_the_house_does(
    few_candles: Path, service_folder: Path, data_folder: Path
) -> None:
    house = service_folder / "house"
    assert (await demo(house, few_candles)).code == 0
    of_the_house = result_of(house.with_suffix(".json"))
    assert of_the_house["trades"] == 1
    async with asked(few_candles, data_folder, HouseServer()) as first:
        assert first.result == of_the_house
        await check_accounts(first)
        await check_secrecy(first)
        assert_clean(data_folder)
        await check_again(first, few_candles)


async def check_accounts(run: Asked) -> None:
    """Every request is logged, recorded and counted, once."""
    costs = await asyncio.to_thread(hedgerow, "costs", "--by", "agent", "--json", data=run.data)
    by_agent = {line["name"]: line["requests"] for line in costs.document["costs"]}
    assert by_agent == run.agents()
    tokens = costs.document["together"]["tokens"]
    requests = sum(by_agent.values())
    assert tokens["prompt_tokens"] == requests * USED.prompt_tokens
    assert tokens["cached_tokens"] == requests * USED.cached_tokens
    assert tokens["thinking_tokens"] == requests * USED.thinking_tokens
    (counted,) = await rows(
        run.data,
        "SELECT sum(requests_spent) AS spent, sum(requests_reserved) AS open FROM ai_budgets",
    )
    assert (counted["spent"], counted["open"]) == (requests, 0)
    (kept,) = await rows(run.data, "SELECT count(usage_log) AS logs FROM ai_reservations")
    assert kept["logs"] == 0, "all of them are stored"
    recorded = await rows(
        run.data,
        "SELECT answered_provider || '/' || answered_model AS model,"
        " count(DISTINCT (user_id, request_key)) AS n FROM model_calls GROUP BY 1",
    )
    assert recorded == [{"model": "compatible/house-behind-http", "n": requests}]


async def check_secrecy(run: Asked) -> None:
    """The key is sent where it belongs, and is nowhere else."""
    assert {heard.headers["authorization"] for heard in run.server.heard} == {f"Bearer {CANARY}"}
    assert CANARY not in json.dumps(run.server.documents)
    kept = await everything(run.data)
    assert "You sit at the desk of a crypto fund." in kept
    trade = await asyncio.to_thread(hedgerow, "explain", "last", "--json", data=run.data)
    shown = (run.said.out, run.said.err, trade.out, trade.err, kept)
    assert all(CANARY not in each for each in shown)
    files = [file.read_bytes() for file in run.data.rglob("*") if file.is_file()]
    assert len(files) > 100
    assert all(CANARY.encode() not in each for each in files)


async def check_again(run: Asked, candles: Path) -> None:
    """The same plan is another fund's: research that all share is known, the rest is its own."""
    before = len(run.server.heard)
    assert {agent for agent in run.agents() if agent in SHARED}
    again = await demo(run.data, candles, **run.server.settings)
    assert (again.code, again.err) == (0, "")
    assert result_of(run.data.with_suffix(".json")) == run.result
    since = run.agents(before)
    assert not SHARED & since.keys()
    assert since["trader"] == run.agents()["trader"] / 2


# --- failures --------------------------------------------------------------------------------


async def abstentions(data: Path) -> list[str]:
    """Why agents have abstained, by all meetings."""
    found = await rows(data, "SELECT answers::text AS answers FROM desk_meetings")
    return [
        str(words)
        for row in found
        for answer in json.loads(row["answers"]).values()
        for words in answer.values()
        if str(words).startswith("Abstained: ")
    ]


def failing(server: HouseServer) -> Callable[[Request], Answer]:
    """Every second request fails, each time in another way."""
    numbers = count()
    ways: tuple[Callable[[Request], Answer], ...] = (
        lambda _: server.refusing(429, "slow down", headers={"Retry-After": "0"}),
        lambda _: server.refusing(500, "broken"),
        lambda _: Answer(body=b'{"choices": [{"mess'),
        lambda request: server.answer_of(Words("It will go up, trust me.", usage=USED), request),
        lambda _: Answer(delay_s=3.0),
    )

    def script(request: Request) -> Answer:
        number = next(numbers)
        return ways[number // 2 % len(ways)](request) if number % 2 else server.play(request)

    return script


@pytest.mark.slow
async def test_half_of_the_answers_fail_and_the_run_ends(
    few_candles: Path, data_folder: Path
) -> None:
    server = HouseServer()
    server.usual = failing(server)
    async with server:
        settings = {**server.settings, "HEDGEROW_MODEL_TIMEOUT_S": "1"}
        said = await demo(data_folder, few_candles, **settings)
    assert said.code == 0, said
    assert_clean(data_folder)
    (counted,) = await rows(data_folder, "SELECT sum(requests_reserved) AS open FROM ai_budgets")
    assert counted["open"] == 0, "what failed is given back"


@pytest.mark.slow
async def test_killed_again_and_again_every_call_is_counted_and_every_log_kept(
    few_candles: Path, service_folder: Path, data_folder: Path
) -> None:
    house, file = service_folder / "house", service_folder / "result.json"
    assert (await demo(house, few_candles)).code == 0
    draw, kills = random.Random(5), 0
    async with HouseServer() as server:
        while True:
            arguments = ("demo", "--data", few_candles, "--json", file)
            with running(*arguments, data=data_folder, **server.settings) as process:
                if await asyncio.to_thread(ends_unasked, process, server, len(server.heard)):
                    said = ended(process)
                    break
                await asyncio.sleep(draw.random() / 2)
                process.kill()
                kills += 1
    assert kills >= 5
    assert (said.code, said.err) == (0, "")
    assert result_of(file) == result_of(house.with_suffix(".json"))
    (counted,) = await rows(
        data_folder,
        "SELECT sum(requests_spent) AS spent, sum(requests_reserved) AS lost FROM ai_budgets",
    )
    assert counted["spent"] <= len(server.heard) <= counted["spent"] + counted["lost"]
    costs = await asyncio.to_thread(hedgerow, "costs", "--json", data=data_folder)
    assert costs.document["together"]["requests"] == counted["spent"]
    assert_clean(data_folder)


def ends_unasked(process: subprocess.Popen[str], server: HouseServer, before: int) -> bool:
    """Wait for the run's first question; whether it ends without one."""
    while len(server.heard) == before:
        if process.poll() is not None:
            return True
        time.sleep(0.01)
    return False


async def run_without(candles: Path, data: Path, **settings: str) -> list[str]:
    """A run without a model that answers: it ends, trades nothing, and says of each agent why."""
    said = await demo(data, candles, **settings)
    assert said.code == 0, said
    result = result_of(data.with_suffix(".json"))
    assert (result["trades"], result["orders"], result["events_verified"] > 0) == (0, 0, True)
    (counted,) = await rows(
        data, "SELECT coalesce(sum(requests_spent + requests_reserved), 0) AS n FROM ai_budgets"
    )
    assert counted["n"] == 0
    why = await abstentions(data)
    assert why
    return why


async def test_a_server_that_is_down_from_the_start(
    hardly_any_candles: Path, data_folder: Path
) -> None:
    async with HouseServer() as server:
        settings = dict(server.settings)
    why = await run_without(hardly_any_candles, data_folder, **settings)
    model = "Abstained: compatible/house-behind-http gave no answer: "
    assert all(each.startswith(model) for each in why)
    assert {each.removeprefix(model) for each in why} <= {
        "cannot be reached (APIConnectionError).",
        "is left alone for a while, having failed again and again.",
    }


async def test_a_wrong_key(hardly_any_candles: Path, data_folder: Path) -> None:
    server = HouseServer()
    server.usual = lambda _: server.refusing(401, f"no such key: {CANARY}")
    async with server:
        settings = {**server.settings, "HEDGEROW_COMPATIBLE_API_KEY": CANARY}
        why = await run_without(hardly_any_candles, data_folder, **settings)
    assert {"key" in each for each in why} == {True}
    assert CANARY not in "".join(why)
