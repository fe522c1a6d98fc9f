"""Single cells of text: exact numbers and unambiguous times, or the reason why not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
# whole numbers outside of 2000 to 2100 are seconds or microseconds, read as milliseconds
EPOCH_MS_MIN, EPOCH_MS_MAX = 946_684_800_000, 4_102_444_800_000
# within these the sum of a day of volumes is exact in the 50 digits of domain.money
INTEGER_DIGITS_MAX, DECIMALS_MAX = 20, 18
SHORT = 18
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_NOT_A_NUMBER = {"nan", "inf", "infinity", "null", "none"}


class CellRefused(ValueError):
    """A cell that cannot be used: `what` is wrong with it and how to `fix` it."""

    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def number_in(column: str, text: str) -> Decimal:
    """The exact number that `text` writes; raises CellRefused."""
    if _NUMBER.fullmatch(text) is None:
        raise _no_number(column, text)
    number = Decimal(text)
    if len(text) > SHORT or "e" in text or "E" in text:
        exponent = number.as_tuple().exponent
        assert isinstance(exponent, int), "a finite number"
        if number.adjusted() >= INTEGER_DIGITS_MAX or exponent < -DECIMALS_MAX:
            raise CellRefused(
                f"{column} {text} is beyond {INTEGER_DIGITS_MAX} digits before "
                f"or {DECIMALS_MAX} after the point",
                "round it to what the exchange quotes",
            )
    return number


def microseconds_in(column: str, text: str) -> int:
    """Microseconds since 1970 of a time with its zone, or of whole milliseconds since 1970.

    A time without zone is refused: an export in local time would shift every candle unnoticed.
    """
    if text.isascii() and text.isdigit():
        return _from_epoch(column, text)
    if not text:
        raise CellRefused(f"{column} is empty", "fill in the time, or delete the line")
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise CellRefused(
            f"{column} {text!r} is not a time",
            "write it like 2024-01-31T16:00:00Z, or as milliseconds since 1970",
        ) from None
    if time.tzinfo is None:
        raise CellRefused(
            f"{column} {text!r} has no time zone",
            "write UTC times with a Z at the end, like 2024-01-31T16:00:00Z",
        )
    return (time - EPOCH) // MICROSECOND


def _from_epoch(column: str, text: str) -> int:
    milliseconds = int(text) if len(text) <= SHORT else EPOCH_MS_MAX
    if not EPOCH_MS_MIN <= milliseconds < EPOCH_MS_MAX:
        raise CellRefused(
            f"{column} {text} is not in milliseconds since 1970",
            "write milliseconds (13 digits), or a time like 2024-01-31T16:00:00Z",
        )
    return milliseconds * 1000


def _no_number(column: str, text: str) -> CellRefused:
    if not text.strip():
        return CellRefused(f"{column} is empty", "fill in the number, or delete the line")
    if text.strip().lower().lstrip("+-") in _NOT_A_NUMBER:
        return CellRefused(f"{column} is {text.strip()}", "fill in the number, or delete the line")
    return CellRefused(
        f"{column} {text!r} is not a number",
        "write digits with a point and nothing else, like 41947.16",
    )
