-- What models cost by user and day, by agent and by model: exact sums that outlive the calls, with
-- tokens told apart. Sums of before keep their cost, requests and tokens altogether; of prompts and
-- completions they get what the calls say that are still stored. Those by agent were kept without
-- user and day, and stay so: under no user, on the first day that there is.
--
-- A new table takes the place of the old one, so that a file that broke off can be repeated.
DROP TABLE IF EXISTS ai_cost_by_user_day_exact SYNC;

CREATE TABLE IF NOT EXISTS ai_cost_by_user_day_exact (
    user_id String,
    date Date,
    cost SimpleAggregateFunction(sum, Decimal(38, 18)),
    requests SimpleAggregateFunction(sum, UInt64),
    total_tokens SimpleAggregateFunction(sum, UInt64),
    prompt_tokens SimpleAggregateFunction(sum, UInt64),
    cached_tokens SimpleAggregateFunction(sum, UInt64),
    cache_write_tokens SimpleAggregateFunction(sum, UInt64),
    completion_tokens SimpleAggregateFunction(sum, UInt64),
    thinking_tokens SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree()
ORDER BY (user_id, date);

INSERT INTO ai_cost_by_user_day_exact (user_id, date, cost, requests, total_tokens)
SELECT user_id, date, toDecimal128(toString(cost), 18), requests, total_tokens
FROM ai_cost_by_user_day;

INSERT INTO ai_cost_by_user_day_exact (user_id, date, prompt_tokens, completion_tokens)
SELECT user_id, toDate(timestamp) AS date, sum(toUInt64(prompt_tokens)), sum(toUInt64(completion_tokens))
FROM ai_usage_logs FINAL
GROUP BY user_id, date;

EXCHANGE TABLES ai_cost_by_user_day AND ai_cost_by_user_day_exact;

DROP TABLE IF EXISTS ai_cost_by_user_day_exact SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS ai_cost_by_user_day_roll_up TO ai_cost_by_user_day AS
SELECT
    user_id,
    toDate(timestamp) AS date,
    sum(total_cost_usd) AS cost,
    count() AS requests,
    sum(toUInt64(ai_usage_logs.total_tokens)) AS total_tokens,
    sum(toUInt64(ai_usage_logs.prompt_tokens)) AS prompt_tokens,
    sum(toUInt64(ai_usage_logs.cached_tokens)) AS cached_tokens,
    sum(toUInt64(ai_usage_logs.cache_write_tokens)) AS cache_write_tokens,
    sum(toUInt64(ai_usage_logs.completion_tokens)) AS completion_tokens,
    sum(toUInt64(ai_usage_logs.thinking_tokens)) AS thinking_tokens
FROM ai_usage_logs
GROUP BY user_id, date;

DROP TABLE IF EXISTS ai_cost_by_agent_exact SYNC;

CREATE TABLE IF NOT EXISTS ai_cost_by_agent_exact (
    agent_name LowCardinality(String),
    user_id String,
    date Date,
    cost SimpleAggregateFunction(sum, Decimal(38, 18)),
    requests SimpleAggregateFunction(sum, UInt64),
    total_tokens SimpleAggregateFunction(sum, UInt64),
    prompt_tokens SimpleAggregateFunction(sum, UInt64),
    cached_tokens SimpleAggregateFunction(sum, UInt64),
    cache_write_tokens SimpleAggregateFunction(sum, UInt64),
    completion_tokens SimpleAggregateFunction(sum, UInt64),
    thinking_tokens SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree()
ORDER BY (agent_name, user_id, date);

INSERT INTO ai_cost_by_agent_exact (agent_name, user_id, date, cost, requests, total_tokens)
SELECT agent_name, '', toDate(0), toDecimal128(toString(cost), 18), requests, total_tokens
FROM ai_cost_by_agent;

INSERT INTO ai_cost_by_agent_exact (agent_name, user_id, date, prompt_tokens, completion_tokens)
SELECT agent_name, '', toDate(0), sum(toUInt64(prompt_tokens)), sum(toUInt64(completion_tokens))
FROM ai_usage_logs FINAL
GROUP BY agent_name;

EXCHANGE TABLES ai_cost_by_agent AND ai_cost_by_agent_exact;

DROP TABLE IF EXISTS ai_cost_by_agent_exact SYNC;

CREATE MATERIALIZED VIEW IF NOT EXISTS ai_cost_by_agent_roll_up TO ai_cost_by_agent AS
SELECT
    agent_name,
    user_id,
    toDate(timestamp) AS date,
    sum(total_cost_usd) AS cost,
    count() AS requests,
    sum(toUInt64(ai_usage_logs.total_tokens)) AS total_tokens,
    sum(toUInt64(ai_usage_logs.prompt_tokens)) AS prompt_tokens,
    sum(toUInt64(ai_usage_logs.cached_tokens)) AS cached_tokens,
    sum(toUInt64(ai_usage_logs.cache_write_tokens)) AS cache_write_tokens,
    sum(toUInt64(ai_usage_logs.completion_tokens)) AS completion_tokens,
    sum(toUInt64(ai_usage_logs.thinking_tokens)) AS thinking_tokens
FROM ai_usage_logs
GROUP BY agent_name, user_id, date;

DROP VIEW IF EXISTS ai_cost_by_model_roll_up;

DROP TABLE IF EXISTS ai_cost_by_model SYNC;

CREATE TABLE IF NOT EXISTS ai_cost_by_model (
    provider LowCardinality(String),
    model_id LowCardinality(String),
    user_id String,
    date Date,
    cost SimpleAggregateFunction(sum, Decimal(38, 18)),
    requests SimpleAggregateFunction(sum, UInt64),
    total_tokens SimpleAggregateFunction(sum, UInt64),
    prompt_tokens SimpleAggregateFunction(sum, UInt64),
    cached_tokens SimpleAggregateFunction(sum, UInt64),
    cache_write_tokens SimpleAggregateFunction(sum, UInt64),
    completion_tokens SimpleAggregateFunction(sum, UInt64),
    thinking_tokens SimpleAggregateFunction(sum, UInt64)
) ENGINE = AggregatingMergeTree()
ORDER BY (provider, model_id, user_id, date);

INSERT INTO ai_cost_by_model
SELECT
    toString(ai_usage_logs.provider) AS provider,
    model_id,
    user_id,
    toDate(timestamp) AS date,
    sum(total_cost_usd) AS cost,
    count() AS requests,
    sum(toUInt64(ai_usage_logs.total_tokens)) AS total_tokens,
    sum(toUInt64(ai_usage_logs.prompt_tokens)) AS prompt_tokens,
    sum(toUInt64(ai_usage_logs.cached_tokens)) AS cached_tokens,
    sum(toUInt64(ai_usage_logs.cache_write_tokens)) AS cache_write_tokens,
    sum(toUInt64(ai_usage_logs.completion_tokens)) AS completion_tokens,
    sum(toUInt64(ai_usage_logs.thinking_tokens)) AS thinking_tokens
FROM ai_usage_logs FINAL
GROUP BY provider, model_id, user_id, date;

CREATE MATERIALIZED VIEW IF NOT EXISTS ai_cost_by_model_roll_up TO ai_cost_by_model AS
SELECT
    toString(ai_usage_logs.provider) AS provider,
    model_id,
    user_id,
    toDate(timestamp) AS date,
    sum(total_cost_usd) AS cost,
    count() AS requests,
    sum(toUInt64(ai_usage_logs.total_tokens)) AS total_tokens,
    sum(toUInt64(ai_usage_logs.prompt_tokens)) AS prompt_tokens,
    sum(toUInt64(ai_usage_logs.cached_tokens)) AS cached_tokens,
    sum(toUInt64(ai_usage_logs.cache_write_tokens)) AS cache_write_tokens,
    sum(toUInt64(ai_usage_logs.completion_tokens)) AS completion_tokens,
    sum(toUInt64(ai_usage_logs.thinking_tokens)) AS thinking_tokens
FROM ai_usage_logs
GROUP BY provider, model_id, user_id, date
