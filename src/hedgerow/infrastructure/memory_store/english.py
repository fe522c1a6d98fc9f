"""The words of a text, and how well they match, as PostgreSQL's full-text search has both.

So a backtest, which has no database, recalls what a paper run with the same memories would. Plain
prose, numbers, hyphenated words and pairs such as BTC/USDT are taken apart in the same way;
addresses of mail and web, and versions such as 1.2.3, are not (tests/contracts/test_english.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final

import numpy as np
from snowballstemmer.english_stemmer import EnglishStemmer

_TOKEN: Final = re.compile(
    r"(?P<path>[^\W_]+(?:/[^\W_]+)+)"
    r"|(?P<number>[+-]?\d+(?:\.\d+)?(?![^\W_]))"
    r"|(?P<compound>[^\W\d_][^\W_]*(?:-[^\W\d_][^\W_]*)+)"
    r"|(?P<word>[^\W_]+)"
)
# english.stop of PostgreSQL: words that say nothing of what a text is about.
_STOPPED: Final = """
i me my myself we our ours ourselves you your yours yourself yourselves he him his himself
she her hers herself it its itself they them their theirs themselves what which who whom
this that these those am is are was were be been being have has had having do does did
doing a an the and but if or because as until while of at by for with about against between
into through during before after above below to from up down in out on off over under again
further then once here there when where why how all any both each few more most other some
such no nor not only own same so than too very s t can will just don should now
"""
_STOP_WORDS: Final = frozenset(_STOPPED.split())
_WEIGHT: Final = np.float32(0.1)
_SQUARES_SUM: Final = 1.64493406685
_STEMMER: Final = EnglishStemmer()


def lexemes(text: str) -> Counter[str]:
    """How often each word stands in a text: lower case, stems, without stop words."""
    return Counter(_lexemes(text))


def text_rank(words: Mapping[str, int], asked: Iterable[str]) -> float:
    """`ts_rank` of a text by any of the words `asked`: 0 where it has none of them.

    A word's n-th place counts 1 / n squared; the sum is averaged over the words that were asked
    for. In single precision and in PostgreSQL's order, so that the same texts are equals.
    """
    ordered = sorted(asked, key=str.encode)
    rank = np.float32(0)
    for word in ordered:
        if word in words:
            rank = np.float32(float(rank) + _weight_of(words[word]) / _SQUARES_SUM)
    return float(rank / np.float32(len(ordered))) if ordered else 0.0


@lru_cache
def _weight_of(places: int) -> float:
    total = np.float32(0)
    for place in range(1, places + 1):
        total += _WEIGHT / np.float32(place * place)
    # ts_rank adds and takes off the heaviest place, which may cost the last digit.
    return float(_WEIGHT + total - _WEIGHT)


def _lexemes(text: str) -> Iterator[str]:
    for token in _TOKEN.finditer(text.lower()):
        found = token.group()
        match token.lastgroup:
            case "path" | "number":
                yield found
            case "compound":
                yield from _stems((found, *found.split("-")))
            case _:
                yield from _stems((found,))


def _stems(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if word not in _STOP_WORDS:
            yield word if any(map(str.isdigit, word)) else _stem(word)


@lru_cache(maxsize=10_000)
def _stem(word: str) -> str:
    stem: str = _STEMMER.stemWord(word)
    return stem
