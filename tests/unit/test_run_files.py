"""A run that was written to a file makes the same report as the run itself."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backtest_builders import BTC, ETH, RandomAnalyst, free_settings, tried, wandering
from builders import digits
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import MarketType
from hedgerow.infrastructure.run_files import RUN_FILE, read_run, write_run
from hedgerow.infrastructure.venues.paper import FundingRates
from hedgerow.usecases.export_report import export_tables
from hedgerow.usecases.report import Report, build_report
from hedgerow.usecases.report_document import report_document
from hedgerow.usecases.report_facts import RunFacts
from run_builders import run_facts


def told(report: Report) -> dict[str, Any]:
    """Everything that a report says."""
    tables = {table.name: digits(table.rows) for table in export_tables(report)}
    return tables | {"document": report_document(report), "candles": candles_of(report.facts)}


def candles_of(facts: RunFacts) -> dict[str, Any]:
    return {symbol: list(candles) for symbol, candles in facts.candles.items()}


async def test_a_backtest_comes_back_whole(tmp_path: Path) -> None:
    result = await tried(
        {BTC: wandering(1, 400), ETH: wandering(1, 400, ETH, missing=0.05)},
        lambda: RandomAnalyst(1, may_short=True),
        funding=FundingRates(),
        market_type=MarketType.FUTURES,
        leverage=3,
        settings=free_settings(),
    )
    facts = result.facts
    assert len(facts.trades) > 20
    write_run(tmp_path, facts)
    read = read_run(tmp_path)
    assert told(build_report(read)) == told(build_report(facts))
    assert digits(read.trades) == digits(facts.trades)
    assert digits(read.orders) == digits(facts.orders)


@pytest.mark.parametrize("changes", [{}, {"trades": []}])
def test_so_does_any_other_run(tmp_path: Path, changes: dict[str, Any]) -> None:
    facts = run_facts(**changes)
    write_run(tmp_path / "new", facts)
    assert told(build_report(read_run(tmp_path / "new"))) == told(build_report(facts))


def test_one_that_was_stopped_before_a_symbol_began_comes_back(tmp_path: Path) -> None:
    later = {BTC: Decimal("0.5"), ETH: Decimal("0.5")}
    write_run(tmp_path, run_facts(allocations=later, is_finished=False))
    report = build_report(read_run(tmp_path))
    assert list(report.facts.candles[ETH]) == []
    assert report.fund.final_equity == Decimal(1100)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("hedgerow_run",), 2, "hedgerow_run: Input should be 1"),
        (("facts", "capital"), "much", "facts.capital: "),
        (("facts", "mood"), "good", "facts.mood: "),
        (("equity", "cash"), [], "equity: its columns are not equally long"),
        (("candles", "BTC/USDT", "close"), [1], "candles.BTC/USDT: its columns"),
        (("candles", BTC, "price_places"), 10**9, "candles.BTC/USDT.price_places: Input should"),
        (("candles", BTC, "volume_places"), -1, "candles.BTC/USDT.volume_places: Input should"),
        (
            ("candles", BTC, "open_us"),
            [10**25 + i for i in range(4)],
            "candles.BTC/USDT: open_us l",
        ),
        (("candles", BTC, "open_us"), [4, 3, 2, 1], "candles.BTC/USDT: open_us does not rise"),
        (("candles",), {}, "the file: candles has none of BTC/USDT"),
        (("facts", "capital"), "0", "the file: facts.capital is 0, and must be above 0"),
        (("facts", "trades", 0, "position", "opened_at"), "2024-03-01T00:00:00", "the file: the t"),
        (("equity",), {"at": [], "equity": [], "cash": []}, "equity: it has no point"),
        (("equity", "at", 0), "2024-03-02T00:00:00", "equity.at.0: Input should have timezone"),
        (("equity", "at", 0), "2024-03-20T00:00:00Z", "equity: at does not rise"),
        (("equity", "at", 0), "0001-01-01T00:00:00Z", "equity: the time 0001-01-01T00:00:00+00:00"),
    ],
)
def test_a_damaged_file_is_refused_by_the_place(
    tmp_path: Path, path: tuple[Any, ...], value: object, said: str
) -> None:
    write_run(tmp_path, run_facts())
    file = tmp_path / RUN_FILE
    document = json.loads(file.read_text(encoding="utf-8"))
    inside = document
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    file.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputRefused) as refused:
        read_run(tmp_path)
    assert refused.value.what.startswith(said)
    assert refused.value.where == str(file)


def test_what_is_no_file_of_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="holds no run"):
        read_run(tmp_path)
    (tmp_path / RUN_FILE).write_bytes(b"\xff")
    with pytest.raises(InputRefused, match="export the run again"):
        read_run(tmp_path)
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(InputRefused, match="cannot be written to"):
        write_run(taken, run_facts())
