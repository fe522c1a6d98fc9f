"""The house as an ADK model: asks every tool it is given once, then answers by rule."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final

from google.adk.models._capabilities import LlmCapabilities
from google.adk.models.base_llm import BaseLlm
from google.adk.models.llm_request import LlmRequest
from google.adk.models.llm_response import LlmResponse
from google.genai import types

from hedgerow.domain.ai_usage import HOUSE
from hedgerow.infrastructure.agents.desk.answers import Answer
from hedgerow.infrastructure.agents.desk.house import fund, research, school
from hedgerow.infrastructure.agents.desk.house.heard import Heard, heard_in
from hedgerow.infrastructure.agents.desk.wire import NO_TOKENS, saying

RULES: Final[Mapping[str, Callable[[Heard], Answer]]] = {
    "market_analyst": research.market,
    "technical_analyst": research.technical,
    "regime_analyst": research.regime,
    "order_flow_analyst": research.order_flow,
    "derivatives_analyst": research.derivatives,
    "sentiment_analyst": research.sentiment,
    "correlation_analyst": research.correlation,
    "bull_researcher": research.bull,
    "bear_researcher": research.bear,
    "research_manager": research.conclude,
    "portfolio_manager": fund.allocate,
    "trader": fund.write_ticket,
    "risk_manager": fund.assess,
    "position_manager": fund.look_after,
    "trade_reviewer": school.review,
    "memory_curator": school.curate,
}


class HouseModel(BaseLlm):
    """Plays all roles without a key; the same request, the same answer."""

    model: str = HOUSE.model_id

    @property
    def capabilities(self) -> LlmCapabilities:
        """A schema and tools may be asked for at once."""
        return LlmCapabilities(output_schema_and_tools=True)

    async def generate_content_async(
        self, llm_request: LlmRequest, stream: bool = False
    ) -> AsyncGenerator[LlmResponse, None]:
        """The tools that have not been asked yet, or the answer."""
        heard = heard_in(llm_request)
        unasked = [name for name in llm_request.tools_dict if name not in heard.told]
        if unasked:
            calls = [types.FunctionCall(name=name, args={}) for name in unasked]
            parts = [types.Part(function_call=call) for call in calls]
            response = LlmResponse(content=types.Content(role="model", parts=parts))
        else:
            response = saying(RULES[heard.agent](heard).model_dump_json())
        response.usage_metadata = NO_TOKENS
        yield response
