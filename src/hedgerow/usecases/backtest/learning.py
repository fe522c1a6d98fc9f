"""Learn within a backtest: journal, lessons and validated memories, none of which outlives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from uuid import UUID

from hedgerow.domain.fund import Fund
from hedgerow.domain.ids import derived_id
from hedgerow.domain.journal import JournalEntry, journal_entry
from hedgerow.domain.market import Candle
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.messages import LearnFromTrade, ProposalAccepted, Step
from hedgerow.domain.money import exact
from hedgerow.domain.regimes import RegimeReading
from hedgerow.usecases.backtest.desk import School
from hedgerow.usecases.learn_from_trade import TradeSchool, decision_memory
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.ports.funds import PendingWish

CandlesAfter = Callable[[str, datetime], Sequence[Candle]]


class PlainJournal:
    """Writes down what closed trades were, without lessons: for analysts without a memory."""

    def __init__(self, fund: Fund) -> None:
        self._fund = fund
        self.accepted: dict[UUID, ProposalAccepted] = {}
        self.journal: list[JournalEntry] = []
        self.memories_kept = 0

    def take_in(self, step: Step) -> None:
        """Keep what the step accepted."""
        for fact in step.facts:
            if isinstance(fact, ProposalAccepted):
                self.accepted[fact.order_id] = fact

    def close(self, trades: Sequence[tuple[LearnFromTrade, datetime]]) -> None:
        """Write the entries of trades that have ended."""
        for wish, at in trades:
            position = self._fund.changes.positions[wish.position_id]
            accepted = self.accepted[position.entry_order_id]
            entry_id = derived_id(at, position.id, "journal")
            with exact():
                self.journal.append(journal_entry(entry_id, position, accepted.proposal, at))

    def memory_texts(self) -> Mapping[UUID, str]:
        """Nothing is remembered."""
        return {}


class Learning:
    """What the house learns from its trades, by the school of paper runs."""

    def __init__(self, school: School, fund: Fund) -> None:
        self._user_id = fund.user.id
        self._embedder = school.embedder
        self._notebook = school.make_notebook()
        self._notebook.know_positions(fund.changes.positions.__getitem__)
        self._school = TradeSchool(
            self._notebook.open_unit_of_work, school.reviewer, school.curator, school.embedder
        )

    @property
    def journal(self) -> Sequence[JournalEntry]:
        """All entries so far."""
        return self._notebook.journal

    @property
    def memories_kept(self) -> int:
        """How many memories there are."""
        return self._notebook.memories_kept

    @property
    def accepted(self) -> Mapping[UUID, ProposalAccepted]:
        """The proposals that became orders, by the entry order."""
        return self._notebook.accepted

    def memory_texts(self) -> Mapping[UUID, str]:
        """What the memories say that moved an accepted proposal."""
        used = (each.proposal.memories_used for each in self.accepted.values())
        return self._notebook.texts(dict.fromkeys(chain.from_iterable(used)))

    async def recall(self, query: RecallQuery) -> Sequence[RecalledMemory]:
        """What is remembered (port Recall)."""
        return await self._notebook.recall(query, self._embedder)

    def classified(self, symbol: str, at: datetime, reading: RegimeReading) -> None:
        """Keep a regime: a review asks what it was when the trade ended."""
        self._notebook.note_regime(symbol, at, reading)

    async def take_in(self, step: Step, at: datetime) -> None:
        """Remember what the step accepted."""
        for fact in step.facts:
            if isinstance(fact, ProposalAccepted):
                self._notebook.note_accepted(fact)
                memory = decision_memory(self._user_id, fact, at)
                vectors = await self._embedder.embed([memory.content])
                async with self._notebook.open_unit_of_work(self._user_id) as unit:
                    await unit.memories.add([memory], vectors, self._embedder)

    async def close(self, trades: Sequence[tuple[LearnFromTrade, datetime]]) -> None:
        """Learn from trades that have ended."""
        for wish, at in trades:
            await self._school.learn(self._user_id, PendingWish(0, wish, at), wish)

    async def judge_exits(self, closed_until: datetime, candles_after: CandlesAfter) -> None:
        """Judge the exits that enough candles have followed."""
        if self._notebook.awaits_verdict(closed_until):
            await self._school.judge_exits(self._user_id, closed_until, candles_after)
