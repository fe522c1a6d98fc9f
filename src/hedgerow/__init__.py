"""Hedgerow: an autonomous crypto hedge fund that explains every trade."""
