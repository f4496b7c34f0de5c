"""The one door to the database: connections, transactions, schema.

Only ``Database`` opens transactions. SQLite has one writer at a time: a lock of this process and ``BEGIN IMMEDIATE``
between processes, so that waiting happens before anything was read; WAL lets readers go on meanwhile, and
``synchronous = FULL`` makes a commit outlive a power cut. PostgreSQL writes under READ COMMITTED and reads a snapshot.
"""

from __future__ import annotations

import importlib.util
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError

from fastbrand.domain.errors import FastbrandError, Unreachable, UsageError
from fastbrand.store import migrations
from fastbrand.store.triggers import create_triggers, missing_triggers

BUSY_SECONDS = 30
"""How long a transaction waits for the writer before it."""

_CUT = 200
_write_locks: dict[str, threading.Lock] = {}
_write_locks_guard = threading.Lock()


class Database:
    """A SQLite file (``sqlite:///PATH``) or a PostgreSQL database (``postgresql://…``). Threads may share one.

    Nothing is opened before it is needed. Raises ``UsageError`` on a URL it cannot take. ``read`` and ``write`` raise
    ``Unreachable`` where the database is not there, cannot be written, is no database or stays locked.
    """

    def __init__(self, url: str) -> None:
        self.url = _parsed(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._path = Path(self.url.database or "").absolute() if self.is_sqlite else None
        self._name = str(self._path) if self._path else self.url.render_as_string(hide_password=True)
        self._reader, self._writer = _sqlite_engines(self._path) if self._path else _postgresql_engines(self.url)
        self._lock = _write_lock(self._name) if self.is_sqlite else None
        self._inside = threading.local()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one state of the database and cannot change it."""
        with self._told(), self._reader.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A connection inside one transaction: committed at the end, rolled back when an exception leaves the block."""
        if getattr(self._inside, "writing", False):
            raise FastbrandError("a write transaction was opened inside another", hint="pass the open connection on")
        with self._told(), self._alone(), self._writer.connect() as conn, conn.begin():
            yield conn

    def migrate(self) -> bool:
        """Bring the schema to this code's revision; True where something was done. Quick where it is up to date.

        Creates a SQLite file, and its directory, where there is none. Several processes may call it at once. Raises
        ``UsageError`` where the database was written by a newer Fastbrand, ``Unreachable`` as everywhere.
        """
        if self._path is not None:
            _make_file(self._path)
        with self.read() as conn:
            if self._at_head(conn):
                return False
        with self._told(), self._alone(), self._writer.connect() as conn:
            migrations.prepare(conn)
            with conn.begin():
                migrations.wait_for_turn(conn)
                if self._at_head(conn):
                    return False
                migrations.upgrade(conn)
                create_triggers(conn)
                migrations.verify(conn)
            conn.invalidate()  # it had settings of its own
        return True

    def check(self) -> None:
        """Assert that the schema is this code's and that every trigger that guards the record is there as it must be.

        Raises ``Unreachable`` (code ``unprotected``) naming the first trigger that is not: somebody removed it.
        """
        with self.read() as conn:
            if not self._at_head(conn):
                raise Unreachable(f"database `{self._name}` is not set up", hint="run `fastbrand up`, which does it")
            missing = missing_triggers(conn)
        if missing:
            raise Unreachable(
                f"database `{self._name}` lacks the trigger `{missing[0]}`: its record could have been changed",
                hint="find out who removed it; `Database.protect()` puts all triggers back",
                code="unprotected",
            )

    def protect(self) -> None:
        """Put every trigger back. A person decides this, after ``check`` failed and the cause is known."""
        with self.write() as conn:
            create_triggers(conn)

    def close(self) -> None:
        """Close every idle connection. The next ``read`` or ``write`` opens new ones."""
        self._reader.dispose()
        self._writer.dispose()

    def _at_head(self, conn: Connection) -> bool:
        """Whether the schema is this code's. Raises ``UsageError`` where it is a newer one."""
        revision = migrations.current(conn)
        if revision is not None and revision not in migrations.REVISIONS:
            raise UsageError(
                f"database `{self._name}` was written by a newer fastbrand (schema `{revision}`)",
                hint="install that version, or choose another state directory",
                code="newer_schema",
            )
        return revision == migrations.REVISIONS[-1]

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The process-wide turn to write (SQLite), and a note that this thread is writing."""
        if self._lock is not None and not self._lock.acquire(timeout=BUSY_SECONDS):
            raise _locked(self._name)
        self._inside.writing = True
        try:
            yield
        finally:
            self._inside.writing = False
            if self._lock is not None:
                self._lock.release()

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what a driver says about the database as a whole into an error with its mend; others pass."""
        try:
            yield
        except (DatabaseError, InterfaceError) as error:
            known = _known(error, self._name)
            if known is None:
                raise
            raise known from error


def _parsed(url: str) -> URL:
    hint = "use `sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`"
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError(f"`{url[:_CUT]}` is not a database url", hint=hint, code="database_url") from None
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        if parsed.database in (None, "", ":memory:"):
            raise UsageError(f"`{url}` names no file", hint="use `sqlite:///PATH`", code="database_url")
        return parsed
    if backend == "postgresql":
        if importlib.util.find_spec("psycopg") is None:
            raise UsageError("PostgreSQL needs the package `psycopg`", hint="run `pip install 'psycopg[binary]'`")
        return parsed.set(drivername="postgresql+psycopg")
    raise UsageError(f"`{backend}` is not a database we can use", hint=hint, code="database_url")


def _sqlite_engines(path: Path) -> tuple[Engine, Engine]:
    def opened() -> sqlite3.Connection:
        # mode=rw: a path that is wrong must fail, not become an empty database
        return sqlite3.connect(
            f"file:{quote(str(path))}?mode=rw",
            uri=True,
            timeout=BUSY_SECONDS,
            isolation_level=None,  # we say BEGIN ourselves
            check_same_thread=False,
            cached_statements=256,
        )

    def engine(pragmas: tuple[str, ...], begin: str, size: int) -> Engine:
        made = create_engine("sqlite://", creator=opened, poolclass=QueuePool, pool_size=size, max_overflow=-1)

        @event.listens_for(made, "connect")
        def _settings(connection: Any, _record: Any) -> None:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")

        @event.listens_for(made, "begin")
        def _begin(conn: Connection) -> None:
            conn.exec_driver_sql(begin)

        return made

    writing = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON")
    return engine(("query_only = ON",), "BEGIN", 8), engine(writing, "BEGIN IMMEDIATE", 1)


def _postgresql_engines(url: URL) -> tuple[Engine, Engine]:
    made = create_engine(url, pool_size=8, max_overflow=24, pool_pre_ping=True, isolation_level="READ COMMITTED")
    return made.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True), made


def _write_lock(name: str) -> threading.Lock:
    """One lock a file and process, however many ``Database`` objects name it."""
    with _write_locks_guard:
        return _write_locks.setdefault(str(Path(name).resolve()), threading.Lock())


def _make_file(path: Path) -> None:
    if path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise Unreachable(
            f"database `{path}` cannot be made: {(error.strerror or str(error)).lower()}",
            hint="choose a directory that can be written, with `--state DIR` or `FASTBRAND_STATE`",
        ) from error


def _locked(name: str) -> Unreachable:
    return Unreachable(
        f"database `{name}` stayed locked for {BUSY_SECONDS} s", hint="end the program that holds it, and try again"
    )


def _known(error: DatabaseError | InterfaceError, name: str) -> FastbrandError | None:
    """Our error for what is wrong with the whole database, or None where a statement was at fault."""
    said = str(error.orig).lower()
    if isinstance(error, OperationalError) and said.endswith(" is locked"):
        return _locked(name)
    for phrase, what, hint in _SQLITE_SAYS:
        if phrase in said:
            return Unreachable(f"database `{name}` {what}", hint=hint)
    lost = isinstance(error, OperationalError) and (error.connection_invalidated or error.statement is None)
    if lost and not name.startswith("/"):
        reason = (said.splitlines() or [""])[-1].strip()[:_CUT]
        return Unreachable(f"database `{name}` does not answer: {reason}", hint="start it, or mend the url")
    return None


_SQLITE_SAYS = (
    ("file is not a database", "is not a SQLite database", "choose another file, or move this one away"),
    ("unable to open database file", "cannot be opened", "check that the file is there and may be read and written"),
    ("readonly database", "cannot be written", "check the permissions of the file and of its directory"),
    ("disk image is malformed", "is damaged", "restore it from a backup"),
    ("database or disk is full", "cannot grow: the disk is full", "make room on the disk"),
    ("disk i/o error", "cannot be read or written: input/output error", "check the disk and the file's permissions"),
)
