"""Candles from a folder of CSV or Parquet files, one file per symbol, exact and checked."""

from hedgerow.infrastructure.candle_files.columns import read_candle_columns
from hedgerow.infrastructure.candle_files.read import bundled_sample, read_candles

__all__ = ["bundled_sample", "read_candle_columns", "read_candles"]
