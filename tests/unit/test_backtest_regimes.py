"""A backtest's house reads regimes as a fund does: by the same models, from the same candle on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pytest

from backtest_builders import BTC, wandering
from hedgerow.backtest import backtest
from hedgerow.bootstrap.backtests import backtest_desk
from hedgerow.bootstrap.desks import chosen_regimes
from hedgerow.domain.market import Candle, Exchange
from hedgerow.domain.proposals import Abstention, Decision
from hedgerow.domain.regimes import MODEL_VERSION, Regime, RegimeReading
from hedgerow.infrastructure.agents.regimes.model import LearnedRegimes
from hedgerow.infrastructure.embedded.data_folder import Places
from hedgerow.settings import Settings
from hedgerow.usecases.backtest.desk import BacktestDesk, BacktestPlan, ByBriefing
from hedgerow.usecases.backtest.request import DeskRequest
from hedgerow.usecases.backtest.run import run_backtest
from hedgerow.usecases.ports.desk import Briefing, Recall

PLAN = BacktestPlan(Exchange.BINANCE, Decimal(10_000))
VERSION = "regime_model_1h_v1"


class Growing:
    """Reads fifty candles, and is content with ten."""

    candles_needed = 50
    candles_least = 10
    versions = ("growing",)

    def __init__(self) -> None:
        self.read_candles: list[int] = []

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        self.read_candles.append(len(candles))
        return RegimeReading(Regime.TRANSITION, 0.5, {}, "growing")


@dataclass
class Listener:
    """Keeps its briefings."""

    candles_needed: int = 5
    heard: list[Briefing] = field(default_factory=list)

    async def decide(self, briefing: Briefing, recall: Recall) -> Decision:
        self.heard.append(briefing)
        return Abstention(briefing.symbol, "listening", "listener")


def desk_of(chosen: Settings, folder: Path) -> BacktestDesk:
    models = chosen_regimes(chosen, Places(folder))
    return backtest_desk(DeskRequest(), {BTC: wandering(1, 60)}, models)


async def test_it_asks_as_soon_as_a_fund_would() -> None:
    model, listener = Growing(), Listener()
    desk = replace(desk_of(Settings(), Path()), decides=ByBriefing(listener, model, None))
    result = await run_backtest(desk, PLAN, {BTC: wandering(1, 60)})
    assert model.read_candles == [*range(10, 50), *[50] * 11]
    assert result.decisions == len(listener.heard) == 51


def test_the_models_are_those_that_are_chosen(tmp_path: Path) -> None:
    decides = desk_of(Settings(regime_models=VERSION), tmp_path).decides
    assert isinstance(decides, ByBriefing)
    assert isinstance(decides.regime_model, LearnedRegimes)
    assert decides.regime_model.versions == (VERSION, MODEL_VERSION)
    decides = desk_of(Settings(), tmp_path).decides
    assert isinstance(decides, ByBriefing)
    assert decides.regime_model.versions == (MODEL_VERSION,)


def test_from_python_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HEDGEROW_DATA_DIR", str(tmp_path / "none"))
    monkeypatch.setenv("HEDGEROW_REGIME_MODELS", VERSION)
    backtest({BTC: wandering(1, 150)}, memory=False)
    assert f"{BTC} 1h is left to the rules: the model cannot be read ({VERSION}" in caplog.text
    assert not (tmp_path / "none").exists()
