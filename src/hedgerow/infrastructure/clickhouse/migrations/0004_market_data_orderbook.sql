-- Snapshots of order books, the best level first. A snapshot stored twice is one snapshot.
CREATE TABLE IF NOT EXISTS market_data_orderbook (
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    bid_prices Array(Decimal(38, 18)) CODEC(ZSTD(1)),
    bid_quantities Array(Decimal(38, 18)) CODEC(ZSTD(1)),
    ask_prices Array(Decimal(38, 18)) CODEC(ZSTD(1)),
    ask_quantities Array(Decimal(38, 18)) CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(timestamp)
ORDER BY (symbol, exchange, timestamp)
