"""What models are asked, and what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from hedgerow.domain.errors import InvalidValue

_UINT16_MAX: Final = 2**16 - 1
_UINT32_MAX: Final = 2**32 - 1


class AIProvider(StrEnum):
    """Who runs the model."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GOOGLE = "google"
    DEEPSEEK = "deepseek"


@dataclass(frozen=True, slots=True)
class AIUsageLog:
    """One call of a model. `event_id` is unique: a call logged twice is one call.

    `timestamp` has a time zone and is kept to the second. Costs are US dollars in float64: they
    are estimates from price lists, not money that moves. `is_cached` says that the prompt was
    offered to the provider's cache, `cache_hit` that some of it was found there; `reasoning_step`
    counts the calls of one chain from 0. Raises InvalidValue for what cannot be: a count that is
    negative or too large, a cost that is negative or no number, a time without zone, no event id.
    """

    timestamp: datetime
    event_id: str
    user_id: str
    session_id: str
    agent_name: str
    provider: AIProvider
    model_id: str
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    input_cost_usd: float
    output_cost_usd: float
    total_cost_usd: float
    tool_calls_count: int
    is_cached: bool
    cache_hit: bool
    latency_ms: int
    reasoning_step: int
    workflow_name: str

    def __post_init__(self) -> None:
        if not self.event_id:
            raise InvalidValue(field="event_id", value=self.event_id, allowed="a text")
        if self.timestamp.tzinfo is None:
            allowed = "a time with its zone"
            raise InvalidValue(field="timestamp", value=self.timestamp, allowed=allowed)
        for name in ("prompt_tokens", "completion_tokens", "total_tokens", "latency_ms"):
            self._require_count(name, _UINT32_MAX)
        for name in ("tool_calls_count", "reasoning_step"):
            self._require_count(name, _UINT16_MAX)
        for name in ("input_cost_usd", "output_cost_usd", "total_cost_usd"):
            cost: float = getattr(self, name)
            if not (math.isfinite(cost) and cost >= 0.0):
                raise InvalidValue(field=name, value=cost, allowed="a number, at least 0")

    def _require_count(self, name: str, greatest: int) -> None:
        count: int = getattr(self, name)
        if not 0 <= count <= greatest:
            raise InvalidValue(field=name, value=count, allowed=f"0 to {greatest}")


@dataclass(frozen=True, slots=True)
class UserDayCost:
    """What a user's calls of one day (UTC) cost, in US dollars."""

    user_id: str
    date: date
    cost: float
    requests: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class AgentCost:
    """What an agent's calls have cost over all users, in US dollars."""

    agent_name: str
    cost: float
    requests: int
    total_tokens: int
