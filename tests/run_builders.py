"""A run small enough to be reckoned by hand: four days of BTC/USDT, three trades, 1000 USDT.

The costs are absurd on purpose: half of the capital, 500, buys at 100 with 25 % slippage and 25 %
fee, so 500 / (100 x 1.25 x 1.25) = 3.2 BTC, and 100 USDT are fees.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from builders import position, proposal
from hedgerow.domain.journal import journal_entry
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.positions import PositionStatus
from hedgerow.domain.proposals import SetupType
from hedgerow.usecases.report_facts import EquityPoint, RunCounts, RunFacts, TradeRecord

START = datetime(2024, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
BTC_CLOSES = ("100", "110", "99", "121")
FUND_EQUITY = ("1000", "1040", "1014", "1100")


def day_candles(symbol: str, closes: Sequence[str], start: datetime = START) -> list[Candle]:
    """A candle per close, each a tenth above and below it at its extremes."""
    return [
        Candle(
            symbol=symbol,
            timeframe=Timeframe.D1,
            open_time=start + index * DAY,
            open=Decimal(close),
            high=Decimal(close) * Decimal("1.1"),
            low=Decimal(close) * Decimal("0.9"),
            close=Decimal(close),
            volume=Decimal(index + 1),
        )
        for index, close in enumerate(closes)
    ]


def equity_points(values: Sequence[str]) -> list[EquityPoint]:
    """What the fund was worth at the close of each day."""
    return [
        EquityPoint(at=START + (index + 1) * DAY, equity=Decimal(value), cash=Decimal(value))
        for index, value in enumerate(values)
    ]


def closed_trade(
    number: int,
    profit: str,
    setup: SetupType = SetupType.BREAKOUT,
    symbol: str = "BTC/USDT",
    reasoning: str = "volume confirms the breakout",
    opened_at: datetime = START + DAY,
) -> TradeRecord:
    """One BTC bought at 100 and sold a day later for this net profit, after 1 USDT of fees."""
    gross = Decimal(profit) + 1
    ended = position(
        id=UUID(int=number),
        symbol=symbol,
        opened_at=opened_at,
        closed_at=opened_at + DAY,
        status=PositionStatus.CLOSED,
        size_opened=Decimal(1),
        entry_price=Decimal(100),
        exit_value=100 + gross,
        realized_pnl=gross,
        fees=Decimal(1),
        stop_loss_price=Decimal(95),
        take_profit_price=Decimal(110),
        open_reasoning=reasoning,
        close_reasoning="the stop was filled",
    )
    proposed = proposal(symbol, setup_type=setup)
    return TradeRecord(
        ended, journal_entry(UUID(int=1000 + number), ended, proposed, ended.updated_at)
    )


def open_trade(number: int, opened_at: datetime) -> TradeRecord:
    """Half a BTC bought at 100, now worth 110 each."""
    held = position(
        id=UUID(int=number),
        opened_at=opened_at,
        size=Decimal("0.5"),
        size_opened=Decimal("0.5"),
        entry_cost=Decimal(50),
        entry_price=Decimal(100),
        margin=Decimal(50),
        current_price=Decimal(110),
        stop_loss_price=Decimal(95),
        open_reasoning="the trend holds",
    )
    return TradeRecord(held, None)


def three_trades() -> list[TradeRecord]:
    """Two breakouts, +12 and -8, and a reversal, +4: 8 in all."""
    return [
        closed_trade(1, "12"),
        closed_trade(2, "-8"),
        closed_trade(3, "4", SetupType.REVERSAL, opened_at=START + 2 * DAY),
    ]


def run_facts(
    equity: Sequence[str] = FUND_EQUITY,
    trades: Sequence[TradeRecord] | None = None,
    candles: Mapping[str, Sequence[Candle]] | None = None,
    **changes: Any,
) -> RunFacts:
    """The run of this file, with what a test is about in place of its own."""
    usual: dict[str, Any] = {
        "strategy_id": UUID(int=7),
        "strategy_name": "Steady hedge",
        "quote_currency": "USDT",
        "timeframe": Timeframe.D1,
        "capital": Decimal(1000),
        "fees": Decimal(3),
        "allocations": {"BTC/USDT": Decimal("0.5")},
        "taker_fee_ratio": Decimal("0.25"),
        "slippage_ratio": Decimal("0.25"),
        "candles": {"BTC/USDT": day_candles("BTC/USDT", BTC_CLOSES)}
        if candles is None
        else candles,
        "equity": equity_points(equity),
        "trades": three_trades() if trades is None else trades,
        "counts": RunCounts(
            candles=4,
            decisions=4,
            orders=9,
            fills=6,
            memories=3,
            journal_entries=3,
            breaker_trips=1,
        ),
        "is_finished": True,
    }
    return RunFacts(**(usual | changes))
