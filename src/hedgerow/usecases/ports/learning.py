"""Where a desk keeps what it learns and says."""

from __future__ import annotations

from collections.abc import (
    Sequence,
)
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hedgerow.domain.forgetting import ForgettingRule
from hedgerow.domain.journal import JournalEntry, MarketRegime, SetupRecord
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.memory import (
    Memory,
    RecalledMemory,
    Validation,
)
from hedgerow.domain.promotion import PromotionRule
from hedgerow.domain.proposals import SetupType
from hedgerow.domain.regimes import RegimeClassification
from hedgerow.domain.sessions import Session, SessionEvent
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.usecases.ports.desk import Embedder, RecallQuery


class Memories(Protocol):
    """Memories and their vectors."""

    async def add(
        self, memories: Sequence[Memory], vectors: Sequence[Sequence[float]], embedder: Embedder
    ) -> None:
        """Store memories with one vector each, padded to the stored dimensions."""
        ...

    async def recall(self, user_id: UUID, query: RecallQuery, model: str) -> list[RecalledMemory]:
        """What the user may remember, best first (domain/memory_ranking.py).

        The vector of `query`, if any, is of `model`; memories of other models are not found by it
        nor compared with it, and of several models only `model` is searched.
        """
        ...

    async def by_ids(self, ids: Sequence[UUID]) -> list[Memory]:
        """The memories with these ids, in the order asked for."""
        ...

    async def by_prefix(self, user_id: UUID, prefix: str) -> list[Memory]:
        """Memories of the user, or collective, whose id begins with `prefix`; at most two."""
        ...

    async def of_trade(self, trade_id: UUID) -> list[Memory]:
        """The memories a trade left."""
        ...

    async def unvalidated(self, ids: Sequence[UUID], trade_id: UUID) -> list[Memory]:
        """Those of `ids` that the trade has not validated yet, by id.

        They are held for this unit of work until it ends: others who ask for them wait.
        """
        ...

    async def save_validation(
        self, memory: Memory, trade_id: UUID, user_id: UUID, was_right: bool, at: datetime
    ) -> None:
        """Store that a trade validates a memory, once, and the score that comes of it."""
        ...

    async def validations(self, memory_id: UUID, user_id: UUID) -> list[Validation]:
        """The user's trades that have validated a memory, oldest first."""
        ...

    async def expire(self, ids: Sequence[UUID], at: datetime) -> None:
        """Let memories not be recalled from `at` on; earlier moments still recall them."""
        ...

    async def forgettable(self, rule: ForgettingRule, at: datetime, limit: int) -> list[UUID]:
        """At most `limit` memories that `rule` applies to at `at`, oldest first.

        Those that another unit of work is forgetting already are passed over.
        """
        ...

    async def begin_promotion(self) -> None:
        """Wait until no other unit of work promotes lessons, and keep others waiting."""
        ...

    async def shared_lessons(self) -> list[Memory]:
        """All collective lessons, expired ones too, oldest first."""
        ...

    async def lessons_of_trades(
        self, rule: PromotionRule, until: datetime
    ) -> list[tuple[Memory, RiskTolerance]]:
        """Users' lessons created by `until`, with the risk tolerance of the strategy they are from.

        Kinds that have fewer lessons, or of fewer users, than `rule` asks for may be left out.
        """
        ...


class Journal(Protocol):
    """Journal entries."""

    async def add(self, entry: JournalEntry) -> None:
        """Store a new entry; a trade has one."""
        ...

    async def of_trade(self, trade_id: UUID) -> JournalEntry | None:
        """The entry of a trade, once it has ended."""
        ...

    async def record_of(
        self, user_id: UUID, setup_type: SetupType, regime: MarketRegime, as_of: datetime
    ) -> SetupRecord:
        """What the user's trades of a setup in a regime, closed by `as_of`, have come to."""
        ...

    async def trade_ids(self, user_id: UUID) -> set[UUID]:
        """The trades of a user that have an entry."""
        ...

    async def awaiting_exit_verdict(
        self, user_id: UUID, closed_until: datetime
    ) -> list[JournalEntry]:
        """Entries of trades closed by then whose exit has not been judged."""
        ...

    async def save_exit_verdict(self, entry: JournalEntry) -> None:
        """Store the judgement of the exit and the review that goes with it."""
        ...


class Sessions(Protocol):
    """Conversations of agents.

    Variables of the user and of the application (`_user_`, `_app_`) are kept beside the sessions
    that share them and put into the state of each as it is read; `_temp_` ones are never stored.
    """

    async def add(self, session: Session) -> None:
        """Store a new session; raises SessionConflict where there is one of that name."""
        ...

    async def find(
        self, app_name: str, user_id: UUID, session_id: str, last: int | None = None
    ) -> Session | None:
        """The session that ADK knows by these three, with all or its `last` events.

        Raises DocumentRefused for a broken one.
        """
        ...

    async def append(self, session: Session, events: Sequence[SessionEvent]) -> None:
        """Add events to a session and to its rows.

        Raises SessionConflict where somebody else has added some since it was read or it is gone,
        and InvalidValue as Session.append does; `session` is then as it was.
        """
        ...

    async def all(self, app_name: str, user_id: UUID | None = None) -> list[Session]:
        """Sessions without their events, of one user where given, the latest event last."""
        ...

    async def user_state(self, app_name: str, user_id: UUID) -> dict[str, object]:
        """The variables that all sessions of a user share."""
        ...

    async def delete(self, app_name: str, user_id: UUID, session_id: str) -> None:
        """Forget a session, if there is one; what its user shares stays."""
        ...


class Regimes(Protocol):
    """Regime classifications, shared by all users."""

    async def claim(self, symbol: str, exchange: Exchange) -> Exchange:
        """The exchange that the symbol's regimes are of: `exchange`, unless it was another before.

        That it is this one now lasts once the unit of work is committed.
        """
        ...

    async def add(self, classifications: Sequence[RegimeClassification]) -> None:
        """Store classifications; one already stored for its time and model stays as it is."""
        ...

    async def at(
        self,
        symbol: str,
        timeframe: Timeframe,
        at: datetime,
        versions: Sequence[str] = (),
    ) -> RegimeClassification | None:
        """The latest classification known at `at`, by one of `versions`, or by any if empty.

        Where several versions judged at that moment, the first of `versions` counts; by any, a
        learned one before the rules.
        """
        ...

    async def between(
        self, symbol: str, timeframe: Timeframe, first: datetime, last: datetime
    ) -> list[RegimeClassification]:
        """The classifications from `first` to `last`, both included, by time and version."""
        ...

    async def latest(self, at: datetime) -> list[RegimeClassification]:
        """The latest one of every symbol, timeframe and version as known at `at`, in that order."""
        ...
