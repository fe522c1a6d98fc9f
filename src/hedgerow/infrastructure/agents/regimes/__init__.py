"""Regimes that a model has learned: its features, its training, its files, and how it is asked."""
