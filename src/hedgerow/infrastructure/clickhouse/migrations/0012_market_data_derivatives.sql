-- Funding and open interest of perpetual futures. A reading stored twice is one reading.
CREATE TABLE IF NOT EXISTS market_data_derivatives (
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    funding_ratio Decimal(38, 18) CODEC(ZSTD(1)),
    open_interest Decimal(38, 18) CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(timestamp)
ORDER BY (symbol, exchange, timestamp)
