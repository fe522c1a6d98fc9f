"""What every UnitOfWork must do, and each of the stores it opens."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

import pytest

from builders import (
    BTC,
    NOON,
    STRATEGY,
    USER,
    Scene,
    account,
    begin,
    digits,
    exactly,
    happening,
    instrument,
    keep,
    opened_fund,
    pair,
    proposal,
    settings,
    strategy,
    walk,
)
from hedgerow.domain.errors import ConcurrentUpdate, UnknownEntity
from hedgerow.domain.events import GENESIS_HASH, Event, EventHead
from hedgerow.domain.fund import Fund
from hedgerow.domain.fund_state import Changes
from hedgerow.domain.journal import JournalEntry, journal_entry
from hedgerow.domain.ledger import Account
from hedgerow.domain.market import Exchange, MarketType, Timeframe
from hedgerow.domain.memory import Memory, MemoryScope, MemoryType
from hedgerow.domain.messages import (
    DecisionMade,
    EquityMarked,
    FundingSettled,
    IntervalClosed,
    KillSwitchPulled,
    Notify,
    PlaceOrder,
    Step,
)
from hedgerow.domain.orders import OrderStatus
from hedgerow.domain.positions import Position
from hedgerow.domain.proposals import Abstention
from hedgerow.domain.regimes import Regime, RegimeClassification, RegimeReading
from hedgerow.domain.strategies import ReasoningNote
from hedgerow.usecases.ports.desk import RecallQuery
from hedgerow.usecases.ports.funds import TimedStep
from hedgerow.usecases.ports.records import PaperRun
from hedgerow.usecases.ports.unit_of_work import SYSTEM, OpenUnitOfWork, UnitOfWork
from postgres_fixtures import on_every_postgres

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SOMEBODY = UUID(int=0x1F)
NOBODY = UUID(int=0)


@pytest.fixture
def open_unit(open_postgres: OpenUnitOfWork) -> OpenUnitOfWork:
    return open_postgres


class Words:
    """An embedder by name only: the contract brings vectors of its own."""

    def __init__(self, model: str = "words-3", dimensions: int = 3) -> None:
        self.model = model
        self.dimensions = dimensions

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        raise AssertionError("no store embeds by itself")


async def begun(open_unit: OpenUnitOfWork, **details: Any) -> Scene:
    """A stored fund, to be told things."""
    return Scene(await begin(open_unit, *opened_fund(**details)))


async def again(open_unit: OpenUnitOfWork, user_id: UUID = USER) -> Fund:
    async with open_unit(SYSTEM) as unit:
        return await unit.funds.load(user_id)


async def log_of(unit: UnitOfWork, user_id: UUID = USER) -> list[Event]:
    return [event async for event in unit.audit.events(user_id)]


async def held(open_unit: OpenUnitOfWork, scene: Scene) -> Position:
    """A stored position: what a trade's memories and journal refer to."""
    scene.facts.clear()
    position = scene.hold()
    await keep(open_unit, scene.fund, Step(tuple(scene.facts), tuple(scene.wishes)))
    scene.wishes.clear()
    return position


async def ended(open_unit: OpenUnitOfWork, scene: Scene, price: str = "95") -> Position:
    """A stored position that its stop has ended."""
    position = await held(open_unit, scene)
    target = scene.target
    steps = [scene.execute(scene.stop, price), scene.end(target, OrderStatus.CANCELED)]
    await keep(open_unit, scene.fund, *steps)
    return position


def seen(fund: Fund) -> Any:
    """All that a fund is, digit by digit, in the order in which it would go through it."""
    assert fund.changes == Changes(), "what has been saved is not saved again"
    shown = digits(fund)
    orderly = ("pairs", "strategies", "positions", "orders", "accounts")
    shown["in order"] = {name: list(getattr(fund, name)) for name in orderly}
    shown["fee currencies"] = {o.id: (o.fee_currency, f"{o.fee:f}") for o in fund.orders.values()}
    return shown


def a_fund_like_no_other(number: int, market_type: MarketType) -> tuple[Fund, Step]:
    """A fund with two strategies, none of whose ids any other fund has."""

    def own(place: int) -> UUID:
        return UUID(int=(number << 16) + place)

    user, through = own(1), account(id=own(2), user_id=own(1), passphrase=b"sealed")
    symbols = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
    traded = [
        (
            pair(own(10 + place), symbol, market_type, user_id=user, strategy_id=own(3))
            if symbol != "SOL/USDT"
            else pair(own(10 + place), symbol, market_type, user_id=user, strategy_id=own(4)),
            instrument(symbol, market_type),
        )
        for place, symbol in enumerate(symbols)
    ]
    for watched, _ in traded:
        watched.exchange_account_id = through.id
    first = strategy(
        market_type,
        id=own(3),
        user_id=user,
        target_allocations={"USDT": Decimal(1)},
        reasoning_log=(ReasoningNote(NOON, "a person", "nothing but cash"),),
    )
    second = strategy(market_type, id=own(4), user_id=user, allocated_capital=Decimal("70.5"))
    fund, begun = opened_fund(
        market_type,
        user_id=user,
        own=settings(max_daily_drawdown=Decimal(20), max_consecutive_loss=9),
        traded=traded[:2],
        through=through,
        paid_in=first,
    )
    fund.instruments = {watched.id: rules for watched, rules in traded}
    more = fund.open_strategy(second, [traded[2][0]], NOON)
    return fund, Step(begun.facts + more.facts, begun.wishes + more.wishes)


fund_numbers = count(1)


@pytest.mark.parametrize(
    ("postgres", "seed"),
    [*(("embedded", seed) for seed in range(5)), ("over TCP", 5)],
    indirect=["postgres"],
)
@pytest.mark.parametrize("market_type", MarketType)
async def test_a_fund_goes_on_as_if_it_had_never_been_put_away(
    open_unit: OpenUnitOfWork,
    market_type: MarketType,
    seed: int,
) -> None:
    opened = a_fund_like_no_other(next(fund_numbers), market_type)
    fund = await begin(open_unit, *opened)
    twin, steps = await again(open_unit, fund.user.id), list[TimedStep]()
    assert seen(twin) == seen(fund)
    for place, nudge in enumerate(walk(seed)):
        message = happening(fund, nudge, place)
        if message is None:
            continue
        at = fund.as_of + nudge.minutes * MINUTE
        step = fund.step(message, at)
        assert digits(twin.step(message, at)) == digits(step)
        steps.append(TimedStep(at, step))
        if nudge.rests:
            async with open_unit(SYSTEM) as unit:
                await unit.funds.save(fund, steps)
                await unit.commit()
            steps.clear()
            twin = await again(open_unit, fund.user.id)
            assert seen(twin) == seen(fund)


@on_every_postgres
class TestFunds:
    async def test_the_strategies_keep_their_order_whichever_changed_last(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        numbered = a_fund_like_no_other(next(fund_numbers), MarketType.SPOT)
        fund = await begin(open_unit, *numbered)
        first_pair = next(iter(fund.pairs.values()))
        await keep(
            open_unit,
            fund,
            fund.step(DecisionMade(first_pair.id, proposal(first_pair.symbol)), NOON),
        )
        loaded = await again(open_unit, fund.user.id)
        noted = loaded.step(IntervalClosed(), NOON)
        assert [f.strategy_id for f in noted.facts if isinstance(f, EquityMarked)] == list(
            fund.strategies
        )

    async def test_the_first_fee_currency_stays_the_first(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        step = scene.decide(proposal())
        entry = scene.entry
        more = [
            scene.execute(entry, "100", "2", fee="0.2", fee_currency="USDT"),
            scene.execute(entry, "100", "2", fee="0.1", fee_currency="BNB"),
        ]
        await keep(open_unit, scene.fund, step, *more)
        loaded = (await again(open_unit)).orders[entry.id]
        assert (loaded.fee_currency, loaded.fee) == ("USDT", Decimal("0.2"))
        assert loaded.fees == {"USDT": Decimal("0.2"), "BNB": Decimal("0.1")}

    async def test_an_unknown_fund_is_refused(self, open_unit: OpenUnitOfWork) -> None:
        with pytest.raises(UnknownEntity) as refused:
            await again(open_unit, NOBODY)
        assert (refused.value.kind, refused.value.id) == ("fund", NOBODY)

    async def test_of_two_who_save_the_second_is_refused_and_writes_nothing(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        await begun(open_unit)
        one, other = await again(open_unit), await again(open_unit)
        await keep(open_unit, one, one.step(KillSwitchPulled("first"), NOON + MINUTE))
        late = other.step(DecisionMade(BTC, proposal()), NOON + MINUTE)
        async with open_unit(SYSTEM) as unit:
            with pytest.raises(ConcurrentUpdate) as refused:
                await unit.funds.save(other, [TimedStep(NOON + MINUTE, late)])
            await unit.commit()
        assert (refused.value.user_id, refused.value.version) == (USER, 1)
        assert seen(await again(open_unit)) == seen(one)
        async with open_unit(SYSTEM) as unit:
            assert (await log_of(unit))[-1].sequence == one.event_head.sequence
            wished = [pending.wish for pending in await unit.funds.pending_wishes(USER)]
            assert PlaceOrder not in {type(wish) for wish in wished}
            assert await unit.audit.orders(USER) == []

    async def test_of_two_who_save_at_once_one_is_refused(self, open_unit: OpenUnitOfWork) -> None:
        await begun(open_unit)
        funds = [await again(open_unit) for _ in range(3)]

        async def save(fund: Fund) -> int:
            step = fund.step(KillSwitchPulled("enough"), NOON + MINUTE)
            try:
                await keep(open_unit, fund, step)
            except ConcurrentUpdate:
                return 0
            return 1

        assert sum(await asyncio.gather(*map(save, funds))) == 1
        assert (await again(open_unit)).version == 2

    async def test_tier_and_instruments_are_shared_by_funds(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        one = await begin(open_unit, *a_fund_like_no_other(next(fund_numbers), MarketType.SPOT))
        other = await begin(open_unit, *a_fund_like_no_other(next(fund_numbers), MarketType.SPOT))
        for fund in (one, other):
            assert seen(await again(open_unit, fund.user.id)) == seen(fund)

    async def test_each_fund_keeps_the_rules_it_was_given(self, open_unit: OpenUnitOfWork) -> None:
        one = await begin(open_unit, *a_fund_like_no_other(next(fund_numbers), MarketType.SPOT))
        finer, step = a_fund_like_no_other(next(fund_numbers), MarketType.SPOT)
        finer.instruments = {
            pair_id: replace(rules, quantity_step=Decimal("0.00001"))
            for pair_id, rules in finer.instruments.items()
        }
        await begin(open_unit, finer, step)
        for fund in (one, finer):
            assert (await again(open_unit, fund.user.id)).instruments == fund.instruments


@on_every_postgres
class TestEvents:
    async def test_are_chained_and_gapless_over_saves_and_loads(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        fund = (await begun(open_unit)).fund
        for minute in range(1, 4):
            step = fund.step(IntervalClosed(), NOON + minute * MINUTE)
            more = fund.step(DecisionMade(BTC, Abstention("BTC/USDT", "é ≤ 1", "a")), fund.as_of)
            await keep(open_unit, fund, step, more)
            fund = await again(open_unit)
        async with open_unit(SYSTEM) as unit:
            log = await log_of(unit)
        assert [event.sequence for event in log] == list(range(1, len(log) + 1))
        assert [e.previous_hash for e in log] == [GENESIS_HASH, *(e.hash for e in log[:-1])]
        assert all(event.is_intact for event in log)
        assert fund.event_head == EventHead(len(log), log[-1].hash)
        kinds = [event.kind for event in log]
        assert kinds == ["FundOpened", "CashMoved", *["EquityMarked", "Abstained"] * 3]
        assert {e.subject_id for e in log if e.kind == "EquityMarked"} == {STRATEGY}
        assert {e.subject_id for e in log if e.kind == "Abstained"} == {BTC}

    async def test_bear_the_time_of_their_step(self, open_unit: OpenUnitOfWork) -> None:
        fund = (await begun(open_unit)).fund
        times = [NOON + MINUTE, NOON + HOUR + timedelta(microseconds=1)]
        steps = [TimedStep(at, fund.step(IntervalClosed(), at)) for at in times]
        async with open_unit(SYSTEM) as unit:
            await unit.funds.save(fund, steps)
            assert [at for at, _ in await unit.trades.equity_marks(STRATEGY)] == times


@on_every_postgres
class TestWishes:
    async def test_are_pending_until_done_in_the_order_of_wishing(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        scene = await begun(open_unit)
        bought = scene.decide(proposal())
        stopped = scene.tell(KillSwitchPulled("enough"))
        saved = await keep(open_unit, scene.fund, bought, stopped)
        assert [pending.wish for pending in saved] == [*bought.wishes, *stopped.wishes]
        assert len({pending.id for pending in saved}) == len(saved) > 3
        async with open_unit(SYSTEM) as unit:
            assert await unit.funds.pending_wishes(USER) == saved
            assert await unit.funds.pending_wishes(SOMEBODY) == []
            await unit.funds.wishes_done([saved[0].id, saved[2].id], scene.at)
            await unit.funds.wishes_done([], scene.at)
            await unit.commit()
        async with open_unit(SYSTEM) as unit:
            left = await unit.funds.pending_wishes(USER)
        assert left == [one for place, one in enumerate(saved) if place not in (0, 2)]
        assert [pending.id for pending in left] == sorted(pending.id for pending in left)

    async def test_of_later_saves_come_later(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        first = await keep(open_unit, scene.fund, scene.decide(proposal()))
        second = await keep(open_unit, scene.fund, scene.tell(KillSwitchPulled("enough")))
        assert await keep(open_unit, scene.fund, scene.tell(IntervalClosed())) == []
        async with open_unit(SYSTEM) as unit:
            pending = await unit.funds.pending_wishes(USER)
        assert pending == [*first, *second]
        assert pending[0].at < pending[-1].at
        assert isinstance(pending[-2].wish, Notify)


@on_every_postgres
class TestUnitOfWork:
    async def test_leaving_without_commit_undoes_everything(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        scene = await begun(open_unit)
        position = await ended(open_unit, scene)
        before = seen(await again(open_unit))
        fund = await again(open_unit)
        step = fund.step(DecisionMade(BTC, proposal()), scene.at)
        async with open_unit(SYSTEM) as unit:
            pending = await unit.funds.pending_wishes(USER)
            await unit.funds.save(fund, [TimedStep(scene.at, step)])
            await unit.funds.wishes_done([one.id for one in pending], NOON)
            await unit.memories.add([memory(1)], [[1.0, 0.0, 0.0]], Words())
            await unit.journal.add(entry_of(position))
            await unit.regimes.add([regime(1)])
            await unit.runs.add(run(1))
        assert seen(await again(open_unit)) == before
        async with open_unit(SYSTEM) as unit:
            assert await unit.funds.pending_wishes(USER) == pending != []
            assert await recalled(unit) == []
            assert await unit.journal.of_trade(position.id) is None
            assert await unit.regimes.at("BTC/USDT", Timeframe.H1, NOON + HOUR) is None
            assert await unit.runs.latest() is None

    async def test_so_does_an_exception(self, open_unit: OpenUnitOfWork) -> None:
        await begun(open_unit)

        async def fail() -> None:
            async with open_unit(SYSTEM) as unit:
                await unit.runs.add(run(1))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await fail()
        async with open_unit(SYSTEM) as unit:
            assert await unit.runs.latest() is None

    async def test_what_is_not_committed_is_seen_inside_only(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        await begun(open_unit)
        async with open_unit(SYSTEM) as unit, open_unit(SYSTEM) as other:
            await unit.runs.add(run(1))
            assert await unit.runs.latest() == run(1)
            assert await other.runs.latest() is None
            await unit.commit()
            assert await other.runs.latest() == run(1)


def memory(number: int, **changes: Any) -> Memory:
    usual: dict[str, Any] = {
        "id": UUID(int=number),
        "scope": MemoryScope.USER,
        "type": MemoryType.LESSON,
        "content": f"lesson {number}",
        "agent_id": "house_reviewer",
        "created_at": NOON,
        "user_id": USER,
    }
    return Memory(**(usual | changes))


async def recalled(unit: UnitOfWork) -> list[Memory]:
    query = RecallQuery(NOON, vector=(1.0, 0.0, 0.0), limit=99)
    return [each.memory for each in await unit.memories.recall(USER, query, "words-3")]


@on_every_postgres
class TestMemories:
    async def test_come_back_as_they_were(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        position = await held(open_unit, scene)
        full = memory(
            1,
            type=MemoryType.TRADE,
            session_id="session",
            symbol="BTC/USDT",
            timeframe=Timeframe.H1,
            importance=0.1,
            tags=("won", "breakout"),
            metadata={"stance": "supports", "nested": {"list": [1, "a", None, True]}},
            personality="calm",
            source_user_id=USER,
            source_trade_id=position.id,
            expires_at=NOON + HOUR,
            validation_score=0.3,
            validation_trades=4,
        )
        plain = memory(2, scope=MemoryScope.COLLECTIVE, user_id=None)
        async with open_unit(SYSTEM) as unit:
            await unit.memories.add([full, plain], [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], Words())
            await unit.memories.add([], [], Words())
            await unit.commit()
        async with open_unit(SYSTEM) as unit:
            assert sorted(await recalled(unit), key=lambda each: each.id) == [full, plain]
            assert await unit.memories.of_trade(position.id) == [full]
            assert await unit.memories.of_trade(NOBODY) == []

    async def test_come_by_ids_in_the_order_asked_for(self, open_unit: OpenUnitOfWork) -> None:
        await begun(open_unit)
        async with open_unit(SYSTEM) as unit:
            await unit.memories.add([memory(n) for n in (1, 2, 3)], [[1.0, 0.0, 0.0]] * 3, Words())
            found = await unit.memories.by_ids([UUID(int=3), UUID(int=1)])
            assert [each.id.int for each in found] == [3, 1]
            assert await unit.memories.by_ids([]) == []

    async def test_a_trade_validates_a_memory_once(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        position = await held(open_unit, scene)
        used = memory(1)
        async with open_unit(SYSTEM) as unit:
            await unit.memories.add([used], [[1.0, 0.0, 0.0]], Words())
            used.validate(was_right=True)
            await unit.memories.save_validation(used, position.id, USER, True, NOON)
            await unit.commit()
        used.validate(was_right=True)
        async with open_unit(SYSTEM) as unit:
            with pytest.raises(Exception, match="memory_validations"):
                await unit.memories.save_validation(used, position.id, USER, True, NOON)
        async with open_unit(SYSTEM) as unit:
            (stored,) = await unit.memories.by_ids([used.id])
        assert (stored.validation_score, stored.validation_trades) == (1 / 3, 1)


def entry_of(position: Position, number: int = 1, minutes: int = 0) -> JournalEntry:
    return journal_entry(UUID(int=number), position, proposal(), NOON + minutes * MINUTE)


@on_every_postgres
class TestJournal:
    async def test_an_entry_comes_back_as_it_was(self, open_unit: OpenUnitOfWork) -> None:
        position = await ended(open_unit, await begun(open_unit), "94.123456")
        entry = entry_of(position)
        async with open_unit(SYSTEM) as unit:
            assert await unit.journal.of_trade(position.id) is None
            await unit.journal.add(entry)
            await unit.commit()
        async with open_unit(SYSTEM) as unit:
            found = await unit.journal.of_trade(position.id)
            assert await unit.trades.journal(STRATEGY) == [entry]
            assert await unit.trades.journal(NOBODY) == []
        assert digits(found) == digits(entry)

    async def test_a_trade_has_one(self, open_unit: OpenUnitOfWork) -> None:
        position = await ended(open_unit, await begun(open_unit))
        async with open_unit(SYSTEM) as unit:
            await unit.journal.add(entry_of(position))
            await unit.commit()
        with pytest.raises(Exception, match="trade_id"):
            async with open_unit(SYSTEM) as unit:
                await unit.journal.add(entry_of(position, 2))
        async with open_unit(SYSTEM) as unit:
            assert await unit.trades.journal(STRATEGY) == [entry_of(position)]

    async def test_an_exit_is_judged_once_and_no_more_awaited(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        scene = await begun(open_unit)
        entries = [
            entry_of(await ended(open_unit, scene), number, minutes)
            for number, minutes in ((1, 5), (2, 0), (3, 9))
        ]
        async with open_unit(SYSTEM) as unit:
            for entry in entries:
                await unit.journal.add(entry)
            until = NOON + 5 * MINUTE
            first, second = await unit.journal.awaiting_exit_verdict(USER, until)
            assert [first, second] == [entries[1], entries[0]]
            assert await unit.journal.awaiting_exit_verdict(SOMEBODY, until) == []
            first.was_correct_exit = False
            first.lessons_learned, first.improvement_tips = "patience", "wait"
            await unit.journal.save_exit_verdict(first)
            assert await unit.journal.awaiting_exit_verdict(USER, until) == [second]
            assert await unit.journal.of_trade(first.trade_id) == first
            await unit.journal.save_exit_verdict(
                replace(first, was_correct_exit=True, lessons_learned="second thoughts")
            )
            assert await unit.journal.of_trade(first.trade_id) == first


def regime(
    minutes: int,
    of: Regime = Regime.RANGE,
    symbol: str = "BTC/USDT",
    timeframe: Timeframe = Timeframe.H1,
    number: int | None = None,
    version: str = "rules_v1",
) -> RegimeClassification:
    reading = RegimeReading(of, 0.1 + 0.2, {"adx": 1 / 3, "price": 1e-9}, version)
    made = UUID(int=minutes if number is None else number)
    return RegimeClassification(made, symbol, timeframe, NOON + minutes * MINUTE, reading)


@on_every_postgres
class TestRegimes:
    async def test_the_latest_one_known_counts(self, open_unit: OpenUnitOfWork) -> None:
        async with open_unit(SYSTEM) as unit:
            await unit.regimes.add([regime(30), regime(10), regime(20)])
            await unit.regimes.add([])
            for minutes, known in ((9, None), (10, 10), (19, 10), (20, 20), (99, 30)):
                found = await unit.regimes.at("BTC/USDT", Timeframe.H1, NOON + minutes * MINUTE)
                assert found == (None if known is None else regime(known))

    async def test_symbols_and_timeframes_are_kept_apart(self, open_unit: OpenUnitOfWork) -> None:
        others = [regime(1, symbol="ETH/USDT"), regime(2, timeframe=Timeframe.H4)]
        async with open_unit(SYSTEM) as unit:
            await unit.regimes.add(others)
            assert await unit.regimes.at("BTC/USDT", Timeframe.H1, NOON + HOUR) is None
            assert await unit.regimes.at("ETH/USDT", Timeframe.H1, NOON + HOUR) == others[0]
            assert await unit.regimes.at("BTC/USDT", Timeframe.H4, NOON + HOUR) == others[1]

    async def test_the_first_for_its_time_and_model_stays(self, open_unit: OpenUnitOfWork) -> None:
        later = regime(10, Regime.VOLATILE, number=99)
        async with open_unit(SYSTEM) as unit:
            await unit.regimes.add([regime(10)])
            await unit.regimes.add([later, regime(11, Regime.TREND_UP)])
            at_ten = await unit.regimes.at("BTC/USDT", Timeframe.H1, later.timestamp)
            assert at_ten == regime(10)
            after = await unit.regimes.at("BTC/USDT", Timeframe.H1, NOON + HOUR)
            assert after == regime(11, Regime.TREND_UP)

    async def test_of_several_models_the_one_that_is_asked_for_counts(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        by_rules, old = regime(10), regime(10, number=1, version="regime_model_1h_v1")
        new = regime(10, Regime.VOLATILE, number=2, version="regime_model_1h_v2")
        async with open_unit(SYSTEM) as unit:
            await unit.regimes.add([old, by_rules, new, regime(5, number=3, version="other")])
            for versions, found in (
                (("rules_v1",), by_rules),
                (("regime_model_1h_v1", "rules_v1"), old),
                (("rules_v1", "regime_model_1h_v1"), by_rules),
                (("nobody",), None),
                ((), new),
            ):
                at = NOON + HOUR
                assert await unit.regimes.at("BTC/USDT", Timeframe.H1, at, versions) == found

    async def test_all_between_two_moments_come_by_time_and_version(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        learned = regime(20, number=99, version="regime_model_1h_v1")
        others = [
            regime(20, symbol="ETH/USDT", number=7),
            regime(20, timeframe=Timeframe.H4, number=8),
        ]
        async with open_unit(SYSTEM) as unit:
            await unit.regimes.add([regime(30), regime(20), learned, regime(10), *others])
            between = (NOON + 10 * MINUTE, NOON + 20 * MINUTE)
            found = await unit.regimes.between("BTC/USDT", Timeframe.H1, *between)
            assert found == [regime(10), learned, regime(20)]

    async def test_the_latest_of_every_market_and_model(self, open_unit: OpenUnitOfWork) -> None:
        learned = regime(20, number=99, version="regime_model_1h_v1")
        other = regime(5, symbol="ETH/USDT")
        async with open_unit(SYSTEM) as unit:
            await unit.regimes.add([regime(10), regime(30), learned, regime(20), other])
            assert await unit.regimes.latest(NOON + 20 * MINUTE) == [learned, regime(20), other]
            assert await unit.regimes.latest(NOON) == []

    async def test_a_symbol_is_of_the_exchange_that_claimed_it_first(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        async with open_unit(SYSTEM) as unit:
            assert await unit.regimes.claim("BTC/USDT", Exchange.OKX) is Exchange.OKX
        async with open_unit(SYSTEM) as unit:
            # what was not committed claims nothing
            assert await unit.regimes.claim("BTC/USDT", Exchange.BINANCE) is Exchange.BINANCE
            await unit.commit()
        async with open_unit(SYSTEM) as unit:
            for asked in (Exchange.OKX, Exchange.BINANCE):
                assert await unit.regimes.claim("BTC/USDT", asked) is Exchange.BINANCE
            assert await unit.regimes.claim("ETH/USDT", Exchange.OKX) is Exchange.OKX


@on_every_postgres
class TestTrades:
    async def test_the_last_is_the_one_that_ended_last(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        async with open_unit(SYSTEM) as unit:
            assert await unit.trades.last() is None
        first = await held(open_unit, scene)
        async with open_unit(SYSTEM) as unit:
            assert digits(await unit.trades.last()) == digits(first)
        await keep(open_unit, scene.fund, scene.execute(scene.stop, "95"))
        await held(open_unit, scene)
        async with open_unit(SYSTEM) as unit:
            assert digits(await unit.trades.last()) == digits(first)

    async def test_are_found_by_either_end_of_their_ids(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        trades = [await ended(open_unit, scene) for _ in range(3)]
        async with open_unit(SYSTEM) as unit:
            (found,) = await unit.trades.by_part(str(trades[1].id))
            assert digits(found) == digits(trades[1])
            whole = str(trades[1].id)
            assert [p.id for p in await unit.trades.by_part(whole[:-1])] == [trades[1].id]
            assert [p.id for p in await unit.trades.by_part(whole[-12:])] == [trades[1].id]
            assert len(await unit.trades.by_part("0")) == 2
            for wildcard in ("%", "_", whole.replace("-", "_"), whole[1:-1]):
                assert await unit.trades.by_part(wildcard) == []

    async def test_a_position_comes_with_all_its_orders_and_executions(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        scene = await begun(open_unit)
        other = await held(open_unit, scene)
        gone = scene.execute(scene.stop, "95")
        await keep(open_unit, scene.fund, gone, scene.end(scene.target, OrderStatus.CANCELED))
        entered = scene.decide(proposal())
        entry = scene.entry
        steps = [entered, scene.execute(entry, "100", "4"), scene.execute(entry, "101")]
        position = scene.position
        stop, target = scene.stop, scene.target
        steps.append(scene.execute(stop, "95", "3"))
        await keep(open_unit, scene.fund, *steps)
        async with open_unit(SYSTEM) as unit:
            orders = await unit.trades.orders(position.id)
            fills = await unit.trades.fills([order.id for order in orders])
            assert [p.id for p in await unit.trades.positions(STRATEGY)] == [other.id, position.id]
            assert await unit.trades.fills([]) == []
            accepted = await unit.trades.proposal(entry.id)
            with pytest.raises(UnknownEntity):
                await unit.trades.proposal(stop.id)
            about = await unit.trades.events_about(USER, [position.id, stop.id])
            assert await unit.trades.events_about(SOMEBODY, [position.id]) == []
        assert [order.id for order in orders] == [entry.id, stop.id, target.id]
        assert [(f.order_id, f.quantity) for f in fills] == [
            (entry.id, Decimal(4)),
            (entry.id, entry.amount - 4),
            (stop.id, Decimal(3)),
        ]
        assert digits(accepted) == digits(entered.facts[0])
        assert {event.subject_id for event in about} == {position.id, stop.id}
        assert [event.sequence for event in about] == sorted(event.sequence for event in about)

    async def test_an_entry_belongs_to_every_position_it_has_opened(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        scene = await begun(open_unit)
        steps = [scene.decide(proposal())]
        entry = scene.entry
        steps.append(scene.execute(entry, "100", "4"))
        first = scene.position
        steps += [scene.execute(scene.stop, "95"), scene.execute(entry, "94", "6")]
        await keep(open_unit, scene.fund, *steps)
        async with open_unit(SYSTEM) as unit:
            for position in (first, scene.position):
                orders = await unit.trades.orders(position.id)
                assert [o.purpose for o in orders] == ["entry", "stop_loss", "take_profit"]
                assert orders[0].id == entry.id

    async def test_equity_over_time_is_one_strategys(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        for _ in range(2):
            await keep(open_unit, scene.fund, scene.tell(IntervalClosed(), HOUR))
        async with open_unit(SYSTEM) as unit:
            assert await unit.trades.equity_marks(STRATEGY) == [
                (NOON + hour * HOUR, EquityMarked(STRATEGY, *exactly(10_000, 10_000)))
                for hour in (1, 2)
            ]
            assert await unit.trades.equity_marks(NOBODY) == []

    async def test_counts_are_one_users(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        position = await ended(open_unit, scene)
        await keep(open_unit, scene.fund, scene.tell(KillSwitchPulled("enough")))
        await keep(open_unit, scene.fund, scene.decide(proposal()))
        another = a_fund_like_no_other(next(fund_numbers), MarketType.SPOT)
        other = (await begin(open_unit, *another)).user.id
        async with open_unit(SYSTEM) as unit:
            made = [memory(1), memory(2, user_id=other)]
            await unit.memories.add(made, [[1.0, 0.0, 0.0]] * 2, Words())
            await unit.journal.add(entry_of(position))
            counts = await unit.trades.counts(USER)
            others = await unit.trades.counts(other)
            assert await unit.trades.refusals(USER) == {"circuit_breaker": 1}
            assert await unit.trades.refusals(other) == {}
            assert await unit.trades.breaker_trips(USER) == 1
            assert await unit.trades.breaker_trips(other) == 0
        counted = [counts[name] for name in ("orders", "fills", "memories", "journal_entries")]
        assert counted == [3, 2, 1, 1]
        assert (counts["PositionOpened"], counts["FillBooked"], counts["RiskRaised"]) == (1, 2, 2)
        assert "Abstained" not in counts
        assert others == {
            "orders": 0,
            "fills": 0,
            "memories": 1,
            "journal_entries": 0,
            "FundOpened": 2,
            "CashMoved": 2,
        }


def run(number: int, fingerprint: str = "plan", **changes: Any) -> PaperRun:
    usual: dict[str, Any] = {
        "id": UUID(int=number),
        "user_id": USER,
        "strategy_id": STRATEGY,
        "fingerprint": fingerprint,
        "plan": {"capital": "10000.10", "symbols": ["BTC/USDT"], "seed": 7},
        "started_at": NOON,
        "venue": {"orders": {}},
    }
    return PaperRun(**(usual | changes))


@on_every_postgres
class TestPaperRuns:
    async def test_a_run_is_saved_as_far_as_it_has_come(self, open_unit: OpenUnitOfWork) -> None:
        await begun(open_unit)
        going = run(1)
        async with open_unit(SYSTEM) as unit:
            await unit.runs.add(going)
            assert await unit.runs.unfinished("plan") == going
            going.venue = {"trades": 3, "holdings": {"BTC/USDT": "0.10"}}
            going.closed_through = NOON + HOUR
            await unit.runs.save(going)
            assert await unit.runs.unfinished("plan") == going
            going.finished_at = NOON + 2 * HOUR
            await unit.runs.save(going)
            assert await unit.runs.unfinished("plan") is None
            assert await unit.runs.latest() == going

    async def test_runs_of_one_plan_are_counted_and_the_latest_goes_on(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        await begun(open_unit)
        async with open_unit(SYSTEM) as unit:
            assert await unit.runs.latest() is None
            assert await unit.runs.count("plan") == 0
            # ids and candle times say nothing of which was started last
            for number in (3, 1, 2):
                await unit.runs.add(run(number, started_at=NOON - number * HOUR))
            await unit.runs.add(run(4, "another"))
            assert await unit.runs.count("plan") == 3
            unfinished = await unit.runs.unfinished("plan")
            latest = await unit.runs.latest()
            assert [each.id.int for each in await unit.runs.all()] == [4, 2, 1, 3]
            assert await unit.runs.unfinished("a third") is None
        assert unfinished is not None
        assert latest is not None
        assert (unfinished.id.int, latest.id.int) == (2, 4)

    async def test_the_latest_finished_run_of_a_plan_is_found(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        await begun(open_unit)
        async with open_unit(SYSTEM) as unit:
            await unit.runs.add(run(1))
            assert await unit.runs.finished("plan") is None
            for number in (3, 2):
                await unit.runs.add(run(number, finished_at=NOON))
            await unit.runs.add(run(4))
            found = await unit.runs.finished("plan")
            assert await unit.runs.finished("another") is None
        assert found is not None
        assert found.id.int == 2

    async def test_knows_whether_a_fund_of_another_kind_is_there(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        async with open_unit(SYSTEM) as unit:
            assert await unit.runs.are_alone()
        await begun(open_unit)
        async with open_unit(SYSTEM) as unit:
            assert not await unit.runs.are_alone()
            await unit.runs.add(run(1))
            assert await unit.runs.are_alone()


@on_every_postgres
class TestAuditRecords:
    async def test_has_every_user_with_a_fund(self, open_unit: OpenUnitOfWork) -> None:
        async with open_unit(SYSTEM) as unit:
            assert await unit.audit.user_ids() == []
        made = [a_fund_like_no_other(next(fund_numbers), MarketType.SPOT) for _ in range(3)]
        for fund, step in reversed(made):
            await begin(open_unit, fund, step)
        async with open_unit(SYSTEM) as unit:
            assert await unit.audit.user_ids() == [fund.user.id for fund, _ in made]

    async def test_has_every_transfer_with_its_lines(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit)
        await ended(open_unit, scene)
        async with open_unit(SYSTEM) as unit:
            found = [transfer async for transfer in unit.audit.transfers(USER)]
            log = await log_of(unit)
            assert [each async for each in unit.audit.transfers(SOMEBODY)] == []
        moved = [event.body["transfer"] for event in log if event.kind == "CashMoved"]
        assert [str(each.id) for each in found] == [each["id"] for each in moved]  # type: ignore[index]
        assert {each.strategy_id for each in found} == {STRATEGY}
        cash = sum(
            line.amount for each in found for line in each.entries if line.account is Account.CASH
        )
        assert cash == scene.strategy.cash_reserve

    async def test_has_the_transfers_that_moved_nothing(self, open_unit: OpenUnitOfWork) -> None:
        scene = await begun(open_unit, market_type=MarketType.FUTURES)
        position = await held(open_unit, scene)
        settled = scene.tell(FundingSettled(position.id, scene.at, Decimal("1E-9")))
        await keep(open_unit, scene.fund, settled)
        async with open_unit(SYSTEM) as unit:
            found = [transfer async for transfer in unit.audit.transfers(USER)]
        assert found[-1].entries == ()
        assert (found[-1].reason, found[-1].strategy_id) == ("funding", STRATEGY)

    async def test_a_settlement_that_was_counted_is_known_again(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        scene = await begun(open_unit, market_type=MarketType.FUTURES)
        position = await held(open_unit, scene)
        settled = FundingSettled(position.id, scene.at, Decimal("1.25"))
        await keep(open_unit, scene.fund, scene.tell(settled, after=timedelta(hours=9)))
        async with open_unit(USER) as unit:
            loaded = await unit.funds.load(USER)
        assert loaded.step(settled, scene.at + timedelta(hours=1)).facts == ()
        later = replace(settled, settled_at=scene.at)
        assert loaded.step(later, scene.at + timedelta(hours=1)).facts
        assert loaded.positions[position.id].funding == Decimal("2.5")

    async def test_has_every_order_and_position_ended_or_not(
        self, open_unit: OpenUnitOfWork
    ) -> None:
        scene = await begun(open_unit)
        gone = await ended(open_unit, scene)
        there = await held(open_unit, scene)
        async with open_unit(SYSTEM) as unit:
            audited = await unit.audit.orders(USER)
            positions = await unit.audit.positions(USER)
            assert not await unit.audit.orders(SOMEBODY)
            assert not await unit.audit.positions(SOMEBODY)
        assert digits(positions) == digits([gone, there])
        assert [(a.order.purpose, len(a.fills)) for a in audited] == [
            ("entry", 1),
            ("stop_loss", 1),
            ("take_profit", 0),
            ("entry", 1),
            ("stop_loss", 0),
            ("take_profit", 0),
        ]
