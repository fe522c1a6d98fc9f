"""The driver: committed before it is sent, done once, and resumed after a crash anywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import BTC, NOON, USER, begin, opened_fund, proposal, stop_proposal
from hedgerow.domain.messages import (
    DecisionMade,
    IntervalClosed,
    LearnFromTrade,
    Message,
    OrderAcknowledged,
    OrderAmended,
    OrderEnded,
    OrderFilled,
    PriceMoved,
    VenueMessage,
)
from hedgerow.domain.orders import Fill, Order, OrderStatus, OrderType
from hedgerow.domain.proposals import ExitProposal
from hedgerow.usecases.drive_fund import FundDriver
from hedgerow.usecases.ports.funds import PendingWish
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork, UnitOfWork
from postgres_fixtures import empty
from replay_builders import Crashed, crashing, outcome

MINUTE = timedelta(minutes=1)


class FarVenue:
    """A venue that outlives the process: it fills market orders at once, each order once.

    `on_call` is told of every call before (False) and after (True) the venue has acted on it.
    """

    def __init__(self) -> None:
        self.taken: dict[UUID, list[VenueMessage]] = {}
        self.ended: set[UUID] = set()
        self.calls: list[tuple[str, UUID]] = []
        self.on_call: Callable[[bool], None] = lambda _: None
        self.on_submit: Callable[[Order], object] | None = None

    async def submit(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        self._begin("submit", order)
        if self.on_submit is not None:
            await self.on_submit(order)  # type: ignore[misc]
        if order.id not in self.taken:
            number = len(self.taken) + 1
            self.taken[order.id] = [OrderAcknowledged(order.id, f"far-{number}")]
            if order.type is OrderType.MARKET:
                fill = Fill(
                    order_id=order.id,
                    venue_trade_id=f"trade-{number}",
                    price=Decimal(100),
                    quantity=order.amount,
                    fee=Decimal("0.01"),
                    fee_currency="USDT",
                    is_maker=False,
                    filled_at=at,
                )
                self.taken[order.id].append(OrderFilled(fill))
        self.on_call(True)
        return self.taken[order.id]

    async def cancel(self, order: Order, at: datetime) -> Sequence[VenueMessage]:
        self._begin("cancel", order)
        self.ended.add(order.id)
        self.on_call(True)
        return [OrderEnded(order.id, OrderStatus.CANCELED, "on request")]

    async def amend(
        self, order: Order, amount: Decimal, stop_price: Decimal | None, at: datetime
    ) -> Sequence[VenueMessage]:
        self._begin("amend", order)
        self.on_call(True)
        return [OrderAmended(order.id, amount, stop_price)]

    def _begin(self, name: str, order: Order) -> None:
        self.calls.append((name, order.id))
        self.on_call(False)


async def nothing_along(_: UnitOfWork) -> None:
    """Nothing is saved together with the fund."""


async def driver(open_unit: OpenUnitOfWork, venue: FarVenue) -> FundDriver:
    """A new process: the fund as stored, and a driver for it."""

    async def learn(_user: UUID, pending: PendingWish, _: LearnFromTrade) -> None:
        async with open_unit(SYSTEM) as unit:
            await unit.funds.wishes_done([pending.id], pending.at)
            await unit.commit()

    async with open_unit(SYSTEM) as unit:
        fund = await unit.funds.load(USER)
    return FundDriver(fund, venue, open_unit, nothing_along, learn)


def bought(_: FundDriver) -> Message:
    return DecisionMade(BTC, proposal(trailing_stop_pct=Decimal(3)))


def risen(_: FundDriver) -> Message:
    return PriceMoved("BTC/USDT", Decimal(108))


def closed(_: FundDriver) -> Message:
    return IntervalClosed()


def sold(driving: FundDriver) -> Message:
    (position,) = driving.fund.positions.values()
    return DecisionMade(BTC, ExitProposal("BTC/USDT", position.id, "enough", "analyst"))


STORY = (bought, risen, closed, sold, closed)


async def live_through(open_units: Sequence[OpenUnitOfWork], venue: FarVenue) -> int:
    """Tell the whole story; a crash begins a new process with the next of `open_units`."""
    left = list(open_units)
    driving = await driver(left[0], venue)
    crashes = 0
    for minute, told in enumerate(STORY, start=1):
        at = NOON + minute * MINUTE
        while True:
            try:
                await driving.resume()
                if driving.fund.as_of < at:
                    driving.deliver(told(driving), at)
                    await driving.settle()
                break
            except Crashed:
                crashes += 1
                left = left[1:] or left
                driving = await driver(left[0], venue)
    return crashes


_uninterrupted: list[dict[str, object]] = []


async def uninterrupted(
    open_unit: OpenUnitOfWork, admin_database: AsyncEngine
) -> dict[str, object]:
    """What a story without a crash leaves: always the same, so it is told once a process."""
    if not _uninterrupted:
        await begin(open_unit, *opened_fund())
        await live_through([open_unit], FarVenue())
        _uninterrupted.append(await outcome(open_unit, USER))
        await empty(admin_database)
    await begin(open_unit, *opened_fund())
    return _uninterrupted[0]


async def test_an_order_is_stored_pending_before_the_venue_sees_it(
    open_postgres: OpenUnitOfWork,
) -> None:
    await begin(open_postgres, *opened_fund())
    venue, seen = FarVenue(), list[tuple[str, int, OrderStatus, bool]]()

    async def look(order: Order) -> None:
        async with open_postgres(SYSTEM) as unit:
            audited = [a.order for a in await unit.audit.orders(USER) if a.order.id == order.id]
            wishes = await unit.funds.pending_wishes(USER)
        wanted = any(getattr(each.wish, "order_id", None) == order.id for each in wishes)
        seen.extend((o.purpose, int(o.amount), o.status, wanted) for o in audited)

    venue.on_submit = look
    await live_through([open_postgres], venue)
    assert seen == [
        ("entry", 10, OrderStatus.PENDING, True),
        ("stop_loss", 10, OrderStatus.PENDING, True),
        ("take_profit", 10, OrderStatus.PENDING, True),
        ("exit", 10, OrderStatus.PENDING, True),
    ]


async def test_each_wish_is_carried_out_once_and_none_is_left(
    open_postgres: OpenUnitOfWork,
) -> None:
    await begin(open_postgres, *opened_fund())
    venue = FarVenue()
    await live_through([open_postgres], venue)
    names = [name for name, _ in venue.calls]
    assert names == ["submit", "submit", "submit", "amend", "submit", "cancel", "cancel"]
    assert len(set(venue.calls)) == len(venue.calls)
    again = await driver(open_postgres, venue)
    await again.resume()
    assert len(venue.calls) == len(names)
    async with open_postgres(SYSTEM) as unit:
        assert await unit.funds.pending_wishes(USER) == []


async def test_nothing_to_do_is_not_saved(open_postgres: OpenUnitOfWork) -> None:
    await begin(open_postgres, *opened_fund())
    driving = await driver(open_postgres, FarVenue())
    driving.deliver(PriceMoved("BTC/USDT", Decimal(1)), NOON + MINUTE)
    await driving.settle()
    async with open_postgres(SYSTEM) as unit:
        assert (await unit.funds.load(USER)).version == 1


@pytest.mark.parametrize("has_acted", [False, True], ids=["unheard", "heard"])
@pytest.mark.parametrize("call", range(1, 8))
async def test_a_crash_at_the_venue_changes_nothing_in_the_end(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine, call: int, has_acted: bool
) -> None:
    expected = await uninterrupted(open_postgres, admin_database)
    venue, calls = FarVenue(), list[bool]()

    def crash(acted: bool) -> None:
        calls.append(acted)
        if acted is has_acted and calls.count(acted) == call:
            raise Crashed

    venue.on_call = crash
    assert await live_through([open_postgres], venue) == 1
    assert await outcome(open_postgres, USER) == expected
    assert len(venue.taken) == 4
    assert len(venue.ended) == 2


@pytest.mark.parametrize("is_durable", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("commit", range(1, 12))
async def test_a_crash_at_a_commit_changes_nothing_in_the_end(
    open_postgres: OpenUnitOfWork, admin_database: AsyncEngine, commit: int, is_durable: bool
) -> None:
    expected = await uninterrupted(open_postgres, admin_database)
    venue = FarVenue()
    broken = crashing(open_postgres, commit, is_durable=is_durable)
    assert await live_through([broken, open_postgres], venue) == 1
    assert await outcome(open_postgres, USER) == expected
    assert len(venue.taken) == 4
    assert expected["undone"] == []


async def test_a_wish_whose_order_has_ended_meanwhile_is_done_without_the_venue(
    open_postgres: OpenUnitOfWork,
) -> None:
    await begin(open_postgres, *opened_fund())
    venue = FarVenue()
    driving = await driver(open_postgres, venue)
    driving.deliver(bought(driving), NOON + MINUTE)
    (entry,) = driving.fund.orders.values()
    driving.deliver(OrderEnded(entry.id, OrderStatus.CANCELED, "by hand"), NOON + MINUTE)
    await driving.settle()
    assert venue.calls == []
    async with open_postgres(SYSTEM) as unit:
        assert await unit.funds.pending_wishes(USER) == []


@pytest.mark.parametrize("trails_first", [True, False])
async def test_of_two_stops_asked_for_at_once_the_closer_one_stays(
    open_postgres: OpenUnitOfWork, trails_first: bool
) -> None:
    await begin(open_postgres, *opened_fund())
    driving = await driver(open_postgres, FarVenue())
    driving.deliver(bought(driving), NOON + MINUTE)
    await driving.settle()
    (position,) = driving.fund.positions.values()
    driving.deliver(PriceMoved("BTC/USDT", Decimal(104)), NOON + 2 * MINUTE)
    await driving.settle()
    assert position.stop_loss_price == Decimal("100.88")
    asked: list[Message] = [
        PriceMoved("BTC/USDT", Decimal(108)),  # trails to 104.76
        DecisionMade(BTC, stop_proposal(position, "103")),
    ]
    for message in asked if trails_first else asked[::-1]:
        driving.deliver(message, NOON + 3 * MINUTE)
    await driving.settle()
    assert position.stop_loss_price == Decimal("104.76")
    async with open_postgres(SYSTEM) as unit:
        stored = await unit.funds.load(USER)
    assert stored.positions[position.id].stop_loss_price == Decimal("104.76")


async def test_what_must_be_saved_along_is_saved_with_every_step_or_not_at_all(
    open_postgres: OpenUnitOfWork,
) -> None:
    await begin(open_postgres, *opened_fund())
    driving = await driver(open_postgres, FarVenue())

    async def refuse(_: UnitOfWork) -> None:
        raise Crashed

    async def learn(*_: object) -> None:
        raise AssertionError("nothing has ended")

    driving = FundDriver(driving.fund, FarVenue(), open_postgres, refuse, learn)
    driving.deliver(bought(driving), NOON + MINUTE)
    with pytest.raises(Crashed):
        await driving.settle()
    async with open_postgres(SYSTEM) as unit:
        stored = await unit.funds.load(USER)
    assert (stored.version, stored.orders) == (1, {})
