"""What exchanges charge, by tier: a small table of public figures, and the way around it.

Regular and the first two VIP tiers, without discounts for paying in an exchange's own token, as
published in 2026; docs/guide.md names the sources. Exchanges change them: what an account really
pays can be given as MAKER/TAKER.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.errors import InputRefused, NotExact
from hedgerow.domain.market import Exchange, MarketType
from hedgerow.domain.money import HUNDRED, ONE, ZERO, decimal_of


@dataclass(frozen=True, slots=True)
class Fees:
    """Shares of an execution's quote value."""

    maker_ratio: Decimal
    taker_ratio: Decimal


def _percent(maker: str, taker: str) -> Fees:
    return Fees(Decimal(maker) / HUNDRED, Decimal(taker) / HUNDRED)


SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES
FEE_TIERS: Final[Mapping[tuple[Exchange, MarketType], Mapping[str, Fees]]] = {
    (Exchange.BINANCE, SPOT): {
        "regular": _percent("0.1", "0.1"),
        "vip1": _percent("0.09", "0.1"),
        "vip2": _percent("0.08", "0.1"),
    },
    (Exchange.BINANCE, FUTURES): {
        "regular": _percent("0.02", "0.05"),
        "vip1": _percent("0.016", "0.04"),
        "vip2": _percent("0.014", "0.035"),
    },
    (Exchange.BYBIT, SPOT): {"regular": _percent("0.1", "0.1")},
    (Exchange.BYBIT, FUTURES): {
        "regular": _percent("0.02", "0.055"),
        "vip1": _percent("0.018", "0.04"),
        "vip2": _percent("0.014", "0.0375"),
    },
    (Exchange.OKX, SPOT): {"regular": _percent("0.08", "0.1")},
    (Exchange.OKX, FUTURES): {
        "regular": _percent("0.02", "0.05"),
        "vip1": _percent("0.015", "0.04"),
        "vip2": _percent("0.01", "0.035"),
    },
    (Exchange.KUCOIN, SPOT): {"regular": _percent("0.1", "0.1")},
    (Exchange.KUCOIN, FUTURES): {"regular": _percent("0.02", "0.06")},
    (Exchange.GATE, SPOT): {"regular": _percent("0.1", "0.1")},
    (Exchange.GATE, FUTURES): {"regular": _percent("0.02", "0.05")},
}


def fees_of(exchange: Exchange, market_type: MarketType, tier: str) -> Fees:
    """The fees of a tier by name, or those that `MAKER/TAKER` says; raises InputRefused."""
    tiers = FEE_TIERS[exchange, market_type]
    if tier in tiers:
        return tiers[tier]
    maker, slash, taker = tier.partition("/")
    try:
        given = [decimal_of("fee", part.strip()) for part in (maker, taker)] if slash else []
    except NotExact:
        given = []
    if not given or not all(ZERO <= ratio < ONE for ratio in given):
        raise InputRefused(
            what=f"{tier!r} is no fee tier of {exchange} {market_type}",
            where="--fee-tier",
            fix=f"use {', '.join(tiers)}, or shares such as 0.0002/0.0005 for maker/taker",
        )
    return Fees(*given)
