"""Refusals. Each carries the facts of what was wrong; the wording belongs to the entrypoints."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from uuid import UUID


class HedgerowError(Exception):
    """Anything Hedgerow refuses on purpose. A bug is an AssertionError, never one of these."""

    def __str__(self) -> str:
        facts = ", ".join(f"{f.name}={getattr(self, f.name)!s}" for f in fields(self))  # type: ignore[arg-type]
        return f"{type(self).__name__}({facts})"


@dataclass(eq=False)
class InputRefused(HedgerowError):
    """A file, flag or setting that a person gave and that cannot be used.

    `what` is wrong, `where` it stands (file and line, flag, or setting), and how to `fix` it.
    """

    what: str
    where: str
    fix: str


class StoreUnavailable(InputRefused):
    """A store that cannot be reached, or could not do what any healthy one can.

    What was not committed is undone.
    """


@dataclass(eq=False)
class NotExact(HedgerowError):
    """A number that is not a finite Decimal, integer or decimal text, where money is meant."""

    name: str
    value: object


@dataclass(eq=False)
class DocumentRefused(HedgerowError):
    """A settings or limits document with a key that is unknown, missing or of the wrong type."""

    document: str
    path: str
    problem: str


@dataclass(eq=False)
class InsufficientCash(HedgerowError):
    """A strategy was asked for more cash than its reserve holds."""

    needed: Decimal
    available: Decimal


@dataclass(eq=False)
class UnbalancedTransfer(HedgerowError):
    """Ledger entries that do not sum to zero in a currency."""

    currency: str
    difference: Decimal


@dataclass(eq=False)
class TransitionRefused(HedgerowError):
    """An order was asked to change to a status that its present one does not lead to."""

    order_id: UUID
    status: str
    wanted: str


@dataclass(eq=False)
class FillRefused(HedgerowError):
    """An execution that its order or position cannot have had."""

    order_id: UUID
    problem: str


@dataclass(eq=False)
class InvalidValue(HedgerowError):
    """A field outside its range."""

    field: str
    value: object
    allowed: str


def value_in_words(error: InvalidValue) -> str:
    """What is wrong with a value, for people; everywhere in the same words."""
    return f"{error.field} is {error.value}, and must be {error.allowed}"


@dataclass(eq=False)
class UnknownEntity(HedgerowError):
    """A message that names something this fund does not hold."""

    kind: str
    id: UUID | str


@dataclass(eq=False)
class ConcurrentUpdate(HedgerowError):
    """Somebody else saved this fund since it was loaded: load it again."""

    user_id: UUID
    version: int


@dataclass(eq=False)
class UnknownEventVersion(HedgerowError):
    """A stored event in a shape that this version of Hedgerow does not know yet."""

    kind: str
    schema_version: int
    newest_known: int


@dataclass(eq=False)
class DeliveryFailed(HedgerowError):
    """Events that could not be handed over now, and that may be tried again later."""

    target: str
    problem: str


@dataclass(eq=False)
class SecretUnreadable(HedgerowError):
    """A sealed value or data key that does not open: altered, or moved from another place."""

    place: str
    problem: str


@dataclass(eq=False)
class KeyUnknown(HedgerowError):
    """A key-encryption key that is needed and not, or no longer, at hand; `key_id` is no secret."""

    key_id: str


@dataclass(eq=False)
class EmbeddingFailed(HedgerowError):
    """The service that turns text into vectors did not, in any of several attempts."""

    service: str
    problem: str
    attempts: int


@dataclass(eq=False)
class BudgetExhausted(HedgerowError):
    """A model call that would exceed what the user's month may hold; `bound_by` names the limit."""

    user_id: UUID
    bound_by: str
    used: Decimal
    limit: Decimal


@dataclass(eq=False)
class ModelUnavailable(HedgerowError):
    """No model of a chain gave an answer; `problem` tells what the last one said.

    `may_be_charged` where one of them may have worked on an answer that never came.
    """

    model: str
    problem: str
    attempts: int
    may_be_charged: bool = False


@dataclass(eq=False)
class AbstentionOnRecord(HedgerowError):
    """A meeting held again has come to where an agent abstained, for this reason."""

    agent_name: str
    reason: str


@dataclass(eq=False)
class SessionConflict(HedgerowError):
    """Somebody else has added to this session since it was read: read it again."""

    session_id: str
    version: int


@dataclass(eq=False)
class NewsUnavailable(HedgerowError):
    """A source of news that gave none, or nothing that can be read."""

    source: str
    problem: str
