"""`hedgerow regimes`, from what is typed to what is stored, and on candles of real markets."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Final

import pytest

from command_line import assert_refused, ended, hedgerow, running
from hedgerow.domain.market import Timeframe
from hedgerow.infrastructure.agents.regimes.samples import samples_of
from hedgerow.infrastructure.agents.regimes.training import booster
from hedgerow.infrastructure.agents.regimes.walk_forward import hold_out, scores_of
from hedgerow.infrastructure.candle_files import bundled_sample, read_candles

# Real candles that may not be part of the project lie beside it, or above.
SHARED: Final = [folder / "shared/data/candles_5m" for folder in Path(__file__).parents]
BTC: Final = "BTC/USDT"
ALL: Final = "BNB/USDT,BTC/USDT,ETH/USDT,SOL/USDT"
VERSION: Final = "regime_model_4h_v1"
TRAINED_UNTIL: Final = "2024-03-20T00:00"
UNTIL: Final = "2024-03-22T00:00"


def test_from_training_to_rows(data_folder: Path) -> None:
    trained = hedgerow(
        *("regimes", "train", "--symbols", ALL, "--timeframe", "4h"),
        *("--data", bundled_sample(), "--until", TRAINED_UNTIL, "--json"),
        data=data_folder,
    )
    assert trained.code == 0, trained
    card = trained.document
    assert card["version"] == VERSION
    assert card["until"] == "2024-03-20T00:00:00+00:00"
    assert card["scores"]["model"]["log_loss"] < card["scores"]["rules"]["log_loss"]
    (data_folder / "regimes" / "regime_model_1h_v1.json").write_text("{}")
    listed = hedgerow("regimes", "models", "--json", data=data_folder)
    assert [each["version"] for each in listed.document] == ["regime_model_1h_v1", VERSION]
    assert "damaged" in listed.document[0]["problem"]
    assert listed.document[1] == card

    said = hedgerow("regimes", "models", data=data_folder, COLUMNS="80").out
    (row,) = (line.split() for line in said.splitlines() if line.startswith(VERSION))
    assert row[1:5] == ["4", card["since"][:10], "2024-03-20", f"{card['candles']:,}"]
    assert len(row) == 8

    assert hedgerow("candles", "import", bundled_sample(), data=data_folder).code == 0
    learned_from_stored = hedgerow(
        *("regimes", "train", "--symbols", ALL, "--timeframe", "4h"),
        *("--until", TRAINED_UNTIL, "--json"),
        data=data_folder,
    )
    again = learned_from_stored.document
    assert (again["version"], again["source"]) == ("regime_model_4h_v2", "stored, binance")
    # The same candles, wherever they are, make the same model.
    for fact in ("since", "until", "candles", "fingerprint", "scores"):
        assert again[fact] == card[fact]
    classified = hedgerow(
        *("regimes", "classify", "--symbols", BTC, "--json"),
        *("--since", "2024-03-19T00:00", "--until", UNTIL),
        data=data_folder,
        HEDGEROW_REGIME_MODELS=f"{VERSION},regime_model_1h_v1",
    )
    assert classified.code == 0, classified
    markets = {each["timeframe"]: each for each in classified.document}
    assert set(markets) == {"1h", "4h", "1d"}
    # What the model was trained on is left to the rules.
    assert markets["4h"]["stored"] == {"rules_v1": 96, VERSION: 2 * 96 + 1}
    assert "trained until 2024-03-20 00:00" in classified.err
    assert markets["1h"]["moments"] == markets["1d"]["moments"] == 0

    shown = hedgerow("regimes", "show", "--json", data=data_folder)
    versions = {row["model_version"]: row for row in shown.document}
    assert set(versions) == {VERSION, "rules_v1"}
    assert versions[VERSION] == markets["4h"]["latest"]
    assert versions[VERSION]["timestamp"] == "2024-03-22T00:00:00+00:00"


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("classify", "--symbols", "bitcoin"), ("--symbols", "BTC/USDT")),
        (("classify", "--symbols", BTC, "--since", "noon"), ("--since", "2024-03-01T12:00")),
        (
            ("classify", "--symbols", BTC, "--since", "2024-02-01", "--until", "2024-01-01"),
            ("--since", "earlier"),
        ),
        (("classify", "--symbols", BTC, "--exchange", "nyse"), ("--exchange", "binance")),
        (("classify", "--symbols", BTC, "-f", "--until", "2024-01-01"), ("--until", "--follow")),
        (("classify", "--symbols", BTC, "--until", "0001-01-01"), ("--until", "1970 to 2200")),
        (("classify", "--symbols", BTC, "--since", "1969-12-31"), ("--since", "1970 to 2200")),
        (("show", "--at", "0001-01-01T00:00+05:00"), ("--at", "1970 to 2200")),
        (("show", "--at", "9999-12-31T23:59-05:00"), ("--at", "1970 to 2200")),
        (("show", "--at", "2201-01-01"), ("--at", "1970 to 2200")),
        (("train", "--symbols", BTC, "--timeframe", "2h"), ("--timeframe", "4h")),
        (("train", "--symbols", BTC, "--timeframe", "4h"), ("--symbols", "candles import")),
    ],
)
def test_what_makes_no_sense_is_refused(
    data_folder: Path, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    assert_refused(hedgerow("regimes", *arguments, data=data_folder), *parts)


def test_what_is_up_to_date_is_not_said_to_lack_candles(
    data_folder: Path, small_candles: Path
) -> None:
    assert hedgerow("candles", "import", small_candles, data=data_folder).code == 0
    classify = ("regimes", "classify", "--symbols", "SOL/USDT")
    for said_of_4h in (" at 2", "nothing new"):
        said = hedgerow(*classify, data=data_folder, COLUMNS="120")
        assert said.code == 0, said
        lines = {
            name: line for line in said.out.splitlines() for name in ("1h", "4h") if name in line
        }
        assert said_of_4h in lines["4h"]
        assert "too few candles" in lines["1h"]
    for edge in ("1970-01-01T00:00+05:00", "2200-12-31T23:59-05:00"):
        assert hedgerow("regimes", "show", "--at", edge, data=data_folder).code == 0
    assert hedgerow(*classify, "--until", edge, data=data_folder).code == 0


@pytest.mark.parametrize("asked_to_end", [signal.SIGINT, signal.SIGTERM])
def test_following_first_catches_up_and_ends_when_asked(
    data_folder: Path, small_candles: Path, asked_to_end: signal.Signals
) -> None:
    assert hedgerow("candles", "import", small_candles, data=data_folder).code == 0
    follow = ("regimes", "classify", "--symbols", "SOL/USDT", "--follow", "--json")
    with running(*follow, data=data_folder) as process:
        assert process.stderr is not None
        assert "the next round is at" in process.stderr.readline()
        process.send_signal(asked_to_end)
        said = ended(process)
    assert (said.code, said.err) == (0, "")
    markets = {each["timeframe"]: each for each in json.loads(said.out)["markets"]}
    assert markets["4h"]["stored"]["rules_v1"] > 100
    # 4h candles are not made into others
    assert markets["1h"]["moments"] == markets["1d"]["moments"] == 0


@pytest.mark.parametrize("models", ["rules", "regime_model_4h_v1,regime_model_4h_v2", "../x"])
def test_a_setting_that_names_no_models_is_refused(data_folder: Path, models: str) -> None:
    said = hedgerow("regimes", "models", data=data_folder, HEDGEROW_REGIME_MODELS=models)
    assert_refused(said, "HEDGEROW_REGIME_MODELS", "hedgerow regimes models")


def test_too_few_candles_are_refused(data_folder: Path, small_candles: Path) -> None:
    said = hedgerow(
        *("regimes", "train", "--symbols", "SOL/USDT", "--timeframe", "1d"),
        *("--data", small_candles),
        data=data_folder,
    )
    assert_refused(said, "--symbols", "more candles")
    assert json.loads(hedgerow("regimes", "models", "--json", data=data_folder).out) == []


def test_a_training_that_ends_before_its_candles_begin_is_refused(data_folder: Path) -> None:
    said = hedgerow(
        *("regimes", "train", "--symbols", BTC, "--timeframe", "4h"),
        *("--data", bundled_sample(), "--until", "2020-01-01"),
        data=data_folder,
    )
    assert_refused(said, "--until", BTC, "2020-01-01 00:00", "later")


def test_on_unseen_hours_of_real_markets_it_is_surer_than_the_rules_and_rightly_so() -> None:
    folder = next((each for each in SHARED if each.is_dir()), None)
    if folder is None:
        pytest.skip("needs 5m candles of three symbols in a folder shared/data/candles_5m above")
    read = read_candles(folder, Timeframe.H1, None, allow_gaps=False)
    series = [[c for c in read.candles if c.symbol == symbol] for symbol in read.symbols]
    held, _ = hold_out(samples_of(series, lambda _: None), booster(7), lambda *_: None)
    scores = scores_of(held)
    assert scores.model.log_loss < scores.rules.log_loss - 0.1 < scores.base.log_loss
    assert scores.model.accuracy > scores.rules.accuracy
    assert scores.calibration_error < 0.05
