"""What every kind of event holds, as the page docs/events.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from hedgerow.usecases.event_schemas import SCHEMAS, EventFamily, EventSchema

_PREFACE = """\
# Events

Every fact of a fund is kept for ever in the table `events`, sealed by the one before it. This page
is made from the code by `hedgerow events schemas > docs/events.md`.

An event has `user_id`, `sequence` (gapless per user, from 1), `at`, `kind`, `schema_version`,
`subject_id` (the order, position, pair or strategy it is about), `body`, `previous_hash` and
`hash`. Below is the body of each kind in its present version. Numbers and ids are text, so that
none loses a digit; times are ISO 8601 in UTC. Amounts are in quote currency and quantities in base
currency, unless a field says otherwise.

A kind whose fields change gets the next version; stored events keep the version they were written
in, and are brought up to the present one as they are read.

In Kafka each family is a topic, `hedgerow.<family>`, keyed by user; the headers are `kind`,
`sequence`, `schema_version` and `hash`, the value is the whole event as JSON.
"""
_JSON_TYPES = {
    "str": "text",
    "int": "integer",
    "bool": "true or false",
    "Decimal": "decimal as text",
    "float": "number as text",
    "UUID": "id",
    "datetime": "time",
    "date": "date",
}


def events_page() -> str:
    """The whole page, as Markdown."""
    parts = [_PREFACE]
    for family in EventFamily:
        parts.append(f"\n## {family}\n")
        parts += [_kind(schema) for schema in SCHEMAS if schema.family is family]
    parts.append("\n## Records inside events\n")
    parts += [_section(record, record.__name__) for record in _nested()]
    return "".join(parts)


def _kind(schema: EventSchema) -> str:
    return _section(schema.record, f"{schema.kind}, version {schema.version}")


def _section(record: type[Any], title: str) -> str:
    meaning = " ".join((record.__doc__ or "").split())
    lines = [f"\n### {title}\n\n{meaning}\n"]
    if fields(record):
        hints = get_type_hints(record)
        lines.append("\n| field | type |\n|---|---|\n")
        lines += [f"| `{each.name}` | {_name(hints[each.name])} |\n" for each in fields(record)]
    return "".join(lines)


def _name(kind: Any) -> str:
    """The JSON form of a type, in words."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in (Union, UnionType):
        (wanted,) = (option for option in arguments if option is not type(None))
        return f"{_name(wanted)}, or null"
    if origin is tuple:
        return f"list of {_name(arguments[0])}"
    if origin is not None or kind is object:
        return "object"
    if hasattr(kind, "__members__"):
        return "one of " + ", ".join(f"`{member.value}`" for member in kind)
    name: str = kind.__name__
    return f"[{name}](#{name.lower()})" if is_dataclass(kind) else _JSON_TYPES[name]


def _nested() -> Iterator[type[Any]]:
    """Every record that is part of an event, once, in the order in which they are met."""
    met: dict[type[Any], None] = {}
    waiting = [record for schema in SCHEMAS for record in _parts_of(schema.record)]
    while waiting:
        record = waiting.pop(0)
        if record not in met:
            met[record] = None
            waiting += _parts_of(record)
    return iter(met)


def _parts_of(record: type[Any]) -> list[type[Any]]:
    return [part for kind in get_type_hints(record).values() for part in _records_in(kind)]


def _records_in(kind: Any) -> Iterable[type[Any]]:
    if is_dataclass(kind) and isinstance(kind, type):
        return [kind]
    return [record for argument in get_args(kind) for record in _records_in(argument)]
