"""An analyst's wish to move a stop: taken over where it can only make the position safer.

An agent may tighten, and never loosen: of all that it may say about an open position, nothing can
put more at risk than the fund has agreed to when it opened it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from hedgerow.domain.fund_state import FundState
from hedgerow.domain.messages import AmendOrder, StopDecided, StopRefused
from hedgerow.domain.money import ZERO
from hedgerow.domain.orders import Order, OrderPurpose
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import StopProposal
from hedgerow.domain.protecting import sellable, stop_on_grid, working_stop
from hedgerow.domain.risk import Check


@dataclass(frozen=True, slots=True)
class _Case:
    """What is wanted, `price` being it on the grid, and the stop at work, if there is one."""

    state: FundState
    position: Position
    proposal: StopProposal
    stop: Order | None
    price: Decimal


def tighten_stop(state: FundState, position: Position, proposal: StopProposal) -> None:
    """Ask the venue for the stop where every check passes; else write down which one failed."""
    price = stop_on_grid(state, position, proposal.stop_loss_price)
    stop = working_stop(state, position)
    case = _Case(state, position, proposal, stop, price)
    checks: list[Check] = []
    for rule in _RULES:
        checks.append(rule(case))
        if not checks[-1].passed:
            state.record(StopRefused(position.id, proposal, tuple(checks)))
            return
    assert stop is not None
    state.record(StopDecided(position.id, proposal, price, tuple(checks)))
    # The size of now, not of the order: an amendment to it may still be under way.
    state.want(AmendOrder(stop.id, stop.filled_amount + sellable(state, position), price))


def _symbol_matches(case: _Case) -> Check:
    found, wanted = case.proposal.symbol, case.position.symbol
    return Check("symbol", found == wanted, found, wanted)


def _not_leaving(case: _Case) -> Check:
    working = case.state.orders_of(case.position.id)
    leaving = any(order.purpose is OrderPurpose.EXIT for order in working)
    return Check("not_leaving", not leaving, "exit order" if leaving else "none", "none")


def _stop_at_work(case: _Case) -> Check:
    # A stop that has begun to fill has been triggered: there is nothing left to move.
    stop = case.stop
    found = "none" if stop is None else f"{stop.filled_amount:f} filled of {stop.amount:f}"
    passed = stop is not None and not stop.filled_amount
    return Check("stop_at_work", passed, found, "a stop that has not begun to fill")


def _behind_the_price(case: _Case) -> Check:
    # At the price or beyond it a stop is an exit, and that is asked for by its name.
    sign, now = case.position.side.sign, case.position.current_price
    side = "below" if sign > 0 else "above"
    passed = (now - case.price) * sign > ZERO
    return Check("stop_behind_price", passed, f"{case.price:f}", f"{side} {now:f}")


def _closer(case: _Case) -> Check:
    assert case.stop is not None
    present = case.stop.stop_price
    assert present is not None
    sign = case.position.side.sign
    side = "above" if sign > 0 else "below"
    passed = (case.price - present) * sign > ZERO
    return Check("stop_closer", passed, f"{case.price:f}", f"{side} {present:f}")


_RULES: Final[tuple[Callable[[_Case], Check], ...]] = (
    _symbol_matches,
    _not_leaving,
    _stop_at_work,
    _behind_the_price,
    _closer,
)
