"""The house's terms from parameters given as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from hedgerow.domain.errors import InputRefused, InvalidValue
from hedgerow.infrastructure.agents.house_analyst import HouseTerms

_SETTABLE = tuple(each.name for each in fields(HouseTerms) if each.name != "leverage")


def house_terms(params: Mapping[str, object], leverage: int) -> HouseTerms:
    """The terms; raises InputRefused for a parameter that the house has not, or a value."""
    given: dict[str, float] = {}
    for name, value in params.items():
        if name not in _SETTABLE:
            raise _refuse(f"there is no parameter {name}", f"it takes {', '.join(_SETTABLE)}")
        try:
            given[name] = float(str(value))
        except ValueError as error:
            raise _refuse(f"{name}={value} is not a number", "give a number") from error
    try:
        return HouseTerms(**given, leverage=leverage)
    except InvalidValue as error:
        raise _refuse(str(error), "give another value") from error


def _refuse(what: str, fix: str) -> InputRefused:
    return InputRefused(what=what, where="the house analyst", fix=fix)
