"""What the fund remembers, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.memory import Memory, MemoryType, RecalledMemory
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.usecases.codec import encode
from hedgerow.usecases.forget_memories import forget_memories
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.promote_lessons import promote_lessons
from hedgerow.usecases.recall_memories import recall_memories
from hedgerow.usecases.show_memory import MemoryStory, memory_story, owner_of_memories

_FACTORS = ("fused", "recency", "importance", "validation")
_WORDS = ("relevant", "recent", "weighty", "proven")


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What was typed."""

    text: str
    symbol: str | None
    kind: str | None
    as_of: str | None
    user: str | None
    limit: int

    def query(self) -> RecallQuery:
        """The query that is meant; raises InputRefused naming the option that is wrong."""
        if not any(character.isalnum() for character in self.text):
            raise InputRefused("there is no word in it", "TEXT", "say what to look for")
        return RecallQuery(
            as_of=_moment(self.as_of),
            text=self.text,
            types=() if self.kind is None else (_type(self.kind),),
            symbol=None if self.symbol is None else self.symbol.strip().upper(),
            limit=self.limit,
        )


async def show_search(backstage: Backstage, request: SearchRequest, *, as_json: bool) -> None:
    """Print what is found, best first; raises InputRefused for a request that means nothing."""
    query = request.query()
    async with backstage.memories() as desk:
        async with desk.open_unit_of_work(SYSTEM) as unit:
            user_id = await owner_of_memories(unit, request.user)
        recalled = await recall_memories(desk, user_id, query)
    if as_json:
        print_json([_document(each) for each in recalled])
    else:
        _print_found(recalled, query, Console())


async def show_memory(
    backstage: Backstage, prefix: str, user: str | None, *, as_json: bool
) -> None:
    """Print one memory; raises InputRefused where there is no such one."""
    async with backstage.records() as open_unit_of_work:
        async with open_unit_of_work(SYSTEM) as unit:
            user_id = await owner_of_memories(unit, user)
        async with open_unit_of_work(user_id) as unit:
            story = await memory_story(unit, user_id, prefix)
    if as_json:
        print_json(encode(story))
    else:
        _print_story(story, Console())


async def show_tending(backstage: Backstage, *, as_json: bool) -> None:
    """Promote and forget shared memories by their rules, as of now, and say how many."""
    at = datetime.now(UTC)
    async with backstage.memories() as desk:
        promoted = await promote_lessons(desk, at)
        forgotten = await forget_memories(desk.open_unit_of_work, at)
    if as_json:
        print_json({"promoted": [str(each.id) for each in promoted], "forgotten": forgotten})
        return
    console = Console()
    for each in promoted:
        console.print(f"Shared from now on: {each.content}", highlight=False)
    console.print(f"{len(promoted)} lessons shared, {forgotten} memories forgotten.")


def _document(each: RecalledMemory) -> dict[str, Any]:
    factors = {name: getattr(each.standing, name) for name in _FACTORS}
    return {
        "memory": encode(each.memory),
        "similarity": each.similarity,
        **factors,
        "score": each.score,
    }


def _print_found(recalled: Sequence[RecalledMemory], query: RecallQuery, console: Console) -> None:
    if not recalled:
        console.print(f"Nothing is remembered of this as of {_time(query.as_of)}.")
        return
    console.print(f"As of {_time(query.as_of)}", highlight=False)
    for each in recalled:
        console.print()
        console.print(_heading(each.memory))
        console.print(_figures(each), highlight=False)
        console.print(Padding(Text(each.memory.content), (0, 0, 0, 2)))


def _heading(memory: Memory) -> Text:
    about = " ".join(filter(None, (memory.scope, memory.type, memory.symbol, memory.timeframe)))
    text = Text(str(memory.id), "bold")
    return text.append(f"  {_time(memory.created_at)}\n{about}", "not bold dim")


def _figures(each: RecalledMemory) -> str:
    factors = (
        f"{getattr(each.standing, factor):.2f} {word}"
        for factor, word in zip(_FACTORS, _WORDS, strict=True)
    )
    return f"score {each.score:.2f} = {' x '.join(factors)}; similarity {each.similarity:.2f}"


def _print_story(story: MemoryStory, console: Console) -> None:
    memory = story.memory
    table = Table(box=None, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in encode(memory).items():
        if value not in (None, [], {}):
            table.add_row(name, Text(_plain(value)))
    console.print(table)
    for each in story.validations:
        verdict = "bore it out" if each.was_right else "spoke against it"
        console.print(f"{_time(each.at)} trade {each.trade_id} {verdict}", highlight=False)
    if not story.validations:
        console.print("No trade of this user has been based on it and has ended.", style="dim")


def _plain(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{key}: {item}" for key, item in value.items())
        case list():
            return ", ".join(map(str, value))
        case _:
            return str(value)


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputRefused(
            f"{text!r} is not a time", "--as-of", "write it as 2024-03-01T12:00"
        ) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _type(text: str) -> MemoryType:
    known = [str(kind) for kind in MemoryType]
    if text not in known:
        raise InputRefused(
            f"{text!r} is not a type of memory", "--type", f"use one of {', '.join(known)}"
        )
    return MemoryType(text)


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
