"""Ranking memories: rankings merged by rank, and weighed by what each memory is worth."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import reproducible
from hedgerow.domain.memory_ranking import (
    IMPORTANCE_MIN,
    RECENCY_HALF_LIFE,
    RECENCY_MIN,
    Found,
    fuse,
    rank,
    recency,
    standing,
)
from memory_world import AT, DAY, memory

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))

weights = st.floats(0.0, 1.0)
ages = st.timedeltas(timedelta(0), timedelta(days=20_000))


def found(
    number: int, similarity: float | None = 0.5, wording: float | None = 0.0, **of: object
) -> Found:
    return Found(memory(number, **of), similarity, wording)


@st.composite
def finds(draw: st.DrawFn) -> list[Found]:
    numbers = draw(st.lists(st.integers(1, 10**9), unique=True, max_size=9))
    return [
        found(
            number,
            draw(st.none() | st.floats(-1.0, 1.0)),
            draw(st.none() | st.floats(0.0, 1.0)),
            importance=draw(weights),
            created_at=AT - draw(ages),
        )
        for number in numbers
    ]


class TestFusion:
    def test_first_in_both_is_one(self) -> None:
        assert fuse([{ONE: 1, TWO: 2}, {ONE: 1}])[ONE] == pytest.approx(1.0)

    def test_is_the_sum_of_reciprocal_ranks_over_the_most_there_is(self) -> None:
        fused = fuse([{ONE: 1, TWO: 2, THREE: 3}, {THREE: 1}])
        assert fused[TWO] == pytest.approx((1 / 62) / (2 / 61))
        assert fused[THREE] == pytest.approx((1 / 63 + 1 / 61) / (2 / 61))

    def test_fair_in_both_beats_best_in_one(self) -> None:
        fused = fuse([{ONE: 1, TWO: 2}, {THREE: 1, TWO: 2}])
        assert fused[TWO] > fused[ONE] == fused[THREE]

    @reproducible
    @given(st.lists(st.dictionaries(st.uuids(), st.integers(1, 99), max_size=9), max_size=2))
    def test_lies_above_0_and_at_most_at_1(self, rankings: list[dict[UUID, int]]) -> None:
        assert all(0.0 < value <= 1.0 for value in fuse(rankings).values())


class TestRecency:
    def test_what_is_new_counts_in_full(self) -> None:
        assert recency(timedelta(0)) == 1.0

    def test_half_of_what_age_takes_is_gone_after_the_half_life(self) -> None:
        assert recency(RECENCY_HALF_LIFE) == pytest.approx((1.0 + RECENCY_MIN) / 2)

    @reproducible
    @given(ages, ages)
    def test_the_older_never_counts_more_and_never_nothing(
        self, one: timedelta, other: timedelta
    ) -> None:
        older, newer = recency(max(one, other)), recency(min(one, other))
        assert RECENCY_MIN <= older <= newer <= 1.0


class TestStanding:
    def test_is_the_product_of_its_factors(self) -> None:
        proven = memory(importance=0.5, validation_score=0.5, validation_trades=2)
        of = standing(proven, 0.8, AT)
        assert (of.fused, of.recency) == (0.8, 1.0)
        assert of.importance == pytest.approx(IMPORTANCE_MIN + (1 - IMPORTANCE_MIN) * 0.5)
        assert of.validation == pytest.approx(0.75)
        assert of.score == pytest.approx(0.8 * 1.0 * 0.75 * 0.75)


class TestRank:
    def test_what_no_search_found_is_not_ranked(self) -> None:
        assert rank([found(1, None, 0.0), found(2, None, None)], AT, 9) == []

    def test_what_was_not_compared_has_no_similarity(self) -> None:
        (only,) = rank([found(1, None, 0.3)], AT, 9)
        assert only.similarity == 0.0

    def test_of_equals_the_lower_id_comes_first(self) -> None:
        ranked = rank([found(number, None, 0.5) for number in (3, 1, 2)], AT, 9)
        assert [each.memory.id for each in ranked] == [ONE, TWO, THREE]

    def test_equals_share_a_place(self) -> None:
        first, second = rank([found(1, 0.7, 0.2), found(2, 0.7, 0.1)], AT, 9)
        assert first.standing.fused == pytest.approx(1.0)
        assert second.standing.fused == pytest.approx((1 / 61 + 1 / 62) / (2 / 61))

    def test_a_proven_memory_beats_a_slightly_nearer_one(self) -> None:
        proven = found(2, 0.8, validation_score=0.8, validation_trades=8)
        ranked = rank([found(1, 0.81), proven], AT, 9)
        assert ranked[0].memory.id == TWO

    def test_a_newer_memory_beats_an_equally_near_one(self) -> None:
        ranked = rank([found(1, created_at=AT - 90 * DAY), found(2)], AT, 9)
        assert ranked[0].memory.id == TWO

    @reproducible
    @given(finds(), st.integers(1, 40))
    def test_order_of_finding_makes_no_difference(self, made: list[Found], limit: int) -> None:
        ranked = rank(made, AT, limit)
        assert rank(made[::-1], AT, limit) == ranked
        assert len(ranked) <= limit
        scores = [each.score for each in ranked]
        assert scores == sorted(scores, reverse=True)
        assert all(0.0 < score <= 1.0 for score in scores)

    @reproducible
    @given(finds())
    def test_a_memory_found_twice_is_ranked_once(self, made: list[Found]) -> None:
        assert rank(made * 2, AT, 99) == rank(made, AT, 99)
