"""`hedgerow news`, against feeds on loopback and on the real engine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from feed_server import Answer, FeedServer, rss, rss_item
from hedgerow.bootstrap import Backstage
from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.cli import make_app

Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[FeedServer]:
    """In a thread of its own: each command runs an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    found = FeedServer({"/a": Answer(rss(rss_item(1), rss_item(2, "[bold]Ether[/bold] falls")))})
    asyncio.run_coroutine_threadsafe(found.__aenter__(), loop).result()
    yield found
    asyncio.run_coroutine_threadsafe(found.__aexit__(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def run(tmp_path: Path, server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("HEDGEROW_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("HEDGEROW_NEWS_FEEDS", f"{server.url('/a')}, {server.url('/gone?canary')}")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(make_app(Backstage()), ["news", *arguments])

    return run


def test_news_is_fetched_once_and_shown(run: Run, server: FeedServer) -> None:
    fetched = run("fetch", "--json")
    assert fetched.exit_code == 1, fetched.exception
    assert fetched.stderr == (
        "hedgerow: news of 127.0.0.1: answered 404; try again later, or see HEDGEROW_NEWS_FEEDS.\n"
    )
    document = json.loads(fetched.stdout)
    assert [item["title"] for item in document["new"]] == [
        "[bold]Ether[/bold] falls",
        "Bitcoin rises",
    ]
    assert document["failed"] == [{"source": "127.0.0.1", "problem": "answered 404"}]
    server.pages["/a"] = Answer(rss(rss_item(1, "Bitcoin was hacked"), rss_item(3, "Solana rises")))
    again = run("fetch")
    assert "1 new, 1 known before." in again.stdout
    assert "Solana rises" in again.stdout
    assert "hacked" not in again.stdout

    shown = run("show")
    assert shown.exit_code == 0
    assert [line for line in shown.stdout.splitlines() if "falls" in line or "rises" in line] == [
        "Solana rises",
        "[bold]Ether[/bold] falls",
        "Bitcoin rises",
    ]
    about = json.loads(run("show", "--symbol", "eth/usdt", "--json").stdout)
    assert [item["symbols"] for item in about] == [["ETH/USDT"]]
    assert "No news about BTC/USDT is known since 2100-01-01 00:00 UTC." in (
        run("show", "--symbol", "BTC/USDT", "--since", "2100-01-01").stdout
    )


def test_other_symbols_can_be_looked_for(run: Run) -> None:
    document = json.loads(run("fetch", "--symbols", "RISES/EUR,BTC/EUR", "--json").stdout)
    assert sorted(item["symbols"] for item in document["new"]) == [["BTC/EUR"], ["ETH/EUR"]]


def test_without_feeds_everything_works(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEDGEROW_NEWS_FEEDS")
    fetched = run("fetch")
    assert (fetched.exit_code, fetched.stdout) == (
        0,
        "No feed is set (HEDGEROW_NEWS_FEEDS): nothing was fetched.\n",
    )
    assert json.loads(run("fetch", "--json").stdout)["feeds"] == 0
    assert run("show").stdout.startswith("No news is known since ")


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("show", "--symbol", "BTC"), "--symbol"),
        (("show", "--since", "soon"), "--since"),
        (("fetch", "--symbols", "BTC"), "--symbols"),
    ],
)
def test_what_means_nothing_is_refused(run: Run, arguments: tuple[str, ...], where: str) -> None:
    refused = run(*arguments).exception
    assert isinstance(refused, InputRefused)
    assert refused.where == where
