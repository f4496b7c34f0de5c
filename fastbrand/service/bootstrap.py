"""The first minute of a database: the book it starts with, and the pools of its programme."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from activities.pools import open_pools
from fastbrand.domain.audit import BOOTSTRAP
from fastbrand.domain.errors import UsageError
from fastbrand.store import books
from fastbrand.store.database import Database


def bootstrap(db: Database, directory: Path) -> None:
    """Give an empty database the book of ``directory``, audited as ``system:bootstrap``; otherwise do nothing.

    Raises ``RuleFileError`` where that book has mistakes.
    """
    at = datetime.now(UTC)
    with db.read() as conn:
        if books.list_books(conn, at):
            return
    from rules.loader import load_directory

    book = load_directory(directory)
    with db.write() as conn:
        books.bootstrap(conn, book.sha256, book.closure, book.versions(), at=at)
        open_pools(conn, book, at, BOOTSTRAP)


def check_same_book(db: Database, directory: Path, state: Path) -> None:
    """Refuse to run a state directory with another book than the released ones. Raises ``UsageError``."""
    from rules.loader import load_directory

    book = load_directory(directory)
    with db.read() as conn:
        if books.get(conn, book.sha256) is None:
            raise UsageError(
                f"the files of `{directory}` are not a book released in `{state}`",
                hint=f"release them there (`fastbrand rules release {directory}`) or use another `--state DIR`",
            )
