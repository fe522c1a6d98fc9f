"""Evaluations of three days of hours, on a model that is never asked."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from hedgerow.domain.ai_usage import model_choice
from hedgerow.domain.market import Exchange
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.evaluate.plan import EvaluationPlan
from replay_builders import candle_set, hourly

MODEL = model_choice("openai", "m")
CLOSES = [100 + number for number in range(72)]
START = hourly("BTC/USDT", CLOSES)[0].open_time
END = START + timedelta(hours=72)


def evaluation_plan(**changes: Any) -> EvaluationPlan:
    """Two seeds of the desk, twenty draws of chance."""
    usual: dict[str, Any] = {
        "candles": candle_set(hourly("BTC/USDT", CLOSES)),
        "exchange": Exchange.BINANCE,
        "capital": Decimal(1000),
        "risk_tolerance": RiskTolerance.MODERATE,
        "seeds": 2,
        "draws": 20,
        "default": MODEL,
        "models": (MODEL,),
    }
    return EvaluationPlan(**(usual | changes))
