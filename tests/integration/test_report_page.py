"""The report in a real browser: every chart is drawn, nothing is refused, nothing fails."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hedgerow.entrypoints.report_against import Rival
from hedgerow.entrypoints.report_html import write_report_page
from hedgerow.usecases.report import build_report
from run_builders import closed_trade, run_facts, three_trades

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_TIMEOUT_S = 120


@pytest.fixture
def browser() -> str:
    found = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if found is None:
        pytest.skip(f"no browser on this machine: none of {', '.join(_BROWSERS)}")
    return found


def opened(browser: str, page: Path, profile: Path, scheme: int) -> tuple[str, list[str]]:
    """The page's document after its scripts have run, and what it said on the console."""
    command = [
        browser,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        f"--user-data-dir={profile}",
        f"--blink-settings=preferredColorScheme={scheme}",
        "--enable-logging=stderr",
        "--virtual-time-budget=10000",
        "--dump-dom",
        page.as_uri(),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=True)
    return done.stdout, [line for line in done.stderr.splitlines() if "CONSOLE" in line]


@pytest.mark.parametrize(("scheme", "muted"), [(0, "rgb(154, 166, 157)"), (1, "rgb(97, 107, 100)")])
def test_draws_every_chart_in_dark_and_light(
    browser: str, tmp_path: Path, scheme: int, muted: str
) -> None:
    hostile = closed_trade(4, "1", reasoning="</script><script>document.title='taken'</script>")
    page = tmp_path / "report.html"
    rival = Rival("<b>Run 8", build_report(run_facts()))
    write_report_page(build_report(run_facts(trades=[*three_trades(), hostile])), page, rival)
    document, said = opened(browser, page, tmp_path / "profile", scheme)
    assert said == []
    assert document.count('data-drawn="yes"') == 3
    assert re.search(rf"<text[^>]*fill: {re.escape(muted)}", document)
    assert "<title>Steady hedge: Hedgerow report</title>" in document
