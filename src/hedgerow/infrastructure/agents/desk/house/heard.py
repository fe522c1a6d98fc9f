"""What the house model has heard: the briefing, and what each tool told."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.adk.models.llm_request import LlmRequest

Json = Mapping[str, Any]

ROLE: Final = re.compile(r"^You are the ([a-z_]+): ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Heard:
    """One agent's turn so far: `briefing` is the message to it, `told` the answers by tool."""

    agent: str
    briefing: Json
    told: Mapping[str, Json]

    def known(self, tool: str) -> Json | None:
        """What a tool told, unless it knew nothing."""
        told = self.told.get(tool)
        return None if told is None or told.get("known") is False or "error" in told else told


def heard_in(request: LlmRequest) -> Heard:
    """The turn that a request continues."""
    role = ROLE.search(str(request.config.system_instruction))
    assert role is not None, "the desk tells everybody who they are"
    parts = [part for content in request.contents for part in content.parts or []]
    text = next(part.text for part in parts if part.text)
    answers = [part.function_response for part in parts if part.function_response]
    told = {str(answer.name): answer.response or {} for answer in answers}
    return Heard(role[1], json.loads(text), told)
