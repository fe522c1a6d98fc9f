"""`hedgerow doctor`: what it finds of sound engines and wrong settings, and never prints."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from embeddings_server import KEY, EmbeddingsServer
from hedgerow.bootstrap import Backstage
from hedgerow.entrypoints.cli import make_app
from hedgerow.infrastructure.clickhouse.checks import look_at_embedded, look_at_server
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.front.server import Front
from hedgerow.infrastructure.clickhouse.opening import ClickHouseHome
from hedgerow.infrastructure.kafka.checks import look_at_kafka
from hedgerow.infrastructure.redis.checks import look_at_redis
from hedgerow.usecases.checks import Finding, Standing, examine
from kafka_brokers import free_port, mock_cluster, tansu
from redis_servers import TcpRedis

OK, WARNING, FAILED = Standing.OK, Standing.WARNING, Standing.FAILED


@pytest.fixture(autouse=True)
def data_folder(service_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that does not exist yet, and no other setting."""
    for name in list(os.environ):
        if name.startswith("HEDGEROW_"):
            monkeypatch.delenv(name)
    folder = service_folder / "data"
    monkeypatch.setenv("HEDGEROW_DATA_DIR", str(folder))
    return folder


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(Backstage()), ["doctor", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def by_subject() -> dict[str, dict[str, Any]]:
    document = json.loads(run("--json")[1])
    return {each["subject"]: each for each in document["findings"]}


def standings(findings: Sequence[Finding]) -> dict[str, Standing]:
    return {finding.subject: finding.standing for finding in findings}


def test_a_fresh_machine_is_sound_and_stays_fresh(data_folder: Path) -> None:
    code, said = run()
    assert code == 0
    assert "0 warning, 0 failed" in said
    found = by_subject()
    for subject in ("data folder", "postgresql", "clickhouse", "vault"):
        assert "not created yet" in found[subject]["found"]
    assert not data_folder.exists()
    assert list(data_folder.parent.iterdir()) == []


def test_engines_at_work_and_at_rest_are_sound(data_folder: Path) -> None:
    async def look_meanwhile() -> Sequence[Finding]:
        backstage = Backstage()
        async with backstage.paper_desk(fresh=False), backstage.shared_state(), backstage.vault():
            return await examine(Backstage().checks())

    at_work = asyncio.run(look_meanwhile())
    assert set(standings(at_work).values()) == {OK}
    assert {"pgvector", "schema", "roles", "clock", "market data"} <= standings(at_work).keys()
    said = {finding.subject: finding.found for finding in at_work}
    assert "served by the process that has it open" in said["clickhouse"]
    assert "redis/.s.REDIS" in said["redis"]
    assert "1 from" in said["vault"]

    code, text = run()
    assert code == 0
    assert "0 warning, 0 failed" in text
    assert "open to nobody else" in by_subject()["clickhouse"]["found"]


def test_every_wrong_setting_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_TICKS_RETENTION_DAYS", "a week")
    monkeypatch.setenv("HEDGEROW_KAFKA_BOOTSTRAP", "kafka://me:canary@host/9092")
    monkeypatch.setenv("HEDGEROW_REDIS_URL", "redis://:canary#1@host:6379")
    monkeypatch.setenv("HEDGEROW_POSTGRESS_URL", "postgresql://me:canary@host/db")
    code, said = run("--json")
    assert code == 1
    assert "canary" not in said
    findings = json.loads(said)["findings"]
    wrong = [each for each in findings if each["subject"] == "settings"]
    assert [(each["found"].partition(":")[0], each["standing"]) for each in wrong] == [
        ("HEDGEROW_TICKS_RETENTION_DAYS", "failed"),
        ("HEDGEROW_KAFKA_BOOTSTRAP", "failed"),
        ("HEDGEROW_REDIS_URL", "failed"),
        ("HEDGEROW_POSTGRESS_URL is not a setting, and is ignored", "warning"),
    ]
    assert "whole number of days" in wrong[0]["fix"]
    assert "HEDGEROW_POSTGRES_URL" in wrong[3]["fix"]
    # what a wrong setting names is not looked for elsewhere
    (redis,) = [each for each in findings if each["subject"] == "redis"]
    assert "not checked" in redis["found"]


@pytest.mark.parametrize("mode", [0o755, 0o733])
def test_a_folder_open_to_others_is_told(data_folder: Path, mode: int) -> None:
    data_folder.mkdir()
    data_folder.chmod(mode)
    found = by_subject()["data folder"]
    assert found["standing"] == "warning"
    assert found["fix"] == f"chmod {711 if os.geteuid() == 0 else 700} {data_folder}"


def test_a_file_in_place_of_the_folder_fails(data_folder: Path) -> None:
    data_folder.write_text("")
    assert by_subject()["data folder"]["standing"] == "failed"


def test_a_closed_way_to_postgres_is_told(data_folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root's PostgreSQL runs as another user")
    data_folder.parent.chmod(0o700)
    found = by_subject()["postgresql"]
    assert found["standing"] == "failed"
    assert str(data_folder.parent) in found["found"]
    assert "outside of homes" in found["fix"]


def test_a_key_file_that_others_can_read_fails(data_folder: Path) -> None:
    keys = data_folder / "vault" / "keys"
    keys.parent.mkdir(parents=True)
    keys.write_text("Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2E=\n")
    keys.chmod(0o644)
    found = by_subject()["vault"]
    assert found["standing"] == "failed"
    assert "chmod 600" in found["fix"]
    keys.chmod(0o600)
    assert by_subject()["vault"]["standing"] == "ok"


@pytest.mark.parametrize(
    ("command", "standing"),
    [
        ("head -c 32 /dev/zero | base64", "ok"),
        ("echo canary", "failed"),
        ("echo canary >&2; exit 3", "failed"),
    ],
)
def test_the_command_for_the_key_is_run(
    monkeypatch: pytest.MonkeyPatch, command: str, standing: str
) -> None:
    monkeypatch.setenv("HEDGEROW_VAULT_KEY_COMMAND", command)
    found = by_subject()["vault"]
    assert found["standing"] == standing
    assert "HEDGEROW_VAULT_KEY_COMMAND" in found["found"]
    assert "canary" not in str(found)


async def test_redis_is_asked_for_its_version() -> None:
    with TcpRedis() as server:
        (found,) = await look_at_redis(server.url)
        assert found.standing is OK
    (found,) = await look_at_redis(server.url)
    assert found.standing is WARNING
    assert "slower" in found.found


def test_redis_that_does_not_let_us_in_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with TcpRedis("--requirepass", "right") as server:
        place = server.url.removeprefix("redis://")
        monkeypatch.setenv("HEDGEROW_REDIS_URL", f"redis://:canary@{place}")
        found = by_subject()["redis"]
        assert found["standing"] == "failed"
        assert "does not let us in" in found["found"]
        monkeypatch.setenv("HEDGEROW_REDIS_URL", f"redis://:right@{place}")
        assert by_subject()["redis"]["standing"] == "ok"


async def test_kafka_tells_of_brokers_and_topics() -> None:
    with mock_cluster() as bootstrap:
        (found,) = await look_at_kafka(bootstrap)
        assert found.standing is OK
        assert "3 brokers, 0 of 7 topics" in found.found
    with tansu() as broker:
        (found,) = await look_at_kafka(broker.bootstrap)
        assert found.standing is OK
    (found,) = await look_at_kafka(f"127.0.0.1:{free_port()}")
    assert found.standing is FAILED


@pytest.fixture
async def clickhouse_url(service_folder: Path) -> AsyncIterator[str]:
    """A ClickHouse over HTTP without a table."""
    async with EmbeddedClickHouse(service_folder / "clickhouse") as embedded:
        front = Front(embedded)
        front.start()
        address = front.address
        yield f"http://{address.user}:{address.password}@{address.host}:{address.port}/default"
        front.stop()


async def test_clickhouse_is_asked_over_http(clickhouse_url: str) -> None:
    server, tables = await look_at_server(clickhouse_url)
    assert server.standing is OK
    assert tables.standing is WARNING
    assert "13 migrations are pending" in tables.found
    (found,) = await look_at_server(clickhouse_url.replace("/default", "/elsewhere"))
    assert found.standing is FAILED
    assert "code 81" in found.found


async def test_a_newer_clickhouse_and_a_look_that_leaves_it_alone(service_folder: Path) -> None:
    home = ClickHouseHome(service_folder)
    async with home.open() as clickhouse:
        await clickhouse.execute("INSERT INTO schema_migrations (version, name) VALUES (99, 'x')")
    server, tables = await look_at_embedded(service_folder)
    assert server.standing is OK
    assert tables.standing is FAILED
    assert "newer Hedgerow" in tables.found


async def test_the_embedding_service_is_asked_for_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    async with EmbeddingsServer() as server:
        monkeypatch.setenv("HEDGEROW_EMBEDDER", "openai")
        monkeypatch.setenv("HEDGEROW_EMBEDDINGS_URL", server.described().url)
        monkeypatch.setenv("HEDGEROW_EMBEDDINGS_KEY", KEY)
        assert standings(await examine(Backstage().checks()))["embedder"] is OK
        monkeypatch.setenv("HEDGEROW_EMBEDDINGS_DIMENSIONS", "256")
        (found,) = [f for f in await examine(Backstage().checks()) if f.subject == "embedder"]
        assert found.standing is FAILED
        assert "HEDGEROW_EMBEDDINGS_DIMENSIONS" in found.fix


@pytest.fixture
async def stranger() -> AsyncIterator[int]:
    """The port of a server that answers everybody as a web server would."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture
def nobody() -> int:
    return free_port()


@pytest.mark.parametrize("whom", ["stranger", "nobody"])
@pytest.mark.parametrize("form", [(), ("--json",)])
async def test_no_secret_is_printed_whoever_answers(
    request: pytest.FixtureRequest, stranger: int, nobody: int, whom: str, form: tuple[str, ...]
) -> None:
    port = {"stranger": stranger, "nobody": nobody}[whom]
    settings = {
        "POSTGRES_URL": f"postgresql://me:canary-1@127.0.0.1:{port}/db?password=canary-2",
        "CLICKHOUSE_URL": f"http://me:canary-3@127.0.0.1:{port}/db",
        "REDIS_URL": f"redis://me:canary-4@127.0.0.1:{port}/0",
        "KAFKA_BOOTSTRAP": f"127.0.0.1:{port}",
        "EMBEDDER": "openai",
        "EMBEDDINGS_URL": f"http://127.0.0.1:{port}/v1?key=canary-5",
        "EMBEDDINGS_KEY": "canary-6",
        "VAULT_KEY_COMMAND": "echo canary-7; false canary-8",
        "VAULT_KEYS": "canary-9",
    }
    environment = os.environ | {f"HEDGEROW_{name}": value for name, value in settings.items()}
    command = [sys.executable, "-m", "hedgerow", "doctor", *form]
    done = await asyncio.to_thread(
        subprocess.run, command, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "canary" not in done.stdout
    assert "Traceback" not in done.stdout
    for subject in ("postgresql", "clickhouse", "redis", "kafka", "vault", "embedder"):
        assert subject in done.stdout


@pytest.mark.slow
async def test_servers_that_say_nothing_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    silence = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await silence.wait()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    place = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    monkeypatch.setenv("HEDGEROW_POSTGRES_URL", f"postgresql://me:word@{place}/db")
    monkeypatch.setenv("HEDGEROW_CLICKHOUSE_URL", f"http://me:word@{place}/db")
    monkeypatch.setenv("HEDGEROW_REDIS_URL", f"redis://{place}/0")
    monkeypatch.setenv("HEDGEROW_KAFKA_BOOTSTRAP", place)
    monkeypatch.setenv("HEDGEROW_EMBEDDER", "openai")
    monkeypatch.setenv("HEDGEROW_EMBEDDINGS_URL", f"http://{place}/v1")
    async with asyncio.timeout(40):
        found = standings(await examine(Backstage().checks()))
    silence.set()
    server.close()
    await server.wait_closed()
    for subject in ("postgresql", "clickhouse", "kafka", "embedder"):
        assert found[subject] is FAILED
    assert found["redis"] is WARNING
