"""What the house earns on real candles, beside holding and beside chance, after all costs.

Run it as `python -m benchmarks.results`; `--json` prints JSON, `--write` writes docs/results.md
and its picture. It needs a folder with 5m candles (`--data`), which are not part of the project,
and says so where there is none. Every figure repeats, for seeds are fixed and nothing is timed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.results_page import page_of
from benchmarks.results_picture import Panel, picture_of
from hedgerow.backtest import BacktestResult, CandleSeries, backtest, read_candles
from hedgerow.domain.performance import Performance
from hedgerow.infrastructure.agents.indicators import WINDOW
from hedgerow.usecases.report import Report, build_report

DATA: Final = Path("../shared/data/candles_5m")
DOCS: Final = Path(__file__).parents[1] / "docs"
RANDOM: Final = f"{Path(__file__).parents[1] / 'examples' / 'random_entries.py'}:RandomEntries"
TIMEFRAMES: Final = ("4h", "1h", "5m")
RANDOM_SEEDS: Final = range(1, 21)
CAPITAL: Final = 10_000

Figures = dict[str, float | None]
Days = dict[date, float]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The figures of a run, and what the capital was worth at the end of each day."""

    figures: Figures
    days: Days


def main() -> None:
    """Measure, and print or write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--write", action="store_true", help="write docs/results.md")
    parser.add_argument("--data", type=Path, default=DATA, help="a folder of 5m candles")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        print(f"skipped: there is no folder {arguments.data}; name one of 5m candles with --data")
        return
    compared = {timeframe: _compare(arguments.data, timeframe) for timeframe in TIMEFRAMES}
    found = {
        "data": _about(arguments.data),
        "capital": CAPITAL,
        "random_seeds": len(RANDOM_SEEDS),
        "watched_candles": WINDOW,
        "results": {timeframe: figures for timeframe, (figures, _) in compared.items()},
    }
    page = page_of(found)
    if arguments.write:
        (DOCS / "results.md").write_text(page, encoding="utf-8")
        picture = picture_of([panel for _, panel in compared.values()], CAPITAL)
        (DOCS / "images" / "results.svg").write_text(picture, encoding="utf-8")
    print(json.dumps(found, indent=2) if arguments.json else page)


def _compare(folder: Path, timeframe: str) -> tuple[dict[str, Any], Panel]:
    """All rows of one timeframe, and their curves."""
    candles = read_candles(folder, timeframe=timeframe)
    report = _report(backtest(candles, capital=CAPITAL))
    house, held = _outcome(report, report.fund), _held(report)
    forgetful = _report(backtest(candles, capital=CAPITAL, memory=False))
    random = [_random(candles, seed, _chance(report)) for seed in RANDOM_SEEDS]
    figures = {
        "house": house.figures,
        "house_without_memory": _outcome(forgetful, forgetful.fund).figures,
        "buy_and_hold": held.figures,
        "random": {
            name: _spread([each.figures[name] for each in random]) for name in house.figures
        },
        "random_chance": _chance(report),
        "random_beaten_by_house": sum(
            (house.figures["return_pct"] or 0.0) > (each.figures["return_pct"] or 0.0)
            for each in random
        ),
    }
    return figures, Panel(timeframe, house.days, held.days, [each.days for each in random])


def _chance(house: Report) -> float:
    """How likely random entries enter at a close, to enter about as often as the house did.

    That is the house's entries over the closes at which it held nothing of the symbol.
    """
    span = house.facts.timeframe.duration
    trades = house.facts.trades
    closes = sum(max(len(candles) - WINDOW, 0) for candles in house.facts.candles.values())
    assert house.ended_at is not None
    held = sum(
        ((t.position.closed_at or house.ended_at) - t.position.opened_at) // span for t in trades
    )
    return round(len(trades) / (closes - held), 5)


def _random(candles: Mapping[str, CandleSeries], seed: int, chance: float) -> Outcome:
    terms = {"seed": seed, "chance": chance, "first": WINDOW}
    report = _report(backtest(candles, RANDOM, terms, capital=CAPITAL, seed=seed))
    return _outcome(report, report.fund)


def _report(result: BacktestResult) -> Report:
    assert result.is_finished
    return build_report(result.facts)


def _outcome(report: Report, fund: Performance) -> Outcome:
    totals = report.totals
    figures = _of_the_curve(fund) | {
        "trades": float(totals.trades),
        "win_rate_pct": float(totals.win_rate_pct) if totals.trades else None,
        "profit_factor": _number(totals.profit_factor),
        "fees": float(report.facts.fees),
        "exposure_pct": float(report.exposure_pct),
        "time_in_market_pct": float(report.time_in_market_pct),
        "breaker_trips": float(report.facts.counts.breaker_trips),
    }
    return Outcome(figures, _days(fund))


def _held(report: Report) -> Outcome:
    """Buy-and-hold has one purchase of each symbol, and never sells."""
    nothing: Figures = dict.fromkeys(("trades", "win_rate_pct", "profit_factor", "breaker_trips"))
    figures = (
        _of_the_curve(report.buy_and_hold)
        | nothing
        | {
            "fees": float(report.buy_and_hold_fees),
            "exposure_pct": 100.0,
            "time_in_market_pct": 100.0,
        }
    )
    return Outcome(figures, _days(report.buy_and_hold))


def _of_the_curve(fund: Performance) -> Figures:
    return {
        "return_pct": float(fund.profit_pct),
        "cagr_pct": _number(fund.cagr_pct),
        "volatility_pct": float(fund.volatility_pct),
        "sharpe": float(fund.sharpe_ratio),
        "sortino": _number(fund.sortino_ratio),
        "max_drawdown_pct": float(fund.max_drawdown.percent),
    }


def _days(fund: Performance) -> Days:
    """The last equity of each day."""
    return {point.at.date(): float(point.equity) for point in fund.curve}


def _spread(values: Sequence[float | None]) -> dict[str, float] | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return {"median": median(known), "lowest": min(known), "highest": max(known)}


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _about(folder: Path) -> dict[str, Any]:
    candles = read_candles(folder, timeframe="5m")
    first = next(iter(candles.values()))
    digest = sha256()
    for path in sorted(folder.glob("*.csv*")):
        digest.update(path.read_bytes())
    return {
        "symbols": sorted(candles),
        "candles_per_symbol": len(first),
        "since": first[0].open_time.isoformat(),
        "until": first[len(first) - 1].close_time.isoformat(),
        "sha256": digest.hexdigest(),
    }


if __name__ == "__main__":
    main()
