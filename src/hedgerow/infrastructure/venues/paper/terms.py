"""From words to the rules of a paper venue: fee tier, slippage, latency and funding."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Final

from hedgerow.domain.errors import InputRefused, InvalidValue, NotExact, value_in_words
from hedgerow.domain.market import Exchange, MarketType
from hedgerow.domain.money import ONE, ZERO, decimal_of
from hedgerow.infrastructure.venues.paper.fee_tiers import fees_of
from hedgerow.infrastructure.venues.paper.funding import FundingRates
from hedgerow.infrastructure.venues.paper.rules import PaperVenueRules

_COLUMNS: Final = ("symbol", "time", "rate")
_FUNDING: Final = "give a rate such as 0.0001, or a CSV file with the columns symbol, time and rate"
_RATE: Final = "give a symbol, a time such as 2024-01-01T08:00Z and a share below 1, such as 0.0001"
_OPTIONS: Final[Mapping[str, str]] = {
    "slippage_ratio": "--slippage",
    "impact_ratio": "--slippage",
    "latency_ms": "--latency-ms",
}
_SLIPPAGE: Final = "use fixed:0.0005, drawn:0.0005 or volume:0.1"


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """What a backtest is told of its venue, in words.

    `slippage` is `fixed:R`, the share R of the price on every execution; `drawn:R`, by the seed
    between nothing and twice R; or `volume:R`, R times the share of the candle's volume taken.
    `funding` is a rate, or a CSV file of rates; None on spot.
    """

    exchange: Exchange
    market_type: MarketType
    fee_tier: str = "regular"
    slippage: str = "drawn:0.0005"
    latency_ms: int = 0
    funding: str | None = None
    seed: int = 7


def rules_of(terms: VenueTerms) -> PaperVenueRules:
    """The rules; raises InputRefused for words that mean none."""
    fees = fees_of(terms.exchange, terms.market_type, terms.fee_tier)
    model, colon, number = terms.slippage.partition(":")
    if not colon or model not in _MODELS:
        raise InputRefused(f"{terms.slippage!r} is no slippage", "--slippage", _SLIPPAGE)
    try:
        share = decimal_of("slippage", number)
        slippage = _MODELS[model](share, terms.seed)
        return PaperVenueRules(
            maker_fee_ratio=fees.maker_ratio,
            taker_fee_ratio=fees.taker_ratio,
            slippage_ratio=slippage.ratio,
            impact_ratio=slippage.impact_ratio,
            seed=slippage.seed,
            latency_ms=terms.latency_ms,
        )
    except NotExact as error:
        raise InputRefused(f"{number!r} is no share", "--slippage", _SLIPPAGE) from error
    except InvalidValue as error:
        option = _OPTIONS[error.field]
        raise InputRefused(value_in_words(error), option, "give another") from error


def funding_of(terms: VenueTerms) -> FundingRates | None:
    """The funding rates; raises InputRefused on spot, and for rates that cannot be."""
    if terms.funding is None:
        return FundingRates() if terms.market_type is MarketType.FUTURES else None
    if terms.market_type is MarketType.SPOT:
        raise InputRefused("spot knows no funding", "--funding", "add --market futures")
    try:
        return FundingRates(constant=decimal_of("rate", terms.funding))
    except NotExact:
        return FundingRates(by_time=_rates_in(Path(terms.funding)))
    except InvalidValue as error:
        fix = "give a share such as 0.0001, which is 0.01 % every eight hours"
        raise InputRefused(value_in_words(error), "--funding", fix) from error


@dataclass(frozen=True, slots=True)
class _Slippage:
    ratio: Decimal
    impact_ratio: Decimal
    seed: int | None


_MODELS: Final[Mapping[str, Callable[[Decimal, int], _Slippage]]] = {
    "fixed": lambda share, _: _Slippage(share, ZERO, None),
    "drawn": lambda share, seed: _Slippage(share, ZERO, seed),
    "volume": lambda share, _: _Slippage(ZERO, share, None),
}


def _rates_in(path: Path) -> Mapping[str, Mapping[datetime, Decimal]]:
    if not path.is_file():
        raise InputRefused("it is neither a rate nor a file", f"--funding {path}", _FUNDING)
    rates: defaultdict[str, dict[datetime, Decimal]] = defaultdict(dict)
    reader = csv.DictReader(StringIO(_text_of(path), newline=""))
    try:
        if not set(_COLUMNS) <= set(reader.fieldnames or ()):
            raise InputRefused("it lacks a column", f"{path}, line 1", _FUNDING)
        for row in reader:
            rates[row["symbol"]][_time(row["time"])] = _rate(row["rate"])
    # a clock that does not reach so far says so by OverflowError or OSError
    except (csv.Error, NotExact, TypeError, ValueError, OverflowError, OSError) as error:
        where = f"{path}, line {reader.line_num}"
        raise InputRefused("this is no rate at a time", where, _RATE) from error
    if not rates:
        raise InputRefused("it holds no rate", f"{path}, line 2", _FUNDING)
    return rates


def _text_of(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputRefused(
            "this is not UTF-8", f"{path}, line {line}", "save the file as UTF-8"
        ) from error


def _rate(text: str) -> Decimal:
    rate = decimal_of("rate", text)
    if abs(rate) >= ONE:
        raise ValueError("no share")
    return rate


def _time(text: str) -> datetime:
    """Epoch milliseconds, or ISO 8601 with a zone; to the second, as settlements are."""
    at = datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdigit() else None
    at = at or datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no time zone")
    return at.astimezone(UTC).replace(microsecond=0)
