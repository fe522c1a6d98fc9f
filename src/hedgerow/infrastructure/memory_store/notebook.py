"""What a backtest has learned: the school's unit of work, and recall by two searches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from heapq import nsmallest
from typing import Self
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from hedgerow.domain.errors import UnknownEntity
from hedgerow.domain.ids import derived_id
from hedgerow.domain.journal import JOURNAL_REGIMES, JournalEntry
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import Memory, RecalledMemory, Validation
from hedgerow.domain.memory_ranking import Found, candidates, rank
from hedgerow.domain.messages import ProposalAccepted
from hedgerow.domain.positions import Position
from hedgerow.domain.regimes import RegimeClassification, RegimeReading
from hedgerow.infrastructure.memory_store.english import lexemes, text_rank
from hedgerow.usecases.ports.desk import Embedder, RecallQuery


class RememberedMemories:
    """Memories of one user with their vectors, compared one by one."""

    def __init__(self) -> None:
        self._memories: dict[UUID, Memory] = {}
        self._vectors: dict[UUID, NDArray[np.float64]] = {}
        self._words: dict[UUID, Counter[str]] = {}
        self._validations: dict[UUID, list[Validation]] = {}

    def __len__(self) -> int:
        return len(self._memories)

    async def add(
        self, memories: Sequence[Memory], vectors: Sequence[Sequence[float]], embedder: Embedder
    ) -> None:
        """Keep memories with one vector each."""
        for memory, vector in zip(memories, vectors, strict=True):
            self._memories[memory.id] = memory
            self._vectors[memory.id] = np.asarray(vector, dtype=np.float64)
            self._words[memory.id] = lexemes(memory.content)

    def text(self, memory_id: UUID) -> str:
        """What a memory says."""
        return self._memories[memory_id].content

    async def unvalidated(self, ids: Sequence[UUID], trade_id: UUID) -> list[Memory]:
        """Those of `ids` that the trade has not validated yet, by id."""
        return [
            self._memories[memory_id]
            for memory_id in sorted(set(ids))
            if all(each.trade_id != trade_id for each in self._validations.get(memory_id, ()))
        ]

    async def save_validation(
        self, memory: Memory, trade_id: UUID, user_id: UUID, was_right: bool, at: datetime
    ) -> None:
        """Take note that the trade has validated the memory, whose score is its own."""
        validation = Validation(trade_id, was_right, at)
        self._validations.setdefault(memory.id, []).append(validation)

    async def recall(self, query: RecallQuery, embedder: Embedder) -> list[RecalledMemory]:
        """What may be remembered, best first (domain/memory_ranking.py)."""
        vector = query.vector
        if vector is None and query.text is not None:
            (vector,) = await embedder.embed([query.text])
        asked = None if vector is None else np.asarray(vector, dtype=np.float64)
        words = None if query.text is None else lexemes(query.text)
        found = [
            Found(
                self._as_of(memory, query.as_of),
                None if asked is None else float(self._vectors[memory.id] @ asked),
                None if words is None else text_rank(self._words[memory.id], words),
            )
            for memory in self._memories.values()
            if _fits(memory, query)
        ]
        # As in PostgreSQL, either search gives its best alone.
        count = candidates(query.limit)
        near = _best(found, lambda each: each.similarity, count)
        worded = _best(found, lambda each: each.wording or None, count)
        found = [each for each in found if each.memory.id in near | worded]
        return rank(found, query.as_of, query.limit)

    def _as_of(self, memory: Memory, as_of: datetime) -> Memory:
        """The memory without what trades after that moment have made of it."""
        validations = self._validations.get(memory.id, ())
        later = [each for each in validations if each.at > as_of]
        if not later:
            return memory
        return memory.before_trades(len(later), sum(each.was_right for each in later))


class RememberedJournal:
    """Journal entries, and those of them whose exit is still to be judged."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.unjudged: list[JournalEntry] = []

    async def add(self, entry: JournalEntry) -> None:
        """Keep a new entry."""
        self.entries.append(entry)
        self.unjudged.append(entry)

    async def awaiting_exit_verdict(
        self, user_id: UUID, closed_until: datetime
    ) -> list[JournalEntry]:
        """Entries of trades closed by then whose exit has not been judged."""
        return [entry for entry in self.unjudged if entry.created_at <= closed_until]

    async def save_exit_verdict(self, entry: JournalEntry) -> None:
        """The entry has been judged."""
        self.unjudged.remove(entry)


class RememberedTrades:
    """Positions and the proposals they came from."""

    def __init__(self) -> None:
        self.positions: Callable[[UUID], Position] | None = None
        self.accepted: dict[UUID, ProposalAccepted] = {}

    async def by_part(self, part: str) -> list[Position]:
        """The position with this id."""
        assert self.positions is not None, "positions are known before a trade has ended"
        return [self.positions(UUID(part))]

    async def proposal(self, order_id: UUID) -> ProposalAccepted:
        """The accepted proposal that an entry order came from; raises UnknownEntity."""
        try:
            return self.accepted[order_id]
        except KeyError:
            raise UnknownEntity("accepted proposal", order_id) from None


class RememberedRegimes:
    """Every classification, by symbol and timeframe; the latest come last."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[datetime, RegimeReading]]] = {}

    def note(self, symbol: str, at: datetime, reading: RegimeReading) -> None:
        """Keep a classification."""
        self._known.setdefault(symbol, []).append((at, reading))

    async def at(
        self, symbol: str, timeframe: Timeframe, at: datetime, versions: Sequence[str] = ()
    ) -> RegimeClassification | None:
        """The latest classification known at `at`, by one of `versions`, or by any if empty."""
        for known_at, reading in self._back(symbol):
            if known_at <= at and (not versions or reading.model_version in versions):
                row_id = derived_id(known_at, symbol, timeframe, reading.model_version)
                return RegimeClassification(row_id, symbol, timeframe, known_at, reading)
        return None

    def _back(self, symbol: str) -> Iterator[tuple[datetime, RegimeReading]]:
        return reversed(self._known.get(symbol, []))


class MemoryNotebook:
    """All that one backtest learns. It is its own unit of work: nothing is ever undone."""

    def __init__(self) -> None:
        self.memories = RememberedMemories()
        self.trades = RememberedTrades()
        self.regimes = RememberedRegimes()
        self._journal = RememberedJournal()

    def open_unit_of_work(self, user_id: UUID) -> MemoryUnit:
        """The same for every user: there is one."""
        return MemoryUnit(self)

    @property
    def book(self) -> RememberedJournal:
        """The journal as the school writes it."""
        return self._journal

    @property
    def journal(self) -> Sequence[JournalEntry]:
        """All entries, oldest first."""
        return self._journal.entries

    @property
    def memories_kept(self) -> int:
        """How many memories there are."""
        return len(self.memories)

    @property
    def accepted(self) -> Mapping[UUID, ProposalAccepted]:
        """The proposals that became orders, by the entry order."""
        return self.trades.accepted

    def texts(self, ids: Iterable[UUID]) -> Mapping[UUID, str]:
        """What memories say, by their ids."""
        return {memory_id: self.memories.text(memory_id) for memory_id in ids}

    async def recall(self, query: RecallQuery, embedder: Embedder) -> list[RecalledMemory]:
        """What may be remembered, best first."""
        return await self.memories.recall(query, embedder)

    def awaits_verdict(self, closed_until: datetime) -> bool:
        """Whether a trade closed by then has an exit that nobody has judged."""
        return any(entry.created_at <= closed_until for entry in self._journal.unjudged)

    def know_positions(self, positions: Callable[[UUID], Position]) -> None:
        """Say where positions are found."""
        self.trades.positions = positions

    def note_accepted(self, accepted: ProposalAccepted) -> None:
        """Keep a proposal that became an order."""
        self.trades.accepted[accepted.order_id] = accepted

    def note_regime(self, symbol: str, at: datetime, reading: RegimeReading) -> None:
        """Keep a classification."""
        self.regimes.note(symbol, at, reading)


class MemoryUnit:
    """A look at a notebook, as the school of trades wants it."""

    def __init__(self, notebook: MemoryNotebook) -> None:
        self.memories = notebook.memories
        self.trades = notebook.trades
        self.regimes = notebook.regimes
        self.journal = notebook.book
        self.funds = self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Nothing is undone."""

    async def commit(self) -> None:
        """Everything is kept as it is done."""

    async def wishes_done(self, wish_ids: Sequence[int], at: datetime) -> None:
        """Wishes are carried out at once and never stored."""


def _fits(memory: Memory, query: RecallQuery) -> bool:
    """The conditions of RecallQuery."""
    if memory.created_at > query.as_of or memory.is_expired(query.as_of):
        return False
    if query.scopes and memory.scope not in query.scopes:
        return False
    if query.types and memory.type not in query.types:
        return False
    if not set(query.tags) <= set(memory.tags):
        return False
    named = (
        (memory.symbol, query.symbol),
        (memory.timeframe, query.timeframe),
        (memory.personality, query.personality),
    )
    if any(wanted is not None and own not in (None, wanted) for own, wanted in named):
        return False
    regime = memory.metadata.get("regime")
    if query.regime is None or regime is None:
        return True
    return regime in (query.regime.value, JOURNAL_REGIMES[query.regime].value)


def _best(found: Iterable[Found], worth: Callable[[Found], float | None], count: int) -> set[UUID]:
    """The best `count` of one search; of equals those with the lower ids."""
    worths = [(-value, each.memory.id) for each in found if (value := worth(each)) is not None]
    return {memory_id for _, memory_id in nsmallest(count, worths)}
