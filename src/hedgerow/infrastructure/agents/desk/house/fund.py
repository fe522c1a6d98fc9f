"""How the house's fund agents judge: by the numbers their tools worked out."""

from __future__ import annotations

from hedgerow.infrastructure.agents.desk.answers import (
    Allocation,
    PositionView,
    RiskView,
    Stake,
    Ticket,
)
from hedgerow.infrastructure.agents.desk.house.heard import Heard, Json
from hedgerow.infrastructure.agents.desk.menu import MARKET, PLAY


def allocate(heard: Heard) -> Allocation:
    """The full stake where memory leaves enough confidence and limits leave room."""
    memory, limits = heard.known("search_memory"), heard.known("read_limits")
    if memory is None or limits is None:
        return Allocation.abstain("Memory or limits could not be read.")
    confidence = (
        f"Confidence {memory['confidence_before']:.2f} {memory['moved_by_memory']:+.3f} by memory "
        f"= {memory['confidence']:.2f}, wanted {memory['confidence_min']:.2f}"
    )
    if memory["confidence"] < memory["confidence_min"]:
        return Allocation(stake=Stake.NONE, reasoning=f"{confidence}: too little.")
    if full := _no_room(limits):
        return Allocation(stake=Stake.NONE, reasoning=f"{confidence}, but {full}.")
    past = heard.known("read_journal_statistics")
    record = (
        f" {past['trades']} such trades won {past['won_pct']:.0f} %, {past['mean_pnl_pct']:+.2f} % "
        "in mean."
        if past
        else " No such trade has ended yet."
    )
    return Allocation(stake=Stake.FULL, reasoning=f"{confidence}.{record}")


def _no_room(limits: Json) -> str | None:
    if limits["trading_halted"]:
        return "trading is halted"
    if limits["positions"]["open"] >= limits["positions"]["max"]:
        return f"all {limits['positions']['max']} positions are taken"
    return None


def write_ticket(heard: Heard) -> Ticket:
    """At the market, by the levels of the play; two ATR and twice the stop where there is none."""
    menu = heard.known("trade_levels")
    if menu is None:
        return Ticket.abstain("No levels are known.")
    by_play = PLAY in menu["stops_from_market"]
    stop, target = (PLAY, PLAY) if by_play else ("atr_2", "r_2")
    if stop not in menu["stops_from_market"]:
        return Ticket.abstain("There is no place for a stop.")
    return Ticket(
        order_type="market",
        entry_level=MARKET,
        stop_level=stop,
        target_level=target,
        trails=menu["play_trails"] if by_play else True,
        reasoning=(
            f"Entry at the market near {menu['entries'][MARKET]:g}, stop {stop} at "
            f"{menu['stops_from_market'][stop]:g}, target "
            f"{menu['targets_in_stop_distances'][target]:g} times as far."
        ),
    )


def assess(heard: Heard) -> RiskView:
    """Veto what the limits would refuse anyway; else agree to what is asked for."""
    told = heard.known("check_ticket")
    if told is None:
        return RiskView.abstain("The ticket could not be read.")
    if full := _no_room(told["limits"]):
        return RiskView(
            verdict="veto", stake=Stake.NONE, objections=[full], reasoning=f"Refused: {full}."
        )
    return RiskView(
        verdict="approve",
        stake=Stake(told["stake_asked_for"]),
        objections=[],
        reasoning=(
            f"{told['share_of_equity_pct']:.2f} % of equity goes in, of which the stop loses "
            f"{told['stop_away_pct']:.2f} %: {told['loss_at_stop_pct_of_equity']:.2f} % of equity "
            f"for {told['reward_to_risk']:.2f} times as much."
        ),
    )


def look_after(heard: Heard) -> PositionView:
    """Leave where the reasons are gone; else hold."""
    told = heard.known("read_position")
    if told is None:
        return PositionView.abstain("The position could not be read.")
    gone = told["reasons_gone"]
    if gone == "no":
        return PositionView(
            action="hold",
            thesis_holds=True,
            stop_level="",
            reasoning=(
                f"Holding the {told['side']} at {told['unrealized_pnl_pct']:+.2f} %: nothing "
                "speaks against it."
            ),
        )
    return PositionView(
        action="exit",
        thesis_holds=False,
        stop_level="",
        reasoning=f"Leaving the {told['side']}: {gone}.",
    )
