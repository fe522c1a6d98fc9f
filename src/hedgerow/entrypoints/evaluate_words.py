"""What an evaluation says, in words and cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Final

from hedgerow.domain.advice import AgentScore
from hedgerow.domain.calibration import Interval
from hedgerow.domain.chance import Spread
from hedgerow.entrypoints.report_words import NONE, amount, day, signed
from hedgerow.usecases.evaluate.evaluation import Arm, Evaluation, Row, SpanResult, Verdict
from hedgerow.usecases.evaluate.plan import Seen

# Whether a span can say anything of what is to come.
_IS_EVIDENCE: Final[Mapping[Seen, bool]] = {
    Seen.NO_MODEL: True,
    Seen.UNKNOWN: False,
    Seen.BEFORE: False,
    Seen.AFTER: True,
}
_SEEN: Final[Mapping[Seen, str]] = {
    Seen.NO_MODEL: "no language model took part",
    Seen.UNKNOWN: "the model may have seen this time",
    Seen.BEFORE: "before the training cut-off: may be remembered rather than foreseen",
    Seen.AFTER: "after the training cut-off",
}
_ARMS: Final[Mapping[Arm, str]] = {
    Arm.DESK: "the desk",
    Arm.HOUSE: "the house rules",
    Arm.HOLD: "buy-and-hold",
    Arm.RANDOM: "random entries",
}
ARM_COLUMNS: Final = (
    *("", "return %", "fall %", "Sharpe", "trades", "won %", "fees", "model USD"),
)
AGENT_COLUMNS: Final = (
    *("agent", "right of judged", "share", "95 %", "constant", "no side", "Brier", "ECE"),
)
BIN_COLUMNS: Final = ("agent", "stated", "count", "mean", "came true", "95 %")
LEFT_COLUMNS: Final = ("", "agent", "stated")

HOUSE_NOTE: Final = (
    "The house model plays the house's own rules: this desk decides as the rules do, and nothing "
    "here is a result of a language model."
)
ARMS_NOTE: Final = (
    "Median of the runs, least to most below it; the fall is the deepest drawdown, fees are in the "
    "quote currency. Fees and slippage are paid in all rows. Sharpe ratios of so few days have "
    "wide errors. Runs of the desk share their research, whose cost is in each of them."
)
AGENTS_NOTE: Final = (
    "Right: of those that took a side and were answered. Constant: what the better of always yes "
    "and always no had right of the same questions. Brier score and calibration error (ECE): lower "
    "is better; behind the stroke who always says the share that came true. Advice that overlaps "
    "in time counts as if it did not: intervals are rather too narrow."
)


def verdict(evaluation: Evaluation) -> str:
    """The first sentence: whether the desk is more than chance."""
    spans = evaluation.spans
    if all(each.verdict is Verdict.NO_TRADES for each in spans):
        return "The desk made no trade: there is nothing to hold beside chance."
    beyond = [each for each in spans if each.verdict is Verdict.BEYOND_CHANCE]
    if not beyond:
        return "The desk beats chance nowhere with confidence."
    if any(_IS_EVIDENCE[each.span.seen] for each in beyond):
        where = " after the training cut-off" if beyond[-1].span.seen is Seen.AFTER else ""
        return f"The desk beats chance with confidence{where}, on these candles."
    return "The desk beats chance only where its model may have seen what came: no evidence."


def span_title(result: SpanResult) -> str:
    """Which time a table is about, and what the model may know of it."""
    span = result.span
    return f"{day(span.starts_at)} to {day(span.ends_at)}: {_SEEN[span.seen]}"


def standing(result: SpanResult) -> str:
    """Where the desk stands beside the other arms."""
    others = (
        _over(result.over_house_points, "the house rules"),
        _over(result.over_hold_points, "holding"),
    )
    return f"The desk's median return is {' and '.join(others)}. {_chance(result)}"


def _over(points: Decimal, other: str) -> str:
    if not points:
        return f"that of {other}"
    return f"{amount(abs(points))} points {'above' if points > 0 else 'below'} {other}"


def _chance(result: SpanResult) -> str:
    if not result.odds:
        return "Nothing was drawn by lot."
    least = min(result.odds, key=lambda odds: odds.percentile)
    most = max(result.odds, key=lambda odds: odds.percentile)
    shares = f"{least.percentile:.0f}"
    if f"{most.percentile:.0f}" != shares:
        shares += f" to {most.percentile:.0f}"
    return (
        f"It did better than {shares} % of {least.draws} draws of random entries; who knows "
        f"nothing gets as far with a chance of {least.luck:.2f}."
    )


def arm_rows(result: SpanResult) -> Iterator[tuple[str, ...]]:
    """A row for each arm, median above spread."""
    for arm, row in result.rows.items():
        yield (
            f"{_ARMS[arm]}\n{row.samples} run{'s' if row.samples > 1 else ''}",
            *_cells(arm, row),
        )


def _cells(arm: Arm, row: Row) -> Iterator[str]:
    whole = "{:,.0f}".format
    yield _spread(row.return_pct, signed)
    yield _spread(row.max_drawdown_pct, "{:,.1f}".format)
    yield _spread(row.sharpe, "{:+,.1f}".format)
    yield NONE if arm is Arm.HOLD else _spread(row.trades, whole)
    yield _spread(row.win_rate_pct, whole)
    yield _spread(row.fees, whole)
    yield _spread(row.model_cost_usd, "{:,.2f}".format)


def _spread(spread: Spread | None, words: Callable[[Decimal], str]) -> str:
    if spread is None:
        return NONE
    middle, least, most = words(spread.median), words(spread.least), words(spread.most)
    return middle if least == most else f"{middle}\n{least}..{most}"


def agent_cells(score: AgentScore) -> tuple[str, ...]:
    """A row for an agent."""
    known = score.calibration
    return (
        _name(score),
        f"{score.right}/{score.judged}",
        NONE if score.share is None else f"{score.share:.0%}",
        _interval(score.interval) if score.judged else NONE,
        NONE if score.constant_share is None else f"{score.constant_share:.0%}",
        f"{score.no_side}/{score.given}",
        NONE if known is None else f"{known.brier:.2f}/{known.constant_brier:.2f}",
        NONE if known is None else f"{known.error:.2f}",
    )


def bin_rows(scores: tuple[AgentScore, ...]) -> Iterator[tuple[str, ...]]:
    """Stated confidence beside what came true, a row for each agent and bin."""
    for score in scores:
        for each in score.calibration.bins if score.calibration else ():
            yield (
                _name(score),
                f"{each.low:.1f} to {each.high:.1f}",
                str(each.count),
                f"{each.mean_confidence:.2f}",
                f"{each.frequency:.2f}",
                _interval(each.interval),
            )


def _name(score: AgentScore) -> str:
    return score.agent.replace("_", " ")


def _interval(interval: Interval) -> str:
    return f"{100 * interval.low:.0f}..{100 * interval.high:.0f}"
