"""What people type for options, read or refused."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeVar, overload

from hedgerow.domain.ai_usage import ModelChoice, model_choice
from hedgerow.domain.errors import (
    HedgerowError,
    InputRefused,
    InvalidValue,
    NotExact,
    value_in_words,
)
from hedgerow.domain.market import Exchange, Timeframe, split_symbol
from hedgerow.domain.money import QUOTE_QUANTUM, decimal_of

Word = TypeVar("Word", bound=StrEnum)

# Far above any fund, far below where the sums of a run would lose a digit.
_CAPITAL_BOUND: Final = Decimal(10) ** 15
# Far around any candle, far from where adding to a time leaves the years that Python counts.
_YEARS: Final = range(1970, 2201)


def exchange_of(text: str) -> Exchange:
    """The exchange of this name; raises InputRefused."""
    known = [str(exchange) for exchange in Exchange]
    if text not in known:
        raise InputRefused(
            what=f"{text!r} is not an exchange that Hedgerow knows",
            where="--exchange",
            fix=f"use one of {', '.join(known)}",
        )
    return Exchange(text)


@overload
def symbols_of(text: str) -> list[str]: ...
@overload
def symbols_of(text: str | None) -> list[str] | None: ...
def symbols_of(text: str | None) -> list[str] | None:
    """Symbols between commas, each once; raises InputRefused."""
    if text is None:
        return None
    names = [name.strip().upper() for name in text.split(",") if name.strip()]
    try:
        for name in names:
            split_symbol(name)
    except HedgerowError as error:
        raise InputRefused(
            what=f"{text!r} is not a list of symbols",
            where="--symbols",
            fix="write them as BTC/USDT,ETH/USDT",
        ) from error
    if not names:
        raise InputRefused("no symbol is named", "--symbols", "write them as BTC/USDT,ETH/USDT")
    return list(dict.fromkeys(names))


def symbol_of(option: str, text: str | None) -> str | None:
    """One symbol; raises InputRefused."""
    if text is None:
        return None
    name = text.strip().upper()
    try:
        split_symbol(name)
    except HedgerowError as error:
        raise InputRefused(f"{text!r} is not a symbol", option, "write it as BTC/USDT") from error
    return name


@overload
def timeframe_of(text: str) -> Timeframe: ...
@overload
def timeframe_of(text: str | None) -> Timeframe | None: ...
def timeframe_of(text: str | None) -> Timeframe | None:
    """The timeframe of this name; raises InputRefused."""
    if text is None:
        return None
    known = [str(timeframe) for timeframe in Timeframe]
    if text not in known:
        raise InputRefused(
            what=f"{text!r} is not a timeframe",
            where="--timeframe",
            fix=f"use one of {', '.join(known)}",
        )
    return Timeframe(text)


def time_of(option: str, text: str | None) -> datetime | None:
    """A time, in UTC unless it names a zone; raises InputRefused, also for one far from today."""
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        fix = "write it as 2024-03-01T12:00, in UTC unless it names a zone"
        raise InputRefused(f"{text!r} is not a time", option, fix) from error
    if time.year not in _YEARS:
        what = f"{text!r} is not within {_YEARS[0]} to {_YEARS[-1]}"
        raise InputRefused(what, option, "name a year within these")
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def day_of(option: str, text: str | None) -> date | None:
    """A day of UTC; raises InputRefused, also for one far from today."""
    if text is None:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise InputRefused(f"{text!r} is not a day", option, "write it as 2024-03-01") from error
    if day.year not in _YEARS:
        what = f"{text!r} is not within {_YEARS[0]} to {_YEARS[-1]}"
        raise InputRefused(what, option, "name a year within these")
    return day


def capital_of(text: str) -> Decimal:
    """An amount of money; raises InputRefused."""
    try:
        capital = decimal_of("capital", text)
    except NotExact:
        capital = Decimal(0)
    if not 0 < capital < _CAPITAL_BOUND or capital % QUOTE_QUANTUM:
        raise InputRefused(
            what=f"{text!r} is not an amount of money",
            where="--capital",
            fix="give a number above 0, of at most 15 digits and 8 decimals, such as 10000",
        )
    return capital


def word_of(option: str, kind: type[Word], text: str) -> Word:
    """One of a few words; raises InputRefused."""
    known = [str(word) for word in kind]
    if text not in known:
        raise InputRefused(f"{text!r} is none of them", option, f"use {' or '.join(known)}")
    return kind(text)


def model_of(option: str, text: str) -> ModelChoice:
    """A model as PROVIDER/MODEL; raises InputRefused."""
    provider, _, model = text.strip().partition("/")
    try:
        return model_choice(provider, model)
    except InvalidValue as error:
        fix = "write it as anthropic/claude-sonnet-4-5, or house"
        raise InputRefused(value_in_words(error), option, fix) from error
