"""Measurements, each a module that prints JSON: python -m benchmarks.demo --json."""
