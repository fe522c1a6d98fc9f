"""What all users share: the rules of instruments, and the regimes of markets."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, PrimaryKeyConstraint, Table, UniqueConstraint

from hedgerow.domain.market import Exchange, MarketType, Timeframe
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.postgres.tables.columns import (
    choice,
    count,
    document,
    leverage,
    metadata,
    moment,
    not_negative,
    number,
    positive,
    primary_id,
    real,
    share,
    text,
)

instruments = Table(
    "instruments",
    metadata,
    choice("exchange", Exchange, "the exchange that sets these rules"),
    text("symbol", "BASE/QUOTE"),
    choice("market_type", MarketType, "spot or futures"),
    number("price_tick", "the grid of prices, quote currency"),
    number("quantity_step", "the grid of quantities, base currency"),
    number("notional_quote_min", "the smallest order, quote currency"),
    number("maintenance_margin_ratio", "margin below which a position is liquidated, of notional"),
    count("leverage_max", "the highest leverage the exchange gives"),
    PrimaryKeyConstraint("exchange", "symbol", "market_type"),
    *positive("price_tick", "quantity_step"),
    *not_negative("notional_quote_min"),
    *share("maintenance_margin_ratio"),
    leverage("leverage_max"),
    comment="The trading rules of exchanges; shared by all users.",
)

regime_classifications = Table(
    "regime_classifications",
    metadata,
    primary_id(),
    text("symbol", "BASE/QUOTE"),
    choice("timeframe", Timeframe, "the candles that were read"),
    moment("timestamp", "from when it was known: the close of the last candle"),
    choice("regime", Regime, "what the market was doing"),
    real("confidence", "how sure the model was, 0 to 1"),
    document("indicators", "what the model read, by name (float64)"),
    text("model_version", "the model that judged"),
    UniqueConstraint("symbol", "timeframe", "timestamp", "model_version"),
    *share("confidence"),
    CheckConstraint("jsonb_typeof(indicators) = 'object'", "indicators"),
    comment="Market regimes as they were known; shared by all users.",
)
