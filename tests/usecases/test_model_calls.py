"""Calls of models on a real PostgreSQL: set aside, counted at their price, never paid twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure, BudgetState, month_of
from hedgerow.domain.ai_usage import HOUSE, AIProvider, AIUsageLog, ModelChoice, TokenUsage
from hedgerow.domain.errors import BudgetExhausted, StoreUnavailable
from hedgerow.domain.money import ZERO
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.infrastructure.models.prices import BundledPrices
from hedgerow.usecases.log_usage import log_usage
from hedgerow.usecases.model_calls import (
    CALL_AGE_MAX,
    Caller,
    ModelCall,
    ModelClerk,
    ModelReply,
    Reservation,
)
from hedgerow.usecases.ports.model_records import Meeting
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork, UnitOfWork
from replay_builders import Crashed, crashing

USER, BOB = UUID(int=0xA11CE), UUID(int=0xB0B)
# What is decided about is long past; what is paid is paid now.
THEN = datetime(2024, 2, 3, 4, tzinfo=UTC)
NOW = datetime(2026, 5, 6, 7, 8, tzinfo=UTC)
SONNET = ModelChoice(AIProvider.ANTHROPIC, "claude-sonnet-4-5")
GPT = ModelChoice(AIProvider.OPENAI, "gpt-4o-mini")
USED = TokenUsage(1_000, 200, cached_tokens=400, cache_write_tokens=100, thinking_tokens=50)
PLENTY = BudgetLimits(1_000)
NOTHING = BudgetState(month_of(NOW))


@dataclass(slots=True)
class KeptLog:
    """A usage log in memory (port UsageLog)."""

    rows: list[AIUsageLog] = field(default_factory=list)

    async def add(self, log: AIUsageLog, /) -> None:
        self.rows.append(log)


@dataclass(slots=True)
class Hands:
    """A clock that a test moves (port Clock)."""

    at: datetime = NOW

    def now(self) -> datetime:
        return self.at

    async def wait_until(self, at: datetime, stop: asyncio.Event) -> None:
        raise AssertionError("a clerk reads the clock, and waits for nothing")


@dataclass(slots=True)
class Office:
    """A clerk, what it writes in, and what it reads the time off."""

    open_unit: OpenUnitOfWork
    log: KeptLog = field(default_factory=KeptLog)
    hands: Hands = field(default_factory=Hands)
    stand_ins: tuple[ModelChoice, ...] = ()

    @property
    def clerk(self) -> ModelClerk:
        return ModelClerk(self.open_unit, self.log, BundledPrices(), self.hands, self.stand_ins)

    async def state(self, user_id: UUID = USER) -> BudgetState:
        async with self.open_unit(SYSTEM) as unit:
            return await unit.ai_budgets.state(user_id, self.hands.now())

    async def pay(self, call: ModelCall, said: ModelReply | None = None) -> Reservation:
        """What a voice does with a call that is answered."""
        reserved = await self.clerk.reserve(call)
        await self.clerk.settle(call, reserved, said or reply())
        return reserved

    async def unlogged(self) -> list[AIUsageLog]:
        """What would be logged by the next process, if this one died now."""
        async with self.open_unit(SYSTEM) as unit:
            return list(await unit.ai_budgets.unlogged())


@pytest.fixture
def office(open_postgres: OpenUnitOfWork) -> Office:
    return Office(open_postgres)


def call(number: int = 0, asked: ModelChoice = SONNET, **changes: Any) -> ModelCall:
    caller = Caller(USER, "session", "FundDecisionWorkflow", PLENTY, THEN)
    request = b'{"contents":[],"model":"%s","number":%d}' % (str(asked).encode(), number)
    estimate = TokenUsage(2_000, 2_000)
    made = ModelCall(caller, "trader", number, number + 3, asked, request, estimate)
    whose = {name: changes.pop(name) for name in ("user_id", "limits") if name in changes}
    return replace(made, caller=replace(caller, **whose), **changes)


def reply(**changes: Any) -> ModelReply:
    said = ModelReply(SONNET, USED, b'{"content":{"parts":[{"text":"yes"}]}}', 1_234, 2)
    return replace(said, **changes)


def a_meeting(user_id: UUID = USER) -> Meeting:
    return Meeting(
        id=UUID(int=5),
        user_id=user_id,
        symbol="BTC/USDT",
        timeframe="1h",
        at=THEN,
        session_id="session",
        research_session_id=None,
        reason="a setup",
        answers={},
        briefing={},
        decision={},
        decision_hash="0" * 64,
        acted=False,
    )


class TestACallThatIsAnswered:
    async def test_is_set_aside_at_the_most_and_counted_at_what_it_cost(
        self, office: Office
    ) -> None:
        reserved = await office.clerk.reserve(call())
        # 2,000 tokens in at the price of writing the cache, 2,000 out
        most = Decimal("0.0075") + Decimal("0.03")
        assert await office.state() == replace(NOTHING, requests_reserved=1, usd_reserved=most)
        await office.clerk.settle(call(), reserved, reply())
        assert await office.state() == replace(
            NOTHING, requests_spent=1, usd_spent=Decimal("0.004995")
        )

    async def test_is_set_aside_at_what_the_dearest_may_cost_who_may_answer(
        self, office: Office
    ) -> None:
        alone = await office.clerk.reserve(call(asked=GPT))
        office.stand_ins = (GPT, SONNET)
        assert alone.usd < (await office.clerk.reserve(call(asked=GPT))).usd
        of_sonnet = await office.clerk.reserve(call())
        assert of_sonnet.usd == Decimal("0.0375")
        assert (await office.clerk.reserve(call(asked=GPT))).usd == of_sonnet.usd

    async def test_is_logged_with_everything(self, office: Office) -> None:
        reserved = await office.pay(call())
        (row,) = office.log.rows
        # 500 plain, 400 read from the cache, 100 written to it
        input_usd = Decimal("0.0015") + Decimal("0.00012") + Decimal("0.000375")
        assert row == AIUsageLog(
            timestamp=NOW,
            event_id=str(reserved.id),
            user_id=str(USER),
            session_id="session",
            agent_name="trader",
            provider=AIProvider.ANTHROPIC,
            model_id="claude-sonnet-4-5",
            prompt_tokens=1_000,
            completion_tokens=200,
            total_tokens=1_200,
            input_cost_usd=input_usd,
            output_cost_usd=Decimal("0.003"),
            total_cost_usd=input_usd + Decimal("0.003"),
            tool_calls_count=2,
            is_cached=True,
            cache_hit=True,
            latency_ms=1_234,
            reasoning_step=3,
            workflow_name="FundDecisionWorkflow",
            cached_tokens=400,
            cache_write_tokens=100,
            thinking_tokens=50,
        )

    @pytest.mark.parametrize(
        ("used", "is_cached", "cache_hit"),
        [
            (TokenUsage(10, 1), False, False),
            (TokenUsage(10, 1, cached_tokens=4), True, True),
            (TokenUsage(10, 1, cache_write_tokens=4), True, False),
        ],
    )
    async def test_tells_reading_a_cache_from_filling_it(
        self, office: Office, used: TokenUsage, is_cached: bool, cache_hit: bool
    ) -> None:
        await office.pay(call(), reply(usage=used))
        (row,) = office.log.rows
        assert (row.is_cached, row.cache_hit) == (is_cached, cache_hit)

    async def test_is_priced_and_named_by_who_answered(self, office: Office) -> None:
        await office.pay(call(), reply(answered_by=GPT, usage=TokenUsage(1_000, 100)))
        (row,) = office.log.rows
        assert (row.provider, row.model_id) == (GPT.provider, GPT.model_id)
        assert row.total_cost_usd == Decimal("0.00015") + Decimal("0.00006")
        async with office.open_unit(USER) as unit:
            (kept,) = await unit.model_records.of_session(USER, "session")
        assert (kept.asked, kept.answered_by) == (SONNET, GPT)

    async def test_of_a_server_of_ones_own_costs_nothing_and_counts(self, office: Office) -> None:
        own = ModelChoice(AIProvider.COMPATIBLE, "qwen3")
        await office.pay(call(asked=own), reply(answered_by=own))
        assert await office.state() == replace(NOTHING, requests_spent=1)
        assert office.log.rows[0].total_cost_usd == ZERO

    async def test_twice_settled_counts_once(self, office: Office) -> None:
        reserved = await office.pay(call())
        await office.clerk.settle(call(), reserved, reply())
        assert (await office.state()).requests == 1
        assert len({row.event_id for row in office.log.rows}) == 1, "the log tells them by their id"


class TestTheSameRequest:
    async def test_is_answered_from_the_record_and_sets_nothing_aside(self, office: Office) -> None:
        await office.pay(call())
        again = replace(call(), number=7, step=9, caller=replace(call().caller, session_id="two"))
        known = await office.clerk.known(again)
        assert known is not None
        assert (known.response, known.answered_by) == (reply().response, SONNET)
        assert (await office.state()).requests == 1

    @pytest.mark.parametrize(
        "other",
        [call(1), call(asked=GPT), call(user_id=BOB), call(user_id=RESEARCH_USER_ID)],
        ids=["another", "of another model", "of another user", "of research"],
    )
    async def test_and_no_other_is(self, office: Office, other: ModelCall) -> None:
        await office.pay(call())
        assert await office.clerk.known(other) is None

    async def test_research_is_known_to_itself(self, office: Office) -> None:
        shared = call(user_id=RESEARCH_USER_ID)
        await office.pay(shared)
        assert await office.clerk.known(shared) is not None
        assert (await office.state(RESEARCH_USER_ID)).requests == 1
        assert (await office.state()).requests == 0


class TestACallThatIsNotAnswered:
    async def test_gives_back_what_it_had_set_aside(self, office: Office) -> None:
        reserved = await office.clerk.reserve(call())
        await office.clerk.release(call(), reserved)
        assert await office.state() == NOTHING
        assert office.log.rows == []
        await office.pay(call())
        assert (await office.state()).requests_spent == 1

    async def test_counts_at_the_most_where_it_may_be_charged_for(self, office: Office) -> None:
        reserved = await office.clerk.reserve(call())
        await office.clerk.forfeit(call(), reserved)
        assert await office.state() == replace(NOTHING, requests_spent=1, usd_spent=reserved.usd)
        (row,) = office.log.rows
        assert (row.event_id, row.total_cost_usd) == (str(reserved.id), reserved.usd)
        assert row.total_tokens == 0, "nobody knows what it has used"
        assert await office.unlogged() == [row]

    async def test_has_no_room_where_a_limit_is_reached(self, office: Office) -> None:
        limits = BudgetLimits(1_000, Decimal("0.05"))
        reserved = await office.clerk.reserve(call(0, limits=limits))
        with pytest.raises(BudgetExhausted) as refused:
            await office.clerk.reserve(call(1, limits=limits))
        assert (refused.value.bound_by, refused.value.limit) == ("usd", Decimal("0.05"))
        assert await office.clerk.pressure(USER, limits) is BudgetPressure.NORMAL
        await office.clerk.settle(call(0, limits=limits), reserved, reply())
        await office.clerk.reserve(call(1, limits=limits))
        assert await office.clerk.pressure(USER, limits) is BudgetPressure.THROTTLED

    async def test_many_at_once_do_not_exceed_it(self, office: Office) -> None:
        limits = BudgetLimits(5)

        async def ask(number: int) -> bool:
            try:
                await office.pay(call(number, limits=limits))
            except BudgetExhausted:
                return False
            return True

        assert sum(await asyncio.gather(*(ask(number) for number in range(12)))) == 5
        assert len(office.log.rows) == 5
        assert await office.clerk.pressure(USER, limits) is BudgetPressure.EXHAUSTED


class TestAProcessThatDies:
    async def test_between_asking_and_counting_is_counted_at_the_estimate(
        self, office: Office
    ) -> None:
        await office.clerk.reserve(call())
        set_aside = (await office.state()).usd_reserved
        assert await office.clerk.sweep() == 0, "it may still be under way"
        office.hands.at = NOW + CALL_AGE_MAX + timedelta(seconds=1)
        assert await Office(office.open_unit, hands=office.hands).clerk.sweep() == 1
        assert await office.state() == replace(NOTHING, requests_spent=1, usd_spent=set_aside)
        assert await office.clerk.sweep() == 0

    async def test_and_asks_again_pays_for_both(self, office: Office) -> None:
        """The same call of the same meeting: the provider may charge for each attempt."""
        lost = await office.clerk.reserve(call())
        await office.pay(call())
        assert await office.state() == BudgetState(
            month_of(NOW), 1, 1, usd_spent=Decimal("0.004995"), usd_reserved=lost.usd
        )

    @pytest.mark.parametrize("is_durable", [True, False])
    async def test_while_it_writes_an_answer_down_has_all_of_it_or_nothing(
        self, office: Office, is_durable: bool
    ) -> None:
        reserved = await office.clerk.reserve(call())
        dying = Office(crashing(office.open_unit, 1, is_durable=is_durable), hands=office.hands)
        with pytest.raises(Crashed):
            await dying.clerk.settle(call(), reserved, reply())
        assert dying.log.rows == []
        known = await office.clerk.known(call())
        state = await office.state()
        assert (known is not None, state.requests_spent == 1) == (is_durable, is_durable)
        assert state.requests == 1
        await office.clerk.sweep()
        assert [row.event_id for row in office.log.rows] == [str(reserved.id)] * is_durable

    async def test_before_its_log_is_stored_leaves_it_to_the_next(self, office: Office) -> None:
        first = await office.pay(call())
        office.hands.at += timedelta(seconds=1)
        second = await office.pay(call(1))
        (of_first, of_second) = office.log.rows
        heir = Office(office.open_unit)
        await heir.clerk.sweep()
        assert heir.log.rows == [of_first, of_second]
        stored: list[AIUsageLog] = []

        async def save(logs: Sequence[AIUsageLog]) -> None:
            stored.extend(logs)

        await log_usage(save, office.open_unit, [of_first])
        assert await office.unlogged() == [of_second]
        # it dies between both
        with pytest.raises(Crashed):
            await log_usage(save, crashing(office.open_unit, 1, is_durable=False), [of_second])
        await log_usage(save, office.open_unit, await office.unlogged())
        assert [log.event_id for log in stored] == [str(first.id), *[str(second.id)] * 2]
        assert await office.unlogged() == []

    async def test_with_its_database_leaves_the_paid_ones_to_the_next(
        self, office: Office, caplog: pytest.LogCaptureFixture
    ) -> None:
        stored: list[AIUsageLog] = []

        async def save(logs: Sequence[AIUsageLog]) -> None:
            stored.extend(logs)

        def gone(_: Actor) -> UnitOfWork:
            raise StoreUnavailable("the connection to PostgreSQL is lost", "there", "wait")

        await office.pay(call())
        house = call(asked=HOUSE)
        free = await office.pay(house, reply(answered_by=HOUSE))
        await log_usage(save, gone, office.log.rows)
        assert [log.event_id for log in stored] == [str(free.id)]
        assert "the connection to PostgreSQL is lost" in caplog.text
        assert await office.unlogged() == office.log.rows[:1]

    async def test_a_store_of_logs_that_fails_is_told_and_nothing_forgotten(
        self, office: Office
    ) -> None:
        async def save(logs: Sequence[AIUsageLog]) -> None:
            if logs:
                raise StoreUnavailable("ClickHouse does not answer", "there", "wait")

        await office.pay(call())
        with pytest.raises(StoreUnavailable):
            await log_usage(save, office.open_unit, office.log.rows)
        assert await office.unlogged() == office.log.rows

    async def test_long_after_it_was_swept_an_answer_counts_no_second_time(
        self, office: Office
    ) -> None:
        reserved = await office.clerk.reserve(call())
        office.hands.at = NOW + 2 * CALL_AGE_MAX
        await office.clerk.sweep()
        before = await office.state()
        await office.clerk.settle(call(), reserved, reply())
        assert await office.state() == before


class TestTheHouse:
    async def test_is_free_known_to_nobody_and_recorded_with_its_meeting(
        self, office: Office
    ) -> None:
        limits = BudgetLimits(0)
        house = call(asked=HOUSE, limits=limits)
        assert await office.clerk.known(house) is None
        reserved = await office.clerk.reserve(house)
        rules = reply(answered_by=HOUSE, usage=TokenUsage(0, 0))
        exchange = await office.clerk.settle(house, reserved, rules)
        async with office.open_unit(SYSTEM) as unit:
            assert await unit.model_records.of_session(USER, "session") == []
        await office.clerk.close([exchange], a_meeting())
        async with office.open_unit(USER) as unit:
            assert await unit.model_records.of_session(USER, "session") == [exchange]
            assert await unit.meetings.of_session("session") == a_meeting()
        assert await office.state() == NOTHING
        (row,) = office.log.rows
        assert (row.provider, row.total_cost_usd, row.total_tokens) == (HOUSE.provider, ZERO, 0)
        assert await office.clerk.known(house) is None, "the same rules give the same answer"

    async def test_a_meeting_that_is_not_closed_leaves_none_of_it(self, office: Office) -> None:
        house = call(asked=HOUSE)
        reserved = await office.clerk.reserve(house)
        exchange = await office.clerk.settle(house, reserved, reply(answered_by=HOUSE))
        dying = Office(crashing(office.open_unit, 1, is_durable=False))
        with pytest.raises(Crashed):
            await dying.clerk.close([exchange], a_meeting())
        async with office.open_unit(SYSTEM) as unit:
            assert await unit.model_records.of_session(USER, "session") == []
            assert await unit.meetings.of_session("session") is None
