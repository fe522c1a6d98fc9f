-- The 1m candles stored before there were roll-ups. Repeated, or met by new candles on the way,
-- it stores minutes twice, which readers of the roll-ups recognise: slower, and still right.
INSERT INTO market_data_kline_5m
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
    FROM market_data_kline FINAL
    WHERE timeframe = '1m'
)
GROUP BY timestamp, symbol, exchange
