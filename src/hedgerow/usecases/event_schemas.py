"""The shapes of stored events: which version each kind has now, and how older ones are read.

A kind whose fields change gets the next version here, and a step in `_UPCASTERS` that turns a body
of the version before into one of the new: the log itself is never rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from hedgerow.domain import messages
from hedgerow.domain.errors import UnknownEntity, UnknownEventVersion
from hedgerow.domain.events import Event
from hedgerow.usecases.codec import decode

Body = Mapping[str, Any]
Upcast = Callable[[Body], Body]


class EventFamily(StrEnum):
    """What events are about; each family is a topic of its own where events leave the process."""

    FUNDS = "funds"
    DECISIONS = "decisions"
    ORDERS = "orders"
    POSITIONS = "positions"
    LEDGER = "ledger"
    RISK = "risk"
    BILLING = "billing"


@dataclass(frozen=True, slots=True)
class EventSchema:
    """One kind of event as it is written today; `record` is the dataclass its body is made of."""

    record: type[Any]
    family: EventFamily
    version: int = 1

    @property
    def kind(self) -> str:
        """The name that the log knows it by."""
        return self.record.__name__


class EventSchemas:
    """Every kind of event, and the way from each older version to the present one.

    `upcasters` is keyed by kind and the version that a body is brought up from, by one.
    """

    def __init__(
        self, schemas: Iterable[EventSchema], upcasters: Mapping[tuple[str, int], Upcast]
    ) -> None:
        self._schemas = {schema.kind: schema for schema in schemas}
        self._upcasters = upcasters
        needed = {(s.kind, older) for s in self for older in range(1, s.version)}
        assert needed == upcasters.keys(), "one upcaster for each version but the newest"

    def __iter__(self) -> Iterator[EventSchema]:
        return iter(self._schemas.values())

    def of(self, kind: str) -> EventSchema:
        """The schema of a kind; raises UnknownEntity."""
        try:
            return self._schemas[kind]
        except KeyError:
            raise UnknownEntity("event kind", kind) from None

    def read(self, event: Event) -> object:
        """The record that the event's body was made of, brought up to the present version.

        Raises UnknownEntity for a kind, and UnknownEventVersion for a version, of the future.
        """
        schema = self.of(event.kind)
        if event.schema_version > schema.version:
            raise UnknownEventVersion(event.kind, event.schema_version, schema.version)
        body: Body = event.body
        for older in range(event.schema_version, schema.version):
            body = self._upcasters[event.kind, older](body)
        record: object = decode(schema.record, body)
        return record


def _without_session(body: Body) -> Body:
    """Decisions of before conversations came of none."""
    return {**body, "session_id": None}


def _proposed_without_session(body: Body) -> Body:
    return {**body, "proposal": _without_session(body["proposal"])}


_UPCASTERS: Final[Mapping[tuple[str, int], Upcast]] = {
    ("ProposalAccepted", 1): _proposed_without_session,
    ("ProposalRefused", 1): _proposed_without_session,
    ("ProposalWithheld", 1): _proposed_without_session,
    ("ExitDecided", 1): _without_session,
    ("Abstained", 1): _without_session,
}

SCHEMAS: Final = EventSchemas(
    [
        EventSchema(messages.FundOpened, EventFamily.FUNDS),
        EventSchema(messages.EquityMarked, EventFamily.FUNDS),
        EventSchema(messages.ProposalAccepted, EventFamily.DECISIONS, version=2),
        EventSchema(messages.ProposalRefused, EventFamily.DECISIONS, version=2),
        EventSchema(messages.ProposalWithheld, EventFamily.DECISIONS, version=2),
        EventSchema(messages.ExitDecided, EventFamily.DECISIONS, version=2),
        EventSchema(messages.StopDecided, EventFamily.DECISIONS),
        EventSchema(messages.StopRefused, EventFamily.DECISIONS),
        EventSchema(messages.Abstained, EventFamily.DECISIONS, version=2),
        EventSchema(messages.OrderCreated, EventFamily.ORDERS),
        EventSchema(messages.OrderStatusChanged, EventFamily.ORDERS),
        EventSchema(messages.OrderChanged, EventFamily.ORDERS),
        EventSchema(messages.FillBooked, EventFamily.ORDERS),
        EventSchema(messages.PositionOpened, EventFamily.POSITIONS),
        EventSchema(messages.PositionResized, EventFamily.POSITIONS),
        EventSchema(messages.PositionEnded, EventFamily.POSITIONS),
        EventSchema(messages.CashMoved, EventFamily.LEDGER),
        EventSchema(messages.BreakerReset, EventFamily.RISK),
        EventSchema(messages.RiskRaised, EventFamily.RISK),
        EventSchema(messages.BillingAlert, EventFamily.BILLING),
    ],
    _UPCASTERS,
)
