"""Any trade can be explained: from the memories that suggested it to the lesson it left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import digits
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.market import Timeframe
from hedgerow.domain.memory import MemoryType
from hedgerow.domain.orders import OrderPurpose, OrderStatus
from hedgerow.domain.proposals import Decision
from hedgerow.domain.regimes import Regime, RegimeReading, classification
from hedgerow.usecases.explain_trade import Explanation, explain_trade
from hedgerow.usecases.ports.desk import Briefing
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork
from replay_builders import CLOSES, HOUR, START, SmallWorld, buy, candle_set, hourly, sell

BTC = "BTC/USDT"
CANDLES = candle_set(hourly(BTC, CLOSES))


async def explained(open_unit: OpenUnitOfWork, trade: str) -> Explanation:
    async with open_unit(SYSTEM) as unit:
        return await explain_trade(unit, trade)


async def two_trades(open_unit: OpenUnitOfWork) -> list[str]:
    """The first is stopped, the second uses what it left and is left at the market."""

    def informed(briefing: Briefing) -> Decision:
        found = world.analyst.remembered[BTC, briefing.at]
        lessons = [each.id for each in found if each.type is MemoryType.LESSON]
        recalled = tuple(each.id for each in found)
        return buy(memories_used=tuple(lessons), memories_recalled=recalled)(briefing)

    world = SmallWorld(open_unit, {(BTC, 3): buy(), (BTC, 9): informed, (BTC, 11): sell})
    run = await world.run(CANDLES)
    async with open_unit(SYSTEM) as unit:
        return [str(each.id) for each in await unit.trades.positions(run.strategy_id)]


async def test_of_several_models_the_one_that_was_read_is_told(
    open_postgres: OpenUnitOfWork,
) -> None:
    first, _ = await two_trades(open_postgres)
    at = START + 3 * HOUR
    read = RegimeReading(Regime.TREND_UP, 0.5, {}, "a_model")
    async with open_postgres(SYSTEM) as unit:
        for reading in (read, replace(read, regime=Regime.VOLATILE, model_version="z_model")):
            await unit.regimes.add([classification(BTC, Timeframe.H1, at, reading)])
        await unit.commit()
    story = await explained(open_postgres, first)
    assert story.proposal.proposal.regime is Regime.TREND_UP
    assert story.regime is not None
    assert story.regime.reading == read


async def test_the_whole_story_is_told(open_postgres: OpenUnitOfWork) -> None:
    first, second = await two_trades(open_postgres)
    before, story = await explained(open_postgres, first), await explained(open_postgres, second)
    assert before.memories_recalled == []
    lesson = next(m for m in story.memories_recalled if m.type is MemoryType.LESSON)
    assert lesson.source_trade_id == before.position.id
    assert story.regime is not None
    assert story.regime.timestamp == START + 9 * HOUR
    assert story.proposal.order_id == story.entry.order.id == story.position.entry_order_id
    assert story.proposal.proposal.memories_used == (lesson.id,)
    assert story.proposal.checks[-1].name == "position_size"
    assert story.entry.order.purpose is OrderPurpose.ENTRY
    assert sum(fill.quantity for fill in story.entry.fills) == story.position.size_opened
    purposes = [o.order.purpose for o in story.protection]
    assert purposes == [OrderPurpose.STOP_LOSS, OrderPurpose.TAKE_PROFIT]
    assert [o.order.status for o in story.protection] == [OrderStatus.CANCELED] * 2
    assert [o.fills for o in story.protection] == [[], []]
    (left,) = story.exits
    assert left.order.reasoning == "the idea is spent"
    assert sum(fill.quantity for fill in left.fills) == story.position.size_opened
    assert story.journal is not None
    assert story.journal.trade_id == story.position.id
    assert {each.type for each in story.memories_left} == {MemoryType.LESSON, MemoryType.TRADE}


async def test_the_events_are_those_of_the_trade_and_sealed(open_postgres: OpenUnitOfWork) -> None:
    first, _ = await two_trades(open_postgres)
    story = await explained(open_postgres, first)
    told = [story.entry, *story.protection, *story.exits]
    subjects = {story.position.id, *(each.order.id for each in told)}
    assert {event.subject_id for event in story.events} == subjects
    assert all(event.is_intact for event in story.events)
    sequences = [event.sequence for event in story.events]
    assert sequences == sorted(set(sequences))
    kinds = [event.kind for event in story.events]
    assert kinds[:2] == ["ProposalAccepted", "OrderCreated"]
    assert kinds.index("PositionOpened") < kinds.index("PositionEnded")
    assert kinds.count("FillBooked") == sum(len(each.fills) for each in told)
    assert story.exits == []
    assert story.protection[0].order.status is OrderStatus.FILLED


async def test_last_is_the_trade_that_ended_last(open_postgres: OpenUnitOfWork) -> None:
    _, second = await two_trades(open_postgres)
    last = await explained(open_postgres, "last")
    assert str(last.position.id) == second
    assert digits(last) == digits(await explained(open_postgres, second))


async def test_a_trade_that_goes_on_has_no_end_yet(open_postgres: OpenUnitOfWork) -> None:
    await SmallWorld(open_postgres, {(BTC, 3): buy()}).run(candle_set(hourly(BTC, CLOSES[:5])))
    story = await explained(open_postgres, "last")
    assert story.position.is_open
    assert story.journal is None
    assert story.memories_left == []
    assert [o.order.is_working for o in story.protection] == [True, True]


async def test_the_beginning_of_an_id_is_enough_in_any_case(open_postgres: OpenUnitOfWork) -> None:
    first, second = await two_trades(open_postgres)
    alike = next(n for n in range(40) if first[n] != second[n])
    for prefix in (first[: alike + 1], first.upper(), first[:-1]):
        assert str((await explained(open_postgres, prefix)).position.id) == first
    with pytest.raises(InputRefused, match="several trades"):
        await explained(open_postgres, first[:alike])


@pytest.mark.parametrize("trade", ["zzz", "%", "_", "lastly"])
async def test_an_id_that_nothing_has_is_refused(open_postgres: OpenUnitOfWork, trade: str) -> None:
    await two_trades(open_postgres)
    with pytest.raises(InputRefused) as refused:
        await explained(open_postgres, trade)
    assert refused.value.what == "no trade has this id"
    assert refused.value.where == f"hedgerow explain {trade}"


async def test_where_nothing_was_traded_there_is_nothing_to_explain(
    open_postgres: OpenUnitOfWork,
) -> None:
    with pytest.raises(InputRefused, match="no trade to explain yet"):
        await explained(open_postgres, "last")
