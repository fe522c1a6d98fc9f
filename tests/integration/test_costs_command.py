"""`hedgerow costs`, on the real engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from builders import usage_log
from clickhouse_engines import held
from hedgerow.bootstrap import Backstage
from hedgerow.domain.ai_usage import AIProvider
from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.cli import make_app

NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)
Run = Callable[..., Result]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The data folder of the command."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setenv("HEDGEROW_DATA_DIR", str(folder))
    return folder


@pytest.fixture
def run(data: Path) -> Run:
    app = make_app(Backstage())
    return lambda *arguments: CliRunner().invoke(app, ["costs", *arguments])


def spend() -> None:
    """Three calls of two users, two agents, two models and two days."""
    calls = [
        ("ann", "analyst", "gpt", 0, "0.5"),
        ("ann", "reviewer", "mini", 1, "0.000000000000000001"),
        ("bob", "analyst", "gpt", 1, "2.1"),
    ]
    logs = [
        usage_log(
            f"{user} {agent}",
            timestamp=NOON + timedelta(days=day),
            user_id=user,
            agent_name=agent,
            provider=AIProvider.OPENAI,
            model_id=model,
            prompt_tokens=1000,
            completion_tokens=200,
            total_tokens=1200,
            total_cost_usd=Decimal(cost),
            cached_tokens=700,
            cache_write_tokens=0,
            thinking_tokens=150 * day,
        )
        for user, agent, model, day, cost in calls
    ]

    async def save() -> None:
        async with Backstage().usage() as usage:
            await usage.save([*logs, *logs[1:]])

    asyncio.run(save())


def found(result: Result) -> list[tuple[str, str, int, int]]:
    assert result.exit_code == 0, result.exception
    document = json.loads(result.stdout)
    assert document["unit"] == "usd"
    return [
        (line["name"], line["cost"], line["requests"], line["total_tokens"])
        for line in document["costs"]
    ]


def test_nothing_was_spent(run: Run) -> None:
    assert run().stdout == "No model has been asked yet: nothing was spent.\n"
    asked = ("--user", "ann", "--since", "2024-01-31")
    assert run(*asked).stdout == (
        "No call of user ann since 2024-01-31 is known: nothing was spent.\n"
    )
    document = json.loads(run(*asked, "--json").stdout)
    none = {"prompt_tokens": 0, "completion_tokens": 0, "cached_tokens": 0}
    none |= {"cache_write_tokens": 0, "thinking_tokens": 0}
    assert document == {
        "by": "user",
        "user": "ann",
        "since": "2024-01-31",
        "unit": "usd",
        "costs": [],
        "together": {
            "name": "together",
            "cost": "0",
            "requests": 0,
            "total_tokens": 0,
            "tokens": none,
        },
    }


@pytest.mark.parametrize("elsewhere", [False, True])
def test_sums_by_user_agent_model_and_day(run: Run, data: Path, elsewhere: bool) -> None:
    with held(data) if elsewhere else nullcontext():
        spend()
        views = ("user", "agent", "model", "day")
        by = {view: found(run("--by", view, "--json")) for view in views}
        ann = found(run("--by", "agent", "--user", "ann", "--since", "2024-02-01", "--json"))
        everything = json.loads(run("--json").stdout)["together"]
    tiny = "0.000000000000000001"
    assert by["user"] == [("bob", "2.1", 1, 1200), ("ann", f"0.5{tiny[3:]}", 2, 2400)]
    assert by["agent"] == [("analyst", "2.6", 2, 2400), ("reviewer", tiny, 1, 1200)]
    assert by["model"] == [("openai/gpt", "2.6", 2, 2400), ("openai/mini", tiny, 1, 1200)]
    assert by["day"] == [("2024-02-01", f"2.1{tiny[3:]}", 2, 2400), ("2024-01-31", "0.5", 1, 1200)]
    assert ann == [("reviewer", tiny, 1, 1200)]
    assert everything["cost"] == f"2.6{tiny[3:]}"
    assert everything["tokens"]["cached_tokens"] == 2100


def test_is_shown_as_a_table_with_its_sum(run: Run) -> None:
    spend()
    shown = run().stdout.splitlines()
    assert shown[-1] == "In brackets: hidden thinking, which is part of the completions."
    *_, bob, ann, _, together, _ = [" ".join(line.split()) for line in shown[:-1]]
    assert bob == "│ bob │ 1 │ 1,000 │ 700 │ 200 (150) │ 2.1000 │"
    assert ann == "│ ann │ 2 │ 2,000 │ 1,400 │ 400 (150) │ 0.5000 │"
    assert together == "│ together │ 3 │ 3,000 │ 2,100 │ 600 (300) │ 2.6000 │"
    # a small cost does not look like none
    assert "0.000000000000000001" in run("--by", "agent").stdout


@pytest.mark.parametrize(
    ("option", "value", "fix"),
    [
        ("--by", "moon", "use one of user, agent, model, day"),
        ("--since", "yesterday", "write it as 2024-03-01"),
        ("--since", "2024-03-01T12:00", "write it as 2024-03-01"),
        ("--since", "9999-01-01", "name a year within these"),
    ],
)
def test_what_means_nothing_is_refused(run: Run, option: str, value: str, fix: str) -> None:
    refused = run(option, value).exception
    assert isinstance(refused, InputRefused)
    assert (refused.where, refused.fix) == (option, fix)
