"""A ledger that was in use before units were told apart after their release: every sum is right after the migration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, text

from fastbrand.store import ledger, migrations
from fastbrand.store.database import Database
from fastbrand.store.migrations import REVISIONS
from tests.store.given import NOW, differences, later, report

BEFORE = "0006"
GRANT = "acme/2022-05"


@pytest.fixture
def old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A SQLite database of the revision before, with a grant of which one tranche expired and one is out."""
    db = Database(f"sqlite:///{tmp_path / 'old.db'}")
    upgrade = migrations.upgrade

    def up_to_before(conn: Connection) -> None:
        from alembic import command
        from alembic.config import Config

        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        command.upgrade(config, BEFORE)

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "upgrade", up_to_before)
        patch.setattr("fastbrand.store.database.create_triggers", lambda _: None)  # those of tables to come
        db.migrate()
    assert migrations.upgrade is upgrade
    with db.write() as conn:
        for table, row in ROWS:
            names = ", ".join(row)
            values = ", ".join(f":{name}" for name in row)
            conn.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    return db


def _at(days: int) -> str:
    return later(days=days).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _entry(kind: str, tranche: int, amount: int, source: str, target: str, **more: Any) -> tuple[str, dict[str, Any]]:
    return "ledger_entry", {
        "grant_id": GRANT,
        "tranche_no": tranche,
        "entry_kind": kind,
        "source_ref": "-",
        "params_hash": "0" * 64,
        "pool_id": "p",
        "shard": 0,
        "party_id": "acme",
        "source_account": source,
        "target_account": target,
        "amount": amount,
        "cap_delta": 0,
        "at": _at(0),
        **more,
    }


_CAPS = {"party_account": "party/acme/2022", "category_account": "category/-/2022-05"}
_GRANT = {"grant_id": GRANT, "party_id": "acme", "pool_id": "p"}
_COUNTED = dict.fromkeys(
    ("revision", "application_no", "case_no", "endorsement_no", "screening_no", "mark_due", "wants_endorsement"), 0
)
_POOL = {"pool_id": "p", "shard": 0, "unit": "u", "budget": 100, "topped_up": 0, "pending": 0, "posted": 40}
ROWS: list[tuple[str, dict[str, Any]]] = [
    (
        "party",
        {"party_id": "acme", "track": "M", "stage": "endorsed", **_COUNTED, "created_at": _at(0), "updated_at": _at(0)},
    ),
    ("pool", {**_POOL, "consumed": 0, "clawed_back": 0, "debt": 0, "opened_at": _at(0)}),
    ("grant_account", {**_GRANT, "attempt": 1, "shard": 0, **_CAPS, "reserved": 0}),
    ("tranche_account", {"grant_id": GRANT, "tranche_no": 1, "unspent": 0, "consumed": 0}),
    ("tranche_account", {"grant_id": GRANT, "tranche_no": 2, "unspent": 40, "consumed": 0}),
    *(("cap_account", {"account": account, "used": 70}) for account in _CAPS.values()),
    _entry("open", 0, 100, "budget", "available", grant_id="", source_ref="p/0", party_id=None),
    _entry("reserve", 0, 70, "available", "reserved", source_ref="1", cap_delta=70, **_CAPS),
    _entry("commit", 1, 30, "reserved", "unspent"),
    _entry("commit", 2, 40, "reserved", "unspent"),
    _entry("expire", 1, 30, "unspent", "available"),
    (
        "bonus_grant",
        {**_GRANT, "track": "M", "period": "2022-05", "amount": 70, "state": "released", "attempt": 1}
        | {"created_at": _at(0)},
    ),
    *(
        (
            "tranche",
            {"grant_id": GRANT, "no": number, "amount": amount, "due_at": _at(0), "state": state, "consumed": 0}
            | {"released_at": _at(0), "expires_at": _at(45)},
        )
        for number, amount, state in ((1, 30, "expired"), (2, 40, "released"))
    ),
]


def test_what_had_expired_is_told_apart(old: Database) -> None:
    assert REVISIONS.index(BEFORE) < len(REVISIONS) - 1
    assert old.migrate() is True
    old.check()
    with old.read() as conn:
        tranches = ledger.holdings(conn, [GRANT])[GRANT].tranches
    assert {no: (each.unspent, each.expired) for no, each in tranches.items()} == {1: (0, 30), 2: (40, 0)}
    assert differences(old) == []
    late = report(old, GRANT, 1, 12, "late", counted_until=later(days=3))
    assert getattr(late, "late", None) == 12
    with old.write() as conn:
        assert ledger.expire(conn, grant_id=GRANT, tranche_no=2, at=NOW).amount == 40
