"""What a desk is told before it decides on a pair of a fund."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from hedgerow.domain.fund import Fund
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.regimes import RegimeReading
from hedgerow.usecases.fund_view import Watch, view_of
from hedgerow.usecases.ports.desk import Briefing


@dataclass(frozen=True, slots=True)
class SymbolMarket:
    """A symbol as known at `at`: closed candles, oldest first, those made of them, the regime now,
    and the one stored for the close before, if any.
    """

    at: datetime
    timeframe: Timeframe
    candles: Sequence[Candle]
    longer: Callable[[Timeframe, int], Sequence[Candle]]
    regime: RegimeReading
    stored_before: RegimeReading | None = None


def brief(
    fund: Fund, pair: TradingPair, market: SymbolMarket, watch: Watch, *, is_asked_for: bool = False
) -> Briefing:
    """The briefing of a fund's desk on one of its pairs."""
    held = [each for each in fund.positions.values() if each.trading_pair_id == pair.id]
    entering = any(order.trading_pair_id == pair.id for order in fund.working_entries())
    return Briefing(
        at=market.at,
        symbol=pair.symbol,
        timeframe=market.timeframe,
        market_type=pair.market_type,
        risk_tolerance=fund.strategies[pair.strategy_id].risk_tolerance,
        price_tick=fund.instruments[pair.id].price_tick,
        candles=market.candles,
        longer=market.longer,
        regime=market.regime,
        position=held[0] if held else None,
        has_working_entry=entering,
        fund=view_of(fund, pair),
        regime_before=watch.regime_before(pair.symbol, market.stored_before),
        happened=watch.happened(pair.symbol),
        is_asked_for=is_asked_for,
    )
