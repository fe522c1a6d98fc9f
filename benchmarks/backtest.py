"""How fast a backtest is: one strategy of crossing averages with stops, candle by candle.

Run it as `python -m benchmarks.backtest`; it prints JSON. `--peers DIR` measures `backtesting.py`
and `vectorbt` on the same candles beside it, each in a process and an environment of its own below
DIR, where they are installed from PyPI if need be. Reading candles is in none of the times. The
candles are drawn by a seed: a price that wanders by 0.06 % a minute.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from array import array
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import machine
from hedgerow.backtest import CandleSeries, backtest
from hedgerow.domain.market import Timeframe
from hedgerow.domain.users import UserSettings
from hedgerow.usecases.open_fund import PAPER_LIMITS, paper_profile

EXAMPLE: Final = Path(__file__).parents[1] / "examples" / "ema_cross.py"
PEERS: Final = {
    "backtesting.py": ("backtesting", "peer_backtesting.py"),
    "vectorbt": ("vectorbt", "peer_vectorbt.py"),
}
_START: Final = datetime(2023, 1, 1, tzinfo=UTC)
_MINUTE_US: Final = 60_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--bars", type=int, default=500_000)
    parser.add_argument("--fast", type=int, default=20, help="candles of the fast average")
    parser.add_argument("--slow", type=int, default=100, help="candles of the slow average")
    parser.add_argument("--peers", type=Path, help="measure others too, installed in this folder")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(measure(arguments.bars, arguments.fast, arguments.slow)))
        return
    result: dict[str, Any] = {"bars": arguments.bars, "fast": arguments.fast}
    result |= {"slow": arguments.slow, "machine": machine()}
    options = [f"--{name}={getattr(arguments, name)}" for name in ("bars", "fast", "slow")]
    result["hedgerow, event-driven"] = _told(
        [sys.executable, "-m", __spec__.name, "--here", *options]
    )
    if arguments.peers:
        folder: Path = arguments.peers
        folder.mkdir(parents=True, exist_ok=True)
        np.save(folder / "candles.npy", drawn(arguments.bars))
        for name, (package, script) in PEERS.items():
            result[name] = _peer(folder, package, script, arguments)
    print(json.dumps(result, indent=2))


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


def measure(bars: int, fast: int, slow: int) -> dict[str, Any]:
    """One backtest in this process."""
    rows = [array("q", row.tobytes()) for row in drawn(bars)]
    start_us = int(_START.timestamp()) * 1_000_000
    times = array("q", range(start_us, start_us + bars * _MINUTE_US, _MINUTE_US))
    candles = {"BTC/USDT": CandleSeries("BTC/USDT", Timeframe.M1, 2, 3, times, *rows)}
    before = time.perf_counter(), time.process_time()
    result = backtest(
        candles,
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
            max_position_size_usd=Decimal(300_000),
            max_total_exposure_usd=Decimal(1_000_000),
        ),
    )
    elapsed_s, cpu_s = time.perf_counter() - before[0], time.process_time() - before[1]
    return {
        "bars_per_s": round(bars / elapsed_s),
        "bars_per_cpu_s": round(bars / cpu_s),
        "elapsed_s": round(elapsed_s, 2),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "orders": len(result.orders),
        "fills": len(result.fills),
        "messages": result.steps,
        "trades": len(result.positions),
    }


def _peer(folder: Path, package: str, script: str, arguments: argparse.Namespace) -> Any:
    environment = folder / package
    python = environment / "bin" / "python"
    try:
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
            install = [str(python), "-m", "pip", "install", "--quiet", package]
            subprocess.run(install, check=True, capture_output=True)
        path = Path(__file__).with_name(script)
        return _told(
            [python, path, folder / "candles.npy", str(arguments.fast), str(arguments.slow)]
        )
    except (subprocess.CalledProcessError, OSError) as error:
        return f"skipped: it cannot be installed or run here ({error})"


def _told(command: list[Any]) -> Any:
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
