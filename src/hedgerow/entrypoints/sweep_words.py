"""How a sweep speaks: parameters, ratios, chances, and what to believe of the best."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

from hedgerow.domain.day_ranges import DayRange
from hedgerow.domain.deflated_sharpe import annual_sharpe
from hedgerow.entrypoints import report_words
from hedgerow.usecases.sweep.ports import Outcome, Parameters, Result, Value, Window
from hedgerow.usecases.sweep.report import RankedTrial, StepFigures, SweepReport

CONFIDENT: Final = 0.95
"""From which deflated Sharpe ratio on a result counts as more than luck."""

OVERFITTED: Final = 0.5
"""From which probability on a choice is as good as a toss of a coin, or worse."""

_AMOUNT_COLUMNS: Final = ("In sample", "Out of", "Profit", "Drawdown", "Trades", "Fees")
TRIAL_COLUMNS: Final = ("Trial", "Parameters", *_AMOUNT_COLUMNS)
STEP_COLUMNS: Final = ("Judged from", "Chosen", *_AMOUNT_COLUMNS)
LEFT_COLUMNS: Final = ("Parameters", "Judged from", "Chosen")
COLUMNS_NOTE: Final = (
    "In sample and out of sample are Sharpe ratios. Profit, deepest drawdown, trades and fees are "
    "those of all days of a trial, and of the days that a step is judged by."
)


class Figure(NamedTuple):
    """A figure with what puts it in proportion."""

    label: str
    value: str
    note: str


def parameters(values: Parameters) -> str:
    """Such as fast=10 slow=50."""
    return " ".join(f"{name}={value(each)}" for name, each in values)


def value(given: Value) -> str:
    """A parameter's value in as many digits as it needs."""
    return report_words.plain(given) if isinstance(given, str) else f"{given:.12g}"


def ratio(number: float | None) -> str:
    """A Sharpe ratio with two decimals; a dash where there is none."""
    return report_words.NONE if number is None else f"{number:.2f}".replace("-0.00", "0.00")


def chance(probability: float | None) -> str:
    """A probability in per cent."""
    return report_words.NONE if probability is None else f"{probability * 100:.1f} %"


def period(window: Window) -> str:
    """The first and the last day of a window."""
    last = window.ends_at - timedelta(days=1)
    return f"{report_words.day(window.starts_at)} to {report_words.day(last)}"


def days(report: SweepReport, some: DayRange) -> str:
    """The first and the last of some days of a sweep."""
    return period(report.result.plan.window.part(some))


def trial_cells(trial: RankedTrial) -> tuple[str, ...]:
    """A row under TRIAL_COLUMNS; profit, drawdown, trades and fees are those of all days."""
    return (
        str(trial.number),
        parameters(trial.parameters),
        ratio(trial.in_sample_sharpe),
        ratio(trial.out_of_sample_sharpe),
        *_amounts(trial.outcome),
    )


def step_cells(report: SweepReport, figures: StepFigures) -> tuple[str, ...]:
    """A row under STEP_COLUMNS; profit, drawdown, trades and fees are those of the days judged."""
    chosen = figures.step.chosen
    return (
        report_words.day(_window_of(report, figures).starts_at),
        parameters(chosen.parameters) if chosen else report_words.NONE,
        ratio(figures.in_sample_sharpe),
        ratio(figures.out_of_sample_sharpe),
        *_amounts(figures.step.result),
    )


def _window_of(report: SweepReport, figures: StepFigures) -> Window:
    return report.result.plan.window.part(figures.step.fold.out_of_sample)


def _amounts(result: Result) -> tuple[str, str, str, str]:
    if not isinstance(result, Outcome):
        return ("failed", *3 * (report_words.NONE,))
    return (
        report_words.signed(result.net_profit),
        report_words.rate(result.max_drawdown_pct),
        f"{result.trades:,}",
        report_words.amount(result.fees),
    )


def verdict(report: SweepReport) -> str:
    """What to believe of the best trial, beside how many were tried."""
    if report.best is None:
        return f"None of {_count(report.trials, 'trial')} could be run to its end."
    best, deflation = report.best.trial, report.best.deflation
    found = (
        f"The best of {_count(deflation.trials, 'trial')}, {parameters(best.parameters)}, has a "
        f"Sharpe ratio of {ratio(best.in_sample_sharpe)} on the days it was chosen by"
    )
    if deflation.probability is None:
        return f"{found}, which are too few to tell skill from luck."
    luck = ratio(annual_sharpe(deflation.luck_sharpe))
    return (
        f"{found}; luck alone would show {luck} in as many trials. Its deflated Sharpe ratio is "
        f"{chance(deflation.probability)}{_but(report, best, deflation.probability)}"
    )


def _but(report: SweepReport, best: RankedTrial, deflated: float) -> str:
    """What speaks against the best trial, the first thing that does."""
    overfitting = report.overfitting_probability
    if deflated < CONFIDENT:
        return ": it may well be luck."
    if best.out_of_sample_sharpe <= 0:
        return f", but on the days after it came to {ratio(best.out_of_sample_sharpe)}."
    if overfitting is not None and overfitting >= OVERFITTED:
        return f", but choosing the best of these overfits in {chance(overfitting)} of all cases."
    return f": more than luck explains, and {ratio(best.out_of_sample_sharpe)} on the days after."


def is_believed(report: SweepReport) -> bool:
    """Whether nothing speaks against the best trial."""
    if report.best is None or report.best.deflation.probability is None:
        return False
    overfitting = report.overfitting_probability
    return (
        report.best.deflation.probability >= CONFIDENT
        and report.best.trial.out_of_sample_sharpe > 0
        and (overfitting is None or overfitting < OVERFITTED)
    )


def judgement(report: SweepReport) -> str:
    """What came of the choices on days they had not seen."""
    combined = report.combined
    if combined is None:
        return "No walk forward could be run to its end."
    return (
        f"Chosen anew for each of {_count(len(report.steps), 'fold')}, the best made "
        f"{combined.return_pct:+.2f} % on {_count(len(combined.daily_returns), 'day')} it had not "
        f"seen, with a Sharpe ratio of {ratio(combined.sharpe)}."
    )


def figures(report: SweepReport) -> list[Figure]:
    """What a sweep is judged by."""
    shown = [
        Figure("Trials", f"{report.trials:,}", f"{len(report.failed):,} failed"),
        Figure(
            "Overfitting",
            chance(report.overfitting_probability),
            "probability that the best in one half of the days is below the median in the other",
        ),
    ]
    if report.best:
        best = report.best
        luck = ratio(annual_sharpe(best.deflation.luck_sharpe))
        shown += [
            Figure(
                "Sharpe of the best",
                ratio(best.trial.in_sample_sharpe),
                f"in sample, of {best.deflation.trials:,} trials; luck alone {luck}; "
                f"out of sample {ratio(best.trial.out_of_sample_sharpe)}",
            ),
            Figure(
                "Deflated Sharpe",
                chance(best.deflation.probability),
                f"probability that it is more than the luck of {best.deflation.trials:,} trials",
            ),
            Figure(
                "Probabilistic Sharpe",
                chance(best.probabilistic_sharpe),
                "probability that it is above 0, had it been the only trial",
            ),
        ]
    if report.combined:
        combined = report.combined
        shown += [
            Figure(
                "Walk forward",
                f"{combined.return_pct:+.2f} %",
                f"out of sample; max drawdown {combined.max_drawdown_pct:.2f} %",
            ),
            Figure("Its Sharpe", ratio(combined.sharpe), "daily, annualised"),
            Figure(
                "Its probabilistic Sharpe",
                chance(combined.probabilistic_sharpe),
                "probability that it is above 0",
            ),
        ]
    return shown


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"
