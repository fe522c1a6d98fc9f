"""Answers of agents become advice, and the candles that followed say whether it was right."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from hedgerow.domain.advice import Advice, Matter
from hedgerow.domain.ai_usage import HOUSE
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.agents.desk.roster import ROSTER, Room
from hedgerow.usecases.candle_series import series_by_symbol
from hedgerow.usecases.evaluate.advice_of import advice_of
from hedgerow.usecases.evaluate.run_log import RunLog
from hedgerow.usecases.ports.model_records import Meeting, ModelExchange
from replay_builders import HOUR, START, hourly

BTC = "BTC/USDT"
# Up for ten hours, then down: the meeting is at the close of the first, or of the tenth.
CLOSES = [100 + n for n in range(10)] + [109 - n for n in range(1, 16)]
SERIES = series_by_symbol(hourly(BTC, CLOSES))
RISING, FALLING, LATE = START + HOUR, START + 10 * HOUR, START + 22 * HOUR
MENU = {
    "side": "long",
    "entries": {"market": 100.0, "limit_atr_0.5": 99.0},
    "stops_from_market": {"atr_1": 98.0},
    "targets_in_stop_distances": {"r_2": 2.0, "r_50": 50.0},
}


def meeting(
    said: dict[str, Any], at: Any = RISING, session: str = "research", **changes: Any
) -> Meeting:
    usual: dict[str, Any] = {
        "id": UUID(int=1),
        "user_id": UUID(int=2),
        "symbol": BTC,
        "timeframe": str(Timeframe.H1),
        "at": at,
        "session_id": session,
        "research_session_id": None,
        "reason": "a setup",
        "answers": said,
        "briefing": {},
        "decision": {"direction": "long"},
        "decision_hash": "00",
        "acted": False,
    }
    return Meeting(**(usual | changes))


def menu_of(menu: dict[str, Any]) -> ModelExchange:
    told = {"function_response": {"name": "trade_levels", "response": menu}}
    request = json.dumps({"contents": [{"role": "user", "parts": [{"text": "?"}, told]}]})
    return ModelExchange(
        *(UUID(int=3), UUID(int=2), "fund", "trader", 1, HOUSE, HOUSE, "key"),
        *(request.encode(), b"{}", RISING),
    )


def judged(*research: Meeting, fund: tuple[Meeting, ...] = (), menu: Any = None) -> list[Advice]:
    tickets = {} if menu is None else {"fund": [menu_of(menu)]}
    return advice_of([RunLog([], fund, research, tickets)], SERIES)


def finding(view: str, confidence: float = 0.7) -> dict[str, Any]:
    return {"view": view, "confidence": confidence, "summary": "so", "evidence": []}


@pytest.mark.parametrize(
    ("view", "at", "says", "came_true"),
    [
        ("bullish", RISING, True, True),
        ("bearish", RISING, False, True),
        ("bearish", FALLING, False, False),
        ("neutral", RISING, None, True),
        ("bullish", LATE, True, None),
    ],
)
def test_a_finding_is_about_the_close_six_candles_later(
    view: str, at: Any, says: Any, came_true: Any
) -> None:
    (found,) = judged(meeting({"market_analyst": finding(view)}, at))
    assert (found.matter, found.says, found.came_true) == (Matter.DIRECTION, says, came_true)
    assert (found.agent, found.symbol, found.at) == ("market_analyst", BTC, at)
    assert found.confidence == 0.7


def test_a_conclusion_is_judged_as_a_finding() -> None:
    said = {"direction": "short", "conviction": 0.8, "setup_type": "breakout"}
    (found,) = judged(meeting({"research_manager": said}, FALLING))
    assert found.is_right
    assert found.confidence == 0.8


@pytest.mark.parametrize(
    ("bull", "bear", "bulls", "bears"),
    [(0.6, 0.4, True, None), (0.4, 0.6, None, True), (0.5, 0.5, None, None)],
)
def test_the_stronger_argument_takes_its_side(
    bull: float, bear: float, bulls: Any, bears: Any
) -> None:
    said = {
        "bull_researcher": {"claim": "up", "strength": bull},
        "bear_researcher": {"claim": "down", "strength": bear},
    }
    by_bull, by_bear = judged(meeting(said, RISING))
    assert (by_bull.says, by_bull.came_true) == (bulls, True)
    assert (by_bear.says, by_bear.came_true) == (bears, False)


def fund_meeting(verdict: str, target: str = "r_2", stake: str = "half") -> Meeting:
    said = {
        "portfolio_manager": {"stake": stake, "reasoning": "so"},
        "trader": {
            "order_type": "market",
            "entry_level": "market",
            "stop_level": "atr_1",
            "target_level": target,
        },
        "risk_manager": {"verdict": verdict, "stake": stake, "reasoning": "so"},
    }
    return meeting(said, RISING, "fund", research_session_id="research")


@pytest.mark.parametrize(
    ("verdict", "target", "says", "came_true"),
    [
        ("approve", "r_2", True, True),
        ("veto", "r_2", False, True),
        ("shrink", "r_50", False, False),
    ],
)
def test_a_risk_view_is_about_the_tickets_own_stop_and_target(
    verdict: str, target: str, says: Any, came_true: Any
) -> None:
    found = judged(meeting({}), fund=(fund_meeting(verdict, target),), menu=MENU)
    view = next(each for each in found if each.agent == "risk_manager")
    assert (view.matter, view.says, view.came_true) == (Matter.TICKET, says, came_true)


def test_a_ticket_whose_menu_is_not_on_record_is_not_judged() -> None:
    found = judged(meeting({}), fund=(fund_meeting("approve"),))
    assert next(each for each in found if each.agent == "risk_manager").came_true is None


@pytest.mark.parametrize(("stake", "says"), [("half", True), ("none", False)])
def test_an_allocation_is_about_the_conclusion(stake: str, says: Any) -> None:
    found = judged(meeting({}), fund=(fund_meeting("approve", stake=stake),), menu=MENU)
    view = next(each for each in found if each.agent == "portfolio_manager")
    assert (view.matter, view.says, view.came_true) == (Matter.TAKING_PART, says, True)


@pytest.mark.parametrize(
    ("action", "at", "says", "came_true"),
    [("exit", RISING, True, False), ("exit", FALLING, True, True), ("hold", RISING, None, False)],
)
def test_leaving_is_judged_as_the_journal_judges_exits(
    action: str, at: Any, says: Any, came_true: Any
) -> None:
    said = {"position_manager": {"action": action, "thesis_holds": True, "reasoning": "so"}}
    held = meeting(said, at, "fund", briefing={"position": {"side": "long"}})
    (found,) = judged(fund=(held,))
    assert (found.matter, found.says, found.came_true) == (Matter.LEAVING, says, came_true)


def test_what_several_seeds_ask_alike_is_counted_once_by_the_first() -> None:
    first = RunLog([], (), [meeting({"market_analyst": finding("bullish")})], {})
    second = RunLog([], (), [meeting({"market_analyst": finding("bearish")}, session="b")], {})
    other = meeting({"market_analyst": finding("bearish")}, RISING + timedelta(hours=1))
    found = advice_of([first, second, RunLog([], (), [other], {})], SERIES)
    assert [(each.says, each.at) for each in found] == [(True, RISING), (False, other.at)]


def test_every_agent_that_advises_is_read() -> None:
    """The fields that answers are known by are those of the desk's own schemas."""
    unread = {"trader", "trade_reviewer", "memory_curator"}
    for agent in ROSTER:
        answer = agent.answer.abstain("nothing to say").model_dump(mode="json")
        briefing = {"position": {"side": "long"}} if agent.room is Room.POSITION else {}
        found = judged(meeting({agent.name: answer}, briefing=briefing))
        assert [each.agent for each in found] == ([] if agent.name in unread else [agent.name])


def test_prices_of_a_limit_follow_its_entry() -> None:
    low = MENU | {"entries": {"market": 100.0, "limit_atr_0.5": 60.0}}
    ticket = fund_meeting("approve")
    ticket.answers["trader"]["entry_level"] = "limit_atr_0.5"  # type: ignore[index]
    found = judged(meeting({}), fund=(ticket,), menu=low)
    # entered at 60 its target of 64 lies far below the market, and is met at once
    assert next(each for each in found if each.agent == "risk_manager").came_true is True
