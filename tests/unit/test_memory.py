"""Memories: what they must hold, when they are forgotten, and how they prove themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, Stance

NOW = datetime(2024, 3, 1, tzinfo=UTC)
USER = UUID(int=7)


def memory(**changes: Any) -> Memory:
    values: dict[str, Any] = {
        "id": UUID(int=1),
        "scope": MemoryScope.COLLECTIVE,
        "type": MemoryType.LESSON,
        "content": "breakouts without volume fail",
        "agent_id": "house_reviewer",
        "created_at": NOW,
    }
    return Memory(**(values | changes))


class TestWhatItHolds:
    @pytest.mark.parametrize("field", ["importance", "validation_score"])
    @pytest.mark.parametrize("value", [-0.01, 1.01, float("nan")])
    def test_a_weight_outside_0_to_1_is_refused(self, field: str, value: float) -> None:
        with pytest.raises(InvalidValue) as refusal:
            memory(**{field: value})
        assert refusal.value.field == field

    @pytest.mark.parametrize("field", ["importance", "validation_score"])
    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_the_ends_of_a_weight_are_taken(self, field: str, value: float) -> None:
        assert getattr(memory(**{field: value}), field) == value

    @pytest.mark.parametrize(
        ("scope", "user_id"),
        [
            (MemoryScope.COLLECTIVE, USER),
            (MemoryScope.USER, None),
            (MemoryScope.WORKING, None),
        ],
    )
    def test_collective_memories_alone_belong_to_nobody(
        self, scope: MemoryScope, user_id: UUID | None
    ) -> None:
        with pytest.raises(InvalidValue) as refusal:
            memory(scope=scope, user_id=user_id, expires_at=NOW)
        assert refusal.value.field == "user_id"

    def test_working_memory_must_expire(self) -> None:
        with pytest.raises(InvalidValue) as refusal:
            memory(scope=MemoryScope.WORKING, user_id=USER)
        assert refusal.value.field == "expires_at"
        assert memory(scope=MemoryScope.WORKING, user_id=USER, expires_at=NOW).expires_at == NOW


class TestExpiry:
    def test_a_permanent_memory_never_expires(self) -> None:
        assert not memory().is_expired(datetime.max.replace(tzinfo=UTC))

    def test_it_is_gone_from_the_moment_it_expires(self) -> None:
        fleeting = memory(expires_at=NOW)
        assert not fleeting.is_expired(NOW - timedelta(microseconds=1))
        assert fleeting.is_expired(NOW)


class TestStance:
    def test_it_is_kept_in_the_metadata(self) -> None:
        assert memory(metadata={"stance": "cautions"}).stance is Stance.CAUTIONS
        assert memory(metadata={"stance": Stance.SUPPORTS}).stance is Stance.SUPPORTS
        assert memory().stance is None

    @pytest.mark.parametrize(
        ("metadata", "trade_won", "was_right"),
        [
            ({"stance": "supports"}, True, True),
            ({"stance": "supports"}, False, False),
            ({"stance": "cautions"}, True, False),
            ({"stance": "cautions"}, False, True),
            ({}, True, True),
            ({}, False, False),
        ],
    )
    def test_a_caution_is_borne_out_by_a_loss(
        self, metadata: dict[str, str], trade_won: bool, was_right: bool
    ) -> None:
        assert memory(metadata=metadata).was_right(trade_won) is was_right


class TestValidation:
    def test_it_starts_unproven(self) -> None:
        assert (memory().validation_score, memory().validation_trades) == (0.0, 0)

    def test_one_lucky_trade_makes_no_certainty_of_it(self) -> None:
        lucky = memory()
        lucky.validate(was_right=True)
        assert lucky.validation_score == pytest.approx(1 / 3)

    def test_being_wrong_lowers_it(self) -> None:
        fallen = memory()
        fallen.validate(was_right=True)
        fallen.validate(was_right=False)
        assert fallen.validation_score == pytest.approx(1 / 4)

    @given(st.lists(st.booleans(), max_size=60))
    def test_the_score_is_right_trades_over_all_plus_two(self, outcomes: list[bool]) -> None:
        tried = memory()
        for was_right in outcomes:
            tried.validate(was_right)
        assert tried.validation_trades == len(outcomes)
        assert tried.validation_score == pytest.approx(sum(outcomes) / (len(outcomes) + 2))
        assert 0.0 <= tried.validation_score < 1.0

    @given(st.lists(st.booleans(), max_size=60), st.data())
    def test_it_is_told_as_it_was_before_its_last_trades(
        self, outcomes: list[bool], data: st.DataObject
    ) -> None:
        tried = memory()
        known = data.draw(st.integers(0, len(outcomes)))
        for was_right in outcomes[:known]:
            tried.validate(was_right)
        then = replace(tried)
        later = outcomes[known:]
        for was_right in later:
            tried.validate(was_right)
        now = replace(tried)
        assert tried.before_trades(len(later), sum(later)) == then
        assert tried == now
