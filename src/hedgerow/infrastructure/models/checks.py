"""Whether the models that are set up can be asked: nothing of it costs anything."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from hedgerow.domain.ai_usage import AIProvider, ModelChoice, TokenUsage
from hedgerow.infrastructure.models.book import not_set_up
from hedgerow.infrastructure.models.faults import STUMBLES, Fault, unreadable
from hedgerow.infrastructure.models.prices import BundledPrices
from hedgerow.infrastructure.models.provider import KEY_SETTINGS, Provider
from hedgerow.usecases.checks import Finding, failed, ok, warning

SUBJECT: Final = "models"
_NO_MODELS: Final = Fault("answers, but tells of no models", is_passing=False)


async def look_at_models(
    providers: Mapping[AIProvider, Provider], chosen: Sequence[ModelChoice], at: datetime
) -> Sequence[Finding]:
    """How each provider answers, and what is missing for the models that are chosen."""
    answers = await asyncio.gather(*(_look_at(provider) for provider in providers.values()))
    refusals = [not_set_up(choice) for choice in chosen if choice.provider not in providers]
    missing = [failed(SUBJECT, f"{each.where}: {each.what}", each.fix) for each in refusals]
    return [*answers, *missing, *_unpriced(chosen, at)]


async def _look_at(provider: Provider) -> Finding:
    try:
        ids = await provider.model_ids()
    except provider.errors as error:
        fault = provider.fault(error)
    except STUMBLES as error:
        fault = unreadable(error)
    else:
        if ids:
            return ok(SUBJECT, f"{provider.name} answers, and tells of {len(ids)} models")
        fault = _NO_MODELS
    return failed(SUBJECT, f"{provider.name} {fault.problem}", _fix(provider.name, fault))


def _fix(name: AIProvider, fault: Fault) -> str:
    if name is AIProvider.COMPATIBLE:
        return (
            "start the server, or correct HEDGEROW_COMPATIBLE_URL and HEDGEROW_COMPATIBLE_API_KEY"
        )
    if fault.is_passing:
        return "see that this machine reaches it, or try again later; fallbacks answer meanwhile"
    return f"set {KEY_SETTINGS[name]} to a key that may be used, or unset it"


def _unpriced(chosen: Sequence[ModelChoice], at: datetime) -> Sequence[Finding]:
    prices, one = BundledPrices(), TokenUsage(1, 1)
    unpriced = [choice for choice in chosen if prices.price(choice, one, at) is None]
    return [_told(choice) for choice in unpriced]


def _told(choice: ModelChoice) -> Finding:
    if choice.provider is AIProvider.COMPATIBLE:
        return ok(SUBJECT, f"{choice} is on no price list: its calls count as 0 USD")
    found = f"{choice} has no known price: its calls count as 0 USD"
    return warning(SUBJECT, found, "check its name, or update Hedgerow's prices (genai-prices)")
