"""Where a figure stands among those of chance."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.domain.chance import odds_of, spread_of

FIGURES = st.decimals(-1000, 1000, places=2)
DRAWS = st.lists(FIGURES, min_size=1, max_size=50)


def test_by_hand() -> None:
    draws = [Decimal(each) for each in (1, 2, 2, 3)]
    odds = odds_of(Decimal(2), draws)
    assert odds is not None
    assert (odds.draws, odds.percentile, odds.luck) == (4, Decimal(50), Decimal("0.8"))


@pytest.mark.parametrize(("draws", "is_convincing"), [(18, False), (19, True)])
def test_few_draws_convince_nobody(draws: int, *, is_convincing: bool) -> None:
    odds = odds_of(Decimal(1), [Decimal(0)] * draws)
    assert odds is not None
    assert odds.is_convincing is is_convincing


def test_without_anything_there_is_nothing_to_say() -> None:
    assert odds_of(Decimal(1), []) is None
    assert spread_of([]) is None


@given(FIGURES, DRAWS)
def test_more_is_never_worse(figure: Decimal, draws: list[Decimal]) -> None:
    odds, better = odds_of(figure, draws), odds_of(figure + 1, draws)
    assert odds is not None
    assert better is not None
    assert 0 <= odds.percentile <= better.percentile <= 100
    assert 0 < better.luck <= odds.luck <= 1


@given(DRAWS)
def test_chance_stands_in_the_middle_of_itself(draws: list[Decimal]) -> None:
    percentiles = [odds.percentile for each in draws if (odds := odds_of(each, draws))]
    assert float(sum(percentiles) / len(draws)) == pytest.approx(50)


@given(DRAWS)
def test_a_spread_reaches_from_least_to_most(figures: list[Decimal]) -> None:
    spread = spread_of(figures)
    assert spread is not None
    assert (spread.least, spread.most) == (min(figures), max(figures))
    below = sum(each <= spread.median for each in figures)
    above = sum(each >= spread.median for each in figures)
    assert min(below, above) * 2 >= len(figures)
