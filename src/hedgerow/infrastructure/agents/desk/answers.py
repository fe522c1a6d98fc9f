"""What each agent may answer: one schema a role, validated, with a safe way to say nothing.

An agent names things (a side, a level, a share of the stake); it writes no price and no amount.
"""

from __future__ import annotations

from abc import abstractmethod
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from hedgerow.domain.proposals import SetupType


def _on_one_line(value: object) -> object:
    """Words without what cannot be stored or would not be seen: they go into the fund's record."""
    if not isinstance(value, str):
        return value
    return " ".join("".join(c if c.isprintable() else " " for c in value).split())


Words = Annotated[str, BeforeValidator(_on_one_line)]
Text = Annotated[Words, Field(min_length=1, max_length=1200)]
Point = Annotated[Words, Field(min_length=1, max_length=300)]
Points = Annotated[list[Point], Field(max_length=6)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class Answer(BaseModel):
    """Anything an agent says. What the schema does not know is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    @abstractmethod
    def abstain(cls, reason: str) -> Self:
        """The answer of an agent that could not give one: it changes nothing."""


class View(StrEnum):
    """Where an analyst sees the market going."""

    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"


class Finding(Answer):
    """What an analyst found. `confidence` is that of being right about the view."""

    view: View
    confidence: Share
    summary: Text
    evidence: Points

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """No view."""
        return cls(view=View.NEUTRAL, confidence=0.0, summary=reason, evidence=[])


class Argument(Answer):
    """A researcher's case for its side, and what it answers to the other."""

    claim: Text
    points: Points
    rebuttal: Annotated[Words, Field(max_length=600)]
    strength: Share

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """No case."""
        return cls(claim=reason, points=[], rebuttal="", strength=0.0)


class Direction(StrEnum):
    """What the research comes down to."""

    LONG = "long"
    SHORT = "short"
    NONE = "none"


class Conclusion(Answer):
    """What the research comes down to: a direction with its conviction, or none."""

    direction: Direction
    setup_type: SetupType
    conviction: Share
    thesis: Text
    risks: Points

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """No direction."""
        return cls(
            direction=Direction.NONE,
            setup_type=SetupType.TREND_FOLLOW,
            conviction=0.0,
            thesis=reason,
            risks=[],
        )


class Stake(StrEnum):
    """How much of what the strategy stakes on a trade."""

    NONE = "none"
    QUARTER = "quarter"
    HALF = "half"
    FULL = "full"


class Allocation(Answer):
    """Whether the fund takes part, and with how much of its stake."""

    stake: Stake
    reasoning: Text

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """It does not."""
        return cls(stake=Stake.NONE, reasoning=reason)


class Ticket(Answer):
    """How the trade is made: levels by the names that `trade_levels` gave them."""

    order_type: Literal["market", "limit", "none"]
    entry_level: Words
    stop_level: Words
    target_level: Words
    trails: bool
    reasoning: Text

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """It is not made."""
        return cls(
            order_type="none",
            entry_level="",
            stop_level="",
            target_level="",
            trails=False,
            reasoning=reason,
        )


class RiskView(Answer):
    """What the risk manager makes of a ticket. `stake` is the most it agrees to."""

    verdict: Literal["approve", "shrink", "veto"]
    stake: Stake
    objections: Points
    reasoning: Text

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """Nobody has looked at the risk: nothing is risked."""
        return cls(verdict="veto", stake=Stake.NONE, objections=[], reasoning=reason)


class PositionView(Answer):
    """What becomes of an open position: a stop level by the name `stop_levels` gave it."""

    action: Literal["hold", "tighten", "exit"]
    thesis_holds: bool
    stop_level: Words
    reasoning: Text

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """Its stop and target go on taking care of it."""
        return cls(action="hold", thesis_holds=True, stop_level="", reasoning=reason)


class PostMortem(Answer):
    """The five questions about a closed trade, answered, and what to do better."""

    entry_timing: Text
    exit_timing: Text
    regime_change: Text
    indicators: Text
    lessons: Text
    improvement_tips: Text

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """Not answered."""
        return cls(
            entry_timing=reason,
            exit_timing=reason,
            regime_change=reason,
            indicators=reason,
            lessons=reason,
            improvement_tips=reason,
        )


class LessonKind(StrEnum):
    """What is kept of a trade."""

    LESSON = "lesson"
    PATTERN = "pattern"


class KeptLesson(BaseModel):
    """One thing worth remembering, without amounts and nothing private."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: LessonKind
    content: Annotated[Words, Field(min_length=10, max_length=500)]
    importance: Share
    tags: Annotated[list[Annotated[str, Field(pattern=r"^[a-z0-9_]{2,32}$")]], Field(max_length=8)]


class KeptLessons(Answer):
    """What the curator keeps of a trade."""

    lessons: Annotated[list[KeptLesson], Field(max_length=3)]
    reasoning: Text

    @classmethod
    def abstain(cls, reason: str) -> Self:
        """Nothing."""
        return cls(lessons=[], reasoning=reason)
