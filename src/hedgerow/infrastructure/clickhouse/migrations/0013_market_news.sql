-- News as it was first seen; `timestamp` is when that was. Of an item stored twice the one known
-- earlier stays, for `earliness` is greater: what somebody knew at a moment does not change later.
-- No partitions: merges, which keep the earlier one, do not look across them.
CREATE TABLE IF NOT EXISTS market_news (
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    id String,
    source LowCardinality(String),
    title String CODEC(ZSTD(1)),
    summary String CODEC(ZSTD(1)),
    url String CODEC(ZSTD(1)),
    symbols Array(LowCardinality(String)),
    published_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    earliness UInt64 MATERIALIZED 18446744073709551615 - toUInt64(toUnixTimestamp64Micro(timestamp))
) ENGINE = ReplacingMergeTree(earliness)
ORDER BY id
