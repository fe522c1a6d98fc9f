"""What models are asked, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.money import CONTEXT, ZERO, require_exact

_UINT16_MAX: Final = 2**16 - 1
_UINT32_MAX: Final = 2**32 - 1
# What is kept of a cost, which has to be the whole of it.
_COST_QUANTUM: Final = Decimal("1E-18")
_COST_BOUND: Final = Decimal("1E20")


class AIProvider(StrEnum):
    """Who runs the model."""

    ANTHROPIC = "anthropic"
    OPENAI = "openai"
    GOOGLE = "google"
    DEEPSEEK = "deepseek"
    COMPATIBLE = "compatible"
    """Any server that speaks OpenAI's protocol: vLLM, Ollama, llama.cpp."""
    HOUSE = "house"
    """The rules of the house, which run here and cost nothing."""


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """A model, and who runs it."""

    provider: AIProvider
    model_id: str

    def __str__(self) -> str:
        return f"{self.provider}/{self.model_id}"


HOUSE: Final = ModelChoice(AIProvider.HOUSE, "house")
_PROVIDERS: Final = {
    **{provider.value: provider for provider in AIProvider},
    "claude": AIProvider.ANTHROPIC,
}


def ai_provider(text: str) -> AIProvider:
    """The provider that goes by a name; `claude` means Anthropic. Raises InvalidValue."""
    provider = _PROVIDERS.get(text.strip().lower())
    if provider is None:
        raise InvalidValue(field="provider", value=text, allowed=", ".join(_PROVIDERS))
    return provider


def model_choice(provider_text: str, model_text: str | None) -> ModelChoice:
    """The model that a person, a setting or a row names; the house needs none.

    Raises InvalidValue for a provider that nobody knows, and for one without a model.
    """
    provider = ai_provider(provider_text)
    if provider is AIProvider.HOUSE:
        return HOUSE
    model_id = (model_text or "").strip()
    if not model_id or not model_id.isprintable() or " " in model_id:
        allowed = f"the name of a model of {provider}"
        raise InvalidValue(field="model", value=model_text, allowed=allowed)
    return ModelChoice(provider, model_id)


def model_chain(text: str) -> tuple[ModelChoice, ...]:
    """The models of `provider/model,provider/model`, in their order; raises InvalidValue."""
    named = [each.strip().partition("/") for each in text.split(",") if each.strip()]
    return tuple(model_choice(provider, model) for provider, _, model in named)


def models_by_agent(text: str) -> dict[str, ModelChoice]:
    """The models of `agent=provider/model,agent=provider/model`, by agent; raises InvalidValue."""
    named = [each.strip().partition("=") for each in text.split(",") if each.strip()]
    for agent, _, model in named:
        if not agent.strip() or not model.strip():
            raise InvalidValue(field="agent_models", value=agent, allowed="agent=provider/model")
    chains = {agent.strip(): model_chain(model) for agent, _, model in named}
    return {agent: chain[0] for agent, chain in chains.items()}


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens of one call. Those read from and written to the provider's cache are part of
    `prompt_tokens`, those of hidden reasoning part of `completion_tokens`.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    thinking_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """All of them."""
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: TokenUsage) -> TokenUsage:
        return TokenUsage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
            self.thinking_tokens + other.thinking_tokens,
        )


@dataclass(frozen=True, slots=True)
class CallCost:
    """What a call cost in US dollars, exactly; None where the model has no known price."""

    input_usd: Decimal
    output_usd: Decimal

    @property
    def total_usd(self) -> Decimal:
        """Both together."""
        return self.input_usd + self.output_usd


@dataclass(frozen=True, slots=True)
class AIUsageLog:
    """One call of a model. `event_id` is unique: a call logged twice is one call.

    `timestamp` has a time zone and is kept to the second. Costs are exact US dollars, to 1e-18.
    `is_cached` says that the prompt was offered to the provider's cache, `cache_hit` that some of
    it (`cached_tokens`) was found there; `cache_write_tokens` were put there, `thinking_tokens` are
    the hidden part of the completion. `reasoning_step` counts the calls of one chain from 0. Raises
    InvalidValue for what cannot be: a count that is negative or too large, a cost that is negative
    or finer than is kept, a time without zone, no event id.
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
    input_cost_usd: Decimal
    output_cost_usd: Decimal
    total_cost_usd: Decimal
    tool_calls_count: int
    is_cached: bool
    cache_hit: bool
    latency_ms: int
    reasoning_step: int
    workflow_name: str
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    thinking_tokens: int = 0

    def __post_init__(self) -> None:
        if not self.event_id:
            raise InvalidValue(field="event_id", value=self.event_id, allowed="a text")
        if self.timestamp.tzinfo is None:
            allowed = "a time with its zone"
            raise InvalidValue(field="timestamp", value=self.timestamp, allowed=allowed)
        for name in (
            *("prompt_tokens", "completion_tokens", "total_tokens", "latency_ms"),
            *("cached_tokens", "cache_write_tokens", "thinking_tokens"),
        ):
            self._require_count(name, _UINT32_MAX)
        for name in ("tool_calls_count", "reasoning_step"):
            self._require_count(name, _UINT16_MAX)
        require_exact(
            input_cost_usd=self.input_cost_usd,
            output_cost_usd=self.output_cost_usd,
            total_cost_usd=self.total_cost_usd,
        )
        for name in ("input_cost_usd", "output_cost_usd", "total_cost_usd"):
            cost: Decimal = getattr(self, name)
            if not ZERO <= cost < _COST_BOUND or CONTEXT.remainder(cost, _COST_QUANTUM):
                allowed = "at least 0, with at most 18 decimals"
                raise InvalidValue(field=name, value=cost, allowed=allowed)

    def _require_count(self, name: str, greatest: int) -> None:
        count: int = getattr(self, name)
        if not 0 <= count <= greatest:
            raise InvalidValue(field=name, value=count, allowed=f"0 to {greatest}")


@dataclass(frozen=True, slots=True)
class CostScope:
    """Which calls are summed up: of one user, from one day (UTC) on; None leaves both open."""

    user_id: str | None = None
    since: date | None = None


ALL_CALLS: Final = CostScope()


@dataclass(frozen=True, slots=True)
class UserDayCost:
    """What a user's calls have cost on a day, in US dollars.

    Sums outlive the calls. Those of the time before `tokens` were told apart have
    `total_tokens` alone.
    """

    user_id: str
    date: date
    cost: Decimal
    requests: int
    total_tokens: int
    tokens: TokenUsage


@dataclass(frozen=True, slots=True)
class AgentCost:
    """What an agent's calls have cost, in US dollars; tokens as above."""

    agent_name: str
    cost: Decimal
    requests: int
    total_tokens: int
    tokens: TokenUsage


@dataclass(frozen=True, slots=True)
class ModelCost:
    """What a model's calls have cost, in US dollars; tokens as above."""

    provider: AIProvider
    model_id: str
    cost: Decimal
    requests: int
    total_tokens: int
    tokens: TokenUsage


@dataclass(frozen=True, slots=True)
class SessionCost:
    """What the calls of one conversation have cost, in US dollars."""

    session_id: str
    cost: Decimal
    requests: int
