"""Schema changes, packaged with the code and run by ``Database.migrate``; nothing else calls Alembic.

A new revision is a module in ``versions`` and a name at the end of ``REVISIONS``. Tables are rebuilt on SQLite
(``batch_alter_table``), which drops their triggers silently: ``migrate`` recreates all of them after every run.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from fastbrand.domain.errors import FastbrandError

REVISIONS: tuple[str, ...] = (
    "0001",
    "0002",
    "0003",
    "0004",
    "0005",
    "0006",
    "0007",
    "0008",
    "0009",
    "0010",
    "0011",
    "0012",
    "0013",
)
"""Every revision, oldest first. Named here so that an up-to-date database is recognised without loading Alembic."""

_PLACE = Path(__file__).resolve().parent
_TURN = 0x6661737462726E64  # "fastbrnd": the advisory lock that migrating processes take in turn


def current(conn: Connection) -> str | None:
    """The revision that the database is at; None for an empty one."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    return conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def prepare(conn: Connection) -> None:
    """Before the transaction: on SQLite a table that is rebuilt must not take its children with it."""
    if conn.dialect.name == "sqlite":
        driver = conn.connection.driver_connection
        if driver is not None:
            driver.execute("PRAGMA foreign_keys = OFF")


def wait_for_turn(conn: Connection) -> None:
    """One migrating process at a time: SQLite's writer is alone anyhow, PostgreSQL has an advisory lock for it."""
    if conn.dialect.name == "postgresql":
        conn.execute(text(f"SELECT pg_advisory_xact_lock({_TURN})"))


def upgrade(conn: Connection) -> None:
    """Run every revision that is missing, inside the caller's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": conn})
    config.set_main_option("script_location", str(_PLACE).replace("%", "%%"))
    command.upgrade(config, "head")


def verify(conn: Connection) -> None:
    """After it: no row may point at a row that is not there (SQLite was not watching)."""
    if conn.dialect.name == "sqlite":
        lost = conn.execute(text("PRAGMA foreign_key_check")).first()
        if lost is not None:
            raise FastbrandError(f"the migration would leave `{lost[0]}` rows without what they belong to")
