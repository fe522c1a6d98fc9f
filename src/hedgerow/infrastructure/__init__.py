"""One drawer per vendor; drawers do not know each other."""
