"""The audit log, read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import InputError
from fastbrand.service.office import Office
from fastbrand.service.parties import known
from fastbrand.store import audit


def list_events(
    office: Office, *, party_id: str | None = None, verb: str | None = None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Events, oldest first, read as they are asked for.

    Raises ``InputError`` on a verb there is not, ``NotFound`` on a party that is not known and has no event either (one
    whose first command was refused has).
    """
    if verb is not None and verb not in {each.value for each in Verb}:
        raise InputError(
            f"`{verb}` is not a verb of the audit", hint=f"verbs: {', '.join(each.value for each in Verb)}"
        )
    if party_id is not None and not any(_read(office, party_id, None, 1)):
        known(office, party_id)
    return _read(office, party_id, verb, limit)


def _read(office: Office, party_id: str | None, verb: str | None, limit: int | None) -> Iterator[dict[str, Any]]:
    with office.db.read() as conn:
        yield from audit.list_events(conn, party_id=party_id, verb=Verb(verb) if verb else None, limit=limit)


def as_lines(event: dict[str, Any]) -> Iterator[str]:
    """An event for people: when, who, what, on what; then what changed, and why."""
    actor, subject = event["actor"], event["subject"]
    yield (
        f"{event['at'][:19].replace('T', ' ')}Z  {event['verb']:<22} {subject['kind']} {subject['id']}"
        f"  by {actor['id']} ({actor['role']})"
    )
    changed = _changed(event["before"] or {}, event["after"] or {})
    if changed:
        yield f"    {changed}"
    if event["reason"]:
        yield f"    reason: {event['reason']}"


def _changed(before: dict[str, Any], after: dict[str, Any]) -> str:
    """``stage applied -> screening, revision 1 -> 2``; what was not there before stands alone."""
    told = []
    for name, now in after.items():
        was = before.get(name)
        told.append(
            f"{name} {_short(was)} -> {_short(now)}" if name in before and was != now else f"{name} {_short(now)}"
        )
    return ", ".join(told)


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 100 else text[:97] + "..."
