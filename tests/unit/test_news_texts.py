"""Texts of others become plain words, and are found to be about coins; addresses are told apart."""

from __future__ import annotations

import time
import unicodedata
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgerow.infrastructure.news.coins import CoinFinder
from hedgerow.infrastructure.news.destinations import is_local, local_host_of
from hedgerow.infrastructure.news.texts import plain_text


class TestPlainText:
    @pytest.mark.parametrize(
        ("text", "plain"),
        [
            ("<p>One</p><p>two<br/>three</p>", "One two three"),
            ("<b>Bit</b>coin&rsquo;s <A HREF='x'>price</A>", "Bitcoin’s price"),
            ("5 < 6 & 7 > 3, a<b", "5 < 6 & 7 > 3, a<b"),
            ("a<script>alert('<p>')</script>b<style>p {}</style>c", "a b c"),
            ("a<!-- <b>hidden</b> -- > still -->b", "a b"),
            ("never closed <script>alert(1)", "never closed"),
            ("never closed <!-- hidden", "never closed"),
            ("&lt;b&gt;bold&lt;/b&gt; and &amp;lt;i&amp;gt;italic", "bold and italic"),
            ("\x1b[31mred\x00\u202eback\u200bwards\ud800", "[31mredbackwards"),
            (" tabs\tand\r\nlines\u00a0\u2028end ", "tabs and lines end"),
            ("", ""),
        ],
    )
    def test_only_words_are_left(self, text: str, plain: str) -> None:
        assert plain_text(text, 100) == plain

    def test_is_cut_to_its_length(self) -> None:
        assert plain_text("one two three", 13) == "one two three"
        assert plain_text("one two three", 9) == "one two…"

    @given(
        st.text(max_size=300)
        | st.lists(st.sampled_from(["<", ">", "&lt;", "p", "!--", "/", " "])).map("".join)
    )
    def test_nothing_unseen_is_left_of_any_text(self, text: str) -> None:
        plain = plain_text(text, 50)
        assert len(plain) <= 50
        assert not any(unicodedata.category(character).startswith("C") for character in plain)
        assert plain == " ".join(plain.split())

    @pytest.mark.parametrize(
        "part", ["<", "<a ", "<!--", "</", '<a b="', "&#", "&amp;", "<script>"]
    )
    def test_no_text_takes_long(self, part: str) -> None:
        begun = time.perf_counter()
        plain_text(part * 100_000, 1000)
        assert time.perf_counter() - begun < 1.0


class TestCoins:
    @pytest.mark.parametrize(
        ("text", "bases"),
        [
            ("Bitcoin and ether rally", "BTC ETH"),
            ("BITCOIN'S halving; two bitcoins", "BTC"),
            ("Bitcoin Cash forks, Ethereum Classic too", "BCH ETC"),
            ("Bitcoin Cash is not Bitcoin", "BCH BTC"),
            ("BTC/USD, ETH-perps and $sol", "BTC ETH SOL"),
            ("Whether together, linked in a tronic dot", ""),
            ("btc in small letters is no ticker, nor is XBTC or BTC2", ""),
            ("ABC is asked about by ticker", "ABC"),
            ("Stocks fall", ""),
        ],
    )
    def test_are_found_by_name_and_by_ticker(self, text: str, bases: str) -> None:
        finder = CoinFinder(["BTC/USDC", "ABC/USDC"])
        assert finder.symbols_in(text) == tuple(f"{base}/USDC" for base in bases.split())

    def test_are_told_in_each_quote_currency_that_is_asked_about(self) -> None:
        assert CoinFinder([]).symbols_in("Bitcoin") == ("BTC/USDT",)
        found = CoinFinder(["ETH/USDT", "ETH/EUR"]).symbols_in("Bitcoin")
        assert found == ("BTC/EUR", "BTC/USDT")


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            *("127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254"),
            *("100.64.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255"),
            *("::1", "::", "fe80::1", "fd00::1", "ff02::1"),
            *("::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
        ],
    )
    def test_that_are_local(self, address: str) -> None:
        assert is_local(ip_address(address))

    @pytest.mark.parametrize("address", ["1.1.1.1", "2606:4700::1111", "64:ff9b::101:101"])
    def test_that_are_public(self, address: str) -> None:
        assert not is_local(ip_address(address))

    def test_that_are_set_outright_are_known(self) -> None:
        assert local_host_of("http://127.0.0.1:8/feed") == "127.0.0.1"
        assert local_host_of("http://[::1]/feed") == "::1"
        assert local_host_of("http://LocalHost/feed") == "localhost"
        assert local_host_of("https://news.example.com/feed") is None
        assert local_host_of("https://1.1.1.1/feed") is None
