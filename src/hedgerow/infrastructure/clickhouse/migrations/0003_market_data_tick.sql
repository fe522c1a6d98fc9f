-- What the tickers of exchanges say, as it arrives: the last price and the best bid and ask.
-- A tick stored twice is one tick.
CREATE TABLE IF NOT EXISTS market_data_tick (
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    price Decimal(38, 18) CODEC(ZSTD(1)),
    bid Decimal(38, 18) CODEC(ZSTD(1)),
    ask Decimal(38, 18) CODEC(ZSTD(1))
) ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(timestamp)
ORDER BY (symbol, exchange, timestamp)
