"""The levels that a trade can be made at, by name: agents choose names, this works out prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.money import (
    ZERO,
    floor_to_step,
    floor_to_tick,
    percent,
    price_from_float,
    round_to_tick,
)
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.infrastructure.agents.desk.quoting import read
from hedgerow.infrastructure.agents.indicators import Indicators
from hedgerow.infrastructure.agents.setups import Setup
from hedgerow.infrastructure.agents.stakes import STOP_RATIO_MAX, Levels
from hedgerow.usecases.ports.desk import Briefing

MARKET: Final = "market"
PLAY: Final = "play"
_STOP_ATRS: Final = ("1", "1.5", "2", "3")
_LIMIT_ATRS: Final = ("0.25", "0.5")
_REWARDS: Final = ("1.5", "2", "2.5", "3")
_TRAIL_TO_RISK: Final = Decimal("1.5")
_PERCENT_STEP: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Menu:
    """Entries, stops and targets for a trade of `side`; `setup` brings the play's own."""

    briefing: Briefing
    seen: Indicators
    side: PositionSide
    setup: Setup | None

    @property
    def entries(self) -> Mapping[str, Decimal]:
        """Entry prices: the market, or a limit that many ATR better."""
        close = round_to_tick(self.briefing.candles[-1].close, self._tick)
        named = {MARKET: close}
        for atrs in _LIMIT_ATRS:
            price = close - self._away(atrs) * self.side.sign
            if ZERO < price != close:
                named[f"limit_atr_{atrs}"] = price
        return named

    @property
    def stops(self) -> Mapping[str, Decimal]:
        """Distances of the stop from the entry: the play's, or so many ATR."""
        named = {f"atr_{atrs}": self._away(atrs) for atrs in _STOP_ATRS}
        if self.setup is not None:
            named = {PLAY: abs(self.setup.at.entry - self.setup.at.stop), **named}
        return {name: away for name, away in named.items() if self._is_stop(away)}

    @property
    def targets(self) -> Mapping[str, Decimal]:
        """Distances of the target in distances of the stop."""
        named = {f"r_{reward}": Decimal(reward) for reward in _REWARDS}
        if self.setup is not None:
            return {PLAY: self.setup.play.reward_to_risk, **named}
        return named

    def choose(self, entry: str, stop: str, target: str, *, trails: bool) -> Levels | None:
        """The prices behind three names; None where a name is not on the menu."""
        price, away = self.entries.get(entry), self.stops.get(stop)
        reward = self.targets.get(target)
        if price is None or away is None or reward is None:
            return None
        gain = floor_to_tick(away * reward, self._tick)
        stop_price, target_price = price - away * self.side.sign, price + gain * self.side.sign
        if min(stop_price, target_price) <= ZERO or not gain:
            return None
        return Levels(price, stop_price, target_price, self._trailing(price, away, trails=trails))

    def told(self) -> dict[str, object]:
        """The menu as agents read it."""
        market = self.entries[MARKET]
        return {
            "side": str(self.side),
            "entries": {name: read(price) for name, price in self.entries.items()},
            "stops_from_market": {
                name: read(market - away * self.side.sign) for name, away in self.stops.items()
            },
            "targets_in_stop_distances": {n: read(r) for n, r in self.targets.items()},
            "play_trails": self._play_trail is not None,
        }

    @property
    def _tick(self) -> Decimal:
        return self.briefing.price_tick

    @property
    def _play_trail(self) -> Decimal | None:
        return self.setup.play.trail_to_risk if self.setup is not None else None

    def _away(self, atrs: str) -> Decimal:
        return price_from_float(float(atrs) * self.seen.regime.atr, self._tick)

    def _is_stop(self, away: Decimal) -> bool:
        return self._tick <= away <= self.briefing.candles[-1].close * STOP_RATIO_MAX

    def _trailing(self, entry: Decimal, away: Decimal, *, trails: bool) -> Decimal | None:
        if not trails:
            return None
        distance = away * (self._play_trail or _TRAIL_TO_RISK)
        return max(floor_to_step(percent(distance, entry), _PERCENT_STEP), _PERCENT_STEP)


def stops_for(position: Position, briefing: Briefing, seen: Indicators) -> Mapping[str, Decimal]:
    """Stop prices for an open position by name, each closer to the market than the present one."""
    tick, sign = briefing.price_tick, position.side.sign
    close = round_to_tick(briefing.candles[-1].close, tick)
    edge = seen.channel_low if position.side is PositionSide.LONG else seen.channel_high
    named = {
        "entry": round_to_tick(position.entry_price, tick),
        "channel": price_from_float(edge, tick),
    }
    for atrs in ("1", "2"):
        named[f"atr_{atrs}"] = close - price_from_float(float(atrs) * seen.regime.atr, tick) * sign
    present = position.stop_loss_price
    return {
        name: price
        for name, price in named.items()
        if price > ZERO
        and (close - price) * sign > 0
        and (present is None or (price - present) * sign > 0)
    }
