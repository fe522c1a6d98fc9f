"""How far a long work is: lines now and then, or a bar."""

from __future__ import annotations

import io

from rich.console import Console
from rich.text import Text

from hedgerow.entrypoints.progress import LiveBar


def test_elsewhere_than_on_a_terminal_there_are_ten_lines() -> None:
    paper = io.StringIO()
    with LiveBar(Console(file=paper, width=80)) as bar:
        for done in range(1, 501):
            bar.show(done, 500, line=f"{done} of 500", text="hidden")
    lines = paper.getvalue().splitlines()
    assert lines == [f"{done} of 500" for done in range(50, 501, 50)]


def test_a_short_work_has_a_line_for_each_step() -> None:
    paper = io.StringIO()
    with LiveBar(Console(file=paper, width=80)) as bar:
        for done in (1, 2, 3):
            bar.show(done, 3, line=f"{done} of 3", text="hidden")
    assert paper.getvalue().splitlines() == ["1 of 3", "2 of 3", "3 of 3"]


def test_on_a_terminal_there_is_a_bar_with_details_and_nothing_stays() -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=80, force_terminal=True, color_system=None)
    with LiveBar(console) as bar:
        bar.show(4, 4, line="a line", text="candles", details=Text("Equity 10,000"))
    drawn = screen.getvalue()
    assert "a line" not in drawn
    assert "candles" in drawn
    assert "100%" in drawn
    assert "Equity 10,000" in drawn
    assert drawn.endswith("\x1b[2K")
