"""Between a proposal and an order: the pre-trade checks, and the size that passes them all.

Nothing an analyst says gets past here: the size is the smallest of what the proposal, the pair,
the settings, the tier, the cash and the risk budget allow, and each check is written down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedgerow.domain.fund_state import FundState
from hedgerow.domain.limits import TradingBounds
from hedgerow.domain.market import Instrument, MarketType
from hedgerow.domain.money import (
    CONTEXT,
    HUNDRED,
    ONE,
    ZERO,
    ceil_to_tick,
    floor_to_step,
    floor_to_tick,
    round_to_tick,
)
from hedgerow.domain.orders import Order, OrderType
from hedgerow.domain.pairs import StrategyMode, TradingPair
from hedgerow.domain.positions import LEVERAGE_MAX, PositionSide
from hedgerow.domain.proposals import Proposal
from hedgerow.domain.risk import Check
from hedgerow.domain.strategies import Strategy, StrategyStatus

# Put aside on top of the notional for fees and for the market moving before an entry fills.
RESERVE_RATIO: Final = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Sizing:
    """An order size in base currency, the cash to put aside for it (quote), and what bound it."""

    quantity: Decimal
    reserve_quote: Decimal
    bound_by: str


@dataclass(frozen=True, slots=True)
class Allowed:
    """Every check passed."""

    checks: tuple[Check, ...]
    sizing: Sizing


@dataclass(frozen=True, slots=True)
class Refused:
    """The last of `checks` failed; `bound_by` names the bound when the size fell too small."""

    checks: tuple[Check, ...]
    bound_by: str | None = None


@dataclass(frozen=True, slots=True)
class _Case:
    state: FundState
    pair: TradingPair
    strategy: Strategy
    instrument: Instrument
    bounds: TradingBounds
    proposal: Proposal
    at: datetime


def examine(
    state: FundState, pair: TradingPair, proposal: Proposal, at: datetime
) -> Allowed | Refused:
    """Run the checks in order, stop at the first that fails, and size what passes."""
    case = _Case(
        state=state,
        pair=pair,
        strategy=state.strategies[pair.strategy_id],
        instrument=state.instruments[pair.id],
        bounds=state.bounds,
        proposal=proposal,
        at=at,
    )
    checks: list[Check] = []
    for rule in _RULES:
        checks.append(rule(case))
        if not checks[-1].passed:
            return Refused(tuple(checks))
    sizing = _size(case)
    checks.append(_size_check(case, sizing))
    if not checks[-1].passed:
        return Refused(tuple(checks), sizing.bound_by)
    return Allowed(tuple(checks), sizing)


def limit_price(proposal: Proposal, tick: Decimal) -> Decimal:
    """The proposal's price on the venue's grid, rounded to the trader's advantage.

    So what is put aside always covers it.
    """
    passive = floor_to_tick if proposal.side is PositionSide.LONG else ceil_to_tick
    return passive(proposal.entry_price, tick)


def _breaker_clear(case: _Case) -> Check:
    breaker = case.state.breaker
    found = breaker.trigger_reason or "clear"
    return Check("circuit_breaker", not breaker.is_triggered, found, "clear")


def _user_active(case: _Case) -> Check:
    active = case.state.user.is_active
    return Check("user_active", active, "active" if active else "inactive", "active")


def _strategy_active(case: _Case) -> Check:
    status = case.strategy.status
    return Check("strategy_status", status is StrategyStatus.ACTIVE, status, StrategyStatus.ACTIVE)


def _pair_tradable(case: _Case) -> Check:
    pair = case.pair
    found = (pair.paused_reason or "paused") if pair.is_paused else "active"
    if not pair.is_active:
        found = "inactive"
    return Check("pair_active", pair.is_active and not pair.is_paused, found, "active")


def _mode_executes(case: _Case) -> Check:
    mode = case.pair.strategy_mode
    return Check("strategy_mode", mode is not StrategyMode.SIGNALS, mode, "auto or semi_auto")


def _symbol_matches(case: _Case) -> Check:
    found = case.proposal.symbol
    return Check("symbol", found == case.pair.symbol, found, case.pair.symbol)


def _exchange_allowed(case: _Case) -> Check:
    account = case.state.accounts[case.pair.exchange_account_id]
    allowed = case.bounds.allowed_exchanges
    passed = account.is_active and account.exchange in allowed
    found = str(account.exchange) if account.is_active else f"{account.exchange} (inactive)"
    return Check("exchange", passed, found, ", ".join(allowed))


def _live_allowed(case: _Case) -> Check:
    account = case.state.accounts[case.pair.exchange_account_id]
    passed = account.is_testnet or case.bounds.live_trading_allowed
    allowed = "paper or live" if case.bounds.live_trading_allowed else "paper"
    return Check("trading_mode", passed, "paper" if account.is_testnet else "live", allowed)


def _side_allowed(case: _Case) -> Check:
    spot = case.pair.market_type is MarketType.SPOT
    passed = not spot or case.proposal.side is PositionSide.LONG
    return Check("side", passed, case.proposal.side, "long" if spot else "long or short")


def _one_direction(case: _Case) -> Check:
    held = [p.side for p in case.state.positions.values() if p.trading_pair_id == case.pair.id]
    waiting = [o for o in case.state.working_entries() if o.trading_pair_id == case.pair.id]
    found = f"{held[0]} position" if held else "entry order" if waiting else "none"
    return Check("nothing_open_on_pair", not held and not waiting, found, "none")


def _stop_protects(case: _Case) -> Check:
    proposal, sign = case.proposal, case.proposal.side.sign
    # As the venue will have them: on a coarse grid a near stop can fall on the entry, or on zero.
    tick = case.instrument.price_tick
    is_limit = proposal.entry_type is OrderType.LIMIT
    entry = limit_price(proposal, tick) if is_limit else proposal.entry_price
    stop = round_to_tick(proposal.stop_loss_price, tick)
    target = round_to_tick(proposal.take_profit_price, tick)
    in_order = (entry - stop) * sign > ZERO and (target - entry) * sign > ZERO
    passed = in_order and min(entry, stop, target) > ZERO
    found = f"{stop} / {entry} / {target}"
    allowed = "stop below entry below target" if sign > 0 else "stop above entry above target"
    return Check("stop_and_target", passed, found, allowed)


def _trailing_makes_sense(case: _Case) -> Check:
    distance_pct = case.proposal.trailing_stop_pct
    passed = distance_pct is None or ZERO < distance_pct < HUNDRED
    found = "none" if distance_pct is None else f"{distance_pct}%"
    return Check("trailing_stop", passed, found, "none, or above 0% and below 100%")


def _waiting(case: _Case) -> list[Order]:
    """Entries that may still open a position; one that has opened its own counts as that."""
    state = case.state
    return [o for o in state.working_entries() if o.position_id not in state.positions]


def _positions_left(case: _Case) -> Check:
    count = len(case.state.positions) + len(_waiting(case))
    limit = case.bounds.positions_max
    return Check("open_positions", count < limit, str(count), f"below {limit}")


def _daily_trades_left(case: _Case) -> Check:
    count = case.state.breaker.daily_trade_count + len(_waiting(case))
    limit = case.bounds.daily_trades_max
    return Check("daily_trades", count < limit, str(count), f"below {limit}")


def _monthly_trades_left(case: _Case) -> Check:
    count = case.state.monthly_trades.at(case.at) + len(_waiting(case))
    limit = case.bounds.monthly_trades_max
    return Check("monthly_trades", count < limit, str(count), f"below {limit}")


def _leverage_within(case: _Case) -> Check:
    limits = [
        Decimal(case.pair.max_leverage),
        Decimal(case.instrument.leverage_max),
        Decimal(LEVERAGE_MAX),
        case.bounds.leverage_max,
    ]
    limit = ONE if case.pair.market_type is MarketType.SPOT else min(limits)
    found = case.proposal.leverage
    return Check("leverage", 1 <= found <= limit, f"{found}x", f"1x to {limit}x")


_RULES: Final[tuple[Callable[[_Case], Check], ...]] = (
    _breaker_clear,
    _user_active,
    _strategy_active,
    _pair_tradable,
    _mode_executes,
    _symbol_matches,
    _exchange_allowed,
    _live_allowed,
    _side_allowed,
    _stop_protects,
    _trailing_makes_sense,
    _one_direction,
    _positions_left,
    _daily_trades_left,
    _monthly_trades_left,
    _leverage_within,
)


def _notional_caps(case: _Case) -> dict[str, Decimal]:
    """Each bound on the notional, in quote currency, by name."""
    state, bounds, proposal = case.state, case.bounds, case.proposal
    leverage = Decimal(proposal.leverage)
    # From the stop as the venue will have it: off the grid, it could lie on the entry itself.
    stop = round_to_tick(proposal.stop_loss_price, case.instrument.price_tick)
    stop_ratio = CONTEXT.divide(abs(proposal.entry_price - stop), proposal.entry_price)
    risk_left = state.equity * bounds.portfolio_risk_pct_max / HUNDRED - state.risk_quote
    return {
        "proposal": case.strategy.current_equity * proposal.size_ratio * leverage,
        "max_position_size_usd": bounds.position_size_usd_max,
        "pair max_position_size": case.pair.max_position_size,
        "pair budget": case.pair.budget * leverage,
        "max_total_exposure_usd": bounds.total_exposure_usd_max - state.exposure,
        "max_portfolio_risk": CONTEXT.divide(risk_left, stop_ratio),
        "cash_reserve": CONTEXT.divide(case.strategy.cash_reserve, _cash_ratio(leverage)),
    }


def _size(case: _Case) -> Sizing:
    caps = _notional_caps(case)
    bound_by = min(caps, key=lambda name: caps[name])
    price = case.proposal.entry_price
    wanted = CONTEXT.divide(max(caps[bound_by], ZERO), price)
    quantity = floor_to_step(wanted, case.instrument.quantity_step)
    reserve = quantity * price * _cash_ratio(Decimal(case.proposal.leverage))
    return Sizing(quantity, reserve, bound_by)


def _cash_ratio(leverage: Decimal) -> Decimal:
    return CONTEXT.divide(ONE, leverage) + RESERVE_RATIO


def _size_check(case: _Case, sizing: Sizing) -> Check:
    notional = sizing.quantity * case.proposal.entry_price
    minimum = max(case.bounds.position_size_usd_min, case.instrument.notional_quote_min)
    found = f"{notional:.2f} (bound by {sizing.bound_by})"
    passed = sizing.quantity > ZERO and notional >= minimum
    return Check("position_size", passed, found, f"at least {minimum}")
