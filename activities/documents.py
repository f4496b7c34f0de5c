"""Documents checked into facts: what a party's current records prove at a moment, and what has ended since.

A fact that a document proves carries the document's end, so that no decision after it uses it, whether anybody looked
or not. Looking adds what only a look can: an open case is screened again, and the list of papers on file names those
that are left.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Unpack

from sqlalchemy import Connection

from activities.casework import party_now
from activities.memo import keep, recall
from activities.provenance import provenance
from activities.run_payloads import DocumentCheck, DocumentsChecked, EndedPage, EndedRequest
from activities.shelf import in_force
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import SYSTEM
from fastbrand.domain.errors import InputError
from fastbrand.domain.lifecycle import OPEN
from fastbrand.domain.proofs import ON_FILE, PROVEN, Proof, prove
from fastbrand.store import documents, facts, parties
from fastbrand.store.audit import Grounds
from fastbrand.store.database import Database
from fastbrand.store.facts import FactRow, NewFact
from rules.model import Book, FactDef
from rules.values import parse_fact, to_text

PAGE = 100
"""Parties looked at in one step."""

SOURCE = "document:"
"""How the source of such a fact begins; the ids of its documents follow."""

NO_LONGER = f"{SOURCE}none"
"""Source of a fact that was proven once and is not any more."""

_NAMED_PAPERS = 5


class DocumentActivities:
    """A page to look through, and local activities of one short transaction each; all are safe to repeat."""

    def __init__(self, db: Database) -> None:
        self._db = db

    @uninterrupted("documents_ended")
    def ended(self, request: EndedRequest) -> EndedPage:
        """The next parties of which a document has ended that nobody has seen yet.

        A server activity: whoever was looked at is not named again, so the page must be in the history first.
        """
        with self._db.read() as conn:
            found = documents.parties_of_ended(conn, request.at, after=request.after, limit=PAGE)
        return EndedPage(party_ids=tuple(found), next=found[-1] if len(found) == PAGE else None)

    @uninterrupted("documents_check")
    def check(self, request: DocumentCheck) -> DocumentsChecked:
        """Note which documents of a party have ended, and bring its facts up to date.

        ``rescreen``: something has ended while an application is open. The same ``key`` again gives the same.
        """
        memo = f"documents/{request.party_id}/{request.key}"
        with self._db.write() as conn:
            done = recall(conn, memo, request, DocumentsChecked)
            if done is None:
                grounds: Grounds = {"at": request.at, "actor": SYSTEM, "provenance": provenance()}
                seen = documents.see_ended(conn, request.party_id, **grounds)
                names = check_into_facts(conn, request.party_id, key=request.key, **grounds)
                party = parties.known(conn, request.party_id)
                done = DocumentsChecked(
                    party=party_now(conn, party),
                    ended=tuple(each.document_id for each in seen),
                    facts=tuple(names),
                    rescreen=bool(seen) and party.stage in OPEN,
                )
                keep(conn, memo, request, done, actor=SYSTEM.id, at=request.at)
            return done


def check_into_facts(conn: Connection, party_id: str, *, key: str, **grounds: Unpack[Grounds]) -> list[str]:
    """Record what the party's current documents prove now, where that is not on record; the names of what is new.

    What the book in force does not know, or could not take, is left out. A fact that was proven and is not any more
    becomes unknown, unless somebody else has spoken since. The same ``key`` again changes nothing. In the caller's
    transaction.
    """
    at, batch = grounds["at"], f"documents/{key}"
    before = _Before(conn, party_id, at)
    done = before.under(batch)
    if done:  # said again
        return done
    book = in_force(conn, at).book
    rows = documents.for_party(conn, party_id, every=True)
    current = documents.papers(documents.for_party(conn, party_id))
    said = (before.of_others(ON_FILE) or "").split("|")
    proven = prove(current, party_id, at, said=[code for code in said if code], of_record={row.kind for row in rows})
    news = []
    for name in PROVEN:
        proof = _fitting(book, name, proven.get(name))
        last = before.of_documents(name)
        if proof is not None:
            new = NewFact(name, proof.text, at, source_of(proof.papers), proof.ends_at)
            if last is None or (last.text, last.source, last.valid_until) != (new.text, new.source, new.valid_until):
                news.append(new)
        elif last is not None and last.text is not None and before.counts(last):
            news.append(NewFact(name, None, at, NO_LONGER))
    facts.record(conn, party_id, news, key=batch, **grounds)
    return [each.name for each in news]


def source_of(papers: Iterable[str]) -> str:
    """The source of a fact that rests on these documents: ``document:ID``, ``document:ID,ID``."""
    ids = list(papers)
    more = f"+{len(ids) - _NAMED_PAPERS}" if len(ids) > _NAMED_PAPERS else ""
    return (SOURCE + ",".join(ids[:_NAMED_PAPERS]) + more) if ids else NO_LONGER


class _Before:
    """What was recorded before of the facts that documents can prove."""

    def __init__(self, conn: Connection, party_id: str, at: datetime) -> None:
        self._at = at
        self._rows: dict[str, list[FactRow]] = {}
        for row in facts.history(conn, party_id):
            if row.name in PROVEN and row.observed_at <= at:
                self._rows.setdefault(row.name, []).append(row)
        for rows in self._rows.values():
            rows.sort(key=lambda row: (row.observed_at, row.recorded_at, row.fact_id))

    def under(self, batch: str) -> list[str]:
        """The names of what was recorded under this key."""
        return [name for name in PROVEN if any(row.batch == batch for row in self._rows.get(name, []))]

    def of_documents(self, name: str) -> FactRow | None:
        """The newest row that a document proved."""
        return next((row for row in reversed(self._rows.get(name, [])) if row.source.startswith(SOURCE)), None)

    def of_others(self, name: str) -> str | None:
        """What it was last said to be by anybody else."""
        rows = reversed(self._rows.get(name, []))
        row = next((row for row in rows if not row.source.startswith(SOURCE)), None)
        return None if row is None else row.as_of(self._at).text

    def counts(self, row: FactRow) -> bool:
        """Whether it is the row that counts now."""
        return self._rows[row.name][-1].fact_id == row.fact_id and row.as_of(self._at).text is not None


def _fitting(book: Book, name: str, proof: Proof | None) -> Proof | None:
    """``proof`` as the book writes the fact; None where it has no such fact, or not with this value."""
    fact = book.facts.get(name)
    if proof is None or fact is None or fact.derivation is not None:
        return None
    try:
        value = parse_fact(fact, _known_choices(fact, proof.text))
    except InputError:
        return None
    return None if value is None else Proof(to_text(fact, value), proof.ends_at, proof.papers)


def _known_choices(fact: FactDef, text: str) -> str:
    """Of several choices those that the book has."""
    if fact.type != "choices":
        return text
    return "|".join(code for code in text.split("|") if code in (fact.choices or {})) or "|"
