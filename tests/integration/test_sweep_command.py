"""`hedgerow sweep`, on real candles and the engine of backtests."""

from __future__ import annotations

import asyncio
import json
import math
import signal
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from command_line import assert_refused, ended, hedgerow, running, wait_for
from hedgerow.backtest import read_candles
from hedgerow.bootstrap.backtests import backtest_desk
from hedgerow.bootstrap.sweeps import BacktestRecipe
from hedgerow.domain.day_ranges import DayRange
from hedgerow.domain.market import Exchange
from hedgerow.domain.performance import CurvePoint, daily_returns, measure
from hedgerow.infrastructure.sweeps.candle_bytes import candles_in, write_candles
from hedgerow.usecases.backtest.desk import BacktestPlan
from hedgerow.usecases.backtest.request import DeskRequest
from hedgerow.usecases.backtest.run import run_backtest
from hedgerow.usecases.candle_series import CandleSeries, microseconds, moment
from hedgerow.usecases.sweep.outcome import max_drawdown_pct
from hedgerow.usecases.sweep.plan import whole_days

EXAMPLE = Path(__file__).parents[2] / "examples" / "ema_cross.py"
CROSS = f"{EXAMPLE}:EmaCross"
SMALL: list[object] = [
    *("sweep", "--analyst", CROSS, "--symbols", "BTC/USDT"),
    *("--param", "fast=4,8", "--param", "slow=24:48:12"),
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str, str]:
    """A small sweep by two workers: its folder, its JSON, its page and what was said."""
    folder = tmp_path_factory.mktemp("sweep")
    said = hedgerow(
        *SMALL,
        *("--workers", 2, "--json", folder / "result.json", "--page", folder / "page.html"),
        data=folder / "data",
    )
    assert (said.code, said.err) == (0, "")
    document = json.loads((folder / "result.json").read_text())
    return folder, document, (folder / "page.html").read_text(), said.out


class TestResult:
    def test_trials_stand_beside_the_best_everywhere(
        self, swept: tuple[Path, dict[str, Any], str, str]
    ) -> None:
        _, document, page, said = swept
        assert document["trials"] == document["best"]["trials"] == len(document["ranking"]) == 6
        assert 0 <= document["best"]["deflated_sharpe"] <= 1
        for text in (page, " ".join(said.split())):
            assert "The best of 6 trials" in text
            assert "Deflated Sharpe" in text
            assert "luck of 6 trials" in text

    def test_the_page_runs_nothing_and_loads_nothing(
        self, swept: tuple[Path, dict[str, Any], str, str]
    ) -> None:
        page = swept[2]
        assert "<script" not in page
        assert "http://" not in page
        assert "https://" not in page
        assert page.count('<svg class="heat"') == 2
        assert page.count("<rect") == 2 * 6
        assert page.count('<svg class="curve"') == 1

    def test_again_it_runs_nothing_and_says_the_same(
        self, swept: tuple[Path, dict[str, Any], str, str]
    ) -> None:
        folder, document, _, _ = swept
        file = folder / "again.json"
        said = hedgerow(*SMALL, "--workers", 1, "--json", file, data=folder / "data")
        assert "10 known before" in said.out
        assert json.loads(file.read_text()) == document

    def test_one_worker_says_the_same(
        self, swept: tuple[Path, dict[str, Any], str, str], tmp_path: Path
    ) -> None:
        file = tmp_path / "one.json"
        said = hedgerow(*SMALL, "--workers", 1, "--json", file, data=tmp_path / "data")
        assert said.code == 0, said
        assert json.loads(file.read_text()) == swept[1]

    def test_failing_trials_are_told_and_the_rest_goes_on(self, tmp_path: Path) -> None:
        own = tmp_path / "picky.py"
        source = EXAMPLE.read_text()
        own.write_text(
            source.replace(
                "        self.fast,",
                "        assert fast < slow, 'too fast'\n        self.fast,",
            )
        )
        said = hedgerow(
            *("sweep", "--analyst", f"{own}:EmaCross", "--symbols", "BTC/USDT"),
            *("--param", "fast=4,30", "--param", "slow=24", "--workers", 1),
            data=tmp_path / "data",
        )
        assert said.code == 0, said
        assert "Trial 2, fast=30 slow=24, failed:" in said.out
        assert "cannot be made: AssertionError: too fast" in said.out


def test_a_fault_is_told_by_its_line_in_the_file_that_was_named(tmp_path: Path) -> None:
    own = tmp_path / "faulty.py"
    own.write_text(
        "class Faulty:\n    def __init__(self, n: int):\n        self.n = n\n"
        "    def decide(self, market):\n        return self.n / 0\n"
    )
    which = ("--analyst", f"{own}:Faulty", "--param", "n=1", "--symbols", "BTC/USDT")
    said = hedgerow("sweep", *which, "--workers", 1, data=tmp_path / "data")
    assert_refused(said, "Faulty on BTC/USDT at 2023-12-30 12:00 UTC", "(faulty.py, line 5)")


def test_interrupted_it_goes_on(
    swept: tuple[Path, dict[str, Any], str, str], tmp_path: Path
) -> None:
    data, file = tmp_path / "data", tmp_path / "result.json"
    with running(*SMALL, "--workers", 1, data=data) as process:
        wait_for(process, "2 of 10 backtests")
        process.send_signal(signal.SIGINT)
        said = ended(process)
    assert said.code == 130
    assert said.err.startswith("hedgerow: interrupted")
    assert said.err.count("\n") == 1
    again = hedgerow(*SMALL, "--json", file, data=data)
    assert "known before" in again.out
    assert json.loads(file.read_text()) == swept[1]


def test_killed_it_leaves_nothing_behind_for_long(tmp_path: Path) -> None:
    data, temporary = tmp_path / "data", tmp_path / "temporary"
    temporary.mkdir()

    def left() -> list[str]:
        return [path.name for path in (data / "sweeps").glob("*.candles")]

    long = (*SMALL[:-1], "slow=24:600", "--workers", 1)
    with running(*long, data=data, TMPDIR=str(temporary)) as process:
        wait_for(process, "backtests")
        other = hedgerow(*SMALL[:-1], "slow=24", "--workers", 1, data=data)
        assert other.code == 0, other
        assert len(left()) == 1, "the candles of a sweep that runs stay"
        process.kill()
        process.wait()
    assert len(left()) == 1
    assert list(temporary.iterdir()) == []
    assert hedgerow(*SMALL[:-1], "slow=36", "--workers", 1, data=data).code == 0
    assert left() == []


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ([], ("--param: no parameter",)),
        (["--param", "fast=9:5"], ("--param fast=9:5", "runs from 9 down to 5")),
        (["--param", "fast=1", "--search", "luck"], ("--search", "'luck'")),
        (["--param", "fast=1", "--analyst", "recorded"], ("--analyst", "recorded run")),
        (["--param", "fast=1", "--analyst", "none.py:X"], ("none.py", "no such file")),
        (["--param", "fast=1", "--analyst", f"{EXAMPLE}:X"], ("no class X",)),
        (["--param", "fast=0.5:2", "--analyst", CROSS], ("no grid can list", "--search random")),
        (["--param", "fast=1", "--folds", "90"], ("--folds", "give more candles or fewer folds")),
        (["--param", "fast=1", "--fee-tier", "vip99"], ("--fee-tier: 'vip99' is no fee tier",)),
        (["--param", "fast=1", "--leverage", "3"], ("--leverage: a leverage of 3 cannot be",)),
        (["--param", "fast=1", "--funding", "0.1"], ("--funding: spot knows no funding",)),
        (["--param", "fast=1", "--slippage", "much"], ("--slippage: 'much' is no slippage",)),
        (["--param", "quick=1", "--workers", "1", "--analyst", CROSS], ("no parameter quick",)),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: list[str], parts: tuple[str, ...], tmp_path: Path
) -> None:
    assert_refused(
        hedgerow("sweep", *arguments, "--symbols", "BTC/USDT", data=tmp_path / "data"), *parts
    )


class TestBacktests:
    """What a worker tells of a backtest is what the backtest itself tells."""

    PLAN = BacktestPlan(exchange=Exchange.BINANCE, capital=Decimal(10_000))

    def test_an_outcome_is_the_report_s(self, tmp_path: Path) -> None:
        candles = read_candles(symbols=["BTC/USDT", "ETH/USDT"])
        window = whole_days(*self._span(candles["BTC/USDT"]))
        start_us, end_us = microseconds(window.starts_at), microseconds(window.ends_at)
        cut = {symbol: series.between(start_us, end_us) for symbol, series in candles.items()}
        write_candles(tmp_path / "candles", cut)
        content = memoryview((tmp_path / "candles").read_bytes())
        request = DeskRequest(analyst=CROSS)
        evaluate = BacktestRecipe(request, self.PLAN, EXAMPLE.read_bytes())(content)
        outcome = evaluate({"fast": 8, "slow": 24}, window)

        desk = backtest_desk(DeskRequest(analyst=CROSS, params={"fast": "8", "slow": "24"}), cut)
        result = asyncio.run(run_backtest(desk, self.PLAN, cut))
        start = CurvePoint(window.starts_at, Decimal(10_000))
        curve = [start, *(CurvePoint(point.at, point.equity) for point in result.facts.equity)]
        measured = measure(Decimal(10_000), curve)
        assert outcome.net_profit == measured.profit
        assert outcome.fees == result.fees > 0
        assert outcome.trades == sum(p.closed_at is not None for p in result.positions) > 0
        assert outcome.max_drawdown_pct == measured.max_drawdown.percent
        assert list(outcome.daily_returns) == pytest.approx(
            [float(each) for each in daily_returns(curve)], abs=1e-12
        )
        assert len(outcome.daily_returns) == window.days

    @pytest.mark.parametrize("analyst", [CROSS, "house"])
    def test_a_later_window_has_watched_but_not_traded_the_days_before(
        self, analyst: str, tmp_path: Path
    ) -> None:
        candles = read_candles(symbols=["BTC/USDT", "SOL/USDT"])
        write_candles(tmp_path / "candles", candles)
        content = memoryview((tmp_path / "candles").read_bytes())
        source = None if analyst == "house" else EXAMPLE.read_bytes()
        evaluate = BacktestRecipe(DeskRequest(analyst=analyst), self.PLAN, source)(content)
        whole = whole_days(*self._span(candles["BTC/USDT"]))
        later = whole.part(DayRange(40, 70))
        outcome = evaluate({}, later)
        assert len(outcome.daily_returns) == 30
        assert outcome.trades > 0
        worth = Decimal(str(math.prod(1 + each for each in outcome.daily_returns)))
        profit = float((worth - 1) * self.PLAN.capital)
        assert float(outcome.net_profit) == pytest.approx(profit, abs=1e-6)

    @staticmethod
    def _span(series: CandleSeries) -> tuple[Any, Any]:
        return moment(series.open_us[0]), moment(series.open_us[-1] + series.span_us)

    def test_candles_come_back_as_they_went(self, tmp_path: Path) -> None:
        candles = read_candles()
        write_candles(tmp_path / "candles", candles)
        found = candles_in(memoryview((tmp_path / "candles").read_bytes()))
        assert list(found) == sorted(candles)
        for symbol, series in candles.items():
            assert list(islice(found[symbol], 200)) == list(islice(series, 200))
            assert list(found[symbol].volume) == list(series.volume)

    def test_a_drawdown_counts_the_capital_as_the_first_peak(self) -> None:
        equity = [Decimal(each) for each in (90, 120, 60, 130, 117)]
        assert max_drawdown_pct(Decimal(100), equity) == 50
        assert max_drawdown_pct(Decimal(100), equity[:2]) == 10
        assert max_drawdown_pct(Decimal(100), []) == 0
