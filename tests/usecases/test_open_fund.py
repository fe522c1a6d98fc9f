"""A paper fund is opened from a plan, the same one every time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from builders import NOON, begin, digits, instrument, proposal
from hedgerow.domain.accounts import Permission
from hedgerow.domain.fund import Fund
from hedgerow.domain.ledger import Account
from hedgerow.domain.market import Exchange, MarketType, Timeframe
from hedgerow.domain.messages import (
    CashMoved,
    DecisionMade,
    FundOpened,
    ProposalAccepted,
    ProposalRefused,
)
from hedgerow.domain.pairs import StrategyMode
from hedgerow.domain.risk import next_midnight
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.open_fund import PAPER_LIMITS, PaperFundPlan, open_paper_fund
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork

OWNER = UUID(int=0x99)
SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


def plan(symbols: tuple[str, ...] = SYMBOLS, **changes: Any) -> PaperFundPlan:
    usual: dict[str, Any] = {
        "owner": OWNER,
        "exchange": Exchange.OKX,
        "instruments": [instrument(symbol) for symbol in symbols],
        "timeframe": Timeframe.H4,
        "capital": Decimal("9999.99"),
        "risk_tolerance": RiskTolerance.AGGRESSIVE,
    }
    return PaperFundPlan(**(usual | changes))


def opened(symbols: tuple[str, ...] = SYMBOLS, **changes: Any) -> Fund:
    return open_paper_fund(plan(symbols, **changes), NOON)[0]


def test_the_capital_is_paid_in_and_told() -> None:
    fund, step = open_paper_fund(plan(), NOON)
    (strategy,) = fund.strategies.values()
    assert strategy.cash_reserve == strategy.current_equity == Decimal("9999.99")
    assert strategy.balance(Account.CAPITAL) == Decimal("-9999.99")
    assert step.facts[0] == FundOpened(strategy.id, strategy.name, Decimal("9999.99"))
    assert [type(fact) for fact in step.facts[1:]] == [CashMoved]
    assert step.wishes == ()
    assert fund.breaker.day_start_equity == Decimal("9999.99")
    assert fund.breaker.reset_at == next_midnight(NOON)
    assert fund.as_of == NOON


def test_every_symbol_is_watched_by_the_rules_of_its_instrument() -> None:
    fund = opened()
    (account,) = fund.accounts.values()
    (strategy,) = fund.strategies.values()
    assert [pair.symbol for pair in fund.pairs.values()] == list(SYMBOLS)
    for pair in fund.pairs.values():
        assert fund.instruments[pair.id].symbol == pair.symbol
        assert (pair.exchange_account_id, pair.strategy_id) == (account.id, strategy.id)
        assert (pair.strategy_mode, pair.timeframes) == (StrategyMode.AUTO, (Timeframe.H4,))
        assert pair.market_type is strategy.market_type is MarketType.SPOT
    assert (account.exchange, account.is_testnet) == (Exchange.OKX, True)
    assert account.permissions == (Permission.SPOT, Permission.READ, Permission.TRADE)


@pytest.mark.parametrize(("count", "share"), [(1, "1"), (3, "0.3333"), (4, "0.25"), (7, "0.1428")])
def test_capital_is_spread_evenly_and_never_beyond_all_of_it(count: int, share: str) -> None:
    symbols = tuple(f"COIN{number}/USDT" for number in range(count))
    (strategy,) = opened(symbols).strategies.values()
    assert strategy.target_allocations == dict.fromkeys(symbols, Decimal(share))
    assert sum(strategy.target_allocations.values()) <= 1
    assert f"COIN0/USDT {Decimal(share) * 100:f}" in strategy.reasoning_log[0].reasoning


def test_nothing_is_borrowed_and_nothing_is_live() -> None:
    fund = opened()
    bounds = fund.bounds
    assert bounds.leverage_max == 1
    assert not bounds.live_trading_allowed
    assert bounds.total_exposure_usd_max == Decimal("9999.99")
    assert bounds.position_size_usd_max == Decimal("3999.996")
    assert bounds.positions_max == 3
    assert bounds.allowed_exchanges == (Exchange.OKX,)
    assert fund.limit_profile.limits == PAPER_LIMITS
    assert fund.user.limit_profile_id == fund.limit_profile.id


def test_many_symbols_do_not_make_more_positions_than_the_tier_allows() -> None:
    fund = opened(tuple(f"COIN{number}/USDT" for number in range(14)))
    assert fund.bounds.positions_max == PAPER_LIMITS.active_positions == 10


def test_it_can_trade_at_once_with_at_most_two_fifths_of_the_capital() -> None:
    fund = opened()
    pair_id = next(iter(fund.pairs))
    greedy = proposal(size_ratio=Decimal(1), stop_loss_price=Decimal("99.5"))
    step = fund.step(DecisionMade(pair_id, greedy), NOON)
    (accepted,) = (fact for fact in step.facts if isinstance(fact, ProposalAccepted))
    assert accepted.amount == Decimal("39.999")
    leveraged = fund.step(DecisionMade(pair_id, replace(greedy, leverage=2)), NOON)
    assert isinstance(leveraged.facts[0], ProposalRefused)


def test_the_same_plan_makes_the_same_fund_and_another_owner_another() -> None:
    assert digits(opened()) == digits(opened())
    other = opened(owner=UUID(int=0x98))
    for name in ("accounts", "strategies", "pairs"):
        assert not getattr(opened(), name).keys() & getattr(other, name).keys()
    assert other.limit_profile == opened().limit_profile


async def test_funds_that_begin_on_different_days_share_one_tier(
    open_postgres: OpenUnitOfWork,
) -> None:
    made = []
    for day in range(2):
        owner = UUID(int=0x90 + day)
        opening = open_paper_fund(plan(owner=owner), NOON + timedelta(days=day))
        made.append(await begin(open_postgres, *opening))
    async with open_postgres(SYSTEM) as unit:
        for fund in made:
            loaded = await unit.funds.load(fund.user.id)
            assert loaded.limit_profile == fund.limit_profile
