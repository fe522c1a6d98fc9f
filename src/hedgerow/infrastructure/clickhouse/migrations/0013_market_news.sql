-- News as it was first seen; `timestamp` is when that was. By time, because it is read by time; the
-- index finds items that are stored already, which are not stored again.
CREATE TABLE IF NOT EXISTS market_news (
    timestamp DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    id String,
    source LowCardinality(String),
    title String CODEC(ZSTD(1)),
    summary String CODEC(ZSTD(1)),
    url String CODEC(ZSTD(1)),
    symbols Array(LowCardinality(String)),
    published_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    INDEX item id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(timestamp)
ORDER BY (timestamp, id)
