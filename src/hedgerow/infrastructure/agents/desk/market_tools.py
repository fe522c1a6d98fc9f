"""What agents may read of a market: everything as known at one moment, nothing that changes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np

from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.money import HUNDRED, ZERO
from hedgerow.domain.orders import OrderSide
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.infrastructure.agents.desk.quoting import quoted, read
from hedgerow.infrastructure.agents.indicators import Indicators
from hedgerow.infrastructure.agents.plays import PLAYS
from hedgerow.infrastructure.agents.setups import Setup, confidence_of, find_setup
from hedgerow.usecases.ports.market import MarketRecords

Told = dict[str, Any]
UNKNOWN: Final[Told] = {"known": False}

_CANDLES_TOLD_MAX: Final = 50
_SPANS: Final = (1, 5, 20, 100)
_CORRELATED_CANDLES: Final = 100
_CORRELATED_LEAST: Final = 30
_DEPTHS_PCT: Final = (Decimal("0.1"), Decimal("0.5"))
_FUNDING_DAYS: Final = 3
_NEWS_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class MarketBrief:
    """A symbol at a moment, as all users see it: closed candles, oldest first, and the regime."""

    at: datetime
    symbol: str
    timeframe: Timeframe
    price_tick: Decimal
    candles: Sequence[Candle]
    longer: Callable[[Timeframe, int], Sequence[Candle]]
    regime: RegimeReading
    regime_before: Regime | None


@dataclass(slots=True)
class MarketTools:
    """The tools of research on one symbol at one moment; `universe` is what else is watched."""

    brief: MarketBrief
    seen: Indicators
    records: MarketRecords
    universe: Sequence[str]
    setup: Setup | str = field(init=False)

    def __post_init__(self) -> None:
        brief = self.brief
        play = PLAYS.get(brief.regime.regime)
        self.setup = find_setup(play, self.seen, brief.candles[-1].close, brief.price_tick)

    async def read_candles(self, timeframe: str = "", count: int = 10) -> Told:
        """Closed candles, oldest first, as [open time, open, high, low, close, volume].

        Args:
            timeframe: 1m, 5m, 15m, 1h, 4h or 1d; the briefing's own where it is left out.
            count: how many of them, at most 50.
        """
        span = Timeframe(timeframe) if timeframe else self.brief.timeframe
        wanted = max(1, min(count, _CANDLES_TOLD_MAX))
        candles = self._own(span, wanted)
        if candles is None:
            candles = await self.records.candles(self.brief.symbol, span, wanted, self.brief.at)
        if not candles:
            return UNKNOWN
        told: Told = {"timeframe": str(span), "candles": [_row(candle) for candle in candles]}
        if span is self.brief.timeframe:
            told["change_pct_over_candles"] = self._changes()
            told["volume_over_usual"] = read(self.seen.volume_ratio)
        return told

    async def read_indicators(self) -> Told:
        """Indicators after the last closed candle: RSI, ADX and ATR over 14, bands over 20."""
        seen = self.seen
        return {
            "close": read(seen.close),
            "rsi": read(seen.rsi),
            "adx": read(seen.regime.adx),
            "ma50": read(seen.regime.ma50),
            "atr": read(seen.regime.atr),
            "atr_over_usual": read(seen.regime.atr_ratio),
            "bands": [read(seen.band_lower), read(seen.band_middle), read(seen.band_upper)],
            "bands_width_over_usual": read(seen.regime.bands_ratio),
            "place_between_bands": read(seen.band_place),
            "channel_of_20": [read(seen.channel_low), read(seen.channel_high)],
            "volume_over_usual": read(seen.volume_ratio),
        }

    async def read_regime(self) -> Told:
        """The market regime now and at the close before, how sure, and the numbers behind it."""
        reading = self.brief.regime
        return {
            "regime": str(reading.regime),
            "confidence": read(reading.confidence),
            "before": str(self.brief.regime_before or "unknown"),
            "model_version": reading.model_version,
            "indicators": {name: read(value) for name, value in reading.indicators.items()},
        }

    async def find_setup(self) -> Told:
        """The play of this regime: whether its setup is there now, and how sure it is (0 to 1)."""
        if isinstance(self.setup, str):
            return {"found": False, "why": self.setup}
        play, look = self.setup.play, self.setup.look
        return {
            "found": True,
            "play": play.name,
            "setup_type": str(play.setup_type),
            "side": str(look.side),
            "facts": look.facts,
            "confidence": confidence_of(look.strength, self.brief.regime.confidence),
        }

    async def read_order_book(self) -> Told:
        """The last order book: spread, and what stands near the price on either side."""
        book = await self.records.order_book(self.brief.symbol, self.brief.at)
        if book is None or not book.bids or not book.asks:
            return UNKNOWN
        middle = (book.bids[0].price + book.asks[0].price) / 2
        told: Told = {
            "known": True,
            "age_s": int((self.brief.at - book.at).total_seconds()),
            "spread_pct": read((book.asks[0].price - book.bids[0].price) / middle * HUNDRED),
        }
        for depth in _DEPTHS_PCT:
            away = middle * depth / HUNDRED
            bids = sum((b.quantity for b in book.bids if b.price >= middle - away), ZERO)
            asks = sum((a.quantity for a in book.asks if a.price <= middle + away), ZERO)
            told[f"within_{depth}_pct"] = {
                "bids": read(bids),
                "asks": read(asks),
                "bid_share": read(bids / (bids + asks)) if bids + asks else 0.5,
            }
        return told

    async def read_trades(self, minutes: int = 60) -> Told:
        """Everybody's trades of the last minutes: volume bought and sold by whoever was in a hurry.

        Args:
            minutes: how far back, at most 240.
        """
        start = self.brief.at - timedelta(minutes=max(1, min(minutes, 240)))
        trades = await self.records.trades(self.brief.symbol, start, self.brief.at)
        if not trades:
            return UNKNOWN
        bought = sum((t.quantity for t in trades if t.side is OrderSide.BUY), ZERO)
        sold = sum((t.quantity for t in trades if t.side is OrderSide.SELL), ZERO)
        return {
            "known": True,
            "trades": len(trades),
            "bought": read(bought),
            "sold": read(sold),
            "buy_share": read(bought / (bought + sold)) if bought + sold else 0.5,
            "largest": read(max(t.quantity for t in trades)),
            "change_pct": read((trades[-1].price / trades[0].price - 1) * HUNDRED),
        }

    async def read_derivatives(self) -> Told:
        """Funding (in per cent a settlement, paid by longs above zero) and open interest."""
        start = self.brief.at - timedelta(days=_FUNDING_DAYS)
        readings = await self.records.derivatives(self.brief.symbol, start, self.brief.at)
        if not readings:
            return UNKNOWN
        first, last = readings[0], readings[-1]
        mean = sum((r.funding_ratio for r in readings), ZERO) / len(readings)
        told: Told = {
            "known": True,
            "funding_pct": read(last.funding_ratio * HUNDRED),
            "funding_pct_mean_3d": read(mean * HUNDRED),
            "open_interest": read(last.open_interest),
        }
        if first.open_interest > ZERO:
            change = last.open_interest / first.open_interest - 1
            told["open_interest_change_pct"] = read(change * HUNDRED)
        return told

    async def read_news(self, hours: int = 24) -> Told:
        """News about the symbol, the latest first. Titles and texts are quoted from outside.

        Args:
            hours: how far back, at most 168.
        """
        start = self.brief.at - timedelta(hours=max(1, min(hours, 168)))
        brief = self.brief
        items = await self.records.news(brief.symbol, start, brief.at, _NEWS_TOLD)
        if not items:
            return UNKNOWN
        return {
            "known": True,
            "items": [
                {
                    "known_hours_ago": read((brief.at - item.known_at).total_seconds() / 3600),
                    "source": quoted(item.source, 60),
                    "title": quoted(item.title, 160),
                    "text": quoted(item.summary),
                }
                for item in items
            ],
        }

    async def read_correlations(self) -> Told:
        """How the symbol moved with others over the last candles, and who moved first."""
        mine = _returns(self.brief.candles[-_CORRELATED_CANDLES - 1 :])
        told: list[Told] = []
        for symbol in self.universe:
            if symbol == self.brief.symbol:
                continue
            others = await self.records.candles(
                symbol, self.brief.timeframe, _CORRELATED_CANDLES + 1, self.brief.at
            )
            both = sorted(mine.keys() & _returns(others).keys())
            if len(both) >= _CORRELATED_LEAST:
                theirs = _returns(others)
                told.append({"symbol": symbol, **_correlated(both, mine, theirs)})
        return {"known": True, "with": told} if told else UNKNOWN

    def _own(self, span: Timeframe, count: int) -> Sequence[Candle] | None:
        if span is self.brief.timeframe:
            return self.brief.candles[-count:]
        if span.duration > self.brief.timeframe.duration:
            return self.brief.longer(span, count)
        return None

    def _changes(self) -> Told:
        candles = self.brief.candles
        return {
            str(span): read((candles[-1].close / candles[-1 - span].close - 1) * HUNDRED)
            for span in _SPANS
            if span < len(candles)
        }


def _row(candle: Candle) -> list[str | float]:
    prices = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    return [f"{candle.open_time:%m-%d %H:%M}", *(read(price) for price in prices)]


def _returns(candles: Sequence[Candle]) -> dict[datetime, float]:
    """Log returns by close time."""
    closes = np.log(np.array([float(candle.close) for candle in candles]))
    times = [candle.close_time for candle in candles[1:]]
    return dict(zip(times, np.diff(closes).tolist(), strict=True))


def _correlated(
    times: Sequence[datetime], mine: dict[datetime, float], theirs: dict[datetime, float]
) -> Told:
    own = np.array([mine[at] for at in times])
    other = np.array([theirs[at] for at in times])
    return {
        "correlation": _correlation(own, other),
        "beta": read(float(np.cov(own, other)[0, 1] / max(float(np.var(other, ddof=1)), 1e-18))),
        "it_follows": _correlation(own[1:], other[:-1]),
        "it_leads": _correlation(own[:-1], other[1:]),
        "their_last_pct": read((float(np.exp(other[-1])) - 1.0) * 100.0),
    }


def _correlation(own: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    if own.std() == 0.0 or other.std() == 0.0:
        return 0.0
    return read(float(np.corrcoef(own, other)[0, 1]))
