"""Reading JSON documents into typed records: every unknown or ill-typed key is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar, get_type_hints

from hedgerow.domain.errors import DocumentRefused

_Record = TypeVar("_Record")


def read_json(record: type[_Record], text: str) -> _Record:
    """A record of the given dataclass from JSON text; numbers stay exact."""
    try:
        document = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        problem = f"is not JSON: {error.msg} at line {error.lineno}"
        raise DocumentRefused(record.__name__, "(document)", problem) from error
    if not isinstance(document, dict):
        raise DocumentRefused(record.__name__, "(document)", "must be an object")
    return read_document(record, document)


def read_document(record: type[_Record], document: Mapping[str, object]) -> _Record:
    """A record of the given dataclass; raises DocumentRefused naming the key at fault."""
    name = record.__name__
    known = {field.name: field for field in fields(record)}  # type: ignore[arg-type]
    for key in document:
        if key not in known:
            raise DocumentRefused(name, key, "is not a known key")
    for key, field in known.items():
        if key not in document and not _has_default(field):
            raise DocumentRefused(name, key, "is missing")
    hints = get_type_hints(record)
    return record(**{key: _read(name, key, hints[key], value) for key, value in document.items()})


def write_document(record: object) -> dict[str, object]:
    """The document that read_document takes back; numbers are exact Decimals."""
    return {
        field.name: _plain(getattr(record, field.name))
        for field in fields(record)  # type: ignore[arg-type]
    }


def _plain(value: object) -> object:
    if isinstance(value, StrEnum):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _has_default(field: Field[Any]) -> bool:
    return field.default is not MISSING or field.default_factory is not MISSING


def _read(name: str, key: str, kind: Any, value: object) -> object:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        allowed = [str(member) for member in kind]
        if value not in allowed:
            raise DocumentRefused(name, key, f"must be one of {', '.join(allowed)}")
        return kind(str(value))
    wanted, reader = _READERS[kind]
    result = reader(value)
    if result is None:
        raise DocumentRefused(name, key, f"must be {wanted}, not {value!r}")
    return result


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: object) -> Decimal | None:
    # A float has already lost digits: documents are parsed with exact numbers (see read_json).
    if isinstance(value, Decimal) and value.is_finite():
        return value
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else None


def _texts(value: object) -> tuple[str, ...] | None:
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None


_READERS: Final[dict[Any, tuple[str, Callable[[object], object | None]]]] = {
    bool: ("true or false", lambda value: value if isinstance(value, bool) else None),
    int: ("a whole number", _whole),
    Decimal: ("an exact number", _number),
    str: ("text", lambda value: value if isinstance(value, str) else None),
    tuple[str, ...]: ("a list of texts", _texts),
}
