"""What a desk did in a paper run, as its event log and its meetings tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hedgerow.domain.messages import Abstained, ProposalAccepted
from hedgerow.domain.proposals import Proposal
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.usecases.facts import fact_of
from hedgerow.usecases.paper_run import PaperDesk, RunPlan
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM


@dataclass(frozen=True, slots=True)
class RunLog:
    """The `accepted` proposals of a run in their order, the fund's `meetings` and the `research`
    that it worked with, which other funds may have shared, and what the trader was told at each
    meeting that made a ticket (`tickets`, by session).
    """

    accepted: Sequence[Proposal]
    meetings: Sequence[Meeting]
    research: Sequence[Meeting]
    tickets: Mapping[str, Sequence[ModelExchange]]

    @property
    def sessions(self) -> list[str]:
        """The conversations that the run's decisions came from."""
        return [meeting.session_id for meeting in (*self.meetings, *self.research)]


async def read_run_log(desk: PaperDesk, run: PaperRun, plan: RunPlan) -> RunLog:
    """What the desk did in `run`."""
    accepted: list[Proposal] = []
    named: set[str | None] = set()
    async with desk.open_unit_of_work(run.user_id) as unit:
        async for event in unit.audit.events(run.user_id):
            if event.kind == ProposalAccepted.__name__:
                accepted.append(fact_of(event, ProposalAccepted).proposal)
            elif event.kind == Abstained.__name__:
                # that nobody saw a trade is said by the research itself
                named.add(fact_of(event, Abstained).session_id)
        until = plan.ends_at + plan.timeframe.duration
        meetings = await unit.meetings.between(run.user_id, plan.starts_at, until)
        tickets = {
            each.session_id: await unit.model_records.of_session(run.user_id, each.session_id)
            for each in meetings
            if "risk_manager" in each.answers
        }
    named.update(meeting.research_session_id for meeting in meetings)
    async with desk.open_unit_of_work(SYSTEM) as unit:
        shared = await unit.meetings.between(RESEARCH_USER_ID, plan.starts_at, until)
    return RunLog(
        accepted=accepted,
        meetings=meetings,
        research=[meeting for meeting in shared if meeting.session_id in named],
        tickets=tickets,
    )
