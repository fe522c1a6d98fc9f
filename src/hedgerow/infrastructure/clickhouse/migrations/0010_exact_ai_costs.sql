-- What models cost is money, and exact. By way of text the digits stay that were written: 0.3, where
-- a cast of the float would make 0.300000000000000064 of some. The views come back in the next file.
DROP VIEW IF EXISTS ai_cost_by_user_day_roll_up;

DROP VIEW IF EXISTS ai_cost_by_agent_roll_up;

ALTER TABLE ai_usage_logs
    MODIFY COLUMN input_cost_usd String,
    MODIFY COLUMN output_cost_usd String,
    MODIFY COLUMN total_cost_usd String;

ALTER TABLE ai_usage_logs
    MODIFY COLUMN input_cost_usd Decimal(38, 18),
    MODIFY COLUMN output_cost_usd Decimal(38, 18),
    MODIFY COLUMN total_cost_usd Decimal(38, 18),
    MODIFY COLUMN provider Enum8('anthropic' = 1, 'openai' = 2, 'google' = 3, 'deepseek' = 4,
        'compatible' = 5, 'house' = 6),
    ADD COLUMN IF NOT EXISTS cached_tokens UInt32,
    ADD COLUMN IF NOT EXISTS cache_write_tokens UInt32,
    ADD COLUMN IF NOT EXISTS thinking_tokens UInt32
