"""A record that somebody changed behind our back is told, with an exit code that a script sees."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from tests.cli.driver import Cli

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-wrong")]


def change(cli: Cli, statement: str) -> None:
    """Run a statement on the database, past everything of ours."""
    with closing(sqlite3.connect(cli.state / "fastbrand.db")) as database, database:
        database.execute(statement)


def test_ledger_that_does_not_balance(warm: Cli) -> None:
    assert warm.json("pool", "reconcile") == {"balanced": True, "differences": []}
    change(warm, "UPDATE pool SET pending = pending + 5 WHERE pool_id = 'brand'")
    ran = warm("pool", "reconcile", "--json")
    assert ran.code == 1
    assert ran.json()["balanced"] is False
    assert any("brand" in str(each) for each in ran.json()["differences"])
    assert "difference" in warm("pool", "reconcile").out
    change(warm, "UPDATE pool SET pending = pending - 5 WHERE pool_id = 'brand'")
    warm("pool", "reconcile").fine()


def test_record_without_its_guards(warm: Cli) -> None:
    """While a trigger that guards the record is missing, nothing is done."""
    warm("audit", "list").fine()
    with closing(sqlite3.connect(warm.state / "fastbrand.db")) as database:
        name = database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_event'")
        trigger = name.fetchone()[0]
    change(warm, f"DROP TRIGGER {trigger}")
    warm("audit", "list").failed(4, "unprotected", trigger)
    warm("party", "apply", "--id", "a", "--track", "M").failed(4, "unprotected", trigger)
