"""Markets that wander, analysts that act at random, and all that a backtest leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from random import Random
from typing import Any

from builders import digits
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.orders import OrderPurpose
from hedgerow.domain.proposals import ExitProposal, Proposal
from hedgerow.domain.users import UserSettings
from hedgerow.infrastructure.agents.signal_lookout import SignalLookout
from hedgerow.infrastructure.venues.paper import FundingRates, PaperVenue, PaperVenueRules
from hedgerow.usecases.backtest.desk import BacktestDesk, BacktestPlan, BacktestVenue, ByRules
from hedgerow.usecases.backtest.market import Market, RuleAnalyst
from hedgerow.usecases.backtest.result import BacktestResult
from hedgerow.usecases.backtest.run import run_backtest
from hedgerow.usecases.candle_series import CandleSeries, moment, series_of
from hedgerow.usecases.gather_report import VenueCharges

START = datetime(2024, 3, 1, tzinfo=UTC)
BTC, ETH = "BTC/USDT", "ETH/USDT"


def wandering(
    seed: int,
    count: int,
    symbol: str = BTC,
    timeframe: Timeframe = Timeframe.H1,
    missing: float = 0.0,
) -> CandleSeries:
    """A price that goes up and down by about one per cent a candle; some candles are missing."""
    chance = Random(f"{seed} {symbol}")
    candles, price = [], 10_000.0
    for number in range(count):
        opened = price * (1 + chance.gauss(0, 0.001))
        price = opened * (1 + chance.gauss(0, 0.01))
        high = max(opened, price) * (1 + abs(chance.gauss(0, 0.004)))
        low = min(opened, price) * (1 - abs(chance.gauss(0, 0.004)))
        if number and chance.random() < missing:
            continue
        o, h, lo, c = (Decimal(f"{each:.1f}") for each in (opened, high, low, price))
        at = START + number * timeframe.duration
        volume = Decimal(f"{chance.uniform(0.5, 50):.3f}")
        candles.append(Candle(symbol, timeframe, at, o, h, lo, c, volume))
    return series_of(candles)


@dataclass(frozen=True, slots=True)
class RandomAnalyst:
    """Enters and leaves by the digest of what it sees: another past, another decision."""

    seed: int
    eagerness: float = 0.2
    may_short: bool = False
    trails: bool = True

    def decide(self, market: Market) -> Proposal | ExitProposal | None:
        seen = f"{self.seed} {market.symbol} {market.closes(5)} {market.on(Timeframe.H4).closes(2)}"
        chance = Random(sha256(seen.encode()).hexdigest())
        if chance.random() > self.eagerness:
            return None
        if market.side is not None:
            return market.leave() if chance.random() < 0.3 else None
        is_short = self.may_short and chance.random() < 0.5
        away = chance.uniform(0.002, 0.03) * (-1 if is_short else 1)
        close = market.close
        wanted: dict[str, Any] = {
            "stop": close * (1 - away),
            "target": close * (1 + away * chance.uniform(0.5, 3)),
            "size": chance.choice([0.05, 0.3, 0.9]),
            "limit": close * (1 - away / 4) if chance.random() < 0.3 else None,
            "trailing_pct": round(abs(away) * 120, 2)
            if chance.random() < self.trails / 2
            else None,
        }
        return market.sell_short(**wanted) if is_short else market.buy(**wanted)


def desk_of(
    make: Callable[[], RuleAnalyst],
    rules: PaperVenueRules | None = None,
    funding: FundingRates | None = None,
) -> BacktestDesk:
    """The paper venue, and analysts by rules."""

    def make_venue(instruments: Any) -> BacktestVenue:
        return PaperVenue(instruments, rules or PaperVenueRules(seed=7), funding)

    return BacktestDesk(
        make_venue,
        VenueCharges(Decimal("0.001"), Decimal("0.0005")),
        ByRules(make, "random", look_out=SignalLookout if hasattr(make(), "signals") else None),
        "Random",
    )


async def tried(
    candles: Mapping[str, CandleSeries],
    make: Callable[[], RuleAnalyst],
    rules: PaperVenueRules | None = None,
    funding: FundingRates | None = None,
    watched: tuple[Callable[[int], None], Callable[[], bool]] = (lambda _: None, lambda: False),
    **changes: Any,
) -> BacktestResult:
    """A backtest on the paper venue; `changes` are those of the plan."""

    usual = BacktestPlan(Exchange.BINANCE, Decimal(10_000), position_share_max=Decimal(1))
    desk = desk_of(make, rules, funding)
    return await run_backtest(desk, replace(usual, **changes), candles, *watched)


def free_settings(**changes: Any) -> UserSettings:
    """Bounds that let a fund trade on through its losses."""
    usual = UserSettings(
        max_positions=10,
        max_portfolio_risk=Decimal(100),
        circuit_breaker_on=False,
        max_position_size_usd=Decimal(100_000),
        max_total_exposure_usd=Decimal(200_000),
        max_leverage_multiple=Decimal(10),
    )
    return replace(usual, **changes)


def left_behind(result: BacktestResult, until: datetime | None = None) -> dict[str, Any]:
    """All that a backtest did up to a moment, digit by digit; numbers are compared as such.

    At the moment itself it has decided, and not traded: the next candle opens then.
    """
    end = until or datetime.max.replace(tzinfo=UTC)
    return {
        "equity": [
            (at, equity, cash)
            for at, equity, cash in zip(
                map(moment, result.equity.at_us),
                result.equity.equity,
                result.equity.cash,
                strict=True,
            )
            if at <= end
        ],
        "orders": [
            (order.id, order.symbol, order.side, order.type, order.purpose, order.created_at)
            for order in result.orders
            if order.created_at < end
            or (order.created_at == end and order.purpose is OrderPurpose.ENTRY)
        ],
        "fills": digits([fill for fill in result.fills if fill.filled_at < end]),
        "ledger": digits([each for each in result.transfers if each.at < end]),
    }


def records(result: BacktestResult) -> dict[str, Any]:
    """What is kept of strategies, positions and orders, but the times of their last marks."""
    kept = {
        "strategy": digits(result.strategy),
        "breaker": digits(result.fund.breaker),
        "positions": digits(result.positions),
        "orders": digits(result.orders),
    }
    del kept["strategy"]["updated_at"]
    for position in kept["positions"]:
        del position["updated_at"]
    return kept
