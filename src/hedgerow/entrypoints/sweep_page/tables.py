"""The tables of a sweep's page, as HTML. Everything that others wrote is escaped here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from hedgerow.entrypoints import sweep_words as words
from hedgerow.entrypoints.report_words import plain
from hedgerow.usecases.sweep.report import SweepReport

TRIALS_SHOWN: Final = 50
FAILURES_SHOWN: Final = 20


def figures_list(report: SweepReport) -> str:
    """The key figures as a list of descriptions."""
    items = (
        f"<div><dt>{escape(each.label)}</dt><dd>{escape(each.value)}"
        f"<small>{escape(each.note)}</small></dd></div>"
        for each in words.figures(report)
    )
    return f'<dl class="figures">{"".join(items)}</dl>'


def trials_table(report: SweepReport) -> str:
    """The best trials, with what each did on days that it was not ranked by."""
    shown = report.ranking[:TRIALS_SHOWN]
    title = f"The best {len(shown):,} of {report.trials:,} trials"
    table = _table(title, words.TRIAL_COLUMNS, map(words.trial_cells, shown))
    return f'{table}<p class="note">{words.COLUMNS_NOTE}</p>'


def steps_table(report: SweepReport) -> str:
    """The walk forward, fold by fold."""
    rows = (words.step_cells(report, each) for each in report.steps)
    return _table("Walk forward", words.STEP_COLUMNS, rows)


def failures_table(report: SweepReport) -> str:
    """Trials that failed, and why."""
    rows = (
        (str(each.number), words.parameters(each.parameters), plain(each.reason))
        for each in report.failed[:FAILURES_SHOWN]
    )
    title = f"{len(report.failed):,} of {report.trials:,} trials failed"
    return _table(title, ("Trial", "Parameters", "Reason"), rows)


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    kinds = ["words" if column in _WORDS else "number" for column in columns]
    head = "".join(
        f'<th scope="col" class="{kind}">{column}</th>'
        for kind, column in zip(kinds, columns, strict=True)
    )
    body = "".join(f"<tr>{_cells(row, kinds)}</tr>" for row in rows)
    return (
        f'<h2>{escape(title)}</h2><div class="scroll" role="region" aria-label="{escape(title)}" '
        f'tabindex="0"><table class="stats"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(row: Sequence[str], kinds: Sequence[str]) -> str:
    cells = zip(row, kinds, strict=True)
    return "".join(f'<td class="{kind}">{escape(text)}</td>' for text, kind in cells)


_WORDS: Final = (*words.LEFT_COLUMNS, "Reason")
