"""Text from outside, fenced as data, and numbers as agents read them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

OPEN: Final = "««"
CLOSE: Final = "»»"
_CHARS_MAX: Final = 400
# The marks themselves, in any number, and whatever else could look like the end of a quotation.
_MARKS: Final = str.maketrans({"«": "<", "»": ">"})
_DIGITS: Final = 6


def quoted(text: str, chars_max: int = _CHARS_MAX) -> str:
    """`text` on one line between the marks of a quotation, which it cannot end by itself."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    plain = plain.translate(_MARKS)
    if len(plain) > chars_max:
        plain = plain[: chars_max - 1].rstrip() + "…"
    return f"{OPEN}{plain}{CLOSE}"


def passed_on(answer: object) -> Any:
    """An agent's answer as the next agents are given it: its words between marks.

    Who was taken in by a text from outside may repeat it, and must not hand it on as one's own.
    """
    match answer:
        case StrEnum() | None | bool() | int() | float():
            return answer
        case str():
            # a word of the schema, such as a view or a level, is no sentence
            return quoted(answer) if " " in answer else answer
        case Mapping():
            return {key: passed_on(value) for key, value in answer.items()}
        case _:
            assert isinstance(answer, Sequence), "answers are JSON"
            return [passed_on(each) for each in answer]


def plain(words: str) -> str:
    """Words without the marks around them, for who reads them as data anyway."""
    return words.removeprefix(OPEN).removesuffix(CLOSE)


def read(value: float | Decimal) -> float:
    """A number for agents to read: six digits are enough to judge by, and cost less to send."""
    number = float(value)
    return number if not math.isfinite(number) else float(f"{number:.{_DIGITS}g}")
