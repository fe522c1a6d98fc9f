"""Desks of sweeps: how parameters are searched, who runs their backtests, where results are."""

from __future__ import annotations

import asyncio
import os
from array import array
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hedgerow
from hedgerow.bootstrap.backtests import backtest_desk, venue_of
from hedgerow.bootstrap.desks import ChosenRegimes
from hedgerow.usecases.backtest.desk import BacktestPlan
from hedgerow.usecases.backtest.request import HOUSE, DeskRequest
from hedgerow.usecases.backtest.run import require_runnable, run_backtest
from hedgerow.usecases.candle_series import CandleSeries, microseconds
from hedgerow.usecases.regime_models import UnreadableModel
from hedgerow.usecases.sweep.fingerprint import SweepIdentity
from hedgerow.usecases.sweep.late_start import starting_at
from hedgerow.usecases.sweep.order import SearchKind, SweepOrder
from hedgerow.usecases.sweep.outcome import outcome_of
from hedgerow.usecases.sweep.ports import Evaluate, Outcome, Search, Value, Window, Workers
from hedgerow.usecases.sweep.run_sweep import SweepDesk
from hedgerow.usecases.sweep.searches import grid_search, random_search

Candles = Mapping[str, CandleSeries]


@contextmanager
def sweep_desk(
    folder: Path, order: SweepOrder, candles: Candles, chosen: ChosenRegimes = ()
) -> Iterator[SweepDesk]:
    """What a sweep is run with; its results are kept in `folder`. Raises InputRefused."""
    from hedgerow.infrastructure.sweeps.candle_bytes import remove_left_behind, shared_candles
    from hedgerow.infrastructure.sweeps.result_file import open_results

    # What would fail every trial alike is refused before the first.
    require_runnable(order.plan, candles)
    venue_of(order.request, candles)
    source = _source(order.request)
    recipe = BacktestRecipe(order.request, order.plan, source, chosen)
    search = _search(order)
    remove_left_behind(folder)
    with ExitStack() as stack:
        results = stack.enter_context(open_results(folder, _identity(order, recipe, candles)))
        shared = stack.enter_context(shared_candles(results.path, candles))
        workers = stack.enter_context(_workers(order, recipe, shared))
        yield SweepDesk(search, workers, results)


@dataclass(frozen=True, slots=True)
class BacktestRecipe:
    """Makes a worker ready for backtests; `source` is the file of the user's own analyst.

    It travels with the recipe, as the learned models of regimes do that are `chosen`: a cluster's
    other machines have no such file, and it may be edited while a sweep goes on.
    """

    request: DeskRequest
    plan: BacktestPlan
    source: bytes | None
    chosen: ChosenRegimes = ()

    def __call__(self, candles: memoryview) -> Evaluate:
        """Backtests of the candles in an Arrow file."""
        from hedgerow.infrastructure.sweeps.candle_bytes import candles_in

        series = candles_in(candles)
        analyst = self._analyst()

        def evaluate(parameters: Mapping[str, Value], window: Window) -> Outcome:
            end_us = microseconds(window.ends_at)
            cut = {symbol: each.between(0, end_us) for symbol, each in series.items()}
            known = {symbol: each for symbol, each in cut.items() if len(each)}
            # as text, which the analyst's own annotations turn into what it wants
            given = {name: str(value) for name, value in parameters.items()}
            request = replace(self.request, analyst=analyst, params=given)
            desk = backtest_desk(request, known, self.chosen)
            result = run_backtest(starting_at(desk, window.starts_at), self.plan, known)
            return outcome_of(asyncio.run(result), window)

        return evaluate

    def _analyst(self) -> str | type[Any]:
        """The house, or the user's class from the file that travelled along."""
        from hedgerow.infrastructure.agents.own_analyst import analyst_class

        if self.source is None:
            return self.request.analyst
        place, _, name = str(self.request.analyst).rpartition(":")
        with TemporaryDirectory(prefix="hedgerow-analyst-") as folder:
            file = Path(folder) / Path(place).name
            file.write_bytes(self.source)
            return analyst_class(f"{file}:{name}")


def _search(order: SweepOrder) -> Search:
    match order.search:
        case SearchKind.GRID:
            return grid_search(order.space)
        case SearchKind.RANDOM:
            return random_search(order.space, order.trials, order.seed)
        case SearchKind.OPTUNA:
            from hedgerow.infrastructure.sweeps.optuna_search import OptunaSearch

            return OptunaSearch(order.space, order.trials, order.seed)


@contextmanager
def _workers(order: SweepOrder, recipe: BacktestRecipe, candles: Path) -> Iterator[Workers]:
    if order.ray_address is None:
        from hedgerow.infrastructure.sweeps.process_workers import ProcessWorkers

        count = order.workers or os.cpu_count() or 1
        with ProcessWorkers(count, recipe, candles) as processes:
            yield processes
        return
    from hedgerow.infrastructure.sweeps.ray_workers import RayWorkers

    with RayWorkers(order.ray_address, order.workers, recipe, candles) as actors:
        yield actors


def _identity(order: SweepOrder, recipe: BacktestRecipe, candles: Candles) -> SweepIdentity:
    request = order.request
    code = "" if recipe.source is None else sha256(recipe.source).hexdigest()
    if recipe.chosen:  # a card tells what was learned from what
        cards = [each if isinstance(each, UnreadableModel) else each.card for each in recipe.chosen]
        code = sha256(repr(cards).encode()).hexdigest()
    return SweepIdentity(
        candles=_digest(candles),
        space=order.space,
        strategy=f"{str(request.analyst).rpartition(':')[2]} {code}".strip(),
        costs=repr((replace(request, analyst="", params={}), order.plan, _funding(request))),
        hedgerow=_own_digest(),
    )


def _own_digest() -> str:
    """The digest of Hedgerow's own code: a version number does not tell what was changed since."""
    package = Path(hedgerow.__file__).parent
    found = sha256()
    for file in sorted(package.rglob("*.py")):
        found.update(f"{file.relative_to(package).as_posix()}\0".encode() + file.read_bytes())
    return found.hexdigest()


def _funding(request: DeskRequest) -> str:
    """The digest of a file of funding rates; a plain rate stands in the request already."""
    file = Path(request.funding or "")
    return sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _digest(candles: Candles) -> str:
    found = sha256()
    for symbol in sorted(candles):
        series = candles[symbol]
        about = (symbol, series.timeframe.value, series.price_places, series.volume_places)
        found.update(repr(about).encode())
        for column in (series.open_us, series.open, series.high, series.low, series.close):
            found.update(array("q", column).tobytes())
        found.update(array("q", series.volume).tobytes())
    return found.hexdigest()


def _source(request: DeskRequest) -> bytes | None:
    """The file of the user's own analyst; raises InputRefused where there is no such class."""
    from hedgerow.infrastructure.agents.own_analyst import analyst_class

    if request.analyst == HOUSE:
        return None
    place = str(request.analyst)
    analyst_class(place)
    return Path(place.rpartition(":")[0]).read_bytes()
