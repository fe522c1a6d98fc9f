"""Searches that know all their parameters beforehand: the whole grid, or some of it by chance."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from itertools import product
from random import Random

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.sweep.ports import Parameters
from hedgerow.usecases.sweep.spaces import SETS_MAX, Choices, Space, Span, size_of


class ListedSearch:
    """Proposes a list in one round, whatever comes of it."""

    def __init__(self, sets: Sequence[Parameters]) -> None:
        self.trials = len(sets)
        self._rounds = iter([sets])

    def ask(self) -> Sequence[Parameters]:
        """The list; none after that."""
        return next(self._rounds, [])

    def tell(self, scores: Sequence[float | None]) -> None:
        """Nothing that is told changes the list."""


def grid_search(space: Space) -> ListedSearch:
    """Every set of parameters, the last one varying fastest; raises InputRefused without an end."""
    size = size_of(space)
    if size is None:
        spans = [each.name for each in space if isinstance(each, Span)]
        what = f"{spans[0]} may be any number between two, which no grid can list"
        fix = f"give it a step, as {spans[0]}=0.5:3:0.5, or use --search random"
        raise InputRefused(what, "--param", fix)
    if size > SETS_MAX:
        what = f"the grid has {size:,} sets of parameters, more than {SETS_MAX:,}"
        raise InputRefused(what, "--param", "make steps longer, or use --search random")
    values = (dimension.values for dimension in space if isinstance(dimension, Choices))
    names = [dimension.name for dimension in space]
    return ListedSearch([tuple(zip(names, each, strict=True)) for each in product(*values)])


def random_search(space: Space, trials: int, seed: int) -> ListedSearch:
    """`trials` sets by chance, none twice; all of them where there are no more."""
    draw = Random(seed)
    size = size_of(space)
    # among more sets than can be numbered, none comes twice by chance
    if size is None or size > sys.maxsize:
        return ListedSearch([_drawn(space, draw) for _ in range(trials)])
    numbers = draw.sample(range(size), min(trials, size))
    return ListedSearch([_set_number(space, number) for number in numbers])


def _drawn(space: Space, draw: Random) -> Parameters:
    return tuple(
        (each.name, draw.choice(each.values))
        if isinstance(each, Choices)
        else (each.name, short(each, draw.uniform(each.low, each.high)))
        for each in space
    )


def short(span: Span, number: float) -> float:
    """A number of `span` in six digits: what a person can write down and try again."""
    return min(max(float(f"{number:.6g}"), span.low), span.high)


def _set_number(space: Space, number: int) -> Parameters:
    """The set with this number in the order of the grid."""
    return tuple(reversed(list(_digits(space, number))))


def _digits(space: Space, number: int) -> Iterator[tuple[str, int | float | str]]:
    for dimension in reversed(space):
        assert isinstance(dimension, Choices), "only a listed space is numbered"
        number, digit = divmod(number, len(dimension.values))
        yield dimension.name, dimension.values[digit]
