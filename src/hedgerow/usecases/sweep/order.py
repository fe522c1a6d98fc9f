"""What a sweep is asked to be."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hedgerow.usecases.backtest.desk import BacktestPlan
from hedgerow.usecases.backtest.request import DeskRequest
from hedgerow.usecases.sweep.spaces import Space


class SearchKind(StrEnum):
    """How parameters are looked for."""

    GRID = "grid"
    RANDOM = "random"
    OPTUNA = "optuna"


@dataclass(frozen=True, slots=True)
class SweepOrder:
    """Backtests by `plan` and `request`, whose parameters are those of `space`.

    `trials` says how many sets a search by chance or Optuna proposes, drawn by `seed`. `workers`
    None means one for each core: of this machine, or of the cluster at `ray_address`.
    """

    request: DeskRequest
    plan: BacktestPlan
    space: Space
    search: SearchKind
    trials: int
    seed: int
    workers: int | None
    ray_address: str | None
