"""Places that execute orders."""
