"""`hedgerow evaluate`: what it says of the desk, and that it goes on where it was."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from command_line import (
    Finished,
    Said,
    assert_refused,
    copied,
    cut_candles,
    ended,
    hedgerow,
    running,
    stop_services,
    wait_for,
)
from model_servers import Compatible, ModelServer

MODEL = "compatible/m"
SEED_OF_A_DEMO = 7


@pytest.fixture
def data(finished: Finished, service_folder: Path) -> Any:
    """A data folder in which the first seed has run already: it is that of a demo."""
    copy = copied(finished.data, service_folder / "data")
    yield copy
    stop_services(copy)


def evaluated(file: Path) -> dict[str, Any]:
    """The result, without the time it took."""
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert found.pop("elapsed_s") > 0
    return found


def figures(span: dict[str, Any], arm: str) -> list[dict[str, Any]]:
    """Of each sample of an arm, without what tells where it came from."""
    apart = ("arm", "run_id", "model_cost_usd")
    return [
        {key: value for key, value in each.items() if key not in apart}
        for each in span["samples"]
        if each["arm"] == arm
    ]


def test_the_house_is_held_beside_chance_and_not_sold_as_a_model(
    small_candles: Path, finished: Finished, data: Path, service_folder: Path
) -> None:
    file = service_folder / "evaluation.json"
    command = ("evaluate", "--data", small_candles, "--seeds", 2, "--draws", 20, "--json", file)
    with running(*command, data=data) as process:
        wait_for(process, "desk, run 2 of 2")
        os.killpg(process.pid, signal.SIGINT)
        stopped = ended(process)
    assert stopped.code == 130, stopped
    assert "run the same command again to go on" in stopped.out
    assert not file.exists()

    said = hedgerow(*command, data=data)
    assert (said.code, said.err) == (0, "")
    assert "The desk beats chance nowhere with confidence." in said.out
    assert "nothing here is a result of a language" in " ".join(said.out.split())
    assert "finished before" in said.out
    result = evaluated(file)
    (span,) = result["spans"]
    assert (result["is_house"], span["seen"]) == (True, "no_model")
    # the house model decides as the rules do, in a store or in memory
    assert figures(span, "desk") == figures(span, "house_rules")
    first, second = figures(span, "desk")
    assert first["trades"] == finished.result["trades"]
    assert (first["seed"], second["seed"]) == (SEED_OF_A_DEMO, SEED_OF_A_DEMO + 1)
    assert len(figures(span, "random_entries")) == 20
    agents = {each["agent"]: each for each in span["agents"]}
    assert agents["technical_analyst"]["judged"] > 10
    assert agents["technical_analyst"]["calibration"]["count"] > 10
    assert agents["risk_manager"]["judged"] == agents["risk_manager"]["given"] > 0


async def test_a_model_may_have_seen_what_it_did_before_its_cutoff(
    data: Path, service_folder: Path
) -> None:
    file = service_folder / "evaluation.json"
    candles = cut_candles(service_folder / "few", first=350)

    async def evaluate(server: ModelServer, *arguments: object) -> Said:
        return await asyncio.to_thread(
            hedgerow,
            *("evaluate", "--data", candles, "--seeds", 1, "--draws", 20, "--json", file),
            *("--model", MODEL, *arguments),
            data=data,
            HEDGEROW_COMPATIBLE_URL=server.url,
        )

    # a model that answers no schema: its agents abstain, and nothing is traded
    async with ModelServer(Compatible()) as server:
        said = await evaluate(server)
        heard = len(server.heard)
        assert (said.code, heard > 0) == (0, True), said
        result = evaluated(file)
        (span,) = result["spans"]
        assert (result["models"], span["seen"]) == ([MODEL], "unknown")
        assert (span["verdict"], span["odds"]) == ("no_trades", [])
        assert "the model may have seen this time" in said.out
        assert "result of a language model" not in said.out
        split = await evaluate(server, "--training-cutoff", "2024-03-01")
        assert split.code == 0
        # a run that came to its end is not paid for again
        assert len(server.heard) == heard
    spans = evaluated(file)["spans"]
    assert [each["seen"] for each in spans] == ["before_cutoff", "after_cutoff"]
    assert spans[0]["ends_at"] == spans[1]["starts_at"] == "2024-03-02T00:00:00+00:00"
    told = " ".join(split.out.split())
    assert "2024-03-02: before the training cut-off: may be remembered rather than" in told


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--training-cutoff", "2024-03-01"), ("--training-cutoff", "trained on nothing")),
        (("--model", "nobody/m"), ("--model", "PROVIDER/MODEL")),
        (("--model", "house,house"), ("--model", "PROVIDER/MODEL")),
        (("--model", "openai/m"), ("openai",)),
        (("--symbols", "DOGE/USDT"), ("DOGE/USDT",)),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    arguments: tuple[str, ...], parts: tuple[str, ...], small_candles: Path, data: Path
) -> None:
    said = hedgerow("evaluate", "--data", small_candles, *arguments, data=data)
    assert_refused(said, *parts)
