"""`hedgerow backtest`: what a demo would have come to, without its services."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command_line import Finished, hedgerow

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


def test_a_recorded_demo_trades_again_as_it_did(finished: Finished, tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    said = hedgerow("backtest", "--analyst", "recorded", "--json", file, data=finished.data)
    assert (said.code, said.err) == (0, "")
    again = figures(file)
    # It neither abstains in words nor remembers.
    for key in ("decisions", "memories"):
        del again[key]
    assert again == {key: finished.result[key] for key in again}


def test_stored_candles_are_traded(small_candles: Path, data_folder: Path, tmp_path: Path) -> None:
    own = ("--analyst", f"{EXAMPLE}:EmaCross", "--param", "fast=4", "--param", "slow=12")
    files, stored = tmp_path / "files.json", tmp_path / "stored.json"
    assert hedgerow("candles", "import", small_candles, data=data_folder).code == 0
    assert hedgerow("backtest", *own, "--data", small_candles, "--json", files, data=data_folder)
    which = ("--stored", "--symbols", "BNB/USDT,SOL/USDT", "--timeframe", "4h")
    said = hedgerow("backtest", *own, *which, "--json", stored, data=data_folder)
    assert (said.code, said.err) == (0, "")
    assert figures(stored) == figures(files)
    assert figures(stored)["trades"] > 0


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
        (("--path", "fast"), "--path fast: the analyst does not give its signals in columns"),
        (("--market", "moon"), "--market: 'moon' is none of them;"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(
    options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    refused = hedgerow("backtest", *options, data=tmp_path / "none")
    assert refused.code == 2
    assert refused.err.startswith(f"hedgerow: {said}")
    assert refused.err.count("\n") == 1
