"""The strategy of benchmarks/backtest.py in NautilusTrader; run by it, in another environment."""

from __future__ import annotations

import json
import resource
import sys
import time
from decimal import Decimal

import numpy as np
import pandas as pd
from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.config import LoggingConfig, StrategyConfig
from nautilus_trader.indicators import ExponentialMovingAverage
from nautilus_trader.model.currencies import BTC, USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.persistence.wranglers import BarDataWrangler
from nautilus_trader.trading.strategy import Strategy

VENUE = Venue("SIM")
ID = InstrumentId(Symbol("BTC/USDT"), VENUE)
BARS = BarType.from_str(f"{ID}-1-MINUTE-LAST-EXTERNAL")
START = pd.Timestamp("2023-01-01", tz="UTC")
MINUTE_NS = 60_000_000_000


class EmaCross(Strategy):  # type: ignore[misc]
    """Buys where the fast average crosses above the slow one, with a stop and a target."""

    def __init__(self, fast: int, slow: int) -> None:
        super().__init__(StrategyConfig())
        self.fast, self.slow = ExponentialMovingAverage(fast), ExponentialMovingAverage(slow)
        self.was_above: bool | None = None

    def on_start(self) -> None:
        """Watch the bars."""
        self.instrument = self.cache.instrument(ID)
        self.register_indicator_for_bars(BARS, self.fast)
        self.register_indicator_for_bars(BARS, self.slow)
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Bar) -> None:
        """Act on the bar that has closed."""
        if not self.indicators_initialized():
            return
        is_above, was_above = self.fast.value > self.slow.value, self.was_above
        self.was_above = is_above
        if was_above is None or is_above == was_above:
            return
        close = bar.close.as_double()
        if is_above and self.portfolio.is_flat(ID):
            self.submit_order_list(
                self.order_factory.bracket(
                    instrument_id=ID,
                    order_side=OrderSide.BUY,
                    quantity=self.instrument.make_qty(10_000 / close),
                    sl_trigger_price=self.instrument.make_price(close * 0.98),
                    tp_price=self.instrument.make_price(close * 1.04),
                )
            )
        elif not is_above and not self.portfolio.is_flat(ID):
            self.cancel_all_orders(ID)
            self.close_all_positions(ID)


def main() -> None:
    """Measure and print; making bars of the candles is not counted."""
    rows = np.load(sys.argv[1])
    fast, slow = int(sys.argv[2]), int(sys.argv[3])
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("BENCH-001"), logging=LoggingConfig(bypass_logging=True)
        )
    )
    engine.add_venue(
        VENUE, OmsType.NETTING, AccountType.MARGIN, [Money(1_000_000, USDT)], base_currency=USDT
    )
    instrument = _instrument()
    engine.add_instrument(instrument)
    engine.add_data(BarDataWrangler(BARS, instrument).process(_frame(rows)))
    engine.add_strategy(EmaCross(fast, slow))
    before = time.perf_counter(), time.process_time()
    engine.run()
    elapsed_s, cpu_s = time.perf_counter() - before[0], time.process_time() - before[1]
    positions = engine.cache.positions() + engine.cache.position_snapshots()
    bars = rows.shape[1]
    print(
        json.dumps(
            {
                "bars_per_s": round(bars / elapsed_s),
                "bars_per_cpu_s": round(bars / cpu_s),
                "elapsed_s": round(elapsed_s, 2),
                "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "trades": len(positions),
                "entry_bars": sorted((p.ts_opened - START.value) // MINUTE_NS for p in positions),
            }
        )
    )


def _frame(rows: np.ndarray) -> pd.DataFrame:
    closes_at = pd.date_range(START + pd.Timedelta("1min"), periods=rows.shape[1], freq="min")
    prices = dict(zip(("open", "high", "low", "close"), rows[:4] / 100, strict=True))
    return pd.DataFrame({**prices, "volume": rows[4] / 1000}, index=closes_at)


def _instrument() -> CurrencyPair:
    return CurrencyPair(
        instrument_id=ID,
        raw_symbol=Symbol("BTCUSDT"),
        base_currency=BTC,
        quote_currency=USDT,
        price_precision=2,
        size_precision=3,
        price_increment=Price.from_str("0.01"),
        size_increment=Quantity.from_str("0.001"),
        margin_init=Decimal("0.1"),
        margin_maint=Decimal("0.05"),
        maker_fee=Decimal("0.001"),
        taker_fee=Decimal("0.001"),
        ts_event=0,
        ts_init=0,
    )


if __name__ == "__main__":
    main()
