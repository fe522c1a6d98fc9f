"""Text that must never be shown: it has one way out, and that way is named `reveal`."""

from __future__ import annotations

import hmac
from typing import NoReturn, Self, final

from hedgerow.domain.errors import InvalidValue

_HIDDEN = "Secret(***)"


@final
class Secret:
    """A secret text. It hides in repr, str and format, and refuses pickle and JSON.

    Raises InvalidValue, without the text, where it is empty or no proper Unicode. It has no
    `__dict__`, so `vars()` finds nothing, and copies are the object itself.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        # an encoding error would carry the text, and would come up far from here
        if not text or any("\ud800" <= character <= "\udfff" for character in text):
            raise InvalidValue("secret", _HIDDEN, "text that is not empty and can be encoded")
        self._text = text

    def reveal(self) -> str:
        """The text itself, for whoever seals it or signs with it; never keep or print it."""
        return self._text

    def __repr__(self) -> str:
        return _HIDDEN

    def __format__(self, specification: str) -> str:
        return _HIDDEN

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a key of a dict is shown with the dict

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never pickled")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret has no state to hand out")
