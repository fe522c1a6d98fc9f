"""A trade that has ended is written down, leaves a lesson, and proves what it was based on."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from itertools import count
from uuid import UUID

import pytest

from builders import digits
from hedgerow.domain.journal import JournalEntry, MarketRegime, exit_was_correct
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType, Stance
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import Decision, SetupType
from hedgerow.usecases.ports.desk import Briefing, RecallQuery
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from replay_builders import (
    CLOSES,
    HOUR,
    START,
    LetterEmbedder,
    SmallWorld,
    buy,
    candle_set,
    hourly,
)

BTC = "BTC/USDT"
SERIES = hourly(BTC, CLOSES)
END = START + len(CLOSES) * HOUR


async def trades_of(open_unit: OpenUnitOfWork, run: PaperRun) -> list[Position]:
    async with open_unit(SYSTEM) as unit:
        return await unit.trades.positions(run.strategy_id)


async def entries_of(open_unit: OpenUnitOfWork, run: PaperRun) -> list[JournalEntry]:
    async with open_unit(SYSTEM) as unit:
        return await unit.trades.journal(run.strategy_id)


async def memories_of(open_unit: OpenUnitOfWork, trade: Position) -> dict[MemoryType, Memory]:
    async with open_unit(SYSTEM) as unit:
        return {each.type: each for each in await unit.memories.of_trade(trade.id)}


async def test_the_journal_says_what_the_trade_was(open_postgres: OpenUnitOfWork) -> None:
    run = await SmallWorld(open_postgres).run(candle_set(SERIES))
    first, second = await trades_of(open_postgres, run)
    lost, won = await entries_of(open_postgres, run)
    for entry, trade in ((lost, first), (won, second)):
        assert (entry.trade_id, entry.user_id) == (trade.id, run.user_id)
        assert (entry.symbol, entry.side, entry.size) == (BTC, PositionSide.LONG, trade.size_opened)
        assert (entry.entry_price, entry.exit_price) == (trade.entry_price, trade.exit_price)
        assert entry.pnl == trade.realized_pnl - trade.fees
        assert entry.fees == trade.fees > 0
        cost = entry.entry_price * entry.size
        assert entry.pnl_percent == pytest.approx(entry.pnl / cost * 100, abs=Decimal("1e-8"))
        assert (entry.max_drawdown, entry.max_profit) == (trade.worst_pnl, trade.best_pnl)
        assert trade.closed_at is not None
        assert entry.created_at == trade.closed_at
        held = trade.closed_at - trade.opened_at
        assert entry.hold_duration == int(held.total_seconds()) > 3600
        assert (entry.strategy_used, entry.setup_type) == ("momentum breakout", SetupType.BREAKOUT)
        assert entry.market_regime is MarketRegime.TREND
        assert entry.entry_reasoning == trade.open_reasoning == "volume confirms the breakout"
        assert entry.exit_reasoning == trade.close_reasoning
        assert (entry.rsi_at_entry, entry.atr_at_entry) == (61.0, 2.5)
        assert (entry.volume_at_entry, entry.confidence_score) == (1200.0, 0.7)
        assert entry.improvement_tips == f"tips on {BTC}"
    assert (lost.won, won.won) == (False, True)
    assert lost.pnl < 0 < won.pnl
    assert lost.exit_reasoning.startswith("stop-loss filled at ")
    assert won.exit_reasoning.startswith("take-profit filled at ")


async def test_a_lesson_and_the_trade_itself_are_remembered_with_their_vectors(
    open_postgres: OpenUnitOfWork,
) -> None:
    run = await SmallWorld(open_postgres).run(candle_set(SERIES))
    embedder = LetterEmbedder()
    for trade, entry in zip(
        await trades_of(open_postgres, run), await entries_of(open_postgres, run), strict=True
    ):
        made = await memories_of(open_postgres, trade)
        assert made.keys() == {MemoryType.LESSON, MemoryType.TRADE}
        lesson, story = made[MemoryType.LESSON], made[MemoryType.TRADE]
        stance = Stance.SUPPORTS if entry.won else Stance.CAUTIONS
        assert lesson.content == f"a breakout that {stance}"
        assert lesson.stance is stance
        assert (lesson.importance, lesson.tags) == (0.625, ("brief",))
        assert (lesson.agent_id, story.agent_id) == ("brief_curator", "portfolio_manager")
        assert story.tags == ("breakout", "trend_up", "won" if entry.won else "lost")
        assert f"{entry.pnl_percent:+.2f}%" in story.content
        assert story.stance is None
        about = {"setup_type": "breakout", "side": "long", "regime": "trend_up"}
        assert lesson.metadata == about | {"stance": stance}
        assert story.metadata == about
        for each in (lesson, story):
            assert (each.scope, each.user_id) == (MemoryScope.USER, run.user_id)
            assert (each.symbol, each.timeframe) == (BTC, entry.timeframe)
            assert (each.source_user_id, each.source_trade_id) == (run.user_id, trade.id)
            assert (each.created_at, each.expires_at) == (entry.created_at, None)
            (vector,) = await embedder.embed([each.content])
            query = RecallQuery(END, vector=vector, types=(each.type,), symbol=BTC, limit=9)
            async with open_postgres(SYSTEM) as unit:
                found = await unit.memories.recall(run.user_id, query, "letters")
            alike = {recalled.memory.id: recalled.similarity for recalled in found}
            assert alike[each.id] == pytest.approx(1.0, abs=1e-6)


async def test_what_was_decided_is_remembered_from_then_on(open_postgres: OpenUnitOfWork) -> None:
    world = SmallWorld(open_postgres)
    await world.run(candle_set(SERIES))
    (decided,) = world.analyst.remembered[BTC, START + 4 * HOUR]
    assert (decided.type, decided.content) == (MemoryType.DECISION, "volume confirms the breakout")
    assert decided.created_at == START + 3 * HOUR
    assert decided.tags == ("breakout", "trend_up", "long")
    assert decided.importance == 0.7


@pytest.mark.parametrize("times", [1, 2])
async def test_what_a_trade_was_based_on_is_proven_by_how_it_ended_once(
    open_postgres: OpenUnitOfWork, times: int
) -> None:
    used: dict[MemoryType, UUID] = {}

    def informed(briefing: Briefing) -> Decision:
        found = world.analyst.remembered[BTC, briefing.at]
        used.update({each.type: each.id for each in found})
        return buy(memories_used=(*used.values(),) * times)(briefing)

    world = SmallWorld(open_postgres, {(BTC, 3): buy(), (BTC, 9): informed})
    await world.run(candle_set(SERIES))
    assert used.keys() == {MemoryType.DECISION, MemoryType.LESSON, MemoryType.TRADE}
    async with open_postgres(SYSTEM) as unit:
        stored = {each.type: each for each in await unit.memories.by_ids(list(used.values()))}
    # the trade won: a caution was wrong, what said nothing against it was right
    scores = {
        kind: (each.validation_score, each.validation_trades) for kind, each in stored.items()
    }
    assert scores == {
        MemoryType.DECISION: (1 / 3, 1),
        MemoryType.LESSON: (0.0, 1),
        MemoryType.TRADE: (1 / 3, 1),
    }
    unused = world.analyst.remembered[BTC, END]
    assert sum(each.validation_trades for each in unused) == 3


async def test_an_exit_is_judged_once_six_candles_have_closed_after_it(
    open_postgres: OpenUnitOfWork,
) -> None:
    candles = candle_set(SERIES)
    verdicts: dict[int, bool | None] = {}
    reviews: dict[int, str] = {}
    for spans in (8, 12, 13, 15):
        lived = len(verdicts) and max(verdicts)
        asked = count(lived)
        run = await SmallWorld(open_postgres).run(
            candles,
            lambda n=spans, a=asked: next(a) >= n,  # type: ignore[misc]
        )
        first = (await entries_of(open_postgres, run))[0]
        verdicts[spans], reviews[spans] = first.was_correct_exit, first.lessons_learned
    assert START + 6 * HOUR < first.created_at <= START + 7 * HOUR
    right = exit_was_correct(PositionSide.LONG, first.exit_price, SERIES[7:13])
    assert verdicts == {8: None, 12: None, 13: right, 15: right}
    assert right is False
    answers = "Entry timing: early\nExit: late\nRegime: none\nIndicators: few\nLesson: "
    assert reviews[12] == f"{answers}exit None in range"
    assert reviews[13] == reviews[15] == f"{answers}exit False in range"


async def test_only_the_six_candles_after_the_exit_judge_it(
    open_postgres: OpenUnitOfWork,
) -> None:
    closes = (*CLOSES[:7], 94, 93, 92, 91, 90, 89, 150)
    run = await SmallWorld(open_postgres, {(BTC, 3): buy()}).run(candle_set(hourly(BTC, closes)))
    (entry,) = await entries_of(open_postgres, run)
    assert entry.was_correct_exit is True


async def test_at_the_end_of_the_run_every_exit_is_judged_by_what_there_is(
    open_postgres: OpenUnitOfWork,
) -> None:
    run = await SmallWorld(open_postgres).run(candle_set(SERIES))
    first, second = await entries_of(open_postgres, run)
    assert second.created_at > START + 13 * HOUR
    assert second.was_correct_exit is exit_was_correct(
        PositionSide.LONG, second.exit_price, SERIES[14:]
    )
    assert first.was_correct_exit is not None


async def test_a_trade_that_ends_with_the_candles_cannot_be_judged(
    open_postgres: OpenUnitOfWork,
) -> None:
    world = SmallWorld(open_postgres, {(BTC, 3): buy()})
    run = await world.run(candle_set(SERIES[:7]))
    (entry,) = await entries_of(open_postgres, run)
    assert entry.was_correct_exit is None
    async with open_postgres(SYSTEM) as unit:
        waiting = await unit.journal.awaiting_exit_verdict(
            run.user_id, datetime.max.replace(tzinfo=START.tzinfo)
        )
    assert digits(waiting) == digits([entry])
