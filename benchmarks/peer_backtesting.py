"""The strategy of benchmarks/backtest.py in `backtesting.py`; run by it, in another environment."""

from __future__ import annotations

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd
from backtesting import Backtest, Strategy
from backtesting.lib import crossover


class EmaCross(Strategy):  # type: ignore[misc]
    """Buys where the fast average crosses above the slow one, with a stop and a target."""

    fast = 20
    slow = 100

    def init(self) -> None:
        """Work out both averages."""

        def average(values: object, span: int) -> object:
            return pd.Series(values).ewm(span=span, adjust=False).mean()

        self.quick = self.I(average, self.data.Close, self.fast)
        self.steady = self.I(average, self.data.Close, self.slow)

    def next(self) -> None:
        """Act on the last closed candle, once there are enough for the slow average."""
        if len(self.data) <= self.slow:
            return
        close = self.data.Close[-1]
        if crossover(self.quick, self.steady) and not self.position:
            self.buy(size=0.3, sl=close * 0.98, tp=close * 1.04)
        elif crossover(self.steady, self.quick) and self.position:
            self.position.close()


def main() -> None:
    """Measure and print."""
    warnings.simplefilter("ignore")
    opened, high, low, close, volume = np.load(sys.argv[1]).astype(float)
    index = pd.date_range("2023-01-01", periods=len(close), freq="min")
    prices = {"Open": opened, "High": high, "Low": low, "Close": close}
    candles = pd.DataFrame(prices, index=index) / 100
    candles["Volume"] = volume / 1000
    EmaCross.fast, EmaCross.slow = int(sys.argv[2]), int(sys.argv[3])
    bench = Backtest(candles, EmaCross, cash=1e6, commission=0.001)
    before = time.perf_counter(), time.process_time()
    stats = bench.run()
    elapsed_s, cpu_s = time.perf_counter() - before[0], time.process_time() - before[1]
    print(
        json.dumps(
            {
                "bars_per_s": round(len(candles) / elapsed_s),
                "bars_per_cpu_s": round(len(candles) / cpu_s),
                "elapsed_s": round(elapsed_s, 2),
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "trades": int(stats["# Trades"]),
                "entry_bars": sorted(map(int, stats["_trades"]["EntryBar"])),
            }
        )
    )


if __name__ == "__main__":
    main()
