"""Drive one fund: deliver messages, save what they lead to, carry out what it wishes."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import assert_never
from uuid import UUID

from hedgerow.domain.fund import Fund
from hedgerow.domain.messages import (
    AmendOrder,
    CancelOrder,
    LearnFromTrade,
    Message,
    Notify,
    PlaceOrder,
    Step,
    VenueMessage,
    Wish,
)
from hedgerow.domain.orders import Order, OrderStatus
from hedgerow.domain.protecting import trigger_to_ask
from hedgerow.usecases.ports.funds import PendingWish, TimedStep
from hedgerow.usecases.ports.unit_of_work import OpenUnitOfWork, UnitOfWork
from hedgerow.usecases.ports.venue import Venue

SaveAlong = Callable[[UnitOfWork], Awaitable[None]]
Learn = Callable[[UUID, PendingWish, LearnFromTrade], Awaitable[None]]


class FundDriver:
    """The single writer of a fund.

    A wish is carried out only after the step that made it has been committed, and is marked as
    done in the transaction that saves what came of it: after a crash it is either still pending
    or its outcome is stored. `save_along` writes what must be committed together with the fund.
    """

    def __init__(
        self,
        fund: Fund,
        venue: Venue,
        open_unit_of_work: OpenUnitOfWork,
        save_along: SaveAlong,
        learn: Learn,
    ) -> None:
        self.fund = fund
        self._venue = venue
        self._open = open_unit_of_work
        self._save_along = save_along
        self._learn = learn
        self._steps: list[TimedStep] = []
        self._done: list[int] = []
        self._pending: deque[PendingWish] = deque()

    def deliver(self, message: Message, at: datetime) -> Step:
        """Let the fund take a message; call `settle` before the world moves on."""
        step = self.fund.step(message, at)
        if step.facts or step.wishes:
            self._steps.append(TimedStep(at, step))
        return step

    async def settle(self) -> None:
        """Save what the steps led to, carry out the wishes, and so on until nothing is left."""
        while self._steps or self._done or self._pending:
            await self.save()
            while self._pending:
                await self._carry_out(self._pending.popleft())

    async def save(self) -> None:
        """One transaction with all steps since the last one."""
        async with self._open(self.fund.user.id) as unit:
            wishes = await unit.funds.save(self.fund, self._steps)
            await unit.funds.wishes_done(self._done, self.fund.as_of)
            await self._save_along(unit)
            await unit.commit()
        self._steps.clear()
        self._done.clear()
        self._pending.extend(wishes)

    async def resume(self) -> None:
        """Carry out the wishes that an earlier process saved and did not come to."""
        async with self._open(self.fund.user.id) as unit:
            self._pending.extend(await unit.funds.pending_wishes(self.fund.user.id))
        await self.settle()

    async def _carry_out(self, pending: PendingWish) -> None:
        match pending.wish:
            case LearnFromTrade() as wish:
                # Learning has a transaction of its own, which marks the wish as done.
                await self._learn(self.fund.user.id, pending, wish)
                return
            case PlaceOrder() | CancelOrder() | AmendOrder() as wish:
                for message in await self._ask_venue(wish, pending.at):
                    self.deliver(message, pending.at)
            case Notify():
                # Told by the event log, where the risk event already stands.
                pass
            case _:
                assert_never(pending.wish)
        self._done.append(pending.id)

    async def _ask_venue(self, wish: Wish, at: datetime) -> Sequence[VenueMessage]:
        assert isinstance(wish, PlaceOrder | CancelOrder | AmendOrder)
        order = self.fund.orders.get(wish.order_id)
        if order is None or not order.is_working:
            # It ended while the wish waited: there is nothing left to send, cancel or amend.
            return []
        match wish:
            case PlaceOrder():
                return await self._submit(order, at)
            case CancelOrder():
                return await self._venue.cancel(order, at)
            case AmendOrder():
                trigger = trigger_to_ask(order, wish)
                return await self._venue.amend(order, wish.amount, trigger, at)

    async def _submit(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        if order.status is not OrderStatus.PENDING:
            return []
        return await self._venue.submit(order, at)
