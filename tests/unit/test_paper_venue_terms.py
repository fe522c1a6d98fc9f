"""Fee tiers, slippage by volume, orders on their way, and the funding table of the paper venue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backtest_builders import BTC, ETH, RandomAnalyst, free_settings, tried, wandering
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Exchange, MarketType
from hedgerow.domain.orders import OrderPurpose
from hedgerow.infrastructure.venues.paper import PaperVenueRules
from hedgerow.infrastructure.venues.paper.fee_tiers import FEE_TIERS, fees_of
from hedgerow.infrastructure.venues.paper.funding import FundingRates, funding_times
from hedgerow.infrastructure.venues.paper.terms import VenueTerms, funding_of, rules_of
from hedgerow.usecases.backtest.market import Market

SPOT, FUTURES = MarketType.SPOT, MarketType.FUTURES
DAY = datetime(2024, 3, 1, tzinfo=UTC)


def terms(**changes: Any) -> VenueTerms:
    return VenueTerms(**({"exchange": Exchange.BINANCE, "market_type": SPOT} | changes))


def test_every_exchange_has_a_regular_tier_and_makers_pay_no_more() -> None:
    assert {(e, m) for e in Exchange for m in MarketType} == set(FEE_TIERS)
    for tiers in FEE_TIERS.values():
        assert "regular" in tiers
        assert all(0 <= fees.maker_ratio <= fees.taker_ratio < 1 for fees in tiers.values())


def test_fees_of_ones_own_are_maker_and_taker() -> None:
    fees = fees_of(Exchange.OKX, FUTURES, "0.0001/0.0003")
    assert (fees.maker_ratio, fees.taker_ratio) == (Decimal("0.0001"), Decimal("0.0003"))
    for tier in ("vip99", "0.1", "a/b", "0.1/2", "-0.1/0.1"):
        with pytest.raises(InputRefused):
            fees_of(Exchange.OKX, FUTURES, tier)


def test_slippage_is_fixed_drawn_or_by_volume() -> None:
    fixed = rules_of(terms(slippage="fixed:0.001"))
    drawn = rules_of(terms(slippage="drawn:0.001", seed=5))
    volume = rules_of(terms(slippage="volume:0.1"))
    assert fixed.slippage(1) == fixed.slippage(2) == Decimal("0.001")
    assert len({drawn.slippage(number) for number in range(1, 20)}) == 19
    assert volume.slippage(1, Decimal("0.05")) == Decimal("0.005")
    for wrong in ("0.001", "often:1", "fixed:much", "fixed:2", "drawn:-1"):
        with pytest.raises(InputRefused):
            rules_of(terms(slippage=wrong))


@pytest.mark.parametrize(
    ("changes", "option", "said"),
    [
        ({"latency_ms": -1}, "--latency-ms", "latency_ms is -1, and must be at least 0 and below"),
        ({"slippage": "fixed:1"}, "--slippage", "slippage_ratio is 1, and must be at least 0"),
        ({"slippage": "volume:-1"}, "--slippage", "impact_ratio is -1, and must be at least 0"),
        ({"funding": "2"}, "--funding", "funding rate is 2, and must be a share below 1"),
    ],
)
def test_a_number_outside_its_range_is_refused_by_its_option(
    changes: dict[str, Any], option: str, said: str
) -> None:
    asked = terms(market_type=FUTURES, **changes)
    with pytest.raises(InputRefused) as refused:
        _ = (funding_of(asked), rules_of(asked))
    assert refused.value.where == option
    assert refused.value.what.startswith(said)


def test_funding_is_a_rate_or_a_table(tmp_path: Path) -> None:
    assert funding_of(terms()) is None
    with pytest.raises(InputRefused):
        funding_of(terms(funding="0.0001"))
    constant = funding_of(terms(market_type=FUTURES, funding="0.0001"))
    assert constant is not None
    assert constant.rate(BTC, DAY) == Decimal("0.0001")
    table = tmp_path / "rates.csv"
    milliseconds = int((DAY + timedelta(hours=8)).timestamp() * 1000) + 3
    table.write_text(
        f"symbol,time,rate\n{BTC},{DAY.isoformat()},0.0002\n{BTC},{milliseconds},-0.0001\n",
        encoding="utf-8",
    )
    rates = funding_of(terms(market_type=FUTURES, funding=str(table)))
    assert rates is not None
    assert rates.rate(BTC, DAY + timedelta(hours=8)) == Decimal("-0.0001")
    rates.require(BTC, DAY, DAY + timedelta(hours=16))
    with pytest.raises(InputRefused, match="2024-03-01 16:00"):
        rates.require(BTC, DAY, DAY + timedelta(hours=17))


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"", 1),
        (b"time,rate\n", 1),
        (b"symbol,time,rate\n", 2),
        (b"symbol,time,rate\nBTC/USDT,soon,0.1\n", 2),
        (b"symbol,time,rate\n\nBTC/USDT,2024-03-01T00:00Z,1\n", 3),
        (b"symbol,time,rate\nBTC/USDT,2024-03-01T00:00Z\n", 2),
        (b"symbol,time,rate\nBTC/USDT,99999999999999999,0.1\n", 2),
        (b"symbol,time,rate\nBTC/USDT,9999999999999999999999,0.1\n", 2),
        (b"symbol,time,rate\nBTC/USDT,0001-01-01T00:00+14:00,0.1\n", 2),
        (b"symbol,time,rate\nBTC/USDT,2024-03-01T00:00Z,0.1\n\xff\xfe\n", 3),
    ],
)
def test_a_wrong_table_of_rates_is_refused_by_its_line(
    tmp_path: Path, content: bytes, where: int
) -> None:
    table = tmp_path / "rates.csv"
    table.write_bytes(content)
    with pytest.raises(InputRefused) as refused:
        funding_of(terms(market_type=FUTURES, funding=str(table)))
    assert refused.value.where == f"{table}, line {where}"


def test_funding_is_settled_at_0_8_and_16() -> None:
    hours = [at.hour for at in funding_times(DAY + timedelta(minutes=1), DAY + timedelta(days=1))]
    assert hours == [8, 16]
    assert funding_times(DAY, DAY + timedelta(hours=1)) == [DAY]
    assert FundingRates().rate(BTC, DAY) == 0


async def test_an_order_on_its_way_acts_from_the_next_point_of_the_path() -> None:
    series = wandering(8, 30)

    class Once:
        def decide(self, market: Market) -> Any:
            close = market.close
            return (
                market.buy(stop=close / 2, target=close * 2, size=0.1)
                if market.count == 5
                else None
            )

    prompt = PaperVenueRules(Decimal(0), Decimal(0), Decimal(0), Decimal(1))
    late = PaperVenueRules(Decimal(0), Decimal(0), Decimal(0), Decimal(1), latency_ms=250)
    at_once = await tried({BTC: series}, Once, prompt)
    later = await tried({BTC: series}, Once, late)
    candle = series[5]
    assert [f.price for f in at_once.fills] == [candle.open]
    low_first = candle.open - candle.low <= candle.high - candle.open
    assert [f.price for f in later.fills] == [candle.low if low_first else candle.high]
    assert later.fills[0].filled_at == candle.open_time + timedelta(minutes=20)


@pytest.mark.parametrize("is_btc_waiting", [False, True])
async def test_an_order_on_its_way_waits_for_a_price_of_its_own_symbol(
    is_btc_waiting: bool,
) -> None:
    candles = {BTC: wandering(1, 8), ETH: wandering(1, 8, ETH)}

    class Once:
        def decide(self, market: Market) -> Any:
            close = market.close
            if market.count != 3 or (market.symbol == BTC and not is_btc_waiting):
                return None
            limit = close * 0.7 if market.symbol == BTC else None
            return market.buy(stop=close / 2, target=close * 2, size=0.1, limit=limit)

    late = PaperVenueRules(Decimal(0), Decimal(0), Decimal(0), Decimal(1), latency_ms=250)
    (fill,) = (await tried(candles, Once, late)).fills
    candle = candles[ETH][3]
    assert fill.filled_at > candle.open_time
    assert fill.price in {candle.low, candle.high}


async def test_large_orders_slip_further() -> None:
    series = wandering(8, 300)
    results = [
        await tried(
            {BTC: series},
            lambda: RandomAnalyst(8, trails=False),
            PaperVenueRules(slippage_ratio=Decimal(0), impact_ratio=Decimal(impact)),
            settings=free_settings(),
        )
        for impact in ("0", "0.5")
    ]
    bought = [
        next(o for o in each.orders if o.purpose is OrderPurpose.ENTRY and o.avg_fill_price)
        for each in results
    ]
    assert bought[0].avg_fill_price is not None
    assert bought[1].avg_fill_price is not None
    assert bought[0].avg_fill_price < bought[1].avg_fill_price
