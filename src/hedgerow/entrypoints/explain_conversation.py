"""A conversation of the desk, on a terminal: who read what, and what each came to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rich.text import Text
from rich.tree import Tree

from hedgerow.domain.sessions import ContentType, SessionEvent
from hedgerow.entrypoints.report_words import plain

# What an answer comes to in a sentence, whichever of these it has.
_SENTENCES: Final = ("summary", "claim", "thesis", "reasoning", "lessons")
# What it comes to in a word, and how sure the agent is.
_WORDS: Final = ("view", "direction", "verdict", "stake", "action", "order_type")
_DEGREES: Final = ("confidence", "conviction", "strength")


@dataclass(slots=True)
class Turn:
    """One agent's turn: the tools it asked, and its answer as far as it can be told in a line."""

    author: str
    tools: list[str] = field(default_factory=list)
    headline: str = ""
    sentence: str = ""
    points: list[str] = field(default_factory=list)


def add_conversation(
    branch: Tree, research: Sequence[SessionEvent], conversation: Sequence[SessionEvent]
) -> None:
    """Add what was said to a tree: the shared research, then the fund's own meeting."""
    for title, events in (("research", research), ("the fund", conversation)):
        turns = turns_of(events)
        if not turns:
            continue
        room = branch.add(Text(f"{title}, {len(turns)} agents"))
        for turn in turns:
            tools = f" (read {', '.join(turn.tools)})" if turn.tools else ""
            leaf = room.add(Text(plain(f"{turn.author}: {turn.headline}{tools}")))
            leaf.add(Text(plain(turn.sentence), style="dim"))
            for point in turn.points:
                leaf.add(Text(plain(f"but {point}"), style="dim"))
    if not research and not conversation:
        branch.add(Text("it did not meet", style="dim"))


def turns_of(events: Sequence[SessionEvent]) -> list[Turn]:
    """The turns of a conversation, in the order in which the agents came to an answer."""
    turns: list[Turn] = []
    asked: dict[str, list[str]] = {}
    for event in events:
        content = event.content
        if content.type is ContentType.TOOL_CALL:
            asked.setdefault(event.author, []).extend(_tools(event))
        elif content.type is ContentType.TEXT and content.text is not None:
            answer = _answer(content.text)
            if answer is not None:
                turn = _turn(event.author, asked.pop(event.author, []), answer)
                if "abstained" in _detail(event, "custom_metadata"):
                    turn.headline = "abstained"
                turns.append(turn)
    return turns


def _tools(event: SessionEvent) -> list[str]:
    """All tools that are called at once; the specified content has room for the first."""
    parts = _detail(event, "content").get("parts") or ()
    calls = [part["function_call"]["name"] for part in parts if "function_call" in part]
    return calls or [event.content.tool or ""]


def _detail(event: SessionEvent, name: str) -> Mapping[str, Any]:
    detail = (event.details or {}).get(name)
    return detail if isinstance(detail, Mapping) else {}


def _answer(text: str) -> Mapping[str, Any] | None:
    """An agent's answer; None for what is said to agents, and by the workflow itself."""
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) and _first(answer, _SENTENCES) else None


def told_in(answer: Mapping[str, Any]) -> tuple[str, str]:
    """What an answer comes to: in a word, with how sure the agent is, and in a sentence."""
    word, degree = _first(answer, _WORDS), _first(answer, _DEGREES)
    headline = " ".join(
        [*([] if word is None else [str(word)]), *([] if degree is None else [f"{degree:.2f}"])]
    )
    return headline, str(_first(answer, _SENTENCES))


def _turn(author: str, tools: list[str], answer: Mapping[str, Any]) -> Turn:
    headline, sentence = told_in(answer)
    return Turn(
        author=author,
        tools=tools,
        headline=headline,
        sentence=sentence,
        points=[str(point) for key in ("objections", "risks") for point in answer.get(key, [])],
    )


def _first(answer: Mapping[str, Any], keys: Sequence[str]) -> Any | None:
    return next((answer[key] for key in keys if answer.get(key) is not None), None)
