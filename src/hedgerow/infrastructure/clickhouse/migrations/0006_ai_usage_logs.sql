-- Every call of a model, and what it cost. The index finds calls that are stored already.
CREATE TABLE IF NOT EXISTS ai_usage_logs (
    timestamp DateTime('UTC') CODEC(Delta, ZSTD(1)),
    event_id String,
    user_id String,
    session_id String,
    agent_name LowCardinality(String),
    provider Enum8('anthropic' = 1, 'openai' = 2, 'google' = 3, 'deepseek' = 4),
    model_id LowCardinality(String),
    prompt_tokens UInt32,
    completion_tokens UInt32,
    total_tokens UInt32,
    input_cost_usd Float64,
    output_cost_usd Float64,
    total_cost_usd Float64,
    tool_calls_count UInt16,
    is_cached Bool,
    cache_hit Bool,
    latency_ms UInt32,
    reasoning_step UInt16,
    workflow_name LowCardinality(String),
    INDEX event event_id TYPE bloom_filter(0.01) GRANULARITY 1
) ENGINE = ReplacingMergeTree()
PARTITION BY toYYYYMM(timestamp)
ORDER BY (user_id, timestamp, event_id)
