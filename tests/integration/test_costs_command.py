"""`hedgerow costs`, on the real engine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from clickhouse_engines import held
from hedgerow.bootstrap import Backstage
from hedgerow.domain.ai_usage import AIProvider, AIUsageLog
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
    """Three calls of two users, two agents and two days."""
    calls = [("ann", "analyst", 0, 0.5), ("ann", "reviewer", 1, 0.25), ("bob", "analyst", 1, 2.0)]
    logs = [
        AIUsageLog(
            timestamp=NOON + timedelta(days=day),
            event_id=f"{user} {agent}",
            user_id=user,
            session_id="s",
            agent_name=agent,
            provider=AIProvider.OPENAI,
            model_id="gpt",
            prompt_tokens=1000,
            completion_tokens=200,
            total_tokens=1200,
            input_cost_usd=cost,
            output_cost_usd=0.0,
            total_cost_usd=cost,
            tool_calls_count=0,
            is_cached=False,
            cache_hit=False,
            latency_ms=900,
            reasoning_step=0,
            workflow_name="trade",
        )
        for user, agent, day, cost in calls
    ]

    async def save() -> None:
        async with Backstage().usage_log() as usage:
            for log in [*logs, *logs[1:]]:
                await usage.add(log)

    asyncio.run(save())


def found(result: Result) -> list[tuple[str, float, int, int]]:
    assert result.exit_code == 0, result.exception
    document = json.loads(result.stdout)
    assert document["unit"] == "usd"
    return [
        (line["name"], float(line["cost"]), line["requests"], line["total_tokens"])
        for line in document["costs"]
    ]


def test_nothing_was_spent(run: Run) -> None:
    assert run().stdout == "No model has been asked yet: nothing was spent.\n"
    assert json.loads(run("--json").stdout) == {"by": "user", "unit": "usd", "costs": []}


@pytest.mark.parametrize("elsewhere", [False, True])
def test_sums_by_user_agent_and_day(run: Run, data: Path, elsewhere: bool) -> None:
    if elsewhere:
        with held(data):
            spend()
            by = {view: found(run("--by", view, "--json")) for view in ("user", "agent", "day")}
    else:
        spend()
        by = {view: found(run("--by", view, "--json")) for view in ("user", "agent", "day")}
    assert by["user"] == [("bob", 2.0, 1, 1200), ("ann", 0.75, 2, 2400)]
    assert by["agent"] == [("analyst", 2.5, 2, 2400), ("reviewer", 0.25, 1, 1200)]
    assert by["day"] == [("2024-02-01", 2.25, 2, 2400), ("2024-01-31", 0.5, 1, 1200)]


def test_is_shown_as_a_table_with_its_sum(run: Run) -> None:
    spend()
    shown = run().stdout
    for words in ("cost in USD", "bob", "2.0000", "2,400", "Together 2.7500 USD."):
        assert words in shown


def test_something_else_is_nothing_to_sum_up_by(run: Run) -> None:
    refused = run("--by", "moon").exception
    assert isinstance(refused, InputRefused)
    assert (refused.where, refused.fix) == ("--by", "use one of user, agent, day")
