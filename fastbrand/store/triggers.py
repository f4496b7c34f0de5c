"""Triggers that make tables append-only: the database itself refuses to change or drop what was written.

They are derived from the tables, never written by hand: UPDATE, DELETE (and on PostgreSQL TRUNCATE) are refused, and on
SQLite also every insert over an existing unique key, because ``INSERT OR REPLACE`` deletes without firing delete
triggers. Rebuilding a table in a migration drops its triggers silently, so each migration run recreates all of them,
and start-up compares what is there with what must be there.
"""

from __future__ import annotations

from sqlalchemy import Connection, Table, UniqueConstraint, text

from fastbrand.store.schema import APPEND_ONLY

_FUNCTION = """
CREATE OR REPLACE FUNCTION fastbrand_append_only() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$body$
"""


def create_triggers(conn: Connection) -> None:
    """Create every trigger anew, inside the caller's transaction."""
    for statement in _statements(conn.dialect.name):
        conn.execute(text(statement))


def missing_triggers(conn: Connection) -> list[str]:
    """Names of triggers that are absent, switched off or not as they must be."""
    if conn.dialect.name == "sqlite":
        rows = conn.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"))
        there: dict[str, str] = {name: sql for name, sql in rows}  # noqa: C416 (rows are no tuples to dict)
        return [name for name, sql in _sqlite_triggers().items() if there.get(name) != sql]
    enabled = conn.execute(
        text(
            "SELECT t.tgname FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE t.tgenabled = 'A' AND p.proname = 'fastbrand_append_only' AND pg_table_is_visible(c.oid)"
        )
    ).scalars()
    there_too = set(enabled)
    return [name for name in _postgresql_triggers() if name not in there_too]


def _statements(dialect: str) -> list[str]:
    if dialect == "sqlite":
        made = _sqlite_triggers()
        return [f"DROP TRIGGER IF EXISTS {name}" for name in made] + list(made.values())
    statements = [_FUNCTION]
    for name, (table, when, each) in _postgresql_triggers().items():
        statements += [
            f"DROP TRIGGER IF EXISTS {name} ON {table}",
            f"CREATE TRIGGER {name} BEFORE {when} ON {table} FOR EACH {each} EXECUTE FUNCTION fastbrand_append_only()",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
        ]
    return statements


def _sqlite_triggers() -> dict[str, str]:
    """Trigger name -> the statement that creates it (SQLite keeps exactly that text)."""
    made: dict[str, str] = {}
    for table in APPEND_ONLY:
        refuse = f"SELECT RAISE(ABORT, '{table.name} is append-only')"
        for verb in ("UPDATE", "DELETE"):
            name = f"tr_{table.name}_no_{verb.lower()}"
            made[name] = f"CREATE TRIGGER {name} BEFORE {verb} ON {table.name} BEGIN {refuse}; END"
        for number, key in enumerate(_unique_keys(table)):
            same = " AND ".join(f"{column} = NEW.{column}" for column in key)
            name = f"tr_{table.name}_no_replace_{number}"
            made[name] = (
                f"CREATE TRIGGER {name} BEFORE INSERT ON {table.name}"
                f" WHEN EXISTS (SELECT 1 FROM {table.name} WHERE {same}) BEGIN {refuse}; END"
            )
    return made


def _postgresql_triggers() -> dict[str, tuple[str, str, str]]:
    """Trigger name -> table, what it refuses, and whether it fires for each row or once a statement."""
    made: dict[str, tuple[str, str, str]] = {}
    for table in APPEND_ONLY:
        made[f"tr_{table.name}_no_change"] = (table.name, "UPDATE OR DELETE", "ROW")
        made[f"tr_{table.name}_no_truncate"] = (table.name, "TRUNCATE", "STATEMENT")
    return made


def _unique_keys(table: Table) -> list[tuple[str, ...]]:
    """Columns of the primary key, of every unique constraint and of every unique index, in a stable order."""
    keys = {tuple(column.name for column in table.primary_key.columns)}
    keys |= {
        tuple(column.name for column in constraint.columns)
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    }
    keys |= {tuple(column.name for column in index.columns) for index in table.indexes if index.unique}
    return sorted(keys)
