"""From the facts of a step to events of the log: their names, their subjects, their bodies."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never
from uuid import UUID

from hedgerow.domain import events
from hedgerow.domain.events import Event, EventHead
from hedgerow.domain.messages import (
    Abstained,
    BreakerReset,
    CashMoved,
    EquityMarked,
    ExitDecided,
    Fact,
    FillBooked,
    FundOpened,
    OrderChanged,
    OrderCreated,
    OrderStatusChanged,
    PositionEnded,
    PositionOpened,
    PositionResized,
    ProposalAccepted,
    ProposalRefused,
    ProposalWithheld,
    RiskRaised,
)
from hedgerow.usecases.codec import encode


def append_fact(
    head: EventHead, user_id: UUID, at: datetime, fact: Fact
) -> tuple[Event, EventHead]:
    """The fact as the next event of the user's log, and the new head."""
    return events.append(head, user_id, at, type(fact).__name__, _subject(fact), encode(fact))


def _subject(fact: Fact) -> UUID | None:
    match fact:
        case ProposalAccepted() | OrderCreated() | OrderStatusChanged() | OrderChanged():
            return fact.order_id
        case FillBooked():
            return fact.fill.order_id
        case PositionOpened() | PositionResized() | PositionEnded() | ExitDecided():
            return fact.position_id
        case CashMoved():
            return fact.transfer.order_id or fact.transfer.position_id
        case FundOpened() | EquityMarked():
            return fact.strategy_id
        case Abstained() | ProposalRefused() | ProposalWithheld():
            return fact.trading_pair_id
        case RiskRaised():
            return fact.event.id
        case BreakerReset():
            return None
        case _:
            assert_never(fact)
