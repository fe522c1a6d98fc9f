"""Plain text of what may be markup, and may be meant to deceive."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from html import unescape
from typing import Final

_SPACES: Final = re.compile(r"\s+")
# Each begins where none can begin before it ends, so that any text is read in one go: the parser
# of the standard library takes minutes over some.
_TAG: Final = re.compile(r"(<[A-Za-z/!?][^<>]*>)")
_NAME: Final = re.compile(r"<(/?)([A-Za-z]*)")
_COMMENT: Final = ("<!--", "-->")
_UNSEEN: Final = frozenset({"script", "style", "template", "noscript"})
# These do not part words, which all others do.
_WITHIN_WORDS: Final = frozenset(
    {"a", "abbr", "b", "code", "em", "font", "i", "mark", "s", "small", "span", "strong", "sub"}
    | {"sup", "u"}
)
# Markup may be escaped, and the escapes escaped once more.
_ROUNDS_MAX: Final = 3
# Far more than is kept.
_LENGTH_READ_MAX: Final = 20_000
_CUT: Final = "…"


def plain_text(text: str, length_max: int) -> str:
    """Words with one space between them: no markup, no control or unseen characters, cut short."""
    read = text[:_LENGTH_READ_MAX]
    for _ in range(_ROUNDS_MAX):
        before, read = read, _without_markup(read)
        if read == before:
            break
    seen = _SPACES.sub(" ", "".join(map(_seen, read))).strip()
    return seen if len(seen) <= length_max else seen[: length_max - 1].rstrip() + _CUT


def _without_markup(text: str) -> str:
    return unescape("".join(_words(_without_comments(text))))


def _without_comments(text: str) -> str:
    begin, end = _COMMENT
    head, *comments = text.split(begin)
    return " ".join([head, *(each.partition(end)[2] for each in comments)])


def _words(text: str) -> Iterator[str]:
    """What stands between tags, but for what a reader would not see."""
    unseen = ""
    for part in _TAG.split(text):
        tag = _NAME.match(part) if _TAG.fullmatch(part) else None
        if tag is None:
            if not unseen:
                yield part
            continue
        closes, name = bool(tag[1]), tag[2].lower()
        if name not in _WITHIN_WORDS:
            yield " "
        if unseen and closes and name == unseen:
            unseen = ""
        elif not unseen and not closes and name in _UNSEEN:
            unseen = name


def _seen(character: str) -> str:
    """Itself; a space for what parts words, nothing for what nobody sees."""
    if character.isspace():
        return " "
    return "" if unicodedata.category(character).startswith("C") else character
