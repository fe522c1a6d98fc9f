"""The port UsageStore on ClickHouse: `ai_usage_logs` and its roll-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

import pyarrow as pa

from hedgerow.domain.ai_usage import AgentCost, AIUsageLog, UserDayCost
from hedgerow.infrastructure.clickhouse.amounts import times
from hedgerow.infrastructure.clickhouse.client import ClickHouse, moment

_TYPES: Final = {
    "prompt_tokens": pa.uint32(),
    "completion_tokens": pa.uint32(),
    "total_tokens": pa.uint32(),
    "input_cost_usd": pa.float64(),
    "output_cost_usd": pa.float64(),
    "total_cost_usd": pa.float64(),
    "tool_calls_count": pa.uint16(),
    "is_cached": pa.bool_(),
    "cache_hit": pa.bool_(),
    "latency_ms": pa.uint32(),
    "reasoning_step": pa.uint16(),
}
_STORED_ALREADY: Final = """
SELECT DISTINCT event_id
FROM ai_usage_logs
WHERE event_id IN {event_ids:Array(String)}
    AND timestamp >= toDateTime({start:DateTime64(6, 'UTC')}, 'UTC')
    AND timestamp <= {end:DateTime64(6, 'UTC')}
"""
_BY_USER_DAY: Final = """
SELECT
    user_id,
    date,
    sum(rolled.cost) AS cost,
    sum(rolled.requests) AS requests,
    sum(rolled.total_tokens) AS total_tokens
FROM ai_cost_by_user_day AS rolled
GROUP BY user_id, date
ORDER BY date DESC, cost DESC, user_id
"""
_BY_AGENT: Final = """
SELECT
    agent_name,
    sum(rolled.cost) AS cost,
    sum(rolled.requests) AS requests,
    sum(rolled.total_tokens) AS total_tokens
FROM ai_cost_by_agent AS rolled
GROUP BY agent_name
ORDER BY cost DESC, agent_name
"""


class ClickHouseUsageStore:
    """Logs in `ai_usage_logs`; what they cost is summed up as they are stored.

    The sums count every row that is inserted, so a log is looked for before: the same batch given
    again after a failure stores what is missing. Two processes that store the same log at the same
    moment would still count it twice; one process writes the logs of a user.
    """

    def __init__(self, clickhouse: ClickHouse) -> None:
        self._clickhouse = clickhouse

    async def save(self, logs: Sequence[AIUsageLog]) -> None:
        """Store logs; one whose event id is stored already, at its time, counts once."""
        by_id = {log.event_id: log for log in logs}
        if not by_id:
            return
        moments = [log.timestamp for log in by_id.values()]
        stored = await self._clickhouse.query(
            _STORED_ALREADY,
            event_ids=list(by_id),
            start=moment(min(moments)),
            end=moment(max(moments)),
        )
        for event_id in stored.column("event_id").to_pylist():
            del by_id[event_id]
        if by_id:
            await self._clickhouse.insert("ai_usage_logs", _rows(list(by_id.values())))

    async def cost_by_user_day(self) -> list[UserDayCost]:
        """Cost of each user and day, the latest day first, the most expensive user first in it."""
        rows = await self._clickhouse.query(_BY_USER_DAY)
        return [UserDayCost(**row) for row in rows.to_pylist()]

    async def cost_by_agent(self) -> list[AgentCost]:
        """Cost of each agent, the most expensive first."""
        rows = await self._clickhouse.query(_BY_AGENT)
        return [AgentCost(**row) for row in rows.to_pylist()]


def _rows(logs: Sequence[AIUsageLog]) -> pa.Table:
    names = [field.name for field in fields(AIUsageLog) if field.name != "timestamp"]
    columns = {
        name: pa.array([getattr(log, name) for log in logs], _TYPES.get(name, pa.string()))
        for name in names
    }
    return pa.table({"timestamp": times((log.timestamp for log in logs), "s"), **columns})
