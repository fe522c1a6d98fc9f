"""The data dictionary: every table, column and rule, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import CheckConstraint, Column, Dialect, Enum, MetaData, Table
from sqlalchemy.dialects import postgresql

_HEAD = """# Data dictionary

The tables of PostgreSQL, written by `hedgerow db docs` from the tables themselves: change those,
not this page. How they hang together: [schema.svg](schema.svg). Amounts are in quote currency and
quantities in base currency; times are `timestamptz`, in UTC. `NULL` marks what may be absent.
"""

_DIALECT: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]


def dictionary(metadata: MetaData) -> str:
    """The page."""
    tables = sorted(metadata.tables.values(), key=lambda table: table.name)
    contents = " · ".join(f"[{table.name}](#{table.name})" for table in tables)
    sections = ["\n".join(_section(table)) for table in tables]
    return "\n".join([_HEAD, contents, "", *sections])


def _section(table: Table) -> Iterator[str]:
    yield f"## {table.name}"
    yield ""
    yield str(table.comment)
    yield ""
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for column in table.columns:
        yield f"| {_name(column)} | {_type(column)} | {_meaning(column)} |"
    yield ""
    rules = sorted(_rules(table))
    if rules:
        yield "Rules: " + "; ".join(f"`{rule}`" for rule in rules) + "."
        yield ""


def _name(column: Column[Any]) -> str:
    return f"**{column.name}**" if column.primary_key else column.name


def _type(column: Column[Any]) -> str:
    if isinstance(column.type, Enum):
        kind = " / ".join(column.type.enums)
    else:
        kind = column.type.compile(_DIALECT).lower()
        kind = {"timestamp with time zone": "timestamptz"}.get(kind, kind)
    return f"{kind}, NULL" if column.nullable else kind


def _meaning(column: Column[Any]) -> str:
    targets = sorted({key.column.table.name for key in column.foreign_keys})
    # a key of two columns leads from the user's too: that is told once, by the other column
    if column.name == "user_id":
        targets = [name for name in targets if name == "users"]
    links = ", ".join(f"[{name}](#{name})" for name in targets)
    return f"{column.comment} → {links}" if links else str(column.comment)


def _rules(table: Table) -> Iterator[str]:
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint) and not constraint._type_bound:
            yield str(constraint.sqltext)
