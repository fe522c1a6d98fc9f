"""The port UsageStore on ClickHouse: `ai_usage_logs` and its roll-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

from hedgerow.domain.ai_usage import (
    ALL_CALLS,
    AgentCost,
    AIProvider,
    AIUsageLog,
    CostScope,
    ModelCost,
    SessionCost,
    TokenUsage,
    UserDayCost,
)
from hedgerow.infrastructure.clickhouse.amounts import amounts, times
from hedgerow.infrastructure.clickhouse.client import ClickHouse, moment

_TYPES: Final = {
    "prompt_tokens": pa.uint32(),
    "completion_tokens": pa.uint32(),
    "total_tokens": pa.uint32(),
    "cached_tokens": pa.uint32(),
    "cache_write_tokens": pa.uint32(),
    "thinking_tokens": pa.uint32(),
    "tool_calls_count": pa.uint16(),
    "is_cached": pa.bool_(),
    "cache_hit": pa.bool_(),
    "latency_ms": pa.uint32(),
    "reasoning_step": pa.uint16(),
}
_COSTS: Final = ("input_cost_usd", "output_cost_usd", "total_cost_usd")
_STORED_ALREADY: Final = """
SELECT DISTINCT event_id
FROM ai_usage_logs
WHERE event_id IN {event_ids:Array(String)}
    AND timestamp >= toDateTime({start:DateTime64(6, 'UTC')}, 'UTC')
    AND timestamp <= {end:DateTime64(6, 'UTC')}
"""
# Sums of before there were users and days in them stand under no user, on the first day.
_SUMS: Final = """
SELECT
    {keys},
    toString(sum(rolled.cost)) AS cost,
    sum(rolled.requests) AS requests,
    sum(rolled.total_tokens) AS total_tokens,
    sum(rolled.prompt_tokens) AS prompt_tokens,
    sum(rolled.completion_tokens) AS completion_tokens,
    sum(rolled.cached_tokens) AS cached_tokens,
    sum(rolled.cache_write_tokens) AS cache_write_tokens,
    sum(rolled.thinking_tokens) AS thinking_tokens
FROM {table} AS rolled
WHERE ({{user_id:String}} = '' OR user_id = {{user_id:String}}) AND date >= {{since:Date32}}
GROUP BY {keys}
ORDER BY {first}sum(rolled.cost) DESC, {keys}
"""
_BY_USER_DAY: Final = _SUMS.format(
    keys="user_id, date", table="ai_cost_by_user_day", first="date DESC, "
)
_BY_AGENT: Final = _SUMS.format(keys="agent_name", table="ai_cost_by_agent", first="")
_BY_MODEL: Final = _SUMS.format(keys="provider, model_id", table="ai_cost_by_model", first="")
# Of the calls themselves: their sums do not tell conversations apart.
_BY_SESSION: Final = """
SELECT session_id, toString(sum(total_cost_usd)) AS cost, count() AS requests
FROM ai_usage_logs
WHERE session_id IN {session_ids:Array(String)}
GROUP BY session_id
ORDER BY session_id
"""
# How many ids are asked for at once: far below what a query may hold.
_SESSIONS_MAX: Final = 1_000
_TOKENS: Final = tuple(field.name for field in fields(TokenUsage))
_FIRST_DAY: Final = "1970-01-01"


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

    async def cost_by_user_day(self, scope: CostScope = ALL_CALLS) -> list[UserDayCost]:
        """Cost of each user and day, the latest day first, the most expensive user first in it."""
        return [
            UserDayCost(row["user_id"], row["date"], *_sums(row))
            for row in await self._read(_BY_USER_DAY, scope)
        ]

    async def cost_by_agent(self, scope: CostScope = ALL_CALLS) -> list[AgentCost]:
        """Cost of each agent, the most expensive first."""
        rows = await self._read(_BY_AGENT, scope)
        return [AgentCost(row["agent_name"], *_sums(row)) for row in rows]

    async def cost_by_model(self, scope: CostScope = ALL_CALLS) -> list[ModelCost]:
        """Cost of each model, the most expensive first."""
        return [
            ModelCost(AIProvider(row["provider"]), row["model_id"], *_sums(row))
            for row in await self._read(_BY_MODEL, scope)
        ]

    async def cost_by_session(self, session_ids: Sequence[str]) -> list[SessionCost]:
        """Cost of each of these conversations, by id; without a call that is kept, none."""
        wanted = sorted(set(session_ids))
        found: list[SessionCost] = []
        for first in range(0, len(wanted), _SESSIONS_MAX):
            some = wanted[first : first + _SESSIONS_MAX]
            rows = await self._clickhouse.query(_BY_SESSION, session_ids=some)
            found += [
                SessionCost(row["session_id"], Decimal(row["cost"]), row["requests"])
                for row in rows.to_pylist()
            ]
        return found

    async def _read(self, statement: str, scope: CostScope) -> list[dict[str, Any]]:
        rows = await self._clickhouse.query(
            statement,
            user_id=scope.user_id or "",
            since=scope.since.isoformat() if scope.since else _FIRST_DAY,
        )
        lines: list[dict[str, Any]] = rows.to_pylist()
        return lines


def _sums(row: Mapping[str, Any]) -> tuple[Decimal, int, int, TokenUsage]:
    tokens = TokenUsage(**{name: row[name] for name in _TOKENS})
    return Decimal(row["cost"]), row["requests"], row["total_tokens"], tokens


def _rows(logs: Sequence[AIUsageLog]) -> pa.Table:
    names = [field.name for field in fields(AIUsageLog) if field.name not in ("timestamp", *_COSTS)]
    columns = {
        name: pa.array([getattr(log, name) for log in logs], _TYPES.get(name, pa.string()))
        for name in names
    }
    costs = {name: amounts(getattr(log, name) for log in logs) for name in _COSTS}
    return pa.table({"timestamp": times((log.timestamp for log in logs), "s"), **columns, **costs})
