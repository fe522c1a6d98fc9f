"""Which parameters are tried: `fast=5:50:5` in steps, `stop=0.5:3` anywhere between, `kind=a,b`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.sweep.ports import Value

SETS_MAX: Final = 1_000_000
_FLAG: Final = "--param"
_DIGITS_MAX: Final = 15
_LARGEST: Final = Decimal(10) ** _DIGITS_MAX
_FIX: Final = "write fast=5:50:5 (steps), stop=0.5:3 (anywhere between) or kind=ema,sma (a list)"


@dataclass(frozen=True, slots=True)
class Choices:
    """A parameter that takes one of these values, numbers in rising order."""

    name: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A parameter that takes any number from `low` to `high`."""

    name: str
    low: float
    high: float


Dimension = Choices | Span
Space = tuple[Dimension, ...]


def parse_space(texts: Sequence[str]) -> Space:
    """The space of all `--param` texts; raises InputRefused for a bad one, naming the part."""
    if not texts:
        raise InputRefused("no parameter to vary is named", _FLAG, _FIX)
    space = tuple(map(_dimension, texts))
    names = [dimension.name for dimension in space]
    for name in names:
        if names.count(name) > 1:
            raise InputRefused(f"{name} is given twice", _FLAG, "give each parameter once")
    return space


def size_of(space: Space) -> int | None:
    """How many sets of parameters there are; None where a parameter may be anything between."""
    counts = [len(each.values) for each in space if isinstance(each, Choices)]
    return math.prod(counts) if len(counts) == len(space) else None


def _dimension(text: str) -> Dimension:
    name, equals, given = text.partition("=")
    if not (equals and name.isidentifier() and given):
        raise _refuse(text, "is not a parameter with its values", _FIX)
    if ":" in given:
        return _range(text, name, given.split(":"))
    return Choices(name, _list(text, given.split(",")))


def _range(text: str, name: str, parts: Sequence[str]) -> Dimension:
    if len(parts) > 3:
        raise _refuse(
            text, f"has {len(parts)} parts between colons", "give low:high or low:high:step"
        )
    numbers = [_number(text, part) for part in parts]
    low, high = numbers[:2]
    if low > high:
        raise _refuse(text, f"runs from {low} down to {high}", "give the lower one first")
    is_whole = all(number == number.to_integral_value() for number in numbers)
    if len(numbers) == 2 and not is_whole:
        return Span(name, float(low), float(high))
    step = numbers[2] if len(numbers) == 3 else Decimal(1)
    if step <= 0:
        raise _refuse(text, f"has steps of {step}", "give a step above 0")
    count = int((high - low) / step) + 1
    if count > SETS_MAX:
        raise _refuse(text, f"has {count:,} values", f"make the step longer: {SETS_MAX:,} at most")
    kind = int if is_whole else float
    return Choices(name, tuple(kind(low + step * index) for index in range(count)))


def _list(text: str, parts: Sequence[str]) -> tuple[Value, ...]:
    words = [part.strip() for part in parts]
    if not all(words):
        raise _refuse(text, "has an empty value between its commas", "leave the comma out")
    values = _as_listed(text, words)
    if len(set(values)) < len(values):
        raise _refuse(text, "lists a value twice", "list each value once")
    return values


def _as_listed(text: str, words: Sequence[str]) -> tuple[Value, ...]:
    """Words as they are, or numbers in rising order."""
    read = [_as_number(text, word) for word in words]
    numbers = [number for number in read if number is not None]
    if not numbers:
        return tuple(words)
    if len(numbers) < len(words):
        odd = words[read.index(None)]
        raise _refuse(text, f"{odd!r} is no number, unlike others", "give numbers alone, or words")
    is_whole = all(number == number.to_integral_value() for number in numbers)
    return tuple((int if is_whole else float)(number) for number in sorted(numbers))


def _number(text: str, part: str) -> Decimal:
    number = _as_number(text, part)
    if number is None:
        raise _refuse(text, f"{part!r} is not a number", _FIX)
    return number


def _as_number(text: str, part: str) -> Decimal | None:
    try:
        number = Decimal(part)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    # what is larger or finer cannot be counted up to, nor told apart as a float64
    if number and not 1 / _LARGEST <= abs(number) <= _LARGEST:
        fix = f"give numbers of at most {_DIGITS_MAX} digits before and after the point"
        raise _refuse(text, f"{part} is too large, or too close to zero", fix)
    return number


def _refuse(text: str, what: str, fix: str) -> InputRefused:
    return InputRefused(what, f"{_FLAG} {text}", fix)
