"""The released books, parsed once each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from fastbrand.domain.errors import NotFound, Unreachable
from fastbrand.domain.lifecycle import Track
from fastbrand.store import books
from fastbrand.store.books import BookRow
from rules.loader import load_closure
from rules.model import Book, Incentive, Maintenance, Matching, Routing


@dataclass(frozen=True, slots=True)
class Shelved:
    """A released book: its sha256, its stored closure and the book read from it."""

    sha256: str
    closure: bytes
    book: Book


def in_force(conn: Connection, at: datetime) -> Shelved:
    """The released book in force at ``at``. Raises ``NotFound`` where none is, ``Unreachable`` where it is not what
    was released."""
    row = books.live_at(conn, at)
    if row is None:
        raise NotFound(
            f"no released book is in force at {at.isoformat()}",
            hint="release one: `fastbrand rules release DIR`, then `fastbrand rules approve SHA`",
        )
    return _shelved(row)


def pinned(conn: Connection, sha256: str) -> Shelved:
    """The released book ``sha256``. Raises ``NotFound``, ``Unreachable`` where it is not what was released."""
    row = books.get(conn, sha256)
    if row is None:
        raise NotFound(f"book `{sha256[:12]}` is not stored", hint="see `fastbrand rules list`")
    return _shelved(row)


def _shelved(row: BookRow) -> Shelved:
    """Raises ``Unreachable`` (code ``tampered``) where the stored book is not the one that was released."""
    if hashlib.sha256(row.closure).hexdigest() != row.sha256:  # before it is read: it may be no book at all by now
        raise Unreachable(  # a step waits for the restored one, like for a database that is away
            f"book `{row.sha256[:12]}` was tampered with: its bytes have another sha256",
            hint="nobody is decided by it: restore the database from a backup",
            code="tampered",
        )
    return Shelved(row.sha256, row.closure, load_closure(row.closure))


def reevaluates(book: Book, track: Track) -> bool:
    """Whether applications for ``track`` made under ``book`` are decided by the book in force, and not by this one."""
    own = next((each for each in book.eligibility.values() if str(track) in each.head.parties), None)
    return own is not None and own.head.in_flight == "reevaluate"


def incentive_for(book: Book, track: Track) -> Incentive | None:
    """The book's incentive for ``track``, or None."""
    return next((each for each in book.incentive.values() if str(track) in each.head.parties), None)


def track_rules(book: Book) -> Routing | None:
    """The book's rules for which track a party belongs on, or None."""
    return next((each for each in book.routing.values() if each.decides == "track"), None)


def maintenance_for(book: Book, track: Track) -> Maintenance | None:
    """The book's maintenance rules for ``track``, or None."""
    return next((each for each in book.maintenance.values() if str(track) in each.head.parties), None)


def matching_for(book: Book, served: str) -> Matching | None:
    """The book's matching rules for ``served`` (K, M, S), or None."""
    return next((each for each in book.matching.values() if str(served) in each.head.parties), None)
