"""``case next``: the soonest due case that a person may take, claimed for that person."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.errors import Refused
from fastbrand.domain.people import MAY, Action, Identity, fits
from fastbrand.service import cases as case_cases
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.store import cases, commands
from fastbrand.store.cases import CaseKind, CaseRow

TRIES = 50
"""How many cases are tried that somebody else takes at the same moment."""
_LOOKED_AT = 100
"""How many cases are read at first."""
_NONE: dict[str, Any] = {"case_id": None, "party_id": None, "state": None, "stage": None, "assignee": None}


async def next_case(office: Office, *, queue: str | None, kind: str | None, who: Asker) -> dict[str, Any]:
    """Claim the soonest due case of the person's queues and roles, leaving out those that the person may not decide.

    Gives what ``case claim`` gives, ``case_id`` None where none waits. Said twice under one command id, it is the same
    case. Raises ``NotPermitted`` for who takes no cases.
    """
    wanted = case_cases.parse_kind(kind)
    order = Order(
        action=Action.CASE_CLAIM,
        subject_kind="queue",
        subject_id=queue or "any",
        params={"next": True, "queue": queue, "kind": kind},
        **who.order(),
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        person = office.people.identify(envelope.actor)
        for number in range(TRIES):
            case_id = _chosen(office, envelope, number, person, queue, wanted)
            if case_id is None:
                break
            try:
                return await case_cases.claim_for(office, case_id, envelope, person)
            except Refused:
                continue  # somebody else was quicker, or what the case waits for has changed: the next one
        return {**_NONE, "command_id": envelope.command_id}

    return await carry_out(office, order, send)


def _chosen(
    office: Office, envelope: Envelope, number: int, person: Identity, queue: str | None, kind: CaseKind | None
) -> str | None:
    """The case of the ``number``-th try: the one that was tried before under this command id, or the best one now.

    It is written down before it is claimed. A command whose answer was lost then claims the same case again, and hears
    that it has it.
    """
    key = f"next/{envelope.command_id}/{number}"
    with office.db.write() as conn:
        before = commands.find(conn, key)
        if before is not None:
            return str(before.result["case_id"])
        tried = [commands.find(conn, f"next/{envelope.command_id}/{each}") for each in range(number)]
        known = {str(each.result["case_id"]) for each in tried if each is not None}
        best = _best(conn, person, queue, kind, known)
        if best is None:
            return None
        commands.remember(
            conn,
            command_id=key,
            action="next_case",
            params_hash="",
            actor=envelope.actor,
            subject=best.case_id,
            result={"case_id": best.case_id},
            at=office.now(),
        )
        return best.case_id


def _best(
    conn: Connection, person: Identity, queue: str | None, kind: CaseKind | None, known: set[str]
) -> CaseRow | None:
    """The soonest due case that nobody has and the person may decide, other than ``known``."""
    limit = _LOOKED_AT
    while True:
        rows = cases.list_cases(
            conn,
            state=cases.CaseState.OPEN,
            unclaimed=True,
            queue=[queue] if queue else sorted(person.queues) or None,
            role=_roles(person),
            kind=kind,
            limit=limit,
        )
        fit = (row for row in rows if row.case_id not in known and person.id not in row.excluded)
        best = next(fit, None)
        if best is not None or len(rows) < limit:
            return best
        limit *= 4


def _roles(person: Identity) -> list[str]:
    """The roles that cases wait for and the person fits."""
    may = MAY[Action.CASE_CLAIM]
    return sorted(str(role) for role in may if any(fits(mine, role) for mine in person.roles & may))
