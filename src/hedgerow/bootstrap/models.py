"""The models that the settings name, and who runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from hedgerow.domain.ai_usage import (
    AIProvider,
    ModelChoice,
    model_chain,
    model_choice,
    models_by_agent,
)
from hedgerow.settings import Settings, secret_of
from hedgerow.usecases.checks import Finding, ok

if TYPE_CHECKING:  # google-adk takes seconds
    from pydantic import SecretStr

    from hedgerow.infrastructure.models.book import ModelBook
    from hedgerow.infrastructure.models.provider import Provider

_CHECK_TIMEOUT_S: Final = 9.0


def default_model(settings: Settings) -> ModelChoice:
    """The model that a desk asks first."""
    return model_choice(settings.ai_provider, settings.ai_model)


def stand_ins(settings: Settings) -> tuple[ModelChoice, ...]:
    """The models to ask where another gives no answer: the default one, then the fallbacks.

    The house is none of them: its rules do not speak for a model without being asked to.
    """
    return _asked((default_model(settings), *model_chain(settings.model_fallbacks or "")))


def desk_models(settings: Settings) -> tuple[ModelChoice, ...]:
    """Every model that an agent of the desk may ask, the default one first; each once."""
    named = (
        default_model(settings),
        *stand_ins(settings),
        *models_by_agent(settings.agent_models or "").values(),
        *model_chain(settings.cheaper_model or ""),
    )
    return tuple(dict.fromkeys(named))


def _asked(models: Sequence[ModelChoice]) -> tuple[ModelChoice, ...]:
    return tuple(each for each in models if each.provider is not AIProvider.HOUSE)


def asking_only(settings: Settings, model: ModelChoice) -> Settings:
    """The same settings, with one model for all agents and none that stands in for it."""
    return settings.model_copy(
        update={
            "ai_provider": model.provider,
            "ai_model": model.model_id,
            "agent_models": None,
            "model_fallbacks": None,
            "cheaper_model": None,
        }
    )


def has_models(settings: Settings) -> bool:
    """Whether any provider is set up."""
    keys = (
        *(settings.anthropic_api_key, settings.openai_api_key, settings.google_api_key),
        settings.deepseek_api_key,
    )
    return settings.compatible_url is not None or any(key is not None for key in keys)


def model_book(settings: Settings) -> ModelBook:
    """The models of every provider that has a key or an address."""
    from hedgerow.infrastructure.models.book import ModelBook
    from hedgerow.infrastructure.models.patience import Patience

    timeout_s = settings.model_timeout_s
    return ModelBook(_providers(settings, timeout_s), Patience(timeout_s=timeout_s))


async def look_at_models(settings: Settings) -> Sequence[Finding]:
    """Whether they can be asked."""
    chosen = _asked(desk_models(settings))
    providers = _providers(settings, _CHECK_TIMEOUT_S)
    if not providers and not chosen:
        return [ok("models", "the house decides by its rules: no key is needed")]
    from hedgerow.infrastructure.models import checks

    try:
        return await checks.look_at_models(providers, chosen, datetime.now(UTC))
    finally:
        for provider in providers.values():
            await provider.aclose()


def _providers(settings: Settings, timeout_s: float) -> Mapping[AIProvider, Provider]:
    """Each provider that is set up; its package is imported only then."""
    found: dict[AIProvider, Provider] = {}
    if (key := secret_of(settings.anthropic_api_key)) is not None:
        from hedgerow.infrastructure.models.anthropic_models import AnthropicProvider

        found[AIProvider.ANTHROPIC] = AnthropicProvider(key, timeout_s)
    if (key := secret_of(settings.google_api_key)) is not None:
        from hedgerow.infrastructure.models.google_models import GoogleProvider

        found[AIProvider.GOOGLE] = GoogleProvider(key, timeout_s)
    found.update(_chat_providers(settings, timeout_s))
    return found


def _chat_providers(settings: Settings, timeout_s: float) -> Mapping[AIProvider, Provider]:
    """Those that speak OpenAI's chat completions; a server of one's own may want no key."""
    keys = {
        AIProvider.OPENAI: settings.openai_api_key,
        AIProvider.DEEPSEEK: settings.deepseek_api_key,
    }
    set_up: dict[AIProvider, tuple[SecretStr | None, str | None]] = {
        name: (key, None) for name, key in keys.items() if key is not None
    }
    if settings.compatible_url is not None:
        set_up[AIProvider.COMPATIBLE] = settings.compatible_api_key, settings.compatible_url
    if not set_up:
        return {}
    from hedgerow.infrastructure.models.openai_chat import OpenAIProvider

    return {
        name: OpenAIProvider(name, secret_of(key), timeout_s, url)
        for name, (key, url) in set_up.items()
    }
