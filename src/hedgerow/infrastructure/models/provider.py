"""What the models of one provider have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from google.adk.models.base_llm import BaseLlm

from hedgerow.domain.ai_usage import AIProvider
from hedgerow.infrastructure.models.faults import Fault

KEY_SETTINGS: Final[Mapping[AIProvider, str]] = {
    AIProvider.ANTHROPIC: "HEDGEROW_ANTHROPIC_API_KEY",
    AIProvider.OPENAI: "HEDGEROW_OPENAI_API_KEY",
    AIProvider.GOOGLE: "HEDGEROW_GOOGLE_API_KEY",
    AIProvider.DEEPSEEK: "HEDGEROW_DEEPSEEK_API_KEY",
    AIProvider.COMPATIBLE: "HEDGEROW_COMPATIBLE_API_KEY",
}


class Provider(Protocol):
    """Somebody who runs models. Each call is one request: who repeats it is decided elsewhere."""

    @property
    def name(self) -> AIProvider:
        """Who it is."""
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What its models and `model_ids` raise where the provider fails."""
        ...

    def llm(self, model_id: str) -> BaseLlm:
        """One of its models."""
        ...

    def fault(self, error: Exception) -> Fault:
        """What one of `errors` means."""
        ...

    async def model_ids(self) -> Sequence[str]:
        """The models that it tells of first: a request that costs nothing."""
        ...

    async def aclose(self) -> None:
        """End its connections."""
        ...
