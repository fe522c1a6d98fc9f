"""What a rule-based analyst sees of a symbol, and how it says what it wants."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol, TypedDict, Unpack, runtime_checkable

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Candle, MarketType, Timeframe
from hedgerow.domain.money import decimal_of, price_from_float, round_to_tick
from hedgerow.domain.orders import OrderType
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import (
    Act,
    ExitProposal,
    IndicatorsAtEntry,
    Proposal,
    SetupType,
    StopProposal,
)
from hedgerow.domain.regimes import Regime
from hedgerow.usecases.candle_series import CandleSeries, moment


class Closed:
    """The closed candles of a symbol in one timeframe, in float64; nothing of the future.

    Prices of the last one raise LookupError while none has closed.
    """

    __slots__ = ("_price_scale", "_series", "_volume_scale", "count")

    def __init__(self, series: CandleSeries) -> None:
        self._series = series
        self._price_scale: int = 10**series.price_places
        self._volume_scale: int = 10**series.volume_places
        self.count = 0
        """How many candles have closed so far."""

    @property
    def open(self) -> float:
        """The first price of the last closed candle, in quote currency."""
        return self._series.open[self._last_closed] / self._price_scale

    @property
    def high(self) -> float:
        """The highest price of the last closed candle."""
        return self._series.high[self._last_closed] / self._price_scale

    @property
    def low(self) -> float:
        """The lowest price of the last closed candle."""
        return self._series.low[self._last_closed] / self._price_scale

    @property
    def close(self) -> float:
        """The last price of the last closed candle."""
        return self._series.close[self._last_closed] / self._price_scale

    @property
    def volume(self) -> float:
        """The volume of the last closed candle, in base currency."""
        return self._series.volume[self._last_closed] / self._volume_scale

    def opens(self, count: int) -> list[float]:
        """The opens of the last `count` closed candles, oldest first; fewer at the beginning."""
        return self._last(self._series.open, count)

    def highs(self, count: int) -> list[float]:
        """The highs, as `opens`."""
        return self._last(self._series.high, count)

    def lows(self, count: int) -> list[float]:
        """The lows, as `opens`."""
        return self._last(self._series.low, count)

    def closes(self, count: int) -> list[float]:
        """The closes, as `opens`."""
        return self._last(self._series.close, count)

    def volumes(self, count: int) -> list[float]:
        """The volumes, as `opens`."""
        values = self._series.volume[max(self.count - count, 0) : self.count]
        return [value / self._volume_scale for value in values]

    def candles(self, count: int) -> list[Candle]:
        """The last `count` closed candles themselves, exact."""
        return self._series[max(self.count - count, 0) : self.count]

    @property
    def _last_closed(self) -> int:
        if not self.count:
            series = self._series
            raise LookupError(
                f"no {series.timeframe} candle of {series.symbol} has closed yet:"
                " ask for its count first"
            )
        return self.count - 1

    def _last(self, column: Sequence[int], count: int) -> list[float]:
        scale = self._price_scale
        return [value / scale for value in column[max(self.count - count, 0) : self.count]]


class Details(TypedDict, total=False):
    """What may be said of a proposal beside its stop and target; see `Market.propose`."""

    size: float
    limit: float | None
    trailing_pct: float | None
    setup: SetupType
    confidence: float
    reason: str


class Market(Closed):
    """One symbol at the close of a candle: prices are floats, what is proposed becomes exact.

    `side` is that of the open position on this symbol, or None; `leverage` is what futures may
    use. `signal` is what the analyst's own `signals` say of the last close, 0 without them.
    """

    __slots__ = (
        "_agent",
        "_coarser",
        "_find_position",
        "_is_entering",
        "leverage",
        "market_type",
        "price_tick",
        "side",
        "signal",
        "symbol",
        "timeframe",
    )

    def __init__(
        self,
        series: CandleSeries,
        agent: str,
        price_tick: Decimal,
        market_type: MarketType,
        leverage: int,
        find_position: Callable[[], Position | None],
        is_entering: Callable[[], bool],
    ) -> None:
        super().__init__(series)
        self.symbol = series.symbol
        self.timeframe = series.timeframe
        self.market_type = market_type
        self.leverage = leverage
        self.price_tick = price_tick
        self.side: PositionSide | None = None
        self.signal = 0.0
        self._find_position = find_position
        self._is_entering = is_entering
        self._agent = agent
        self._coarser: dict[Timeframe, tuple[CandleSeries, Closed]] = {}

    @property
    def position(self) -> Position | None:
        """The open position on this symbol, marked at the last close; `side` is quicker to ask."""
        return self._find_position()

    @property
    def is_waiting(self) -> bool:
        """Whether an entry order on this symbol still waits."""
        return self._is_entering()

    @property
    def at(self) -> datetime:
        """When the last closed candle closed."""
        return moment(self._closed_us)

    @property
    def _closed_us(self) -> int:
        return self._series.open_us[self.count - 1] + self._series.span_us

    def on(self, timeframe: Timeframe | str) -> Closed:
        """Longer candles, made of these, that have closed by now; raises InputRefused."""
        wanted = Timeframe(timeframe)
        if wanted not in self._coarser:
            if wanted.duration % self.timeframe.duration:
                what = f"candles of {wanted} cannot be made of candles of {self.timeframe}"
                raise InputRefused(what, self.symbol, "ask market.on for longer ones")
            series = self._series.rolled_up(wanted)
            self._coarser[wanted] = (series, Closed(series))
        series, closed = self._coarser[wanted]
        closed.count = series.closed_by(self._closed_us)
        return closed

    def buy(self, *, stop: float, target: float, **details: Unpack[Details]) -> Proposal:
        """Propose a long position; see `propose`."""
        return self.propose(PositionSide.LONG, stop=stop, target=target, **details)

    def sell_short(self, *, stop: float, target: float, **details: Unpack[Details]) -> Proposal:
        """Propose a short position (futures only); see `propose`."""
        return self.propose(PositionSide.SHORT, stop=stop, target=target, **details)

    def propose(
        self,
        side: PositionSide,
        *,
        stop: float,
        target: float,
        size: float = 1.0,
        limit: float | None = None,
        trailing_pct: float | None = None,
        setup: SetupType = SetupType.TREND_FOLLOW,
        confidence: float = 1.0,
        reason: str = "",
    ) -> Proposal:
        """Propose a position: at the market, or at `limit` for as long as the next candle lasts.

        `stop`, `target` and `limit` are prices in quote currency and are put on the venue's grid;
        `size` is the share of equity to put in (above 0, to 1), before leverage.
        """
        tick = self.price_tick
        last = self._series.price(self._series.close[self.count - 1])
        return Proposal(
            symbol=self.symbol,
            timeframe=self.timeframe,
            side=side,
            entry_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            entry_price=round_to_tick(last, tick)
            if limit is None
            else price_from_float(limit, tick),
            stop_loss_price=price_from_float(stop, tick),
            take_profit_price=price_from_float(target, tick),
            trailing_stop_pct=None if trailing_pct is None else _exact("trailing", trailing_pct),
            size_ratio=_exact("size", size),
            leverage=self.leverage,
            confidence=confidence,
            setup_type=setup,
            strategy_used=self._agent,
            # No model was asked what the market is doing.
            regime=Regime.TRANSITION,
            reasoning=reason or f"{self._agent} goes {side}",
            agent_id=self._agent,
            memories_used=(),
            indicators=IndicatorsAtEntry(rsi=0.0, atr=0.0, volume=self.volume),
        )

    def leave(self, reason: str = "") -> ExitProposal:
        """Propose to close the open position at the market; raises InputRefused without one."""
        position = self._held("leave", "to leave")
        return ExitProposal(
            self.symbol, position.id, reason or f"{self._agent} leaves", self._agent
        )

    def tighten_stop(self, price: float, reason: str = "") -> StopProposal:
        """Propose to move the stop of the open position closer to the market, to `price` (quote).

        A stop that is no closer than the present one, or not behind the last price, is refused by
        the fund. Raises InputRefused without a position.
        """
        position = self._held("tighten_stop", "whose stop could move")
        return StopProposal(
            self.symbol,
            position.id,
            price_from_float(price, self.price_tick),
            reason or f"{self._agent} tightens the stop",
            self._agent,
        )

    def _held(self, method: str, purpose: str) -> Position:
        position = self.position
        if position is None:
            fix = f"call {method} where market.side is not None"
            raise InputRefused(f"there is no position {purpose}", self.symbol, fix)
        return position


@runtime_checkable
class SignalAnalyst(Protocol):
    """An analyst that works out beforehand, in columns, at which closes it has something to say.

    It is asked to decide at those alone.
    """

    def signals(self, columns: Any) -> Any:
        """A number a candle, of that candle and those before it; 0 and NaN for nothing to say.

        `columns` are hedgerow.backtest.Columns, what is returned a column of numpy.
        """
        ...

    def decide(self, market: Market) -> Act | None:
        """What to do at the close of a candle whose signal, `market.signal`, is not 0."""
        ...


class RuleAnalyst(Protocol):
    """Decides by rules, from closed candles and what it has kept of them; one per symbol."""

    def decide(self, market: Market) -> Act | None:
        """What to do at the close of a candle; None to do nothing."""
        ...


def _exact(name: str, value: float) -> Decimal:
    return decimal_of(name, repr(float(value)))
