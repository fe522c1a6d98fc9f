"""Explain a trade: the whole chain from the memories that suggested it to the lesson it left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from hedgerow.domain.errors import InputRefused
from hedgerow.domain.events import Event
from hedgerow.domain.journal import JournalEntry
from hedgerow.domain.memory import Memory
from hedgerow.domain.messages import ProposalAccepted
from hedgerow.domain.orders import Fill, Order, OrderPurpose
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import Proposal
from hedgerow.domain.regimes import RegimeClassification
from hedgerow.domain.sessions import AGENTS_APP, RESEARCH_USER_ID, SessionEvent
from hedgerow.usecases.ports.unit_of_work import UnitOfWork

LAST = "last"


@dataclass(frozen=True, slots=True)
class ExplainedOrder:
    """An order with its executions, oldest first."""

    order: Order
    fills: Sequence[Fill]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A trade's whole story, in the order in which it happened.

    `research` and `conversation` are what the desk said before it proposed the trade, none if it
    did not meet, and `meeting_id` names that meeting; `memories_left` are what the trade left
    behind; `events` its sealed record.
    """

    memories_recalled: Sequence[Memory]
    regime: RegimeClassification | None
    research: Sequence[SessionEvent]
    conversation: Sequence[SessionEvent]
    meeting_id: UUID | None
    proposal: ProposalAccepted
    entry: ExplainedOrder
    position: Position
    protection: Sequence[ExplainedOrder]
    exits: Sequence[ExplainedOrder]
    journal: JournalEntry | None
    memories_left: Sequence[Memory]
    events: Sequence[Event]


async def explain_trade(unit: UnitOfWork, trade: str) -> Explanation:
    """The story of the position whose id begins or ends with `trade`, or of the "last" to end.

    Raises InputRefused where there is none, or more than one.
    """
    position = await _find(unit, trade)
    orders = await _orders(unit, position.id)
    (entry,) = [o for o in orders if o.order.id == position.entry_order_id]
    accepted = await unit.trades.proposal(position.entry_order_id)
    proposal = accepted.proposal
    said = await said_before(unit, position.user_id, proposal.session_id)
    subjects = [position.id, *(explained.order.id for explained in orders)]
    return Explanation(
        memories_recalled=await unit.memories.by_ids(proposal.memories_recalled),
        regime=await _regime(unit, proposal, entry.order),
        research=said.research,
        conversation=said.conversation,
        meeting_id=said.meeting_id,
        proposal=accepted,
        entry=entry,
        position=position,
        protection=[o for o in orders if o.order.purpose in _PROTECTIVE],
        exits=[o for o in orders if o.order.purpose is OrderPurpose.EXIT],
        journal=await unit.journal.of_trade(position.id),
        memories_left=await unit.memories.of_trade(position.id),
        events=await unit.trades.events_about(position.user_id, subjects),
    )


_PROTECTIVE = (OrderPurpose.STOP_LOSS, OrderPurpose.TAKE_PROFIT)


@dataclass(frozen=True, slots=True)
class SaidBefore:
    """What was said before a decision: in the research that all share, and in the fund's meeting.

    Where research concluded nothing, there was no meeting of the fund.
    """

    meeting_id: UUID | None = None
    research: Sequence[SessionEvent] = ()
    conversation: Sequence[SessionEvent] = ()


async def said_before(unit: UnitOfWork, user_id: UUID, session_id: str | None) -> SaidBefore:
    """The conversations that a decision of a user came of."""
    meeting = None if session_id is None else await unit.meetings.of_session(session_id)
    if session_id is None or meeting is None:
        return SaidBefore()
    if meeting.user_id == RESEARCH_USER_ID:
        return SaidBefore(None, await _events(unit, RESEARCH_USER_ID, session_id), ())
    shared = meeting.research_session_id
    return SaidBefore(
        meeting.id,
        () if shared is None else await _events(unit, RESEARCH_USER_ID, shared),
        await _events(unit, user_id, session_id),
    )


async def _events(unit: UnitOfWork, user_id: UUID, session_id: str) -> Sequence[SessionEvent]:
    session = await unit.sessions.find(AGENTS_APP, user_id, session_id)
    return () if session is None else session.events


async def _regime(
    unit: UnitOfWork, proposal: Proposal, order: Order
) -> RegimeClassification | None:
    """The row that the proposal read: several models may have judged at that moment."""
    market = (proposal.symbol, proposal.timeframe)
    latest = await unit.regimes.at(*market, order.created_at)
    if latest is None or latest.reading.regime is proposal.regime:
        return latest
    rows = await unit.regimes.between(*market, latest.timestamp, latest.timestamp)
    return next((row for row in rows if row.reading.regime is proposal.regime), latest)


async def _find(unit: UnitOfWork, trade: str) -> Position:
    if trade == LAST:
        latest = await unit.trades.last()
        if latest is None:
            raise InputRefused(
                what="there is no trade to explain yet",
                where="hedgerow explain last",
                fix="run `hedgerow demo` first",
            )
        return latest
    found = await unit.trades.by_part(trade.lower().lstrip("…"))
    if len(found) != 1:
        problem = "several trades have an id like this" if found else "no trade has this id"
        raise InputRefused(
            what=problem,
            where=f"hedgerow explain {trade}",
            fix="give the id as the report shows it, or `last`",
        )
    return found[0]


async def _orders(unit: UnitOfWork, position_id: UUID) -> list[ExplainedOrder]:
    orders = await unit.trades.orders(position_id)
    fills = await unit.trades.fills([order.id for order in orders])
    return [
        ExplainedOrder(order, [fill for fill in fills if fill.order_id == order.id])
        for order in orders
    ]
