"""A fresh database for each test: a copy of one that was migrated once.

SQLite always; PostgreSQL too where ``FASTBRAND_TEST_POSTGRES`` names a server's maintenance database, from which
databases may be created (``postgresql://postgres@127.0.0.1:5433/postgres``).
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from fastbrand.store.database import Database
from tests.store.given import register

POSTGRES = os.environ.get("FASTBRAND_TEST_POSTGRES", "")


def _administer(*statements: str) -> None:
    url = make_url(POSTGRES).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as conn:
        for statement in statements:
            conn.execute(text(statement))
    engine.dispose()


def _postgres_url(name: str) -> str:
    return make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file that nobody has open."""
    path = tmp_path_factory.mktemp("template") / "fastbrand.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """The name of a migrated PostgreSQL database that nobody is connected to."""
    name = f"fastbrand_template_{uuid.uuid4().hex[:8]}"
    _administer(f"CREATE DATABASE {name}")
    database = Database(_postgres_url(name))
    database.migrate()
    database.close()
    yield name
    _administer(f"DROP DATABASE {name}")


@pytest.fixture
def sqlite_file(sqlite_template: Path, tmp_path: Path) -> Path:
    """A migrated SQLite file of the test's own."""
    return Path(shutil.copy(sqlite_template, tmp_path / "fastbrand.db"))


@pytest.fixture(params=["sqlite", "postgresql"] if POSTGRES else ["sqlite"])
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a migrated, empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{request.getfixturevalue('sqlite_file')}"
        return
    name = f"fastbrand_{uuid.uuid4().hex[:12]}"
    _administer(f"CREATE DATABASE {name} TEMPLATE {request.getfixturevalue('postgres_template')}")
    yield _postgres_url(name)
    _administer(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def db(url: str) -> Iterator[Database]:
    """A migrated, empty database."""
    database = Database(url)
    yield database
    database.close()


@pytest.fixture
def party(db: Database) -> str:
    """A registered party of track M."""
    return register(db, "acme")
