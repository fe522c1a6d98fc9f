"""Backtests from Python: `from hedgerow.backtest import backtest`.

A backtest runs the fund's own steps, risk engine and paper venue over past candles, with every
store in memory. What is asked for has the names of `hedgerow backtest --help`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

from hedgerow.bootstrap.backtests import backtest_desk, read_series
from hedgerow.bootstrap.desks import ChosenRegimes, chosen_regimes
from hedgerow.domain.limits import LimitProfile
from hedgerow.domain.market import MarketType
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.domain.users import UserSettings
from hedgerow.entrypoints.option_values import (
    capital_of,
    exchange_of,
    symbols_of,
    timeframe_of,
    word_of,
)
from hedgerow.infrastructure.agents.signal_lookout import Column, Columns
from hedgerow.infrastructure.embedded.data_folder import Places
from hedgerow.settings import load_settings
from hedgerow.usecases.backtest.desk import BacktestPlan
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.backtest.market import Market, RuleAnalyst
from hedgerow.usecases.backtest.request import HOUSE, DeskRequest
from hedgerow.usecases.backtest.result import BacktestResult
from hedgerow.usecases.backtest.run import run_backtest
from hedgerow.usecases.candle_series import CandleSeries

__all__ = [
    "BacktestResult",
    "CandleSeries",
    "Column",
    "Columns",
    "Market",
    "RuleAnalyst",
    "backtest",
    "read_candles",
]

Candles = Mapping[str, CandleSeries]


def read_candles(
    folder: str | Path | None = None,
    symbols: Sequence[str] | None = None,
    timeframe: str | None = None,
    *,
    allow_gaps: bool = False,
) -> Candles:
    """Candles from a folder of files, by symbol, to be used by any number of backtests.

    Without a folder they are the bundled ones. Raises InputRefused for files, symbols and
    timeframes that are wrong.
    """
    return read_series(
        None if folder is None else Path(folder),
        timeframe_of(timeframe),
        None if symbols is None else symbols_of(",".join(symbols)),
        allow_gaps=allow_gaps,
    )


def backtest(
    candles: str | Path | Candles | None = None,
    analyst: str | type[Any] = HOUSE,
    params: Mapping[str, object] | None = None,
    *,
    capital: Decimal | int | str = 10_000,
    market: str = "spot",
    leverage: int = 1,
    exchange: str = "binance",
    fee_tier: str = "regular",
    slippage: str = "drawn:0.0005",
    latency_ms: int = 0,
    funding: str | None = None,
    seed: int = 7,
    risk: str = "moderate",
    memory: bool = True,
    profile: LimitProfile | None = None,
    settings: UserSettings | None = None,
    path: str | None = None,
    show: Callable[[int], None] = lambda _: None,
    is_stopped: Callable[[], bool] = lambda: False,
) -> BacktestResult:
    """Run one backtest to its end.

    `candles` are a folder, what `read_candles` gave, or the bundled ones; `analyst` is `house`,
    `FILE.py:Class` or a class. `profile` and `settings` bound the fund as they would a user's.
    `path` is `fast` where the analyst gives its signals in columns, else `event-driven`.
    Raises InputRefused for whatever cannot be run.
    """
    read = candles if isinstance(candles, Mapping) else read_candles(candles)
    request = DeskRequest(
        analyst=analyst,
        params=params or {},
        exchange=exchange_of(exchange),
        market_type=word_of("--market", MarketType, market),
        leverage=leverage,
        fee_tier=fee_tier,
        slippage=slippage,
        latency_ms=latency_ms,
        funding=funding,
        seed=seed,
    )
    way = None if path is None else word_of("--path", BacktestPath, path)
    request.require_path(way)
    plan = BacktestPlan(
        exchange=request.exchange,
        capital=capital_of(str(capital)),
        market_type=request.market_type,
        leverage=leverage,
        risk_tolerance=word_of("--risk", RiskTolerance, risk),
        position_share_max=request.position_share_max,
        profile=profile,
        settings=settings,
        path=way,
    )
    desk = backtest_desk(
        request,
        read,
        _regimes() if analyst == HOUSE else (),
        _embedder() if memory and analyst == HOUSE else None,
    )
    return _finish(lambda: asyncio.run(run_backtest(desk, plan, read, show, is_stopped)))


def _regimes() -> ChosenRegimes:
    """The learned models of regimes that HEDGEROW_REGIME_MODELS chooses for every fund."""
    settings = load_settings()
    return chosen_regimes(settings, Places(settings.data_dir))


def _embedder() -> Any:
    from hedgerow.infrastructure.embedders import WordLlamaEmbedder  # noqa: PLC0415

    return WordLlamaEmbedder()


def _finish(work: Callable[[], BacktestResult]) -> BacktestResult:
    """Do it here, or in a thread where a loop runs already, as in a notebook."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return work()
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(work).result()
