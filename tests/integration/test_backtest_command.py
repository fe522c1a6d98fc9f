"""`hedgerow backtest`: what a demo would have come to, without its services."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from command_line import Finished, assert_refused, cut_candles, hedgerow

EXAMPLE = Path(__file__).parents[2] / "examples" / "ema_cross.py"
# Of a demo: its audit. Of a backtest: what only it tells.
APART = {"ledger_balanced", "events_verified", "elapsed_s", "funding", "is_finished", "path"}


def figures(path: Path) -> dict[str, Any]:
    """What both a demo and a backtest tell."""
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return {key: value for key, value in result.items() if key not in APART}


def test_the_house_comes_to_what_its_demo_came_to(
    small_candles: Path, finished: Finished, tmp_path: Path
) -> None:
    file, page = tmp_path / "result.json", tmp_path / "report.html"
    said = hedgerow(
        "backtest", "--data", small_candles, "--json", file, "--page", page, data=tmp_path / "none"
    )
    assert (said.code, said.err) == (0, "")
    demo = {key: value for key, value in finished.result.items() if key not in APART}
    assert figures(file) == demo
    assert "Backtest of House rules" in page.read_text(encoding="utf-8")
    assert not (tmp_path / "none" / "postgres").exists()


def test_the_house_reads_regimes_by_the_models_that_are_chosen(
    small_candles: Path, tmp_path: Path
) -> None:
    chosen = {"HEDGEROW_REGIME_MODELS": "regime_model_4h_v9"}
    said = hedgerow("backtest", "--no-memory", "--data", small_candles, data=tmp_path, **chosen)
    assert said.code == 0
    assert "BNB/USDT 4h is left to the rules: the model cannot be read" in said.err


def test_a_recorded_demo_trades_again_as_it_did(finished: Finished, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    said = hedgerow("backtest", "--analyst", "recorded", "--json", file, data=finished.data)
    assert (said.code, said.err) == (0, "")
    again = figures(file)
    # It neither abstains in words nor remembers.
    for key in ("decisions", "memories"):
        del again[key]
    assert again == {key: finished.result[key] for key in again}


def test_a_kept_backtest_is_compared_with_another_and_with_a_paper_run(
    finished: Finished, small_candles: Path, tmp_path: Path
) -> None:
    own, house = tmp_path / "own", tmp_path / "house"
    cross = ("--analyst", f"{EXAMPLE}:EmaCross", "--param", "fast=4", "--param", "slow=12")
    for options, folder in ((cross, own), ((), house)):
        said = hedgerow(
            "backtest", "--data", small_candles, *options, "--export", folder, data=tmp_path / "no"
        )
        assert (said.code, said.err) == (0, "")
        assert f"The report as files: {folder}" in said.out
    both = hedgerow("report", "--run", own, "--against", house, data=tmp_path / "no")
    assert (both.code, both.err) == (0, "")
    assert "Side by side" in both.out
    assert "house" in both.out
    page = Path(both.out.splitlines()[-1].removeprefix("The report as a page: "))
    assert page.parent == own
    assert page.name.startswith("report-against-house-")
    assert "Side by side" in page.read_text(encoding="utf-8")
    assert not (tmp_path / "no" / "postgres").exists()
    # the house comes to what its demo came to, also in every table of the report
    with_paper = hedgerow("report", "--against", house, "--json", data=finished.data).document
    rival = with_paper.pop("against")
    assert rival.pop("run") == str(house.resolve())
    assert rival == {name: with_paper[name] for name in rival}
    assert hedgerow("report", "--export", tmp_path / "paper", data=finished.data).code == 0
    for kind in ("equity", "fills"):
        paper, backtest = (
            columns(folder / f"{kind}.csv", "order_id") for folder in (tmp_path / "paper", house)
        )
        assert paper == backtest
    for by in ("setup", "regime", "agent", "memory"):
        told = hedgerow("journal", "--run", own, "--by", by, "--json", data=tmp_path / "no")
        trades = sum(group["trades"] for group in told.document["groups"])
        assert trades == json.loads((own / "report.json").read_text())["trades"]["trades"] > 0


def columns(path: Path, *left_out: str) -> list[dict[str, str]]:
    """The rows of a table, without the ids that differ from fund to fund."""
    with path.open(newline="", encoding="utf-8") as file:
        return [
            {name: cell for name, cell in row.items() if name not in left_out}
            for row in csv.DictReader(file)
        ]


def test_stored_candles_are_traded(small_candles: Path, data_folder: Path, tmp_path: Path) -> None:
    own = ("--analyst", f"{EXAMPLE}:EmaCross", "--param", "fast=4", "--param", "slow=12")
    files, stored = tmp_path / "files.json", tmp_path / "stored.json"
    assert hedgerow("candles", "import", small_candles, data=data_folder).code == 0
    of_files = ("--data", small_candles, "--json", files)
    assert hedgerow("backtest", *own, *of_files, data=data_folder).code == 0
    which = ("--stored", "--symbols", "BNB/USDT,SOL/USDT", "--timeframe", "4h")
    said = hedgerow("backtest", *own, *which, "--json", stored, data=data_folder)
    assert (said.code, said.err) == (0, "")
    assert figures(stored) == figures(files)
    assert figures(stored)["trades"] > 0

    earlier = cut_candles(tmp_path / "earlier", 0, 100)
    assert hedgerow("candles", "import", earlier, data=data_folder).code == 0
    for command in (("backtest", *own), ("sweep", *own[:2], "--param", "fast=4")):
        refused = hedgerow(*command, *which, data=data_folder)
        assert_refused(refused, "--stored, binance", "150 of BNB/USDT's 4h candles", "--allow-gaps")
    said = hedgerow("backtest", *own, *which, "--allow-gaps", "--json", stored, data=data_folder)
    assert (said.code, said.err) == (0, "")
    assert figures(stored)["candles"] == figures(files)["candles"] + 200


def test_either_path_says_the_same_and_which_it_was(small_candles: Path, tmp_path: Path) -> None:
    own = ("--analyst", f"{EXAMPLE}:EmaCross", "--param", "fast=4", "--param", "slow=12")
    told = {}
    for path in ("fast", "event-driven"):
        file = tmp_path / f"{path}.json"
        said = hedgerow(
            *("backtest", "--data", small_candles, *own, "--path", path, "--json", file),
            data=tmp_path / "none",
        )
        assert (said.code, said.err) == (0, "")
        assert f"({path})" in said.out
        assert json.loads(file.read_text(encoding="utf-8"))["path"] == path
        told[path] = figures(file)
    assert told["fast"] == told["event-driven"]
    assert told["fast"]["trades"] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--analyst", "mine.py:Mine"), "mine.py: there is no such file;"),
        (("--param", "fast"), "--param: 'fast' is no parameter;"),
        (("--fee-tier", "vip9"), "--fee-tier: 'vip9' is no fee tier of binance spot;"),
        (("--leverage", "3"), "--leverage: a leverage of 3 cannot be;"),
        (("--stored",), "--stored: it is not said which candles;"),
        (("--export", "no/where"), "no/where: its folder does not exist;"),
        (("--path", "fast"), "--path fast: the house"),
        (("--market", "moon"), "--market: 'moon' is none of them;"),
        (
            ("--analyst", "recorded", "--capital", "10000", "--fee-tier", "vip1", "--stored"),
            "--analyst recorded: a recorded run has its own candles and terms, not those of "
            "--stored, --capital, --fee-tier; leave those options out.",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    refused = hedgerow("backtest", *options, data=tmp_path / "none")
    assert refused.code == 2
    assert refused.err.startswith(f"hedgerow: {said}")
    assert refused.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (("--path", "fast"), ("--path fast: the house looks at every candle", "leave --path out")),
        (
            (
                "--analyst",
                f"{EXAMPLE.with_name('random_entries.py')}:RandomEntries",
                "--path",
                "fast",
            ),
            ("--path fast: the analyst does not give its signals in columns", "leave --path out"),
        ),
        (("--leverage", "5"), ("--leverage: a leverage of 5 cannot be", "1 on spot")),
    ],
)
def test_what_cannot_be_run_is_not_announced(
    options: tuple[str, ...], parts: tuple[str, ...], small_candles: Path, tmp_path: Path
) -> None:
    said = hedgerow("backtest", "--data", small_candles, *options, data=tmp_path / "no")
    assert_refused(said, *parts)
    assert said.out == ""
