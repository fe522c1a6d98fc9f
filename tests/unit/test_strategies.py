"""Strategies: cash by ledger, equity as specified, drawdown, Sharpe ratio, target allocations."""

from __future__ import annotations

import math
import statistics
from copy import deepcopy
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOON, STRATEGY, exactly, reference, reproducible, strategy
from hedgerow.domain.errors import (
    DocumentRefused,
    InsufficientCash,
    InvalidValue,
    NotExact,
    UnbalancedTransfer,
)
from hedgerow.domain.ledger import Account, LedgerEntry, Transfer, TransferReason
from hedgerow.domain.money import exact
from hedgerow.domain.performance import (
    CurvePoint,
    DailyReturns,
    daily_returns,
    drawdowns,
    sharpe_ratio,
    trade_stats,
)
from hedgerow.domain.strategies import Strategy, check_allocations

LATER = NOON + timedelta(hours=1)


def funded(capital: str = "10000", **changes: Any) -> Strategy:
    made = strategy(allocated_capital=Decimal(capital), **changes)
    made.deposit(reference())
    return made


def lines(transfer: Transfer) -> dict[Account, Decimal]:
    return {entry.account: entry.amount for entry in transfer.entries}


# --- capital --------------------------------------------------------------------------------


def test_capital_is_paid_in_from_outside_and_is_all_cash() -> None:
    made = strategy()
    transfer = made.deposit(reference())
    assert transfer.reason is TransferReason.DEPOSIT
    assert lines(transfer) == {Account.CAPITAL: Decimal(-10_000), Account.CASH: Decimal(10_000)}
    assert made.cash_reserve == made.current_equity == made.peak_equity == Decimal(10_000)
    assert (made.total_pnl, made.total_pnl_percent, made.max_drawdown) == exactly(0, 0, 0)


def test_capital_is_paid_in_once() -> None:
    with pytest.raises(AssertionError):
        funded().deposit(reference(2))


def test_allocated_capital_never_changes() -> None:
    made = funded()
    with pytest.raises(InvalidValue) as refused:
        made.allocated_capital = Decimal(20_000)
    assert refused.value.field == "allocated_capital"
    assert made.allocated_capital == Decimal(10_000)


def test_not_even_to_the_same_value_nor_in_a_copy() -> None:
    copied = deepcopy(funded())
    with pytest.raises(InvalidValue):
        copied.allocated_capital = copied.allocated_capital


@pytest.mark.parametrize("capital", ["0", "-1", "1.000000001"])
def test_capital_is_above_zero_and_in_whole_1e_8(capital: str) -> None:
    with pytest.raises(InvalidValue):
        strategy(allocated_capital=Decimal(capital))


def test_capital_is_exact() -> None:
    with pytest.raises(NotExact):
        strategy(allocated_capital=10_000.0)


# --- cash -----------------------------------------------------------------------------------


def test_allocating_cash_reduces_the_reserve_and_releasing_brings_it_back() -> None:
    made = funded()
    put_aside = made.allocate_cash(Decimal(1010), reference(2))
    assert put_aside.reason is TransferReason.RESERVE
    assert (made.cash_reserve, made.reserved) == exactly(8990, 1010)
    given_back = made.release_cash(Decimal(10), reference(3))
    assert given_back.reason is TransferReason.RELEASE
    assert (made.cash_reserve, made.reserved) == exactly(9000, 1000)


def test_all_the_cash_may_be_allocated_but_not_a_hundred_millionth_more() -> None:
    made = funded()
    with pytest.raises(InsufficientCash) as refused:
        made.allocate_cash(Decimal("10000.00000001"), reference(2))
    assert (refused.value.needed, refused.value.available) == exactly("10000.00000001", 10_000)
    assert made.cash_reserve == Decimal(10_000)
    made.allocate_cash(Decimal(10_000), reference(2))
    assert made.cash_reserve == 0


@pytest.mark.parametrize("amount", ["0", "-50"])
def test_only_an_amount_above_zero_is_put_aside_or_given_back(amount: str) -> None:
    portfolio = strategy()
    portfolio.deposit(reference())
    before = dict(portfolio.balances)
    with exact(), pytest.raises(InvalidValue):
        portfolio.allocate_cash(Decimal(amount), reference(2))
    with exact(), pytest.raises(InvalidValue):
        portfolio.release_cash(Decimal(amount), reference(3))
    assert portfolio.balances == before


def test_no_more_is_given_back_than_was_put_aside() -> None:
    portfolio = strategy()
    portfolio.deposit(reference())
    with exact():
        portfolio.allocate_cash(Decimal(100), reference(2))
    with exact(), pytest.raises(InsufficientCash):
        portfolio.release_cash(Decimal("100.00000001"), reference(3))
    assert portfolio.reserved == Decimal(100)


@pytest.mark.parametrize(("value", "cash"), [("1200", "10200"), ("700", "9700"), ("0", "9000")])
def test_returning_cash_books_the_difference_to_cost_as_realised_profit(
    value: str, cash: str
) -> None:
    made = funded()
    made.allocate_cash(Decimal(1000), reference(2))
    entered = {Account.RESERVED: Decimal(-1000), Account.POSITIONS: Decimal(1000)}
    made.move(TransferReason.ENTRY, reference(3), entered)
    back = made.return_cash(Decimal(value), Decimal(1000), reference(4))
    assert back.reason is TransferReason.EXIT
    assert made.cash_reserve == Decimal(cash)
    assert made.balance(Account.POSITIONS) == 0
    assert made.balance(Account.REALIZED_PROFIT) == 1000 - Decimal(value)


def test_a_transfer_that_does_not_sum_to_zero_is_refused_with_the_difference() -> None:
    entries = (
        LedgerEntry(Account.CASH, "USDT", Decimal(-5)),
        LedgerEntry(Account.FEES, "USDT", Decimal("4.99")),
    )
    with pytest.raises(UnbalancedTransfer) as refused:
        Transfer(UUID(int=9), STRATEGY, NOON, TransferReason.FEE, entries)
    assert (refused.value.currency, refused.value.difference) == ("USDT", Decimal("-0.01"))


def test_currencies_do_not_balance_each_other() -> None:
    entries = (
        LedgerEntry(Account.CASH, "USDT", Decimal(-5)),
        LedgerEntry(Account.FEES, "BNB", Decimal(5)),
    )
    with pytest.raises(UnbalancedTransfer):
        Transfer(UUID(int=9), STRATEGY, NOON, TransferReason.FEE, entries)


def test_a_ledger_line_is_exact() -> None:
    entries = (LedgerEntry(Account.CASH, "USDT", 0.0),)  # type: ignore[arg-type]
    with pytest.raises(NotExact):
        Transfer(UUID(int=9), STRATEGY, NOON, TransferReason.FEE, entries)


def test_each_currency_has_balances_of_its_own() -> None:
    made = funded()
    amounts = {Account.CAPITAL: Decimal(-1), Account.FEES: Decimal(1)}
    made.move(TransferReason.FEE, reference(2), amounts, "BNB")
    assert made.balance(Account.FEES, "BNB") == 1
    assert made.balance(Account.FEES) == 0
    assert made.balance(Account.CAPITAL) == Decimal(-10_000)


def test_lines_of_nothing_are_left_out() -> None:
    made = funded()
    amounts = {Account.CASH: Decimal(-1), Account.FEES: Decimal(1), Account.FUNDING: Decimal(0)}
    assert lines(made.move(TransferReason.FEE, reference(2), amounts)).keys() == {
        Account.CASH,
        Account.FEES,
    }


def test_transfers_of_another_strategy_are_a_bug() -> None:
    with pytest.raises(AssertionError):
        funded().post(Transfer(UUID(int=9), UUID(int=10), NOON, TransferReason.FEE, ()))


# --- equity ---------------------------------------------------------------------------------


def test_equity_is_cash_and_positions_and_profit_is_measured_from_the_capital() -> None:
    made = funded("8000")
    made.allocate_cash(Decimal(3000), reference(2))
    made.update_equity(Decimal(3500), LATER)
    assert made.current_equity == Decimal(8500)
    assert made.total_pnl == Decimal(500)
    assert made.total_pnl_percent == Decimal("6.25")
    assert made.updated_at == LATER


@pytest.mark.parametrize(
    ("worths", "drawdown"),
    [
        (["10000"], "0"),
        (["12000", "9000"], "25"),
        (["9000", "8000", "12000", "11400"], "20"),  # from the start's peak, not the last
        (["12000", "11400", "20000", "15000", "20000"], "25"),
    ],
)
def test_max_drawdown_is_the_deepest_fall_from_a_peak_in_per_cent(
    worths: list[str], drawdown: str
) -> None:
    made = funded()
    made.allocate_cash(Decimal(10_000), reference(2))
    for worth in worths:
        made.update_equity(Decimal(worth), LATER)
    assert made.max_drawdown == Decimal(drawdown)


def test_the_win_rate_is_of_all_closed_trades() -> None:
    made = funded()
    assert made.win_rate == 0
    for won in (True, False, True, True):
        made.record_trade(won)
    assert (made.trades_won, made.trades_lost, made.win_rate) == (3, 1, Decimal(75))


# --- Sharpe ratio ---------------------------------------------------------------------------


def test_each_day_adds_the_return_on_what_it_began_with() -> None:
    made = funded()
    made.allocate_cash(Decimal(10_000), reference(2))
    for worth in ("11000", "9900"):
        made.update_equity(Decimal(worth), LATER)
        made.roll_day()
    assert made.day_start_equity == Decimal(9900)
    assert (made.daily_returns.count, made.daily_returns.mean) == (2, Decimal(0))
    with exact():
        # +10 % and -10 %: a mean of zero
        assert made.sharpe_ratio == 0


def test_a_day_that_began_with_nothing_has_no_return() -> None:
    made = funded()
    made.day_start_equity = Decimal(0)
    made.roll_day()
    assert made.daily_returns.count == 0


@pytest.mark.parametrize("returns", [[], ["0.01"], ["0.01", "0.01", "0.01"]])
def test_without_two_days_that_differ_there_is_no_sharpe_ratio(returns: list[str]) -> None:
    daily = DailyReturns()
    for value in returns:
        daily.add(Decimal(value))
    assert daily.sharpe_ratio == 0


@reproducible
@given(returns=st.lists(st.decimals("-0.9", "0.9", places=6), min_size=2, max_size=60, unique=True))
def test_the_sharpe_ratio_is_that_of_the_statistics_module(returns: list[Decimal]) -> None:
    with exact():
        daily = DailyReturns()
        for value in returns:
            daily.add(value)
        ratio = daily.sharpe_ratio
    mean, deviation = statistics.mean(returns), statistics.stdev(returns)
    expected = float(mean) / float(deviation) * math.sqrt(365)
    assert float(daily.mean) == pytest.approx(float(mean), rel=1e-12, abs=1e-15)
    assert float(ratio) == pytest.approx(expected, rel=1e-9, abs=1e-11)


# --- kept figures against the whole series ---------------------------------------------------


@reproducible
@given(
    worths=st.lists(st.decimals("1", "30000", places=8), max_size=200),
    profits=st.lists(st.decimals("-100", "100", places=8), max_size=60),
)
def test_what_is_kept_step_by_step_is_what_the_formulas_make_of_the_whole_series(
    worths: list[Decimal], profits: list[Decimal]
) -> None:
    made = funded()
    made.allocate_cash(Decimal(10_000), reference(2))
    points = [CurvePoint(NOON, Decimal(10_000))]
    with exact():
        for number, worth in enumerate(worths, start=1):
            at = NOON + number * timedelta(hours=5, minutes=1)
            if at.date() > points[-1].at.date():
                made.roll_day()
            made.update_equity(worth, at)
            points.append(CurvePoint(at, worth))
        for profit in profits:
            made.record_trade(won=profit > 0)
        assert made.sharpe_ratio == sharpe_ratio(daily_returns(points))
    assert made.max_drawdown == max(fall.percent for fall in drawdowns(points))
    assert made.win_rate == trade_stats(profits).win_rate_pct


# --- target allocations ---------------------------------------------------------------------

SPECIFIED_ALLOCATIONS = {
    "BTC/USDT": Decimal("0.4"),
    "ETH/USDT": Decimal("0.3"),
    "SOL/USDT": Decimal("0.15"),
    "AVAX/USDT": Decimal("0.1"),
    "USDT": Decimal("0.05"),
}


def test_the_specified_allocations_are_accepted() -> None:
    made = strategy(target_allocations=SPECIFIED_ALLOCATIONS)
    assert made.target_allocations == SPECIFIED_ALLOCATIONS


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"USDT": Decimal("0.06")}, "(sum)"),
        ({"USDT": Decimal("-0.01")}, "USDT"),
        ({"BTC/USDT": Decimal("1.01")}, "BTC/USDT"),
        ({"BTC/USDT": Decimal("NaN")}, "BTC/USDT"),
        ({"BTC/USDT": 0.4}, "BTC/USDT"),
        ({"btc/usdt": Decimal(0)}, "btc/usdt"),
        ({"BTC/": Decimal(0)}, "BTC/"),
        ({"BTC/USDT/PERP": Decimal(0)}, "BTC/USDT/PERP"),
    ],
)
def test_allocations_are_shares_of_named_things_and_no_more_than_the_whole(
    changes: dict[str, Any], path: str
) -> None:
    with pytest.raises(DocumentRefused) as refused:
        strategy(target_allocations=SPECIFIED_ALLOCATIONS | changes)
    assert (refused.value.document, refused.value.path) == ("target_allocations", path)


def test_less_than_the_whole_may_be_allocated() -> None:
    check_allocations({"BTC/USDT": Decimal("0.5")})
    check_allocations({})
