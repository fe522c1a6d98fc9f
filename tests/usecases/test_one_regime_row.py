"""The regime that is stored is the one that all go by: agent, stakes, journal, memory, story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from hedgerow.domain.journal import JOURNAL_REGIMES
from hedgerow.domain.market import Candle, Exchange, Timeframe
from hedgerow.domain.memory import MemoryType, RecalledMemory
from hedgerow.domain.proposals import Decision, Proposal
from hedgerow.domain.regimes import MODEL_VERSION, Regime, RegimeClassification, RegimeReading
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import WINDOW, IndicatorDesk
from hedgerow.infrastructure.agents.plays import PLAYS
from hedgerow.infrastructure.agents.rules_regime_model import RulesRegimeModel
from hedgerow.usecases.classify_regimes import Classify, RegimeDesk, classify_regimes
from hedgerow.usecases.explain_trade import Explanation, explain_trade
from hedgerow.usecases.paper_run import run_paper
from hedgerow.usecases.ports.desk import Briefing, Recall, RecallQuery
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from market_builders import BEGIN, random_market
from replay_builders import LetterEmbedder, ShelfOfCandles, SmallWorld, candle_set, plan_of

BTC: Final = "BTC/USDT"
END: Final = BEGIN + (WINDOW + 150) * timedelta(hours=1)
STRETCH_HOURS: Final = 9
TOLD: Final = (Regime.TREND_UP, Regime.VOLATILE, Regime.RANGE)


class Learned:
    """Tells what no rule would: another regime every few hours, whatever the market does."""

    candles_needed = WINDOW
    candles_least = WINDOW
    versions = ("learned_v1", MODEL_VERSION)

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        hours = (candles[-1].close_time - BEGIN) // timedelta(hours=STRETCH_HOURS)
        return RegimeReading(TOLD[hours % len(TOLD)], 0.9, {"hours": float(hours)}, "learned_v1")


class NeverAsked(Learned):
    """The same model in a run: what it has classified already, it need not classify again."""

    def read(self, candles: Sequence[Candle]) -> RegimeReading:
        raise AssertionError(f"the row of {candles[-1].close_time} is stored")


class WatchedHouse:
    """The house, with what it was told, what it asked its memory, and what it decided."""

    candles_needed = WINDOW

    def __init__(self) -> None:
        self._house = HouseAnalyst(IndicatorDesk())
        self.briefings: list[Briefing] = []
        self.queries: list[RecallQuery] = []
        self.proposals: dict[datetime, Proposal] = {}

    async def decide(self, briefing: Briefing, recall: Recall) -> Decision:
        async def noted(query: RecallQuery) -> Sequence[RecalledMemory]:
            self.queries.append(query)
            return await recall(query)

        self.briefings.append(briefing)
        decision = await self._house.decide(briefing, noted)
        if isinstance(decision, Proposal):
            self.proposals[briefing.at] = decision
        return decision


async def test_all_go_by_the_row_that_is_stored(open_postgres: OpenUnitOfWork) -> None:
    candles = candle_set(random_market(WINDOW + 150, seed=3))
    shelf, asked = (
        ShelfOfCandles(),
        Classify(Exchange.BINANCE, [BTC], END, timeframes=(Timeframe.H1,)),
    )
    await shelf.save(Exchange.BINANCE, candles.candles)
    # The rules' rows stand beside, and say something else.
    for model in (RulesRegimeModel(IndicatorDesk()), Learned()):
        desk = RegimeDesk(open_postgres, shelf, model)
        await classify_regimes(desk, replace(asked, since=BEGIN), lambda *_: None)
    house = WatchedHouse()
    world = SmallWorld(open_postgres).desk
    staff = replace(world.make_staff(Exchange.BINANCE, (), END), analyst=house)
    paper = replace(world, make_staff=lambda *_: staff, regime_model=NeverAsked())
    run = await run_paper(paper, plan_of(candles), candles, lambda _: None, lambda: False)

    async with open_postgres(SYSTEM) as unit:
        found = await unit.regimes.between(BTC, Timeframe.H1, BEGIN, END)
        positions = await unit.trades.positions(run.strategy_id)
        stories = [await explain_trade(unit, str(position.id)) for position in positions]
        query = RecallQuery(END, vector=(1.0,) * 4, types=(MemoryType.DECISION,), limit=50)
        decisions = await unit.memories.recall(run.user_id, query, LetterEmbedder.model)
    rows = {row.timestamp: row for row in found if row.reading.model_version == "learned_v1"}
    assert len(found) == 2 * len(rows)
    assert [each.regime for each in house.briefings] == [
        rows[each.at].reading for each in house.briefings
    ]
    assert [each.regime for each in house.queries] == [
        rows[each.as_of].reading.regime for each in house.queries
    ]
    for at, proposal in house.proposals.items():
        play = PLAYS[rows[at].reading.regime]
        assert (proposal.regime, proposal.strategy_used) == (rows[at].reading.regime, play.name)
    assert decisions
    for recalled in decisions:
        row = rows[recalled.memory.created_at]
        assert recalled.memory.metadata["regime"] == row.reading.regime
    assert len([story for story in stories if story.journal]) > 3
    assert len({story.proposal.proposal.regime for story in stories}) > 1
    for story in stories:
        assert_told_alike(story, rows)


def assert_told_alike(story: Explanation, rows: dict[datetime, RegimeClassification]) -> None:
    """Proposal, story, journal and memories of a trade name the regime of the row."""
    row = rows[story.entry.order.created_at]
    assert story.regime == row
    assert story.proposal.proposal.regime is row.reading.regime
    if story.journal is None:
        return
    assert story.journal.market_regime is JOURNAL_REGIMES[row.reading.regime]
    left = {memory.type: memory for memory in story.memories_left}
    for kind in (MemoryType.TRADE, MemoryType.LESSON):
        assert left[kind].metadata["regime"] == row.reading.regime
    at_exit = max(at for at in rows if at <= story.journal.created_at)
    assert story.journal.lessons_learned is not None
    assert story.journal.lessons_learned.endswith(f"in {rows[at_exit].reading.regime}")
