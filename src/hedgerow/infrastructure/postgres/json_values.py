"""JSON as PostgreSQL takes it, where models and the outside world have had a hand in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

_REPLACEMENT: Final = "\ufffd"


def storable(value: object) -> Any:
    """The JSON value without what JSONB refuses.

    The character NUL and halves of surrogate pairs become U+FFFD, NaN and infinities null: a
    conversation must not be lost for a character that a model has made up.
    """
    match value:
        case str():
            return _text(value)
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {_text(str(key)): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return value


def _text(value: str) -> str:
    if value.isascii() and "\0" not in value:
        return value
    whole = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", _REPLACEMENT)
