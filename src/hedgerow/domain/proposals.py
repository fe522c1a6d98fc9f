"""What an analyst may say, with reasons: propose a trade, an exit or a closer stop, or abstain.

Whoever says it, an agent with a model above all, may say anything. What no store could keep and no
arithmetic could bear is refused here; whether it may be done, the fund examines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final
from uuid import UUID

from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.market import Timeframe
from hedgerow.domain.money import ONE, ZERO, require_exact
from hedgerow.domain.orders import OrderType
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.regimes import Regime

# Far beyond any price or share, and near enough for exact arithmetic and every store.
_NUMBER_MAX: Final = Decimal(10) ** 15
_PLACES_MAX: Final = 100


class SetupType(StrEnum):
    """The kind of trade, as the journal groups it."""

    BREAKOUT = "breakout"
    REVERSAL = "reversal"
    TREND_FOLLOW = "trend_follow"


@dataclass(frozen=True, slots=True)
class IndicatorsAtEntry:
    """What the journal keeps of the market at the decision (finite float64; volume in base)."""

    rsi: float
    atr: float
    volume: float

    def __post_init__(self) -> None:
        for name in ("rsi", "atr", "volume"):
            value: float = getattr(self, name)
            if not math.isfinite(value):
                raise InvalidValue(field=name, value=value, allowed="a finite number")


@dataclass(frozen=True, slots=True)
class Proposal:
    """A trade that an analyst would make. It holds no power: the fund sizes it or refuses it.

    Prices are in quote currency. `size_ratio` is the share of the strategy's equity to put in
    (0 to 1, before leverage); `confidence` lies in 0 to 1. `entry_type` is market or limit;
    `entry_price` is the limit, or the price the analyst saw. Of the `memories_recalled` those in
    `memories_used` moved the confidence, and the outcome will validate them. `session_id` is the
    conversation that it came of, if there was one.
    """

    symbol: str
    timeframe: Timeframe
    side: PositionSide
    entry_type: OrderType
    entry_price: Decimal
    stop_loss_price: Decimal
    take_profit_price: Decimal
    trailing_stop_pct: Decimal | None
    size_ratio: Decimal
    leverage: int
    confidence: float
    setup_type: SetupType
    strategy_used: str
    regime: Regime
    reasoning: str
    agent_id: str
    memories_used: tuple[UUID, ...]
    indicators: IndicatorsAtEntry
    memories_recalled: tuple[UUID, ...] = ()
    session_id: str | None = None

    def __post_init__(self) -> None:
        _require_bearable(
            entry_price=self.entry_price,
            stop_loss_price=self.stop_loss_price,
            take_profit_price=self.take_profit_price,
            trailing_stop_pct=self.trailing_stop_pct,
            size_ratio=self.size_ratio,
        )
        _require_storable(self.symbol, self.strategy_used, self.agent_id, self.session_id)
        _require_reasons(self.reasoning)
        if not 0.0 <= self.confidence <= 1.0:
            raise InvalidValue(field="confidence", value=self.confidence, allowed="0 to 1")
        if not ZERO < self.size_ratio <= ONE:
            raise InvalidValue(field="size_ratio", value=self.size_ratio, allowed="above 0 to 1")
        if self.entry_type not in (OrderType.MARKET, OrderType.LIMIT):
            raise InvalidValue(field="entry_type", value=self.entry_type, allowed="market or limit")
        lowest = min(self.entry_price, self.stop_loss_price, self.take_profit_price)
        if not lowest > ZERO:
            raise InvalidValue(field="the lowest price", value=lowest, allowed="above 0")


@dataclass(frozen=True, slots=True)
class ExitProposal:
    """An analyst's wish to close an open position at the market."""

    symbol: str
    position_id: UUID
    reasoning: str
    agent_id: str
    session_id: str | None = None

    def __post_init__(self) -> None:
        _require_storable(self.symbol, self.reasoning, self.agent_id, self.session_id)


@dataclass(frozen=True, slots=True)
class StopProposal:
    """An analyst's wish to move the stop of an open position to `stop_loss_price` (quote).

    Only ever closer to the market: the fund refuses a stop that risks more than the present one.
    """

    symbol: str
    position_id: UUID
    stop_loss_price: Decimal
    reasoning: str
    agent_id: str
    session_id: str | None = None

    def __post_init__(self) -> None:
        _require_bearable(stop_loss_price=self.stop_loss_price)
        _require_storable(self.symbol, self.reasoning, self.agent_id, self.session_id)
        if not self.stop_loss_price > ZERO:
            raise InvalidValue(
                field="stop_loss_price", value=self.stop_loss_price, allowed="above 0"
            )


@dataclass(frozen=True, slots=True)
class Abstention:
    """An analyst's reasons to do nothing."""

    symbol: str
    reasoning: str
    agent_id: str
    session_id: str | None = None

    def __post_init__(self) -> None:
        _require_storable(self.symbol, self.reasoning, self.agent_id, self.session_id)


Act = Proposal | ExitProposal | StopProposal
Decision = Act | Abstention


def _require_bearable(**numbers: Decimal | None) -> None:
    require_exact(**numbers)
    for name, number in numbers.items():
        if number is None:
            continue
        places = -int(number.as_tuple().exponent)
        if number.copy_abs() > _NUMBER_MAX or places > _PLACES_MAX:
            allowed = f"at most {_NUMBER_MAX:f}, with at most {_PLACES_MAX} decimal places"
            raise InvalidValue(field=name, value=number, allowed=allowed)


def _require_storable(*texts: str | None) -> None:
    for text in texts:
        if text is not None and ("\x00" in text or not _is_unicode(text)):
            allowed = "without null characters and halves of surrogate pairs"
            raise InvalidValue(field="text", value=ascii(text), allowed=allowed)


def _require_reasons(reasoning: str) -> None:
    _require_storable(reasoning)
    # What was decided is remembered by its reasons, and a text without a word has no vector.
    if not any(character.isalnum() for character in reasoning):
        raise InvalidValue(field="reasoning", value=reasoning, allowed="at least one word")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
