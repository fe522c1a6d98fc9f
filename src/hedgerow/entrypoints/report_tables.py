"""The tables of a report in words: what the terminal and the page both lay out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from hedgerow.domain.performance import Drawdown, Performance, TradeStats
from hedgerow.entrypoints import report_words as words
from hedgerow.usecases.analyse_journal import GroupBy, Groups, TradeGroup
from hedgerow.usecases.report import Report

STATS_COLUMNS: Final = ("Trades", "Win rate", "Profit", "Expectancy", "Profit factor")
JOURNAL_COLUMNS: Final = ("Trades", "Won", "Profit", "Average", "Factor", "Entry", "Exit", "Right")
FALL_COLUMNS: Final = ("Depth", "Peak", "Trough", "Recovered", "Length")
FALLS_SHOWN_MAX: Final = 5
MEMORIES_SHOWN_MAX: Final = 20
_MEMORY_CHARACTERS_MAX: Final = 160
_TITLES: Final = {
    GroupBy.SYMBOL: "Per symbol",
    GroupBy.SETUP: "Per setup",
    GroupBy.REGIME: "Per regime",
    GroupBy.HOUR: "Per hour of opening (UTC)",
    GroupBy.AGENT: "Per agent",
    GroupBy.MEMORY: "Per memory used",
}
_UNKNOWN: Final = {
    GroupBy.SETUP: "not in the journal yet",
    GroupBy.REGIME: "not in the journal yet",
    GroupBy.AGENT: "not known",
    GroupBy.MEMORY: "no memory",
}


class GroupRow(NamedTuple):
    """A group of trades: what it is called, and of a memory, what it says."""

    name: str
    group: TradeGroup
    text: str


class GroupTable(NamedTuple):
    """Groups of trades, and how many more there are."""

    title: str
    rows: Sequence[GroupRow]
    left_out: int


class MonthRow(NamedTuple):
    """A year: what its months earned, by their numbers, and all of it; in per cent."""

    year: int
    months: Mapping[int, Decimal]
    whole: Decimal | None


def stats_cells(stats: TradeStats) -> tuple[str, ...]:
    """A row under STATS_COLUMNS."""
    return (
        f"{stats.trades:,}",
        words.win_rate(stats),
        words.signed(stats.profit),
        words.expectancy(stats),
        words.profit_factor(stats),
    )


def journal_cells(group: TradeGroup) -> tuple[str, ...]:
    """A row under JOURNAL_COLUMNS."""
    stats = group.stats
    return (
        f"{stats.trades:,}",
        words.whole_rate(stats.win_rate_pct) if stats.trades else words.NONE,
        words.signed(stats.profit),
        words.expectancy(stats),
        words.maybe(stats.profit_factor),
        words.whole_rate(group.entry_efficiency_pct),
        words.whole_rate(group.exit_efficiency_pct),
        f"{words.whole_rate(group.entries_right_pct)} / {words.whole_rate(group.exits_right_pct)}",
    )


def group_table(by: GroupBy, groups: Groups, memories: Mapping[UUID, str]) -> GroupTable:
    """Groups as they are shown; of memories, those that most trades used."""
    shown = list(groups.items())
    if by is GroupBy.MEMORY:
        shown = [item for item in shown if item[0]][:MEMORIES_SHOWN_MAX] + [
            item for item in shown if not item[0]
        ]
    rows = [GroupRow(_name(by, key), group, _text(by, key, memories)) for key, group in shown]
    return GroupTable(_TITLES[by], rows, len(groups) - len(shown))


def month_rows(side: Performance) -> list[MonthRow]:
    """The years of a curve, the first one first."""
    years: dict[int, dict[int, Decimal]] = {}
    for each in side.months:
        years.setdefault(each.year, {})[each.month] = each.percent
    return [MonthRow(year, months, side.years.get(year)) for year, months in years.items()]


def deepest_falls(side: Performance) -> Sequence[Drawdown]:
    """The deepest periods below a peak, the deepest first."""
    return sorted(side.falls, key=lambda fall: -fall.percent)[:FALLS_SHOWN_MAX]


def fall_cells(fall: Drawdown) -> tuple[str, ...]:
    """A row under FALL_COLUMNS."""
    return (
        words.rate(fall.percent),
        words.day(fall.peak_at),
        words.day(fall.trough_at),
        words.day(fall.recovered_at) if fall.recovered_at else "not yet",
        words.held(fall.length),
    )


def shown_groups(report: Report, *kinds: GroupBy) -> list[GroupTable]:
    """The tables of these kinds that have a trade or a symbol to show."""
    tables = [group_table(by, report.groups[by], report.facts.memories) for by in kinds]
    return [table for table in tables if table.rows]


def _name(by: GroupBy, key: str | None) -> str:
    if key is None:
        return _UNKNOWN[by]
    match by:
        case GroupBy.HOUR:
            return f"{key}:00"
        case GroupBy.SETUP:
            return key.replace("_", " ")
        case GroupBy.MEMORY:
            # The end of an id tells two apart; its beginning is the time, which several share.
            return f"…{key[-8:]}"
        case _:
            return key


def _text(by: GroupBy, key: str | None, memories: Mapping[UUID, str]) -> str:
    if by is not GroupBy.MEMORY or key is None:
        return ""
    text = words.plain(memories.get(UUID(key), ""))
    return words.shortened(text, _MEMORY_CHARACTERS_MAX)
