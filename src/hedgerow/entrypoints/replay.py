"""A decision that was replayed, on a terminal: what is the same, and whatever is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hedgerow.domain.ai_usage import ModelChoice
from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.explain_conversation import told_in
from hedgerow.entrypoints.output import print_json
from hedgerow.entrypoints.report_words import plain, shortened
from hedgerow.usecases.codec import encode
from hedgerow.usecases.replay_meeting import Replayed, replay_meeting, replay_with_model

_WORDS_MAX: Final = 300
_DECISION: Final = "decision"
_SAID: Final = {"Proposal": "trade", "ExitProposal": "leave", "StopProposal": "closer stop"}


async def show_replay(backstage: Backstage, decision: str, *, as_json: bool) -> bool:
    """Replay a decision from the record and print what it came to; whether it is the same."""
    async with backstage.meeting_archive(asks_models=False) as archive:
        replayed = await replay_meeting(archive, decision)
    if as_json:
        print_json(_document(replayed))
    else:
        console = Console()
        _print_head(console, replayed)
        _print_comparison(console, replayed)
    return not replayed.differences


async def show_replay_with(
    backstage: Backstage, decision: str, model: ModelChoice, *, as_json: bool
) -> None:
    """Print what another model would have decided, beside what was decided."""
    async with backstage.meeting_archive(asks_models=True) as archive:
        replayed = await replay_with_model(archive, decision, model)
    if as_json:
        print_json(_document(replayed))
        return
    console = Console()
    _print_head(console, replayed)
    console.print(_side_by_side(replayed, model))
    _print_hashes(console, replayed)


def _print_head(console: Console, replayed: Replayed) -> None:
    meeting = replayed.record.meeting
    console.print(
        _text(
            f"{meeting.symbol} {meeting.timeframe} {meeting.at:%Y-%m-%d %H:%M}, meeting "
            f"{meeting.id}",
            "bold",
        )
    )
    console.print(_text(f"held because {meeting.reason}", "dim"))
    console.print(_text(f"decided: {_decided(meeting.decision)}"))


def _print_comparison(console: Console, replayed: Replayed) -> None:
    again = replayed.again
    console.print(
        _text(
            f"{len(again.calls)} calls answered from the record of {len(replayed.record.exchanges)}"
            f", {again.tools} tools run again on what is stored as of then"
        )
    )
    _print_hashes(console, replayed)
    for difference in replayed.differences:
        console.print(_text(difference.what, "yellow"))
        console.print(_text(f"then: {shortened(difference.recorded, _WORDS_MAX)}", "dim"))
        console.print(_text(f"now: {shortened(difference.now, _WORDS_MAX)}", "dim"))
    count = len(replayed.differences)
    verdict = f"{count} differences" if count > 1 else "1 difference"
    console.print(_text(verdict if count else "the same to the last digit", "bold"))


def _print_hashes(console: Console, replayed: Replayed) -> None:
    console.print(_text(f"hash then {replayed.record.meeting.decision_hash}"))
    console.print(_text(f"hash now {replayed.again.decision_hash}"))


def _side_by_side(replayed: Replayed, model: ModelChoice) -> Table:
    table = Table(box=None, padding=(0, 2, 1, 0))
    for heading in ("", "on record", str(model)):
        table.add_column(_text(heading, "bold cyan"))
    then, now = replayed.recorded_answers, replayed.again.answers
    for agent in [*then, *(name for name in now if name not in then)]:
        table.add_row(_text(agent), _text(_said(then.get(agent))), _text(_said(now.get(agent))))
    table.add_row(
        _text(_DECISION, "bold"),
        _text(_decided(replayed.record.meeting.decision)),
        _text(_decided(replayed.again.decision)),
    )
    return table


def _said(answer: object) -> str:
    if not isinstance(answer, Mapping):
        return "was not asked"
    headline, sentence = told_in(answer)
    return shortened(plain(f"{headline}: {sentence}"), _WORDS_MAX)


def _decided(decision: Mapping[str, Any]) -> str:
    kind = _SAID.get(str(decision["kind"]), "wait")
    numbers = [
        f"{word} {decision[name]}"
        for word, name in (
            ("", "side"),
            ("entry", "entry_price"),
            ("stop", "stop_loss_price"),
            ("target", "take_profit_price"),
            ("size", "size_ratio"),
        )
        if decision.get(name) is not None
    ]
    told = ", ".join([kind, *(number.strip() for number in numbers)])
    return f"{told} ({decision['agent_id']}). {shortened(plain(str(decision['reasoning'])), 400)}"


def _document(replayed: Replayed) -> Mapping[str, Any]:
    meeting, again = replayed.record.meeting, replayed.again
    return {
        "meeting": str(meeting.id),
        "user": str(meeting.user_id),
        "symbol": meeting.symbol,
        "timeframe": str(meeting.timeframe),
        "at": encode(meeting.at),
        "reason": meeting.reason,
        "model": None if replayed.model is None else str(replayed.model),
        "is_identical": not replayed.differences,
        "calls_on_record": len(replayed.record.exchanges),
        "calls_answered": len(again.calls),
        "tools_run": again.tools,
        "recorded": {
            "decision_hash": meeting.decision_hash,
            "decision": encode(meeting.decision),
            "answers": encode(replayed.recorded_answers),
        },
        "now": {
            "decision_hash": again.decision_hash,
            "decision": encode(again.decision),
            "answers": encode(again.answers),
        },
        "differences": encode(replayed.differences),
    }


def _text(text: str, style: str = "") -> Text:
    return Text(plain(text), style=style)
