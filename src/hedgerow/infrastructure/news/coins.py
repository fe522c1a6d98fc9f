"""Which symbols a text is about, by the names and tickers of their coins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from hedgerow.domain.market import split_symbol

# Names that mean hardly anything else; of a longer one, such as Bitcoin Cash, no part counts.
NAMES: Final[Mapping[str, Sequence[str]]] = {
    "ADA": ("cardano",),
    "ALGO": ("algorand",),
    "APT": ("aptos",),
    "ARB": ("arbitrum",),
    "ATOM": ("cosmos hub",),
    "AVAX": ("avalanche",),
    "BCH": ("bitcoin cash",),
    "BNB": ("binance coin", "bnb chain"),
    "BTC": ("bitcoin",),
    "DOGE": ("dogecoin",),
    "DOT": ("polkadot",),
    "ETC": ("ethereum classic",),
    "ETH": ("ethereum", "ether"),
    "FIL": ("filecoin",),
    "LINK": ("chainlink",),
    "LTC": ("litecoin",),
    "NEAR": ("near protocol",),
    "PEPE": ("pepecoin",),
    "POL": ("polygon",),
    "SHIB": ("shiba inu",),
    "SOL": ("solana",),
    "SUI": ("sui network",),
    "TON": ("toncoin",),
    "TRX": ("tron",),
    "UNI": ("uniswap",),
    "XLM": ("stellar lumens",),
    "XRP": ("ripple",),
}

_QUOTE: Final = "USDT"


class CoinFinder:
    """Finds which of `symbols` (`BASE/QUOTE`) a text is about, and other coins that have a name.

    A ticker counts as a word in capitals, or after a dollar sign. Other coins are told in the same
    quote currencies, USDT by default: news about one of them is not about all.
    """

    def __init__(self, symbols: Sequence[str]) -> None:
        pairs = [split_symbol(symbol) for symbol in symbols]
        self._quotes = sorted({quote for _, quote in pairs} or {_QUOTE})
        bases = sorted({base for base, _ in pairs} | NAMES.keys())
        self._base_by_name = {name: base for base, names in NAMES.items() for name in names}
        names = sorted(self._base_by_name, key=len, reverse=True)
        self._name = re.compile(rf"\b({'|'.join(names)})s?\b", re.IGNORECASE)
        self._ticker = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, bases))})(?!\w)")
        self._cashtag = re.compile(rf"\$({'|'.join(map(re.escape, bases))})(?!\w)", re.IGNORECASE)

    def symbols_in(self, text: str) -> tuple[str, ...]:
        """The symbols that `text` is about, sorted; none where it names no coin."""
        bases = {self._base_by_name[name.lower()] for name in self._name.findall(text)}
        bases |= set(self._ticker.findall(text))
        bases |= {base.upper() for base in self._cashtag.findall(text)}
        return tuple(f"{base}/{quote}" for base in sorted(bases) for quote in self._quotes)
