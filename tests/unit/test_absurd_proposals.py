"""Whatever an analyst says, no order leaves the bounds: agents propose, the fund disposes."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import BTC, ETH, Scene, fund, instrument, pair, proposal, reproducible, settings
from hedgerow.domain.errors import HedgerowError, InvalidValue, NotExact
from hedgerow.domain.fund import Fund
from hedgerow.domain.market import MarketType
from hedgerow.domain.messages import (
    CashMoved,
    OrderCreated,
    PlaceOrder,
    ProposalAccepted,
    ProposalRefused,
    RiskRaised,
)
from hedgerow.domain.money import exact, floor_to_step
from hedgerow.domain.orders import OrderType
from hedgerow.domain.positions import PositionSide
from hedgerow.domain.proposals import Abstention, ExitProposal, IndicatorsAtEntry, Proposal
from hedgerow.usecases.codec import decode, encode

OWN = settings(
    max_positions=2,
    max_portfolio_risk=Decimal(4),
    max_position_size_usd=Decimal(2_500),
    max_total_exposure_usd=Decimal(4_000),
    max_leverage_multiple=Decimal(3),
)
LEVERAGE_MAX = {MarketType.SPOT: 1, MarketType.FUTURES: 3}

# What could be meant, and what could not.
SOUND: dict[str, st.SearchStrategy[Any]] = {
    "entry_price": st.decimals(99, 101, places=3),
    "stop_loss_price": st.decimals(90, "99.2", places=3),
    "take_profit_price": st.decimals("100.8", 110, places=3),
    "entry_type": st.sampled_from([OrderType.MARKET, OrderType.LIMIT]),
    "size_ratio": st.decimals("0.01", 1, places=4),
    "leverage": st.integers(1, 3),
}
PRICES = st.sampled_from(
    [
        *("100", "100.004", "100.005", "99.999", "0.001", "0.004", "1e-60", "1e-400", "1e15"),
        *("1e16", "1e999999", "1e-999999", "0", "-1", "NaN", "sNaN", "Infinity"),
    ]
).map(Decimal)
DISTANCES = ["0", "-5", "100", "99.99", "1e-50", "3", "1e30", "NaN"]
SHARES = ["1", "1e-80", "1e-999999", "0", "1.01", "-0.5", "1e9", "NaN"]
READINGS = st.sampled_from([1.5, -1e300, math.nan, math.inf])
ABSURD: dict[str, st.SearchStrategy[Any]] = {
    "symbol": st.sampled_from(["ETH/USDT", "'; DROP TABLE orders", "\x00", ""]),
    "side": st.sampled_from(PositionSide),
    "entry_type": st.sampled_from(OrderType),
    "entry_price": PRICES,
    "stop_loss_price": PRICES,
    "take_profit_price": PRICES,
    "trailing_stop_pct": st.sampled_from(DISTANCES).map(Decimal),
    "size_ratio": st.sampled_from(SHARES).map(Decimal),
    "leverage": st.sampled_from([0, -1, -(10**30), 4, 125, 126, 10**30]),
    "confidence": st.sampled_from([0.0, 1.0, -0.1, 1.1, math.nan, math.inf, -math.inf]),
    "reasoning": st.sampled_from(
        ["", "  ", "…", "\x00 so", "half a pair \ud83d", "a" * 5000, "да"]
    ),
    "indicators": st.builds(lambda *values: values, READINGS, READINGS, READINGS),
}


@st.composite
def wishes(draw: st.DrawFn) -> dict[str, Any]:
    """A sound proposal in which up to three things are anything at all."""
    absurd = draw(st.sets(st.sampled_from(list(ABSURD)), max_size=3))
    made = {name: draw(values) for name, values in SOUND.items()}
    return made | {name: draw(ABSURD[name]) for name in sorted(absurd)}


def begin(market_type: MarketType) -> Scene:
    """A fund with bounds of every kind, and a position in another pair."""
    watched = [
        (
            pair(BTC, "BTC/USDT", market_type, budget=Decimal(2_000), max_leverage=4),
            instrument("BTC/USDT", market_type),
        ),
        (pair(ETH, "ETH/USDT", market_type), instrument("ETH/USDT", market_type)),
    ]
    scene = Scene(fund(market_type, own=OWN, traded=watched))
    scene.hold(pair_id=ETH)
    scene.fund.take_changes()
    return scene


def say(wish: dict[str, Any]) -> Proposal | None:
    """The proposal, unless it is refused as it is made."""
    try:
        if "indicators" in wish:
            wish = wish | {"indicators": IndicatorsAtEntry(*wish["indicators"])}
        return replace(proposal(), **wish)
    except HedgerowError:
        return None


def standing(of: Fund) -> str:
    return repr((of.strategies, of.orders, of.positions, of.breaker, of.monthly_trades, of.pairs))


def check_order(scene: Scene, wanted: Proposal, market_type: MarketType) -> None:
    """The order that a proposal has become keeps every bound, whatever was wanted."""
    (entry,) = scene.fund.working_entries()
    strategy = scene.strategy
    sign, notional = wanted.side.sign, entry.amount * wanted.entry_price
    assert entry.amount == floor_to_step(entry.amount, Decimal("0.001"))
    assert 1 <= entry.leverage <= LEVERAGE_MAX[market_type]
    assert 10 <= notional <= min(2_500, 2_000 * entry.leverage)
    assert scene.fund.exposure <= Decimal(4_000) * Decimal("1.03")
    assert scene.fund.risk_quote <= scene.fund.equity * 4 / 100
    assert 0 <= entry.reserved_quote <= strategy.cash_reserve + entry.reserved_quote
    assert strategy.cash_reserve >= 0
    assert entry.bracket is not None
    stop, target = entry.bracket.stop_loss_price, entry.bracket.take_profit_price
    paid = entry.price or wanted.entry_price
    assert (paid - stop) * sign > 0
    assert (target - paid) * sign > 0
    assert market_type is MarketType.FUTURES or wanted.side is PositionSide.LONG


# What must be reached however the wishes fall: that draw also depends on what else is imported.
EACH_OUTCOME: dict[str, dict[str, Any]] = {
    "accepted": {},
    "unsayable": {"confidence": math.nan},
    "symbol": {"symbol": "ETH/USDT"},
    "stop_and_target": {"stop_loss_price": Decimal(110)},
    "leverage": {"leverage": 125},
    "position_size": {"size_ratio": Decimal("0.0001")},
}


@pytest.mark.parametrize("market_type", MarketType)
def test_no_words_get_past_the_bounds(market_type: MarketType) -> None:
    outcomes: dict[str, int] = {}

    def propose(wish: dict[str, Any]) -> None:
        wanted = say(wish)
        if wanted is None:
            outcomes["unsayable"] = outcomes.get("unsayable", 0) + 1
            return
        scene = begin(market_type)
        before = standing(scene.fund)
        said = scene.decide(wanted)
        kinds = {type(fact) for fact in said.facts}
        for fact in said.facts:
            assert decode(type(fact), encode(fact)) == fact
            assert len(str(encode(fact))) < 20_000
        if ProposalRefused in kinds:
            (refused,) = (f for f in said.facts if isinstance(f, ProposalRefused))
            outcomes[refused.checks[-1].name] = outcomes.get(refused.checks[-1].name, 0) + 1
            assert kinds <= {ProposalRefused, RiskRaised}
            assert not any(isinstance(wish, PlaceOrder) for wish in said.wishes)
            assert standing(scene.fund) == before
            return
        outcomes["accepted"] = outcomes.get("accepted", 0) + 1
        assert kinds == {ProposalAccepted, OrderCreated, CashMoved}
        with exact():
            check_order(scene, wanted, market_type)

    for outcome, wish in EACH_OUTCOME.items():
        propose(wish)
        assert outcomes.pop(outcome) == 1
    hypothesis.settings(reproducible, max_examples=800)(given(wishes())(propose))()


def test_a_stop_off_the_grid_on_the_entry_itself_divides_nothing_by_zero() -> None:
    scene = Scene()
    price = Decimal("100.004")
    said = scene.decide(proposal(entry_price=price, stop_loss_price=price))
    (accepted,) = (fact for fact in said.facts if isinstance(fact, ProposalAccepted))
    assert scene.entry.bracket is not None
    assert scene.entry.bracket.stop_loss_price == 100
    assert accepted.amount > 0


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"confidence": math.nan}, InvalidValue),
        ({"entry_price": Decimal("1e999999")}, InvalidValue),
        ({"stop_loss_price": Decimal("1e-999999")}, InvalidValue),
        ({"trailing_stop_pct": Decimal("1e-101")}, InvalidValue),
        ({"take_profit_price": Decimal("sNaN")}, NotExact),
        ({"size_ratio": 0.5}, NotExact),
        ({"reasoning": "…"}, InvalidValue),
        ({"reasoning": "a\x00b"}, InvalidValue),
        ({"session_id": "\ud83d"}, InvalidValue),
    ],
)
def test_what_nothing_could_keep_cannot_be_said(
    changes: dict[str, Any], error: type[HedgerowError]
) -> None:
    with pytest.raises(error) as refused:
        proposal(**changes)
    str(refused.value).encode()


def test_nor_in_the_words_around_it() -> None:
    scene = Scene()
    scene.hold()
    with pytest.raises(InvalidValue):
        ExitProposal("BTC/USDT", scene.position.id, "\x00", "me")
    with pytest.raises(InvalidValue):
        Abstention("BTC/USDT", "quiet", "\udfff")
    with pytest.raises(InvalidValue):
        IndicatorsAtEntry(rsi=math.nan, atr=1.0, volume=1.0)
