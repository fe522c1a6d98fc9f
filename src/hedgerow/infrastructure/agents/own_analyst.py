"""An analyst of the user's own: a class in a file, made with parameters given as text."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from hedgerow.domain.errors import InputRefused
from hedgerow.usecases.backtest.market import RuleAnalyst

_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True, slots=True)
class OwnAnalyst:
    """How to make an analyst, what it is called, and whether it gives its signals in columns."""

    make: Callable[[], RuleAnalyst]
    name: str
    has_signals: bool


def load_analyst(place: str, params: Mapping[str, object]) -> OwnAnalyst:
    """The class that `FILE.py:Class` names, made once to see that it can be.

    Raises InputRefused for a file, a class or a parameter that is wrong.
    """
    return analyst_of(analyst_class(place), params)


def analyst_class(place: str) -> type[Any]:
    """The class that `FILE.py:Class` names; raises InputRefused for a wrong file or class."""
    path, colon, name = place.rpartition(":")
    if not colon or not path or not name:
        raise InputRefused(
            what=f"{place!r} does not name an analyst",
            where="--analyst",
            fix="use house, recorded, or FILE.py:Class",
        )
    return _class_in(_module(Path(path)), path, name)


def analyst_of(kind: type[Any], params: Mapping[str, object]) -> OwnAnalyst:
    """A class of analysts with its parameters; raises InputRefused."""
    where = kind.__name__
    decide = getattr(kind, "decide", None)
    if not callable(decide):
        raise _refuse(where, "the class has no method decide", "add decide(self, market)")
    if inspect.iscoroutinefunction(decide):
        raise _refuse(where, "decide is async", "make it a plain def: it is answered at once")
    signals = getattr(kind, "signals", None)
    has_signals = callable(signals)
    if callable(signals) and len(inspect.signature(signals).parameters) != 2:
        raise _refuse(where, "signals takes other arguments", "write it as signals(self, columns)")
    given = _arguments(kind, params)

    def make() -> RuleAnalyst:
        try:
            analyst: RuleAnalyst = kind(**given)
        except Exception as error:
            what = f"it cannot be made: {type(error).__name__}: {error}"
            raise _refuse(where, what, "correct __init__, or give other parameters") from error
        return analyst

    if not _takes_a_market(make().decide):
        raise _refuse(where, "decide takes other arguments", "write it as decide(self, market)")
    return OwnAnalyst(make, kind.__name__, has_signals)


def _takes_a_market(decide: Callable[..., object]) -> bool:
    try:
        inspect.signature(decide).bind(None)
    except TypeError:
        return False
    return True


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise _refuse(str(path), "there is no such file", "name a Python file, as FILE.py:Class")
    # each file has a name of its own: what one defines is not looked up in another
    name = f"hedgerow_own_analyst_{sha256(str(path.absolute()).encode()).hexdigest()[:12]}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise _refuse(str(path), "this is not a Python file", "name a file that ends with .py")
    module = module_from_spec(spec)
    # dataclasses and annotations look for their module there
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise _refuse(
            f"{path}, line {error.lineno}", f"not valid Python: {error.msg}", "correct it"
        ) from error
    except Exception as error:
        raise _refuse(
            str(path), f"it cannot be loaded: {type(error).__name__}: {error}", "correct the file"
        ) from error
    return module


def _class_in(module: ModuleType, path: str, name: str) -> type[Any]:
    found = getattr(module, name, None)
    if not isinstance(found, type):
        own = [
            each
            for each, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == module.__name__
        ]
        there = f"there is {', '.join(own)}" if own else "there is none in it"
        raise _refuse(path, f"it has no class {name}", f"name one of its classes; {there}")
    return found


def _arguments(kind: type[Any], params: Mapping[str, object]) -> dict[str, object]:
    signature = inspect.signature(kind)
    hints = _hints(kind)
    known = list(signature.parameters)
    given = {}
    for name, value in params.items():
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise _refuse(kind.__name__, f"there is no parameter {name}", takes)
        default = signature.parameters[name].default
        # a default of None alone does not say what else it may be: it stays text
        wanted = hints.get(name, str if default is None else type(default))
        given[name] = _value(kind.__name__, name, value, wanted)
    _require_all(kind.__name__, signature.parameters.values(), given)
    return given


def _hints(kind: type[Any]) -> Mapping[str, Any]:
    """What a class annotates, its `__init__` above all, inherited or its own."""
    try:
        return get_type_hints(kind) | get_type_hints(kind.__init__)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        what = f"an annotation cannot be read: {error}"
        raise _refuse(kind.__name__, what, "import what it names, or correct it") from error


def _require_all(
    where: str, parameters: Sequence[inspect.Parameter] | Any, given: Mapping[str, object]
) -> None:
    for parameter in parameters:
        needed = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        )
        if needed and parameter.name not in given:
            fix = f"add --param {parameter.name}=..."
            raise _refuse(where, f"the parameter {parameter.name} is not given", fix)


def _value(where: str, name: str, value: object, wanted: Any) -> object:
    """A parameter as its annotation, or its default, wants it; the first that fits of several."""
    several = get_origin(wanted) in (Union, UnionType)
    kinds = get_args(wanted) if several else (wanted,)
    if not isinstance(value, str) or not any(kind in _READ for kind in kinds):
        return value
    for kind in kinds:
        try:
            return _READ[kind](value) if kind in _READ else value
        except (ValueError, ArithmeticError, KeyError):
            continue
    words = " or ".join(_WORDS[kind] for kind in kinds)
    raise _refuse(where, f"{name}={value} is not {words}", f"give {words}")


def _nothing(text: str) -> None:
    if text.lower() != "none":
        raise ValueError("not none")


_READ: Final[Mapping[Any, Callable[[str], object]]] = {
    int: int,
    float: float,
    Decimal: Decimal,
    bool: lambda text: _TRUTHS[text.lower()],
    NoneType: _nothing,
}
_WORDS: Final[Mapping[Any, str]] = {
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    bool: "true or false",
    NoneType: "none",
}


def _refuse(where: str, what: str, fix: str) -> InputRefused:
    return InputRefused(what=what, where=where, fix=fix)
