"""An analyst of the user's own: a class in a file, made with parameters given as text."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final, get_type_hints

from hedgerow.domain.errors import HedgerowError, InputRefused
from hedgerow.usecases.backtest.market import RuleAnalyst

_TRUTHS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_MODULE: Final = "hedgerow_own_analyst"


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
    if len(inspect.signature(decide).parameters) != 2:
        raise _refuse(where, "decide takes other arguments", "write it as decide(self, market)")
    signals = getattr(kind, "signals", None)
    has_signals = callable(signals)
    if callable(signals) and len(inspect.signature(signals).parameters) != 2:
        raise _refuse(where, "signals takes other arguments", "write it as signals(self, columns)")
    given = _arguments(kind, params)

    def make() -> RuleAnalyst:
        try:
            analyst: RuleAnalyst = kind(**given)
        except (TypeError, ValueError, ArithmeticError, HedgerowError) as error:
            raise _refuse(where, f"it cannot be made: {error}", "give other parameters") from error
        return analyst

    make()
    return OwnAnalyst(make, kind.__name__, has_signals)


def _module(path: Path) -> ModuleType:
    if not path.is_file():
        raise _refuse(str(path), "there is no such file", "name a Python file, as FILE.py:Class")
    spec = spec_from_file_location(_MODULE, path)
    if spec is None or spec.loader is None:
        raise _refuse(str(path), "this is not a Python file", "name a file that ends with .py")
    module = module_from_spec(spec)
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
            if isinstance(value, type) and value.__module__ == _MODULE
        ]
        there = f"there is {', '.join(own)}" if own else "there is none in it"
        raise _refuse(path, f"it has no class {name}", f"name one of its classes; {there}")
    return found


def _arguments(kind: type[Any], params: Mapping[str, object]) -> dict[str, object]:
    signature = inspect.signature(kind)
    hints = get_type_hints(kind.__init__) if "__init__" in vars(kind) else get_type_hints(kind)
    known = list(signature.parameters)
    given = {}
    for name, value in params.items():
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            raise _refuse(kind.__name__, f"there is no parameter {name}", takes)
        wanted = hints.get(name) or type(signature.parameters[name].default)
        given[name] = _value(kind.__name__, name, value, wanted)
    _require_all(kind.__name__, signature.parameters.values(), given)
    return given


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
    """A parameter as its annotation, or its default, wants it."""
    if not isinstance(value, str) or wanted not in (int, float, Decimal, bool):
        return value
    try:
        if wanted is bool:
            return _TRUTHS[value.lower()]
        return wanted(value)
    except (ValueError, ArithmeticError, KeyError) as error:
        words = {int: "a whole number", bool: "true or false"}.get(wanted, "a number")
        raise _refuse(where, f"{name}={value} is not {words}", f"give {words}") from error


def _refuse(where: str, what: str, fix: str) -> InputRefused:
    return InputRefused(what=what, where=where, fix=fix)
