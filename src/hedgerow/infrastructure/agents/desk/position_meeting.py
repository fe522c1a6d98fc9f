"""A fund's meeting about an open position, with the reasons it was opened for in view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from google.adk.workflow import START, Workflow

from hedgerow.domain.proposals import Abstention, Decision, ExitProposal, StopProposal
from hedgerow.infrastructure.agents.desk.answers import PositionView
from hedgerow.infrastructure.agents.desk.floor import Table, Tool
from hedgerow.infrastructure.agents.desk.fund_tools import PositionTools
from hedgerow.infrastructure.agents.desk.roster import BY_NAME
from hedgerow.infrastructure.agents.setups import market_words

WORKFLOW: Final = "PositionWorkflow"
MANAGER: Final = BY_NAME["position_manager"]


def tools_of(tools: PositionTools) -> Mapping[str, Tool]:
    """What the position manager may read."""
    return {name: getattr(tools, name) for name in MANAGER.tools}


def opening(tools: PositionTools, reason: str) -> dict[str, Any]:
    """What the position manager is told."""
    briefing = tools.briefing
    return {
        "symbol": briefing.symbol,
        "timeframe": str(briefing.timeframe),
        "as_of": f"{briefing.at:%Y-%m-%d %H:%M}",
        "why_we_meet": reason,
    }


def workflow(table: Table) -> Workflow:
    """One agent looks after one position."""
    return Workflow(name=WORKFLOW, edges=[(START, table.seat(MANAGER))])


def decide(tools: PositionTools, said: Mapping[str, Any], session_id: str) -> Decision:
    """What becomes of the position; a stop that is not on the menu stays where it is."""
    view = PositionView.model_validate(said[MANAGER.name])
    briefing, position = tools.briefing, tools.position
    market = market_words(briefing.regime, tools.market.seen, briefing.price_tick)
    words = f"{view.reasoning} {market}"
    if view.action == "exit":
        return ExitProposal(briefing.symbol, position.id, words, MANAGER.name, session_id)
    price = tools.stops.get(view.stop_level) if view.action == "tighten" else None
    if price is None:
        return Abstention(briefing.symbol, words, MANAGER.name, session_id)
    return StopProposal(briefing.symbol, position.id, price, words, MANAGER.name, session_id)
