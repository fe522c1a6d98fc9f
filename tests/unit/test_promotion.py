"""Promotion: when a lesson becomes everybody's, and that nothing private goes with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders import reproducible
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, Stance
from hedgerow.domain.promotion import (
    AGENT_ID,
    PROMOTION,
    Evidence,
    evidence_of,
    kind_of,
    promotions,
)
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.codec import encode
from memory_world import AT, DAY, HOUR, lesson, memory

CANARY = "canary"
MODERATE = RiskTolerance.MODERATE
WON, LOST = Stance.SUPPORTS, Stance.CAUTIONS


def trades(
    stances: Sequence[Stance],
    users: int = 3,
    risk_tolerance: RiskTolerance = MODERATE,
    **changes: Any,
) -> list[Evidence]:
    """A trade per stance, of the users in turn, an hour apart."""
    made = []
    for number, stance in enumerate(stances):
        user, trade = UUID(int=100 + number % users), UUID(int=1000 + number)
        taught = lesson(user, trade, stance, **({"created_at": AT - DAY + number * HOUR} | changes))
        evidence = evidence_of(taught, risk_tolerance)
        assert evidence is not None
        made.append(evidence)
    return made


def promoted(evidence: Sequence[Evidence], collective: Sequence[Memory] = ()) -> list[Memory]:
    return [each.memory for each in promotions(evidence, collective, AT)]


class TestRule:
    def test_five_trades_of_three_users_are_enough(self) -> None:
        (shared,) = promoted(trades([WON] * 5))
        assert (shared.scope, shared.user_id, shared.agent_id) == (
            MemoryScope.COLLECTIVE,
            None,
            AGENT_ID,
        )
        assert shared.stance is WON
        assert (shared.validation_score, shared.validation_trades) == (0.0, 0)

    @pytest.mark.parametrize(
        "evidence",
        [
            trades([WON] * 4),
            trades([WON] * 50, users=2),
            trades([WON] * 5 + [LOST] * 4),
            trades([WON] * 4 + [LOST] * 4),
            trades([WON] * 5)[:4] + trades([WON] * 5)[:1],
        ],
        ids=["four trades", "two users", "five of nine", "undecided", "a trade told twice"],
    )
    def test_less_is_not(self, evidence: list[Evidence]) -> None:
        assert promoted(evidence) == []

    def test_losses_make_a_caution(self) -> None:
        (shared,) = promoted(trades([LOST] * 6 + [WON] * 2))
        assert shared.stance is LOST
        assert "6 of 8 trades lost (75%), those of 3 users" in shared.content
        assert shared.importance == pytest.approx(0.75)

    def test_kinds_do_not_add_up(self) -> None:
        other = trades([WON] * 4, timeframe=Timeframe.H1)
        assert promoted(trades([WON] * 4) + other) == []

    @reproducible
    @given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), max_size=30))
    def test_what_is_promoted_meets_the_rule(self, drawn: list[tuple[bool, int]]) -> None:
        base = trades([WON])[0]
        evidence = [
            replace(
                base,
                stance=WON if won else LOST,
                user_id=UUID(int=user),
                trade_id=UUID(int=number),
            )
            for number, (won, user) in enumerate(drawn)
        ]
        for shared in promoted(evidence):
            bearing = [each for each in evidence if each.stance is shared.stance]
            assert len(bearing) >= PROMOTION.trades_min
            assert len({each.user_id for each in bearing}) >= PROMOTION.users_min
            assert len(bearing) >= PROMOTION.share_min * len(evidence)


class TestWhereItComesFrom:
    def test_the_first_trade_that_bore_it_out_discovered_it(self) -> None:
        (shared,) = promoted(trades([LOST] + [WON] * 6)[::-1])
        assert (shared.source_user_id, shared.source_trade_id) == (
            UUID(int=101),
            UUID(int=1001),
        )

    def test_it_is_for_the_risk_most_of_its_trades_took(self) -> None:
        aggressive = [
            replace(each, risk_tolerance=RiskTolerance.AGGRESSIVE, trade_id=UUID(int=n))
            for n, each in enumerate(trades([WON] * 6))
        ]
        (shared,) = promoted(trades([WON] * 5) + aggressive)
        assert shared.personality == "aggressive"

    def test_of_equally_many_the_more_cautious(self) -> None:
        bold = [
            replace(each, risk_tolerance=RiskTolerance.AGGRESSIVE, trade_id=UUID(int=n))
            for n, each in enumerate(trades([WON] * 5))
        ]
        (shared,) = promoted(bold + trades([WON] * 5))
        assert shared.personality == "moderate"


class TestAgain:
    def test_the_same_evidence_promotes_once(self) -> None:
        evidence = trades([WON] * 5)
        assert promoted(evidence, promoted(evidence)) == []

    def test_what_still_says_the_same_is_left_alone(self) -> None:
        shared = promoted(trades([WON] * 5))
        later = trades([WON] * 9, created_at=AT + HOUR)
        assert promotions(later, shared, AT + DAY) == []

    def test_the_contrary_takes_its_place_by_new_trades_alone(self) -> None:
        (shared,) = promoted(trades([WON] * 5))
        four = trades([LOST] * 4, created_at=AT + HOUR)
        assert promotions([*trades([WON] * 5), *four], [shared], AT + DAY) == []
        five = trades([LOST] * 5, created_at=AT + HOUR)
        (turned,) = promotions(five, [shared], AT + DAY)
        assert turned.memory.stance is LOST
        assert turned.replaces == (shared.id,)

    def test_what_was_forgotten_needs_new_trades(self) -> None:
        (shared,) = promoted(trades([WON] * 5))
        shared.expires_at = AT + HOUR
        assert promotions(trades([WON] * 5), [shared], AT + DAY) == []
        new = trades([WON] * 5, created_at=AT + HOUR)
        (again,) = promotions(new, [shared], AT + DAY)
        assert again.replaces == ()


words = st.text(st.characters(categories=("L", "N", "P", "S", "Z")), max_size=12)
texts = st.builds(lambda before, after: before + CANARY + after, words, words)
allowed = {
    "stance": [str(stance) for stance in Stance],
    "setup_type": ["breakout"],
    "side": ["long"],
    "regime": ["volatile"],
}


@st.composite
def private_lessons(draw: st.DrawFn) -> list[Memory]:
    """Lessons of which any part may hold a private text."""
    made = []
    for number in range(draw(st.integers(5, 12))):
        taught = lesson(
            UUID(int=number % 4),
            UUID(int=1000 + number),
            WON,
            content=draw(texts),
            agent_id=draw(texts),
            session_id=draw(texts),
            tags=tuple(draw(st.lists(texts, max_size=3))),
            symbol=draw(st.sampled_from(["BTC/USDT"] * 6) | texts),
            personality=draw(texts),
        )
        about: dict[str, object] = {
            name: draw(st.sampled_from(members * 6) | texts) for name, members in allowed.items()
        }
        about[draw(texts)] = draw(texts)
        made.append(replace(taught, metadata=about))
    return made


@settings(reproducible, max_examples=40)
@given(private_lessons())
def test_no_private_text_becomes_collective(lessons: list[Memory]) -> None:
    evidence = [evidence_of(each, MODERATE) for each in lessons]
    for shared in promoted([each for each in evidence if each is not None]):
        assert CANARY not in str(encode(shared)).lower()


class TestVocabulary:
    @pytest.mark.parametrize(
        "changes",
        [
            {"type": MemoryType.TRADE},
            {"symbol": None},
            {"symbol": "my secret"},
            {"symbol": "МОЯ/ТАЙНА"},
            {"symbol": f"{'X' * 40}/USDT"},
            {"timeframe": None},
            {"metadata": {}},
            {"metadata": {"setup_type": "breakout", "side": "long", "regime": "canary"}},
        ],
    )
    def test_a_lesson_outside_of_it_is_of_no_kind(self, changes: dict[str, Any]) -> None:
        taught = lesson(UUID(int=1), UUID(int=2), WON, **changes)
        assert kind_of(taught) is None
        assert evidence_of(taught, MODERATE) is None

    def test_collective_memories_testify_nothing(self) -> None:
        (shared,) = promoted(trades([WON] * 5))
        assert kind_of(shared) is not None
        assert evidence_of(shared, MODERATE) is None
        assert evidence_of(memory(), MODERATE) is None
