"""A class in a file becomes an analyst, and what is wrong with it is said in one sentence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from hedgerow.backtest import backtest, read_candles
from hedgerow.domain.errors import InputRefused
from hedgerow.infrastructure.agents.own_analyst import load_analyst

GOOD = """
from decimal import Decimal

class Mine:
    def __init__(self, fast: int, share: Decimal = Decimal(1), loud: bool = False, away=0.5):
        if fast < 1:
            raise ValueError("fast is below 1")
        self.given = (fast, share, loud, away)

    def decide(self, market):
        return None

class Silent:
    pass

class Slow:
    async def decide(self, market):
        return None

class Greedy:
    def decide(self, market, future):
        return None

class Mute:
    def signals(self):
        return None

    def decide(self, market):
        return None
"""
EXAMPLE = Path(__file__).parents[2] / "examples" / "ema_cross.py"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_parameters_are_read_as_they_are_annotated(file: Path) -> None:
    given = {"fast": "12", "share": "0.1", "loud": "yes", "away": "2"}
    own = load_analyst(f"{file}:Mine", given)
    first, second = own.make(), own.make()
    assert own.name == "Mine"
    assert first is not second
    assert first.given == (12, Decimal("0.1"), True, 2.0)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("Nobody", {}, "it has no class Nobody.*Mine, Silent, Slow, Greedy, Mute"),
        ("Silent", {}, "no method decide"),
        ("Slow", {}, "decide is async"),
        ("Greedy", {}, "takes other arguments"),
        ("Mute", {}, "signals takes other arguments"),
        ("Mine", {}, "the parameter fast is not given"),
        ("Mine", {"fast": "twelve"}, "fast=twelve is not a whole number"),
        ("Mine", {"fast": "1", "loud": "maybe"}, "loud=maybe is not true or false"),
        ("Mine", {"fast": "1", "slow": "2"}, "no parameter slow.*fast, share, loud, away"),
        ("Mine", {"fast": "0"}, "cannot be made: fast is below 1"),
    ],
)
def test_a_wrong_class_or_parameter_is_refused(
    file: Path, name: str, params: dict[str, object], said: str
) -> None:
    with pytest.raises(InputRefused, match=said):
        load_analyst(f"{file}:{name}", params)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("class Mine(\n", "not valid Python.*line 1"),
        ("import nothing_of_that_name", "cannot be loaded: ModuleNotFoundError"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputRefused, match=said):
        load_analyst(f"{path}:Mine", {})


@pytest.mark.parametrize("place", ["mine", "mine.py", ":Mine", "/nowhere/mine.py:Mine"])
def test_what_names_no_class_is_refused(place: str) -> None:
    with pytest.raises(InputRefused):
        load_analyst(place, {})


def test_the_example_trades() -> None:
    params = {"fast": "5", "slow": "20"}
    result = backtest(read_candles(symbols=["BTC/USDT"]), f"{EXAMPLE}:EmaCross", params)
    assert result.is_finished
    assert len(result.positions) >= 3
    assert result.fees > 0


def test_the_same_backtest_comes_to_the_same_end() -> None:
    candles = read_candles(symbols=["ETH/USDT"])
    first, second, other = (
        backtest(candles, memory=False, capital="5000", seed=seed) for seed in (1, 1, 2)
    )
    assert first.final_equity == second.final_equity
    assert first.fills == second.fills
    assert first.final_equity != other.final_equity
