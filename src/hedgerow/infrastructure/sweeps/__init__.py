"""Sweeps on this machine and on others: workers, the file of results, and Optuna's search."""
