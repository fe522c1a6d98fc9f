"""Feeds as they come over HTTP: sound ones, broken ones, and those that mean harm."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from feed_server import ATOM, Answer, FeedServer, Headers, rss, rss_item
from hedgerow.domain.errors import NewsUnavailable
from hedgerow.domain.market_data import NewsItem
from hedgerow.infrastructure.news.feeds import ITEMS_MAX, RssFeed
from hedgerow.infrastructure.news.fetching import FetchLimits, open_client
from loopback_tls import contexts_for

NOW = datetime(2024, 1, 2, 12, tzinfo=UTC)
BTC = "BTC/USDT"
LIMITS = FetchLimits(seconds_max=5.0, bytes_max=20_000, redirects_max=3)


@pytest.fixture
async def server() -> AsyncIterator[FeedServer]:
    async with FeedServer() as found:
        yield found


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with open_client() as found:
        yield found


def feed(server: FeedServer, client: httpx2.AsyncClient, **limits: Any) -> RssFeed:
    """The feed at /feed."""
    values = {name: getattr(LIMITS, name) for name in FetchLimits.__slots__}
    return RssFeed(
        server.url("/feed?token=canary"), [BTC], client, FetchLimits(**(values | limits))
    )


async def fetched(
    server: FeedServer, client: httpx2.AsyncClient, body: bytes, **headers: str
) -> list[NewsItem]:
    server.pages["/feed?token=canary"] = Answer(body, headers=headers)
    return await feed(server, client).fetch(NOW)


async def refusal(
    server: FeedServer, client: httpx2.AsyncClient, answer: Answer, **limits: Any
) -> str:
    server.pages["/feed?token=canary"] = answer
    with pytest.raises(NewsUnavailable) as caught:
        await feed(server, client, **limits).fetch(NOW)
    assert caught.value.source == "127.0.0.1"
    assert "canary" not in f"{caught.value!r} {caught.value.__context__!r}"
    return caught.value.problem


class TestWhatFeedsSay:
    async def test_rss(self, server: FeedServer, client: httpx2.AsyncClient) -> None:
        summary = "<description><![CDATA[<p>Ether <b>too</b>.</p>]]></description>"
        [item] = await fetched(server, client, rss(rss_item(1, more=summary)))
        assert item == NewsItem(
            id=item.id,
            source="127.0.0.1",
            title="Bitcoin rises",
            summary="Ether too.",
            url="https://news.example.com/1",
            symbols=("BTC/USDT", "ETH/USDT"),
            published_at=datetime(2024, 1, 2, 9, tzinfo=UTC),
            known_at=NOW,
        )
        assert len(item.id) == 32

    async def test_atom(self, server: FeedServer, client: httpx2.AsyncClient) -> None:
        entry = (
            "<entry><id>urn:1</id><title type='html'>&lt;b&gt;Markets&lt;/b&gt; calm</title>"
            "<link href='/1'/><updated>2024-01-02T10:00:00Z</updated>"
            "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>Nothing</p>"
            "<p>happened.</p></div></content></entry>"
        )
        [item] = await fetched(server, client, ATOM.format(items=entry).encode())
        assert (item.title, item.summary, item.symbols) == ("Markets calm", "Nothing happened.", ())
        assert item.url == server.url("/1")
        assert item.published_at == datetime(2024, 1, 2, 10, tzinfo=UTC)

    async def test_entities_and_markup_become_text(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        title = "AT&amp;amp;T &amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt; &#8364;5"
        [item] = await fetched(server, client, rss(rss_item(1, title)))
        assert item.title == "AT&T €5"

    async def test_an_item_that_changes_later_is_the_same_item(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        [first] = await fetched(server, client, rss(rss_item(1)))
        [later] = await fetched(server, client, rss(rss_item(1, "Bitcoin falls", "<x/>")))
        [other] = await fetched(server, client, rss(rss_item(2)))
        assert first.title != later.title
        assert first.id == later.id != other.id

    async def test_what_is_missing_is_made_up_for(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        items = (
            "<item><description>Only a summary</description></item>",
            "<item><title>Link of another kind</title><link>javascript:alert(1)</link></item>",
            "<item><title>From the future</title><pubDate>Tue, 02 Jan 3024 11:00:00 GMT</pubDate>"
            "</item>",
            "<item><guid>says nothing</guid></item>",
        )
        found = await fetched(server, client, rss(*items))
        assert [item.title for item in found] == [
            "Only a summary",
            "Link of another kind",
            "From the future",
        ]
        assert {item.url for item in found} == {""}
        assert {item.published_at for item in found} == {NOW}

    async def test_texts_are_cut(self, server: FeedServer, client: httpx2.AsyncClient) -> None:
        more = f"<description>{'word ' * 2000}</description>"
        [item] = await fetched(server, client, rss(rss_item(1, "long " * 900, more)))
        assert (len(item.title), len(item.summary)) == (300, 1000)
        assert item.title.endswith("…")

    async def test_only_so_many_items_are_read(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        items = [f"<item><title>{n}</title></item>" for n in range(ITEMS_MAX + 9)]
        assert len(await fetched(server, client, rss(*items))) == ITEMS_MAX

    async def test_a_feed_that_breaks_off_is_read_so_far(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        whole = rss(rss_item(1), rss_item(2, "Solana rises"))
        found = await fetched(server, client, whole[: whole.index(b"</rss>") - 30])
        assert [item.title for item in found] == ["Bitcoin rises", "Solana rises"]

    async def test_an_empty_feed_is_a_feed(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        assert await fetched(server, client, rss()) == []

    async def test_entities_that_multiply_come_to_nothing(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        entities = "".join(
            f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "ha" * 10}">' for n in range(12)
        )
        body = rss(rss_item(1, "&e11;")).decode().partition("?>")[2]
        found = await fetched(server, client, f"<!DOCTYPE r [{entities}]>{body}".encode())
        assert all(len(item.title) <= 300 for item in found)

    async def test_files_of_this_machine_are_not_read(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        body = rss(rss_item(1, "read &file; end")).decode().partition("?>")[2]
        doctype = '<!DOCTYPE r [<!ENTITY file SYSTEM "file:///etc/passwd">]>'
        found = await fetched(server, client, f"{doctype}{body}".encode())
        assert all("root" not in item.title for item in found)


class TestHowTheyAreFetched:
    async def test_what_has_not_changed_is_not_sent_again(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        stamps = {"ETag": '"v1"', "Last-Modified": "Tue, 02 Jan 2024 10:00:00 GMT"}

        def page(headers: Headers) -> Answer:
            if headers.get("if-none-match") == '"v1"':
                return Answer(status=304)
            return Answer(rss(rss_item(1)), headers=stamps)

        server.pages["/feed?token=canary"] = page
        source = feed(server, client)
        assert len(await source.fetch(NOW)) == 1
        assert await source.fetch(NOW) == []
        assert server.asked[1][1]["if-modified-since"] == stamps["Last-Modified"]
        assert "if-none-match" not in server.asked[0][1]

    async def test_a_broken_page_is_asked_for_anew(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        source = feed(server, client)
        server.pages["/feed?token=canary"] = Answer(b"<html>", headers={"ETag": '"v1"'})
        with pytest.raises(NewsUnavailable):
            await source.fetch(NOW)
        server.pages["/feed?token=canary"] = Answer(rss(rss_item(1)))
        assert len(await source.fetch(NOW)) == 1
        assert "if-none-match" not in server.asked[1][1]

    async def test_redirects_are_followed(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        server.pages["/2"] = Answer(status=301, headers={"Location": server.url("/3")})
        server.pages["/3"] = Answer(rss(rss_item(1)))
        server.pages["/feed?token=canary"] = Answer(status=302, headers={"Location": "/2"})
        assert len(await feed(server, client).fetch(NOW)) == 1

    async def test_packed_feeds_are_unpacked(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        packed = gzip.compress(rss(rss_item(1)))
        headers = {"Content-Encoding": "gzip"}
        assert len(await fetched(server, client, packed, **headers)) == 1

    async def test_a_name_of_this_machine_may_be_set(
        self, server: FeedServer, client: httpx2.AsyncClient
    ) -> None:
        server.pages["/"] = Answer(rss(rss_item(1)))
        source = RssFeed(server.url("/", "localhost"), [BTC], client, LIMITS)
        assert len(await source.fetch(NOW)) == 1
        assert server.asked[0][1]["host"] == f"localhost:{server.port}"

    @pytest.mark.parametrize(("name", "is_trusted"), [("localhost", True), ("other.host", False)])
    async def test_over_tls_the_certificate_is_that_of_the_name(
        self, tmp_path: Path, name: str, is_trusted: bool
    ) -> None:
        shown, trusted = contexts_for(name, tmp_path)
        async with (
            FeedServer({"/": Answer(rss(rss_item(1)))}, shown) as server,
            httpx2.AsyncClient(verify=trusted, trust_env=False) as client,
        ):
            source = RssFeed(server.url("/", "localhost"), [BTC], client, LIMITS)
            if is_trusted:
                assert len(await source.fetch(NOW)) == 1
            else:
                with pytest.raises(NewsUnavailable, match="ConnectError"):
                    await source.fetch(NOW)


class TestWhatFails:
    @pytest.mark.parametrize(
        ("answer", "problem"),
        [
            (Answer(status=404), "answered 404"),
            (Answer(status=500), "answered 500"),
            (Answer(b"<html><p>Hello"), "is no feed that can be read"),
            (Answer(b'{"a": 1}'), "is no feed that can be read"),
            (Answer(b""), "is no feed that can be read"),
            (Answer(rss(rss_item(1)) * 99), "is larger than 20,000 bytes"),
            (
                Answer(gzip.compress(b" " * 10_000_000), headers={"Content-Encoding": "gzip"}),
                "is larger than 20,000 bytes",
            ),
            (
                Answer(b"not packed", headers={"Content-Encoding": "gzip"}),
                "is packed, and damaged",
            ),
            (
                Answer(b"?", headers={"Content-Encoding": "br"}),
                "is packed in a way that was not asked for",
            ),
            (
                Answer(status=302, headers={"Location": "/feed?token=canary"}),
                "redirects more than 3 times",
            ),
            (
                Answer(status=302, headers={"Location": "file:///etc/passwd"}),
                "leads to what is no http or https address",
            ),
            (
                Answer(status=302, headers={"Location": "http://[::1/"}),
                "leads to what is no http or https address",
            ),
            (
                Answer(status=302, headers={"Location": "http://10.0.0.1/canary"}),
                "leads to a local address",
            ),
            (
                Answer(status=302, headers={"Location": "http://localhost/canary"}),
                "leads to a local address",
            ),
            (
                Answer(status=302, headers={"Location": "http://[::ffff:127.0.0.1]/canary"}),
                "leads to a local address",
            ),
        ],
    )
    async def test_is_told_without_the_address(
        self, server: FeedServer, client: httpx2.AsyncClient, answer: Answer, problem: str
    ) -> None:
        assert await refusal(server, client, answer) == problem

    @pytest.mark.parametrize(
        "answer", [Answer(rss(), delay_s=9.0), Answer(rss(), pause_s=0.02)], ids=["late", "trickle"]
    )
    async def test_slow_ones_are_given_up(
        self, server: FeedServer, client: httpx2.AsyncClient, answer: Answer
    ) -> None:
        problem = await refusal(server, client, answer, seconds_max=0.2)
        assert problem == "did not answer within 0.2 s"

    async def test_nobody_is_there(self, client: httpx2.AsyncClient) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}/canary"
            with pytest.raises(NewsUnavailable, match="ConnectError") as caught:
                await RssFeed(url, [BTC], client, LIMITS).fetch(NOW)
        assert "canary" not in repr(caught.value)

    async def test_a_name_that_means_a_local_address_is_refused(
        self, server: FeedServer, client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also where it means a public one as well, or another one the next time."""
        answers = [["93.184.216.34", "127.0.0.1"], ["127.0.0.1"]]

        async def look_up(*_: object, **__: object) -> Sequence[tuple[object, ...]]:
            return [(0, 0, 0, "", (address, server.port)) for address in answers.pop(0)]

        source = RssFeed(server.url("/", "news.example.com"), [BTC], client, LIMITS)
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
        for _ in range(2):
            with pytest.raises(NewsUnavailable, match="leads to a local address"):
                await source.fetch(NOW)
        assert server.asked == []
