"""docs/results.md, from the figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_COLUMNS: Final = (
    ("return", "return_pct", "{:+.2f} %"),
    ("CAGR", "cagr_pct", "{:+.1f} %"),
    ("volatility", "volatility_pct", "{:.1f} %"),
    ("Sharpe", "sharpe", "{:.2f}"),
    ("Sortino", "sortino", "{:.2f}"),
    ("max. drawdown", "max_drawdown_pct", "{:.1f} %"),
    ("trades", "trades", "{:.0f}"),
    ("win rate", "win_rate_pct", "{:.0f} %"),
    ("profit factor", "profit_factor", "{:.2f}"),
    ("fees", "fees", "{:,.0f}"),
    ("exposure", "exposure_pct", "{:.0f} %"),
)
_ROWS: Final = (
    ("the house", "house"),
    ("the house, without memory", "house_without_memory"),
    ("buy-and-hold", "buy_and_hold"),
)

_HEAD: Final = """\
# Results on real candles

Does the house earn anything, after costs, that holding or chance would not have earned? This page
is written by `python -m benchmarks.results --write`, whatever comes out.

**{verdict}**

{symbols}, {since} to {until},
{candles:,} candles of 5 minutes each, joined to 1h and 4h; {capital:,} USDT. They are candles of
Binance's USD-M futures, traded here as if they were spot: long only, no funding, no leverage. The
files may not be part of the project; SHA-256 of all of them, in the order of their names:
`{digest}…`.

![What became of the capital on 4h, 1h and 5m candles](images/results.svg)
"""

_TAIL: Final = """\
## How it was made

- **The house**: `hedgerow backtest --analyst house` with its defaults, moderate risk, one seed of
  slippage; the fund's own steps, limits and circuit breaker. *Without memory* is `--no-memory`.
- **Costs**: those of the paper venue. A fee of 0.1 % of every execution, slippage of 0.05 % on
  average, at most a tenth of a candle's volume.
- **Buy-and-hold**: the same allocation, bought at the first close with the same fee and slippage,
  not sold at the end.
- **Random entries**: `examples/random_entries.py`, {seeds} seeds, in the same fund and at the same
  venue. It buys when a die says so, about as often as the house entered, after the {window} candles
  that the house watches first. Stop (2 ATR), target (2.5 times as far), trailing stop and stake
  (0.5 % of equity) are those of the house's play in a trend; unlike the house it never leaves
  before one of these is reached. Median, lowest and highest are of each figure for itself.
- **Figures** are those of every report: [guide](guide.md#hedgerow-report). Returns of days end at
  00:00 UTC, so the hours after the last midnight count for the return, not for Sharpe and Sortino.
  Exposure is equity that is not in free cash, on average.

## What it does not show

- 90 days are few: a Sharpe ratio over a quarter of a year has a standard error of about 2. Three
  symbols that move together are hardly more than one, and these days they rose.
- Holding has all of its capital in the market, the house little of it: a return is to be read with
  the exposure and the drawdown that it took.
- Nothing was fitted to these candles by a search, but whoever wrote the rules knew the markets of
  past years. Candles of the future are the only clean test.
- The seeds enter only about as often as the house, and their slippage is drawn anew: their spread
  is what luck does at such a pace, not an exact test of significance.
- Real fills may be worse: the venue sees candles, not an order book.
"""


def page_of(found: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    data = found["data"]
    head = _HEAD.format(
        verdict=_verdict(found),
        candles=data["candles_per_symbol"],
        symbols=_listed(data["symbols"]),
        since=data["since"][:10],
        until=data["until"][:10],
        capital=found["capital"],
        digest=data["sha256"][:16],
    )
    sections = [
        _section(timeframe, figures, found["random_seeds"])
        for timeframe, figures in found["results"].items()
    ]
    tail = _TAIL.format(seeds=found["random_seeds"], window=found["watched_candles"])
    return "\n".join([head, *sections, tail])


def _section(timeframe: str, figures: Mapping[str, Any], seeds: int) -> str:
    names = " | ".join(name for name, _, _ in _COLUMNS)
    rows = [f"| {title} | {_cells(figures[key])} |" for title, key in _ROWS]
    rows += [
        f"| random entries, {kind} | {_cells(_of_kind(figures['random'], kind))} |"
        for kind in ("median", "lowest", "highest")
    ]
    return "\n".join(
        [
            f"## {timeframe} candles",
            "",
            *_sentences(figures, seeds),
            "",
            f"| | {names} |",
            f"|---|{'---|' * len(_COLUMNS)}",
            *rows,
            "",
        ]
    )


def _verdict(found: Mapping[str, Any]) -> str:
    results, seeds = found["results"].values(), found["random_seeds"]
    over_hold = sum(
        each["house"]["return_pct"] > each["buy_and_hold"]["return_pct"] for each in results
    )
    over_chance = sum(each["random_beaten_by_house"] >= 0.95 * seeds for each in results)
    return (
        f"The house earned more than holding in {over_hold} of {len(results)} timeframes, and more "
        f"than 95 % of\nrandom entries in {over_chance}."
    )


def _sentences(figures: Mapping[str, Any], seeds: int) -> list[str]:
    """A line each."""
    house, held = figures["house"], figures["buy_and_hold"]
    gap, beaten = house["return_pct"] - held["return_pct"], figures["random_beaten_by_house"]
    lines = [
        f"The house made {house['return_pct']:+.2f} %, holding {held['return_pct']:+.2f} %: "
        f"{abs(gap):.2f} points {'more' if gap > 0 else 'less'}.",
        f"It did better than {beaten} of {seeds} seeds of random entries.",
    ]
    if trips := house["breaker_trips"]:
        lines.append(f"The circuit breaker halted it {_times(trips)}.")
    return lines


def _of_kind(spreads: Mapping[str, Any], kind: str) -> dict[str, float | None]:
    return {name: spread and spread[kind] for name, spread in spreads.items()}


def _times(count: float) -> str:
    return "once" if count == 1 else f"{count:.0f} times"


def _cells(figures: Mapping[str, float | None]) -> str:
    return " | ".join(_cell(figures[key], form) for _, key, form in _COLUMNS)


def _cell(value: float | None, form: str) -> str:
    return "–" if value is None else form.format(value)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"
