"""JSON documents read into typed records: what is unknown or ill-typed is refused by its path."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, Final, NoReturn, TypeVar, Union, get_args, get_origin, get_type_hints

from hedgerow.domain.errors import DocumentRefused

_Record = TypeVar("_Record")
WHOLE: Final = "(document)"


def read_json(record: type[_Record], text: str) -> _Record:
    """A record of the given dataclass from JSON text; numbers stay exact."""
    try:
        document = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        problem = f"is not JSON: {error.msg} at line {error.lineno}"
        raise DocumentRefused(record.__name__, WHOLE, problem) from error
    return read_document(record, document)


def read_document(record: type[_Record], document: object) -> _Record:
    """A record of the given dataclass; raises DocumentRefused naming the path at fault."""
    found: _Record = read_value(record.__name__, record, document)
    return found


def read_value(name: str, kind: Any, value: object) -> Any:
    """A value of `kind` from the document called `name`; raises DocumentRefused with the path.

    A kind is a dataclass, StrEnum, bool, int, Decimal, float, str, datetime (with its zone) or
    object (any JSON); a tuple of one kind without end; a dict from str; or one of these or None.
    """
    return _Reader(name).read(kind, value, "")


def write_document(record: object) -> dict[str, object]:
    """The document that read_document takes back; numbers are exact, what is None is left out."""
    return {
        field.name: write_value(value)
        for field in fields(record)  # type: ignore[arg-type]
        if (value := getattr(record, field.name)) is not None
    }


def write_value(value: object) -> Any:
    """The JSON value that read_value takes back; a Decimal stays one."""
    match value:
        case StrEnum():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Mapping():
            return {str(key): write_value(item) for key, item in value.items()}
        case list() | tuple():
            return [write_value(item) for item in value]
        case _ if is_dataclass(value):
            return write_document(value)
        case _:
            return value


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads one document; `name` is what a refusal calls it."""

    name: str

    def read(self, kind: Any, value: object, path: str) -> Any:
        origin, arguments, is_record = _shape(kind)
        if origin in (Union, UnionType):
            (wanted,) = [option for option in arguments if option is not type(None)]
            return None if value is None else self.read(wanted, value, path)
        if origin is tuple:
            return self._items(arguments[0], value, path)
        if origin is dict:
            return self._mapping(arguments[1], value, path)
        if is_record:
            return self._record(kind, value, path)
        return self._plain(kind, value, path)

    def _record(self, record: Any, value: object, path: str) -> Any:
        document = self._object(value, path)
        kinds, needed = _fields(record)
        for key in document:
            if key not in kinds:
                self._refuse(_below(path, key), "is not a known key")
        for key in needed:
            if key not in document:
                self._refuse(_below(path, key), "is missing")
        return record(
            **{
                key: self.read(kinds[key], item, _below(path, key))
                for key, item in document.items()
            }
        )

    def _items(self, kind: Any, value: object, path: str) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            wanted = "a list of texts" if kind is str else "a list"
            self._refuse(path, f"must be {wanted}, not {value!r}")
        return tuple(self.read(kind, item, f"{path}[{place}]") for place, item in enumerate(value))

    def _mapping(self, kind: Any, value: object, path: str) -> dict[str, Any]:
        document = self._object(value, path)
        return {key: self.read(kind, item, _below(path, key)) for key, item in document.items()}

    def _object(self, value: object, path: str) -> Mapping[str, object]:
        if not isinstance(value, Mapping):
            self._refuse(path, "must be an object")
        for key in value:
            if not isinstance(key, str):
                self._refuse(path, f"has a key that is not text: {key!r}")
        return value

    def _plain(self, kind: Any, value: object, path: str) -> object:
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            allowed = [str(member) for member in kind]
            if value not in allowed:
                self._refuse(path, f"must be one of {', '.join(allowed)}")
            return kind(str(value))
        if kind is object:
            return value
        wanted, reader = _READERS[kind]
        result = reader(value)
        if result is None:
            self._refuse(path, f"must be {wanted}, not {value!r}")
        return result

    def _refuse(self, path: str, problem: str) -> NoReturn:
        raise DocumentRefused(self.name, path or WHOLE, problem)


def _below(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


# Worked out once: a conversation is thousands of records of few kinds.
@cache
def _shape(kind: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """What a kind is made of, and whether it is a record."""
    return get_origin(kind), get_args(kind), is_dataclass(kind)


@cache
def _fields(record: Any) -> tuple[Mapping[str, Any], Sequence[str]]:
    """The kind of each field of a record, and the fields that it cannot do without."""
    hints = get_type_hints(record)
    known = fields(record)
    needed = tuple(field.name for field in known if not _has_default(field))
    return {field.name: hints[field.name] for field in known}, needed


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> Decimal | None:
    # A float has already lost digits: documents are parsed with exact numbers (see read_json).
    if isinstance(value, Decimal) and value.is_finite():
        return value
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _real(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | float):
        return None
    real = float(value)
    return real if math.isfinite(real) else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment.astimezone(UTC)


_READERS: Final[dict[Any, tuple[str, Callable[[object], object | None]]]] = {
    bool: ("true or false", lambda value: value if isinstance(value, bool) else None),
    int: ("a whole number", _whole),
    Decimal: ("an exact number", _number),
    float: ("a finite number", _real),
    str: ("text", lambda value: value if isinstance(value, str) else None),
    datetime: ("a time with its zone", _moment),
}
