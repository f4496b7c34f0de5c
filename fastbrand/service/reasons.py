"""Reason codes and waivers, checked against the book that a party is decided by."""

from __future__ import annotations

from difflib import get_close_matches

from fastbrand.domain.errors import InputError
from fastbrand.domain.names import check_code
from fastbrand.domain.reasons import REASONS
from fastbrand.service import facts as fact_cases
from fastbrand.service.office import Office
from fastbrand.store import books
from fastbrand.store.parties import PartyRow
from rules.loader import load_closure
from rules.model import Book


def book_of(office: Office, party: PartyRow | None) -> Book:
    """The book that the party's application is decided by; the one in force where there is none."""
    if party is not None and party.book_sha256:
        with office.db.read() as conn:
            row = books.get(conn, party.book_sha256)
        if row is not None:
            return load_closure(row.closure)
    return fact_cases.live_book(office)


def check_reason(book: Book, code: str, outcome: str) -> None:
    """Whether ``code`` can be a reason for ``outcome``. Raises ``InputError`` with the nearest code there is."""
    check_code(code)
    known = _criteria(book) | _causes(book)
    if code in known:
        return
    reason = REASONS.get(code)
    fit = sorted(name for name, each in REASONS.items() if outcome in each.outcomes)
    if reason is not None:
        if outcome in reason.outcomes or not fit:  # an outcome that there is not is the workflow's to refuse
            return
        raise InputError(
            f"`{code}` ({reason.en}) is no reason to {outcome}",
            hint=f"use one of {_listed(fit)}, or name a criterion",
            code="reason_code",
        )
    near = get_close_matches(code, [*fit, *sorted(known)], n=2)
    meant = f"did you mean {' or '.join(f'`{each}`' for each in near)}? " if near else ""
    raise InputError(
        f"`{code}` is not a reason code",
        hint=f"{meant}name a criterion, or use one of {_listed(fit or sorted(REASONS))}; say the rest in a note",
        code="reason_code",
    )


def check_waivers(book: Book, waive: list[str]) -> tuple[str, ...]:
    """``waive``, each once. Raises ``InputError`` on what is no criterion; which may be waived, the case says."""
    known = _criteria(book)
    for name in waive:
        if name not in known:
            near = get_close_matches(name, sorted(known), n=1)
            raise InputError(
                f"`{name[:80]}` is not a criterion",
                hint=f"did you mean `{near[0]}`?" if near else "see the criteria of the case: `case show`",
                code="criterion",
            )
    return tuple(dict.fromkeys(waive))


def _criteria(book: Book) -> set[str]:
    return {criterion.id for each in book.eligibility.values() for criterion in each.criteria}


def _causes(book: Book) -> set[str]:
    """What maintenance and clawback rows call the cause of a loss."""
    upkeep = {row.then.get("cause") for each in book.maintenance.values() for row in each.outcomes}
    clawback = {row.cause for each in book.incentive.values() for row in each.clawback} - {"default"}
    return {str(cause) for cause in upkeep | clawback if cause}


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{each}`" for each in names)
