"""One way to change a row: together with the audit event that says so, and once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, update

from fastbrand.domain.audit import AuditEvent
from fastbrand.domain.errors import NotFound
from fastbrand.store import audit


def change(
    conn: Connection,
    table: Table,
    key: Mapping[str, Any],
    changes: Mapping[str, Any],
    event: AuditEvent | None,
    at: datetime,
) -> bool:
    """Set ``changes`` on the row ``key`` and write ``event``. False, and nothing done, where that event was written
    before.

    ``event`` is None where another function writes the event of the same step in this transaction. Raises ``NotFound``
    where there is no such row; the caller's transaction must then end.
    """
    if event is not None and not audit.append(conn, event, at):
        return False
    where = [table.c[name] == value for name, value in key.items()]
    if not changes:
        return True
    if conn.execute(update(table).where(*where).values(**changes)).rowcount != 1:
        named = " ".join(str(value) for value in key.values())
        raise NotFound(f"`{named}` is not in `{table.name}`", hint="check the id")
    return True
