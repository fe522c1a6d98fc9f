-- Trades of everybody on an exchange; `side` is the taker's. A trade stored twice is one trade.
CREATE TABLE IF NOT EXISTS market_data_trades (
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    trade_id String CODEC(ZSTD(1)),
    side Enum8('buy' = 1, 'sell' = 2),
    price Decimal(38, 18) CODEC(ZSTD(1)),
    quantity Decimal(38, 18) CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(timestamp)
ORDER BY (symbol, exchange, timestamp, trade_id)
