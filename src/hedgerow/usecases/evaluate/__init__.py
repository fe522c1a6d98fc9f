"""Evaluations: the desk beside the house's rules, buy-and-hold and chance, on the same candles."""
