"""What every UsageStore must do, and the two statements of the specification."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from builders import usage_log
from clickhouse_engines import ENGINES, opened
from hedgerow.domain.ai_usage import (
    AgentCost,
    AIProvider,
    AIUsageLog,
    CostScope,
    ModelCost,
    SessionCost,
    TokenUsage,
    UserDayCost,
)
from hedgerow.domain.errors import InvalidValue
from hedgerow.infrastructure.clickhouse.batch_writer import BatchLimits, BatchWriter
from hedgerow.infrastructure.clickhouse.client import ClickHouse, EngineFailed
from hedgerow.infrastructure.clickhouse.embedded import EmbeddedClickHouse
from hedgerow.infrastructure.clickhouse.migrate import migrate
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
    return replace(usage_log(f"evt_{number}"), **({"timestamp": NOON} | changes))


LOGS = [
    log(1),
    log(2, agent_name="risk_manager", total_cost_usd=Decimal("0.000000000000000001")),
    log(3, user_id="bob", timestamp=NOON + DAY, provider=AIProvider.HOUSE),
    log(
        4,
        user_id="bob",
        timestamp=NOON + DAY,
        provider=AIProvider.COMPATIBLE,
        total_cost_usd=Decimal("0.1"),
    ),
    log(5, timestamp=NOON + DAY),
]


def tokens(calls: int) -> TokenUsage:
    """Of so many calls."""
    return TokenUsage(1500 * calls, 300 * calls, 700 * calls, 50 * calls, 120 * calls)


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
    tiny = Decimal("0.750000000000000001")
    assert set(found) == {
        ("ann", second, Decimal("0.75")),
        ("bob", second, Decimal("0.85")),
        ("ann", first, tiny),
    }
    assert [row[1] for row in found] == [second, second, first]
    assert await store.cost_by_user_day() == [
        UserDayCost("bob", second, Decimal("0.85"), 2, 3600, tokens(2)),
        UserDayCost("ann", second, Decimal("0.75"), 1, 1800, tokens(1)),
        UserDayCost("ann", first, tiny, 2, 3600, tokens(2)),
    ]


async def test_most_expensive_agents_as_specified(clickhouse: ClickHouse) -> None:
    store = ClickHouseUsageStore(clickhouse)
    await store.save(LOGS)
    assert await lines(clickhouse, MOST_EXPENSIVE_AGENTS) == [
        ("market_analyst", Decimal("2.35"), 4),
        ("risk_manager", Decimal("1E-18"), 1),
    ]
    assert await store.cost_by_agent() == [
        AgentCost("market_analyst", Decimal("2.35"), 4, 7200, tokens(4)),
        AgentCost("risk_manager", Decimal("1E-18"), 1, 1800, tokens(1)),
    ]


async def test_most_expensive_models(clickhouse: ClickHouse) -> None:
    store = ClickHouseUsageStore(clickhouse)
    await store.save([*LOGS, log(6, model_id="claude-opus-4", total_cost_usd=Decimal(9))])
    claude, opus = "claude-sonnet-4", "claude-opus-4"
    assert await store.cost_by_model() == [
        ModelCost(AIProvider.ANTHROPIC, opus, Decimal(9), 1, 1800, tokens(1)),
        ModelCost(
            AIProvider.ANTHROPIC, claude, Decimal("1.500000000000000001"), 3, 5400, tokens(3)
        ),
        ModelCost(AIProvider.HOUSE, claude, Decimal("0.75"), 1, 1800, tokens(1)),
        ModelCost(AIProvider.COMPATIBLE, claude, Decimal("0.1"), 1, 1800, tokens(1)),
    ]


async def test_sums_are_of_one_user_and_from_one_day_on(clickhouse: ClickHouse) -> None:
    store = ClickHouseUsageStore(clickhouse)
    await store.save(LOGS)
    scope = CostScope("ann", (NOON + DAY).date())
    one = (Decimal("0.75"), 1, 1800, tokens(1))
    assert await store.cost_by_user_day(scope) == [UserDayCost("ann", (NOON + DAY).date(), *one)]
    assert await store.cost_by_agent(scope) == [AgentCost("market_analyst", *one)]
    assert await store.cost_by_model(scope) == [
        ModelCost(AIProvider.ANTHROPIC, "claude-sonnet-4", *one)
    ]
    assert sum(each.requests for each in await store.cost_by_agent(CostScope("bob"))) == 2
    assert (
        sum(each.requests for each in await store.cost_by_model(CostScope(since=NOON.date()))) == 5
    )
    assert await store.cost_by_agent(CostScope("ann' OR 1")) == []


async def test_cost_of_conversations_that_are_asked_for(clickhouse: ClickHouse) -> None:
    store = ClickHouseUsageStore(clickhouse)
    cents = Decimal("0.01")
    await store.save(
        [
            log(1),
            log(2, total_cost_usd=cents, timestamp=NOON + DAY, user_id="bob"),
            log(3, session_id="other", total_cost_usd=cents),
            log(4, session_id="unasked"),
        ]
    )
    assert await store.cost_by_session(["s'1", "other", "unknown", "other"]) == [
        SessionCost("other", cents, 1),
        SessionCost("s'1", Decimal("0.76"), 2),
    ]
    assert await store.cost_by_session([]) == []


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
    assert await store.cost_by_model() == []


async def test_costs_of_before_keep_their_digits(tmp_path: Path) -> None:
    """Floats become the decimals they were written as; sums of calls that are gone stay."""
    async with EmbeddedClickHouse(tmp_path) as clickhouse:
        await migrate(clickhouse, until=9)
        await clickhouse.execute(
            "INSERT INTO ai_usage_logs SELECT toDateTime('2024-01-31 12:00:00', 'UTC'),"
            " toString(number), 'ann', 's', 'analyst', 'deepseek', 'm', 10, 5, 15,"
            " [0.3, 0.0000007][number + 1], 1e-19, 0.30000000000000004, 1, true, false, 5, 1, 'w'"
            " FROM numbers(2)"
        )
        await clickhouse.execute(
            "INSERT INTO ai_cost_by_user_day VALUES ('bob', '2020-02-03', 0.29, 4, 40)"
        )
        await clickhouse.execute("INSERT INTO ai_cost_by_agent VALUES ('gone', 0.29, 4, 40)")
        await migrate(clickhouse)
        # as a process does that died before it recorded them
        await clickhouse.execute(
            "ALTER TABLE schema_migrations DELETE WHERE version > 9 SETTINGS mutations_sync = 2"
        )
        await migrate(clickhouse)
        kept = await lines(
            clickhouse,
            "SELECT toString(input_cost_usd), toString(output_cost_usd), toString(total_cost_usd),"
            " cached_tokens FROM ai_usage_logs ORDER BY event_id",
        )
        store = ClickHouseUsageStore(clickhouse)
        await store.save([log(3)])
        by_day, by_agent = await store.cost_by_user_day(), await store.cost_by_agent()
        by_model = await store.cost_by_model()
    assert kept == [
        ("0.3", "0", "0.30000000000000004", 0),
        ("0.0000007", "0", "0.30000000000000004", 0),
    ]
    # what the sum of floats had come to, and what the calls come to
    both, exactly = Decimal("0.6000000000000001"), Decimal("0.60000000000000008")
    of_before = TokenUsage(20, 10)
    gone = (Decimal("0.29"), 4, 40, TokenUsage(0, 0))
    assert by_day == [
        UserDayCost("ann", NOON.date(), both + Decimal("0.75"), 3, 1830, of_before + tokens(1)),
        UserDayCost("bob", date(2020, 2, 3), *gone),
    ]
    assert by_agent == [
        AgentCost("market_analyst", Decimal("0.75"), 1, 1800, tokens(1)),
        AgentCost("analyst", both, 2, 30, of_before),
        AgentCost("gone", *gone),
    ]
    assert by_model[1:] == [ModelCost(AIProvider.DEEPSEEK, "m", exactly, 2, 30, of_before)]


@pytest.mark.parametrize(
    "changes",
    [
        {"event_id": ""},
        {"timestamp": NOON.replace(tzinfo=None)},
        {"prompt_tokens": -1},
        {"latency_ms": 2**32},
        {"tool_calls_count": 2**16},
        {"total_cost_usd": Decimal("1E-19")},
        {"total_cost_usd": Decimal("1E20")},
        {"input_cost_usd": Decimal("-0.1")},
        {"cached_tokens": -1},
    ],
)
def test_a_log_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidValue) as caught:
        log(1, **changes)
    assert [caught.value.field] == list(changes)
