"""Rule books: release, approve or cancel a changed book, go back to one of before, list what was released."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain.errors import InputError, NotFound, Refused, RuleFileError, Unreachable
from fastbrand.domain.names import release_id
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.moments import parse_moment
from fastbrand.service.office import Office
from fastbrand.service.releasing import gather
from fastbrand.service.views import moment
from fastbrand.service.who import Asker
from fastbrand.store import books
from fastbrand.store.books import BookRow

if TYPE_CHECKING:
    from rules.model import Book


async def release(
    office: Office, directory: Path, *, effective: str | None, who: Asker, acknowledge: str | None = None
) -> dict[str, Any]:
    """Put the book of ``directory`` up for release; nothing live changes. Raises ``RuleFileError`` (all mistakes)."""
    from rules.loader import changed_without_version, load_closure, load_directory

    book = load_directory(directory)
    with office.db.read() as conn:
        live = books.live_at(conn, office.now())
        known = books.standing(conn, book.sha256, office.now())
    if live is not None:
        raised = changed_without_version(load_closure(live.closure), book)
        if raised:
            raise RuleFileError(
                f"`{directory}` changed without a raised version", mistakes=tuple(raised), hint="raise `version`"
            )
    from_when = parse_moment(effective, book.programme.time_zone) if effective else None
    order = Order(
        action=Action.RULEBOOK_RELEASE,
        subject_kind="rulebook",
        subject_id=book.sha256,
        params={"effective": effective, "acknowledge": acknowledge},
        **who.order(),
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        if known is not None:
            raise Refused(
                f"book `{book.sha256[:16]}` was released before and is {known.state}",
                hint="there is nothing to do"
                if known.state == "live"
                else "raise the `version` of what it changes: a release is cancelled for good"
                if known.state == "cancelled"
                else "see `fastbrand rules list`",
            )
        evidence = gather(office, directory, book, acknowledge=acknowledge, at=from_when or office.now())
        changed = _changed(book, live)
        with office.db.write() as conn:
            books.propose(
                conn,
                sha256=book.sha256,
                closure=book.closure,
                versions=book.versions(),
                effective_from=from_when,
                acknowledged=evidence.acknowledged,
                evidence={"changed": changed, **evidence.told},
                at=office.now(),
                actor=envelope.who(),
                reason=envelope.order.reason or None,
            )
        row = find(office, book.sha256)
        await _let_wait(office, row)
        return book_view(row)

    return await carry_out(office, order, send)


def _changed(book: Book, live: BookRow | None) -> list[str]:
    """What has another version than in the live book: rule books, facts, programme."""
    before = {} if live is None else live.versions
    now = book.versions()
    return sorted({name for name in {*now, *before} if now.get(name) != before.get(name)})


def workflow_of(row: BookRow) -> str:
    """The id of the workflow that a release waits in."""
    changed = row.evidence.get("changed", [])
    return release_id(changed[0] if len(changed) == 1 else "book", row.sha256)


async def _let_wait(office: Office, row: BookRow) -> None:
    """Let the release wait for its second person where Temporal's operators see it. Without a server it waits in the
    database alone, and the approval begins its workflow."""
    from fastbrand.service.temporal_calls import begin_release

    with suppress(Unreachable):
        await begin_release(office, workflow_of(row), row.sha256)


async def approve(office: Office, sha: str, *, who: Asker) -> dict[str, Any]:
    """Approve a proposed book: from its date on it is in force, by itself, and open applications are decided anew where
    their book says so. Raises ``FourEyes`` for the person who released it, ``Refused``, ``Unreachable``."""
    row = find(office, sha)
    order = Order(
        action=Action.RULEBOOK_APPROVE, subject_kind="rulebook", subject_id=row.sha256, params={}, **who.order()
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        from fastbrand.service.temporal_calls import update_release
        from workflows.messages import ApproveBook
        from workflows.rulebook_release import RulebookRelease

        command = envelope.fill(ApproveBook)
        await update_release(office, workflow_of(row), RulebookRelease.approve, command, row.sha256)
        return book_view(find(office, row.sha256))

    return await carry_out(office, order, send)


async def rollback(office: Office, sha: str, *, who: Asker) -> dict[str, Any]:
    """Bring an approved book of before into force again, at once. One approver is enough: two agreed on it before.

    Raises ``InputError`` without a reason, ``Refused`` where it was never approved or is in force.
    """
    row = find(office, sha)
    if not who.reason:
        raise InputError("a rollback needs a reason", hint="say why: `--note TEXT`")
    order = Order(
        action=Action.RULEBOOK_ROLLBACK, subject_kind="rulebook", subject_id=row.sha256, params={}, **who.order()
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        from fastbrand.service.temporal_calls import update_release
        from workflows.messages import ReinstateBook
        from workflows.rulebook_release import RulebookRelease

        command = envelope.fill(ReinstateBook)
        await update_release(office, workflow_of(row), RulebookRelease.reinstate, command, row.sha256)
        return book_view(find(office, row.sha256))

    return await carry_out(office, order, send)


async def cancel(office: Office, sha: str, *, who: Asker) -> dict[str, Any]:
    """Take a release back that waits for its second person or for its date: it never comes into force.

    Raises ``NotPermitted`` for an editor who did not release it, ``Refused`` once it is in force, ``Unreachable``.
    """
    row = find(office, sha)
    order = Order(
        action=Action.RULEBOOK_CANCEL, subject_kind="rulebook", subject_id=row.sha256, params={}, **who.order()
    )

    async def send(envelope: Envelope) -> dict[str, Any]:
        from fastbrand.service.temporal_calls import update_release
        from workflows.messages import CancelBook
        from workflows.rulebook_release import RulebookRelease

        command = envelope.fill(CancelBook)
        await update_release(office, workflow_of(row), RulebookRelease.cancel, command, row.sha256)
        return book_view(find(office, row.sha256))

    return await carry_out(office, order, send)


def find(office: Office, sha: str) -> BookRow:
    """The released book whose sha256 begins with ``sha``. Raises ``NotFound`` or, where several do, ``InputError``."""
    with office.db.read() as conn:
        found = [row for row in books.list_books(conn, office.now()) if sha and row.sha256.startswith(sha.lower())]
    if not found:
        raise NotFound(f"book `{sha}` is not known", hint="see `fastbrand rules list`")
    if len(found) > 1:
        raise InputError(f"`{sha}` is the beginning of {len(found)} books", hint="give more digits")
    return found[0]


def list_books(office: Office) -> list[dict[str, Any]]:
    """Every released book, newest first."""
    with office.db.read() as conn:
        return [book_view(row) for row in books.list_books(conn, office.now())]


def book_view(row: BookRow) -> dict[str, Any]:
    """``sha256, versions{}, state, effective_from``, and by whom and when it was ``released``, ``approved`` and
    ``cancelled``."""
    return {
        "sha256": row.sha256,
        "versions": dict(row.versions),
        "state": str(row.state),
        "effective_from": moment(row.effective_from),
        "released_by": row.released_by,
        "released_at": moment(row.released_at),
        "approved_by": row.approved_by,
        "approved_at": moment(row.approved_at),
        "cancelled_by": row.cancelled_by,
        "cancelled_at": moment(row.cancelled_at),
        "acknowledged": list(row.acknowledged),
        "evidence": row.evidence,
    }
