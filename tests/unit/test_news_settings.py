"""Which feeds can be set."""

from __future__ import annotations

import pytest

from hedgerow.domain.errors import InputRefused
from hedgerow.settings import load_settings

NAME = "HEDGEROW_NEWS_FEEDS"


def test_feeds_stand_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        NAME, " https://a.example.com/rss?key=1 ,http://127.0.0.1:8/,, http://127.0.0.1:8/"
    )
    assert load_settings().news_feeds == "https://a.example.com/rss?key=1,http://127.0.0.1:8/"
    monkeypatch.setenv(NAME, "")
    assert load_settings().news_feeds is None


@pytest.mark.parametrize(
    "feeds",
    [
        ",",
        "canary",
        "ftp://canary.example.com/rss",
        "https://a.example.com,https:///canary",
        "https://a.example.com:port/canary",
        "https://me:canary@a.example.com/rss",
    ],
)
def test_what_is_no_feed_is_refused_without_repeating_it(
    monkeypatch: pytest.MonkeyPatch, feeds: str
) -> None:
    monkeypatch.setenv(NAME, feeds)
    with pytest.raises(InputRefused) as caught:
        load_settings()
    assert caught.value.where == NAME
    assert "canary" not in repr(caught.value)
