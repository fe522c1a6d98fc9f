-- What models cost by user and day, and by agent: sums that outlive the calls they sum up.
CREATE TABLE IF NOT EXISTS ai_cost_by_user_day (
    user_id String,
    date Date,
    cost SimpleAggregateFunction(sum, Float64),
    requests SimpleAggregateFunction(sum, UInt64),
    total_tokens SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree()
ORDER BY (user_id, date);

CREATE MATERIALIZED VIEW IF NOT EXISTS ai_cost_by_user_day_roll_up TO ai_cost_by_user_day AS
SELECT
    user_id,
    toDate(timestamp) AS date,
    sum(total_cost_usd) AS cost,
    count() AS requests,
    sum(toUInt64(ai_usage_logs.total_tokens)) AS total_tokens
FROM ai_usage_logs
GROUP BY user_id, date;

CREATE TABLE IF NOT EXISTS ai_cost_by_agent (
    agent_name LowCardinality(String),
    cost SimpleAggregateFunction(sum, Float64),
    requests SimpleAggregateFunction(sum, UInt64),
    total_tokens SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree()
ORDER BY agent_name;

CREATE MATERIALIZED VIEW IF NOT EXISTS ai_cost_by_agent_roll_up TO ai_cost_by_agent AS
SELECT
    agent_name,
    sum(total_cost_usd) AS cost,
    count() AS requests,
    sum(toUInt64(ai_usage_logs.total_tokens)) AS total_tokens
FROM ai_usage_logs
GROUP BY agent_name
