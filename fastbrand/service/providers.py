"""Service providers: the register, and the counts of it against where the programme began."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from fastbrand.domain.errors import InputError
from fastbrand.domain.people import Action
from fastbrand.domain.provider import SERVES, Capability, ProviderType, check_provider_id
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.facts import live_book
from fastbrand.service.office import Office
from fastbrand.service.provider_files import bring_in, import_params, result
from fastbrand.service.provider_rows import PROVIDER_COLUMNS, Cells, Vocabulary, profile, score_text
from fastbrand.service.table_files import Cell, nearest, shown_cell
from fastbrand.service.views import moment
from fastbrand.service.who import Asker
from fastbrand.store import matches, providers
from fastbrand.store.audit import Grounds
from fastbrand.store.matches import MatchRow
from fastbrand.store.providers import ProviderRow


async def add(office: Office, cells: Cells, *, who: Asker) -> dict[str, Any]:
    """Register a provider. Raises ``InputError`` on a value, ``Refused`` where one of this id is there already."""
    wanted = profile(cells, _words(office))
    order = _order(Action.PROVIDER_REGISTER, wanted.provider_id, {"profile": wanted.told()}, who)

    async def send(envelope: Envelope) -> dict[str, Any]:
        with office.db.write() as conn:
            row = providers.add(conn, wanted, **_grounds(office, envelope))
        return {**provider_view(row), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


async def edit(office: Office, provider_id: str, cells: Cells, *, who: Asker) -> dict[str, Any]:
    """Change what ``cells`` name. Raises ``NotFound``, ``InputError``; ``Refused`` where it serves more than that."""
    if not cells:
        raise InputError("nothing to change", hint="see `fastbrand provider edit --help`")
    words = _words(office)
    with office.db.read() as conn:
        profile(cells, words, providers.there(conn, check_provider_id(provider_id)).profile())
    changes = {name: shown_cell(cell) for name, cell in cells.items()}
    order = _order(Action.PROVIDER_EDIT, provider_id, {"changes": changes}, who)

    async def send(envelope: Envelope) -> dict[str, Any]:
        with office.db.write() as conn:
            wanted = profile(cells, words, providers.there(conn, provider_id).profile())
            row, changed = providers.edit(
                conn, wanted, revision=envelope.order.expected_revision, **_grounds(office, envelope)
            )
        return {**provider_view(row), "changed": changed, "command_id": envelope.command_id}

    return await carry_out(office, order, send)


async def import_file(office: Office, path: Path, *, errors: Path | None, who: Asker) -> dict[str, Any]:
    """Register or change every provider of a file: ``rows, added, changed, unchanged, mistakes, errors[]``.

    The same file twice changes nothing. Rows with mistakes are left out. Raises ``InputError`` where the file cannot be
    read at all.
    """
    words = _words(office)
    order = _order(Action.PROVIDER_REGISTER, path.name[:120], import_params(path), who)

    async def send(envelope: Envelope) -> dict[str, Any]:
        grounds = _grounds(office, envelope)

        def put(conn: Connection, cells: Cells) -> str:
            known = providers.get(conn, str(cells.get("provider_id") or ""))
            return providers.put(conn, profile(cells, words, known.profile() if known else None), **grounds)[1]

        return result(bring_in(office, path, PROVIDER_COLUMNS, put, errors), envelope)

    return await carry_out(office, order, send)


def list_providers(
    office: Office, *, kind: str | None, category: str | None, region: str | None, free: bool
) -> list[dict[str, Any]]:
    """The register: of this type, for this category, from this region; ``free``: only active ones with room."""
    types = None if kind is None else [parse_type(kind)]
    with office.db.read() as conn:
        rows = providers.list_all(conn, types)
    kept = (
        row
        for row in rows
        if (category is None or category in row.categories)
        and (region is None or region == row.region)
        and (not free or (row.active and row.free > 0))
    )
    return [provider_view(row) for row in kept]


def show(office: Office, provider_id: str) -> dict[str, Any]:
    """A provider with its ``matches`` and its ``history``. Raises ``NotFound``."""
    with office.db.read() as conn:
        row = providers.there(conn, check_provider_id(provider_id))
        offers = matches.of_provider(conn, provider_id)
        history = providers.history(conn, row)
    return {**provider_view(row), "matches": [match_view(each) for each in offers], "history": history}


def counts(office: Office) -> dict[str, Any]:
    """Providers of each type against the programme's baseline: ``types[], total``, each ``{type, serves, baseline,
    registered, active, capacity, load}``; ``baseline`` is null where the programme names none."""
    baseline = live_book(office).programme.baseline.get("providers")
    with office.db.read() as conn:
        found = providers.counts(conn)
    rows = []
    for kind in ProviderType:
        seen = found[kind]
        rows.append(
            {
                "type": str(kind),
                "serves": str(SERVES[kind]),
                "baseline": baseline.get(str(kind)) if isinstance(baseline, Mapping) else None,
                "registered": seen.registered,
                "active": seen.active,
                "capacity": seen.capacity,
                "load": seen.load,
            }
        )
    numbers = ("baseline", "registered", "active", "capacity", "load")
    return {"types": rows, "total": {name: sum(row[name] or 0 for row in rows) for name in numbers}}


def parse_type(text: str) -> ProviderType:
    """A type of provider. Raises ``InputError``."""
    try:
        return ProviderType(text)
    except ValueError:
        known = [str(each) for each in ProviderType]
        near = nearest(text, known)
        hint = f"did you mean `{near}`?" if near else f"types are {', '.join(known)}"
        raise InputError(f"`{text[:60]}` is not a type of provider", hint=hint, code="unknown_type") from None


# --- views --------------------------------------------------------------------------------------------------------


def provider_view(row: ProviderRow) -> dict[str, Any]:
    """A provider as JSON data: scores as decimal text, null where they are not known."""
    return {
        "provider_id": row.provider_id,
        "type": str(row.type),
        "name": row.name,
        "categories": list(row.categories),
        "region": row.region,
        "capacity": row.capacity,
        "load": row.load,
        "free_capacity": row.free,
        "track_record": score_text(row.track_record),
        "capabilities": {str(each): score_text(row.capabilities.get(str(each))) for each in Capability},
        "active": row.active,
        "revision": row.revision,
        "created_at": moment(row.created_at),
        "updated_at": moment(row.updated_at),
    }


def match_view(row: MatchRow) -> dict[str, Any]:
    """An offer as JSON data."""
    return {
        "match_id": row.match_id,
        "subject_kind": row.subject_kind,
        "subject_id": row.subject_id,
        "served": str(row.served),
        "provider_id": row.provider_id,
        "rank": row.rank,
        "score": row.score,
        "state": str(row.state),
        "decision_id": row.decision_id,
        "proposed_at": moment(row.proposed_at),
        "settled_at": moment(row.settled_at),
        "settled_by": row.settled_by,
        "reason": row.reason,
    }


def _words(office: Office) -> Vocabulary:
    return Vocabulary.of(live_book(office).facts)


def _order(action: Action, subject_id: str, params: dict[str, Any], who: Asker) -> Order:
    return Order(action=action, subject_kind="provider", subject_id=subject_id, params=params, **who.order())


def _grounds(office: Office, envelope: Envelope) -> Grounds:
    return {"at": office.now(), "actor": envelope.who(), "reason": envelope.order.reason or None}


def given(options: Mapping[str, Cell]) -> dict[str, Cell]:
    """The options that were given (None: not given) as cells."""
    return {name: cell for name, cell in options.items() if cell is not None}
