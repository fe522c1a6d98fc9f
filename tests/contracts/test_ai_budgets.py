"""What every AIBudgets store must do: however many ask at once, no limit is exceeded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, USER, usage_log
from hedgerow.domain.ai_budget import BudgetLimits, BudgetState, month_of
from hedgerow.domain.ai_usage import AIUsageLog
from hedgerow.domain.errors import BudgetExhausted, NotExact
from hedgerow.infrastructure.postgres.engine import open_engine
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork
from postgres_fixtures import on_every_postgres, units_on

BOB = UUID(int=0xB0B)
CENT, DIME = Decimal("0.01"), Decimal("0.10")
PLENTY = BudgetLimits(1_000)
MONTH = month_of(NOON)
NEXT_MONTH = datetime(2024, 4, 1, tzinfo=NOON.tzinfo)
CALL = UUID(int=7)


class Budgets:
    """One change, one unit of work, as the desk asks for it."""

    def __init__(self, open_unit: OpenUnitOfWork, user_id: UUID = USER) -> None:
        self.open_unit = open_unit
        self.user_id = user_id

    async def reserve(
        self,
        call_id: UUID = CALL,
        usd: Decimal = DIME,
        limits: BudgetLimits = PLENTY,
        at: datetime = NOON,
    ) -> BudgetState:
        async with self.open_unit(self.user_id) as unit:
            state = await unit.ai_budgets.reserve(self.user_id, call_id, usd, limits, at)
            await unit.commit()
        return state

    async def settle(
        self, call_id: UUID = CALL, usd: Decimal = CENT, at: datetime = NOON
    ) -> BudgetState:
        async with self.open_unit(self.user_id) as unit:
            state = await unit.ai_budgets.settle(self.user_id, call_id, usd, at)
            await unit.commit()
        return state

    async def release(self, call_id: UUID = CALL) -> None:
        async with self.open_unit(self.user_id) as unit:
            await unit.ai_budgets.release(self.user_id, call_id, NOON)
            await unit.commit()

    async def sweep(self, before: datetime) -> int:
        async with self.open_unit(SYSTEM) as unit:
            swept = await unit.ai_budgets.sweep(before)
            await unit.commit()
        return swept

    async def alert_due(self, pct: int, at: datetime = NOON) -> bool:
        async with self.open_unit(self.user_id) as unit:
            due = await unit.ai_budgets.alert_due(self.user_id, pct, at)
            await unit.commit()
        return due

    async def state(self, at: datetime = NOON, actor: Actor | None = None) -> BudgetState:
        async with self.open_unit(actor or self.user_id) as unit:
            return await unit.ai_budgets.state(self.user_id, at)


@pytest.fixture
async def budgets(database_url: str) -> AsyncIterator[Budgets]:
    async with open_engine(database_url) as engine:
        yield Budgets(units_on(engine))


def ids(start: int, count: int) -> list[UUID]:
    return [UUID(int=number) for number in range(start, start + count)]


# --- limits ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "limits", [BudgetLimits(37), BudgetLimits(1_000, Decimal("3.75")), BudgetLimits(37, Decimal(9))]
)
@on_every_postgres
async def test_two_hundred_at_once_stay_within_the_limit(
    budgets: Budgets, limits: BudgetLimits
) -> None:
    async def ask(call_id: UUID) -> bool:
        try:
            await budgets.reserve(call_id, limits=limits)
        except BudgetExhausted:
            return False
        return True

    allowed = sum(await asyncio.gather(*(ask(call_id) for call_id in ids(1, 200))))
    assert allowed == 37
    assert await budgets.state() == BudgetState(
        MONTH, requests_reserved=37, usd_reserved=Decimal("3.70")
    )


@pytest.mark.parametrize(
    ("limits", "bound_by", "used", "limit"),
    [
        (BudgetLimits(1), "requests", Decimal(1), Decimal(1)),
        (BudgetLimits(9, Decimal("0.15")), "usd", DIME, Decimal("0.15")),
    ],
)
async def test_a_refusal_says_what_is_used_up_and_changes_nothing(
    budgets: Budgets, limits: BudgetLimits, bound_by: str, used: Decimal, limit: Decimal
) -> None:
    before = await budgets.reserve(limits=limits)
    with pytest.raises(BudgetExhausted) as refused:
        await budgets.reserve(UUID(int=8), limits=limits)
    facts = (refused.value.bound_by, refused.value.used, refused.value.limit)
    assert facts == (bound_by, used, limit)
    assert await budgets.state() == before


@pytest.mark.parametrize("limits", [BudgetLimits(0), BudgetLimits(5, Decimal("0.09"))])
async def test_the_first_call_of_a_month_has_limits_too(
    budgets: Budgets, limits: BudgetLimits
) -> None:
    with pytest.raises(BudgetExhausted):
        await budgets.reserve(limits=limits)
    assert await budgets.state() == BudgetState(MONTH)


async def test_estimates_are_exact(budgets: Budgets) -> None:
    with pytest.raises(NotExact):
        await budgets.reserve(usd=0.1)  # type: ignore[arg-type]
    tiny = Decimal("0.000000000000000001")
    for call_id in ids(1, 3):
        await budgets.reserve(call_id, tiny)
    assert (await budgets.state()).usd_reserved == 3 * tiny


# --- once ------------------------------------------------------------------------------------


@on_every_postgres
async def test_a_call_is_settled_once_also_at_the_same_time(budgets: Budgets) -> None:
    await budgets.reserve()
    states = await asyncio.gather(*(budgets.settle() for _ in range(20)))
    assert set(states) == {BudgetState(MONTH, requests_spent=1, usd_spent=CENT)}


async def test_a_released_call_may_be_made_after_all(budgets: Budgets) -> None:
    await budgets.reserve()
    await asyncio.gather(budgets.release(), budgets.release())
    assert await budgets.state() == BudgetState(MONTH)
    assert await budgets.settle() == BudgetState(MONTH)
    assert (await budgets.reserve()).requests == 1
    await budgets.settle()
    await budgets.release()
    assert (await budgets.state()).requests_spent == 1


async def test_a_crash_before_the_commit_reserves_nothing(budgets: Budgets) -> None:
    async with budgets.open_unit(USER) as unit:
        await unit.ai_budgets.reserve(USER, CALL, DIME, PLENTY, NOON)
    assert await budgets.state() == BudgetState(MONTH)


# --- what is left behind ---------------------------------------------------------------------


@on_every_postgres
async def test_what_nobody_settles_is_settled_at_its_estimate(budgets: Budgets) -> None:
    bobs = Budgets(budgets.open_unit, BOB)
    for each in (budgets, bobs):
        await each.reserve(UUID(int=1), at=NOON)
        await each.reserve(UUID(int=2), at=NOON + timedelta(minutes=10))
    assert await budgets.sweep(NOON + timedelta(minutes=5)) == 2
    assert await budgets.sweep(NOON + timedelta(minutes=5)) == 0
    left = BudgetState(MONTH, 1, 1, DIME, DIME)
    assert [await each.state() for each in (budgets, bobs)] == [left, left]
    # who comes late after all changes nothing
    assert await budgets.settle(UUID(int=1)) == left


@on_every_postgres
async def test_sweeping_and_settling_at_once_counts_once(budgets: Budgets) -> None:
    calls = ids(1, 30)
    for call_id in calls:
        await budgets.reserve(call_id)
    sweeps = [asyncio.create_task(budgets.sweep(NOON + timedelta(days=1))) for _ in range(4)]
    await asyncio.gather(*(budgets.settle(call_id) for call_id in calls))
    swept = sum(await asyncio.gather(*sweeps))
    assert await budgets.state() == BudgetState(
        MONTH, requests_spent=30, usd_spent=swept * DIME + (30 - swept) * CENT
    )


# --- logs ------------------------------------------------------------------------------------


async def settle_logged(budgets: Budgets, call_id: UUID) -> AIUsageLog:
    """Settle a call with its log."""
    log = usage_log(str(call_id))
    await budgets.reserve(call_id)
    async with budgets.open_unit(USER) as unit:
        await unit.ai_budgets.settle(USER, call_id, CENT, NOON, log)
        await unit.commit()
    return log


async def unlogged(budgets: Budgets) -> list[AIUsageLog]:
    async with budgets.open_unit(SYSTEM) as unit:
        return list(await unit.ai_budgets.unlogged())


@on_every_postgres
async def test_a_log_is_kept_until_it_is_stored(budgets: Budgets) -> None:
    logs = [await settle_logged(budgets, call_id) for call_id in ids(1, 2)]
    await budgets.reserve(UUID(int=9))
    await budgets.settle(UUID(int=9))
    assert await unlogged(budgets) == logs
    first = [UUID(int=1), UUID(int=9)]
    async with budgets.open_unit(SYSTEM) as unit:
        assert await unit.ai_budgets.forget_logs(first) == {UUID(int=1)}
    assert await unlogged(budgets) == logs, "it was not committed"
    async with budgets.open_unit(SYSTEM) as unit:
        assert await unit.ai_budgets.forget_logs(first) == {UUID(int=1)}
        await unit.commit()
    assert await unlogged(budgets) == logs[1:]


@on_every_postgres
async def test_of_those_who_store_a_log_at_once_one_does(budgets: Budgets) -> None:
    await settle_logged(budgets, CALL)

    async def forget() -> int:
        async with budgets.open_unit(SYSTEM) as unit:
            mine = await unit.ai_budgets.forget_logs([CALL])
            await asyncio.sleep(0.01)
            await unit.commit()
        return len(mine)

    assert sorted(await asyncio.gather(*(forget() for _ in range(5)))) == [0, 0, 0, 0, 1]


# --- months, alerts and users ----------------------------------------------------------------


async def test_the_next_month_begins_at_nothing(budgets: Budgets) -> None:
    limits = BudgetLimits(1)
    await budgets.reserve(limits=limits)
    assert await budgets.state(NEXT_MONTH) == BudgetState(month_of(NEXT_MONTH))
    await budgets.reserve(UUID(int=8), limits=limits, at=NEXT_MONTH)
    # what is settled later counts where it was reserved
    assert await budgets.settle(at=NEXT_MONTH) == BudgetState(MONTH, 1, 0, CENT)
    assert (await budgets.state(NEXT_MONTH)).requests_spent == 0


@on_every_postgres
async def test_an_alert_is_due_once_a_month(budgets: Budgets) -> None:
    told = await asyncio.gather(*(budgets.alert_due(80) for _ in range(10)))
    assert sum(told) == 1
    assert await budgets.alert_due(100)
    assert not await budgets.alert_due(100)
    assert not await budgets.alert_due(80)
    assert await budgets.alert_due(80, NEXT_MONTH)
    assert (await budgets.reserve()).requests == 1


@on_every_postgres
async def test_users_have_budgets_of_their_own(budgets: Budgets, database: AsyncEngine) -> None:
    bobs = Budgets(budgets.open_unit, BOB)
    await budgets.reserve(limits=BudgetLimits(1))
    # calls of two users may have the same id
    await bobs.reserve(limits=BudgetLimits(1))
    assert await budgets.state(actor=BOB) == BudgetState(MONTH)
    assert (await budgets.state(actor=SYSTEM)).requests == 1
    await bobs.settle()
    assert (await budgets.state()).requests_spent == 0
