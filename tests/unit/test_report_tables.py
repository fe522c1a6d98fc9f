"""What a report is exported as, laid beside another, and what its journal comes to."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from uuid import UUID

import pytest
from pyarrow import parquet
from rich.console import Console

from builders import exactly, fill, order
from hedgerow.domain.errors import InputRefused
from hedgerow.domain.proposals import SetupType
from hedgerow.entrypoints.report_against import Rival, both_runs, print_comparison
from hedgerow.entrypoints.report_html import report_page
from hedgerow.entrypoints.report_tables import MEMORIES_SHOWN_MAX, group_table
from hedgerow.entrypoints.report_terminal import journal_table, print_report
from hedgerow.infrastructure.table_files import write_tables
from hedgerow.usecases.analyse_journal import GroupBy, Groups, analyse_journal
from hedgerow.usecases.export_report import export_tables
from hedgerow.usecases.report import build_report
from hedgerow.usecases.report_document import report_document
from hedgerow.usecases.report_facts import OrderRecord, TradeRecord
from run_builders import DAY, START, closed_trade, open_trade, run_facts, three_trades

FIRST, SECOND = UUID(int=501), UUID(int=502)
WIDTH = 80


def grouped(trades: list[TradeRecord], by: GroupBy) -> Groups:
    return analyse_journal(trades, build_report(run_facts(trades=trades)).efficiencies, by)


def printed(*things: object) -> list[str]:
    paper = StringIO()
    Console(file=paper, width=WIDTH).print(*things)
    return paper.getvalue().splitlines()


class TestJournal:
    def test_groups_by_setup_in_the_order_the_journal_names_them(self) -> None:
        groups = grouped(list(reversed(three_trades())), GroupBy.SETUP)
        assert list(groups) == [SetupType.BREAKOUT, SetupType.REVERSAL]
        assert groups[SetupType.BREAKOUT].stats.profit == 4

    def test_groups_by_agent_with_the_unknown_last(self) -> None:
        first, second, third = three_trades()
        trades = [first, replace(second, agent_id="zoe"), replace(third, agent_id="ann")]
        assert list(grouped(trades, GroupBy.AGENT)) == ["ann", "zoe", None]

    def test_counts_a_trade_for_each_memory_it_used(self) -> None:
        first, second, third = three_trades()
        trades = [
            replace(first, memories_used=(FIRST, SECOND)),
            replace(second, memories_used=(SECOND,)),
            third,
        ]
        groups = grouped(trades, GroupBy.MEMORY)
        assert {key: group.stats.trades for key, group in groups.items()} == {
            str(SECOND): 2,
            str(FIRST): 1,
            None: 1,
        }
        assert list(groups) == [str(SECOND), str(FIRST), None]
        assert groups[str(SECOND)].stats.profit == 4

    def test_groups_by_the_hour_of_opening_in_utc(self) -> None:
        late = closed_trade(4, "1", opened_at=START + timedelta(hours=21, minutes=59))
        assert list(grouped([*three_trades(), late], GroupBy.HOUR)) == ["00", "21"]

    def test_has_efficiency_time_and_the_verdicts_of_the_journal(self) -> None:
        # bought at 100 on the second day, when prices ran from 99 to 121, sold at 113, 93 and 105
        group = grouped(three_trades()[:2], GroupBy.SYMBOL)["BTC/USDT"]
        assert group.entry_efficiency_pct == pytest.approx(
            Decimal((21 / 22 + 21 / 28) / 2 * 100), abs=Decimal("1e-9")
        )
        assert group.exit_efficiency_pct == pytest.approx(
            Decimal((14 / 22 + 0 / 28) / 2 * 100), abs=Decimal("1e-9")
        )
        assert group.held_average == DAY
        assert group.exits_right_pct is None

    def test_shows_the_memories_that_most_trades_used(self) -> None:
        trades = [
            replace(closed_trade(n, "1"), memories_used=(UUID(int=n), FIRST)) for n in range(1, 40)
        ]
        table = group_table(GroupBy.MEMORY, grouped(trades, GroupBy.MEMORY), {FIRST: "buy\nlow"})
        assert (len(table.rows), table.left_out) == (MEMORIES_SHOWN_MAX, 20)
        assert (table.rows[0].group.stats.trades, table.rows[0].text) == (39, "buy low")

    @pytest.mark.parametrize("by", GroupBy)
    def test_fits_a_terminal_of_eighty_characters(self, by: GroupBy) -> None:
        trades = [replace(trade, agent_id="house_analyst") for trade in three_trades()]
        lines = printed(journal_table(group_table(by, grouped(trades, by), {})))
        assert all(len(line) <= WIDTH for line in lines)
        assert not any("…" in line for line in lines)


class TestExport:
    def test_writes_what_it_says_to_both_kinds_of_file(self, tmp_path: Path) -> None:
        made = order()
        orders = [OrderRecord(made, [fill("100.5", "10")])]
        trades = [*three_trades(), open_trade(9, START)]
        facts = run_facts(trades=trades, orders=orders)
        write_tables(tmp_path / "out", export_tables(build_report(facts)))
        names = ["equity", "fills", "orders", "trades"]
        found = sorted(path.name for path in (tmp_path / "out").iterdir())
        assert found == [f"{name}.{kind}" for name in names for kind in ("csv", "parquet")]
        for name in names:
            with (tmp_path / "out" / f"{name}.csv").open(newline="") as file:
                rows = list(csv.DictReader(file))
            stored = parquet.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist()
            assert len(rows) == len(stored) > 0
            for row, typed in zip(rows, stored, strict=True):
                assert row.keys() == typed.keys()
                assert {key: _read(text, typed[key]) for key, text in row.items()} == typed

    def test_equity_begins_with_the_capital(self) -> None:
        _, equity, *_ = export_tables(build_report(run_facts()))
        assert len(equity.rows) == 5
        assert equity.rows[0][:3] == (START, Decimal(1000), Decimal(1000))
        assert equity.rows[3][3] == Decimal("2.5")

    def test_leaves_no_orders_of_another_run_beside_trades_of_this_one(
        self, tmp_path: Path
    ) -> None:
        earlier = run_facts(orders=[OrderRecord(order(), [fill("100.5", "10")])])
        for facts in (earlier, run_facts()):
            write_tables(tmp_path, export_tables(build_report(facts)))
        for name in ("orders", "fills"):
            assert parquet.read_table(tmp_path / f"{name}.parquet").num_rows == 0

    def test_text_that_a_spreadsheet_would_run_is_only_text(self, tmp_path: Path) -> None:
        trade = replace(three_trades()[1], agent_id='=HYPERLINK("http://x";"y")')
        write_tables(tmp_path, export_tables(build_report(run_facts(trades=[trade]))))
        with (tmp_path / "trades.csv").open(newline="") as file:
            (row,) = csv.DictReader(file)
        assert row["agent_id"] == '\'=HYPERLINK("http://x";"y")'
        assert row["net_pnl"].startswith("-")

    def test_a_number_that_no_file_holds_is_named(self, tmp_path: Path) -> None:
        facts = run_facts(equity=["1000", "1" + "0" * 21])
        with pytest.raises(InputRefused, match=r"equity has a number beyond 20 digits") as refused:
            write_tables(tmp_path, export_tables(build_report(facts)))
        assert refused.value.where == "equity.parquet"
        assert list(tmp_path.iterdir()) == []

    def test_without_a_close_the_equity_is_empty(self, tmp_path: Path) -> None:
        write_tables(tmp_path, export_tables(build_report(run_facts(equity=(), trades=[]))))
        assert parquet.read_table(tmp_path / "equity.parquet").num_rows == 0

    def test_replaces_earlier_files_and_leaves_others(self, tmp_path: Path) -> None:
        for name in ("trades.csv", "mine.txt"):
            (tmp_path / name).write_text("old")
        write_tables(tmp_path, export_tables(build_report(run_facts())))
        assert (tmp_path / "mine.txt").read_text() == "old"
        assert (tmp_path / "trades.csv").read_text().startswith("position_id,")

    def test_a_folder_that_cannot_be_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        for folder in (tmp_path / "file", tmp_path / "missing" / "out"):
            with pytest.raises(InputRefused, match="cannot be written to"):
                write_tables(folder, [])

    def test_the_document_holds_every_figure_as_json(self) -> None:
        document = json.loads(json.dumps(report_document(build_report(run_facts()))))
        assert document["summary"]["final_equity"] == "1100.00000000"
        assert document["fund"]["max_drawdown"]["length_s"] == 2 * 86_400
        assert document["trades"]["profit_factor"] == "2.000000000000"
        assert {name: len(groups) for name, groups in document["by"].items()} == {
            "setup": 2,
            "regime": 1,
            "agent": 1,
            "memory": 1,
            "symbol": 1,
            "hour": 1,
        }
        assert report_document(build_report(run_facts(equity=(), trades=[])))["alpha_pct"] is None


def _read(text: str, typed: object) -> object:
    """A cell of a CSV file as the type that Parquet has it in."""
    match typed:
        case None:
            return None if text == "" else text
        case bool():
            return text == "true"
        case int():
            return int(text)
        case Decimal():
            return Decimal(text)
        case datetime():
            return datetime.fromisoformat(text).astimezone(UTC)
        case _:
            return text


class TestSideBySide:
    def test_has_every_figure_of_both_runs(self) -> None:
        this = build_report(run_facts())
        other = build_report(run_facts(equity=("1000", "900", "850", "800")))
        rows = {row.label: row[1:] for row in both_runs(this, Rival("Run …77", other))}
        assert rows["Final equity"] == ("1,100.00", "800.00")
        assert rows["Beta"][0] != rows["Beta"][1]
        assert len(rows) > 30

    def test_is_printed_and_on_the_page(self) -> None:
        this = build_report(run_facts())
        rival = Rival("Run …abcdef01", build_report(run_facts(trades=[])))
        paper = StringIO()
        print_comparison(this, rival, Console(file=paper, width=WIDTH))
        assert "Run …abcdef01" in paper.getvalue()
        page = report_page(this, rival)
        assert "Run …abcdef01" in page
        assert page.index("The fund did better than") < page.index("Side by side")
        assert "figure-growth" in page


class TestTearSheet:
    def test_measures_the_fund_against_buy_and_hold(self) -> None:
        found = build_report(run_facts())
        assert found.against_hold is not None
        # 300 bought and 311 sold, half of it over an average equity of 1030.8
        assert found.turnover_ratio == pytest.approx(Decimal(611 / 2 / 1030.8), abs=Decimal("1e-9"))
        assert found.exposure_pct == 0
        assert (found.all_trades.stats.best, found.all_trades.stats.worst) == exactly(12, -8)

    def test_the_page_has_months_drawdowns_groups_and_efficiencies(self) -> None:
        page = report_page(build_report(run_facts()))
        for part in (
            "Return and risk",
            "How it traded",
            ">Months<",
            "Deepest drawdowns",
            "Per hour of opening (UTC)",
            "Per memory used",
            "95 % / 64 %",
        ):
            assert part in page

    def test_the_terminal_keeps_to_eighty_characters(self) -> None:
        paper = StringIO()
        print_report(build_report(run_facts()), Console(file=paper, width=WIDTH))
        assert all(len(line) <= WIDTH for line in paper.getvalue().splitlines())
