"""A conversation of the desk in turns: all tools that were read, and who abstained and why."""

from __future__ import annotations

from dataclasses import replace

from desk_scenes import (
    LONG,
    PlayedModel,
    agents_max,
    briefing_at,
    events_of,
    played,
    played_fund,
    recalling,
    with_model,
)
from hedgerow.domain.sessions import ContentType, EventContent, SessionEvent
from hedgerow.entrypoints.explain_conversation import Turn, turns_of
from hedgerow.infrastructure.agents.desk.roster import BY_NAME
from hedgerow.infrastructure.agents.desk.session_events import stored_event


async def conversations(model: PlayedModel) -> dict[str, Turn]:
    """The turns of research and of the fund, by agent, read from what is stored of them."""
    of = with_model(model)
    fund = replace(agents_max(7), settings=played_fund().settings)
    await of.desk().decide(briefing_at(*LONG, fund=fund), recalling())
    turns = []
    for meeting in of.clerk.meetings:
        events = await events_of(of, meeting.user_id, meeting.session_id)
        turns += turns_of([stored_event(event) for event in events])
    assert len({turn.author for turn in turns}) == len(turns), "one turn each"
    return {turn.author: turn for turn in turns}


async def test_every_tool_of_a_turn_is_told() -> None:
    turns = await conversations(played())
    assert len(turns) == 6
    for name, turn in turns.items():
        assert turn.tools == list(BY_NAME[name].tools)
        assert turn.sentence
    assert turns["technical_analyst"].headline.startswith("bullish 0.")
    assert len(turns["portfolio_manager"].tools) == 4


async def test_who_abstains_is_told_with_the_reason() -> None:
    turns = await conversations(played(regime_analyst=lambda _: "nonsense", trader=lambda _: "?"))
    for name in ("regime_analyst", "trader"):
        assert turns[name].headline == "abstained"
        assert turns[name].sentence.startswith("Abstained: two malformed answers, the last one: ")
    assert turns["technical_analyst"].headline != "abstained"


async def test_an_event_that_has_not_come_from_adk_names_its_one_tool() -> None:
    at = briefing_at(*LONG).at
    call = EventContent(ContentType.TOOL_CALL, tool="read_regime", data={})
    said = EventContent(ContentType.TEXT, text='{"view": "neutral", "summary": "calm"}')
    events = [SessionEvent(f"evt_{n}", "a", each, at) for n, each in enumerate((call, said))]
    (turn,) = turns_of(events)
    assert (turn.tools, turn.headline, turn.sentence) == (["read_regime"], "neutral", "calm")
