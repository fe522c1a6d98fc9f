-- Closed candles of all exchanges. A candle stored twice is one candle: the later one stays.
CREATE TABLE IF NOT EXISTS market_data_kline (
    timestamp DateTime64(3, 'UTC'),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    timeframe LowCardinality(String),
    open Decimal(18, 8),
    high Decimal(18, 8),
    low Decimal(18, 8),
    close Decimal(18, 8),
    volume Decimal(18, 8),
    quote_volume Decimal(18, 8),
    trades_count UInt32
) ENGINE = ReplacingMergeTree()
ORDER BY (symbol, exchange, timeframe, timestamp)
