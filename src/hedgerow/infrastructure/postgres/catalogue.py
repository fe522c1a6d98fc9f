"""What a live database says of itself: columns, keys, checks, and who is kept from whose rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sqlalchemy import Connection, RowMapping, text

from hedgerow.infrastructure.postgres.specification import Field

_COLUMNS: Final = text("""
    SELECT c.relname AS table_name, a.attname AS column_name,
           format_type(a.atttypid, a.atttypmod) AS type
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
""")
_CONSTRAINTS: Final = text("""
    SELECT c.relname AS table_name, k.contype::text AS kind, k.conname AS name,
           pg_get_constraintdef(k.oid) AS definition, coalesce(f.relname, '') AS refers_to,
           array(SELECT a.attname::text FROM pg_attribute a
                 WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS columns
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    LEFT JOIN pg_class f ON f.oid = k.confrelid
    WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
      AND k.contype IN ('c', 'f') AND k.conislocal AND k.conparentid = 0
""")
_ISOLATION: Final = text("""
    SELECT c.relname AS table_name, c.relrowsecurity AS secured, c.relforcerowsecurity AS forced,
           EXISTS (SELECT FROM pg_policy p
                   WHERE p.polrelid = c.oid AND to_regrole('hedgerow_app') = ANY (p.polroles)
                     AND pg_get_expr(p.polqual, p.polrelid) LIKE '%hedgerow.user_id%') AS own_rows,
           EXISTS (SELECT FROM pg_index i
                   WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL
                     AND i.indkey[0] = a.attnum) AS indexed
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
     AND a.attname = CASE WHEN c.relname = 'users' THEN 'id' ELSE 'user_id' END
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition
    ORDER BY c.relname
""")
# Policies of a partitioned table do not cover a partition that is named itself.
_OPEN_PARTITIONS: Final = text("""
    SELECT c.relname FROM pg_class c, (VALUES ('hedgerow_app'), ('hedgerow_worker')) AS r (role)
    WHERE c.relnamespace = 'public'::regnamespace AND c.relispartition
      AND c.relkind IN ('r', 'p')
      AND has_table_privilege(to_regrole(r.role), c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
    ORDER BY 1
""")
_GUARDS: Final = (
    ("secured", "has no row-level security"),
    ("forced", "does not force row-level security on its owner"),
    ("own_rows", "has no policy that keeps users apart"),
    ("indexed", "has no index that leads with its user"),
)
# Text that is one of several values is kept as such, however short its specification is.
_TYPES: Final[Mapping[str, Sequence[str]]] = {
    "timestamptz": ("timestamp with time zone",),
    "text": ("text", "character varying(40)"),
}


def isolation_gaps(connection: Connection) -> Iterator[tuple[str, str]]:
    """Tables with a user whose rows are not kept apart, each with what is missing."""
    for row in connection.execute(_ISOLATION).mappings():
        for guard, problem in _GUARDS:
            if not row[guard]:
                yield row["table_name"], problem
    for name in connection.execute(_OPEN_PARTITIONS).scalars():
        yield name, "is a partition that can be read past the policies of its table"


def missing_fields(
    connection: Connection, specified: Mapping[str, Mapping[str, Field]]
) -> Iterator[tuple[str, str]]:
    """Specified fields that are not there, or not as they are specified."""
    types = {
        (row["table_name"], row["column_name"]): row["type"]
        for row in connection.execute(_COLUMNS).mappings()
    }
    constraints = list(connection.execute(_CONSTRAINTS).mappings())
    for table, fields in specified.items():
        mine = [row for row in constraints if row["table_name"] == table]
        for name, field in fields.items():
            found = types.get((table, name))
            if found is None:
                yield f"{table}.{name}", "is specified and does not exist"
            else:
                for problem in _field_problems(name, field, found, mine):
                    yield f"{table}.{name}", problem


def _field_problems(
    name: str, field: Field, found: str, constraints: Sequence[RowMapping]
) -> Iterator[str]:
    if field.type != "choice" and found not in _TYPES.get(field.type, (field.type,)):
        yield f"is {found}, specified as {field.type}"
    mine = [row for row in constraints if name in row["columns"]]
    checks = " ".join(row["definition"] for row in mine if row["kind"] == "c")
    for value in field.values:
        if f"'{value}'" not in checks:
            yield f"does not take the specified value {value}"
    keys = {row["refers_to"] for row in mine if row["kind"] == "f"}
    if field.refers_to is not None and field.refers_to not in keys:
        yield f"has no foreign key to {field.refers_to}"
