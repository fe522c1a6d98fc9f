"""Positions: the specified formulas, scaling in and out, liquidation, trailing, what is left."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOON, exactly, fill, position, reproducible
from hedgerow.domain.errors import FillRefused, InvalidValue, NotExact
from hedgerow.domain.market import MarketType
from hedgerow.domain.money import exact, to_quote
from hedgerow.domain.orders import OrderSide
from hedgerow.domain.positions import (
    MarginMode,
    Position,
    PositionSide,
    PositionStatus,
    Reduction,
)

LONG, SHORT = PositionSide.LONG, PositionSide.SHORT
LATER = NOON + timedelta(hours=1)
CENT = Decimal("0.01")

PRICES = st.decimals(CENT, 100_000, places=2)
SIZES = st.decimals("0.001", 1000, places=3)
LEVERAGES = st.integers(1, 125)


def add(to: Position, price: str, quantity: str) -> Decimal:
    bought = fill(price, quantity)
    return to.increase(bought, bought.quantity, bought.quote)


def opened(side: PositionSide, price: str, quantity: str, **changes: Any) -> Position:
    made = position(side, **changes)
    add(made, price, quantity)
    return made


# --- the specified formulas -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "leverage", "price", "pnl", "pct"),
    [
        (LONG, 1, "110", "20", "10"),
        (LONG, 1, "80", "-40", "-20"),
        (LONG, 5, "110", "20", "50"),
        (SHORT, 1, "80", "40", "25"),
        (SHORT, 1, "125", "-50", "-20"),
        (SHORT, 4, "125", "-50", "-80"),
        (LONG, 125, "100", "0", "0"),
    ],
)
def test_unrealised_profit_is_as_specified(
    side: PositionSide, leverage: int, price: str, pnl: str, pct: str
) -> None:
    held = opened(side, "100", "2", leverage=leverage)
    held.mark(Decimal(price), LATER)
    assert held.unrealized_pnl == Decimal(pnl)
    assert held.unrealized_pnl_pct == Decimal(pct)
    assert held.notional == 2 * Decimal(price)


@reproducible
@given(side=st.sampled_from(PositionSide), entry=PRICES, price=PRICES, size=SIZES)
def test_what_one_side_earns_the_other_loses(
    side: PositionSide, entry: Decimal, price: Decimal, size: Decimal
) -> None:
    other = LONG if side is SHORT else SHORT
    mine, theirs = (opened(s, str(entry), str(size)) for s in (side, other))
    mine.mark(price, LATER)
    theirs.mark(price, LATER)
    assert mine.unrealized_pnl == -theirs.unrealized_pnl == (price - entry) * size * side.sign


def test_the_sides_know_their_orders() -> None:
    assert (LONG.entry_side, LONG.exit_side) == (OrderSide.BUY, OrderSide.SELL)
    assert (SHORT.entry_side, SHORT.exit_side) == (OrderSide.SELL, OrderSide.BUY)


# --- opening and scaling in -----------------------------------------------------------------


def test_scaling_in_averages_the_entry_by_cost_and_ties_up_margin_by_leverage() -> None:
    held = position(leverage=4)
    assert add(held, "100", "2") == Decimal(50)
    assert add(held, "130", "1") == Decimal("32.5")
    assert (held.size, held.size_opened, held.entry_cost) == exactly(3, 3, 330)
    assert held.entry_price == Decimal(110)
    assert held.margin == Decimal("82.5")
    assert held.current_price == Decimal(130)
    assert held.market_value == Decimal("82.5") + 60


def test_what_a_fee_in_base_currency_takes_was_never_added() -> None:
    held = position()
    bought = fill("100", "2")
    held.increase(bought, Decimal("1.998"), Decimal("199.8"))
    assert (held.size, held.entry_price, held.margin) == (
        Decimal("1.998"),
        Decimal(100),
        Decimal("199.8"),
    )


def test_spot_holds_its_whole_cost_and_is_worth_its_market_value() -> None:
    held = opened(LONG, "100", "2", market_type=MarketType.SPOT)
    held.mark(Decimal(90), LATER)
    assert held.margin == held.entry_cost == Decimal(200)
    assert held.market_value == held.notional == Decimal(180)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"market_type": MarketType.SPOT, "side": SHORT}, "side"),
        ({"market_type": MarketType.SPOT, "leverage": 2}, "leverage"),
        ({"leverage": 0}, "leverage"),
        ({"leverage": 126}, "leverage"),
    ],
)
def test_spot_is_long_and_unlevered_and_leverage_runs_from_1_to_125(
    changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidValue) as refused:
        position(**changes)
    assert refused.value.field == field


@pytest.mark.parametrize("field", ["current_price", "trailing_stop_pct"])
def test_a_position_takes_exact_numbers_only(field: str) -> None:
    inexact: dict[str, Any] = {field: 1.5}
    with pytest.raises(NotExact) as refused:
        position(**inexact)
    assert refused.value.name == field


# --- closing --------------------------------------------------------------------------------


@pytest.mark.parametrize(("side", "profit"), [(LONG, 10), (SHORT, -10)])
def test_a_partial_close_locks_in_its_share_of_the_profit(side: PositionSide, profit: int) -> None:
    held = opened(side, "100", "4", leverage=2)
    assert held.reduce(fill("110", "1")) == Reduction(cost=Decimal(50), profit=Decimal(profit))
    assert (held.size, held.size_opened) == exactly(3, 4)
    assert (held.entry_cost, held.margin, held.entry_price) == exactly(300, 150, 100)
    assert held.realized_pnl == profit
    assert held.unrealized_pnl == 3 * profit
    assert held.exit_price == Decimal(110)


def test_the_exit_price_weighs_all_closing_executions() -> None:
    held = opened(LONG, "100", "4")
    assert held.exit_price is None
    held.reduce(fill("110", "1"))
    held.reduce(fill("102", "3"))
    assert held.exit_price == Decimal(104)
    assert held.size == held.entry_cost == held.margin == 0
    assert held.realized_pnl == Decimal(16)


def test_a_partial_close_of_a_large_cost_is_exact_to_1e_8() -> None:
    with exact():
        held = opened(LONG, "1000000", "30")
        reduction = held.reduce(fill("1000000", "7"))
    assert reduction == Reduction(cost=Decimal(7_000_000), profit=Decimal(0))


@reproducible
@given(
    side=st.sampled_from(PositionSide),
    leverage=LEVERAGES,
    entries=st.lists(st.tuples(PRICES, SIZES), min_size=1, max_size=4),
    exits=st.lists(st.tuples(PRICES, st.integers(1, 99)), max_size=4),
    last=PRICES,
)
def test_however_it_is_closed_profit_is_proceeds_less_cost_and_nothing_stays_behind(
    side: PositionSide,
    leverage: int,
    entries: list[tuple[Decimal, Decimal]],
    exits: list[tuple[Decimal, int]],
    last: Decimal,
) -> None:
    with exact():
        held = position(side, leverage=leverage)
        tied_up = sum((add(held, str(p), str(q)) for p, q in entries), Decimal(0))
        cost = sum((p * q for p, q in entries), Decimal(0))
        proceeds = freed = profit = Decimal(0)
        for price, percentage in exits:
            part = held.size * percentage / 100
            reduction = held.reduce(fill(str(price), str(part)))
            proceeds += to_quote(price * part)
            freed += reduction.cost
            profit += reduction.profit
        size = held.size
        reduction = held.reduce(fill(str(last), str(size)))
        assert profit + reduction.profit == held.realized_pnl
        assert held.realized_pnl == (proceeds + to_quote(last * size) - cost) * side.sign
        assert freed + reduction.cost == tied_up
        assert held.size == held.entry_cost == held.margin == held.market_value == 0


def test_more_than_is_open_cannot_be_closed() -> None:
    held, untouched = opened(LONG, "100", "2"), opened(LONG, "100", "2")
    with pytest.raises(FillRefused) as refused:
        held.reduce(fill("110", "2.001"))
    assert refused.value.problem == "2.001 is more than the 2 open"
    assert held == untouched


def test_a_closed_position_says_when_how_and_why() -> None:
    held = opened(LONG, "100", "2")
    held.reduce(fill("110", "2"))
    held.close(LATER, PositionStatus.CLOSED, "take-profit filled at 110")
    assert (held.status, held.is_open, held.closed_at) == (PositionStatus.CLOSED, False, LATER)
    assert held.close_reasoning == "take-profit filled at 110"
    assert held.unrealized_pnl_pct == 0


def test_a_position_with_size_left_cannot_be_closed() -> None:
    with pytest.raises(AssertionError):
        opened(LONG, "100", "2").close(LATER, PositionStatus.CLOSED, "")


def test_net_profit_is_after_fees_and_funding() -> None:
    held = opened(LONG, "100", "2")
    held.reduce(fill("110", "2"))
    held.fees, held.funding = Decimal("0.42"), Decimal("-0.10")
    assert held.net_pnl == Decimal("19.68")


def test_dust_is_written_off_as_a_loss_and_as_never_sold() -> None:
    held = opened(LONG, "100", "2", market_type=MarketType.SPOT)
    held.reduce(fill("110", "1.9995"))
    assert held.write_off(LATER) == Decimal("0.05")
    assert held.size == held.entry_cost == held.margin == 0
    assert held.realized_pnl == Decimal("19.995") - Decimal("0.05")
    assert held.exit_price == Decimal(110)


def test_dust_of_a_levered_position_costs_its_margin_not_its_notional() -> None:
    held = opened(LONG, "100", "2", leverage=10)
    held.reduce(fill("100", "1.9995"))
    lost = held.write_off(LATER)
    assert lost == Decimal("0.005")
    assert held.realized_pnl == -lost


# --- extremes, risk, trailing ---------------------------------------------------------------


def test_the_extremes_are_of_realised_and_unrealised_profit_together() -> None:
    held = opened(LONG, "100", "2")
    for price in ("90", "120"):
        held.mark(Decimal(price), LATER)
    held.reduce(fill("115", "1"))
    for price in ("130", "101"):
        held.mark(Decimal(price), LATER)
    held.reduce(fill("50", "1"))
    assert (held.worst_pnl, held.best_pnl) == exactly(-35, 45)
    assert held.realized_pnl == Decimal(-35)


def test_a_position_that_never_lost_has_a_worst_of_zero() -> None:
    held = opened(SHORT, "100", "2")
    held.mark(Decimal(99), LATER)
    assert (held.worst_pnl, held.best_pnl) == exactly(0, 2)


@pytest.mark.parametrize(
    ("side", "stop", "risk"),
    [
        (LONG, "95", "10"),
        (SHORT, "104", "8"),
        (LONG, "101", "0"),  # a stop in profit risks nothing
        (SHORT, "99", "0"),
        (LONG, None, "100"),  # without one, all that is in it
    ],
)
def test_what_is_at_risk_is_the_way_to_the_stop(
    side: PositionSide, stop: str | None, risk: str
) -> None:
    held = opened(side, "100", "2", leverage=2)
    held.stop_loss_price = None if stop is None else Decimal(stop)
    assert held.risk_quote == Decimal(risk)


@pytest.mark.parametrize(
    ("side", "stop", "price", "trailed"),
    [
        (LONG, "95", "110", "104.5"),
        (LONG, "95", "100", None),  # 95 is no advance on 95
        (LONG, "95", "90", None),
        (SHORT, "105", "90", "94.5"),
        (SHORT, "105", "100", None),
        (SHORT, "105", "110", None),
    ],
)
def test_a_trailing_stop_follows_at_its_distance_and_never_turns_back(
    side: PositionSide, stop: str, price: str, trailed: str | None
) -> None:
    held = opened(side, "100", "2", trailing_stop_pct=Decimal(5), stop_loss_price=Decimal(stop))
    held.mark(Decimal(price), LATER)
    assert held.trailed_stop(held.current_price) == (None if trailed is None else Decimal(trailed))


@pytest.mark.parametrize(
    "missing", [{"trailing_stop_pct": None}, {"stop_loss_price": None}], ids=["distance", "stop"]
)
def test_without_a_distance_or_a_stop_nothing_trails(missing: dict[str, Any]) -> None:
    both: dict[str, Any] = {
        "trailing_stop_pct": Decimal(5),
        "stop_loss_price": Decimal(95),
    }
    held = opened(LONG, "100", "2", **(both | missing))
    held.mark(Decimal(200), LATER)
    assert held.trailed_stop(held.current_price) is None


# --- liquidation ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "leverage", "price"),
    [
        # (200 - 20) / (2 x 0.995) and (200 + 20) / (2 x 1.005)
        (LONG, 10, "90.452261306533"),
        (SHORT, 10, "109.452736318408"),
        (LONG, 125, "99.698492462312"),
    ],
)
def test_the_liquidation_price_of_isolated_margin(
    side: PositionSide, leverage: int, price: str
) -> None:
    assert opened(side, "100", "2", leverage=leverage).liquidation_price() == Decimal(price)


@reproducible
@given(
    side=st.sampled_from(PositionSide),
    entry=PRICES,
    size=SIZES,
    leverage=LEVERAGES,
    maintenance=st.decimals(0, "0.2", places=4),
    cash=st.decimals(0, 10_000, places=2),
    mode=st.sampled_from(MarginMode),
)
def test_at_the_liquidation_price_collateral_and_profit_are_the_maintenance_margin(
    side: PositionSide,
    entry: Decimal,
    size: Decimal,
    leverage: int,
    maintenance: Decimal,
    cash: Decimal,
    mode: MarginMode,
) -> None:
    with exact():
        held = opened(
            side,
            str(entry),
            str(size),
            leverage=leverage,
            margin_mode=mode,
            maintenance_margin_ratio=maintenance,
        )
        collateral = held.margin + cash if mode is MarginMode.CROSS else held.margin
        price = held.liquidation_price(held.margin + cash)
        if price is None:
            # no price is low enough to eat the collateral of a long that covers its whole cost
            assert side is LONG
            assert collateral >= held.entry_cost - Decimal("1e-9")
            return
        held.mark(price, LATER)
        off = collateral + held.unrealized_pnl - maintenance * held.notional
        # the price is rounded to 1e-12
        assert abs(off) <= size * 2 * Decimal("5e-13")


def test_cross_margin_stands_further_from_liquidation_than_isolated() -> None:
    cash = Decimal(30)
    for side in PositionSide:
        crossed = opened(side, "100", "2", leverage=10, margin_mode=MarginMode.CROSS)
        isolated = opened(side, "100", "2", leverage=10, margin_mode=MarginMode.ISOLATED)
        alone = isolated.liquidation_price(isolated.margin + cash)
        backed = crossed.liquidation_price(crossed.margin + cash)
        assert alone == isolated.liquidation_price()
        assert alone is not None
        assert backed is not None
        assert (alone - backed) * side.sign > 14


def test_spot_and_what_is_closed_cannot_be_liquidated() -> None:
    assert opened(LONG, "100", "2", market_type=MarketType.SPOT).liquidation_price() is None
    closed = opened(SHORT, "100", "2", leverage=10)
    closed.reduce(fill("100", "2"))
    assert closed.liquidation_price() is None


def test_an_unlevered_long_cannot_be_liquidated_but_an_unlevered_short_can() -> None:
    assert opened(LONG, "100", "2").liquidation_price() is None
    # it has to double, less the maintenance margin
    assert opened(SHORT, "100", "2").liquidation_price() == Decimal("199.004975124378")
