"""Spaces of parameters, and what grid and chance propose of them."""

from __future__ import annotations

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.sweep.searches import grid_search, random_search
from hedgerow.usecases.sweep.spaces import Choices, Span, parse_space, size_of


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("fast=5:20:5", Choices("fast", (5, 10, 15, 20))),
        ("fast=5:21:5", Choices("fast", (5, 10, 15, 20))),
        ("fast=3:5", Choices("fast", (3, 4, 5))),
        ("fast=-1:1", Choices("fast", (-1, 0, 1))),
        ("stop=0.1:0.3:0.1", Choices("stop", (0.1, 0.2, 0.3))),
        ("stop=1:2:0.5", Choices("stop", (1.0, 1.5, 2.0))),
        ("stop=0.5:3", Span("stop", 0.5, 3.0)),
        ("slow=100,20,50", Choices("slow", (20, 50, 100))),
        ("stop=1,0.5", Choices("stop", (0.5, 1.0))),
        ("kind=sma, ema", Choices("kind", ("sma", "ema"))),
        ("slow=50", Choices("slow", (50,))),
    ],
)
def test_is_read_as_meant(text: str, meant: Choices | Span) -> None:
    (dimension,) = parse_space([text])
    assert dimension == meant
    if isinstance(dimension, Choices) and isinstance(meant, Choices):
        assert list(map(type, dimension.values)) == list(map(type, meant.values))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("fast", "is not a parameter"),
        ("=5", "is not a parameter"),
        ("fast=", "is not a parameter"),
        ("a b=5", "is not a parameter"),
        ("fast=5:x", "'x' is not a number"),
        ("fast=5:nan", "'nan' is not a number"),
        ("fast=5:", "'' is not a number"),
        ("fast=1:2:3:4", "4 parts"),
        ("fast=9:5", "runs from 9 down to 5"),
        ("fast=5:9:0", "steps of 0"),
        ("fast=0:1:0.0000001", "10,000,001 values"),
        ("fast=0:1e9999", "1e9999 is too large"),
        ("stop=0.5:1e9999", "1e9999 is too large"),
        ("fast=0:1:1e-9999", "1e-9999 is too large, or too close to zero"),
        ("slow=5,1e9999", "1e9999 is too large"),
        ("slow=5,,6", "empty value"),
        ("slow=5,5.0", "lists a value twice"),
        ("slow=5,1O", "'1O' is no number"),
    ],
)
def test_is_refused_by_its_part(text: str, what: str) -> None:
    with pytest.raises(InputRefused) as refused:
        parse_space(["other=1", text])
    assert refused.value.where == f"--param {text}"
    assert what in refused.value.what


def test_needs_parameters_and_each_once() -> None:
    with pytest.raises(InputRefused, match="no parameter"):
        parse_space([])
    with pytest.raises(InputRefused, match="fast is given twice"):
        parse_space(["fast=1", "fast=2"])


class TestGrid:
    def test_lists_every_set_once(self) -> None:
        space = parse_space(["fast=1:2", "kind=a,b"])
        search = grid_search(space)
        assert search.trials == size_of(space) == 4
        assert search.ask() == [
            (("fast", 1), ("kind", "a")),
            (("fast", 1), ("kind", "b")),
            (("fast", 2), ("kind", "a")),
            (("fast", 2), ("kind", "b")),
        ]
        assert search.ask() == []

    def test_refuses_what_has_no_end(self) -> None:
        with pytest.raises(InputRefused, match="stop may be any number"):
            grid_search(parse_space(["fast=1:2", "stop=0.5:1"]))

    def test_refuses_what_is_too_much(self) -> None:
        with pytest.raises(InputRefused, match="1,002,001 sets"):
            grid_search(parse_space(["a=0:1000", "b=0:1000"]))


class TestChance:
    def test_is_the_seed_s(self) -> None:
        space = parse_space(["fast=1:1000", "slow=1:1000", "kind=a,b"])
        once, again, other = (random_search(space, 50, seed).ask() for seed in (1, 1, 2))
        assert once == again != other
        assert len(set(once)) == 50

    def test_tries_all_where_there_are_no_more(self) -> None:
        space = parse_space(["fast=1:3", "kind=a,b"])
        search = random_search(space, 50, 7)
        assert search.trials == 6
        assert sorted(search.ask()) == sorted(grid_search(space).ask())

    def test_draws_from_more_than_can_be_numbered(self) -> None:
        space = parse_space([f"p{number}=1:100000" for number in range(4)])
        once, again = (random_search(space, 50, 7).ask() for _ in range(2))
        assert once == again
        assert len(set(once)) == 50

    def test_draws_between(self) -> None:
        space = parse_space(["stop=0.5:3.25", "fast=1,2"])
        drawn = random_search(space, 200, 7).ask()
        stops = [dict(each)["stop"] for each in drawn]
        assert all(isinstance(stop, float) and 0.5 <= stop <= 3.25 for stop in stops)
        assert len(set(stops)) > 190
