"""What closed trades earned after costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from hedgerow.domain.money import CONTEXT, ZERO, exact, percent, ratio, to_quote


@dataclass(frozen=True, slots=True)
class TradeStats:
    """What closed trades earned after costs, in quote currency; rates are zero without trades.

    A trade is won when it earned more than zero, lost when less. `profit_factor` is what the
    winners earned over what the losers cost, `payoff_ratio` the average winner over the average
    loser, both None where no trade lost. `expectancy` is the average trade. `sqn` is the system
    quality number, sqrt(trades) x expectancy / sample deviation, None before two trades differ.
    `won_in_a_row` and `lost_in_a_row` are the longest streaks.

    Sources: Tharp (2008), Definitive Guide to Position Sizing, for expectancy and SQN, which is
    taken of money and not capped at 100 trades; Vince (1990), Portfolio Management Formulas, for
    profit factor and payoff.
    """

    trades: int
    won: int
    lost: int
    win_rate_pct: Decimal
    profit: Decimal
    profit_factor: Decimal | None
    payoff_ratio: Decimal | None
    expectancy: Decimal
    sqn: Decimal | None
    average_win: Decimal
    average_loss: Decimal
    best: Decimal
    worst: Decimal
    won_in_a_row: int
    lost_in_a_row: int


def is_won(profit: Decimal) -> bool:
    """Whether a trade with this net profit counts as won."""
    return profit > ZERO


def win_rate_pct(won: int, trades: int) -> Decimal:
    """Winning trades of all closed ones, in per cent; zero without trades."""
    return percent(Decimal(won), Decimal(trades))


def trade_stats(profits: Sequence[Decimal]) -> TradeStats:
    """What trades with these net profits (quote currency), in the order of their ends, come to."""
    with exact():
        won = [profit for profit in profits if is_won(profit)]
        lost = [profit for profit in profits if profit < ZERO]
        gained, given = sum(won, ZERO), -sum(lost, ZERO)
        average_win, average_loss = _average(won), _average(lost)
        return TradeStats(
            trades=len(profits),
            won=len(won),
            lost=len(lost),
            win_rate_pct=win_rate_pct(len(won), len(profits)),
            profit=sum(profits, ZERO),
            profit_factor=ratio(gained, given) if lost else None,
            payoff_ratio=ratio(average_win, -average_loss) if lost else None,
            expectancy=to_quote(_average(profits)),
            sqn=_sqn(profits),
            average_win=to_quote(average_win),
            average_loss=to_quote(average_loss),
            best=max(profits, default=ZERO),
            worst=min(profits, default=ZERO),
            won_in_a_row=_streak(profits, 1),
            lost_in_a_row=_streak(profits, -1),
        )


def _average(profits: Sequence[Decimal]) -> Decimal:
    return sum(profits, ZERO) / len(profits) if profits else ZERO


def _sqn(profits: Sequence[Decimal]) -> Decimal | None:
    mean, count = _average(profits), Decimal(len(profits))
    squares = sum(((profit - mean) ** 2 for profit in profits), ZERO)
    if not squares or len(set(profits)) < 2:
        return None
    return ratio(CONTEXT.sqrt(count) * mean, CONTEXT.sqrt(squares / (count - 1)))


def _streak(profits: Sequence[Decimal], sign: int) -> int:
    """The longest run of trades whose profit has this sign."""
    runs = groupby(profits, key=lambda profit: (profit > ZERO) - (profit < ZERO))
    return max((len(list(run)) for key, run in runs if key == sign), default=0)
