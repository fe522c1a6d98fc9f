"""Text from outside, fenced as data, and numbers as agents read them."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

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


def read(value: float | Decimal) -> float:
    """A number for agents to read: six digits are enough to judge by, and cost less to send."""
    number = float(value)
    return number if not math.isfinite(number) else float(f"{number:.{_DIGITS}g}")
