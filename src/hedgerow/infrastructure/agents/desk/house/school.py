"""How the house reviews a closed trade: by the answers that follow from the journal's numbers."""

from __future__ import annotations

from hedgerow.infrastructure.agents.desk.answers import (
    KeptLesson,
    KeptLessons,
    LessonKind,
    PostMortem,
)
from hedgerow.infrastructure.agents.desk.house.heard import Heard


def review(heard: Heard) -> PostMortem:
    """The five questions, as the numbers answer them."""
    told = heard.known("read_trade")
    if told is None:
        return PostMortem.abstain("The trade could not be read.")
    return PostMortem.model_validate(told["answers_by_rule"])


def curate(heard: Heard) -> KeptLessons:
    """The lesson that follows from the numbers."""
    told = heard.known("read_trade")
    if told is None:
        return KeptLessons.abstain("The trade could not be read.")
    lesson = told["lesson_by_rule"]
    return KeptLessons(
        lessons=[
            KeptLesson(
                kind=LessonKind.LESSON,
                content=lesson["content"],
                importance=lesson["importance"],
                tags=lesson["tags"],
            )
        ],
        reasoning="Every closed trade leaves its lesson.",
    )
