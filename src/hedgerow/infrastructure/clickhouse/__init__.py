"""Market data in ClickHouse, run inside this process."""
