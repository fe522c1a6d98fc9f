"""Orders: the lifecycle row by row, executions, fees, amendments, and what is refused unchanged."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOON, ORDER, fill, order, reproducible
from hedgerow.domain.errors import FillRefused, InvalidValue, NotExact, TransitionRefused
from hedgerow.domain.ids import client_order_id
from hedgerow.domain.money import average_price
from hedgerow.domain.orders import (
    TRANSITIONS,
    Bracket,
    Fill,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
)

LATER = NOON + timedelta(seconds=1)

# The specified lifecycle, written out: each status and what it may become.
LIFECYCLE = {
    "pending": {"open", "canceled", "rejected", "expired"},
    "open": {"partial", "filled", "canceled", "rejected", "expired"},
    "partial": {"filled", "canceled", "rejected", "expired"},
    "filled": set(),
    "canceled": set(),
    "rejected": set(),
    "expired": set(),
}
PAIRS = list(product(OrderStatus, OrderStatus))
ALLOWED = [(a, b) for a, b in PAIRS if b.value in LIFECYCLE[a.value]]
FORBIDDEN = [(a, b) for a, b in PAIRS if b.value not in LIFECYCLE[a.value]]
ENDED = [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED]


def stop_order(**changes: Any) -> Order:
    return order(side=OrderSide.SELL, type=OrderType.STOP_MARKET, stop_price=Decimal(95), **changes)


# --- the lifecycle --------------------------------------------------------------------------


def test_the_table_is_the_specified_lifecycle() -> None:
    assert {s.value: {t.value for t in row} for s, row in TRANSITIONS.items()} == LIFECYCLE


@pytest.mark.parametrize(("before", "after"), ALLOWED)
def test_every_row_of_the_table_may_be_followed(before: OrderStatus, after: OrderStatus) -> None:
    followed = order(status=before)
    followed.change_status(after, LATER, "because")
    assert (followed.status, followed.status_reason) == (after, "because")
    assert followed.updated_at == LATER


@pytest.mark.parametrize(("before", "after"), FORBIDDEN)
def test_every_other_change_is_refused(before: OrderStatus, after: OrderStatus) -> None:
    asked = order(status=before)
    with pytest.raises(TransitionRefused) as refused:
        asked.change_status(after, LATER, "because")
    assert (refused.value.order_id, refused.value.status, refused.value.wanted) == (
        ORDER,
        before,
        after,
    )
    assert asked == order(status=before)


@pytest.mark.parametrize("status", OrderStatus)
def test_an_order_works_until_it_has_ended(status: OrderStatus) -> None:
    assert order(status=status).is_working == (status not in ENDED)


# --- making one -----------------------------------------------------------------------------

PRICES_BY_TYPE = {
    OrderType.MARKET: (None, None),
    OrderType.LIMIT: (Decimal(100), None),
    OrderType.STOP_MARKET: (None, Decimal(95)),
    OrderType.STOP_LIMIT: (Decimal(94), Decimal(95)),
}


@pytest.mark.parametrize("kind", OrderType)
@pytest.mark.parametrize("prices", list(PRICES_BY_TYPE.values()))
def test_each_type_has_its_own_prices_and_no_others(
    kind: OrderType, prices: tuple[Decimal | None, Decimal | None]
) -> None:
    price, stop_price = prices
    if prices == PRICES_BY_TYPE[kind]:
        made = order(type=kind, price=price, stop_price=stop_price)
        assert (made.price, made.stop_price) == prices
        return
    with pytest.raises(InvalidValue):
        order(type=kind, price=price, stop_price=stop_price)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"amount": Decimal(0)}, "amount"),
        ({"amount": Decimal(-1)}, "amount"),
        ({"type": OrderType.LIMIT, "price": Decimal(0)}, "price"),
        ({"type": OrderType.STOP_MARKET, "stop_price": Decimal(-5)}, "stop_price"),
    ],
)
def test_amounts_and_prices_are_above_zero(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        order(**changes)
    assert refused.value.field == field


@pytest.mark.parametrize("field", ["amount", "price", "stop_price"])
@pytest.mark.parametrize("value", [1.0, 1, Decimal("NaN")])
def test_an_order_takes_exact_numbers_only(field: str, value: object) -> None:
    with pytest.raises(NotExact) as refused:
        order(**({"type": OrderType.STOP_LIMIT} | {field: value}))
    assert refused.value.name == field


@pytest.mark.parametrize(
    "field", ["entry_price", "stop_loss_price", "take_profit_price", "trailing_stop_pct"]
)
def test_a_bracket_takes_exact_numbers_only(field: str) -> None:
    prices: dict[str, Any] = {
        "entry_price": Decimal(100),
        "stop_loss_price": Decimal(95),
        "take_profit_price": Decimal(110),
        "trailing_stop_pct": None,
    }
    with pytest.raises(NotExact) as refused:
        Bracket(**(prices | {field: 5.0}))
    assert refused.value.name == field


def test_the_venue_knows_it_by_its_own_id() -> None:
    assert order().client_order_id == client_order_id(ORDER)


# --- executions -----------------------------------------------------------------------------


def test_a_fill_opens_fills_in_part_and_fills_and_the_average_weighs_quantities() -> None:
    bought = order(amount=Decimal(10))
    bought.change_status(OrderStatus.OPEN, NOON)

    bought.apply(fill("100", "2", trade_id="a"))
    assert (bought.status, bought.remaining) == (OrderStatus.PARTIAL, Decimal(8))
    assert bought.avg_fill_price == Decimal(100)

    bought.apply(fill("110", "3", trade_id="b"))
    assert (bought.status, bought.remaining) == (OrderStatus.PARTIAL, Decimal(5))
    assert bought.avg_fill_price == Decimal(106)
    assert bought.filled_at is None

    bought.apply(fill("102", "5", trade_id="c", at=LATER))
    assert (bought.status, bought.remaining) == (OrderStatus.FILLED, Decimal(0))
    assert bought.avg_fill_price == Decimal(104)
    assert bought.filled_quote == Decimal(1040)
    assert bought.filled_at == bought.updated_at == LATER
    assert bought.trade_ids == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("quantity", "status"), [("10", OrderStatus.FILLED), ("4", OrderStatus.PARTIAL)]
)
def test_a_fill_that_outruns_the_acknowledgement_opens_the_order_first(
    quantity: str, status: OrderStatus
) -> None:
    unannounced = order()
    unannounced.apply(fill("100", quantity))
    assert unannounced.status is status


@reproducible
@given(
    parts=st.lists(
        st.tuples(st.decimals("0.01", 100_000, places=2), st.decimals("0.001", 1000, places=3)),
        min_size=1,
        max_size=8,
    )
)
def test_the_average_is_the_cost_of_all_fills_over_their_quantity(
    parts: list[tuple[Decimal, Decimal]],
) -> None:
    amount = sum((quantity for _, quantity in parts), Decimal(0))
    bought = order(amount=amount)
    for number, (price, quantity) in enumerate(parts):
        bought.apply(fill(str(price), str(quantity), trade_id=str(number)))
    cost = sum((price * quantity for price, quantity in parts), Decimal(0))
    assert bought.status is OrderStatus.FILLED
    assert bought.filled_quote == cost
    assert bought.avg_fill_price == average_price(cost, amount)


def test_a_fill_is_worth_price_times_quantity_to_eight_decimals() -> None:
    assert fill("0.00001234", "0.0015").quote == Decimal("0.00000002")


def test_fees_add_up_in_each_currency_and_the_first_is_shown() -> None:
    bought = order()
    assert (bought.fee, bought.fee_currency) == (Decimal(0), None)
    for number, (fee, currency) in enumerate(
        [("0.3", "USDT"), ("0.001", "BNB"), ("0.2", "USDT"), ("-0.1", "BTC")]
    ):
        bought.apply(fill("100", "1", trade_id=str(number), fee=fee, fee_currency=currency))
    assert bought.fees == {"USDT": Decimal("0.5"), "BNB": Decimal("0.001"), "BTC": Decimal("-0.1")}
    assert (bought.fee, bought.fee_currency) == (Decimal("0.5"), "USDT")


def test_more_than_was_ordered_cannot_have_been_filled() -> None:
    bought = order(amount=Decimal(10))
    bought.apply(fill("100", "9", trade_id="a"))
    before = deepcopy(bought)
    with pytest.raises(FillRefused) as refused:
        bought.apply(fill("100", "1.001", trade_id="b"))
    assert refused.value.problem == "1.001 is more than the 1 left"
    assert bought == before


@pytest.mark.parametrize("status", [s for s in ENDED if s is not OrderStatus.FILLED])
def test_an_order_that_has_ended_takes_no_fill(status: OrderStatus) -> None:
    ended = order(status=status)
    with pytest.raises(TransitionRefused):
        ended.apply(fill("100", "1"))
    assert ended == order(status=status)


@pytest.mark.parametrize(
    ("price", "quantity"), [("0", "1"), ("-1", "1"), ("100", "0"), ("100", "-1")]
)
def test_a_fill_of_nothing_or_for_nothing_is_refused(price: str, quantity: str) -> None:
    with pytest.raises(FillRefused):
        fill(price, quantity)


@pytest.mark.parametrize("field", ["price", "quantity", "fee"])
def test_a_fill_takes_exact_numbers_only(field: str) -> None:
    numbers: dict[str, Any] = dict.fromkeys(("price", "quantity", "fee"), Decimal(1))
    with pytest.raises(NotExact) as refused:
        Fill(
            order_id=UUID(int=1),
            venue_trade_id="t",
            fee_currency="USDT",
            is_maker=True,
            filled_at=NOON,
            **(numbers | {field: 0.1}),
        )
    assert refused.value.name == field


# --- amendments -----------------------------------------------------------------------------


def test_a_stop_takes_over_a_new_amount_and_trigger() -> None:
    stop = stop_order(status=OrderStatus.OPEN)
    stop.amend(LATER, Decimal(12), Decimal(97))
    assert (stop.amount, stop.stop_price, stop.status) == (
        Decimal(12),
        Decimal(97),
        OrderStatus.OPEN,
    )
    assert stop.updated_at == LATER


def test_an_order_shrunk_to_what_is_done_is_filled() -> None:
    target = order(type=OrderType.LIMIT, price=Decimal(110), amount=Decimal(10))
    target.apply(fill("110", "4"))
    target.amend(LATER, Decimal(4), None)
    assert (target.status, target.remaining, target.filled_at) == (
        OrderStatus.FILLED,
        Decimal(0),
        LATER,
    )


@pytest.mark.parametrize(
    ("amount", "stop_price", "field"),
    [
        (Decimal("3.999"), Decimal(95), "amount"),  # less than is filled
        (Decimal(0), Decimal(95), "amount"),
        (Decimal(-1), Decimal(95), "amount"),
        (Decimal(10), None, "stop_price"),
        (Decimal(10), Decimal(0), "stop_price"),
    ],
)
def test_an_amendment_that_cannot_be_changes_nothing(
    amount: Decimal, stop_price: Decimal | None, field: str
) -> None:
    stop = stop_order()
    stop.apply(fill("95", "4"))
    before = deepcopy(stop)
    with pytest.raises(InvalidValue) as refused:
        stop.amend(LATER, amount, stop_price)
    assert refused.value.field == field
    assert stop == before


def test_a_pending_order_cannot_be_amended_to_nothing() -> None:
    pending = order()
    with pytest.raises(InvalidValue):
        pending.amend(LATER, Decimal(0), None)
    assert pending == order()


def test_only_stops_have_a_trigger_to_amend() -> None:
    with pytest.raises(InvalidValue):
        order().amend(LATER, Decimal(5), Decimal(95))


@pytest.mark.parametrize(("amount", "stop_price"), [(5.0, Decimal(95)), (Decimal(5), 95.0)])
def test_an_amendment_takes_exact_numbers_only(amount: Any, stop_price: Any) -> None:
    with pytest.raises(NotExact):
        stop_order().amend(LATER, amount, stop_price)


@pytest.mark.parametrize("status", ENDED)
def test_an_order_that_has_ended_cannot_be_amended(status: OrderStatus) -> None:
    ended = order(status=status)
    with pytest.raises(TransitionRefused):
        ended.amend(LATER, Decimal(5), None)
    assert ended == order(status=status)


def test_the_opposite_side_undoes() -> None:
    assert (OrderSide.BUY.opposite, OrderSide.SELL.opposite) == (OrderSide.SELL, OrderSide.BUY)
