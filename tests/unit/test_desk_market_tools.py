"""What agents read of a market: numbers worked out by hand, and what is not known is said."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from desk_scenes import (
    FAINT,
    LONG,
    NOTHING,
    SETUPS,
    START,
    briefing_at,
    market_tools,
    played,
    played_fund,
    recalling,
    sample,
    with_model,
)
from desk_world import KnownMarket
from hedgerow.domain.errors import InvalidValue
from hedgerow.domain.market import Candle, Timeframe
from hedgerow.domain.market_data import (
    BookLevel,
    DerivativesReading,
    MarketTrade,
    NewsItem,
    OrderBookSnapshot,
)
from hedgerow.domain.orders import OrderSide
from hedgerow.domain.proposals import Proposal
from hedgerow.domain.regimes import Regime
from hedgerow.infrastructure.agents.desk import floor
from hedgerow.infrastructure.agents.desk.floor import ReadOnlyTool
from hedgerow.infrastructure.agents.desk.market_tools import UNKNOWN
from hedgerow.infrastructure.agents.desk.roster import ROSTER
from hedgerow.usecases.ports.desk import Briefing

SYMBOL = "BTC/USDT"


def rising() -> Briefing:
    """120 candles of four hours that close at 101, 102, ... 220; volume 10 but 30 at the end."""
    window = tuple(
        Candle(
            SYMBOL,
            Timeframe.H4,
            START + n * Timeframe.H4.duration,
            open=Decimal(100 + n),
            high=Decimal(102 + n),
            low=Decimal(99 + n),
            close=Decimal(101 + n),
            volume=Decimal(30 if n == 119 else 10),
        )
        for n in range(120)
    )
    return briefing_at(SYMBOL, 120, candles=window, at=window[-1].close_time)


RISING = rising()


def level(price: str, quantity: int) -> BookLevel:
    return BookLevel(Decimal(price), Decimal(quantity))


def trade(minutes_ago: float, side: OrderSide, price: int, quantity: str) -> MarketTrade:
    at = RISING.at - timedelta(minutes=minutes_ago)
    return MarketTrade(SYMBOL, at, f"{minutes_ago}", side, Decimal(price), Decimal(quantity))


def item(hours_ago: float, title: str) -> NewsItem:
    at = RISING.at - timedelta(hours=hours_ago)
    return NewsItem(title, "wire", title, f"all of {title}", "", (SYMBOL,), at, at)


class TestCandles:
    async def test_the_last_of_its_own_timeframe(self) -> None:
        told = await market_tools(RISING).read_candles(count=2)
        assert told["timeframe"] == "4h"
        assert told["candles"] == [
            ["01-20 16:00", 218.0, 220.0, 217.0, 219.0, 10.0],
            ["01-20 20:00", 219.0, 221.0, 218.0, 220.0, 30.0],
        ]
        assert told["change_pct_over_candles"] == {
            "1": 0.456621,  # 220 / 219
            "5": 2.32558,  # 220 / 215
            "20": 10.0,  # 220 / 200
            "100": 83.3333,  # 220 / 120
        }
        assert told["volume_over_usual"] == 3.0

    @pytest.mark.parametrize(
        ("count", "told"), [(-5, 1), (0, 1), (1, 1), (50, 50), (51, 50), (10**30, 50)]
    )
    async def test_how_many_there_may_be(self, count: int, told: int) -> None:
        assert len((await market_tools(RISING).read_candles(count=count))["candles"]) == told

    async def test_longer_ones_are_made_and_shorter_ones_looked_up(self) -> None:
        asked: list[tuple[Timeframe, int]] = []

        def longer(timeframe: Timeframe, count: int) -> Sequence[Candle]:
            asked.append((timeframe, count))
            return RISING.candles[:count]

        hour = replace(RISING.candles[0], timeframe=Timeframe.H1, close=Decimal(7))
        tools = market_tools(replace(RISING, longer=longer), KnownMarket({SYMBOL: [hour]}))
        assert (await tools.read_candles("1d", 3))["timeframe"] == "1d"
        assert asked == [(Timeframe.D1, 3)]
        told = await tools.read_candles("1h")
        assert [row[4] for row in told["candles"]] == [7.0]
        assert "change_pct_over_candles" not in told
        assert await tools.read_candles("1m") == UNKNOWN

    async def test_what_longer_ones_are_not_known(self) -> None:
        assert await market_tools(RISING).read_candles("1d") == UNKNOWN


class TestIndicatorsAndRegime:
    async def test_indicators_are_those_of_the_textbook(self) -> None:
        told = await market_tools(RISING).read_indicators()
        # each candle reaches 3 from low to high, and all closes rise by 1
        assert (told["close"], told["rsi"], told["atr"]) == (220.0, 100.0, 3.0)
        assert told["ma50"] == 220 - 24.5
        assert told["bands"][1] == 220 - 9.5
        assert told["bands"][2] - told["bands"][0] == pytest.approx(4 * (399 / 12) ** 0.5, 1e-4)
        assert told["channel_of_20"] == [198.0, 220.0]
        assert told["volume_over_usual"] == 3.0

    async def test_the_regime_now_and_before(self) -> None:
        briefing = briefing_at(*LONG)
        told = await market_tools(briefing).read_regime()
        assert (told["regime"], told["before"]) == ("trend_up", "unknown")
        assert told["confidence"] == pytest.approx(briefing.regime.confidence, rel=1e-5)
        assert set(told["indicators"]) == set(briefing.regime.indicators)
        turned = replace(briefing, regime_before=Regime.RANGE)
        assert (await market_tools(turned).read_regime())["before"] == "range"

    async def test_a_setup_with_its_side_and_confidence(self) -> None:
        told = await market_tools(briefing_at(*SETUPS["range, short"])).find_setup()
        assert told["found"] is True
        assert (told["play"], told["setup_type"]) == ("band reversion", "reversal")
        assert told["side"] == "short"
        assert told["confidence"] == pytest.approx(0.8055385, rel=1e-6)
        assert (await market_tools(briefing_at(*FAINT["trend up"])).find_setup())["found"] is True

    async def test_no_setup_and_why_not(self) -> None:
        told = await market_tools(briefing_at(*NOTHING)).find_setup()
        assert told == {"found": False, "why": "No play while the regime is changing."}


class TestOrderFlow:
    async def test_what_stands_near_the_price(self) -> None:
        book = OrderBookSnapshot(
            SYMBOL,
            RISING.at - timedelta(seconds=90),
            bids=(level("99.9", 2), level("99.6", 3), level("99", 5)),
            asks=(level("100.1", 1), level("100.4", 4), level("101", 9)),
        )
        told = await market_tools(RISING, KnownMarket(book=book)).read_order_book()
        assert (told["age_s"], told["spread_pct"]) == (90, 0.2)
        assert told["within_0.1_pct"] == {"bids": 2.0, "asks": 1.0, "bid_share": 0.666667}
        assert told["within_0.5_pct"] == {"bids": 5.0, "asks": 5.0, "bid_share": 0.5}

    async def test_a_book_with_nothing_near_leans_no_way(self) -> None:
        book = OrderBookSnapshot(SYMBOL, RISING.at, (level("90", 2),), (level("110", 2),))
        told = await market_tools(RISING, KnownMarket(book=book)).read_order_book()
        assert told["within_0.5_pct"] == {"bids": 0.0, "asks": 0.0, "bid_share": 0.5}

    @pytest.mark.parametrize("side", ["bids", "asks"])
    async def test_half_a_book_is_none(self, side: str) -> None:
        whole: dict[str, Any] = {"bids": (level("99", 1),), "asks": (level("101", 1),)}
        book = OrderBookSnapshot(SYMBOL, RISING.at, **(whole | {side: ()}))
        assert await market_tools(RISING, KnownMarket(book=book)).read_order_book() == UNKNOWN

    async def test_who_was_in_a_hurry(self) -> None:
        tape = [
            trade(61, OrderSide.SELL, 50, "9"),
            trade(59, OrderSide.BUY, 100, "1"),
            trade(30, OrderSide.SELL, 101, "1"),
            trade(0, OrderSide.BUY, 102, "2"),
        ]
        tools = market_tools(RISING, KnownMarket(tape=tape))
        told = await tools.read_trades()
        assert told == {
            "known": True,
            "trades": 3,
            "bought": 3.0,
            "sold": 1.0,
            "buy_share": 0.75,
            "largest": 2.0,
            "change_pct": 2.0,
        }
        assert (await tools.read_trades(minutes=10_000))["trades"] == 4
        assert (await tools.read_trades(minutes=-1))["trades"] == 1


class TestDerivativesAndNews:
    async def test_funding_and_open_interest(self) -> None:
        def reading(hours_ago: int, funding: str, interest: int) -> DerivativesReading:
            at = RISING.at - timedelta(hours=hours_ago)
            return DerivativesReading(SYMBOL, at, Decimal(funding), Decimal(interest))

        old, first, last = (
            reading(73, "9", 1),
            reading(72, "0.0001", 100),
            reading(0, "0.0003", 125),
        )
        told = await market_tools(
            RISING, KnownMarket(futures=[old, first, last])
        ).read_derivatives()
        assert told == {
            "known": True,
            "funding_pct": 0.03,
            "funding_pct_mean_3d": 0.02,
            "open_interest": 125.0,
            "open_interest_change_pct": 25.0,
        }
        none = replace(first, open_interest=Decimal(0))
        told = await market_tools(RISING, KnownMarket(futures=[none, last])).read_derivatives()
        assert "open_interest_change_pct" not in told, "there is no share of nothing"

    async def test_news_the_latest_first_and_quoted(self) -> None:
        items = [item(25, "yesterday"), item(3, "older"), item(1.5, "newer")]
        tools = market_tools(RISING, KnownMarket(items=items))
        told = await tools.read_news()
        assert told["items"] == [
            {
                "known_hours_ago": hours,
                "source": "««wire»»",
                "title": f"««{title}»»",
                "text": f"««all of {title}»»",
            }
            for hours, title in [(1.5, "newer"), (3.0, "older")]
        ]
        assert len((await tools.read_news(hours=26))["items"]) == 3
        many = KnownMarket(items=[item(n / 10, f"n{n}") for n in range(30)])
        assert len((await market_tools(RISING, many).read_news())["items"]) == 10


class TestCorrelations:
    async def test_they_are_those_of_numpy(self) -> None:
        briefing = briefing_at(*LONG)
        market = KnownMarket({symbol: list(candles) for symbol, candles in sample().items()})
        told = await market_tools(briefing, market, tuple(sample())).read_correlations()
        assert [each["symbol"] for each in told["with"]] == ["BTC/USDT", "ETH/USDT", "SOL/USDT"]
        end = LONG[1]
        own = returns_of(LONG[0], end)
        for each in told["with"]:
            other = returns_of(each["symbol"], end)
            assert each["correlation"] == pytest.approx(np.corrcoef(own, other)[0, 1], rel=1e-5)
            slope, _ = np.polyfit(other, own, 1)
            assert each["beta"] == pytest.approx(slope, rel=1e-5)
            follows, leads = np.corrcoef(own[1:], other[:-1]), np.corrcoef(own[:-1], other[1:])
            assert each["it_follows"] == pytest.approx(follows[0, 1], rel=1e-4)
            assert each["it_leads"] == pytest.approx(leads[0, 1], rel=1e-4)
            assert each["their_last_pct"] == pytest.approx(100 * np.expm1(other[-1]), rel=1e-4)

    async def test_who_moves_first_is_seen(self) -> None:
        briefing = briefing_at(*LONG)
        ahead = [
            replace(candle, symbol="LEAD/USDT", close=after.close)
            for candle, after in zip(briefing.candles, briefing.candles[1:], strict=False)
        ]
        tools = market_tools(briefing, KnownMarket({"LEAD/USDT": ahead}), ("LEAD/USDT",))
        (told,) = (await tools.read_correlations())["with"]
        assert told["it_follows"] == 1.0
        assert told["it_leads"] < 0.9

    @pytest.mark.parametrize("known", [0, 1, 30])
    async def test_too_little_in_common_is_not_compared(self, known: int) -> None:
        briefing = briefing_at(*LONG)
        few = [
            replace(c, symbol="FEW/USDT") for c in briefing.candles[len(briefing.candles) - known :]
        ]
        tools = market_tools(briefing, KnownMarket({"FEW/USDT": few}), ("FEW/USDT", LONG[0]))
        assert await tools.read_correlations() == UNKNOWN

    async def test_one_that_stands_still_correlates_with_nothing(self) -> None:
        briefing = briefing_at(*LONG)
        still = [replace(c, symbol="PEG/USDT", close=Decimal(1)) for c in briefing.candles]
        tools = market_tools(briefing, KnownMarket({"PEG/USDT": still}), ("PEG/USDT",))
        (told,) = (await tools.read_correlations())["with"]
        assert (told["correlation"], told["it_follows"], told["beta"]) == (0.0, 0.0, 0.0)


def returns_of(symbol: str, end: int) -> np.ndarray[Any, Any]:
    closes = [float(candle.close) for candle in sample()[symbol][end - 101 : end]]
    return np.diff(np.log(closes))


class TestWhatIsUnknown:
    @pytest.mark.parametrize(
        "tool", ["read_order_book", "read_trades", "read_derivatives", "read_news"]
    )
    async def test_is_said_and_nobody_is_paid_to_say_it(self, tool: str) -> None:
        assert await getattr(market_tools(RISING), tool)() is UNKNOWN
        briefing = briefing_at(*LONG, fund=played_fund())
        model = played()
        await with_model(model).desk().decide(briefing, recalling())
        mute = {agent.name for agent in ROSTER if tool in agent.tools}
        assert not mute & {name for name, _ in model.asked}


async def told_by_tool(name: str, **args: Any) -> Mapping[str, Any]:
    tool = ReadOnlyTool(getattr(market_tools(RISING), name), RISING.at)
    context: Any = None
    told: Mapping[str, Any] = await tool.run_async(args=args, tool_context=context)
    return told


class TestAsATool:
    @pytest.mark.parametrize(
        ("name", "args"),
        [
            ("read_candles", {"count": "ten"}),
            ("read_candles", {"count": 2.5}),
            ("read_candles", {"count": None}),
            ("read_candles", {"count": [1]}),
            ("read_candles", {"timeframe": "2w"}),
            ("read_candles", {"timeframe": 4}),
            ("read_candles", {"cnt": 3}),
            ("read_trades", {"minutes": float("nan")}),
            ("read_news", {"hours": {}}),
            ("read_news", {"symbol": "ETH/USDT"}),
            ("read_indicators", {"as_of": "2030-01-01"}),
        ],
    )
    async def test_arguments_that_do_not_fit_are_told(self, name: str, args: Any) -> None:
        told = await told_by_tool(name, **args)
        assert set(told) == {"as_of", "error"}
        assert "\n" not in told["error"]

    async def test_an_argument_that_does_not_fit_is_named(self) -> None:
        told = await told_by_tool("read_candles", count="ten")
        assert told["error"].startswith("count: Input should be a valid integer")

    async def test_every_answer_says_as_of_when(self) -> None:
        for name in (tool for agent in ROSTER[:9] for tool in agent.tools):
            if hasattr(market_tools(RISING), name):
                assert (await told_by_tool(name))["as_of"] == "2024-01-21 00:00"
        for name in ("read_order_book", "read_trades", "read_derivatives", "read_correlations"):
            assert await told_by_tool(name) == {"as_of": "2024-01-21 00:00", "known": False}

    async def test_what_the_store_refuses_is_told(self) -> None:
        async def refuses() -> Mapping[str, Any]:
            raise InvalidValue(field="symbol", value="?", allowed="BASE/QUOTE")

        context: Any = None
        told = await ReadOnlyTool(refuses, RISING.at).run_async(args={}, tool_context=context)
        assert "symbol" in told["error"]

    async def test_one_that_hangs_is_cut_off(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(floor, "TOOL_TIMEOUT_S", 0.02)
        cancelled = asyncio.Event()

        async def hangs() -> Mapping[str, Any]:
            try:
                await asyncio.sleep(60)
            finally:
                cancelled.set()
            return {}

        context: Any = None
        told = await ReadOnlyTool(hangs, RISING.at).run_async(args={}, tool_context=context)
        assert told == {"as_of": "2024-01-21 00:00", "error": "no answer within 0.02 s"}
        assert cancelled.is_set()

    @pytest.mark.parametrize("what", ["news", "candles"])
    async def test_a_store_that_hangs_holds_no_meeting_up(
        self, what: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(floor, "TOOL_TIMEOUT_S", 0.02)

        async def hangs(*_: object) -> Sequence[Any]:
            await asyncio.sleep(60)
            return []

        class Hanging(KnownMarket):
            pass

        setattr(Hanging, what, hangs)
        model = played()
        of = with_model(model, market=Hanging())
        briefing = briefing_at(*LONG, fund=played_fund())
        decision = await asyncio.wait_for(of.desk().decide(briefing, recalling()), 5)
        assert isinstance(decision, Proposal)
        if what == "news":
            assert model.requests("sentiment_analyst") == []
