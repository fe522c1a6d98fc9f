"""Find the meeting of the desk that a person means."""

from __future__ import annotations

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.positions import Position
from hedgerow.domain.sessions import RESEARCH_USER_ID
from hedgerow.usecases.explain_trade import LAST
from hedgerow.usecases.ports.model_records import Meeting
from hedgerow.usecases.ports.unit_of_work import UnitOfWork

# What tells a meeting of a fund from one that reviewed a trade.
_OF_A_FUND = "fund"


async def find_meeting(unit: UnitOfWork, decision: str) -> Meeting:
    """The fund's meeting whose id, or whose trade's, begins or ends with `decision`; or the "last".

    Raises InputRefused where there is none, or more than one.
    """
    if decision == LAST:
        latest = await unit.meetings.last()
        if latest is None:
            raise _refused(decision, "the desk has not met yet", "run `hedgerow demo` first")
        return latest
    part = decision.lower().lstrip("…")
    meetings = await unit.meetings.by_part(part)
    trades = await unit.trades.by_part(part)
    match meetings, trades:
        case [meeting], []:
            return _of_a_fund(decision, meeting)
        case [], [trade]:
            return await _meeting_of(unit, decision, trade)
        case [], []:
            what = "no meeting and no trade has this id"
            fix = (
                "give the id of one, as `hedgerow explain` shows them, or `last`; what the desk "
                "passed over has no meeting"
            )
            raise _refused(decision, what, fix)
        case _:
            raise _refused(decision, "several ids are like this", "give more of it")


async def _meeting_of(unit: UnitOfWork, decision: str, trade: Position) -> Meeting:
    accepted = await unit.trades.proposal(trade.entry_order_id)
    session_id = accepted.proposal.session_id
    meeting = None if session_id is None else await unit.meetings.of_session(session_id)
    if meeting is None:
        what = f"{accepted.proposal.agent_id} decided this trade without a meeting of the desk"
        raise _refused(decision, what, "replay a trade that the desk met about")
    return meeting


def _of_a_fund(decision: str, meeting: Meeting) -> Meeting:
    if meeting.user_id == RESEARCH_USER_ID:
        what = "this is research that all funds share, and no decision of one"
        raise _refused(decision, what, "give the meeting of a fund that worked with it")
    if _OF_A_FUND not in meeting.briefing:
        what = "this meeting reviewed a trade that had ended, and decided nothing"
        raise _refused(decision, what, "give the meeting that decided the trade, or the trade")
    return meeting


def _refused(decision: str, what: str, fix: str) -> InputRefused:
    return InputRefused(what=what, where=f"hedgerow replay {decision}", fix=fix)
