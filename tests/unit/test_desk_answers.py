"""Answers that are no answers, agents that fall silent, and bounds that words do not move."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from google.adk.models._capabilities import LlmCapabilities
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from desk_scenes import (
    FAINT,
    LONG,
    Part,
    PlayedModel,
    agents_max,
    briefing_at,
    calling,
    open_position,
    played,
    played_fund,
    prompt_of,
    recalling,
    tools_first,
    with_model,
    world,
)
from desk_world import DeskWorld, MemoryClerk, fund_view
from hedgerow.domain.errors import ModelUnavailable
from hedgerow.domain.orders import OrderType
from hedgerow.domain.proposals import Abstention, Decision, ExitProposal, Proposal, StopProposal
from hedgerow.domain.regimes import Regime, RegimeReading
from hedgerow.infrastructure.agents.desk.answers import Stake
from hedgerow.infrastructure.agents.desk.fund_tools import STAKE_SHARES
from hedgerow.infrastructure.agents.desk.house.heard import heard_in
from hedgerow.infrastructure.agents.desk.house.model import RULES
from hedgerow.infrastructure.agents.desk.quoting import plain, quoted
from hedgerow.infrastructure.agents.desk.research import DEBATE_ROUNDS
from hedgerow.infrastructure.agents.desk.roster import BY_NAME, ROSTER, Room
from hedgerow.infrastructure.agents.desk.voice import CALLS_MAX
from hedgerow.infrastructure.agents.desk.wire import saying
from hedgerow.infrastructure.agents.house_analyst import HouseAnalyst
from hedgerow.infrastructure.agents.indicators import IndicatorDesk
from hedgerow.usecases.ports.desk import Briefing

ANSWER = "set_model_response"
FINDING = {"view": "bearish", "confidence": 0.9, "summary": "down", "evidence": ["a"]}


def finding(**changes: Any) -> str:
    return json.dumps(FINDING | changes)


def held(**changes: Any) -> Briefing:
    """A long whose reasons are gone: the house would leave it."""
    position = open_position(LONG[0])
    return briefing_at(
        *LONG,
        position=position,
        fund=played_fund(positions=(position,)),
        regime=RegimeReading(Regime.TREND_DOWN, 0.8, {}, "rules_v1"),
        **changes,
    )


FIVE = replace(agents_max(5), settings=played_fund().settings)
"""A desk of five: the technical analyst, and the four who are needed."""


async def decide(model: PlayedModel, briefing: Briefing | None = None) -> Decision:
    briefing = briefing or briefing_at(*LONG, fund=FIVE)
    return await with_model(model).desk().decide(briefing, recalling())


def findings_told(model: PlayedModel) -> dict[str, Any]:
    """What the research manager was told of the analysts."""
    found: dict[str, Any] = heard_in(model.requests("research_manager")[0]).briefing["findings"]
    return found


def nothing_said(_: LlmRequest) -> LlmResponse:
    return LlmResponse(content=types.Content(role="model", parts=[]))


MALFORMED = {
    "nonsense": "It will go up, trust me.",
    "no text": "",
    "a list": "[]",
    "in a fence": f"```json\n{finding()}\n```",
    "two objects": finding() * 2,
    "a missing key": '{"view": "bullish"}',
    "an extra key": finding(buy="everything"),
    "a view nobody knows": finding(view="to the moon"),
    "NaN": finding().replace("0.9", "NaN"),
    "infinity": finding().replace("0.9", "Infinity"),
    "more than sure": finding(confidence=1.01),
    "less than unsure": finding(confidence=-0.01),
    "too long": finding(summary="x" * 1201),
    "too many": finding(evidence=["x"] * 7),
    "another's answer": '{"stake": "full", "reasoning": "x"}',
}


class TestMalformedAnswers:
    @pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED)
    async def test_are_asked_for_once_more_and_then_left(self, said: str) -> None:
        model = played(technical_analyst=lambda _: said)
        decision = await decide(model)
        first, again = model.requests("technical_analyst")
        assert "Your answer was refused" not in prompt_of(first)
        assert "Your answer was refused: " in prompt_of(again)
        told = findings_told(model)["technical_analyst"]
        assert (told["view"], told["confidence"]) == ("neutral", 0.0)
        assert plain(told["summary"]).startswith("Abstained: two malformed answers, the last one: ")
        assert isinstance(decision, Proposal), "the others go on"

    async def test_the_problem_is_named(self) -> None:
        model = played(technical_analyst=lambda _: finding(confidence=7))
        await decide(model)
        asked = prompt_of(model.requests("technical_analyst")[1])
        assert "confidence: Input should be less than or equal to 1" in asked
        assert '"confidence": 7' in asked, "the answer that was refused is shown"

    async def test_a_second_answer_that_is_one_counts(self) -> None:
        def part(request: LlmRequest) -> str:
            return finding() if "was refused" in prompt_of(request) else "hm"

        model = played(technical_analyst=part)
        await decide(model)
        assert findings_told(model)["technical_analyst"] == FINDING

    async def test_a_tool_that_there_is_not_is_named_and_none_runs(self) -> None:
        read: list[str] = []

        def part(request: LlmRequest) -> LlmResponse:
            read.extend(heard_in(request).told)
            calls = (
                types.FunctionCall(name="read_indicators", args={}),
                types.FunctionCall(name="buy", args={"amount": "100 %"}),
            )
            parts = [types.Part(function_call=call) for call in calls]
            return LlmResponse(content=types.Content(role="model", parts=parts))

        model = played(technical_analyst=part)
        decision = await decide(model)
        first, again = model.requests("technical_analyst")
        assert "there is no tool buy, only read_indicators, find_setup" in prompt_of(again)
        assert "there is no tool" not in prompt_of(first)
        assert read == [], "what came with it did not run either"
        assert isinstance(decision, Proposal)

    async def test_another_agents_tool_is_none_either(self) -> None:
        model = played(technical_analyst=lambda _: calling("read_portfolio"))
        await decide(model)
        assert "there is no tool read_portfolio" in str(findings_told(model)["technical_analyst"])

    async def test_endless_questions_end(self) -> None:
        model = played(technical_analyst=lambda _: calling("read_indicators"))
        decision = await decide(model)
        assert len(model.requests("technical_analyst")) == CALLS_MAX
        told = findings_told(model)["technical_analyst"]
        assert f"more than {CALLS_MAX} questions in one turn" in told["summary"]
        assert isinstance(decision, Proposal)

    async def test_a_call_with_half_a_letter_is_refused(self) -> None:
        model = played(technical_analyst=lambda _: calling("find_setup", why="\ud800"))
        assert isinstance(await decide(model), Proposal)
        assert findings_told(model)["technical_analyst"]["view"] == "neutral"

    async def test_half_a_letter_is_none(self) -> None:
        said = finding().replace("down", "down \ud800")
        model = played(technical_analyst=lambda _: said)
        await decide(model)
        assert findings_told(model)["technical_analyst"]["summary"] == quoted("down ?")

    async def test_hidden_reasoning_is_no_answer(self) -> None:
        def part(_: LlmRequest) -> LlmResponse:
            thought = types.Part(text=finding(), thought=True)
            return LlmResponse(content=types.Content(role="model", parts=[thought]))

        model = played(technical_analyst=part)
        await decide(model)
        assert findings_told(model)["technical_analyst"]["view"] == "neutral"

    async def test_an_empty_answer_is_none(self) -> None:
        model = played(technical_analyst=nothing_said)
        assert isinstance(await decide(model), Proposal)
        assert findings_told(model)["technical_analyst"]["view"] == "neutral"


class ToollessSchemaModel(PlayedModel):
    """A model that cannot be given tools and a schema at once: it answers by a tool as well."""

    @property
    def capabilities(self) -> LlmCapabilities:
        return LlmCapabilities(output_schema_and_tools=False)

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        heard = heard_in(llm_request)
        self.asked.append((heard.agent, llm_request))
        tools = [name for name in llm_request.tools_dict if name != ANSWER]
        unasked = [name for name in tools if name not in heard.told]
        said = RULES[heard.agent](heard).model_dump_json() if not unasked else "{}"
        part = self.parts.get(heard.agent)
        if unasked:
            yield calling(unasked[0])
        elif part is not None:
            answered = part(llm_request)
            assert isinstance(answered, str)
            yield calling(ANSWER, **json.loads(answered))
        else:
            yield calling(ANSWER, **json.loads(said)) if tools else saying(said)


class TestAnswersByTool:
    async def test_are_the_same_answers(self) -> None:
        briefing = briefing_at(*LONG, fund=played_fund())
        by_tool = await decide(ToollessSchemaModel(parts={}, asked=[]), briefing)
        assert isinstance(by_tool, Proposal)
        assert by_tool == await decide(played(), briefing)

    @pytest.mark.parametrize(
        "said", ['{"view": "bullish"}', finding(buy="all"), finding(confidence=7)]
    )
    async def test_malformed_ones_are_asked_for_once_more(self, said: str) -> None:
        parts: dict[str, Part] = {"technical_analyst": lambda _: said}
        model = ToollessSchemaModel(parts=parts, asked=[])
        assert isinstance(await decide(model), Proposal)
        *_, first, again = model.requests("technical_analyst")
        assert "was refused" not in prompt_of(first)
        assert "Your answer was refused: " in prompt_of(again)
        told = findings_told(model)["technical_analyst"]
        assert plain(told["summary"]).startswith("Abstained: two malformed answers, the last one: ")


ANALYSTS_HEARD = ("technical_analyst", "regime_analyst", "market_analyst", "correlation_analyst")


class TestWhoFallsSilent:
    @pytest.mark.parametrize("agent", [*ANALYSTS_HEARD, "bull_researcher", "bear_researcher"])
    async def test_an_analyst_or_researcher_leaves_it_to_the_others(self, agent: str) -> None:
        briefing = briefing_at(*LONG, fund=played_fund())
        whole = await decide(played(), briefing)
        decision = await decide(played(**{agent: lambda _: "hm"}), briefing)
        assert isinstance(whole, Proposal)
        assert isinstance(decision, Proposal)
        said: dict[str, Any] = {"reasoning": "the same"}
        assert replace(decision, **said) == replace(whole, **said)

    @pytest.mark.parametrize(
        "agent", ["research_manager", "portfolio_manager", "trader", "risk_manager"]
    )
    async def test_one_who_decides_leaves_no_trade(self, agent: str) -> None:
        decision = await decide(played(**{agent: lambda _: "hm"}))
        assert isinstance(decision, Abstention)
        assert decision.agent_id == agent
        assert "Abstained: two malformed answers" in decision.reasoning

    async def test_a_researcher_of_many_words_does_not_silence_the_house(self) -> None:
        claim = {"claim": "x" * 1200, "points": [], "rebuttal": "", "strength": 0.5}
        model = played(bull_researcher=lambda _: json.dumps(claim))
        briefing = briefing_at(*LONG, fund=played_fund())
        assert isinstance(await decide(model, briefing), Proposal)

    async def test_the_position_manager_leaves_the_position_as_it_is(self) -> None:
        decision = await decide(played(position_manager=lambda _: "hm"), held())
        assert isinstance(decision, Abstention)
        assert decision.agent_id == "position_manager"

    async def test_all_of_them_at_once(self) -> None:
        everybody = {agent.name: (lambda _: "hm") for agent in ROSTER}
        model = played(**everybody)
        decision = await decide(model, briefing_at(*LONG, fund=played_fund()))
        assert isinstance(decision, Abstention)
        assert {told["view"] for told in findings_told(model).values()} == {"neutral"}

    def test_every_role_can_abstain(self) -> None:
        for agent in ROSTER:
            silent = agent.answer.abstain("Abstained: " + "because " * 20)
            assert agent.answer.model_validate_json(silent.model_dump_json()) == silent


def ticket(**changes: Any) -> str:
    values = {
        "order_type": "market",
        "entry_level": "market",
        "stop_level": "play",
        "target_level": "play",
        "trails": True,
        "reasoning": "as the play does",
    }
    return json.dumps(values | changes)


class TestTickets:
    @pytest.mark.parametrize("name", ["189.35", "", "PLAY", "play play", "atr_9", "market"])
    async def test_a_level_that_is_not_on_the_menu_makes_no_trade(self, name: str) -> None:
        model = played(trader=tools_first(lambda _: ticket(stop_level=name)))
        decision = await decide(model)
        assert isinstance(decision, Abstention)
        assert decision.agent_id == "trader"
        assert model.requests("risk_manager") == [], "there is nothing to assess"

    @pytest.mark.parametrize("field", ["entry_level", "stop_level", "target_level"])
    async def test_a_number_is_no_level(self, field: str) -> None:
        model = played(trader=tools_first(lambda _: ticket(**{field: 189.35})))
        decision = await decide(model)
        assert f"{field}: Input should be a valid string" in decision.reasoning
        assert isinstance(decision, Abstention)

    async def test_what_was_not_on_the_menu_is_said(self) -> None:
        model = played(trader=tools_first(lambda _: ticket(target_level="r_99")))
        assert "r_99" in (await decide(model)).reasoning

    @pytest.mark.parametrize("entry", ["limit_atr_0.25", "limit_atr_0.5"])
    async def test_a_market_order_cannot_be_sized_by_a_better_price(self, entry: str) -> None:
        """It would be filled at the market: further from its stop than what its size goes by."""
        model = played(trader=tools_first(lambda _: ticket(entry_level=entry)))
        assert isinstance(await decide(model), Abstention)

    async def test_a_limit_is_the_price_on_the_menu(self) -> None:
        chosen = ticket(order_type="limit", entry_level="limit_atr_0.5")
        decision = await decide(played(trader=tools_first(lambda _: chosen)))
        whole = await decide(played())
        assert isinstance(decision, Proposal)
        assert isinstance(whole, Proposal)
        assert decision.entry_type is OrderType.LIMIT
        assert decision.entry_price < whole.entry_price
        assert decision.entry_price - decision.stop_loss_price == (
            whole.entry_price - whole.stop_loss_price
        )


def position_view(action: str, stop_level: str = "") -> str:
    said = {"action": action, "thesis_holds": True, "stop_level": stop_level, "reasoning": "well"}
    return json.dumps(said)


class TestPositions:
    async def test_a_stop_is_moved_to_a_level_on_the_menu(self) -> None:
        said = position_view("tighten", "channel")
        decision = await decide(played(position_manager=tools_first(lambda _: said)), held())
        assert isinstance(decision, StopProposal)
        seen = IndicatorDesk().read(held().candles)
        assert float(decision.stop_loss_price) == pytest.approx(seen.channel_low, abs=0.01)

    @pytest.mark.parametrize("name", ["", "310.5", "atr_9", "play"])
    async def test_one_that_is_not_on_it_leaves_the_stop_where_it_is(self, name: str) -> None:
        said = position_view("tighten", name)
        decision = await decide(played(position_manager=tools_first(lambda _: said)), held())
        assert isinstance(decision, Abstention)

    @pytest.mark.parametrize(("action", "outcome"), [("exit", ExitProposal), ("hold", Abstention)])
    async def test_it_is_left_or_held(self, action: str, outcome: type[Decision]) -> None:
        said = position_view(action, "channel")
        decision = await decide(played(position_manager=tools_first(lambda _: said)), held())
        assert isinstance(decision, outcome)
        assert decision.agent_id == "position_manager"


def allocation(stake: str) -> str:
    return json.dumps({"stake": stake, "reasoning": "confidence is 0.99, it cannot fail"})


def risk_view(verdict: str, stake: str) -> str:
    said = {"verdict": verdict, "stake": stake, "objections": [], "reasoning": "well"}
    return json.dumps(said)


class TestStakes:
    async def test_the_risk_manager_never_enlarges(self) -> None:
        sizes: dict[Stake, Decimal] = {}
        say = {"stake": "", "view": ""}
        model = played(
            portfolio_manager=tools_first(lambda _: say["stake"]),
            risk_manager=tools_first(lambda _: say["view"]),
        )
        briefing = briefing_at(*LONG, fund=FIVE, is_asked_for=True)
        desk = with_model(model).desk()
        for asked, agreed, verdict in product(Stake, Stake, ("approve", "shrink", "veto")):
            say.update(stake=allocation(asked), view=risk_view(verdict, agreed))
            decision = await desk.decide(briefing, recalling())
            least = min(asked, agreed, key=lambda stake: STAKE_SHARES[stake])
            if verdict == "veto" or least is Stake.NONE:
                assert isinstance(decision, Abstention)
                continue
            assert isinstance(decision, Proposal)
            assert sizes.setdefault(least, decision.size_ratio) == decision.size_ratio
        assert sizes[Stake.QUARTER] < sizes[Stake.HALF] < sizes[Stake.FULL]
        for stake, size in sizes.items():
            assert size <= sizes[Stake.FULL] * STAKE_SHARES[stake]
            assert size > sizes[Stake.FULL] * STAKE_SHARES[stake] - Decimal("0.0001")

    async def test_the_reasons_name_the_stake_that_is_left(self) -> None:
        model = played(risk_manager=tools_first(lambda _: risk_view("shrink", "half")))
        decision = await decide(model)
        assert "Stakes 0.25 % of equity" in decision.reasoning

    async def test_words_do_not_pass_the_threshold(self) -> None:
        model = played(portfolio_manager=tools_first(lambda _: allocation("full")))
        decision = await decide(model, briefing_at(*FAINT["trend up"], fund=FIVE))
        assert isinstance(decision, Abstention)
        assert decision.agent_id == "portfolio_manager"
        assert "A moderate strategy wants at least 0.55" in decision.reasoning

    async def test_nor_does_it_to_leave_the_memory_unasked(self) -> None:
        model = played(portfolio_manager=lambda _: allocation("full"))
        assert isinstance(await decide(model), Proposal)
        decision = await decide(model, briefing_at(*FAINT["trend up"], fund=FIVE))
        assert isinstance(decision, Abstention)
        assert "A moderate strategy wants at least 0.55" in decision.reasoning


def unavailable(_: LlmRequest) -> LlmResponse:
    raise ModelUnavailable("compatible/played", "503", attempts=4)


class TestRunningOut:
    @pytest.mark.parametrize("place", [LONG, FAINT["range, long"]])
    async def test_of_budget_after_any_call(self, place: tuple[str, int]) -> None:
        briefing = briefing_at(*place, fund=agents_max(5))
        whole = world()
        expected = await whole.desk().decide(briefing, recalling())
        calls = len(whole.clerk.exchanges)
        for calls_max in range(calls + 1):
            of = world(clerk=MemoryClerk(calls_max))
            decision = await of.desk().decide(briefing, recalling())
            assert len(of.clerk.exchanges) == calls_max
            assert of.clerk.released == set()
            if calls_max == calls:
                assert decision == expected
            else:
                assert isinstance(decision, Abstention)
                assert "the month's budget is used up" in decision.reasoning or calls_max > 0

    async def test_of_budget_leaves_a_position_to_the_rules(self) -> None:
        for calls_max in range(2):
            of = world(clerk=MemoryClerk(calls_max))
            position = open_position(LONG[0])
            briefing = replace(held(), fund=fund_view(positions=(position,)))
            decision = await of.desk().decide(briefing, recalling())
            by_rule = await HouseAnalyst(IndicatorDesk()).decide(briefing, recalling())
            assert isinstance(decision, ExitProposal)
            (meeting,) = of.clerk.meetings
            assert decision == replace(by_rule, session_id=meeting.session_id)
            said = meeting.answers["position_manager"]
            assert "budget is used up (monthly_ai_requests)" in said["reasoning"]  # type: ignore[index]

    @pytest.mark.parametrize(
        "agent", [agent.name for agent in ROSTER if agent.room is not Room.SCHOOL]
    )
    async def test_of_answers_gives_back_what_was_set_aside(self, agent: str) -> None:
        of = with_model(played(**{agent: unavailable}))
        briefing = held() if agent == "position_manager" else briefing_at(*LONG, fund=played_fund())
        decision = await of.desk().decide(briefing, recalling())
        settled = {exchange.call_id for exchange in of.clerk.exchanges}
        assert of.clerk.reserved - of.clerk.released == settled
        heard = {name for meeting in of.clerk.meetings for name in tuple(meeting.answers)}
        if agent in heard:
            turns = DEBATE_ROUNDS if BY_NAME[agent].room is Room.DEBATE else 1
            assert len(of.clerk.released) == turns
        if isinstance(decision, Abstention):
            assert "compatible/played gave no answer: 503" in decision.reasoning

    async def test_an_answer_that_may_have_been_on_its_way_is_counted(self) -> None:
        def lost(_: LlmRequest) -> LlmResponse:
            problem = "did not answer within 60 s"
            raise ModelUnavailable("compatible/played", problem, attempts=4, may_be_charged=True)

        of = with_model(played(trader=lost))
        decision = await of.desk().decide(briefing_at(*LONG, fund=FIVE), recalling())
        assert isinstance(decision, Abstention)
        assert (of.clerk.released, len(of.clerk.forfeited)) == (set(), 1)

    async def test_an_answer_without_a_word_that_was_paid_for_counts(self) -> None:
        """Such as one that thought until it had no tokens left."""

        def thought(_: LlmRequest) -> LlmResponse:
            used = types.GenerateContentResponseUsageMetadata(candidates_token_count=2000)
            return LlmResponse(content=types.Content(role="model", parts=[]), usage_metadata=used)

        of = with_model(played(trader=thought))
        briefing = briefing_at(*LONG, fund=FIVE)
        decision = await of.desk().decide(briefing, recalling())
        assert isinstance(decision, Abstention)
        assert decision.agent_id == "trader"
        assert of.clerk.released == set()
        assert [each.agent_name for each in of.clerk.exchanges].count("trader") == 2

    async def test_of_answers_in_the_middle_of_a_turn(self) -> None:
        """After its tools have told: the first question is paid for, the second given back."""

        def part(request: LlmRequest) -> str | LlmResponse:
            return unavailable(request) if heard_in(request).told else calling("trade_levels")

        of = with_model(played(trader=part))
        briefing = briefing_at(*LONG, fund=FIVE)
        decision = await of.desk().decide(briefing, recalling())
        assert isinstance(decision, Abstention)
        assert decision.agent_id == "trader"
        assert len(of.clerk.released) == 1
        assert [each.agent_name for each in of.clerk.exchanges].count("trader") == 1

    async def test_an_answer_known_already_costs_nothing(self) -> None:
        briefing = briefing_at(*LONG, fund=played_fund())
        clerk = MemoryClerk(is_remembering=True)
        first = await _with(clerk).desk().decide(briefing, recalling())
        paid = len(clerk.reserved)
        silent = {agent.name: unavailable for agent in ROSTER}
        again = await _with(clerk, **silent).desk().decide(briefing, recalling())
        assert again == first
        assert len(clerk.reserved) == paid


class SlowModel(PlayedModel):
    """As played, but some agents are thought about for longer than anybody waits."""

    slow: frozenset[str]

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        if heard_in(llm_request).agent in self.slow:
            self.asked.append((heard_in(llm_request).agent, llm_request))
            await asyncio.sleep(60)
        async for response in super().generate_content_async(llm_request, stream):
            yield response


def slow(*agents: str) -> SlowModel:
    return SlowModel(parts={}, asked=[], slow=frozenset(agents))


class TestTheDeadlineOfAMeeting:
    async def test_who_has_not_spoken_abstains_and_nobody_else_is_asked(self) -> None:
        model = slow("regime_analyst")
        fund = replace(agents_max(7), settings=played_fund().settings)
        of = with_model(model, deadline_s=1.0)
        started = time.monotonic()
        decision = await of.desk().decide(briefing_at(*LONG, fund=fund), recalling())
        assert time.monotonic() - started < 10
        research, mine = of.clerk.meetings
        assert (mine.answers, mine.research_session_id) == ({}, research.session_id)
        assert research.answers["technical_analyst"]["view"] == "bullish"  # type: ignore[index]
        said = "Abstained: the meeting was over after 1 s."
        for name, words in (("regime_analyst", "summary"), ("research_manager", "thesis")):
            assert research.answers[name][words] == said  # type: ignore[index]
        assert model.requests("research_manager") == []
        assert isinstance(decision, Abstention)
        assert decision.reasoning.startswith(said)

    async def test_what_was_asked_is_counted_for_it_may_be_charged_for(self) -> None:
        of = with_model(slow("trader"), deadline_s=1.0)
        decision = await of.desk().decide(briefing_at(*LONG, fund=FIVE), recalling())
        assert isinstance(decision, Abstention)
        assert decision.agent_id == "trader"
        assert (of.clerk.released, len(of.clerk.forfeited)) == (set(), 1)
        assert len(of.clerk.reserved) == len(of.clerk.exchanges) + 1

    async def test_a_position_is_left_as_it_is(self) -> None:
        of = with_model(slow("position_manager"), deadline_s=0.2)
        decision = await of.desk().decide(held(), recalling())
        assert isinstance(decision, Abstention)
        assert "the meeting was over after 0.2 s" in decision.reasoning

    async def test_an_answer_known_already_is_heard_all_the_same(self) -> None:
        clerk = MemoryClerk(is_remembering=True)
        briefing = briefing_at(*LONG, fund=played_fund())
        first = await _with(clerk).desk().decide(briefing, recalling())
        late = with_model(slow(*(agent.name for agent in ROSTER)), clerk=clerk, deadline_s=0.0)
        assert await late.desk().decide(briefing, recalling()) == first

    async def test_rules_need_no_time(self) -> None:
        assert isinstance(
            await world(deadline_s=0.0).desk().decide(briefing_at(*LONG), recalling()), Proposal
        )


def _with(clerk: MemoryClerk, **parts: Callable[[LlmRequest], LlmResponse]) -> DeskWorld:
    return with_model(played(**parts), clerk=clerk)
