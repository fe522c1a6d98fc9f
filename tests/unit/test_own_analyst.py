"""A class in a file becomes an analyst, and what is wrong with it is said in one sentence."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from backtest_builders import wandering
from hedgerow.backtest import Market, backtest, read_candles
from hedgerow.domain.errors import InputRefused
from hedgerow.entrypoints.words import sentence
from hedgerow.infrastructure.agents.own_analyst import load_analyst
from hedgerow.usecases.candle_series import microseconds

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

class Static:
    @staticmethod
    def decide(market, future):
        return None

class Mute:
    def signals(self):
        return None

    def decide(self, market):
        return None
"""
EXAMPLES = Path(__file__).parents[2] / "examples"
EXAMPLE = EXAMPLES / "ema_cross.py"
RANDOM = f"{EXAMPLES / 'random_entries.py'}:RandomEntries"


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


LATE = """
from __future__ import annotations
from dataclasses import dataclass

@dataclass
class Data:
    fast: int = 5
    opt: int | None = None

    def decide(self, market):
        return None

class Base:
    def __init__(self, fast: int, opt: int | None = None, kind: int | str = 1, free=None):
        self.fast, self.opt, self.kind, self.free = fast, opt, kind, free

    def decide(self, market):
        return None

class Child(Base):
    pass

class Unknown:
    def __init__(self, fast: Nowhere = 1):
        pass

    def decide(self, market):
        return None
"""


@pytest.fixture
def late(tmp_path: Path) -> Path:
    """A file whose annotations are read late, which dataclasses and inheritance rely on."""
    path = tmp_path / "late.py"
    path.write_text(LATE, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["Data", "Child"])
def test_dataclasses_and_heirs_are_analysts(late: Path, name: str) -> None:
    made: Any = load_analyst(f"{late}:{name}", {"fast": "12", "opt": "3"}).make()
    assert (made.fast, made.opt) == (12, 3)
    made = load_analyst(f"{late}:{name}", {"fast": "12", "opt": "None"}).make()
    assert made.opt is None


def test_the_first_of_several_annotations_that_fits_is_taken(late: Path) -> None:
    for text, meant in (("7", 7), ("ema", "ema")):
        own = load_analyst(f"{late}:Child", {"fast": "1", "kind": text, "free": text})
        made: Any = own.make()
        assert (made.kind, made.free) == (meant, text)
    with pytest.raises(InputRefused, match="opt=x is not a whole number or none"):
        load_analyst(f"{late}:Child", {"fast": "1", "opt": "x"})


def test_an_annotation_that_names_nothing_is_refused(late: Path) -> None:
    with pytest.raises(InputRefused, match="annotation cannot be read: name 'Nowhere'"):
        load_analyst(f"{late}:Unknown", {})


def test_two_files_do_not_know_each_other(late: Path, file: Path) -> None:
    first = load_analyst(f"{late}:Data", {})
    load_analyst(f"{file}:Mine", {"fast": "1"})
    with pytest.raises(InputRefused, match="no class Data"):
        load_analyst(f"{file}:Data", {})
    assert type(first.make()).__module__ in sys.modules
    assert load_analyst(f"{late}:Data", {"opt": "3"}).make() is not None


@pytest.mark.parametrize(
    ("name", "params", "said"),
    [
        ("Nobody", {}, "it has no class Nobody.*Mine, Silent, Slow, Greedy, Static, Mute"),
        ("Silent", {}, "no method decide"),
        ("Slow", {}, "decide is async"),
        ("Greedy", {}, "takes other arguments"),
        ("Static", {}, "takes other arguments"),
        ("Mute", {}, "signals takes other arguments"),
        ("Mine", {}, "the parameter fast is not given"),
        ("Mine", {"fast": "twelve"}, "fast=twelve is not a whole number"),
        ("Mine", {"fast": "1", "loud": "maybe"}, "loud=maybe is not true or false"),
        ("Mine", {"fast": "1", "slow": "2"}, "no parameter slow.*fast, share, loud, away"),
        ("Mine", {"fast": "0"}, "cannot be made: ValueError: fast is below 1"),
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


FAULTY = """
class Raises:
    def decide(self, market):
        if market.count == 30:
            return divided(market)

def divided(market):
    return 1 / 0

class Leaves:
    def decide(self, market):
        return market.leave("x")

class Tightens:
    def decide(self, market):
        return market.tighten_stop(1.0)

class Shorter:
    def decide(self, market):
        return market.on("1h").close

class Text:
    def decide(self, market):
        return "buy"

class Another:
    def __init__(self):
        self.first = []

    def decide(self, market):
        if market.symbol == "BTC/USDT":
            KEPT.append(market)
        return KEPT[0].buy(stop=1.0, target=1e6)

KEPT = []

class Sets:
    def __init__(self, stop: float = 1.0, target: float = 1e6, size: float = 0.5):
        self.wanted = {"stop": stop, "target": target, "size": size}

    def decide(self, market):
        return market.buy(**self.wanted)

class Broken:
    def __init__(self):
        assert False, "never"

    def decide(self, market):
        return None
"""


@pytest.mark.parametrize(
    ("name", "params", "parts"),
    [
        ("Raises", {}, ("2024-01-04 08:00 UTC", "ZeroDivisionError: division by zero", "line 8")),
        ("Leaves", {}, ("no position to leave", "line 12", "where market.side is not None")),
        ("Tightens", {}, ("no position whose stop could move", "where market.side is not None")),
        ("Shorter", {}, ("candles of 1h cannot be made of candles of 4h", "longer ones")),
        ("Text", {}, ("decide returned 'buy'", "return what market.buy")),
        ("Another", {}, ("Another on ETH/USDT", "decide returned an order on BTC/USDT")),
        ("Sets", {"stop": "nan"}, ("price is nan, which is no finite number",)),
        ("Sets", {"target": "inf"}, ("price is inf, which is no finite number",)),
        ("Sets", {"stop": "-5"}, ("the lowest price is -5", "must be above 0")),
        ("Sets", {"size": "5"}, ("size_ratio is 5.0, and must be above 0 to 1",)),
        ("Broken", {}, ("cannot be made: AssertionError: never",)),
    ],
)
def test_what_an_analyst_does_wrong_is_said_with_symbol_and_moment(
    tmp_path: Path, name: str, params: dict[str, object], parts: tuple[str, ...]
) -> None:
    path = tmp_path / "faulty.py"
    path.write_text(FAULTY, encoding="utf-8")
    symbols = ["BTC/USDT", "ETH/USDT"] if name == "Another" else ["BTC/USDT"]
    candles = read_candles(symbols=symbols)
    with pytest.raises(InputRefused) as refused:
        backtest(candles, f"{path}:{name}", params)
    if name != "Broken":
        assert refused.value.where.startswith(f"{name} on ")
    for part in parts:
        assert part in sentence(refused.value)


def test_the_example_trades() -> None:
    params = {"fast": "5", "slow": "20"}
    result = backtest(read_candles(symbols=["BTC/USDT"]), f"{EXAMPLE}:EmaCross", params)
    assert result.is_finished
    assert len(result.positions) >= 3
    assert result.fees > 0


def test_random_entries_are_drawn_by_their_seed_and_have_the_stops_of_the_house() -> None:
    candles = read_candles(symbols=["BTC/USDT", "ETH/USDT"])
    terms = {"chance": "0.1", "first": "50"}
    first, again, other = (backtest(candles, RANDOM, terms | {"seed": seed}) for seed in "112")
    assert first.fills == again.fills != other.fills
    assert len(first.positions) > 10
    earliest = min(each.open_us[50] for each in candles.values())
    assert all(microseconds(position.opened_at) >= earliest for position in first.positions)
    # what a stop costs: half of a per cent of the equity, with slippage and fees
    assert -80 < min(position.net_pnl for position in first.positions) < -40
    # each symbol has a die of its own
    entries = [{p.opened_at for p in first.positions if p.symbol == name} for name in candles]
    assert entries[0] != entries[1]


def test_the_same_backtest_comes_to_the_same_end() -> None:
    candles = read_candles(symbols=["ETH/USDT"])
    first, second, other = (
        backtest(candles, memory=False, capital="5000", seed=seed) for seed in (1, 1, 2)
    )
    assert first.final_equity == second.final_equity
    assert first.fills == second.fills
    assert first.final_equity != other.final_equity


class Idle:
    def decide(self, market: Market) -> None:
        return None


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"exchange": "foo"}, "--exchange"),
        ({"market": "moon"}, "--market"),
        ({"risk": "all"}, "--risk"),
        ({"capital": "abc"}, "--capital"),
        ({"capital": -5}, "--capital"),
        ({"capital": 0}, "--capital"),
        ({"capital": "0.000000001"}, "--capital"),
        ({"leverage": 0}, "--leverage"),
        ({"latency_ms": -1}, "--latency-ms"),
        ({"latency_ms": 1.5}, "--latency-ms"),
        ({"leverage": "3"}, "--leverage"),
        ({"seed": -1}, "--seed"),
        ({"seed": "a"}, "--seed"),
        ({"seed": True}, "--seed"),
        ({"slippage": 0.001}, "--slippage"),
        ({"funding": "0.1"}, "--funding"),
        ({"funding": 0.0001, "market": "futures"}, "--funding"),
        ({"path": "nonsense"}, "--path"),
        ({"path": "fast", "analyst": "house"}, "--path fast"),
        ({"candles": {}}, "--symbols"),
        ({"params": {"x": 1}}, "Idle"),
    ],
)
def test_what_cannot_be_run_is_refused_as_on_the_command_line(
    changes: dict[str, Any], where: str
) -> None:
    usual: dict[str, Any] = {"candles": {"BTC/USDT": wandering(1, 20)}, "analyst": Idle}
    with pytest.raises(InputRefused) as refused:
        backtest(**(usual | changes))
    assert refused.value.where == where


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"timeframe": "7m"}, "--timeframe"),
        ({"symbols": ["bitcoin"]}, "--symbols"),
        ({"symbols": []}, "--symbols"),
    ],
)
def test_candles_that_cannot_be_read_are_refused(asked: dict[str, Any], where: str) -> None:
    with pytest.raises(InputRefused) as refused:
        read_candles(**asked)
    assert refused.value.where == where
