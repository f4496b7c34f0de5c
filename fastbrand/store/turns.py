"""Taking turns on one thing where several transactions write at once."""

from __future__ import annotations

from sqlalchemy import Connection, text

_TURN = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")


def take_turn(conn: Connection, what: str) -> None:
    """Wait until no other transaction has the turn on ``what``; it ends with this transaction.

    SQLite has one writer: whoever writes has every turn. PostgreSQL takes an advisory lock, which needs no right to
    change any row; what others committed before it was granted is seen by the statements after it.
    """
    if conn.dialect.name == "postgresql":
        conn.execute(_TURN, {"what": what})
