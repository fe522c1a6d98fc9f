"""What every UsageStore must do, and the two statements of the specification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from clickhouse_engines import ENGINES, opened
from hedgerow.domain.ai_usage import AgentCost, AIProvider, AIUsageLog, UserDayCost
from hedgerow.domain.errors import InvalidValue
from hedgerow.infrastructure.clickhouse.batch_writer import BatchLimits, BatchWriter
from hedgerow.infrastructure.clickhouse.client import ClickHouse, EngineFailed
from hedgerow.infrastructure.clickhouse.usage_store import ClickHouseUsageStore

NOON = datetime(2024, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)
# As the specification writes them.
COST_PER_USER_PER_DAY = """
SELECT user_id, toDate(timestamp) as date, sum(total_cost_usd) as cost
FROM ai_usage_logs
GROUP BY user_id, date
ORDER BY date DESC;
"""
MOST_EXPENSIVE_AGENTS = """
SELECT agent_name, sum(total_cost_usd) as total_cost, count() as requests
FROM ai_usage_logs
GROUP BY agent_name
ORDER BY total_cost DESC;
"""


@pytest.fixture(params=ENGINES)
async def clickhouse(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ClickHouse]:
    async with opened(request.param, tmp_path / "clickhouse") as found:
        yield found


def log(number: int, **changes: Any) -> AIUsageLog:
    usual = AIUsageLog(
        timestamp=NOON,
        event_id=f"evt_{number}",
        user_id="ann",
        session_id="s'1",
        agent_name="market_analyst",
        provider=AIProvider.ANTHROPIC,
        model_id="claude-sonnet-4",
        prompt_tokens=1500,
        completion_tokens=300,
        total_tokens=1800,
        input_cost_usd=0.25,
        output_cost_usd=0.5,
        total_cost_usd=0.75,
        tool_calls_count=2,
        is_cached=True,
        cache_hit=False,
        latency_ms=1234,
        reasoning_step=1,
        workflow_name="MarketResearchWorkflow",
    )
    return replace(usual, **changes)


LOGS = [
    log(1),
    log(2, agent_name="risk_manager", total_cost_usd=2.0),
    log(3, user_id="bob", timestamp=NOON + DAY, provider=AIProvider.DEEPSEEK),
    log(4, user_id="bob", timestamp=NOON + DAY, total_cost_usd=0.125),
    log(5, timestamp=NOON + DAY),
]


async def lines(clickhouse: ClickHouse, statement: str) -> list[tuple[object, ...]]:
    found = await clickhouse.query(statement)
    return [tuple(row.values()) for row in found.to_pylist()]


async def test_keeps_every_field(clickhouse: ClickHouse) -> None:
    await ClickHouseUsageStore(clickhouse).save([log(1)])
    [line] = await lines(
        clickhouse,
        "SELECT toString(timestamp), * EXCEPT (timestamp, provider), toString(provider)"
        " FROM ai_usage_logs",
    )
    expected = log(1)
    names = [name for name in AIUsageLog.__slots__ if name not in ("timestamp", "provider")]
    values = (getattr(expected, name) for name in names)
    assert line == ("2024-01-31 12:00:00", *values, "anthropic")


async def test_cost_per_user_per_day_as_specified(clickhouse: ClickHouse) -> None:
    store = ClickHouseUsageStore(clickhouse)
    await store.save(LOGS)
    first, second = NOON.date(), (NOON + DAY).date()
    found = await lines(clickhouse, COST_PER_USER_PER_DAY)
    assert set(found) == {("ann", second, 0.75), ("bob", second, 0.875), ("ann", first, 2.75)}
    assert [row[1] for row in found] == [second, second, first]
    assert await store.cost_by_user_day() == [
        UserDayCost("bob", second, 0.875, 2, 3600),
        UserDayCost("ann", second, 0.75, 1, 1800),
        UserDayCost("ann", first, 2.75, 2, 3600),
    ]


async def test_most_expensive_agents_as_specified(clickhouse: ClickHouse) -> None:
    store = ClickHouseUsageStore(clickhouse)
    await store.save(LOGS)
    assert await lines(clickhouse, MOST_EXPENSIVE_AGENTS) == [
        ("market_analyst", 2.375, 4),
        ("risk_manager", 2.0, 1),
    ]
    assert await store.cost_by_agent() == [
        AgentCost("market_analyst", 2.375, 4, 7200),
        AgentCost("risk_manager", 2.0, 1, 1800),
    ]


async def test_a_log_stored_again_is_counted_once(clickhouse: ClickHouse) -> None:
    store = ClickHouseUsageStore(clickhouse)
    await store.save([])
    # half of it got through before the engine broke off
    await store.save(LOGS[:2])
    await store.save([*LOGS, LOGS[4]])
    await store.save(LOGS)
    assert sum(each.requests for each in await store.cost_by_agent()) == len(LOGS)
    assert await lines(clickhouse, "SELECT count() FROM ai_usage_logs") == [(len(LOGS),)]


async def test_logs_put_down_one_by_one_outlast_an_engine_that_fails(
    clickhouse: ClickHouse,
) -> None:
    store = ClickHouseUsageStore(clickhouse)
    limits = BatchLimits(rows_max=2, seconds_max=0.01, buffered_rows_max=3, retry_seconds=0.01)
    failed = asyncio.Event()

    async def save(logs: Sequence[AIUsageLog]) -> None:
        try:
            await store.save(logs)
        except EngineFailed:
            failed.set()
            raise

    await clickhouse.execute("RENAME TABLE ai_usage_logs TO ai_usage_logs_away")
    async with BatchWriter(save, limits) as writer:
        for each in LOGS[:3]:
            await writer.add(each)
        waiting = asyncio.create_task(writer.add(LOGS[3]))
        await asyncio.wait_for(failed.wait(), 10)
        assert not waiting.done()
        await clickhouse.execute("RENAME TABLE ai_usage_logs_away TO ai_usage_logs")
        await asyncio.wait_for(waiting, 10)
        await writer.add(LOGS[4])
    assert writer.buffered_rows == 0
    assert sum(each.requests for each in await store.cost_by_agent()) == len(LOGS)


async def test_nothing_was_spent(clickhouse: ClickHouse) -> None:
    store = ClickHouseUsageStore(clickhouse)
    assert (await store.cost_by_user_day(), await store.cost_by_agent()) == ([], [])


@pytest.mark.parametrize(
    "changes",
    [
        {"event_id": ""},
        {"timestamp": NOON.replace(tzinfo=None)},
        {"prompt_tokens": -1},
        {"latency_ms": 2**32},
        {"tool_calls_count": 2**16},
        {"total_cost_usd": float("nan")},
        {"input_cost_usd": -0.1},
    ],
)
def test_a_log_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as caught:
        log(1, **changes)
    assert [caught.value.field] == list(changes)
