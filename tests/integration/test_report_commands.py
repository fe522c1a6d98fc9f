"""Reports compared, exported and listed, and the journal, as people run them."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from shutil import copytree

import pytest
from pyarrow import parquet

from command_line import Finished, assert_refused, copied, hedgerow
from hedgerow.usecases.analyse_journal import GroupBy


@pytest.fixture
def two_runs(finished: Finished, small_candles: Path, data_folder: Path) -> Path:
    """A data folder with the finished run, and a later one of another seed."""
    copied(finished.data, data_folder)
    again = hedgerow("demo", "--data", small_candles, "--seed", "8", data=data_folder)
    assert again.code == 0, again
    return data_folder


def test_two_runs_side_by_side(two_runs: Path, finished: Finished) -> None:
    latest, first = hedgerow("report", "--list", "--json", data=two_runs).document
    assert latest["id"] != first["id"]
    assert (latest["plan"]["seed"], first["plan"]["seed"]) == (8, 7)
    listed = hedgerow("report", "--list", data=two_runs)
    assert (listed.code, listed.err) == (0, "")
    assert listed.out.index(latest["id"][-8:]) < listed.out.index(first["id"][-8:])
    said = hedgerow("report", "--against", first["id"][-8:], data=two_runs)
    assert (said.code, said.err) == (0, "")
    assert f"Run …{first['id'][-8:]}" in said.out
    page = Path(said.out.splitlines()[-1].removeprefix("The report as a page: "))
    assert page.name == f"{latest['id']}-against-{first['id']}.html"
    assert "Side by side" in page.read_text(encoding="utf-8")
    both = hedgerow("report", "--against", first["id"], "--json", data=two_runs).document
    assert both["against"]["run"] == first["id"]
    assert both["against"]["final_equity"] == finished.result["final_equity"]
    assert both["final_equity"] != finished.result["final_equity"]
    itself = hedgerow("report", "--against", latest["id"], data=two_runs)
    assert_refused(itself, "--against: is the run itself that is shown")
    # both began with the same candle, and the beginning of an id is its time
    several = hedgerow("report", "--against", first["id"][:8], data=two_runs)
    assert_refused(several, "--against: several runs have an id like")


def test_a_report_as_files(finished: Finished, service_folder: Path) -> None:
    folder = service_folder / "out"
    said = hedgerow("report", "--export", folder, data=finished.data)
    assert (said.code, said.err) == (0, "")
    names = {
        f"{n}.{k}" for n in ("trades", "equity", "orders", "fills") for k in ("csv", "parquet")
    }
    assert {path.name for path in folder.iterdir()} == names | {"report.json", "run.json"}
    document = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    counted = {
        name: parquet.read_table(folder / f"{name}.parquet").num_rows
        for name in ("trades", "orders", "fills")
    }
    assert counted == {name: finished.result[name] for name in counted}
    with (folder / "trades.csv").open(newline="", encoding="utf-8") as file:
        trades = list(csv.DictReader(file))
    profit = sum(Decimal(trade["net_pnl"]) for trade in trades)
    assert profit == Decimal(document["trades"]["profit"])
    assert all(trade["agent_id"] == "trader" for trade in trades)
    assert any(trade["memories_used"] for trade in trades)
    *_, last = parquet.read_table(folder / "equity.parquet").to_pylist()
    assert last["equity"] == Decimal(document["fund"]["final_equity"])


def test_an_exported_run_is_reported_on_without_the_database(
    finished: Finished, service_folder: Path, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    assert hedgerow("report", "--export", kept, data=finished.data).code == 0
    report, journal = (
        hedgerow(*command, "--run", kept, "--json", data=service_folder / "none").document
        for command in (["report"], ["journal", "--by", "memory"])
    )
    audited = {"ledger_balanced", "events_verified", "elapsed_s"}
    assert report == {name: finished.result[name] for name in finished.result.keys() - audited}
    assert journal == hedgerow("journal", "--by", "memory", "--json", data=finished.data).document
    assert (kept / "report.html").is_file()
    assert not (service_folder / "none" / "postgres").exists()
    pages = set()
    for folder in ("a", "b"):
        rival = tmp_path / folder / "same"
        copytree(kept, rival)
        said = hedgerow("report", "--run", kept, "--against", rival, data=service_folder / "none")
        pages.add(said.out.splitlines()[-1])
    assert len(pages) == len(list(kept.glob("report-against-same-*.html"))) == 2
    itself = hedgerow("report", "--run", kept, "--against", kept, data=service_folder / "none")
    assert_refused(itself, "--against: is the run itself that is shown")
    (kept / "run.json").write_text('{"hedgerow_run": 2}', encoding="utf-8")
    damaged = hedgerow("report", "--run", kept, data=service_folder / "none")
    assert_refused(damaged, f"{kept / 'run.json'}: hedgerow_run: Input should be 1")
    (kept / "run.json").unlink()
    empty = hedgerow("report", "--against", kept, data=finished.data)
    assert_refused(empty, f"{kept / 'run.json'}: holds no run that can be read")


def test_refuses_what_cannot_be(finished: Finished, service_folder: Path) -> None:
    taken = service_folder / "taken"
    taken.write_text("mine")
    for arguments, problem in (
        (["report", "--against", "ffffffff"], "--against: no run has an id like 'ffffffff'"),
        (["report", "--run", ""], "--run: no run is named; give an id"),
        (["report", "--against", " "], "--against: no run is named; give an id"),
        (["report", "--list", "--export", taken], "--list: lists runs and does nothing else"),
        (["report", "--export", taken], f"{taken}: cannot be written to"),
        (["journal", "--by", "mood"], "--by: 'mood' is nothing to group by; use one of setup"),
    ):
        assert_refused(hedgerow(*arguments, data=finished.data), problem)
    assert taken.read_text() == "mine"


def test_the_journal_by_everything(finished: Finished) -> None:
    trades = finished.result["trades"]
    for by in GroupBy:
        document = hedgerow("journal", "--by", by, "--json", data=finished.data).document
        counted = sum(group["trades"] for group in document["groups"])
        assert document["by"] == by
        assert counted >= trades if by is GroupBy.MEMORY else counted == trades
        for group in document["groups"]:
            assert 0 <= Decimal(group["entry_efficiency_pct"]) <= 100
    said = hedgerow("journal", "--by", "memory", data=finished.data, COLUMNS="80")
    assert (said.code, said.err) == (0, "")
    assert "Per memory used" in said.out
    assert all(len(line) <= 80 for line in said.out.splitlines())


def test_without_a_run_there_is_nothing_to_show(data_folder: Path) -> None:
    for command in (["report"], ["journal"]):
        said = hedgerow(*command, data=data_folder)
        assert_refused(said, "there is no run to report on yet; run `hedgerow demo` first")
    assert "There is no run yet" in hedgerow("report", "--list", data=data_folder).out
