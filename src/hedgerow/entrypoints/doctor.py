"""What a look at the whole installation found, on a terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hedgerow.entrypoints.backstage import Backstage
from hedgerow.entrypoints.output import print_json
from hedgerow.usecases.checks import Finding, Standing, examine
from hedgerow.usecases.codec import encode

_SIGNS: Final = {
    Standing.OK: ("✓ ok", "green"),
    Standing.WARNING: ("! warning", "yellow"),
    Standing.FAILED: ("✗ failed", "red"),
}


async def show_findings(backstage: Backstage, *, as_json: bool) -> bool:
    """Make all checks and show what they found; returns whether nothing failed."""
    with _quiet():
        findings = await examine(backstage.checks())
    sound = not any(finding.standing is Standing.FAILED for finding in findings)
    if as_json:
        print_json({"sound": sound, "findings": encode(list(findings))})
    else:
        _print(findings, Console())
    return sound


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what libraries log of servers that do not answer: the findings say it, once."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _print(findings: Sequence[Finding], console: Console) -> None:
    table = Table(box=None, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        sign, colour = _SIGNS[finding.standing]
        said = Text(finding.found)
        if finding.fix:
            said.append(f"\n→ {finding.fix}", colour)
        table.add_row(Text(sign, colour), finding.subject, said)
    console.print(table)
    console.print(_summary(findings))


def _summary(findings: Sequence[Finding]) -> str:
    counts = {each: sum(f.standing is each for f in findings) for each in Standing}
    return ", ".join(f"{count} {standing}" for standing, count in counts.items())
