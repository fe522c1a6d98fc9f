"""Dataclasses to JSON documents and back. Numbers travel as text, so that none loses a digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints
from uuid import UUID

_Record = TypeVar("_Record")


def encode(value: object) -> Any:
    """A JSON value: dataclasses become objects; all but text, integers and booleans, text."""
    match value:
        case StrEnum():
            return str(value)
        case None | bool() | int() | str():
            return value
        case Decimal():
            return format(value, "f")
        case float():
            return repr(value)
        case UUID():
            return str(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case list() | tuple():
            return [encode(item) for item in value]
        case set() | frozenset():
            return sorted(encode(item) for item in value)
        case bytes():
            return value.hex()
        case _ if is_dataclass(value):
            return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
        case _:
            raise TypeError(f"{type(value).__name__} has no JSON form")


def decode(record: type[_Record], document: Mapping[str, Any]) -> _Record:
    """The dataclass that `encode` made `document` of."""
    return record(**decode_fields(record, document))


def decode_fields(record: type[Any], document: Mapping[str, Any]) -> dict[str, Any]:
    """Those fields of a dataclass that `encode` put into `document`, by their names."""
    hints = _hints(cast(Any, record))
    return {key: _decode(hints[key], value) for key, value in document.items()}


@cache
def _hints(record: Any) -> dict[str, Any]:
    return get_type_hints(record)


def _decode(kind: Any, value: Any) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if value is None or kind is object:
        result = value
    elif origin in (Union, UnionType):
        (wanted,) = [option for option in arguments if option is not type(None)]
        result = _decode(wanted, value)
    elif origin in (tuple, set, frozenset):
        result = origin(_decode(arguments[0], item) for item in value)
    elif origin is Mapping:
        keys, values = arguments
        result = {_decode(keys, key): _decode(values, item) for key, item in value.items()}
    elif origin is not None:
        result = value
    elif kind in (datetime, date):
        result = kind.fromisoformat(value)
    elif kind is bytes:
        result = bytes.fromhex(value)
    else:
        result = decode(cast(type, kind), value) if is_dataclass(kind) else kind(value)
    return result
