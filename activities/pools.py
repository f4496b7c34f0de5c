"""The pools that a programme names."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from fastbrand.domain.audit import Actor
from fastbrand.store import ledger
from rules.model import Book


def open_pools(conn: Connection, book: Book, at: datetime, actor: Actor) -> None:
    """Open the pools of ``book`` that are not there yet."""
    unit = book.programme.traffic_unit.en
    specs = [ledger.PoolSpec(pool.id, unit, pool.budget) for pool in book.programme.pools.values()]
    ledger.open_pools(conn, specs, at=at, actor=actor, rulebook_sha256=book.sha256)
