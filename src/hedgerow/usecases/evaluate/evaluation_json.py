"""An evaluation for machines."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal
from typing import Any

from hedgerow.domain.advice import AgentScore
from hedgerow.domain.chance import Odds, Spread
from hedgerow.domain.money import ZERO, exact, to_quote
from hedgerow.usecases.evaluate.evaluation import Evaluation, Row, Sample, SpanResult
from hedgerow.usecases.evaluate.figures import Figures
from hedgerow.usecases.evaluate.plan import Span

Json = dict[str, Any]


def evaluation_json(evaluation: Evaluation) -> Json:
    """All of it. Amounts, rates and ratios of money are decimal strings with 8 places; shares and
    scores of advice are numbers of 0 to 1, costs of models exact US dollars.
    """
    plan = evaluation.plan
    cutoff = plan.training_cutoff
    return {
        "models": [str(choice) for choice in plan.models],
        "is_house": plan.is_house,
        "training_cutoff": None if cutoff is None else cutoff.isoformat(),
        "symbols": list(plan.candles.symbols),
        "timeframe": str(plan.candles.timeframe),
        "candles": len(plan.candles.candles),
        "capital": _text(plan.capital),
        "quote_currency": evaluation.quote_currency,
        "seeds": plan.seeds,
        "draws": plan.draws,
        "model_cost_usd": str(evaluation.model_cost_usd),
        "spans": [_span_result(result, evaluation) for result in evaluation.spans],
    }


def _span_result(result: SpanResult, evaluation: Evaluation) -> Json:
    span = result.span
    return {
        "seen": str(span.seen),
        "starts_at": span.starts_at.isoformat(),
        "ends_at": span.ends_at.isoformat(),
        "verdict": str(result.verdict),
        "over_house_points": _text(result.over_house_points),
        "over_hold_points": _text(result.over_hold_points),
        "odds": [_odds(each) for each in result.odds],
        "arms": {str(arm): _row(row) for arm, row in result.rows.items()},
        "samples": [_sample(each, span) for each in evaluation.samples],
        "agents": [_agent(each) for each in result.agents],
    }


def _odds(odds: Odds) -> Json:
    return {
        "draws": odds.draws,
        "percentile": _text(odds.percentile),
        "luck": _text(odds.luck),
        "is_convincing": odds.is_convincing,
    }


def _row(row: Row) -> Json:
    spreads = {each.name: getattr(row, each.name) for each in fields(row) if each.name != "samples"}
    return {"samples": row.samples, **{name: _spread(each) for name, each in spreads.items()}}


def _spread(spread: Spread | None) -> Json | None:
    if spread is None:
        return None
    return {
        "median": _text(spread.median),
        "least": _text(spread.least),
        "most": _text(spread.most),
    }


def _sample(sample: Sample, span: Span) -> Json:
    cost = sample.model_cost_usd
    return {
        "arm": str(sample.arm),
        "seed": sample.seed,
        "run_id": None if sample.run_id is None else str(sample.run_id),
        "model_cost_usd": None if cost is None else str(cost),
        **_figures(sample.figures[span]),
    }


def _figures(figures: Figures) -> Json:
    rate = figures.win_rate_pct
    return {
        "return_pct": _text(figures.return_pct),
        "max_drawdown_pct": _text(figures.max_drawdown_pct),
        "sharpe": _text(figures.sharpe),
        "trades": figures.trades,
        "win_rate_pct": None if rate is None else _text(rate),
        "fees": _text(figures.fees),
    }


def _agent(score: AgentScore) -> Json:
    known = score.calibration
    return {
        "agent": score.agent,
        "about": str(score.matter),
        "given": score.given,
        "no_side": score.no_side,
        "unanswered": score.unanswered,
        "judged": score.judged,
        "right": score.right,
        "share": score.share,
        "interval": [score.interval.low, score.interval.high],
        "constant_share": score.constant_share,
        "calibration": None
        if known is None
        else {
            "count": known.count,
            "brier": known.brier,
            "constant_brier": known.constant_brier,
            "error": known.error,
            "bins": [
                {
                    "low": each.low,
                    "high": each.high,
                    "count": each.count,
                    "mean_confidence": each.mean_confidence,
                    "frequency": each.frequency,
                    "interval": [each.interval.low, each.interval.high],
                }
                for each in known.bins
            ],
        },
    }


def _text(number: Decimal) -> str:
    """Eight places, half to even; adding zero takes the sign off a negative zero."""
    with exact():
        return f"{to_quote(number) + ZERO:f}"
