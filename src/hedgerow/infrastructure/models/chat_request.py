"""What google-adk asks, as a request for OpenAI's chat completions."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any, Final

from google.adk.models.llm_request import LlmRequest
from google.genai import types

from hedgerow.domain.errors import InvalidValue
from hedgerow.infrastructure.models.chat_flavours import Dialect, Flavour, Format
from hedgerow.infrastructure.models.json_schemas import (
    Schema,
    parameters_of,
    strict,
    told,
    wanted_schema,
)

Document = dict[str, Any]
_CHOICES: Final = {
    types.FunctionCallingConfigMode.ANY: "required",
    types.FunctionCallingConfigMode.NONE: "none",
}


def arguments_of(request: LlmRequest, flavour: Flavour, dialect: Dialect, stream: bool) -> Document:
    """The request, in what the server is known to take; raises InvalidValue for pictures."""
    config = request.config
    schema = wanted_schema(config)
    format_ = dialect.formats[0]
    sent: Document = {
        "model": request.model,
        "messages": _messages(request, flavour, format_, schema),
        "temperature": config.temperature,
        "top_p": config.top_p,
        "stop": config.stop_sequences or None,
        "seed": config.seed,
        "reasoning_effort": _effort(config),
        flavour.max_tokens: config.max_output_tokens,
        "response_format": None if schema is None else _response_format(schema, format_),
        **_tools(config),
    }
    if stream:
        sent |= {"stream": True, "stream_options": {"include_usage": True}}
    return {
        name: value
        for name, value in sent.items()
        if value is not None and name not in dialect.dropped
    }


def wants_json(request: LlmRequest) -> bool:
    """Whether the answer has to fit a schema."""
    return wanted_schema(request.config) is not None


def _response_format(schema: Schema, format_: Format) -> Document | None:
    match format_:
        case Format.STRICT:
            bound = strict(schema)
            given = {"schema": bound or schema, "strict": bound is not None}
            return {"type": "json_schema", "json_schema": {"name": "answer", **given}}
        case Format.SCHEMA:
            return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
        case Format.OBJECT:
            return {"type": "json_object"}
        case Format.WORDS:
            return None


def _effort(config: types.GenerateContentConfig) -> str | None:
    level = config.thinking_config.thinking_level if config.thinking_config else None
    return None if level is None else level.value.lower()


def _tools(config: types.GenerateContentConfig) -> Document:
    functions = [
        function
        for tool in config.tools or ()
        if isinstance(tool, types.Tool)
        for function in tool.function_declarations or ()
    ]
    if not functions:
        return {}
    asked = config.tool_config and config.tool_config.function_calling_config
    choice = _CHOICES.get(asked.mode, "auto") if asked and asked.mode else "auto"
    return {"tools": [_tool(function) for function in functions], "tool_choice": choice}


def _tool(function: types.FunctionDeclaration) -> Document:
    described = {
        "name": function.name,
        "description": function.description or "",
        "parameters": parameters_of(function),
    }
    return {"type": "function", "function": described}


def _messages(
    request: LlmRequest, flavour: Flavour, format_: Format, schema: Schema | None
) -> list[Document]:
    # what stays the same comes first: providers find it in their caches by its beginning
    system = [_system_text(request.config)]
    if schema is not None and format_ in {Format.OBJECT, Format.WORDS}:
        system.append(told(schema))
    text = "\n\n".join(each for each in system if each)
    messages: list[Document] = [{"role": "system", "content": text}] if text else []
    ids = _CallIds()
    for content in request.contents:
        if content.role == "model":
            messages.append(_spoken(content, ids, flavour))
        else:
            messages += _heard(content, ids)
    return messages


def _system_text(config: types.GenerateContentConfig) -> str:
    match config.system_instruction:
        case None:
            return ""
        case str() as text:
            return text
        case types.Content() as content:
            return "\n".join(part.text for part in content.parts or () if part.text)
        case _ as other:
            allowed = "text"
            raise InvalidValue("system_instruction", type(other).__name__, allowed)


def _heard(content: types.Content, ids: _CallIds) -> list[Document]:
    """Answers of tools, each in a message of its own, and then what the user says."""
    answers, words = [], []
    for part in content.parts or ():
        if part.function_response is not None:
            said = json.dumps(part.function_response.response, ensure_ascii=False, default=str)
            id_ = ids.of_answer(part.function_response)
            answers.append({"role": "tool", "tool_call_id": id_, "content": said})
        else:
            words.append(_words(part))
    text = "\n".join(each for each in words if each)
    return [*answers, *([{"role": "user", "content": text}] if text else [])]


def _spoken(content: types.Content, ids: _CallIds, flavour: Flavour) -> Document:
    parts = content.parts or []
    thoughts = [part.text for part in parts if part.thought and part.text]
    said = [_words(part) for part in parts if not part.thought and part.function_call is None]
    calls = [_call(part.function_call, ids) for part in parts if part.function_call is not None]
    message: Document = {"role": "assistant", "content": "".join(said) or None}
    if calls:
        message["tool_calls"] = calls
        if thoughts and flavour.keeps_reasoning:
            message["reasoning_content"] = "".join(thoughts)
    return message


def _call(call: types.FunctionCall, ids: _CallIds) -> Document:
    arguments = json.dumps(call.args or {}, ensure_ascii=False, default=str)
    function = {"name": call.name, "arguments": arguments}
    return {"id": ids.of_call(call), "type": "function", "function": function}


def _words(part: types.Part) -> str:
    if part.text is not None:
        return part.text
    held = [name for name, value in part if value is not None]
    if held:
        raise InvalidValue("part", " and ".join(held), "text, a call of a tool or its answer")
    return ""


class _CallIds:
    """Ids that pair calls with answers: those given, and made up where there are none.

    google-adk sends back no ids that it made up itself for a server that gave none.
    """

    def __init__(self) -> None:
        self._open: Mapping[str | None, deque[str]] = defaultdict(deque)
        self._made = 0

    def of_call(self, call: types.FunctionCall) -> str:
        if call.id:
            return call.id
        self._made += 1
        id_ = f"call_{self._made}"
        self._open[call.name].append(id_)
        return id_

    def of_answer(self, answer: types.FunctionResponse) -> str:
        if answer.id:
            return answer.id
        waiting = self._open[answer.name]
        if not waiting:
            raise InvalidValue("function_response", answer.name, "an answer to a call")
        return waiting.popleft()
