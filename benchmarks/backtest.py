"""How fast a backtest is: one strategy of crossing averages with stops, on both paths.

Run it as `python -m benchmarks.backtest`, with `--json` for JSON. `--peers DIR` measures
`backtesting.py`, `vectorbt` and NautilusTrader on the same candles beside it, each in a process and
an environment of its own below DIR, where they are installed from PyPI if need be, and compares the
bars at which trades were entered. `--growth` measures ever more orders, and ever fewer. Reading
candles is in none of the times, nor what is imported or compiled once. The candles are drawn by a
seed: a price that wanders by 0.06 % a minute.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from array import array
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from hedgerow.backtest import BacktestResult, CandleSeries, backtest
from hedgerow.domain.market import Timeframe
from hedgerow.domain.users import UserSettings
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.candle_series import microseconds
from hedgerow.usecases.open_fund import PAPER_LIMITS, paper_profile

EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "ema_cross.py"
PEERS: Final = {
    "backtesting.py": ("backtesting", "peer_backtesting.py"),
    "vectorbt": ("vectorbt", "peer_vectorbt.py"),
    "NautilusTrader": ("nautilus_trader", "peer_nautilus.py"),
}
GROWTH: Final = ((5000, 20000), (500, 2000), (50, 200), (20, 100), (10, 50), (5, 20))
_START: Final = datetime(2023, 1, 1, tzinfo=UTC)
_MINUTE_US: Final = 60_000_000
_MINUTE: Final = timedelta(minutes=1)
_SHORT: Final = 2_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--bars", type=int, default=500_000)
    parser.add_argument("--fast", type=int, default=50, help="candles of the fast average")
    parser.add_argument("--slow", type=int, default=200, help="candles of the slow average")
    parser.add_argument("--growth", action="store_true", help="measure other numbers of orders too")
    parser.add_argument("--peers", type=Path, help="measure others too, installed in this folder")
    parser.add_argument("--here", type=BacktestPath, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    averages = (arguments.fast, arguments.slow)
    if arguments.here:
        print(json.dumps(measure(arguments.bars, *averages, arguments.here)))
        return
    result: dict[str, Any] = {"bars": arguments.bars, "fast": arguments.fast}
    result |= {"slow": arguments.slow, "machine": machine()}
    result["load_before"] = os.getloadavg()[0]
    runs = {f"hedgerow, {path}": _hedgerow(arguments.bars, averages, path) for path in BacktestPath}
    if arguments.peers:
        runs |= _peers(arguments.peers, arguments.bars, averages)
    result["compared"] = _compared(runs)
    result["runs"] = runs
    if arguments.growth:
        result["growth"] = [_growth(arguments.bars, each) for each in GROWTH]
    result["load_after"] = os.getloadavg()[0]
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, told in runs.items():
        print(f"{name}: {told}")
    print(f"compared: {result['compared']}")
    for row in result.get("growth", ()):
        print(row)


def _hedgerow(bars: int, averages: tuple[int, int], path: BacktestPath) -> dict[str, Any]:
    options = ["--bars", str(bars), "--fast", str(averages[0]), "--slow", str(averages[1])]
    return _told([sys.executable, "-m", __spec__.name, "--here", path, *options])


def _growth(bars: int, averages: tuple[int, int]) -> dict[str, Any]:
    """Both paths with other averages."""
    row: dict[str, Any] = {"averages": averages}
    for path in BacktestPath:
        told = _hedgerow(bars, averages, path)
        row["orders"] = told["orders"]
        row[path] = {
            "bars_per_cpu_s": told["bars_per_cpu_s"],
            "cpu_s": round(bars / told["bars_per_cpu_s"], 2),
            "peak_memory_mb": told["peak_memory_mb"],
        }
    return row


def _compared(runs: dict[str, Any]) -> dict[str, Any]:
    """The bars of entries, which mean the same everywhere; fees and fills inside a bar do not."""
    entries = {name: told.pop("entry_bars") for name, told in runs.items() if "trades" in told}
    ours = set(entries[f"hedgerow, {BacktestPath.EVENT_DRIVEN}"])
    return {
        "what": "bars of entries, of the same crossings; prices of exits and fees differ by design",
        "entries_as_hedgerow": {
            name: f"{len(ours & set(bars))} of {len(bars)}" for name, bars in entries.items()
        },
    }


def drawn(bars: int) -> NDArray[np.int64]:
    """Open, high, low, close in cents and volume in thousandths, a row each."""
    random = np.random.default_rng(7)
    close = 3_000_000 * np.exp(np.cumsum(random.normal(0, 0.0006, bars)))
    opened = np.concatenate([[3_000_000.0], close[:-1]])
    wicks = np.abs(random.normal(0, 0.0004, (2, bars)))
    high = np.maximum(opened, close) * (1 + wicks[0])
    low = np.minimum(opened, close) * (1 - wicks[1])
    volume = random.uniform(1e7, 1e8, bars)
    return np.round(np.stack([opened, high, low, close, volume])).astype(np.int64)


def measure(bars: int, fast: int, slow: int, path: BacktestPath) -> dict[str, Any]:
    """One backtest in this process; a short one first imports what is imported once."""
    run(series(_SHORT), fast, slow, path)
    candles = series(bars)
    before = time.perf_counter(), time.process_time()
    result = run(candles, fast, slow, path)
    elapsed_s, cpu_s = time.perf_counter() - before[0], time.process_time() - before[1]
    peak_memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    started = time.process_time()
    assert len(result.equity.equity) == bars
    equity_cpu_s = time.process_time() - started
    return {
        "bars_per_s": round(bars / elapsed_s),
        "bars_per_cpu_s": round(bars / cpu_s),
        "elapsed_s": round(elapsed_s, 2),
        "equity_cpu_s": round(equity_cpu_s, 2),
        "peak_memory_mb": peak_memory_mb,
        "orders": len(result.orders),
        "fills": len(result.fills),
        "messages": result.steps,
        "trades": len(result.positions),
        "entry_bars": [(p.opened_at - _START) // _MINUTE for p in result.positions],
    }


def series(bars: int) -> CandleSeries:
    """The drawn candles as a backtest takes them."""
    rows = [array("q", row.tobytes()) for row in drawn(bars)]
    start_us = microseconds(_START)
    times = array("q", range(start_us, start_us + bars * _MINUTE_US, _MINUTE_US))
    return CandleSeries("BTC/USDT", Timeframe.M1, 2, 3, times, *rows)


def run(candles: CandleSeries, fast: int, slow: int, path: BacktestPath) -> BacktestResult:
    """The strategy, in a fund that is free to trade as often as it wants.

    Positions are small beside the capital: fees of many thousand trades must not use it up.
    """
    return backtest(
        {candles.symbol: candles},
        f"{EXAMPLE}:EmaCross",
        {"fast": fast, "slow": slow, "stop_pct": 2.0},
        capital=1_000_000,
        profile=replace(
            paper_profile(),
            limits=replace(PAPER_LIMITS, daily_trades_count=10**6, monthly_trades_count=10**6),
        ),
        settings=UserSettings(
            max_portfolio_risk=Decimal(100),
            circuit_breaker_on=False,
            max_position_size_usd=Decimal(10_000),
            max_total_exposure_usd=Decimal(1_000_000),
        ),
        path=path,
    )


def _peers(folder: Path, bars: int, averages: tuple[int, int]) -> dict[str, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "candles.npy", drawn(bars))
    return {
        name: _peer(folder, package, script, averages) for name, (package, script) in PEERS.items()
    }


def _peer(folder: Path, package: str, script: str, averages: tuple[int, int]) -> dict[str, Any]:
    environment = folder / package
    python = environment / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
            install = [str(python), "-m", "pip", "install", "--quiet", package]
            subprocess.run(install, check=True, capture_output=True)
        path = Path(__file__).with_name(script)
        return _told([python, path, folder / "candles.npy", *map(str, averages)])
    except (subprocess.CalledProcessError, OSError) as error:
        return {"skipped": f"it cannot be installed or run here ({error})"}


def _told(command: list[Any]) -> dict[str, Any]:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


if __name__ == "__main__":
    main()
