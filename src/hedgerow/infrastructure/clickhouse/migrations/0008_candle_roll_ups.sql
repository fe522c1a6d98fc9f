-- Candles of 5m to 1d made of the 1m candles, each span from the one before.
--
-- `minutes` holds the minutes of the day that were stored, `stored` how many candles came. Where
-- the two agree every minute came once, in whatever order, and the sums are exact. Where they do
-- not, a minute came twice, and the reader makes that one candle of the 1m candles instead.
CREATE TABLE IF NOT EXISTS market_data_kline_5m (
    timestamp DateTime64(3, 'UTC'),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    open AggregateFunction(argMin, Decimal(38, 18), DateTime64(3, 'UTC')),
    high SimpleAggregateFunction(max, Decimal(38, 18)),
    low SimpleAggregateFunction(min, Decimal(38, 18)),
    close AggregateFunction(argMax, Decimal(38, 18), DateTime64(3, 'UTC')),
    volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    quote_volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    trades_count SimpleAggregateFunction(sum, UInt64),
    stored SimpleAggregateFunction(sum, UInt64),
    minutes AggregateFunction(groupBitmap, UInt16)
) ENGINE = AggregatingMergeTree()
ORDER BY (symbol, exchange, timestamp);

CREATE MATERIALIZED VIEW IF NOT EXISTS market_data_kline_5m_roll_up TO market_data_kline_5m AS
SELECT
    toDateTime64(toStartOfInterval(part, INTERVAL 5 MINUTE), 3, 'UTC') AS timestamp,
    symbol,
    exchange,
    argMinState(open, part) AS open,
    max(high) AS high,
    min(low) AS low,
    argMaxState(close, part) AS close,
    sum(volume) AS volume,
    sum(quote_volume) AS quote_volume,
    sum(toUInt64(trades_count)) AS trades_count,
    count() AS stored,
    groupBitmapState(toUInt16(toHour(part) * 60 + toMinute(part))) AS minutes
FROM (
    SELECT timestamp AS part, * EXCEPT (timestamp)
    FROM market_data_kline
    WHERE timeframe = '1m'
)
GROUP BY timestamp, symbol, exchange;

CREATE TABLE IF NOT EXISTS market_data_kline_15m (
    timestamp DateTime64(3, 'UTC'),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    open AggregateFunction(argMin, Decimal(38, 18), DateTime64(3, 'UTC')),
    high SimpleAggregateFunction(max, Decimal(38, 18)),
    low SimpleAggregateFunction(min, Decimal(38, 18)),
    close AggregateFunction(argMax, Decimal(38, 18), DateTime64(3, 'UTC')),
    volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    quote_volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    trades_count SimpleAggregateFunction(sum, UInt64),
    stored SimpleAggregateFunction(sum, UInt64),
    minutes AggregateFunction(groupBitmap, UInt16)
) ENGINE = AggregatingMergeTree()
ORDER BY (symbol, exchange, timestamp);

CREATE MATERIALIZED VIEW IF NOT EXISTS market_data_kline_15m_roll_up TO market_data_kline_15m AS
SELECT
    toDateTime64(toStartOfInterval(part, INTERVAL 15 MINUTE), 3, 'UTC') AS timestamp,
    symbol,
    exchange,
    argMinMergeState(open) AS open,
    max(high) AS high,
    min(low) AS low,
    argMaxMergeState(close) AS close,
    sum(volume) AS volume,
    sum(quote_volume) AS quote_volume,
    sum(trades_count) AS trades_count,
    sum(stored) AS stored,
    groupBitmapMergeState(minutes) AS minutes
FROM (
    SELECT timestamp AS part, * EXCEPT (timestamp)
    FROM market_data_kline_5m
)
GROUP BY timestamp, symbol, exchange;

CREATE TABLE IF NOT EXISTS market_data_kline_1h (
    timestamp DateTime64(3, 'UTC'),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    open AggregateFunction(argMin, Decimal(38, 18), DateTime64(3, 'UTC')),
    high SimpleAggregateFunction(max, Decimal(38, 18)),
    low SimpleAggregateFunction(min, Decimal(38, 18)),
    close AggregateFunction(argMax, Decimal(38, 18), DateTime64(3, 'UTC')),
    volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    quote_volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    trades_count SimpleAggregateFunction(sum, UInt64),
    stored SimpleAggregateFunction(sum, UInt64),
    minutes AggregateFunction(groupBitmap, UInt16)
) ENGINE = AggregatingMergeTree()
ORDER BY (symbol, exchange, timestamp);

CREATE MATERIALIZED VIEW IF NOT EXISTS market_data_kline_1h_roll_up TO market_data_kline_1h AS
SELECT
    toDateTime64(toStartOfInterval(part, INTERVAL 1 HOUR), 3, 'UTC') AS timestamp,
    symbol,
    exchange,
    argMinMergeState(open) AS open,
    max(high) AS high,
    min(low) AS low,
    argMaxMergeState(close) AS close,
    sum(volume) AS volume,
    sum(quote_volume) AS quote_volume,
    sum(trades_count) AS trades_count,
    sum(stored) AS stored,
    groupBitmapMergeState(minutes) AS minutes
FROM (
    SELECT timestamp AS part, * EXCEPT (timestamp)
    FROM market_data_kline_15m
)
GROUP BY timestamp, symbol, exchange;

CREATE TABLE IF NOT EXISTS market_data_kline_4h (
    timestamp DateTime64(3, 'UTC'),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    open AggregateFunction(argMin, Decimal(38, 18), DateTime64(3, 'UTC')),
    high SimpleAggregateFunction(max, Decimal(38, 18)),
    low SimpleAggregateFunction(min, Decimal(38, 18)),
    close AggregateFunction(argMax, Decimal(38, 18), DateTime64(3, 'UTC')),
    volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    quote_volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    trades_count SimpleAggregateFunction(sum, UInt64),
    stored SimpleAggregateFunction(sum, UInt64),
    minutes AggregateFunction(groupBitmap, UInt16)
) ENGINE = AggregatingMergeTree()
ORDER BY (symbol, exchange, timestamp);

CREATE MATERIALIZED VIEW IF NOT EXISTS market_data_kline_4h_roll_up TO market_data_kline_4h AS
SELECT
    toDateTime64(toStartOfInterval(part, INTERVAL 4 HOUR), 3, 'UTC') AS timestamp,
    symbol,
    exchange,
    argMinMergeState(open) AS open,
    max(high) AS high,
    min(low) AS low,
    argMaxMergeState(close) AS close,
    sum(volume) AS volume,
    sum(quote_volume) AS quote_volume,
    sum(trades_count) AS trades_count,
    sum(stored) AS stored,
    groupBitmapMergeState(minutes) AS minutes
FROM (
    SELECT timestamp AS part, * EXCEPT (timestamp)
    FROM market_data_kline_1h
)
GROUP BY timestamp, symbol, exchange;

CREATE TABLE IF NOT EXISTS market_data_kline_1d (
    timestamp DateTime64(3, 'UTC'),
    symbol LowCardinality(String),
    exchange LowCardinality(String),
    open AggregateFunction(argMin, Decimal(38, 18), DateTime64(3, 'UTC')),
    high SimpleAggregateFunction(max, Decimal(38, 18)),
    low SimpleAggregateFunction(min, Decimal(38, 18)),
    close AggregateFunction(argMax, Decimal(38, 18), DateTime64(3, 'UTC')),
    volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    quote_volume SimpleAggregateFunction(sum, Decimal(38, 18)),
    trades_count SimpleAggregateFunction(sum, UInt64),
    stored SimpleAggregateFunction(sum, UInt64),
    minutes AggregateFunction(groupBitmap, UInt16)
) ENGINE = AggregatingMergeTree()
ORDER BY (symbol, exchange, timestamp);

CREATE MATERIALIZED VIEW IF NOT EXISTS market_data_kline_1d_roll_up TO market_data_kline_1d AS
SELECT
    toDateTime64(toStartOfInterval(part, INTERVAL 1 DAY), 3, 'UTC') AS timestamp,
    symbol,
    exchange,
    argMinMergeState(open) AS open,
    max(high) AS high,
    min(low) AS low,
    argMaxMergeState(close) AS close,
    sum(volume) AS volume,
    sum(quote_volume) AS quote_volume,
    sum(trades_count) AS trades_count,
    sum(stored) AS stored,
    groupBitmapMergeState(minutes) AS minutes
FROM (
    SELECT timestamp AS part, * EXCEPT (timestamp)
    FROM market_data_kline_4h
)
GROUP BY timestamp, symbol, exchange
