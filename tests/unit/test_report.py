"""The report of a run that was reckoned by hand, and what terminal and page make of it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from plotly.offline import get_plotlyjs
from rich.console import Console

from builders import exactly
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.performance import CurvePoint, measure
from hedgerow.domain.proposals import SetupType
from hedgerow.entrypoints import report_words as words
from hedgerow.entrypoints.report_html import report_page, write_report_page
from hedgerow.entrypoints.report_page.equity_chart import equity_chart
from hedgerow.entrypoints.report_page.series import bars, candles_per_bar, thinned
from hedgerow.entrypoints.report_page.tables import TRADES_SHOWN_MAX
from hedgerow.entrypoints.report_terminal import print_report
from hedgerow.usecases.analyse_journal import GroupBy
from hedgerow.usecases.report import Report, Standing, Verdict, build_report, report_json
from hedgerow.usecases.report_facts import RunFacts
from run_builders import (
    BTC_CLOSES,
    DAY,
    START,
    closed_trade,
    day_candles,
    open_trade,
    run_facts,
    three_trades,
)

HOSTILE = "</script><script>alert(1)</script><img src=x onerror='alert(2)'> [bold]%{x}[/bold]"


def report(**changes: object) -> Report:
    return build_report(run_facts(**changes))  # type: ignore[arg-type]


def hold_values(found: Report) -> list[Decimal]:
    return [point.equity for point in found.buy_and_hold.curve]


def page_of(found: Report) -> str:
    """The page without the drawing library, which is not ours to judge."""
    return report_page(found).replace(get_plotlyjs(), "")


def printed(found: Report) -> str:
    paper = StringIO()
    print_report(found, Console(file=paper, width=140))
    return paper.getvalue()


class TestFund:
    def test_begins_with_its_capital_at_the_opening_of_the_first_day(self) -> None:
        found = report()
        assert found.fund.curve[0] == CurvePoint(START, Decimal(1000))
        assert (found.started_at, found.ended_at) == (START, START + 4 * DAY)

    def test_profit_and_drawdown(self) -> None:
        fund = report().fund
        assert (fund.final_equity, fund.profit, fund.profit_pct) == exactly(1100, 100, 10)
        # 1040 on the second day, 1014 on the third
        assert fund.max_drawdown.percent == Decimal("2.5")
        assert fund.max_drawdown.trough_at == START + 3 * DAY

    def test_trades_in_all_and_in_groups(self) -> None:
        found = report(
            candles={
                "ETH/USDT": day_candles("ETH/USDT", ("5",)),
                "BTC/USDT": day_candles("BTC/USDT", BTC_CLOSES),
            }
        )
        assert (found.totals.trades, found.totals.won) == (3, 2)
        assert found.totals.profit == 8
        assert list(found.groups[GroupBy.SYMBOL]) == ["BTC/USDT", "ETH/USDT"]
        assert found.groups[GroupBy.SYMBOL]["ETH/USDT"].stats.trades == 0
        by_setup = found.groups[GroupBy.SETUP]
        assert by_setup[SetupType.BREAKOUT].stats.profit == 4
        assert by_setup[SetupType.BREAKOUT].stats.profit_factor == Decimal("1.5")
        assert by_setup[SetupType.REVERSAL].stats.profit_factor is None
        assert SetupType.TREND_FOLLOW not in by_setup

    def test_a_trade_without_journal_entry_still_counts(self) -> None:
        found = report(trades=[replace(closed_trade(1, "12"), journal=None)])
        assert found.totals.profit == found.groups[GroupBy.SETUP][None].stats.profit == 12

    def test_open_positions_are_time_in_the_market_but_no_trades(self) -> None:
        found = report(trades=[open_trade(9, START + 3 * DAY)])
        assert (found.totals.trades, len(found.still_open)) == (0, 1)
        assert found.time_in_market_pct == 25

    def test_time_in_the_market_counts_each_day_once(self) -> None:
        assert report().time_in_market_pct == 50

    def test_closed_trades_stand_in_the_order_of_their_ends(self) -> None:
        found = report(trades=list(reversed(three_trades())))
        assert found.closed[-1].position.id.int == 3


class TestBuyAndHold:
    def test_pays_fee_and_slippage_once_and_is_marked_at_every_close(self) -> None:
        found = report()
        # 500 of cash and 3.2 BTC, at 100, 110, 99 and 121
        expected = ["1000", "820", "852", "816.8", "887.2"]
        assert hold_values(found) == [Decimal(value) for value in expected]
        assert found.buy_and_hold_fees == 100
        assert found.buy_and_hold.profit_pct == Decimal("-11.28")

    def test_a_missing_candle_leaves_the_last_price(self) -> None:
        candles = day_candles("BTC/USDT", BTC_CLOSES)
        del candles[1]
        assert hold_values(report(candles={"BTC/USDT": candles}))[2] == 820

    def test_a_symbol_that_comes_late_is_cash_until_its_first_close(self) -> None:
        late = day_candles("ETH/USDT", ("100", "200"), START + 2 * DAY)
        found = report(candles={"ETH/USDT": late}, allocations={"ETH/USDT": Decimal("0.5")})
        assert hold_values(found) == [1000, 1000, 1000, 820, 1140]

    def test_closes_before_the_start_are_not_bought_at(self) -> None:
        early = day_candles("BTC/USDT", ("1", "1", *BTC_CLOSES), START - 2 * DAY)
        assert hold_values(report(candles={"BTC/USDT": early})) == hold_values(report())

    @pytest.mark.parametrize(
        "allocations", [{}, {"USDT": Decimal(1)}, {"ETH/USDT": Decimal("0.5")}]
    )
    def test_what_nobody_can_buy_stays_cash(self, allocations: dict[str, Decimal]) -> None:
        found = report(allocations=allocations)
        assert set(hold_values(found)) == {Decimal(1000)}
        assert "holding cash" in words.benchmark(found)

    @given(
        shares=st.lists(st.integers(0, 50), min_size=2, max_size=2),
        closes=st.lists(st.integers(1, 10**6), min_size=4, max_size=4),
    )
    def test_is_the_sum_of_its_symbols(self, shares: list[int], closes: list[int]) -> None:
        ratios = [Decimal(share) / 100 for share in shares]
        symbols = ("BTC/USDT", "ETH/USDT")
        candles = {
            "BTC/USDT": day_candles("BTC/USDT", BTC_CLOSES),
            "ETH/USDT": day_candles("ETH/USDT", [str(close) for close in closes]),
        }
        both = dict(zip(symbols, ratios, strict=True))
        together = report(candles=candles, allocations=both).buy_and_hold.profit
        apart = [
            report(candles=candles, allocations={symbol: ratio}).buy_and_hold.profit
            for symbol, ratio in both.items()
        ]
        assert abs(together - sum(apart)) <= Decimal("2e-8")


class TestVerdict:
    def test_ahead(self) -> None:
        assert report().verdict == Verdict(Standing.AHEAD, Decimal("212.8"), Decimal("21.28"))

    def test_behind_is_said_plainly(self) -> None:
        found = report(equity=("1000", "900", "850", "800"))
        assert found.verdict == Verdict(Standing.BEHIND, Decimal("-87.2"), Decimal("-8.72"))
        sentence = (
            "The fund did worse than buy-and-hold, by 87.20 USDT (8.72 percentage points). "
            "The fund ended at 800.00 USDT: a loss of 200.00 USDT (-20.00 %) after fees."
        )
        assert words.verdict(found) == sentence
        assert sentence in page_of(found)
        assert sentence in " ".join(printed(found).split())

    def test_level(self) -> None:
        found = report(equity=("1000", "1000", "1000", "1000"), allocations={}, trades=[])
        assert found.verdict == Verdict(Standing.LEVEL, Decimal(0), Decimal(0))

    def test_an_unfinished_run_does_not_say_that_it_ended(self) -> None:
        assert "now stands at 1,100.00 USDT" in words.verdict(report(is_finished=False))


class TestJson:
    def test_says_every_figure_exactly(self) -> None:
        assert report_json(report(equity=("1000", "1040", "1014", "1014.123456785"))) == {
            "candles": 4,
            "decisions": 4,
            "orders": 9,
            "fills": 6,
            "trades": 3,
            "capital": "1000.00000000",
            "final_equity": "1014.12345678",
            "buy_and_hold_equity": "887.20000000",
            "fees": "3.00000000",
            "sharpe": "2.68679651",
            "max_drawdown_pct": "2.50000000",
            "win_rate_pct": "66.66666667",
            "profit_factor": "2.00000000",
            "breaker_trips": 1,
            "memories": 3,
            "journal_entries": 3,
        }

    def test_has_no_profit_factor_where_nothing_was_lost(self) -> None:
        assert report_json(report(trades=[closed_trade(1, "5")]))["profit_factor"] is None

    def test_zero_has_no_sign(self) -> None:
        figures = report_json(report(fees=Decimal("-0.000000001")))
        assert figures["fees"] == "0.00000000"


class TestNothingYet:
    def test_no_trades(self) -> None:
        found = report(trades=[])
        assert "The fund has not traded." in page_of(found)
        assert "Last trades" not in printed(found)
        assert report_json(found)["win_rate_pct"] == "0.00000000"

    def test_no_close(self) -> None:
        found = report(equity=(), trades=[])
        assert (found.fund.final_equity, found.buy_and_hold.final_equity) == exactly(1000, 1000)
        assert "no candle has closed yet" in page_of(found)
        assert "no candle has closed yet" in printed(found)

    def test_no_candles(self) -> None:
        assert _Page(page_of(report(equity=(), trades=[], candles={}))).figures == []


class TestWords:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ("42374.96", "42,374.96"),
            ("318.3", "318.300"),
            ("0.00001234567", "0.0000123457"),
            ("1234567.891", "1,234,567.89"),
        ],
    )
    def test_prices_keep_the_digits_that_count(self, value: str, text: str) -> None:
        assert words.price(Decimal(value)) == text

    @pytest.mark.parametrize(
        ("value", "text"), [("-0.001", "0.00"), ("0", "0.00"), ("5", "+5.00"), ("-5", "-5.00")]
    )
    def test_zero_has_no_sign(self, value: str, text: str) -> None:
        assert words.signed(Decimal(value)) == text

    @pytest.mark.parametrize(
        ("minutes", "text"),
        [(7, "7 min"), (60, "1 h 0 min"), (1439, "23 h 59 min"), (1500, "1 d 1 h")],
    )
    def test_spans_in_two_units(self, minutes: int, text: str) -> None:
        assert words.held(timedelta(minutes=minutes)) == text

    def test_text_of_others_loses_what_a_terminal_would_obey(self) -> None:
        assert words.plain("a\x1b[31mred\nb\u202ec") == "a [31mred b c"

    def test_profit_factor_without_a_loss(self) -> None:
        assert (
            words.profit_factor(report(trades=[closed_trade(1, "5")]).totals) == "no losing trade"
        )


class TestTerminal:
    def test_shows_figures_groups_and_trades(self) -> None:
        text = printed(report())
        for part in ("1,100.00", "887.20", "Per symbol", "Per setup", "reversal", "+12.00"):
            assert part in text
        assert f"…{str(three_trades()[0].position.id)[-8:]}" in text

    def test_reads_no_markup_in_names(self) -> None:
        assert "[red]mine[/red]" in printed(report(strategy_name="[red]mine[/red]\x1b[2J"))
        assert "\x1b" not in printed(report(strategy_name="[red]mine[/red]\x1b[2J"))


class _Page(HTMLParser):
    """The tags of a page with their attributes, and the figures in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.figures: list[dict[str, object]] = []
        self._is_figure = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._is_figure = dict(attrs).get("type") == "application/json"

    def handle_data(self, data: str) -> None:
        if self._is_figure:
            self.figures.append(json.loads(data))
        self._is_figure = False


class TestPage:
    def test_runs_nothing_that_an_analyst_wrote(self) -> None:
        trade = closed_trade(1, "5", reasoning=HOSTILE)
        page = page_of(report(trades=[trade], strategy_name=HOSTILE, quote_currency=HOSTILE))
        assert "<img" not in page
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        tags = [tag for tag, _ in _Page(page).tags]
        assert tags.count("script") == len(["equity", "candles", "library", "page"])

    def test_hovers_show_reasoning_as_plain_text(self) -> None:
        found = _Page(page_of(report(trades=[closed_trade(1, "5", reasoning=HOSTILE)])))
        entries = [t for f in found.figures for t in f["data"] if t["name"] == "Entry"]  # type: ignore[attr-defined]
        (hover,) = entries[0]["hovertext"]
        assert "&lt;/script&gt;" in hover
        assert set(re.findall("<[^>]*>", hover)) == {"<b>", "</b>", "<br>"}
        assert entries[0]["hoverinfo"] == "text"

    def test_loads_nothing(self) -> None:
        page = page_of(report())
        parsed = _Page(page)
        for tag, attributes in parsed.tags:
            assert tag not in {"link", "img", "iframe", "object", "embed", "base"}
            assert not {"src", "href", "srcset", "action"} & set(attributes)
        assert not re.search(r"https?://|url\(|@import", page)
        policy = next(a["content"] for _, a in parsed.tags if "http-equiv" in a)
        assert policy is not None
        assert policy.startswith("default-src 'none'; script-src 'sha256-")
        assert "unsafe-inline" not in policy.split(";")[1]

    def test_figures_are_what_plotly_knows(self) -> None:
        figures = _Page(page_of(report(trades=[*three_trades(), open_trade(9, START)]))).figures
        assert len(figures) == 2
        for figure in figures:
            go.Figure(figure)

    def test_tells_who_cannot_see_a_chart_what_it_shows(self) -> None:
        charts = [a for _, a in _Page(page_of(report())).tags if "data-figure" in a]
        assert all(chart["role"] == "img" and chart["aria-label"] for chart in charts)
        assert "887.20 USDT" in str(charts[0]["aria-label"])

    def test_lists_every_trade_with_its_position_and_reasons(self) -> None:
        page = page_of(report())
        for trade in three_trades():
            assert f">{trade.position.id}</code>" in page
        assert "volume confirms the breakout" in page
        assert "the stop was filled" in page

    def test_says_how_many_trades_it_leaves_out(self) -> None:
        trades = [closed_trade(number, "1") for number in range(1, TRADES_SHOWN_MAX + 3)]
        assert "These are the last 1,000 of 1,002." in page_of(report(trades=trades))


class TestWriting:
    def test_replaces_the_page_and_leaves_nothing_else(self, tmp_path: Path) -> None:
        path = tmp_path / "report.html"
        path.write_text("old")
        write_report_page(report(), path)
        assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
        assert [each.name for each in tmp_path.iterdir()] == ["report.html"]

    def test_refuses_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputRefused) as caught:
            write_report_page(report(), tmp_path / "missing" / "report.html")
        assert caught.value.where.endswith("missing/report.html")


class TestSeries:
    @given(st.lists(st.integers(1, 100), min_size=1, max_size=200), st.integers(2, 20))
    def test_thinning_keeps_ends_and_extremes(self, values: list[int], points_max: int) -> None:
        curve = [CurvePoint(START + n * DAY, Decimal(v)) for n, v in enumerate(values)]
        kept = thinned(curve, lambda point: point.equity, points_max)
        assert kept[0] == curve[0]
        assert kept[-1] == curve[-1]
        assert len(kept) <= points_max + 2
        assert [point.at for point in kept] == sorted(point.at for point in kept)
        for extreme in (min, max):
            assert extreme(p.equity for p in kept) == extreme(p.equity for p in curve)

    def test_falls_are_drawn_as_deep_as_they_are_told(self) -> None:
        values = [100, *[80, 100, 50, 60] * 3_000]
        side = measure(
            Decimal(100),
            [CurvePoint(START + n * DAY, Decimal(value)) for n, value in enumerate(values)],
        )
        _, falls, *_ = equity_chart(replace(report(), fund=side)).figure["data"]
        drawn = np.frombuffer(b64decode(falls["y"]["bdata"]), "<f8")
        assert drawn.min() == -side.max_drawdown.percent == -50
        assert len(drawn) < len(values) / 2

    def test_bars_join_candles(self) -> None:
        candles = day_candles("BTC/USDT", ("100", "110", "90"))
        per_bar = candles_per_bar(candles, bars_max=2)
        first, last = bars(candles, per_bar)
        assert per_bar == 2
        assert (first.open, first.high, first.low, first.close) == exactly(100, 121, 90, 110)
        assert first.volume == 3
        assert last == candles[2]

    def test_the_page_stays_small_however_long_the_run(self, long_run: RunFacts) -> None:
        assert len(report_page(build_report(long_run))) < 12_000_000


@pytest.fixture
def long_run() -> RunFacts:
    """Thirty symbols over 4000 days."""
    closes = [str(100 + n % 37) for n in range(4000)]
    symbols = [f"C{n}/USDT" for n in range(30)]
    return run_facts(
        equity=closes,
        candles={symbol: day_candles(symbol, closes) for symbol in symbols},
        allocations={symbol: Decimal("0.03") for symbol in symbols},
    )
