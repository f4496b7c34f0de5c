"""What a step gave the first time, by its business key: a repeated step gives the same and changes nothing.

The memory is written in the transaction of the step itself, so either both happened or neither did.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from activities.payloads import Payload
from fastbrand.domain.canonical import canonical
from fastbrand.domain.errors import CommandConflict
from fastbrand.store import commands

R = TypeVar("R", bound=Payload)

_BESIDE = {"at", "deadline", "intake_id"}


def recall(conn: Connection, key: str, request: Payload, kind: type[R]) -> R | None:
    """The result under ``key``, or None. Raises ``CommandConflict`` where the key was used with another request."""
    row = commands.find(conn, key)
    if row is None:
        return None
    if row.params_hash != _digest(request):
        raise CommandConflict(
            f"`{key}` was used before with other parameters", hint="leave `--command-id` out, or use a new one"
        )
    return kind.model_validate(row.result)


def keep(conn: Connection, key: str, request: Payload, result: Payload, *, actor: str, at: datetime) -> None:
    """Remember ``result`` under ``key``."""
    action, _, subject = key.partition("/")
    commands.remember(
        conn,
        command_id=key,
        action=f"step:{action}",
        params_hash=_digest(request),
        actor=actor,
        subject=subject,
        result=result.model_dump(mode="json"),
        at=at,
    )


def _digest(request: Payload) -> str:
    """Hash of what was asked. Times are left out: a step that is run again after a crash has a later clock. So is the
    file that a party came in: steps under way when it was not said yet must find what they gave."""
    return hashlib.sha256(canonical(request.model_dump(mode="json", exclude=_BESIDE))).hexdigest()
