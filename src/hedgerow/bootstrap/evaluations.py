"""What an evaluation is run with: a paper desk, and backtests on the same terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hedgerow.bootstrap.backtests import backtest_desk, venue_of
from hedgerow.bootstrap.desks import ChosenRegimes
from hedgerow.usecases.backtest.desk import BacktestDesk, ByRules
from hedgerow.usecases.backtest.market import RuleAnalyst
from hedgerow.usecases.backtest.request import DeskRequest
from hedgerow.usecases.candle_series import CandleSeries
from hedgerow.usecases.evaluate.random_entries import NAME
from hedgerow.usecases.evaluate.run_evaluation import EvaluationDesk
from hedgerow.usecases.paper_run import PaperDesk


def evaluation_desk(paper: PaperDesk, chosen: ChosenRegimes) -> EvaluationDesk:
    """The arms of an evaluation, all at the venue of paper runs with its usual terms."""
    from hedgerow.infrastructure.agents.indicators import WINDOW

    def make_house(seed: int, candles: Mapping[str, CandleSeries]) -> BacktestDesk:
        return backtest_desk(DeskRequest(seed=seed), candles, chosen, paper.embedder)

    return EvaluationDesk(paper, make_house, random_desk, WINDOW)


def random_desk(
    seed: int, candles: Mapping[str, CandleSeries], make: Callable[[], RuleAnalyst]
) -> BacktestDesk:
    """Analysts by rules at that venue; `seed` draws its slippage."""
    make_venue, charges = venue_of(DeskRequest(seed=seed), candles)
    return BacktestDesk(make_venue, charges, ByRules(make, NAME), NAME)
