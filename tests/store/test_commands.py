"""Commands said twice."""

from __future__ import annotations

from typing import Any

import pytest

from fastbrand.domain.errors import CommandConflict
from fastbrand.store import commands
from fastbrand.store.database import Database
from tests.store.given import NOW, later


def _remember(db: Database, params_hash: str = "h1", result: Any = None, days: int = 0) -> commands.CommandRow:
    with db.write() as conn:
        return commands.remember(
            conn,
            command_id="c-1",
            action="case:claim",
            params_hash=params_hash,
            actor="mei",
            subject="party/acme/vetting/1",
            result=result or {"state": "claimed", "rounds": 1, "unknown": None},
            at=later(days=days),
        )


def test_a_command_is_remembered(db: Database) -> None:
    with db.read() as conn:
        assert commands.find(conn, "c-1") is None
    row = _remember(db)
    assert row.result == {"state": "claimed", "rounds": 1, "unknown": None}
    assert (row.action, row.actor, row.subject, row.at) == ("case:claim", "mei", "party/acme/vetting/1", NOW)
    with db.read() as conn:
        assert commands.find(conn, "c-1") == commands.find(conn, "c-1", "h1") == row


def test_an_answer_reads_the_same_again(db: Database) -> None:
    told = _remember(db, result={"party_id": "a", "stage": "endorsed", "facts": {"b": 1, "a": 2}})
    with db.read() as conn:
        again = commands.find(conn, "c-1")
    assert again is not None
    assert str(again.result) == str(told.result)


def test_the_first_result_stands(db: Database) -> None:
    first = _remember(db)
    assert _remember(db, result={"state": "other"}, days=1) == first


def test_other_parameters_are_refused(db: Database) -> None:
    _remember(db)
    with pytest.raises(CommandConflict, match="`c-1`"), db.read() as conn:
        commands.find(conn, "c-1", "h2")
    with pytest.raises(CommandConflict):
        _remember(db, params_hash="h2")
