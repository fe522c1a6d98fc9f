"""A fund with a history, stored through the repositories, for the tests of the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine

from builders import NOON, Scene, instrument, proposal, usage_log
from hedgerow.domain.ai_budget import BudgetLimits
from hedgerow.domain.ai_usage import HOUSE
from hedgerow.domain.fund import Fund
from hedgerow.domain.ids import derived_id
from hedgerow.domain.journal import JournalEntry, journal_entry
from hedgerow.domain.market import Exchange, Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType
from hedgerow.domain.messages import KillSwitchPulled, Step
from hedgerow.domain.money import exact
from hedgerow.domain.orders import Order, OrderStatus
from hedgerow.domain.positions import Position
from hedgerow.domain.sessions import (
    AGENTS_APP,
    ContentType,
    EventContent,
    Session,
    SessionEvent,
)
from hedgerow.domain.strategies import RiskTolerance
from hedgerow.infrastructure.postgres.relay import PostgresRelayElection
from hedgerow.infrastructure.postgres.unit_of_work import PostgresUnitOfWork
from hedgerow.usecases.open_fund import PaperFundPlan, open_paper_fund
from hedgerow.usecases.ports.funds import PendingWish, TimedStep
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM
from hedgerow.usecases.ports.vault import AccountRef, WrappedKey

CAPITAL = Decimal(10_000)
LATER = NOON + timedelta(hours=1)
KEK = "kek"
LIMITS = BudgetLimits(1_000)


class WordCount:
    """An embedder that is its own whole model."""

    model = "word-count"
    dimensions = 2

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector each, never all zeros."""
        return [[1.0, float(len(text.split()))] for text in texts]


@dataclass(frozen=True, slots=True)
class Stored:
    """What one user has in the database: a closed trade, an open one, and all around them."""

    fund: Fund
    closed: Position
    open: Position
    entry: Order
    wishes: Sequence[PendingWish]
    journal: JournalEntry
    memory: Memory
    session: Session
    run: PaperRun
    data_key: WrappedKey
    exchange: ModelExchange
    meeting: Meeting

    @property
    def user_id(self) -> UUID:
        """Whose it is."""
        return self.fund.user.id

    @property
    def strategy_id(self) -> UUID:
        """The only strategy."""
        (strategy_id,) = self.fund.strategies
        return strategy_id


async def store(engine: AsyncEngine, owner: UUID, trades: int = 1) -> Stored:
    """Open a fund, close so many trades, learn, talk, and save all of it."""
    scene, opened = _opened(owner)
    for _ in range(trades - 1):
        _round_trip(scene)
        scene.end(scene.stop, OrderStatus.CANCELED)
    closed = _round_trip(scene)
    held = _hold(scene, 1)
    scene.tell(KillSwitchPulled("enough for today"))
    scene.decide(proposal(), next(iter(scene.fund.pairs)))
    step = Step((*opened.facts, *scene.facts), (*opened.wishes, *scene.wishes))
    entry = scene.fund.orders[held.entry_order_id]
    memory, session = _memory(owner, closed), _session(owner)
    journal, run, key = _journal(closed), _run(scene.fund), _data_key(scene.fund)
    exchange, meeting = _exchange(owner), _meeting(owner)
    async with PostgresUnitOfWork(engine, SYSTEM) as unit:
        await unit.funds.add(scene.fund)
        wishes = await unit.funds.save(scene.fund, [TimedStep(scene.at, step)])
        await unit.runs.add(run)
        await unit.journal.add(journal)
        await unit.memories.add([memory], await WordCount().embed([memory.content]), WordCount())
        await unit.sessions.add(session)
        await unit.sessions.add(_long_session(owner))
        await unit.model_records.add([exchange])
        await unit.meetings.add(meeting)
        paid = logged_call(owner)
        for call_id in (exchange.call_id, paid):
            await unit.ai_budgets.reserve(owner, call_id, Decimal("0.2"), LIMITS, NOON)
        await unit.ai_budgets.settle(owner, paid, Decimal("0.1"), NOON, usage_log(str(paid)))
        await unit.inbox.claim("subscriber", [(owner, 1)])
        await unit.vault_keys.register(KEK, NOON)
        await unit.vault_keys.add(key, NOON)
        await unit.commit()
    await _relay(engine, owner)
    return Stored(
        scene.fund,
        closed,
        held,
        entry,
        wishes,
        journal,
        memory,
        session,
        run,
        key,
        exchange,
        meeting,
    )


def _opened(owner: UUID) -> tuple[Scene, Step]:
    plan = PaperFundPlan(
        owner=owner,
        exchange=Exchange.BINANCE,
        instruments=[instrument("BTC/USDT"), instrument("ETH/USDT")],
        timeframe=Timeframe.H1,
        capital=CAPITAL,
        risk_tolerance=RiskTolerance.MODERATE,
    )
    fund, step = open_paper_fund(plan, NOON)
    return Scene(fund), step


def _hold(scene: Scene, place: int) -> Position:
    pair_id = list(scene.fund.pairs)[place]
    return scene.hold("100", pair_id)


def _round_trip(scene: Scene) -> Position:
    position = _hold(scene, 0)
    scene.acknowledge(scene.stop)
    scene.acknowledge(scene.target)
    scene.execute(scene.target, "110")
    return position


def _journal(closed: Position) -> JournalEntry:
    with exact():
        return journal_entry(derived_id(LATER, closed.id, "journal"), closed, proposal(), LATER)


def _memory(owner: UUID, closed: Position) -> Memory:
    return Memory(
        id=derived_id(LATER, owner, "lesson"),
        scope=MemoryScope.USER,
        type=MemoryType.LESSON,
        content="Breakouts on thin volume fail.",
        agent_id="reviewer",
        created_at=LATER,
        user_id=owner,
        symbol=closed.symbol,
        source_user_id=owner,
        source_trade_id=closed.id,
    )


def _session(owner: UUID) -> Session:
    session = Session(
        id=derived_id(NOON, owner, "session"),
        app_name="hedgerow-agents",
        user_id=str(owner),
        session_id="desk",
        created_at=NOON,
        updated_at=NOON,
        state={"_user_language": "en"},
    )
    session.append(
        SessionEvent("e1", "analyst", EventContent(ContentType.TEXT, text="Looking."), LATER)
    )
    return session


def _long_session(owner: UUID) -> Session:
    session = Session(derived_id(NOON, owner, "long"), AGENTS_APP, str(owner), "long", NOON, NOON)
    content = EventContent(ContentType.TEXT, text="Still looking.")
    session.append(*(SessionEvent(f"l{n}", "analyst", content, LATER) for n in range(65)))
    return session


def logged_call(owner: UUID) -> UUID:
    """A call of theirs that is settled, and whose log is kept."""
    return derived_id(NOON, owner, "logged call")


def _exchange(owner: UUID) -> ModelExchange:
    return ModelExchange(
        call_id=derived_id(NOON, owner, "call"),
        user_id=owner,
        session_id="desk",
        agent_name="analyst",
        step=0,
        asked=HOUSE,
        answered_by=HOUSE,
        request_key=sha256(b"key").hexdigest(),
        request=b'{"ask":"up?"}',
        response=b'{"say":"%d"}' % owner.int,
        at=NOON,
    )


def _meeting(owner: UUID) -> Meeting:
    return Meeting(
        id=derived_id(NOON, owner, "meeting"),
        user_id=owner,
        symbol="BTC/USDT",
        timeframe="1h",
        at=NOON,
        session_id=f"desk of {owner}",
        research_session_id=None,
        reason="a candle closed",
        answers={"analyst": {"view": "bullish"}},
        briefing={"price": "100", "fund": {"equity": "10"}},
        decision={"kind": "Proposal"},
        decision_hash=sha256(b"decision").hexdigest(),
        acted=True,
    )


def _run(fund: Fund) -> PaperRun:
    (strategy_id,) = fund.strategies
    return PaperRun(
        id=derived_id(NOON, fund.user.id, "run"),
        user_id=fund.user.id,
        strategy_id=strategy_id,
        fingerprint="the same plan",
        plan={},
        started_at=NOON,
        venue={},
    )


def _data_key(fund: Fund) -> WrappedKey:
    (account_id,) = fund.accounts
    key_id = derived_id(NOON, fund.user.id, "data key")
    return WrappedKey(key_id, AccountRef(account_id, fund.user.id), KEK, b"wrapped")


async def _relay(engine: AsyncEngine, owner: UUID) -> None:
    async with PostgresRelayElection(engine).stand("target") as outbox:
        assert outbox is not None
        await outbox.delivered({owner: 1})
