"""Candles from a folder of CSV or Parquet files, one file per symbol, exact and checked."""

from hedgerow.infrastructure.candle_files.columns import read_candle_columns
from hedgerow.infrastructure.candle_files.exact_series import exact_series
from hedgerow.infrastructure.candle_files.read import bundled_sample, read_candles

__all__ = ["bundled_sample", "exact_series", "read_candle_columns", "read_candles"]
