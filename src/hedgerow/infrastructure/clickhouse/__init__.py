"""Market data and AI usage in ClickHouse: run inside this process, or reached over HTTP."""
