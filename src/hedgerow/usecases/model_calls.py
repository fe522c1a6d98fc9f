"""Put down every call of a model: its budget before, its cost and both its texts after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from secrets import token_bytes
from typing import Final
from uuid import UUID

from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure, pressure
from hedgerow.domain.ai_usage import AIProvider, AIUsageLog, CallCost, ModelChoice, TokenUsage
from hedgerow.domain.ids import derived_id, uuid7
from hedgerow.domain.money import ZERO
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.usecases.ports.clock import Clock
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange
from hedgerow.usecases.ports.models import PriceList
from hedgerow.usecases.ports.unit_of_work import SYSTEM, Actor, OpenUnitOfWork
from hedgerow.usecases.ports.usage import UsageLog

FREE: Final = CallCost(ZERO, ZERO)
# Longer than any call can take, with all that is tried again and every model that stands in.
CALL_AGE_MAX: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose call it is, and in which conversation; `limits` are those of the user's month."""

    user_id: UUID
    session_id: str
    workflow_name: str
    limits: BudgetLimits
    at: datetime


@dataclass(frozen=True, slots=True)
class ModelCall:
    """One request of one agent. `number` counts the agent's calls of its session from 0, `step`
    all of the session. `request` is canonical JSON; `estimate` the most that it may use.
    """

    caller: Caller
    agent_name: str
    number: int
    step: int
    asked: ModelChoice
    request: bytes
    estimate: TokenUsage

    @property
    def id(self) -> UUID:
        """The same request of the same session has the same id, however often it is repeated.

        It is recorded once. Another request in its place, as where a meeting is held again and more
        is remembered by then, is another call.
        """
        caller = self.caller
        place = (caller.session_id, self.agent_name, str(self.number))
        return derived_id(caller.at, caller.user_id, *place, self.request_key)

    @property
    def request_key(self) -> str:
        """The same request to the same model has the same key."""
        return sha256(self.request).hexdigest()


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is set aside for one time that a call is made, at `cost` at most.

    It may be charged for each time, so each has an id of its own. Those of the house cost nothing
    and are the same again: theirs is the id of the call.
    """

    id: UUID
    cost: CallCost

    @property
    def usd(self) -> Decimal:
        """All of it in US dollars."""
        return self.cost.total_usd


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What came back: `response` is canonical JSON."""

    answered_by: ModelChoice
    usage: TokenUsage
    response: bytes
    latency_ms: int
    tool_calls: int


class ModelClerk:
    """Reserves, settles, logs and records calls.

    Calls that cost money are recorded as soon as they are answered, so that an answer that was paid
    for is not asked for twice, even by a process that died in between. Those of the house cost
    nothing and give the same answer again: they are recorded when the meeting is.

    A call is about the moment its meeting is held at, which may be long past; what it costs is paid
    now: budgets, prices and the log go by the clock. Any of `stand_ins` may answer in the place of
    the model that is asked.
    """

    def __init__(
        self,
        open_unit_of_work: OpenUnitOfWork,
        usage_log: UsageLog,
        prices: PriceList,
        clock: Clock,
        stand_ins: Sequence[ModelChoice] = (),
    ) -> None:
        self._open = open_unit_of_work
        self._clock = clock
        self._usage_log = usage_log
        self._prices = prices
        self._stand_ins = stand_ins

    async def pressure(self, user_id: UUID, limits: BudgetLimits) -> BudgetPressure:
        """How close the user's month is to its limits."""
        async with self._open(actor_of(user_id)) as unit:
            return pressure(await unit.ai_budgets.state(user_id, self._clock.now()), limits)

    async def sweep(self) -> int:
        """Settle at their estimates the calls of processes that died; returns how many.

        What these had counted and not logged any more is logged.
        """
        async with self._open(SYSTEM) as unit:
            swept = await unit.ai_budgets.sweep(self._clock.now() - CALL_AGE_MAX)
            unlogged = await unit.ai_budgets.unlogged()
            await unit.commit()
        for log in unlogged:
            await self._usage_log.add(log)
        return swept

    async def known(self, call: ModelCall) -> ModelExchange | None:
        """The answer to exactly this request, if it was asked before."""
        if call.asked.provider is AIProvider.HOUSE:
            return None
        async with self._open(actor_of(call.caller.user_id)) as unit:
            return await unit.model_records.answer(call.caller.user_id, call.request_key)

    async def reserve(self, call: ModelCall) -> Reservation:
        """Set a call aside in the month's budget; raises BudgetExhausted."""
        if call.asked.provider is AIProvider.HOUSE:
            return Reservation(call.id, FREE)
        caller, now = call.caller, self._clock.now()
        made = Reservation(uuid7(now, token_bytes(10)), self._most(call, now))
        async with self._open(actor_of(caller.user_id)) as unit:
            await unit.ai_budgets.reserve(caller.user_id, made.id, made.usd, caller.limits, now)
            await unit.commit()
        return made

    async def release(self, call: ModelCall, reserved: Reservation) -> None:
        """Give back what a call had set aside that nobody can charge for."""
        if call.asked.provider is AIProvider.HOUSE:
            return
        async with self._open(actor_of(call.caller.user_id)) as unit:
            await unit.ai_budgets.release(call.caller.user_id, reserved.id, self._clock.now())
            await unit.commit()

    async def forfeit(self, call: ModelCall, reserved: Reservation) -> None:
        """Count and log at its estimate a call that was not answered and may be charged for."""
        if call.asked.provider is AIProvider.HOUSE:
            return
        # nobody knows which tokens it has used, nor how long it would have taken
        unheard = ModelReply(call.asked, TokenUsage(0, 0), b"", latency_ms=0, tool_calls=0)
        now = self._clock.now()
        await self._count(call, _log_of(call, reserved, unheard, reserved.cost, now), now)

    async def settle(
        self, call: ModelCall, reserved: Reservation, reply: ModelReply
    ) -> ModelExchange:
        """Count an answered call at what it cost, log it, and record both texts."""
        exchange = exchange_of(call, reply.answered_by, reply.response)
        now = self._clock.now()
        cost = self._prices.price(reply.answered_by, reply.usage, now) or FREE
        await self._count(call, _log_of(call, reserved, reply, cost, now), now, exchange)
        return exchange

    async def _count(
        self, call: ModelCall, log: AIUsageLog, now: datetime, *answered: ModelExchange
    ) -> None:
        if call.asked.provider is not AIProvider.HOUSE:
            whose, usd = call.caller.user_id, log.total_cost_usd
            async with self._open(actor_of(whose)) as unit:
                await unit.ai_budgets.settle(whose, UUID(log.event_id), usd, now, log)
                await unit.model_records.add(answered)
                await unit.commit()
        await self._usage_log.add(log)

    def _most(self, call: ModelCall, now: datetime) -> CallCost:
        """What the dearest of those who may answer can cost."""
        prompt, output = call.estimate.prompt_tokens, call.estimate.completion_tokens
        asked = (call.asked, *self._stand_ins)
        costs = [self._prices.estimate(choice, prompt, output, now) for choice in asked]
        return max((cost or FREE for cost in costs), key=lambda cost: cost.total_usd)

    async def close(self, exchanges: Sequence[ModelExchange], meeting: Meeting) -> None:
        """Record a meeting, with all that was said in it."""
        async with self._open(actor_of(meeting.user_id)) as unit:
            await unit.model_records.add(exchanges)
            await unit.meetings.add(meeting)
            await unit.commit()


def actor_of(user_id: UUID) -> Actor:
    """Who writes down what is a user's: they; what all share, the system."""
    return SYSTEM if user_id == RESEARCH_USER_ID else user_id


def exchange_of(call: ModelCall, answered_by: ModelChoice, response: bytes) -> ModelExchange:
    """A call with its answer, as it is recorded."""
    return ModelExchange(
        call_id=call.id,
        user_id=call.caller.user_id,
        session_id=call.caller.session_id,
        agent_name=call.agent_name,
        step=call.step,
        asked=call.asked,
        answered_by=answered_by,
        request_key=call.request_key,
        request=call.request,
        response=response,
        at=call.caller.at,
    )


def _log_of(
    call: ModelCall, reserved: Reservation, reply: ModelReply, cost: CallCost, now: datetime
) -> AIUsageLog:
    usage, caller = reply.usage, call.caller
    return AIUsageLog(
        timestamp=now,
        event_id=str(reserved.id),
        user_id=str(caller.user_id),
        session_id=caller.session_id,
        agent_name=call.agent_name,
        provider=reply.answered_by.provider,
        model_id=reply.answered_by.model_id,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
        total_tokens=usage.total_tokens,
        input_cost_usd=cost.input_usd,
        output_cost_usd=cost.output_usd,
        total_cost_usd=cost.total_usd,
        tool_calls_count=reply.tool_calls,
        is_cached=usage.cached_tokens + usage.cache_write_tokens > 0,
        cache_hit=usage.cached_tokens > 0,
        latency_ms=reply.latency_ms,
        reasoning_step=call.step,
        workflow_name=caller.workflow_name,
        cached_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
        thinking_tokens=usage.thinking_tokens,
    )
