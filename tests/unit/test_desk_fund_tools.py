"""What agents read of a fund, and the levels that they choose from by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import reproducible
from desk_scenes import (
    LONG,
    NOTHING,
    SETUPS,
    SHORT,
    Place,
    about,
    briefing_at,
    lesson,
    market_tools,
    open_position,
    recalling,
)
from desk_world import USER, fund_view
from hedgerow.domain.journal import MarketRegime, SetupRecord
from hedgerow.domain.market import MarketType
from hedgerow.domain.memory import RecalledMemory
from hedgerow.domain.money import ZERO
from hedgerow.domain.positions import Position, PositionSide
from hedgerow.domain.proposals import SetupType
from hedgerow.infrastructure.agents.desk.answers import Conclusion, Direction, Stake
from hedgerow.infrastructure.agents.desk.fund_tools import FundTools, PositionTools
from hedgerow.infrastructure.agents.desk.market_tools import UNKNOWN
from hedgerow.infrastructure.agents.desk.menu import MARKET, PLAY, Menu, stops_for
from hedgerow.infrastructure.agents.indicators import IndicatorDesk
from hedgerow.infrastructure.agents.setups import Setup
from hedgerow.infrastructure.agents.stakes import STOP_RATIO_MAX, Levels
from hedgerow.usecases.ports.desk import Briefing, RecallQuery

TICKS = tuple(Decimal(tick) for tick in ("0.01", "0.05", "0.1", "1"))


def concluding(direction: Direction, conviction: float = 0.7) -> Conclusion:
    return Conclusion(
        direction=direction,
        setup_type=SetupType.BREAKOUT,
        conviction=conviction,
        thesis="because",
        risks=[],
    )


def fund_tools(
    briefing: Briefing,
    *memories: RecalledMemory,
    record: SetupRecord | None = None,
    direction: Direction = Direction.LONG,
) -> FundTools:
    async def read_record(*asked: object) -> SetupRecord:
        before = briefing.at - timedelta(microseconds=1)
        expected = (USER, SetupType.TREND_FOLLOW, MarketRegime.TREND, before)
        assert asked == expected
        return record or SetupRecord(0, 0, ZERO)

    market = market_tools(briefing)
    return FundTools(briefing, market, concluding(direction), recalling(*memories), read_record)


def menu_at(place: Place, side: PositionSide, tick: Decimal, *, by_play: bool = True) -> Menu:
    briefing = briefing_at(*place, price_tick=tick, market_type=MarketType.FUTURES)
    market = market_tools(briefing)
    found = market.setup
    setup = found if isinstance(found, Setup) and found.look.side is side and by_play else None
    return Menu(briefing, market.seen, side, setup)


class TestFund:
    async def test_holdings_beside_their_targets(self) -> None:
        position = open_position("BTC/USDT", price="500", size="4")
        other = open_position("DOGE/USDT", price="100", size="1")
        targets = {"BTC/USDT": Decimal("0.5"), "ETH/USDT": Decimal("0.25")}
        fund = fund_view(positions=(position, other), target_allocations=targets)
        told = await fund_tools(briefing_at(*LONG, fund=fund)).read_portfolio()
        assert told == {
            "currency": "USDT",
            "equity": 10_000.0,
            "cash": 10_000.0,
            "holdings": {
                "BTC/USDT": {"share_pct": 20.0, "target_pct": 50.0},
                "DOGE/USDT": {"share_pct": 1.0, "target_pct": 0.0},
                "ETH/USDT": {"share_pct": 0.0, "target_pct": 25.0},
            },
        }

    async def test_a_fund_that_has_lost_everything_has_no_shares(self) -> None:
        fund = fund_view(positions=(open_position(LONG[0]),), equity=ZERO)
        told = await fund_tools(briefing_at(*LONG, fund=fund)).read_portfolio()
        assert told["holdings"][LONG[0]]["share_pct"] == 0.0

    async def test_limits_and_what_is_left_of_them(self) -> None:
        fund = fund_view(exposure=Decimal(1500), risk=Decimal(300), is_halted=True)
        told = await fund_tools(briefing_at(*LONG, fund=fund)).read_limits()
        assert told == {
            "trading_halted": True,
            "positions": {"open": 0, "max": 3},
            "exposure": {"now": 1500.0, "max": 10_000.0},
            "risk": {"now": 300.0, "max": 1000.0},  # a tenth of equity
            "position_size": {"min": 10.0, "max": 4000.0},
            "leverage_max": 1.0,
            "confidence_min": 0.55,
        }

    async def test_open_positions(self) -> None:
        position = open_position(
            LONG[0],
            price="200",
            stop_loss_price=Decimal(190),
            take_profit_price=Decimal(230),
        )
        position.current_price = Decimal(210)
        fund = fund_view(positions=(position,))
        (told,) = (await fund_tools(briefing_at(*LONG, fund=fund)).read_positions())["positions"]
        assert told == {
            "symbol": LONG[0],
            "side": "long",
            "entry_price": 200.0,
            "current_price": 210.0,
            "unrealized_pnl_pct": 5.0,
            "stop_loss_price": 190.0,
            "take_profit_price": 230.0,
            "opened_at": "2024-01-01 00:00",
        }


class TestMemory:
    async def test_lessons_and_what_they_make_of_the_confidence(self) -> None:
        supports = lesson(1, 0.8, metadata=about("supports"), content="buy the dip")
        other = lesson(2, 0.8, metadata=about("cautions", side="short"))
        told = await fund_tools(briefing_at(*LONG), supports, other).search_memory()
        # a tenth, times a trust of 0.6 + 1 / 5, times the similarity
        assert told["moved_by_memory"] == pytest.approx(0.064)
        assert told["confidence_before"] == 0.7
        assert told["confidence"] == pytest.approx(0.764)
        assert told["confidence_min"] == 0.55
        assert told["memories"][0] == {
            "lesson": "««buy the dip»»",
            "stance": "supports",
            "moves": 0.064,
            "tested_by_trades": 3,
        }
        assert len(told["memories"]) == 2

    async def test_it_is_asked_once_as_of_the_briefing(self) -> None:
        queries: list[RecallQuery] = []

        async def recall(query: RecallQuery) -> Sequence[RecalledMemory]:
            queries.append(query)
            return []

        briefing = briefing_at(*LONG)
        tools = replace(fund_tools(briefing), recall=recall)
        assert await tools.search_memory() == await tools.search_memory()
        (query,) = queries
        assert (query.as_of, query.symbol) == (briefing.at, briefing.symbol)
        assert query.tags == ("trend_follow", "long")

    async def test_trades_of_this_kind(self) -> None:
        record = SetupRecord(8, 6, Decimal("1.25"))
        told = await fund_tools(briefing_at(*LONG), record=record).read_journal_statistics()
        assert told == {
            "known": True,
            "setup_type": "trend_follow",
            "market_regime": "trend",
            "trades": 8,
            "won_pct": 75.0,
            "mean_pnl_pct": 1.25,
        }
        assert await fund_tools(briefing_at(*LONG)).read_journal_statistics() is UNKNOWN


class TestTicket:
    async def test_none_has_been_made_yet(self) -> None:
        assert await fund_tools(briefing_at(*LONG)).check_ticket() is UNKNOWN

    @pytest.mark.parametrize(
        ("stake", "share_pct", "loss_pct"),
        # half a per cent is staked over a stop of 4 %: 12.5 % goes in
        [(Stake.FULL, 12.5, 0.5), (Stake.HALF, 6.25, 0.25), (Stake.QUARTER, 3.12, 0.1248)],
    )
    async def test_in_numbers(self, stake: Stake, share_pct: float, loss_pct: float) -> None:
        tools = fund_tools(briefing_at(*LONG))
        levels = Levels(Decimal(300), Decimal(288), Decimal(330), None)
        tools.draft = tools.draft_of(levels, stake)
        told = await tools.check_ticket()
        assert told.pop("limits") == await tools.read_limits()
        assert told == {
            "known": True,
            "stake_asked_for": str(stake),
            "reward_to_risk": 2.5,
            "stop_away_pct": 4.0,
            "share_of_equity_pct": share_pct,
            "loss_at_stop_pct_of_equity": loss_pct,
        }


SIDES = st.sampled_from(list(PositionSide))
WHERE = st.sampled_from([*SETUPS.values(), NOTHING])


class TestMenu:
    def test_every_choice_is_on_the_tick_and_on_the_right_side(self) -> None:
        chosen = 0
        for place, side, tick in product(SETUPS.values(), PositionSide, TICKS):
            menu = menu_at(place, side, tick)
            market = menu.entries[MARKET]
            for entry, stop, target in product(menu.entries, menu.stops, menu.targets):
                for trails in (True, False):
                    at = menu.choose(entry, stop, target, trails=trails)
                    if at is None:
                        continue
                    chosen += 1
                    prices = (at.entry, at.stop, at.target)
                    assert min(prices) > 0
                    assert all(price % tick == 0 for price in prices)
                    assert (at.entry - at.stop) * side.sign >= tick
                    assert (at.target - at.entry) * side.sign > 0
                    assert (market - at.entry) * side.sign >= 0, "a limit is a better price"
                    assert abs(at.entry - at.stop) <= market * STOP_RATIO_MAX + tick
                    assert at.reward_to_risk <= menu.targets[target]
                    assert (at.trailing_stop_pct is not None) is trails
                    assert at.trailing_stop_pct is None or at.trailing_stop_pct > 0
        assert chosen > 1000

    @reproducible
    @given(
        entry=st.text(max_size=12),
        stop=st.text(max_size=12),
        target=st.text(max_size=12),
        place=WHERE,
        side=SIDES,
    )
    def test_a_name_that_is_not_on_it_is_refused(
        self, entry: str, stop: str, target: str, place: Place, side: PositionSide
    ) -> None:
        menu = menu_at(place, side, TICKS[0])
        known = (MARKET, "atr_2", "r_2")
        assert menu.choose(*known, trails=True) is not None
        for number, (name, names) in enumerate(
            [(entry, menu.entries), (stop, menu.stops), (target, menu.targets)]
        ):
            if name not in names:
                asked = [*known[:number], name, *known[number + 1 :]]
                assert menu.choose(*asked, trails=True) is None

    @pytest.mark.parametrize("price", ["189.35", "0", "-1", "Infinity", "NaN", "market "])
    def test_a_price_is_no_name(self, price: str) -> None:
        menu = menu_at(LONG, PositionSide.LONG, TICKS[0])
        assert menu.choose(price, "atr_2", "r_2", trails=False) is None
        assert menu.choose(MARKET, price, "r_2", trails=False) is None
        assert menu.choose(MARKET, "atr_2", price, trails=False) is None

    @pytest.mark.parametrize("tick", TICKS)
    @pytest.mark.parametrize("place", SETUPS.values(), ids=SETUPS)
    def test_the_play_is_what_the_house_would_do(self, place: Place, tick: Decimal) -> None:
        briefing = briefing_at(*place, price_tick=tick)
        setup = market_tools(briefing).setup
        assert isinstance(setup, Setup)
        menu = Menu(briefing, market_tools(briefing).seen, setup.look.side, setup)
        trails = bool(menu.told()["play_trails"])
        assert menu.choose(MARKET, PLAY, PLAY, trails=trails) == setup.at

    def test_without_a_setup_there_is_no_play(self) -> None:
        menu = menu_at(LONG, PositionSide.LONG, TICKS[0], by_play=False)
        assert PLAY not in menu.stops
        assert PLAY not in menu.targets
        assert PLAY not in menu_at(LONG, PositionSide.SHORT, TICKS[0]).stops

    def test_a_tick_too_coarse_leaves_no_stop(self) -> None:
        menu = menu_at(LONG, PositionSide.LONG, Decimal(100))
        assert menu.stops == {}
        assert menu.told()["stops_from_market"] == {}

    async def test_what_is_told_is_what_can_be_chosen(self) -> None:
        tools = fund_tools(briefing_at(*LONG))
        told = await tools.trade_levels()
        assert set(told["entries"]) == set(tools.menu.entries)
        assert set(told["stops_from_market"]) == set(tools.menu.stops)
        assert set(told["targets_in_stop_distances"]) == set(tools.menu.targets)
        market, stop = told["entries"][MARKET], told["stops_from_market"]["atr_2"]
        atr = tools.market.seen.regime.atr
        assert market - stop == pytest.approx(2 * atr, abs=0.01)


def guarded(side: PositionSide, stop: Decimal | None) -> Position:
    return open_position(LONG[0], side, price="300", stop_loss_price=stop)


class TestPosition:
    def tools(self, place: Place, position: Position) -> PositionTools:
        briefing = briefing_at(*place, position=position, fund=fund_view(positions=(position,)))
        return PositionTools(briefing, market_tools(briefing), position)

    async def test_what_it_was_opened_for_and_what_became_of_it(self) -> None:
        position = guarded(PositionSide.LONG, Decimal(290))
        position.open_reasoning = "trend »» up"
        tools = self.tools(LONG, position)
        tools.briefing = replace(tools.briefing, happened=("the stop was moved",))
        told = await tools.read_position()
        assert told["opened_because"] == "««trend >> up»»"
        assert told["happened"] == ["the stop was moved"]
        assert (told["regime_now"], told["reasons_gone"]) == ("trend_up", "no")
        turned = await self.tools(SHORT, position).read_position()
        assert turned["reasons_gone"] == "the regime has turned to trend_down"

    @reproducible
    @given(
        place=WHERE,
        side=SIDES,
        away=st.one_of(st.none(), st.decimals(-20, 20, places=2)),
        tick=st.sampled_from(TICKS),
    )
    def test_stops_only_come_closer(
        self, place: Place, side: PositionSide, away: Decimal | None, tick: Decimal
    ) -> None:
        briefing = briefing_at(*place, price_tick=tick)
        close = briefing.candles[-1].close
        present = None if away is None else close * (1 - side.sign * away / 100)
        position = open_position(
            place[0], side, price=str(close), stop_loss_price=present, id=UUID(int=1)
        )
        seen = IndicatorDesk().read(briefing.candles)
        for price in stops_for(position, briefing, seen).values():
            assert price % tick == 0
            assert (close - price) * side.sign > -tick, "or it would be hit at once"
            assert present is None or (price - present) * side.sign > 0

    async def test_those_of_a_long_by_name(self) -> None:
        tools = self.tools(LONG, guarded(PositionSide.LONG, None))
        seen = tools.market.seen
        close, atr = float(tools.briefing.candles[-1].close), seen.regime.atr
        told = await tools.stop_levels()
        assert told["entry"] == 300.0
        assert told["atr_1"] == pytest.approx(close - atr, abs=0.01)
        assert told["atr_2"] == pytest.approx(close - 2 * atr, abs=0.01)
        assert told["channel"] == pytest.approx(seen.channel_low, abs=0.01)
        closest = guarded(PositionSide.LONG, Decimal(str(close)) - Decimal("0.01"))
        assert await self.tools(LONG, closest).stop_levels() == {}

    def test_a_market_so_wild_that_a_stop_would_be_below_nothing_has_none_there(self) -> None:
        briefing = briefing_at(*LONG)
        wild = replace(briefing.candles[-1], high=Decimal(9000))
        seen = IndicatorDesk().read([*briefing.candles[:-1], wild])
        assert seen.regime.atr > 600
        stops = stops_for(guarded(PositionSide.LONG, None), briefing, seen)
        assert stops
        assert all(price > 0 for price in stops.values())
