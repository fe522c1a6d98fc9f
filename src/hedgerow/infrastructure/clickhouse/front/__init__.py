"""ClickHouse's HTTP protocol on loopback, in front of the ClickHouse inside this process."""
