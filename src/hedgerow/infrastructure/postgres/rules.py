"""The rules that stand in a database, word for word: who may do what, and what must hold.

`rules.json` has them as migrations make them; `python tests/remake_rules.py` writes it anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, text

RULES_FILE: Final = Path(__file__).with_name("rules.json")
# Partitions follow their table, and what an extension brings is its own.
_RULES: Final = text("""
    WITH tables AS (
        SELECT oid, relname, relacl, relowner, relkind, relrowsecurity, relforcerowsecurity
        FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
          AND NOT relispartition AND relname <> 'alembic_version'
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_class.oid AND d.deptype = 'e')
    ), functions AS (
        SELECT oid, proname, proacl, proowner, prosecdef, proconfig, prosrc FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
          AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = pg_proc.oid AND d.deptype = 'e')
    ), granted AS (
        SELECT relname AS subject, a.* FROM tables, aclexplode(relacl) a
        WHERE a.grantee <> relowner
        UNION ALL
        SELECT relname || '.' || attname, a.* FROM tables
        JOIN pg_attribute ON attrelid = tables.oid, aclexplode(attacl) a
        UNION ALL
        SELECT 'schema public', a.* FROM pg_namespace, aclexplode(nspacl) a
        WHERE nspname = 'public' AND a.grantee <> nspowner
        UNION ALL
        SELECT proname || '()', a.* FROM functions,
            aclexplode(coalesce(proacl, acldefault('f', proowner))) a
        WHERE a.grantee <> proowner
    )
    SELECT 'row-level security of ' || relname AS rule,
           concat_ws(', ', CASE WHEN relrowsecurity THEN 'enabled' END,
                     CASE WHEN relforcerowsecurity THEN 'forced' END) AS words
    FROM tables WHERE relkind IN ('r', 'p')
    UNION ALL SELECT 'view ' || relname, pg_get_viewdef(oid) FROM tables WHERE relkind IN ('v', 'm')
    UNION ALL SELECT 'foreign table ' || relname, '' FROM tables WHERE relkind = 'f'
    UNION ALL
    SELECT 'policy ' || policyname || ' on ' || tablename,
           concat_ws(' ', permissive, cmd, roles::text, 'USING', qual, 'CHECK', with_check)
    FROM pg_policies WHERE schemaname = 'public'
    UNION ALL
    SELECT 'grant on ' || subject || ' to ' || coalesce(rolname, 'public'),
           string_agg(privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END, ', '
                      ORDER BY privilege_type)
    FROM granted LEFT JOIN pg_roles r ON r.oid = grantee
    GROUP BY subject, rolname
    UNION ALL
    SELECT 'trigger ' || tgname || ' on ' || relname,
           tgenabled::text || ' ' || pg_get_triggerdef(t.oid)
    FROM pg_trigger t JOIN tables ON tables.oid = tgrelid WHERE NOT tgisinternal
    UNION ALL
    SELECT 'function ' || proname,
           concat_ws(' ', CASE WHEN prosecdef THEN 'as ' || CASE WHEN rolname LIKE 'hedgerow\\_%'
               THEN rolname ELSE 'the owner' END END, proconfig::text, md5(prosrc))
    FROM functions JOIN pg_roles r ON r.oid = proowner
    UNION ALL
    SELECT 'constraint ' || conname || ' on ' || relname, pg_get_constraintdef(k.oid)
    FROM pg_constraint k JOIN tables ON tables.oid = conrelid
    WHERE contype NOT IN ('n', 't') AND conparentid = 0
    UNION ALL
    SELECT 'index ' || i.relname, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN tables ON tables.oid = indrelid JOIN pg_class i ON i.oid = indexrelid
    ORDER BY 1
""")


def rules_of(connection: Connection) -> dict[str, str]:
    """What stands in the live database, by what it is about."""
    return {row.rule: row.words for row in connection.execute(_RULES)}


def known_rules() -> Mapping[str, str]:
    """What migrations make."""
    rules: dict[str, str] = json.loads(RULES_FILE.read_text(encoding="utf-8"))
    return rules


def broken_rules(connection: Connection) -> Iterator[tuple[str, str]]:
    """Every rule that is missing, changed, or one too many, each with how."""
    found, known = rules_of(connection), known_rules()
    for rule in sorted(found.keys() | known.keys()):
        if rule not in found:
            yield rule, "does not exist"
        elif rule not in known:
            yield rule, f"was made by no migration: {found[rule]}"
        elif found[rule] != known[rule]:
            yield rule, f"is {found[rule]!r}, and was made as {known[rule]!r}"
