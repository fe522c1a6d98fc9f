"""`hedgerow events` as a person and a program use it: processes, pipes and Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from event_builders import add_fund, append, user_id
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.events import Event
from hedgerow.settings import load_settings
from hedgerow.usecases.codec import decode
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from postgres_fixtures import units_on


@pytest.fixture
async def environment(database: AsyncEngine, tmp_path: Path) -> dict[str, str]:
    """Two users with five events each, for a process to find."""
    for number in (1, 2):
        await append(units_on(database), await add_fund(units_on(database), number), 3)
    return {
        **os.environ,
        "HEDGEROW_DATA_DIR": str(tmp_path / "data"),
        "HEDGEROW_POSTGRES_URL": database.url.render_as_string(hide_password=False),
    }


def run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hedgerow", "events", *words]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def running(environment: dict[str, str], *words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "hedgerow", "events", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_lines(process: subprocess.Popen[str], count: int) -> list[Any]:
    assert process.stdout is not None
    return [json.loads(process.stdout.readline()) for _ in range(count)]


async def test_tail_shows_events_for_people_and_programs(environment: dict[str, str]) -> None:
    lines = run(environment, "tail", "-n", "3", "--user", str(user_id(1))).stdout.splitlines()
    assert [line.split()[2:5] for line in lines] == [
        [str(user_id(1)), str(sequence), kind]
        for sequence, kind in ((3, "Abstained"), (4, "EquityMarked"), (5, "OrderStatusChanged"))
    ]
    printed = run(environment, "tail", "--json", "--kind", "FundOpened").stdout.splitlines()
    events = [decode(Event, json.loads(line)) for line in printed]
    assert [(e.kind, e.sequence) for e in events] == [("FundOpened", 1)] * 2
    assert all(event.is_intact for event in events)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("tail", "--kind", "Nonsense"), "'Nonsense' is not a kind of event"),
        (("tail", "--user", "me"), "'me' is not a user's id"),
    ],
)
async def test_what_cannot_be_is_refused(
    environment: dict[str, str], words: tuple[str, ...], said: str
) -> None:
    refused = run(environment, *words)
    assert refused.returncode == 2
    assert said in refused.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
async def test_relay_prints_each_event_once_over_its_lives_and_stops_cleanly(
    environment: dict[str, str], database: AsyncEngine, how: signal.Signals
) -> None:
    with running(environment, "relay") as first:
        printed = read_lines(first, 10)
        with running(environment, "relay", "--replay") as other:
            _, said = other.communicate(timeout=60)
            assert "another process is relaying to stdout" in said
        first.send_signal(how)
        rest, said = first.communicate(timeout=60)
    assert (first.returncode, rest) == (0, "")
    assert "relaying to stdout" in said
    assert {(line["user_id"], line["sequence"]) for line in printed} == {
        (str(user_id(number)), sequence) for number in (1, 2) for sequence in range(1, 6)
    }
    async with units_on(database)(SYSTEM) as unit:
        fund = await unit.funds.load(user_id(1))
    await append(units_on(database), fund, 1)
    with running(environment, "relay") as second:
        (line,) = read_lines(second, 1)
    assert (line["user_id"], line["sequence"]) == (str(user_id(1)), 6)


async def test_follow_shows_what_is_appended_meanwhile(
    environment: dict[str, str], database: AsyncEngine
) -> None:
    with running(environment, "tail", "--follow", "--json", "-n", "1") as process:
        read_lines(process, 1)
        async with units_on(database)(SYSTEM) as unit:
            fund = await unit.funds.load(user_id(2))
        await append(units_on(database), fund, 2)
        found = [line["sequence"] for line in read_lines(process, 2)]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert found == [6, 7]
    assert process.returncode == 0


@pytest.mark.parametrize("wrong", ["kafka", "kafka:99999", ":9092", ","])
def test_brokers_that_cannot_be_are_refused(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_KAFKA_BOOTSTRAP", wrong)
    with pytest.raises(InputRefused) as refused:
        load_settings()
    assert refused.value.where == "HEDGEROW_KAFKA_BOOTSTRAP"


def test_brokers_are_named_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEDGEROW_KAFKA_BOOTSTRAP", "one:9092, two:9092")
    assert load_settings().kafka_bootstrap == "one:9092,two:9092"
