"""The house's terms from parameters given as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from hedgerow.domain.errors import InputRefused, InvalidValue, value_in_words
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.agents.house_analyst import HouseTerms

_SETTABLE: Final[Mapping[str, tuple[Callable[[str], Any], str]]] = {
    "confidence_min": (float, "a number"),
    "stop_atrs": (float, "a number"),
    "reward_to_risk": (float, "a number"),
    "trend_timeframe": (Timeframe, "a timeframe"),
}


def house_terms(
    params: Mapping[str, object], leverage: int, timeframe: Timeframe | None
) -> HouseTerms:
    """The terms for candles of `timeframe`, where there are any.

    Raises InputRefused for a parameter that the house has not, or a value that cannot be.
    """
    given: dict[str, Any] = {}
    for name, value in params.items():
        if name not in _SETTABLE:
            raise _refuse(f"there is no parameter {name}", f"it takes {', '.join(_SETTABLE)}")
        read, kind = _SETTABLE[name]
        try:
            given[name] = read(str(value))
        except ValueError as error:
            raise _refuse(f"{name}={value} is not {kind}", f"give {kind}") from error
    try:
        terms = HouseTerms(**given, leverage=leverage)
    except InvalidValue as error:
        raise _refuse(value_in_words(error), "give another value") from error
    trend = terms.trend_timeframe
    if trend and timeframe and trend.duration <= timeframe.duration:
        what = f"trend_timeframe={trend} is not longer than the candles, which are of {timeframe}"
        raise _refuse(what, "give a longer one")
    return terms


def _refuse(what: str, fix: str) -> InputRefused:
    return InputRefused(what=what, where="the house analyst", fix=fix)
