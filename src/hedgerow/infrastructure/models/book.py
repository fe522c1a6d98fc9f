"""All models that can be asked, by who runs them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Self

from google.adk.models.base_llm import BaseLlm

from hedgerow.domain.ai_usage import AIProvider, ModelChoice
from hedgerow.domain.errors import InputRefused, InvalidValue
from hedgerow.infrastructure.models.chain import ChainLlm, Link
from hedgerow.infrastructure.models.circuit import Circuit
from hedgerow.infrastructure.models.patience import Pace, Patience
from hedgerow.infrastructure.models.provider import KEY_SETTINGS, Provider


class ModelBook:
    """Models of the providers that are set up, inside an `async with` block, which ends them.

    All chains share one circuit per provider: where one has found that a provider fails, the
    others do not ask it either.
    """

    def __init__(
        self,
        providers: Mapping[AIProvider, Provider],
        patience: Patience | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._providers = providers
        self._patience = patience or Patience()
        self._pace = pace or Pace()
        self._circuits = {
            name: Circuit(self._patience.failures_max, self._patience.rest_s) for name in providers
        }
        self._llms: dict[ModelChoice, BaseLlm] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        async with AsyncExitStack() as stack:
            for provider in self._providers.values():
                stack.push_async_callback(provider.aclose)

    def llm(self, chain: Sequence[ModelChoice]) -> BaseLlm:
        """The first of `chain` that answers, as one model for google-adk.

        Raises InputRefused for a provider that is not set up, and InvalidValue for the house, which
        is no model to ask, and for an empty chain. Calls raise ModelUnavailable.
        """
        if not chain:
            raise InvalidValue(field="chain", value=(), allowed="at least one model")
        return ChainLlm([self._link(choice) for choice in chain])

    def _link(self, choice: ModelChoice) -> Link:
        if choice.provider is AIProvider.HOUSE:
            raise InvalidValue(field="chain", value=choice, allowed="models that can be asked")
        provider = self._providers.get(choice.provider)
        if provider is None:
            raise not_set_up(choice)
        llm = self._llms.setdefault(choice, provider.llm(choice.model_id))
        circuit = self._circuits[choice.provider]
        return Link(choice, provider, llm, circuit, self._patience, self._pace)


def not_set_up(choice: ModelChoice) -> InputRefused:
    """What to say of a model whose provider cannot be asked."""
    if choice.provider is AIProvider.COMPATIBLE:
        where, fix = "HEDGEROW_COMPATIBLE_URL", "set it to the server's URL, such as http://HOST/v1"
    else:
        where = KEY_SETTINGS[choice.provider]
        fix = "set it to a key of that provider, or choose another model"
    return InputRefused(f"{choice} cannot be asked without it", where, fix)
