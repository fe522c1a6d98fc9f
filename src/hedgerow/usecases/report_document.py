"""All figures of a report for machines."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hedgerow.domain.performance import Drawdown, Performance
from hedgerow.usecases.analyse_journal import Groups, TradeGroup
from hedgerow.usecases.codec import encode
from hedgerow.usecases.report import Report, report_json


def report_document(report: Report) -> dict[str, Any]:
    """Every figure but the series, which the tables of an export hold.

    Decimals are texts with all their digits, counts and seconds are numbers, times are ISO 8601
    in UTC; a figure that is not defined is None. `summary` is `report_json`.
    """
    facts, against = report.facts, report.against_hold
    return {
        "summary": report_json(report),
        "run": {
            "strategy_id": str(facts.strategy_id),
            "strategy_name": facts.strategy_name,
            "quote_currency": facts.quote_currency,
            "timeframe": str(facts.timeframe),
            "allocations": encode(facts.allocations),
            "started_at": _time(report.started_at),
            "ended_at": _time(report.ended_at),
            "is_finished": facts.is_finished,
        },
        "verdict": encode(report.verdict),
        "fund": _side(report.fund),
        "buy_and_hold": _side(report.buy_and_hold) | {"fees": encode(report.buy_and_hold_fees)},
        "alpha_pct": _text(against.alpha_pct if against else None),
        "beta": _text(against.beta if against else None),
        "fees": encode(facts.fees),
        "funding": encode(facts.funding),
        "time_in_market_pct": encode(report.time_in_market_pct),
        "exposure_pct": encode(report.exposure_pct),
        "turnover_ratio": encode(report.turnover_ratio),
        "refusals": dict(facts.refusals),
        "trades": group_document(report.all_trades),
        "by": {str(by): groups_document(groups) for by, groups in report.groups.items()},
    }


def groups_document(groups: Groups) -> list[dict[str, Any]]:
    """Groups of trades, each with its `name`, None where what they share is not known."""
    return [{"name": name} | group_document(group) for name, group in groups.items()]


def group_document(group: TradeGroup) -> dict[str, Any]:
    """The figures of a group of trades."""
    stats: dict[str, Any] = encode(group.stats)
    return stats | {
        "entry_efficiency_pct": _text(group.entry_efficiency_pct),
        "exit_efficiency_pct": _text(group.exit_efficiency_pct),
        "entries_right_pct": _text(group.entries_right_pct),
        "exits_right_pct": _text(group.exits_right_pct),
        "held_average_s": None if group.held_average is None else _seconds(group.held_average),
    }


def _side(side: Performance) -> dict[str, Any]:
    return {
        "final_equity": encode(side.final_equity),
        "profit": encode(side.profit),
        "profit_pct": encode(side.profit_pct),
        "days": side.days,
        "cagr_pct": _text(side.cagr_pct),
        "volatility_pct": encode(side.volatility_pct),
        "sharpe_ratio": encode(side.sharpe_ratio),
        "sortino_ratio": _text(side.sortino_ratio),
        "calmar_ratio": _text(side.calmar_ratio),
        "omega_ratio": _text(side.omega_ratio),
        "tail_ratio": _text(side.tail_ratio),
        "max_drawdown": _fall(side.max_drawdown),
        "drawdowns": [_fall(fall) for fall in side.falls],
        "months": encode(side.months),
        "years": encode(side.years),
    }


def _fall(fall: Drawdown) -> dict[str, Any]:
    return {
        "percent": encode(fall.percent),
        "peak_at": _time(fall.peak_at),
        "trough_at": _time(fall.trough_at),
        "recovered_at": _time(fall.recovered_at),
        "length_s": _seconds(fall.length),
    }


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _text(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
