"""The fund: one user's state machine. Messages in; facts and wishes out; no I/O, no clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, assert_never

from hedgerow.domain.admitting import admit_report
from hedgerow.domain.billing import admit_budget, on_budget
from hedgerow.domain.entering import admit_decision, on_approval, on_decision
from hedgerow.domain.executing import (
    on_acknowledged,
    on_amended,
    on_ended,
    on_filled,
    on_funding,
    on_liquidated,
)
from hedgerow.domain.fund_state import Changes, FundState
from hedgerow.domain.guarding import (
    admit_price,
    assess,
    on_interval,
    on_kill_switch,
    on_opening,
    on_price,
    turn_day,
)
from hedgerow.domain.messages import (
    BudgetUsed,
    DecisionMade,
    FundingSettled,
    FundOpened,
    IntervalClosed,
    IntervalOpened,
    KillSwitchPulled,
    Message,
    OrderAcknowledged,
    OrderAmended,
    OrderEnded,
    OrderFilled,
    PositionLiquidated,
    PriceMoved,
    ProposalApproved,
    Step,
)
from hedgerow.domain.money import exact
from hedgerow.domain.pairs import TradingPair
from hedgerow.domain.strategies import Strategy

_NOTHING: Final = Step((), ())


@dataclass(slots=True)
class Fund(FundState):
    """The aggregate of one user. One task owns it at a time.

    After a step, `take_changes` hands over the rows to save. If saving fails, throw the fund
    away and load it again: it has already moved on.
    """

    def open_strategy(self, strategy: Strategy, pairs: Iterable[TradingPair], at: datetime) -> Step:
        """Begin a strategy with its capital and its watchlist."""
        with exact():
            self.strategies[strategy.id] = strategy
            for pair in pairs:
                self.pairs[pair.id] = pair
                self.touch(pair)
            self.record(FundOpened(strategy.id, strategy.name, strategy.allocated_capital))
            self.moved(strategy.deposit(self.reference(at)))
            self.breaker.day_start_equity += strategy.allocated_capital
            self.as_of = at
            return self._end_step()

    def step(self, message: Message, at: datetime) -> Step:
        """Take one message at a time not before the last one's.

        Raises a HedgerowError, before anything has changed, for what cannot be; the fund then
        stands as it stood.
        """
        assert at >= self.as_of, f"time runs backwards: {at} after {self.as_of}"
        with exact():
            self._admit(message)
            turn_day(self, at)
            self._dispatch(message, at)
            self.as_of = at
            return self._end_step()

    def take_changes(self) -> Changes:
        """The rows touched since the last call, for saving."""
        changes, self.changes = self.changes, Changes()
        return changes

    def _admit(self, message: Message) -> None:
        """Refuse first, so that nothing may fail once the day has turned and rows have changed."""
        match message:
            case PriceMoved():
                admit_price(message.price)
            case DecisionMade() | ProposalApproved():
                admit_decision(self, message)
            case BudgetUsed():
                admit_budget(message)
            case IntervalOpened() | IntervalClosed() | KillSwitchPulled():
                pass
            case _:
                admit_report(self, message)

    def _dispatch(self, message: Message, at: datetime) -> None:
        match message:
            case PriceMoved():
                on_price(self, message, at)
            case IntervalOpened():
                on_opening(self, at)
            case IntervalClosed():
                on_interval(self, at)
            case DecisionMade():
                on_decision(self, message, at)
            case ProposalApproved():
                on_approval(self, message, at)
            case KillSwitchPulled():
                on_kill_switch(self, message, at)
            case BudgetUsed():
                on_budget(self, message)
            case OrderAcknowledged():
                on_acknowledged(self, message, at)
            case OrderFilled():
                on_filled(self, message, at)
                assess(self, at)
            case OrderEnded():
                on_ended(self, message, at)
                assess(self, at)
            case OrderAmended():
                on_amended(self, message, at)
                assess(self, at)
            case FundingSettled():
                on_funding(self, message, at)
                assess(self, at)
            case PositionLiquidated():
                on_liquidated(self, message, at)
                assess(self, at)
            case _:
                assert_never(message)

    def _end_step(self) -> Step:
        if not self.facts and not self.wishes:
            return _NOTHING
        step = Step(tuple(self.facts), tuple(self.wishes))
        self.facts.clear()
        self.wishes.clear()
        # No order ends without a fact.
        self._forget_ended()
        return step

    def _forget_ended(self) -> None:
        ended = [
            order.id
            for order in self.orders.values()
            if not order.is_working and order.position_id not in self.positions
        ]
        for order_id in ended:
            del self.orders[order_id]
