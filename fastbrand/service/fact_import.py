"""Facts of many parties from one file: stored some hundred rows at a time, and whoever waits for them is told.

What a row says is its identity: the same row again, in this file or a mended one, adds nothing. A row that cannot be
taken is left out with its reason, and the others go on. A party that nobody knows is such a mistake: facts do not bring
a party in (``fastbrand import`` does), so that a misspelt id is found and not kept.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain.audit import Verb
from fastbrand.domain.canonical import canonical
from fastbrand.domain.errors import InputError, UsageError
from fastbrand.domain.grant import TrancheState
from fastbrand.domain.lifecycle import OPEN
from fastbrand.domain.names import check_label
from fastbrand.domain.people import Action
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.facts import SOURCE_MAX, live_book, moment_of, tell_party
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.store import audit, decisions, facts, grants, parties
from fastbrand.store.facts import NewFact
from fastbrand.store.parties import PartyRow

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from fastbrand.service.demo import Watcher
    from fastbrand.service.facts_files import FactsRow, Opened, RowMistake

_CHUNK = 500
"""Rows of one transaction."""

_AT_ONCE = 16
"""Parties that are told at once."""

_SHOWN = 5
"""Mistakes that are said aloud; all of them go to the error file."""


@dataclass(frozen=True, slots=True)
class FactSource:
    """Where facts come from: ``file``, through ``mapping`` and ``where``; mistakes go to ``errors``.

    ``source`` is where they come from in a word (default: the file's name), ``observed_at`` counts for rows that do not
    say it themselves (default: now).
    """

    file: Path
    mapping: Path | None = None
    where: tuple[str, ...] = ()
    errors: Path | None = None
    source: str | None = None
    observed_at: str | None = None


async def import_facts(office: Office, source: FactSource, *, who: Asker, progress: Watcher) -> dict[str, Any]:
    """Store the facts of a file and screen open cases of its parties again.

    Gives ``file, rows, recorded, facts, known, skipped, unknown_parties, rescreened, command_id``: of ``rows`` in the
    file, ``recorded`` are new (with so many ``facts``), ``known`` came before or say nothing, ``skipped`` were left
    out, some of them for ``unknown_parties``. Raises ``InputError`` where nothing of the file can be read.
    """
    now = office.now()
    observed = moment_of(office, source.observed_at) if source.observed_at else None
    label = check_label(source.source or f"file:{source.file.name}"[:SOURCE_MAX], "source", SOURCE_MAX)
    opened = _open(office, source, now)
    for notice in opened.notices:
        progress.say(notice)
    params = {"file": _digest(source), "source": source.source, "observed_at": source.observed_at}
    order = Order(Action.FACTS_IMPORT, "facts", params["file"] or "", params, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        await office.connect()  # nothing is stored while nobody could act on it
        work = _Import(office, envelope, label, observed, progress)
        with ExitStack() as stack:
            if source.errors is not None:
                from fastbrand.service.facts_files import error_file

                work.write_error = stack.enter_context(error_file(source.errors))
            work.store(opened)
        if work.skipped:
            more = f"all mistakes are in `{source.errors}`" if source.errors else "`--errors FILE` writes all of them"
            progress.say(f"{work.skipped:,} rows were left out; {more}")
        await work.tell()
        return {"file": source.file.name, **work.counts(), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


@dataclass(slots=True)
class _Import:
    """One import under way: what was counted so far, and whom it concerns."""

    office: Office
    envelope: Envelope
    source: str
    observed_at: datetime | None
    progress: Watcher
    rows: int = 0
    recorded: int = 0
    facts: int = 0
    known: int = 0
    skipped: int = 0
    unknown_parties: int = 0
    rescreened: int = 0
    write_error: Callable[[RowMistake], None] | None = None
    wrong: list[Sequence[RowMistake]] = field(default_factory=list)
    concerned: dict[str, datetime | None] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """How many rows came to what."""
        names = ("rows", "recorded", "facts", "known", "skipped", "unknown_parties", "rescreened")
        return {name: getattr(self, name) for name in names}

    def store(self, opened: Opened) -> None:
        """Read the file row by row, and record some hundred at a time."""
        self.progress.phase("facts stored", opened.table.height)
        read = self._good(opened)
        while some := list(islice(read, _CHUNK)):
            with self.office.db.write() as conn:
                self._record(conn, some)
            self._say_mistakes()
            self.progress.done(self.rows)
        self._say_mistakes()
        if self.recorded:
            with self.office.db.write() as conn:
                self._note(conn)

    async def tell(self) -> None:
        """Tell everybody whom newer facts concern; those told before by this file are left in peace."""
        waiting = self._waiting()
        self.progress.phase("screened again", len(waiting))
        turn = asyncio.Semaphore(_AT_ONCE)

        async def one(party_id: str) -> None:
            async with turn:
                await tell_party(self.office, party_id, self.envelope, suffix=f"/{party_id}")
                self.rescreened += 1
                self.progress.done(self.rescreened)

        await asyncio.gather(*(one(party_id) for party_id in waiting))

    # --- parts ---------------------------------------------------------------------------------------------------

    def _good(self, opened: Opened) -> Iterator[FactsRow]:
        from fastbrand.service.facts_files import each_row

        for row, wrong in each_row(opened.table, opened.layout, history=True):
            self.rows += 1
            if row is None:
                self.wrong.append(wrong)
            else:
                yield row

    def _say_mistakes(self) -> None:
        """Of the rows read so far, in the order of the file."""
        for wrong in sorted(self.wrong, key=lambda each: each[0].row):
            self.skipped += 1
            for mistake in wrong:
                if self.skipped <= _SHOWN:
                    self.progress.say(str(mistake))
                if self.write_error is not None:
                    self.write_error(mistake)
        self.wrong.clear()

    def _record(self, conn: Connection, rows: Sequence[FactsRow]) -> None:
        at = self.office.now()
        there = {row.party_id: row for row in parties.by_ids(conn, [row.party_id or "" for row in rows])}
        keyed: dict[tuple[str, str], list[NewFact]] = {}
        for row in rows:
            party = there.get(row.party_id or "")
            if party is None:
                self._nobody(row)
                continue
            stated = {name: text for name, text in row.facts.items() if text is not None}
            observed = row.observed_at or self.observed_at
            news = [NewFact(name, text, observed or at, self.source) for name, text in stated.items()]
            keyed[party.party_id, _key(party.party_id, observed, stated)] = news
        before = facts.batches_of(conn, {party_id for party_id, _ in keyed}, {key for _, key in keyed})
        fresh = [(*both, news) for both, news in keyed.items() if both not in before and news]
        self.facts += facts.record_batches(
            conn, fresh, at=at, actor=self.envelope.who(), reason=self.envelope.order.reason or None
        )
        self.recorded += len(fresh)
        self.known += len(keyed) - len(fresh)
        self._note_concerned(conn, there, before, {party_id for party_id, _, _ in fresh})

    def _nobody(self, row: FactsRow) -> None:
        from fastbrand.service.facts_files import PARTY_COLUMN, RowMistake

        self.unknown_parties += 1
        message = f"party `{row.party_id}` is not known"
        hint = "mend the id, or bring the party in first: `fastbrand import`, `fastbrand party nominate`"
        self.wrong.append([RowMistake(row.row, PARTY_COLUMN, row.party_id or "", message, hint)])

    def _note_concerned(
        self,
        conn: Connection,
        there: Mapping[str, PartyRow],
        before: dict[tuple[str, str], datetime],
        fresh: Collection[str],
    ) -> None:
        """Who waits for facts: an open case, or a frozen tranche. None: told now in any case.

        A moment: facts of this file were recorded then, and perhaps whoever did it was stopped before telling.
        """
        recorded: dict[str, datetime] = {}
        for (party_id, _), at in before.items():
            recorded[party_id] = max(at, recorded.get(party_id, at))
        for party in there.values():
            party_id = party.party_id
            if party.stage not in OPEN:
                continue
            if party_id in fresh:
                self.concerned[party_id] = None
            elif party_id in recorded:
                earlier = self.concerned.get(party_id, recorded[party_id])
                self.concerned[party_id] = earlier and max(earlier, recorded[party_id])
        held = grants.of_parties(conn, sorted(set(fresh)))
        plans = grants.tranches_of_many(conn, [each.grant_id for each in held])
        for grant in held:
            if any(each.state is TrancheState.FROZEN for each in plans[grant.grant_id]):
                self.concerned[grant.party_id] = None

    def _waiting(self) -> list[str]:
        """Who is to be told: of those whose facts came before, only who was not screened since."""
        doubtful = [party_id for party_id, at in self.concerned.items() if at is not None]
        with self.office.db.read() as conn:
            decided = {row.party_id: row.decision_id for row in parties.by_ids(conn, doubtful)}
            made = {row.decision_id: row.created_at for row in decisions.by_ids(conn, filter(None, decided.values()))}
        screened = {party_id: made.get(decided.get(party_id) or "") for party_id in doubtful}
        waiting = []
        for party_id, at in self.concerned.items():
            last = screened.get(party_id)
            if at is None or last is None or last < at:
                waiting.append(party_id)
        return sorted(waiting)

    def _note(self, conn: Connection) -> None:
        order, at = self.envelope.order, self.office.now()
        names = ("rows", "recorded", "facts", "known", "skipped", "unknown_parties")
        audit.note(
            conn,
            Verb.FACTS_IMPORTED,
            f"facts/{self.envelope.command_id}",
            ("facts", order.subject_id),
            {"at": at, "actor": self.envelope.who(), "reason": order.reason or None},
            after={"source": self.source, **{name: getattr(self, name) for name in names}},
        )


def _open(office: Office, source: FactSource, now: datetime) -> Opened:
    from fastbrand.service.facts_files import PARTY_COLUMN, open_facts_file

    book = live_book(office)
    if source.mapping is not None:
        from fastbrand.service.mapping import load_mapping, open_mapped

        return open_mapped(source.file, load_mapping(source.mapping, book), where=source.where, not_after=now)
    if source.where:
        raise UsageError("`--where` goes with `--mapping`", hint="name the mapping file too")
    opened = open_facts_file(source.file, book.facts, time_zone=book.programme.time_zone, not_after=now)
    if opened.layout.party is None:
        raise InputError(
            f"`{source.file}` has no column `{PARTY_COLUMN}`",
            hint="name the column of party ids so, or give a `--mapping`; for one party there is `fastbrand facts set`",
            code="unknown_column",
        )
    return opened


def _key(party_id: str, observed: datetime | None, stated: dict[str, str]) -> str:
    """What a row says, as a key: not where the file lies, nor what else is in it."""
    said = [party_id, observed.isoformat() if observed else "", stated]
    return f"import/{hashlib.sha256(canonical(said)).hexdigest()[:40]}"


def _digest(source: FactSource) -> str:
    """A hash over the file and how it is read."""
    told = hashlib.sha256()
    for path in (source.file, source.mapping):
        told.update(hashlib.sha256(path.read_bytes() if path else b"").digest())
    told.update("\x1f".join(source.where).encode())
    return told.hexdigest()
