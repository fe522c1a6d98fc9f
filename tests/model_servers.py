"""Servers on loopback that speak the protocols of model providers, and can be told to misbehave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from hedgerow.domain.ai_usage import AIProvider, TokenUsage
from hedgerow.domain.secrets import Secret
from hedgerow.infrastructure.models.anthropic_models import AnthropicProvider
from hedgerow.infrastructure.models.google_models import GoogleProvider
from hedgerow.infrastructure.models.openai_chat import OpenAIProvider
from hedgerow.infrastructure.models.provider import Provider

KEY = "sk-canary-model-7c41e0"
PLAIN_USAGE = TokenUsage(20, 5)
Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says, whatever its protocol: `calls` are names of tools and arguments."""

    text: str = ""
    thought: str = ""
    calls: Sequence[tuple[str, Mapping[str, object]]] = ()
    usage: TokenUsage = PLAIN_USAGE


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent after a delay in seconds: `body` as it is, at most `cut` bytes of it."""

    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: int | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """A request: its path, headers and document."""

    path: str
    headers: Mapping[str, str]
    document: Document

    @property
    def is_streamed(self) -> bool:
        return bool(self.document.get("stream")) or ":streamGenerateContent" in self.path


Script = Callable[[Heard], Answer]
WELL = Said("all is well")


class Speaker(Protocol):
    """A provider's protocol, and how to reach a server that speaks it."""

    provider: AIProvider

    def whole(self, said: Said, heard: Heard) -> Document: ...

    def pieces(self, said: Said, heard: Heard) -> list[Document]: ...

    def models(self) -> Document: ...

    def error(self, status: int, message: str) -> Document: ...

    def client(self, url: str, timeout_s: float) -> Provider: ...

    def system(self, document: Document) -> str: ...

    def tools(self, document: Document) -> list[str]: ...

    def tool_answers(self, document: Document) -> list[tuple[str, str]]: ...


def halves(text: str) -> list[str]:
    middle = len(text) // 2
    return [half for half in (text[:middle], text[middle:]) if half]


class Anthropic:
    provider = AIProvider.ANTHROPIC

    def client(self, url: str, timeout_s: float) -> Provider:
        return AnthropicProvider(Secret(KEY), timeout_s, url)

    def _usage(self, usage: TokenUsage) -> Document:
        return {
            "input_tokens": usage.prompt_tokens - usage.cached_tokens - usage.cache_write_tokens,
            "cache_read_input_tokens": usage.cached_tokens,
            "cache_creation_input_tokens": usage.cache_write_tokens,
            "output_tokens": usage.completion_tokens,
            "output_tokens_details": {"thinking_tokens": usage.thinking_tokens},
        }

    def _blocks(self, said: Said) -> list[Document]:
        blocks: list[Document] = []
        if said.thought:
            blocks.append({"type": "thinking", "thinking": said.thought, "signature": "c2lnbmVk"})
        if said.text:
            blocks.append({"type": "text", "text": said.text})
        for number, (name, arguments) in enumerate(said.calls):
            call = {"id": f"toolu_{number}", "name": name, "input": arguments}
            blocks.append({"type": "tool_use", **call})
        return blocks

    def whole(self, said: Said, heard: Heard) -> Document:
        wanted = heard.document.get("tool_choice", {})
        if wanted.get("type") == "tool":
            said = Said(calls=[(wanted["name"], json.loads(said.text))], usage=said.usage)
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": heard.document["model"],
            "content": self._blocks(said),
            "stop_reason": "tool_use" if said.calls else "end_turn",
            "stop_sequence": None,
            "usage": self._usage(said.usage),
        }

    def pieces(self, said: Said, heard: Heard) -> list[Document]:
        started = {**self.whole(said, heard), "content": [], "stop_reason": None}
        pieces: list[Document] = [{"type": "message_start", "message": started}]
        for index, block in enumerate(self._blocks(said)):
            empty, deltas = self._deltas(block)
            start = {"type": "content_block_start", "index": index, "content_block": empty}
            pieces.append(start)
            pieces += [
                {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
            ]
            pieces.append({"type": "content_block_stop", "index": index})
        stop = {"stop_reason": "tool_use" if said.calls else "end_turn", "stop_sequence": None}
        usage = self._usage(said.usage)
        pieces.append({"type": "message_delta", "delta": stop, "usage": usage})
        return [*pieces, {"type": "message_stop"}]

    def _deltas(self, block: Document) -> tuple[Document, list[Document]]:
        match block["type"]:
            case "text":
                deltas = [{"type": "text_delta", "text": each} for each in halves(block["text"])]
                return {"type": "text", "text": ""}, deltas
            case "thinking":
                thought = {"type": "thinking_delta", "thinking": block["thinking"]}
                signature = {"type": "signature_delta", "signature": block["signature"]}
                return {"type": "thinking", "thinking": "", "signature": ""}, [thought, signature]
            case _:
                text = json.dumps(block["input"])
                parts = [{"type": "input_json_delta", "partial_json": e} for e in halves(text)]
                return {**block, "input": {}}, parts

    def models(self) -> Document:
        listed = [
            {
                "type": "model",
                "id": name,
                "display_name": name,
                "created_at": "2026-01-01T00:00:00Z",
            }
            for name in ("one", "two")
        ]
        return {"data": listed, "has_more": False, "first_id": "one", "last_id": "two"}

    def error(self, status: int, message: str) -> Document:
        return {"type": "error", "error": {"type": "api_error", "message": message}}

    def system(self, document: Document) -> str:
        return "".join(block["text"] for block in document["system"])

    def tools(self, document: Document) -> list[str]:
        return [tool["name"] for tool in document.get("tools", ())]

    def tool_answers(self, document: Document) -> list[tuple[str, str]]:
        return [
            (block["tool_use_id"], block["content"])
            for message in document["messages"]
            for block in message["content"]
            if block["type"] == "tool_result"
        ]


class OpenAI:
    """OpenAI's chat completions, as OpenAI itself speaks them."""

    provider = AIProvider.OPENAI

    def client(self, url: str, timeout_s: float) -> Provider:
        return OpenAIProvider(self.provider, Secret(KEY), timeout_s, f"{url}/v1")

    def _usage(self, usage: TokenUsage) -> Document:
        return {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "prompt_tokens_details": {
                "cached_tokens": usage.cached_tokens,
                "cache_write_tokens": usage.cache_write_tokens,
            },
            "completion_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
        }

    def _calls(self, said: Said) -> list[Document]:
        return [
            {
                "index": number,
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": name, "arguments": json.dumps(arguments)},
            }
            for number, (name, arguments) in enumerate(said.calls)
        ]

    def _frame(self, heard: Heard, kind: str) -> Document:
        return {"id": "c", "object": kind, "created": 1, "model": heard.document["model"]}

    def whole(self, said: Said, heard: Heard) -> Document:
        message: Document = {"role": "assistant", "content": said.text or None}
        if said.thought:
            message["reasoning_content"] = said.thought
        if said.calls:
            message["tool_calls"] = self._calls(said)
        reason = "tool_calls" if said.calls else "stop"
        choice = {"index": 0, "message": message, "finish_reason": reason}
        frame = self._frame(heard, "chat.completion")
        return {**frame, "choices": [choice], "usage": self._usage(said.usage)}

    def pieces(self, said: Said, heard: Heard) -> list[Document]:
        deltas: list[Document] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": half} for half in halves(said.thought)]
        deltas += [{"content": half} for half in halves(said.text)]
        for call in self._calls(said):
            first, second = halves(call["function"]["arguments"])
            named = {"name": call["function"]["name"], "arguments": first}
            deltas.append({"tool_calls": [{**call, "function": named}]})
            rest = {"index": call["index"], "function": {"arguments": second}}
            deltas.append({"tool_calls": [rest]})
        frame = self._frame(heard, "chat.completion.chunk")
        reason = "tool_calls" if said.calls else "stop"
        ends = [*([None] * len(deltas)), reason]
        chunks = [
            {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}
            for delta, end in zip([*deltas, {}], ends, strict=True)
        ]
        return [*chunks, {**frame, "choices": [], "usage": self._usage(said.usage)}]

    def models(self) -> Document:
        named = {"object": "model", "created": 1, "owned_by": "me"}
        return {"object": "list", "data": [{"id": name, **named} for name in ("one", "two")]}

    def error(self, status: int, message: str) -> Document:
        return {"error": {"message": message, "type": "x", "param": None, "code": None}}

    def system(self, document: Document) -> str:
        first = document["messages"][0]
        assert first["role"] == "system"
        return str(first["content"])

    def tools(self, document: Document) -> list[str]:
        return [tool["function"]["name"] for tool in document.get("tools", ())]

    def tool_answers(self, document: Document) -> list[tuple[str, str]]:
        return [
            (message["tool_call_id"], message["content"])
            for message in document["messages"]
            if message["role"] == "tool"
        ]


class DeepSeek(OpenAI):
    provider = AIProvider.DEEPSEEK

    def client(self, url: str, timeout_s: float) -> Provider:
        return OpenAIProvider(self.provider, Secret(KEY), timeout_s, url)

    def _usage(self, usage: TokenUsage) -> Document:
        return {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
            "prompt_cache_hit_tokens": usage.cached_tokens,
            "prompt_cache_miss_tokens": usage.prompt_tokens - usage.cached_tokens,
            "completion_tokens_details": {"reasoning_tokens": usage.thinking_tokens},
        }


class Compatible(OpenAI):
    provider = AIProvider.COMPATIBLE


class Google:
    provider = AIProvider.GOOGLE

    def client(self, url: str, timeout_s: float) -> Provider:
        return GoogleProvider(Secret(KEY), timeout_s, url)

    def _usage(self, usage: TokenUsage) -> Document:
        return {
            "promptTokenCount": usage.prompt_tokens,
            "candidatesTokenCount": usage.completion_tokens - usage.thinking_tokens,
            "thoughtsTokenCount": usage.thinking_tokens,
            "cachedContentTokenCount": usage.cached_tokens,
            "totalTokenCount": usage.total_tokens,
        }

    def _parts(self, said: Said) -> list[Document]:
        parts: list[Document] = []
        if said.thought:
            parts.append({"text": said.thought, "thought": True})
        if said.text:
            parts.append({"text": said.text})
        for number, (name, arguments) in enumerate(said.calls):
            call = {"id": f"fc_{number}", "name": name, "args": arguments}
            # its signatures are bytes, and no text
            parts.append({"functionCall": call, "thoughtSignature": "gIGC"})
        return parts

    def _frame(self, parts: Sequence[Document], heard: Heard, *, is_last: bool) -> Document:
        candidate: Document = {"index": 0, "content": {"role": "model", "parts": list(parts)}}
        if is_last:
            candidate["finishReason"] = "STOP"
        return {"candidates": [candidate], "modelVersion": "gemini-as-served"}

    def whole(self, said: Said, heard: Heard) -> Document:
        frame = self._frame(self._parts(said), heard, is_last=True)
        return {**frame, "usageMetadata": self._usage(said.usage)}

    def pieces(self, said: Said, heard: Heard) -> list[Document]:
        parts = [
            {**part, "text": half}
            for part in self._parts(said)
            for half in halves(part.get("text", ""))
        ]
        parts += [part for part in self._parts(said) if "text" not in part]
        first = [self._frame([part], heard, is_last=False) for part in parts[:-1]]
        last = self._frame(parts[-1:], heard, is_last=True)
        return [*first, {**last, "usageMetadata": self._usage(said.usage)}]

    def models(self) -> Document:
        return {"models": [{"name": f"models/{name}"} for name in ("one", "two")]}

    def error(self, status: int, message: str) -> Document:
        return {"error": {"code": status, "message": message, "status": "X"}}

    def system(self, document: Document) -> str:
        return "".join(part["text"] for part in document["systemInstruction"]["parts"])

    def tools(self, document: Document) -> list[str]:
        return [
            function["name"]
            for tool in document.get("tools", ())
            for function in tool["functionDeclarations"]
        ]

    def tool_answers(self, document: Document) -> list[tuple[str, str]]:
        answers = [
            part["functionResponse"]
            for content in document["contents"]
            for part in content["parts"]
            if "functionResponse" in part
        ]
        return [(answer["id"], json.dumps(answer["response"])) for answer in answers]


SPEAKERS: Mapping[str, Callable[[], Speaker]] = {
    "anthropic": Anthropic,
    "openai": OpenAI,
    "deepseek": DeepSeek,
    "compatible": Compatible,
    "google": Google,
}


class ModelServer:
    """Answers each request by the next of `scripts`, and by `usual` once they are used up."""

    def __init__(
        self,
        speaker: Speaker,
        scripts: Sequence[Script | Answer | Said] = (),
        usual: Script | Said = WELL,
    ) -> None:
        self.speaker = speaker
        self.scripts = list(scripts)
        self.usual = usual
        self.heard: list[Heard] = []
        self.is_asked = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    @property
    def documents(self) -> list[Document]:
        return [heard.document for heard in self.heard]

    def refusing(self, status: int, message: str = "no", **changes: Any) -> Answer:
        body = json.dumps(self.speaker.error(status, message)).encode()
        return Answer(status, body, **changes)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if not await self._answer(head.decode(), reader, writer):
                    return
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            # The client has left, as a client may, or the server is closed.
            pass
        finally:
            writer.close()

    async def _answer(
        self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        method, path, _ = first.split()
        heard = Heard(path, headers, json.loads(body) if body else {})
        self.heard.append(heard)
        self.is_asked.set()
        script = self.scripts.pop(0) if self.scripts else self.usual
        if method == "GET" and isinstance(script, Said):
            answer = Answer(body=json.dumps(self.speaker.models()).encode())
        elif isinstance(script, Said):
            answer = self.answer_of(script, heard)
        else:
            answer = script if isinstance(script, Answer) else script(heard)
        await asyncio.sleep(answer.delay_s)
        sent = {"Content-Length": str(len(answer.body)), "Content-Type": "application/json"}
        lines = [f"{name}: {value}" for name, value in (sent | dict(answer.headers)).items()]
        writer.write(f"HTTP/1.1 {answer.status} X\r\n".encode())
        writer.write("\r\n".join([*lines, "", ""]).encode() + answer.body[: answer.cut])
        await writer.drain()
        return answer.cut is None

    def answer_of(self, said: Said, heard: Heard, **changes: Any) -> Answer:
        """What this server's protocol makes of it: in one piece, or as a stream of events."""
        if not heard.is_streamed:
            return Answer(body=json.dumps(self.speaker.whole(said, heard)).encode(), **changes)
        lines = []
        for piece in self.speaker.pieces(said, heard):
            event = f"event: {piece['type']}\n" if "type" in piece else ""
            lines.append(f"{event}data: {json.dumps(piece)}\n\n")
        if isinstance(self.speaker, OpenAI):
            lines.append("data: [DONE]\n\n")
        headers = {"Content-Type": "text/event-stream"}
        return Answer(body="".join(lines).encode(), headers=headers, **changes)
