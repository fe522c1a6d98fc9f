"""Backtests: the fund's own steps over past candles, with every store in memory."""
