"""Analyse the trade journal: what closed trades that share something came to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hedgerow.domain.journal import MarketRegime
from hedgerow.domain.market import Candle
from hedgerow.domain.money import ZERO, exact, percent, ratio
from hedgerow.domain.performance import Efficiency, TradeStats, trade_efficiency, trade_stats
from hedgerow.domain.proposals import SetupType
from hedgerow.usecases.report_facts import TradeRecord


class GroupBy(StrEnum):
    """What trades are grouped by."""

    SETUP = "setup"
    REGIME = "regime"
    AGENT = "agent"
    MEMORY = "memory"
    SYMBOL = "symbol"
    HOUR = "hour"


@dataclass(frozen=True, slots=True)
class TradeGroup:
    """Closed trades that share something; a figure is None where no trade of them has it.

    Efficiencies are averages, in per cent of the price's range while each was open;
    `entries_right_pct` and `exits_right_pct` are the journal's verdicts, of those it has judged.
    """

    stats: TradeStats
    entry_efficiency_pct: Decimal | None
    exit_efficiency_pct: Decimal | None
    entries_right_pct: Decimal | None
    exits_right_pct: Decimal | None
    held_average: timedelta | None


Groups = Mapping[str | None, TradeGroup]
"""Groups by what their trades share, None where that is not known: a setup, a regime, a symbol,
an agent's id, a memory's id, or the hour (UTC) of the opening as two digits."""

Efficiencies = Mapping[UUID, Efficiency]
"""Efficiency of closed trades, by the id of the position."""


def efficiencies(
    closed: Iterable[TradeRecord], candles: Mapping[str, Sequence[Candle]]
) -> Efficiencies:
    """How well trades were entered and left, where candles tell it."""
    found = {}
    for trade in closed:
        position = trade.position
        efficiency = trade_efficiency(position, candles.get(position.symbol, ()))
        if efficiency is not None:
            found[position.id] = efficiency
    return found


def analyse_journal(
    closed: Iterable[TradeRecord],
    efficiency_of: Efficiencies,
    by: GroupBy,
    symbols: Iterable[str] = (),
) -> Groups:
    """Closed trades, in the order of their ends, grouped `by`.

    Setups and regimes stand in the order the journal names them, memories by how many trades used
    them, all else by name; what is not known, last. By symbol, every one of `symbols` has a
    group. A trade that used several memories is in the group of each.
    """
    groups: dict[str | None, list[TradeRecord]] = defaultdict(list)
    if by is GroupBy.SYMBOL:
        groups |= {symbol: [] for symbol in symbols}
    for trade in closed:
        for key in _keys(trade, by):
            groups[key].append(trade)
    ordered = sorted(groups.items(), key=lambda group: _rank(by, *group))
    return {key: group_of(trades, efficiency_of) for key, trades in ordered}


def group_of(trades: Sequence[TradeRecord], efficiency_of: Efficiencies) -> TradeGroup:
    """What these closed trades, in the order of their ends, came to."""
    known = [efficiency_of[t.position.id] for t in trades if t.position.id in efficiency_of]
    entries = [trade.journal for trade in trades if trade.journal]
    with exact():
        return TradeGroup(
            stats=trade_stats([trade.position.net_pnl for trade in trades]),
            entry_efficiency_pct=_average([each.entry_pct for each in known]),
            exit_efficiency_pct=_average([each.exit_pct for each in known]),
            entries_right_pct=_share([entry.was_correct_entry for entry in entries]),
            exits_right_pct=_share([entry.was_correct_exit for entry in entries]),
            held_average=_held(trades),
        )


def _keys(trade: TradeRecord, by: GroupBy) -> Sequence[str | None]:
    position, entry = trade.position, trade.journal
    match by:
        case GroupBy.SETUP:
            return [entry.setup_type if entry else None]
        case GroupBy.REGIME:
            return [entry.market_regime if entry else None]
        case GroupBy.AGENT:
            return [trade.agent_id]
        case GroupBy.MEMORY:
            return [str(memory_id) for memory_id in trade.memories_used] or [None]
        case GroupBy.SYMBOL:
            return [position.symbol]
        case GroupBy.HOUR:
            return [f"{position.opened_at.astimezone(UTC):%H}"]


def _rank(by: GroupBy, key: str | None, trades: Sequence[TradeRecord]) -> tuple[bool, int, str]:
    number = 0
    if key is not None and by is GroupBy.SETUP:
        number = list(SetupType).index(SetupType(key))
    elif key is not None and by is GroupBy.REGIME:
        number = list(MarketRegime).index(MarketRegime(key))
    elif by is GroupBy.MEMORY:
        number = -len(trades)
    return key is None, number, key or ""


def _average(values: Sequence[Decimal]) -> Decimal | None:
    return ratio(sum(values, ZERO), Decimal(len(values))) if values else None


def _share(verdicts: Iterable[bool | None]) -> Decimal | None:
    judged = [verdict for verdict in verdicts if verdict is not None]
    return percent(Decimal(sum(judged)), Decimal(len(judged))) if judged else None


def _held(trades: Sequence[TradeRecord]) -> timedelta | None:
    spans = [t.position.closed_at - t.position.opened_at for t in trades if t.position.closed_at]
    return sum(spans, timedelta()) / len(spans) if spans else None
