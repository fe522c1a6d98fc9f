"""What a process that follows regimes says of each round."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hedgerow.domain.market import Timeframe
from hedgerow.domain.regimes import Regime, RegimeReading, classification
from hedgerow.entrypoints.regimes_follow import round_line
from hedgerow.usecases.classify_regimes import Classified
from hedgerow.usecases.follow_regimes import Round

AT = datetime(2024, 3, 1, 12, 0, 15, tzinfo=UTC)


def market(timeframe: Timeframe, *, is_new: bool) -> Classified:
    reading = RegimeReading(Regime.RANGE, 0.625, {}, "rules_v1")
    row = classification("BTC/USDT", timeframe, AT - timedelta(seconds=15), reading)
    return Classified("BTC/USDT", timeframe, last=row if is_new else None)


def test_new_rows_and_markets_without_one_are_told() -> None:
    markets = [
        market(Timeframe.H1, is_new=True),
        market(Timeframe.H4, is_new=False),
        market(Timeframe.D1, is_new=False),
    ]
    assert round_line(Round(AT, markets, AT)) == (
        "2024-03-01 12:00:15Z  BTC/USDT 1h range 0.62 at 2024-03-01 12:00; "
        "nothing new for BTC/USDT 4h, BTC/USDT 1d"
    )
    assert round_line(Round(AT, markets[2:], AT)) == (
        "2024-03-01 12:00:15Z  nothing new for BTC/USDT 1d"
    )
