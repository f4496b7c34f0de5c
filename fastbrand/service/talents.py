"""Talents (K): registered and matched; they have no vetting of their own in this programme."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.people import Action
from fastbrand.domain.provider import check_provider_id
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.facts import live_book
from fastbrand.service.office import Office
from fastbrand.service.provider_files import bring_in, import_params, result
from fastbrand.service.provider_rows import TALENT_COLUMNS, Cells, Vocabulary, talent
from fastbrand.service.providers import match_view
from fastbrand.service.views import moment
from fastbrand.service.who import Asker
from fastbrand.store import matches, talents
from fastbrand.store.audit import Grounds
from fastbrand.store.matches import TALENT
from fastbrand.store.talents import TalentRow


async def add(office: Office, cells: Cells, *, who: Asker) -> dict[str, Any]:
    """Register a talent. Raises ``InputError`` on a value, ``Refused`` where one of this id is there already."""
    wanted = talent(cells, Vocabulary.of(live_book(office).facts))
    order = _order(wanted.talent_id, {"talent": wanted.told()}, who)

    async def send(envelope: Envelope) -> dict[str, Any]:
        with office.db.write() as conn:
            row = talents.add(conn, wanted, **_grounds(office, envelope))
        return {**talent_view(row), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


async def import_file(office: Office, path: Path, *, errors: Path | None, who: Asker) -> dict[str, Any]:
    """Register or change every talent of a file: ``rows, added, changed, unchanged, mistakes, errors[]``.

    The same file twice changes nothing. Rows with mistakes are left out. Raises ``InputError`` where the file cannot be
    read at all.
    """
    words = Vocabulary.of(live_book(office).facts)
    order = _order(path.name[:120], import_params(path), who)

    async def send(envelope: Envelope) -> dict[str, Any]:
        grounds = _grounds(office, envelope)

        def put(conn: Connection, cells: Cells) -> str:
            known = talents.get(conn, str(cells.get("talent_id") or ""))
            return talents.put(conn, talent(cells, words, known.talent() if known else None), **grounds)[1]

        return result(bring_in(office, path, TALENT_COLUMNS, put, errors), envelope)

    return await carry_out(office, order, send)


def list_talents(office: Office) -> list[dict[str, Any]]:
    """Every talent, by id."""
    with office.db.read() as conn:
        return [talent_view(row) for row in talents.list_all(conn)]


def show(office: Office, talent_id: str) -> dict[str, Any]:
    """A talent with its ``matches`` and its ``history``. Raises ``NotFound``."""
    with office.db.read() as conn:
        row = talents.there(conn, check_provider_id(talent_id, "talent"))
        offers = matches.of_subject(conn, (TALENT, talent_id))
        history = talents.history(conn, row)
    return {**talent_view(row), "matches": [match_view(each) for each in offers], "history": history}


def talent_view(row: TalentRow) -> dict[str, Any]:
    """A talent as JSON data."""
    return {
        "talent_id": row.talent_id,
        "category": row.category,
        "region": row.region,
        "active": row.active,
        "revision": row.revision,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def _order(subject_id: str, params: dict[str, Any], who: Asker) -> Order:
    return Order(
        action=Action.TALENT_REGISTER, subject_kind="talent", subject_id=subject_id, params=params, **who.order()
    )


def _grounds(office: Office, envelope: Envelope) -> Grounds:
    return {"at": office.now(), "actor": envelope.who(), "reason": envelope.order.reason or None}
