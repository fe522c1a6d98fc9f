"""A feed's bytes over HTTP, within limits.

Failures are raised outside of any `except`: what an HTTP library raises drags along the request,
and a feed's URL may hold a token.
"""

from __future__ import annotations

import asyncio
import zlib
from dataclasses import dataclass
from typing import Final

import httpx2

from hedgerow.infrastructure.news.destinations import NotFetched, addresses_of, local_host_of

_GZIP_OR_ZLIB: Final = 47
_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
_HEADERS: Final = {
    "User-Agent": "hedgerow",
    "Accept": "application/rss+xml, application/atom+xml, application/xml;q=0.9, */*;q=0.5",
    "Accept-Encoding": "gzip",
}
# By header of an answer, the header that asks whether it still holds.
_VALIDATORS: Final = {"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"}


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long a feed may take, redirects included, how large it may be, unpacked, and so on."""

    seconds_max: float = 20.0
    bytes_max: int = 2_000_000
    redirects_max: int = 3


USUAL_LIMITS: Final = FetchLimits()


@dataclass(frozen=True, slots=True)
class Page:
    """What was fetched, from where, and what to send along the next time."""

    url: str
    content_type: str
    body: bytes
    validators: dict[str, str]


def open_client() -> httpx2.AsyncClient:
    """The client that feeds are fetched with; proxies of the environment are not asked."""
    return httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=None)


async def fetch(
    client: httpx2.AsyncClient, url: str, before: Page | None, limits: FetchLimits
) -> Page | None:
    """The page at `url`, or None where it still is what it was `before`; raises NotFetched."""
    try:
        async with asyncio.timeout(limits.seconds_max):
            return await _follow(client, url, before, limits)
    except NotFetched as error:
        problem = error.problem
    except TimeoutError:
        problem = f"did not answer within {limits.seconds_max:g} s"
    except httpx2.HTTPError as error:
        problem = f"cannot be reached ({type(error).__name__})"
    except (httpx2.InvalidURL, UnicodeError):
        problem = "leads to what is no http or https address"
    raise NotFetched(problem)


async def _follow(
    client: httpx2.AsyncClient, url: str, before: Page | None, limits: FetchLimits
) -> Page | None:
    at, local_host = httpx2.URL(url), local_host_of(url)
    for _ in range(limits.redirects_max + 1):
        found = await _ask(client, at, await addresses_of(at, local_host), before, limits)
        if not isinstance(found, httpx2.URL):
            return found
        at = found
    raise NotFetched(f"redirects more than {limits.redirects_max} times")


async def _ask(
    client: httpx2.AsyncClient,
    url: httpx2.URL,
    addresses: list[str],
    before: Page | None,
    limits: FetchLimits,
) -> Page | httpx2.URL | None:
    """What the first address says that answers: a page, where else to look, or nothing new."""
    known = before.validators if before is not None and before.url == str(url) else {}
    headers = {**_HEADERS, "Host": url.netloc.decode("ascii"), **known}
    for address in addresses[:-1]:
        try:
            return await _get(client, url, address, headers, limits)
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            continue
    return await _get(client, url, addresses[-1], headers, limits)


async def _get(
    client: httpx2.AsyncClient,
    url: httpx2.URL,
    address: str,
    headers: dict[str, str],
    limits: FetchLimits,
) -> Page | httpx2.URL | None:
    named = {"sni_hostname": url.host}
    at = url.copy_with(host=address)
    async with client.stream("GET", at, headers=headers, extensions=named) as answer:
        if answer.status_code == httpx2.codes.NOT_MODIFIED:
            return None
        if answer.has_redirect_location:
            return url.join(answer.headers["Location"])
        if answer.status_code != httpx2.codes.OK:
            raise NotFetched(f"answered {answer.status_code}")
        return Page(
            url=str(url),
            content_type=answer.headers.get("Content-Type", ""),
            body=await _body(answer, limits.bytes_max),
            validators={
                asks: answer.headers[name]
                for name, asks in _VALIDATORS.items()
                if name in answer.headers
            },
        )


async def _body(answer: httpx2.Response, bytes_max: int) -> bytes:
    """All of the body, unpacked here: the library would unpack whatever size it comes to."""
    raw = bytearray()
    async for chunk in answer.aiter_raw():
        raw += chunk
        if len(raw) > bytes_max:
            raise NotFetched(f"is larger than {bytes_max:,} bytes")
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding == "identity":
        return bytes(raw)
    if encoding not in _ENCODINGS:
        raise NotFetched("is packed in a way that was not asked for")
    return _unpacked(bytes(raw), bytes_max)


def _unpacked(raw: bytes, bytes_max: int) -> bytes:
    try:
        body = zlib.decompressobj(wbits=_GZIP_OR_ZLIB).decompress(raw, bytes_max + 1)
    except zlib.error as error:
        raise NotFetched("is packed, and damaged") from error
    if len(body) > bytes_max:
        raise NotFetched(f"is larger than {bytes_max:,} bytes")
    return body
