"""The door: transactions, schema, and what is said when the database is not there."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, String, text
from sqlalchemy.exc import DBAPIError

from fastbrand.domain.errors import FastbrandError, Unreachable, UsageError
from fastbrand.domain.lifecycle import Track
from fastbrand.store import audit, database, migrations, parties
from fastbrand.store.database import Database
from fastbrand.store.schema import APPEND_ONLY, CHANGING, METADATA
from fastbrand.store.triggers import missing_triggers
from tests.store.given import NOW, register


class _OnPurpose(Exception):
    pass


def _register_and_fail(conn: Connection) -> None:
    parties.register(conn, party_id="lost", track=Track.M, at=NOW)
    raise _OnPurpose


def test_an_exception_leaves_nothing_behind(db: Database) -> None:
    with pytest.raises(_OnPurpose), db.write() as conn:
        _register_and_fail(conn)
    with db.read() as conn:
        assert parties.get(conn, "lost") is None
        assert audit.count(conn) == 0
    register(db, "next")  # and the writer's turn was given back


def test_reading_cannot_write(db: Database) -> None:
    with pytest.raises((DBAPIError, Unreachable), match=r"(?i)read"), db.read() as conn:
        parties.register(conn, party_id="acme", track=Track.M, at=NOW)
    with db.read() as conn:
        assert parties.get(conn, "acme") is None


def test_a_reader_sees_one_state(db: Database, party: str) -> None:
    with db.read() as conn:
        assert parties.get(conn, party) is not None
        register(db, "second")
        assert parties.get(conn, "second") is None
    with db.read() as conn:
        assert parties.get(conn, "second") is not None


def test_a_write_inside_a_write_is_a_mistake_not_a_deadlock(db: Database) -> None:
    with db.write(), pytest.raises(FastbrandError, match="inside another"), db.write():
        pass
    register(db, "after")


def test_writers_of_one_process_take_turns(sqlite_file: Path) -> None:
    """Two doors to one file share one turn: the second waits for the first, and sees what it wrote."""
    first, second = Database(f"sqlite:///{sqlite_file}"), Database(f"sqlite:///{sqlite_file}")
    entered, seen = threading.Event(), []

    def wait_and_look() -> None:
        entered.set()
        with second.write() as conn:
            seen.append(parties.get(conn, "acme"))

    with first.write() as conn:
        thread = threading.Thread(target=wait_and_look)
        thread.start()
        entered.wait()
        parties.register(conn, party_id="acme", track=Track.M, at=NOW)
    thread.join()
    assert seen[0] is not None


def test_settings_of_sqlite(sqlite_file: Path) -> None:
    db = Database(f"sqlite:///{sqlite_file}")
    with db.write() as conn:
        asked = {name: conn.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")}
        asked["foreign_keys"] = conn.execute(text("PRAGMA foreign_keys")).scalar()
        asked["busy_timeout"] = conn.execute(text("PRAGMA busy_timeout")).scalar()
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_migrating_makes_directory_file_and_schema_once(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'deep' / 'er' / 'x.db'}")
    assert db.migrate() is True
    assert db.migrate() is False
    db.check()
    with db.write() as conn:  # settings of the migration do not leak into later transactions
        assert conn.execute(text("PRAGMA foreign_keys")).scalar() == 1


@pytest.mark.slow
def test_migrating_at_once_from_several_processes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    code = f"from fastbrand.store.database import Database; print(Database({url!r}).migrate())"
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert sorted(out.strip() for out, _ in said).count("True") == 1
    Database(url).check()


def test_migrations_give_the_tables_of_the_code(db: Database) -> None:
    with db.write() as conn:
        context = MigrationContext.configure(conn, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_revisions_are_named_in_order() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    assert [script.revision for script in scripts.walk_revisions()][::-1] == list(migrations.REVISIONS)
    assert scripts.get_current_head() == migrations.REVISIONS[-1]


def test_every_table_is_either_append_only_or_changing() -> None:
    assert set(APPEND_ONLY) | set(CHANGING) == set(METADATA.tables.values())
    assert not set(APPEND_ONLY) & set(CHANGING)


def test_a_newer_schema_is_refused(db: Database) -> None:
    with db.write() as conn:
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for step in (db.migrate, db.check):
        with pytest.raises(UsageError, match=r"written by a newer fastbrand \(schema `9999`\)") as told:
            step()
        assert told.value.hint


def test_an_empty_database_is_not_set_up(tmp_path: Path) -> None:
    (tmp_path / "x.db").touch()
    with pytest.raises(Unreachable, match="is not set up"):
        Database(f"sqlite:///{tmp_path / 'x.db'}").check()


@pytest.mark.parametrize(
    "url",
    ["sqlite://", "sqlite:///:memory:", "nonsense", "mysql://host/x", "sqlite+nothing"],
)
def test_urls_that_cannot_be_taken(url: str) -> None:
    with pytest.raises(UsageError) as told:
        Database(url)
    assert "`" in told.value.message
    assert told.value.hint


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("this is a text file, and a long enough one to be looked at " * 10)
    _is_told(Database(f"sqlite:///{tmp_path / 'x.db'}").migrate, "is not a SQLite database")


def test_a_missing_file_is_not_made_by_reading_or_writing(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'x.db'}")
    for step in (db.check, lambda: register(db, "acme")):
        _is_told(step, "cannot be opened")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_where_the_file_should_be(tmp_path: Path) -> None:
    (tmp_path / "x.db").mkdir()
    _is_told(Database(f"sqlite:///{tmp_path / 'x.db'}").migrate, "cannot be opened")


def test_a_directory_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    _is_told(Database(f"sqlite:///{tmp_path / 'state' / 'x.db'}").migrate, "cannot be made")


def test_a_directory_that_may_not_be_written(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    with _may_only_read(state):
        _is_told(Database(f"sqlite:///{state / 'x.db'}").migrate, "cannot be made")


def test_a_file_that_may_not_be_written(sqlite_file: Path) -> None:
    with _may_only_read(sqlite_file.parent):
        _is_told(lambda: register(Database(f"sqlite:///{sqlite_file}"), "acme"), "cannot be (written|opened)")


def test_a_database_that_stays_locked(sqlite_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.05)
    db = Database(f"sqlite:///{sqlite_file}")
    holder = sqlite3.connect(sqlite_file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    _is_told(lambda: register(db, "acme"), "stayed locked")
    holder.execute("ROLLBACK")
    holder.close()
    register(db, "acme")


def test_a_postgresql_that_does_not_answer() -> None:
    url = "postgresql://nobody:secret@127.0.0.1:1/nothing"
    if importlib.util.find_spec("psycopg") is None:  # the driver is an extra
        with pytest.raises(UsageError, match="needs the package `psycopg`"):
            Database(url)
        return
    with pytest.raises(Unreachable, match="does not answer") as told:
        Database(url).migrate()
    assert "secret" not in told.value.message
    assert "\n" not in told.value.message


def test_a_removed_trigger_is_noticed_and_put_back(db: Database) -> None:
    on = "" if db.is_sqlite else " ON audit_event"
    name = "tr_audit_event_no_update" if db.is_sqlite else "tr_audit_event_no_change"
    with db.write() as conn:
        conn.execute(text(f"DROP TRIGGER {name}{on}"))
    with pytest.raises(Unreachable, match=name) as told:
        db.check()
    assert told.value.instance_code == "unprotected"
    assert db.migrate() is False
    with pytest.raises(Unreachable):
        db.check()  # migrating does not hide it
    db.protect()
    db.check()


def test_a_trigger_that_refuses_nothing_is_noticed(sqlite_file: Path) -> None:
    db = Database(f"sqlite:///{sqlite_file}")
    with db.write() as conn:
        conn.execute(text("DROP TRIGGER tr_fact_no_delete"))
        conn.execute(text("CREATE TRIGGER tr_fact_no_delete BEFORE DELETE ON fact BEGIN SELECT 1; END"))
    with pytest.raises(Unreachable, match="tr_fact_no_delete"):
        db.check()


def test_migrating_puts_back_the_triggers_of_a_table_that_it_rebuilt(
    db: Database, party: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing: list[str] = []

    def rebuild(conn: Connection) -> None:
        operations = Operations(MigrationContext.configure(conn))
        with operations.batch_alter_table("stage_event", recreate="always") as batch:
            batch.add_column(Column("remark", String(40)))
        missing.extend(missing_triggers(conn))
        conn.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with db.write() as conn:
        parties.move(conn, party_id=party, event="apply", key="k", at=NOW)
    monkeypatch.setattr(migrations, "REVISIONS", (*migrations.REVISIONS, "9999"))
    monkeypatch.setattr(migrations, "upgrade", rebuild)
    assert db.migrate() is True
    assert "tr_stage_event_no_update" in missing or not db.is_sqlite
    db.check()
    with db.read() as conn:
        assert len(parties.stage_events(conn, party)) == 1


@contextmanager
def _may_only_read(directory: Path) -> Iterator[None]:
    """As somebody who may look into ``directory`` and write nothing; not as root, whom no permission stops."""
    places = [directory, *directory.iterdir()]
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    parents = [parent for parent in directory.parents if parent.stat().st_uid == os.geteuid() and parent != Path("/")]
    before = {parent: parent.stat().st_mode for parent in parents}
    root = os.geteuid() == 0
    if root:
        for parent in parents:
            parent.chmod(before[parent] | 0o011)
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
            for parent, mode in before.items():
                parent.chmod(mode)
        for place in places:
            place.chmod(0o755 if place.is_dir() else 0o644)


def _is_told(step: object, what: str) -> None:
    assert callable(step)
    with pytest.raises(Unreachable, match=what) as told:
        step()
    assert told.value.hint
    assert "\n" not in told.value.message
