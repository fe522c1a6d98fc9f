"""The strategy of benchmarks/backtest.py in `vectorbt`; run by it, in another environment."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
import vectorbt as vbt


def main() -> None:
    """Measure and print; a short run first compiles what is compiled once."""
    warnings.simplefilter("ignore")
    rows = np.load(sys.argv[1])[:4].astype(float) / 100
    fast, slow = int(sys.argv[2]), int(sys.argv[3])
    run(rows[:, :2000], fast, slow)
    before = time.perf_counter(), time.process_time()
    entry_bars = run(rows, fast, slow)
    elapsed_s, cpu_s = time.perf_counter() - before[0], time.process_time() - before[1]
    print(
        json.dumps(
            {
                "bars_per_s": round(rows.shape[1] / elapsed_s),
                "bars_per_cpu_s": round(rows.shape[1] / cpu_s),
                "elapsed_s": round(elapsed_s, 2),
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "trades": len(entry_bars),
                "entry_bars": entry_bars,
            }
        )
    )


def run(rows: np.ndarray, fast: int, slow: int) -> list[int]:
    """The bars at which trades were entered."""
    opened, high, low, close = (pd.Series(row) for row in rows)
    quick = close.ewm(span=fast, adjust=False).mean()
    steady = close.ewm(span=slow, adjust=False).mean()
    above = quick > steady
    known = np.arange(len(close)) >= slow
    before = above.shift(1, fill_value=False)
    entries = (above & ~before & known).shift(1, fill_value=False)
    exits = (~above & before & known).shift(1, fill_value=False)
    portfolio = vbt.Portfolio.from_signals(
        close,
        entries,
        exits,
        price=opened,
        open=opened,
        high=high,
        low=low,
        sl_stop=0.02,
        tp_stop=0.04,
        size=0.01,
        size_type="percent",
        fees=0.001,
        slippage=0.0005,
        init_cash=1e6,
        accumulate=False,
        freq="1min",
    )
    return sorted(portfolio.trades.values["entry_idx"].tolist())


if __name__ == "__main__":
    main()
