"""What a backtest is asked for, in words that have been read but not yet looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange, MarketType
from hedgerow.domain.money import ONE
from hedgerow.usecases.backtest.lookout import BacktestPath
from hedgerow.usecases.open_fund import POSITION_SHARE_MAX

HOUSE: Final = "house"
RECORDED: Final = "recorded"


@dataclass(frozen=True, slots=True)
class DeskRequest:
    """Who decides, and on which terms the venue trades.

    `analyst` is `house`, `FILE.py:Class` or a class; `params` are its own. `fee_tier`, `slippage`
    and `funding` are as the guide has them; `latency_ms` is how long an order is on its way.
    Raises InputRefused for a number or a text of another type, and for a seed below 0.
    """

    analyst: str | type[Any] = HOUSE
    params: Mapping[str, object] = field(default_factory=dict)
    exchange: Exchange = Exchange.BINANCE
    market_type: MarketType = MarketType.SPOT
    leverage: int = 1
    fee_tier: str = "regular"
    slippage: str = "drawn:0.0005"
    latency_ms: int = 0
    funding: str | None = None
    seed: int = 7

    def __post_init__(self) -> None:
        for name in ("leverage", "latency_ms", "seed"):
            value = getattr(self, name)
            if type(value) is not int:
                raise InputRefused(
                    f"{value!r} is not a whole number", _option(name), "give one such as 1"
                )
        if self.seed < 0:
            raise InputRefused(
                f"seed is {self.seed}, and must be at least 0", "--seed", "give 0 or more"
            )
        for name in ("fee_tier", "slippage", "funding"):
            value = getattr(self, name)
            if not isinstance(value, str) and (name, value) != ("funding", None):
                raise InputRefused(f"{value!r} is not a text", _option(name), "put it in quotes")

    def require_path(self, path: BacktestPath | None) -> None:
        """Raise InputRefused for a path that the house cannot take; a class is looked at later."""
        if self.analyst == HOUSE and path is BacktestPath.FAST:
            what = "the house looks at every candle, so nothing can be skipped"
            raise InputRefused(what, "--path fast", "leave --path out, or name another --analyst")

    @property
    def position_share_max(self) -> Decimal:
        """The share of the capital that one position may take: as in paper runs for the house."""
        return POSITION_SHARE_MAX if self.analyst == HOUSE else ONE


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
