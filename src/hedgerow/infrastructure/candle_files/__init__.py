"""Candles from a folder of CSV or Parquet files, one file per symbol, exact and checked."""

from hedgerow.infrastructure.candle_files.candle_set import CandleSet, Gap
from hedgerow.infrastructure.candle_files.read import bundled_sample, read_candles

__all__ = ["CandleSet", "Gap", "bundled_sample", "read_candles"]
