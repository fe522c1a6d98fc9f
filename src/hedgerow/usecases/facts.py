"""From the facts of a step to events of the log: their names, their subjects, their bodies."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar, assert_never
from uuid import UUID

from hedgerow.domain import events
from hedgerow.domain.events import Event, EventHead
from hedgerow.domain.messages import (
    Abstained,
    BillingAlert,
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
    StopDecided,
    StopRefused,
)
from hedgerow.usecases.codec import encode
from hedgerow.usecases.event_schemas import SCHEMAS

_Fact = TypeVar("_Fact")


def append_fact(
    head: EventHead, user_id: UUID, at: datetime, fact: Fact
) -> tuple[Event, EventHead]:
    """The fact as the next event of the user's log, and the new head."""
    kind = type(fact).__name__
    version = SCHEMAS.of(kind).version
    return events.append(head, user_id, at, kind, version, _subject(fact), encode(fact))


def fact_of(event: Event, wanted: type[_Fact]) -> _Fact:
    """The fact that an event of the kind `wanted` keeps, of whatever version it was written.

    Raises UnknownEventVersion where a newer Hedgerow has written it.
    """
    fact = SCHEMAS.read(event)
    assert isinstance(fact, wanted), f"event {event.sequence} is a {event.kind}"
    return fact


def _subject(fact: Fact) -> UUID | None:
    match fact:
        case ProposalAccepted() | OrderCreated() | OrderStatusChanged() | OrderChanged():
            return fact.order_id
        case FillBooked():
            return fact.fill.order_id
        case PositionOpened() | PositionResized() | PositionEnded():
            return fact.position_id
        case ExitDecided() | StopDecided() | StopRefused():
            return fact.position_id
        case CashMoved():
            return fact.transfer.order_id or fact.transfer.position_id
        case FundOpened() | EquityMarked():
            return fact.strategy_id
        case Abstained() | ProposalRefused() | ProposalWithheld():
            return fact.trading_pair_id
        case RiskRaised():
            return fact.event.id
        case BreakerReset() | BillingAlert():
            return None
        case _:
            assert_never(fact)
