"""Many backtests of one strategy with other parameters each, and what to believe of the best."""
