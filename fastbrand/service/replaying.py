"""Replay: stored facts under the stored book, evaluated again; the bytes must be the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.errors import EngineMissing, FastbrandError, InputError, NotFound
from fastbrand.service.office import Office
from fastbrand.store import books, decisions
from fastbrand.store.decisions import DecisionRow
from rules.engine import RuleEngine

_COLUMNS = {
    "rulebook": "rulebook",
    "version": "version",
    "sha256": "book_sha256",
    "engine": "engine",
    "kind": "kind",
    "party": "party_id",
    "as_of": "as_of",
    "outcome": "outcome",
}
"""What stands in a decision's bytes -> the column that says it again, for lists."""


def replay(office: Office, decision_id: str | None, *, every: bool) -> dict[str, Any]:
    """Replay one decision or all: ``decisions, identical, changed[{decision_id, party, rulebook, why}]``.

    Raises ``NotFound`` on an unknown decision, ``InputError`` where neither one nor all is asked for,
    ``EngineMissing``.
    """
    if (decision_id is None) != every:
        raise InputError("say which decision, or `--all`", hint="see `fastbrand party show ID --json` for ids")
    engine = office.engine()
    changed: list[dict[str, str]] = []
    count = 0
    with office.db.read() as conn:
        for row in _rows(conn, decision_id):
            count += 1
            why = _difference(conn, engine, row)
            if why:
                changed.append(
                    {"decision_id": row.decision_id, "party": row.party_id, "rulebook": row.rulebook, "why": why}
                )
    return {"decisions": count, "identical": count - len(changed), "changed": changed}


def _rows(conn: Connection, decision_id: str | None) -> Iterable[DecisionRow]:
    if decision_id is None:
        return decisions.iterate_all(conn)
    row = decisions.get(conn, decision_id)
    if row is None:
        raise NotFound(f"decision `{decision_id}` is not known", hint="see `fastbrand party show ID --json` for ids")
    return [row]


def _difference(conn: Connection, engine: RuleEngine, row: DecisionRow) -> str:
    """Why a decision does not replay; empty where it does."""
    stored = books.get(conn, row.book_sha256)
    if stored is None:
        return f"book `{row.book_sha256[:12]}` is not stored"
    if hashlib.sha256(stored.closure).hexdigest() != row.book_sha256:
        return f"book `{row.book_sha256[:12]}` was tampered with: its bytes have another sha256"
    if "d-" + hashlib.sha256(row.core).hexdigest()[:32] != row.decision_id:
        return "the stored decision was tampered with: its bytes have another id"
    try:
        old = dict(json.loads(row.core))
    except (ValueError, TypeError):
        return "the stored decision was tampered with: it cannot be read"
    strange = [name for name in _COLUMNS if getattr(row, _COLUMNS[name]) != old.get(name)]
    if strange:
        return f"the stored decision was tampered with: its columns say something else ({', '.join(strange)})"
    try:
        inputs = json.loads(row.inputs)
    except ValueError:
        return "its stored facts were tampered with: they cannot be read"
    try:
        again = engine.replay(stored.closure, row.core, inputs)
    except EngineMissing:
        raise  # says nothing about any decision
    except FastbrandError as error:
        return f"error[{error.instance_code}]: {error.message}"
    if again == row.core:
        return ""
    new = json.loads(again)
    differs = ", ".join(sorted(key for key in {*old, *new} - {"engine"} if old.get(key) != new.get(key)))
    if new["engine"] != row.engine:
        rest = f"differs in {differs}" if differs else "says the same"
        return f"decided by engine `{row.engine}`, replayed by `{new['engine']}`: it {rest}"
    return f"differs in {differs}"
