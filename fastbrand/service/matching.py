"""Who serves whom: providers proposed to a party in standing or to a talent, offers accepted, declined and ended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import Connection

from fastbrand.domain.errors import EngineFault, InputError, NotFound, Refused
from fastbrand.domain.lifecycle import MARKED
from fastbrand.domain.people import Action
from fastbrand.domain.provider import check_provider_id
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.office import Office
from fastbrand.service.providers import match_view
from fastbrand.service.texts import matching_lines
from fastbrand.service.who import Asker
from fastbrand.store import decisions, matches, parties, talents
from fastbrand.store.audit import Grounds
from fastbrand.store.matches import PARTY, TALENT, MatchRow

_LATER = {
    "not_in_standing": "providers are matched once a party is endorsed or approved, and a talent while it is active",
    "no_rules": "add a book of kind `matching`, and release it",
}


async def match(
    office: Office, subject_id: str, *, kind: str | None, declined_too: bool, lang: str, who: Asker
) -> dict[str, Any]:
    """Propose providers: ``subject_kind, subject_id, outcome, decision_id, offers[], lines[], command_id``.

    ``kind``: party or talent, where an id is that of both. ``lines`` say why, in ``lang``. Raises ``NotFound``;
    ``Refused`` where it is not in standing, or no rules are for it; ``EngineFault``.
    """
    subject = _subject(office, subject_id, kind)
    order = Order(
        action=Action.PROVIDER_MATCH,
        subject_kind=subject[0],
        subject_id=subject_id,
        params={"kind": subject[0], "declined_too": declined_too},
        party_id=subject_id if subject[0] == PARTY else None,
        **who.order(),
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        found = _propose(office, subject, envelope, office.now(), declined_too=declined_too)
        if found.outcome in _LATER:
            raise Refused(f"no providers for `{subject_id}`: {found.told}", hint=_LATER[found.outcome])
        if found.outcome == "engine_fault":
            raise EngineFault(
                f"the rules could not be asked: {found.told}", hint="ask again; see `fastbrand audit list`"
            )
        if found.outcome == "input_error":
            raise InputError(f"the rules cannot take the facts of `{subject_id}`: {found.told}", hint="mend the fact")
        with office.db.read() as conn:
            rows = [matches.there(conn, each.match_id) for each in found.offers]
        return {
            "subject_kind": subject[0],
            "subject_id": subject_id,
            "outcome": found.outcome,
            "decision_id": found.decision_id,
            "offers": [match_view(row) for row in rows],
            "command_id": envelope.command_id,
        }

    result = await carry_out(office, order, send)
    return {**result, "lines": _lines(office, result["decision_id"], lang)}


def _propose(office: Office, subject: tuple[str, str], envelope: Envelope, at: datetime, *, declined_too: bool) -> Any:
    """The step that the workflow takes too, under this command: said twice, it proposes once."""
    from activities.matching import MatchingActivities
    from activities.matching_payloads import MatchRequest
    from activities.payloads import By

    # the key of a decision is short, a command id may be long
    key = "by/" + hashlib.sha256(envelope.command_id.encode()).hexdigest()[:32]
    by = By(
        kind="human",
        actor=envelope.actor,
        role=envelope.role,
        command_id=envelope.command_id,
        reason=envelope.order.reason,
    )
    request = MatchRequest(
        subject_kind="party" if subject[0] == PARTY else "talent",
        subject_id=subject[1],
        key=key,
        at=at,
        by=by,
        declined_too=declined_too,
    )
    return MatchingActivities(office.db, office.engine()).propose(request)


async def accept(office: Office, match_id: str, *, who: Asker) -> dict[str, Any]:
    """Accept an offer: the provider serves one more. Raises ``NotFound``; ``Refused`` where it is settled or full."""

    def step(conn: Connection, the_id: str, *, key: str, **grounds: Unpack[Grounds]) -> MatchRow:
        _check_standing(conn, matches.there(conn, the_id))
        return matches.accept(conn, the_id, key=key, **grounds)

    return await _settle(office, match_id, Action.PROVIDER_ACCEPT, step, who)


async def decline(office: Office, match_id: str, *, who: Asker) -> dict[str, Any]:
    """Decline an offer. Raises ``NotFound``; ``Refused`` where it is settled; ``InputError`` without a reason."""
    if not who.reason:
        raise InputError("why is it declined?", hint="say it: `--note TEXT`")
    return await _settle(office, match_id, Action.PROVIDER_DECLINE, matches.decline, who)


async def end(office: Office, match_id: str, *, who: Asker) -> dict[str, Any]:
    """End an accepted match: the provider serves one less. Raises as ``decline``."""
    if not who.reason:
        raise InputError("why does it end?", hint="say it: `--note TEXT`")
    return await _settle(office, match_id, Action.PROVIDER_END, matches.end, who)


def offers_of(office: Office, subject_id: str, kind: str | None) -> list[dict[str, Any]]:
    """Every offer ever made to a party or talent, first to last. Raises ``NotFound``."""
    subject = _subject(office, subject_id, kind)
    with office.db.read() as conn:
        return [match_view(row) for row in matches.of_subject(conn, subject)]


async def _settle(
    office: Office, match_id: str, action: Action, step: Callable[..., MatchRow], who: Asker
) -> dict[str, Any]:
    with office.db.read() as conn:
        row = matches.there(conn, match_id)
    order = Order(
        action=action, subject_kind="match", subject_id=match_id, params={}, party_id=row.party_id, **who.order()
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        grounds: Grounds = {"at": office.now(), "actor": envelope.who(), "reason": envelope.order.reason or None}
        with office.db.write() as conn:
            settled = step(conn, match_id, key=envelope.command_id, **grounds)
        return {**match_view(settled), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


def _check_standing(conn: Connection, row: MatchRow) -> None:
    """Raise ``Refused`` where whom the offer is for has lost its standing since."""
    if row.subject_kind == TALENT:
        fit, said = talents.there(conn, row.subject_id).active, "is inactive"
    else:
        party = parties.get(conn, row.subject_id)
        assert party is not None
        fit, said = party.stage in MARKED, f"is in stage `{party.stage}`"
    if not fit:
        raise Refused(f"`{row.subject_id}` {said}", hint=_LATER["not_in_standing"])


def _subject(office: Office, subject_id: str, kind: str | None) -> tuple[str, str]:
    """(party or talent, id). Raises ``NotFound``, and ``InputError`` where the id is that of both."""
    check_provider_id(subject_id, "party")
    if kind not in (None, PARTY, TALENT):
        raise InputError(f"`{kind}` is neither party nor talent", hint="write `--kind party` or `--kind talent`")
    with office.db.read() as conn:
        party, talent = parties.get(conn, subject_id) is not None, talents.get(conn, subject_id) is not None
    found = [name for name, there in ((PARTY, party), (TALENT, talent)) if there and kind in (None, name)]
    if not found:
        wanted = kind or "party or talent"
        raise NotFound(
            f"{wanted} `{subject_id}` is not known", hint="see `fastbrand party list`, `fastbrand talent list`"
        )
    if len(found) > 1:
        raise InputError(f"`{subject_id}` is a party and a talent", hint="say which: `--kind party` or `--kind talent`")
    return found[0], subject_id


def _lines(office: Office, decision_id: str | None, lang: str) -> list[str]:
    if decision_id is None:
        return []
    with office.db.read() as conn:
        row = decisions.get(conn, decision_id)
        return [] if row is None else matching_lines(conn, row, lang)
