"""A web server on loopback that carries feeds, and can be told to misbehave."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0"><channel><title>News</title><link>https://news.example.com/</link>
{items}
</channel></rss>
"""
ATOM = """<?xml version="1.0" encoding="UTF-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>News</title><id>urn:news</id>
<updated>2024-01-02T10:00:00Z</updated>
{items}
</feed>
"""


def rss(*items: str) -> bytes:
    """An RSS feed of such items."""
    return RSS.format(items="\n".join(items)).encode()


def rss_item(number: int, title: str = "Bitcoin rises", more: str = "") -> str:
    """An item with a title, an id, a link and a date; the title may hold markup."""
    return (
        f"<item><title>{title}</title><guid>item-{number}</guid>"
        f"<link>https://news.example.com/{number}</link>"
        f"<pubDate>Tue, 02 Jan 2024 1{number}:00:00 +0200</pubDate>{more}</item>"
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered, after a delay in seconds; `pause_s` lies between its bytes."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    pause_s: float = 0.0


Headers = Mapping[str, str]
Script = Callable[[Headers], Answer]


class FeedServer:
    """Answers by path; what it was asked is in `asked`, by path and headers."""

    def __init__(
        self,
        pages: Mapping[str, Answer | Script] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.pages = dict(pages or {})
        self._tls = tls
        self.asked: list[tuple[str, Headers]] = []
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        """The URL of a page."""
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{host}:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode(), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            # The client has left, as a client may.
            pass
        finally:
            writer.close()

    async def _answer(self, head: str, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        path = first.split()[1]
        self.asked.append((path, headers))
        page = self.pages.get(path, Answer(status=404))
        answer = page if isinstance(page, Answer) else page(headers)
        await asyncio.sleep(answer.delay_s)
        sent = {"Content-Length": str(len(answer.body)), "Content-Type": "text/xml"}
        lines = [f"{name}: {value}" for name, value in (sent | dict(answer.headers)).items()]
        writer.write(f"HTTP/1.1 {answer.status} X\r\n".encode())
        writer.write("\r\n".join([*lines, "", ""]).encode())
        if not answer.pause_s:
            writer.write(answer.body)
        for byte in answer.body if answer.pause_s else b"":
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(answer.pause_s)
        await writer.drain()
