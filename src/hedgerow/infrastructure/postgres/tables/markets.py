"""What all users share: the regimes of markets."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Table, Text, UniqueConstraint

from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.postgres.tables.columns import (
    choice,
    document,
    metadata,
    moment,
    primary_id,
    real,
    share,
    text,
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

regime_sources = Table(
    "regime_sources",
    metadata,
    Column("symbol", Text, primary_key=True, comment="BASE/QUOTE"),
    choice("exchange", Exchange, "whose candles its regimes are read from"),
    comment="Which exchange the regimes of a symbol are of: one for all of its rows.",
)
