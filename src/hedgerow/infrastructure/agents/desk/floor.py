"""How a meeting is held: agents on ADK, in a session of their own, each turn put down."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import count
from typing import Any, Final, Protocol
from uuid import UUID

from google.adk.agents import LlmAgent
from google.adk.apps import App
from google.adk.events import Event
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_response import LlmResponse
from google.adk.platform.time import set_time_provider
from google.adk.platform.uuid import set_id_provider
from google.adk.runners import Runner
from google.adk.sessions import Session
from google.adk.tools.function_tool import FunctionTool
from google.adk.tools.tool_context import ToolContext
from google.adk.workflow import BaseNode
from google.genai import types
from pydantic import ValidationError, validate_call

from hedgerow.domain.ai_budget import BudgetLimits, BudgetPressure
from hedgerow.domain.ai_usage import ModelChoice, TokenUsage
from hedgerow.domain.errors import HedgerowError, InvalidValue
from hedgerow.domain.ids import derived_id
from hedgerow.domain.market import Timeframe
from hedgerow.domain.sessions import AGENTS_APP
from hedgerow.infrastructure.agents.desk.meeting_session import MeetingSession
from hedgerow.infrastructure.agents.desk.roster import Agent
from hedgerow.infrastructure.agents.desk.voice import (
    OUTPUT_TOKENS_MAX,
    Clerk,
    Minutes,
    SeatModel,
    Voice,
)
from hedgerow.infrastructure.agents.desk.wire import canonical, problem_of
from hedgerow.usecases.model_calls import Caller
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange

TOOL_TIMEOUT_S: Final = 5.0
DEADLINE_S: Final = 300.0

# ADK tries to import its agent for another protocol anew for every node of every workflow, and
# fails each time where that is not installed: half of what a turn costs. This fails at once.
sys.modules.setdefault("google.adk.agents.remote_a2a_agent", None)  # type: ignore[arg-type]

Tool = Callable[..., Any]


class DeskClerk(Clerk, Protocol):
    """Who keeps account of calls and meetings; as in ModelClerk."""

    async def pressure(self, user_id: UUID, limits: BudgetLimits) -> BudgetPressure:
        """How close the user's month is to its limits."""
        ...

    async def close(self, exchanges: Sequence[ModelExchange], meeting: Meeting) -> None:
        """Record a meeting, with all that was said in it."""
        ...


@dataclass(frozen=True, slots=True)
class Floor:
    """What every meeting needs: where its session is kept, models, their account, their tokens.

    `keep` stores a session whole, in place of one of its name. Who has not spoken within
    `deadline_s` seconds abstains. `apart` sets the sessions of a meeting that is held again by
    others apart from its own.
    """

    keep: Callable[[Session], Awaitable[None]]
    llm_of: Callable[[ModelChoice], BaseLlm]
    clerk: DeskClerk
    read_usage: Callable[[LlmResponse], TokenUsage]
    deadline_s: float = DEADLINE_S
    apart: tuple[str, ...] = ()

    async def close(
        self,
        minutes: Minutes,
        *,
        symbol: str,
        timeframe: Timeframe,
        reason: str,
        answers: Mapping[str, Any],
        briefing: Mapping[str, object],
        decision: Mapping[str, object],
        research_session_id: str | None = None,
        acted: bool = False,
    ) -> None:
        """Put down a meeting that is over."""
        caller = minutes.caller
        meeting = Meeting(
            id=derived_id(caller.at, caller.user_id, caller.session_id),
            user_id=caller.user_id,
            symbol=symbol,
            timeframe=timeframe,
            at=caller.at,
            session_id=caller.session_id,
            research_session_id=research_session_id,
            reason=reason,
            answers=answers,
            briefing=briefing,
            decision=decision,
            decision_hash=hash_of(decision),
            acted=acted,
            abstained=minutes.abstained,
        )
        await self.clerk.close(minutes.exchanges, meeting)


def hash_of(decision: Mapping[str, object]) -> str:
    """The SHA-256 (hex) of a decision's canonical JSON."""
    return sha256(canonical(decision)).hexdigest()


class Table:
    """One meeting: its agents, what they may read, and the minutes."""

    def __init__(
        self,
        floor: Floor,
        caller: Caller,
        choose: Callable[[Agent], ModelChoice],
        tools: Mapping[str, Tool],
    ) -> None:
        self.minutes = Minutes(caller, floor.deadline_s)
        self._floor = floor
        self._choose = choose
        self._tools = tools

    def seat(self, agent: Agent) -> LlmAgent:
        """The agent as a node of a workflow."""
        choice = self._choose(agent)
        floor = self._floor
        llm, minutes = floor.llm_of(choice), self.minutes
        voice = Voice(agent, choice, llm, floor.clerk, minutes, floor.read_usage)
        at = minutes.caller.at
        return LlmAgent(
            name=agent.name,
            description=agent.role,
            model=SeatModel(model=str(choice), voice=voice),
            static_instruction=agent.instructions,
            tools=[ReadOnlyTool(self._tools[name], at) for name in agent.tools],
            output_schema=agent.answer,
            include_contents="none",
            disallow_transfer_to_parent=True,
            disallow_transfer_to_peers=True,
            generate_content_config=types.GenerateContentConfig(
                max_output_tokens=OUTPUT_TOKENS_MAX
            ),
        )

    async def hold(self, workflow: BaseNode, message: str) -> list[Event]:
        """Run the meeting from its opening message to its end; returns all that happened.

        Times are those of the meeting and ids follow from its session, so that a meeting held
        again is the same to the letter; a session left by a process that died is begun anew.
        """
        return await asyncio.create_task(self._hold(workflow, message))

    async def _hold(self, workflow: BaseNode, message: str) -> list[Event]:
        # in a task of its own, whose context these providers do not leave
        caller = self.minutes.caller
        ids = count()
        set_time_provider(caller.at.timestamp)
        set_id_provider(lambda: str(derived_id(caller.at, caller.session_id, str(next(ids)))))
        session = Session(
            id=caller.session_id,
            app_name=AGENTS_APP,
            user_id=str(caller.user_id),
            last_update_time=caller.at.timestamp(),
        )
        runner = Runner(
            app=App(name=AGENTS_APP, root_agent=workflow), session_service=MeetingSession(session)
        )
        opening = types.Content(role="user", parts=[types.Part(text=message)])
        events = [
            event
            async for event in runner.run_async(
                user_id=session.user_id, session_id=session.id, new_message=opening
            )
        ]
        await self._floor.keep(session)
        return events


class ReadOnlyTool(FunctionTool):
    """A tool with a time limit, whose answers say as of when they hold; failures are told."""

    def __init__(self, read: Tool, as_of: datetime) -> None:
        super().__init__(read)
        self._as_of = as_of

    async def run_async(self, *, args: dict[str, Any], tool_context: ToolContext) -> Any:
        """What the tool tells, or why it tells nothing."""
        return {"as_of": f"{self._as_of:%Y-%m-%d %H:%M}", **await told_by(self.func, args)}


async def told_by(tool: Tool, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a tool tells in time, or under `error` why it tells nothing."""
    try:
        # models make arguments up: names and types are checked before anything runs
        read = validate_call(tool) if args else tool
        told: Mapping[str, Any] = await asyncio.wait_for(read(**args), TOOL_TIMEOUT_S)
    except TimeoutError:
        return {"error": f"no answer within {TOOL_TIMEOUT_S:g} s"}
    except ValidationError as error:
        return {"error": problem_of(error, "the arguments")}
    except (InvalidValue, ValueError) as error:
        return {"error": str(error)}
    except HedgerowError:
        # of a store, say: where it is does not belong into a prompt, and who keeps the record of
        # the meeting will find it gone as well
        return {"error": "it cannot be read now"}
    return told
