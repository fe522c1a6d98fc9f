"""An evaluation from beginning to end: each arm in its turn, then what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from hedgerow.domain.advice import Advice, agent_scores
from hedgerow.domain.ai_usage import SessionCost
from hedgerow.domain.money import ZERO, exact
from hedgerow.usecases.backtest.desk import BacktestDesk, BacktestPlan
from hedgerow.usecases.backtest.market import RuleAnalyst
from hedgerow.usecases.backtest.run import run_backtest
from hedgerow.usecases.candle_series import CandleSeries, series_by_symbol
from hedgerow.usecases.evaluate.advice_of import advice_of
from hedgerow.usecases.evaluate.evaluation import Arm, Evaluation, Sample, span_result
from hedgerow.usecases.evaluate.figures import Figures, figures_along, figures_of
from hedgerow.usecases.evaluate.plan import EvaluationPlan, Span
from hedgerow.usecases.evaluate.random_entries import draw_lots, random_entries, terms_of
from hedgerow.usecases.evaluate.run_log import RunLog, read_run_log
from hedgerow.usecases.paper_run import PaperDesk, RunPlan, report_facts, run_paper
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.replay_fund import ReplayProgress
from hedgerow.usecases.report import build_report
from hedgerow.usecases.report_facts import RunFacts

# How much longer a run of the desk takes than one in memory, roughly: for the bar alone.
_DESK_WEIGHT: Final = 200
_HOUSE_WEIGHT: Final = 10


@dataclass(frozen=True, slots=True)
class EvaluationDesk:
    """What an evaluation needs from the outside.

    `make_house` gives the house's rules with a memory, `make_random` analysts by rules, both with
    a seed for the venue; no analyst decides before `candles_needed` candles have closed.
    """

    paper: PaperDesk
    make_house: Callable[[int, Mapping[str, CandleSeries]], BacktestDesk]
    make_random: Callable[
        [int, Mapping[str, CandleSeries], Callable[[], RuleAnalyst]], BacktestDesk
    ]
    candles_needed: int


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """So much of `total` is done, and what is being done; `replay` while the desk runs."""

    done: int
    total: int
    doing: str
    replay: ReplayProgress | None = None


Show = Callable[[EvaluationProgress], None]


@dataclass(frozen=True, slots=True)
class Trial:
    """All arms run; what the models of it cost is looked up when every call is stored."""

    plan: EvaluationPlan
    samples: tuple[Sample, ...]
    logs: tuple[RunLog, ...]
    quote_currency: str

    @property
    def sessions(self) -> list[str]:
        """All conversations of the desk."""
        return sorted({session for log in self.logs for session in log.sessions})


async def run_arms(
    desk: EvaluationDesk, plan: EvaluationPlan, show: Show, is_stopped: Callable[[], bool]
) -> Trial | None:
    """Run every arm; None where `is_stopped` ended it early.

    Runs of the desk that came to their end before are taken as they are, and one that was
    interrupted goes on.
    """
    return await _Course(desk, plan, show, is_stopped).go()


def conclude(trial: Trial, costs: Sequence[SessionCost]) -> Evaluation:
    """What the arms say, with what the conversations of the desk cost."""
    by_session = {each.session_id: each.cost for each in costs}
    logs = iter(trial.logs)
    with exact():
        samples = tuple(
            sample
            if sample.arm is not Arm.DESK
            else replace(
                sample,
                model_cost_usd=sum(
                    (by_session.get(each, ZERO) for each in next(logs).sessions), ZERO
                ),
            )
            for sample in trial.samples
        )
        spent = sum((by_session.get(each, ZERO) for each in trial.sessions), ZERO)
    advice = advice_of(trial.logs, series_by_symbol(trial.plan.candles.candles))
    return Evaluation(
        plan=trial.plan,
        quote_currency=trial.quote_currency,
        samples=samples,
        spans=tuple(
            span_result(span, samples, agent_scores(_within(span, advice)))
            for span in trial.plan.spans
        ),
        model_cost_usd=spent,
    )


def _within(span: Span, advice: Sequence[Advice]) -> list[Advice]:
    # A meeting is held at a close: the first of a span belongs to the one before.
    return [each for each in advice if span.starts_at < each.at <= span.ends_at]


class _Course:
    """The arms, one after the other."""

    def __init__(
        self,
        desk: EvaluationDesk,
        plan: EvaluationPlan,
        show: Show,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._desk = desk
        self._plan = plan
        self._show = show
        self._is_stopped = is_stopped
        self._series = series_by_symbol(plan.candles.candles)
        self._done = 0
        self._total = plan.seeds * (_DESK_WEIGHT + _HOUSE_WEIGHT) + plan.draws
        self._samples: list[Sample] = []
        self._logs: list[RunLog] = []

    async def go(self) -> Trial | None:
        """Run them all, or as far as nobody stops it."""
        facts: RunFacts | None = None
        for number, run_plan in enumerate(self._plan.runs, 1):
            facts = await self._desk_arm(run_plan, f"desk, run {number} of {self._plan.seeds}")
            if facts is None:
                return None
        assert facts is not None, "a plan has a seed"
        self._hold_arm(facts)
        for run_plan in self._plan.runs:
            if not await self._house_arm(run_plan.seed):
                return None
        if not await self._random_arm():
            return None
        return Trial(self._plan, tuple(self._samples), tuple(self._logs), facts.quote_currency)

    async def _desk_arm(self, plan: RunPlan, doing: str) -> RunFacts | None:
        paper = self._desk.paper
        run = await _finished_run(paper, plan)
        was_finished = run is not None
        if run is None:
            show = partial(self._show_replay, doing)
            run = await run_paper(paper, plan, self._plan.candles, show, self._is_stopped)
        if run.finished_at is None:
            return None
        facts = await report_facts(paper, run)
        self._samples.append(
            Sample(Arm.DESK, plan.seed, self._figures(facts), run.id, was_finished)
        )
        self._logs.append(await read_run_log(paper, run, plan))
        self._advance(_DESK_WEIGHT, doing)
        return facts

    def _hold_arm(self, facts: RunFacts) -> None:
        report = build_report(facts)
        curve = report.buy_and_hold.curve
        first, *later = self._plan.spans
        figures = {first: figures_along(curve, (), first, report.buy_and_hold_fees)}
        figures |= {span: figures_along(curve, (), span) for span in later}
        self._samples.append(Sample(Arm.HOLD, 0, figures))

    async def _house_arm(self, seed: int) -> bool:
        doing = "house rules"
        result = await run_backtest(
            self._desk.make_house(seed, self._series),
            self._backtest_plan,
            self._series,
            is_stopped=self._is_stopped,
        )
        self._samples.append(Sample(Arm.HOUSE, seed, self._figures(result.facts)))
        self._advance(_HOUSE_WEIGHT, doing)
        return result.is_finished

    async def _random_arm(self) -> bool:
        terms = [terms_of(proposal) for proposal in self._logs[0].accepted]
        draws = self._plan.draws if terms else 0
        for seed in range(1, draws + 1):
            lots = draw_lots(seed, terms, self._series, self._desk.candles_needed)
            result = await run_backtest(
                self._desk.make_random(seed, self._series, random_entries(lots)),
                self._backtest_plan,
                self._series,
                is_stopped=self._is_stopped,
            )
            if not result.is_finished:
                return False
            self._samples.append(Sample(Arm.RANDOM, seed, self._figures(result.facts)))
            self._advance(1, f"random entries, draw {seed} of {draws}")
        return True

    @property
    def _backtest_plan(self) -> BacktestPlan:
        plan = self._plan
        return BacktestPlan(plan.exchange, plan.capital, risk_tolerance=plan.risk_tolerance)

    def _figures(self, facts: RunFacts) -> dict[Span, Figures]:
        return {span: figures_of(facts, span) for span in self._plan.spans}

    def _show_replay(self, doing: str, replay: ReplayProgress) -> None:
        done = self._done + _DESK_WEIGHT * replay.spans_done // replay.spans
        self._show(EvaluationProgress(done, self._total, doing, replay))

    def _advance(self, weight: int, doing: str) -> None:
        self._done += weight
        self._show(EvaluationProgress(self._done, self._total, doing))


async def _finished_run(desk: PaperDesk, plan: RunPlan) -> PaperRun | None:
    async with desk.open_unit_of_work(SYSTEM) as unit:
        return await unit.runs.finished(plan.fingerprint)
