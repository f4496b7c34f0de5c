"""Bulk intake: a file of candidates is stored, and its parties apply, so many at a time.

What stands in the file decides which intake it is: the same file again joins the one under way, or says what came of
it. Everything on the way is safe to repeat, so that whoever was stopped says the same command again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fastbrand.domain import names
from fastbrand.domain.audit import Actor
from fastbrand.domain.lifecycle import OPEN
from fastbrand.domain.people import Action
from fastbrand.service.candidates import Candidates, CandidateSource, gather, news_of
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.facts import live_book, tell_party
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.store import facts, intakes, parties
from fastbrand.store.intakes import IntakeRow, RowState

if TYPE_CHECKING:
    from fastbrand.service.demo import Watcher

WINDOW = 50
"""Applications of one file that are under way at once."""

_CHUNK = 200
_POLL_S = 0.25
_AT_ONCE = 16
"""Parties with an open case that are told at once of newer facts."""


async def bring_in(
    office: Office, source: CandidateSource, *, who: Asker, progress: Watcher, window: int = WINDOW
) -> dict[str, Any]:
    """Bring a file in and wait until every row was looked at.

    Gives ``intake_id, source, rows, mistakes, new, known, stages{stage: n}, command_id``; ``new`` counts rows that
    applied by this file, now or when it came before. Rows with mistakes are left out. Raises as ``gather`` does.
    """
    candidates = gather(office, source, live_book(office))
    for notice in candidates.notices:
        progress.say(notice)
    the_id = _identity(source, candidates)
    order = Order(Action.PARTY_IMPORT, "intake", the_id, {"rows": len(candidates.rows)}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        await office.connect()  # nothing is stored while nobody could act on it
        with office.db.read() as conn:
            before = intakes.get(conn, the_id)
        if before is not None and before.ended_at is not None:
            progress.say(f"this file came on {before.brought_at:%Y-%m-%d %H:%M:%SZ} already: nothing is added")
        else:
            told = _store(office, the_id, candidates, envelope.who(), progress)
            await _tell(office, told, envelope, progress)
            await _run(office, the_id, envelope, window, len(candidates.rows), progress)
        return {**_result(office, the_id, candidates), "command_id": envelope.command_id}

    return await carry_out(office, order, send)


def _identity(source: CandidateSource, candidates: Candidates) -> str:
    """A hash over what is brought in: parties, tracks and facts, in file order, wherever the file lies."""
    digest = hashlib.sha256()
    for each in candidates.rows:
        seen = each.observed_at.isoformat() if each.observed_at else ""
        known = "\x1e".join(f"{name}\x1f{text}" for name, text in sorted(each.facts.items()) if text is not None)
        digest.update(f"{each.party_id}\x1d{each.track}\x1d{seen}\x1d{known}\n".encode())
    digest.update(source.track.encode())
    return digest.hexdigest()


def _store(office: Office, the_id: str, candidates: Candidates, who: Actor, progress: Watcher) -> list[str]:
    """Parties, facts and rows, some hundred a transaction. Gives those with an open case, who have newer facts now."""
    rows = candidates.rows
    progress.phase("facts stored", len(rows))
    changed: list[str] = []
    with office.db.write() as conn:
        at = office.now()
        intakes.open_intake(
            conn, the_id, source=candidates.source, rows=len(rows), mistakes=candidates.mistakes, actor=who, at=at
        )
    for start in range(0, len(rows), _CHUNK):
        part = rows[start : start + _CHUNK]
        with office.db.write() as conn:
            at = intakes.there(conn, the_id).brought_at  # the same however often it is said
            before = {row.party_id: row for row in parties.by_ids(conn, [each.party_id for each in part])}
            parties.register_many(conn, [(each.party_id, each.track) for each in part], at=at, actor=who)
            facts.record_many(
                conn,
                [news_of(each, candidates.source, at) for each in part],
                key=f"intake/{the_id}",
                at=at,
                actor=who,
            )
            members = []
            for number, each in enumerate(part, start + 1):
                known = before.get(each.party_id)
                applied = known is not None and known.application_no > 0
                members.append((number, each.party_id, each.track, RowState.KNOWN if applied else RowState.WAITING))
            intakes.add_rows(conn, the_id, members)
            # said again after it was stopped, those who applied by this very file are known too, but have nothing newer
            earlier = intakes.known_among(
                conn, the_id, [party_id for party_id, row in before.items() if row.stage in OPEN]
            )
            changed.extend(each.party_id for each in part if each.party_id in earlier)
        progress.done(start + len(part))
    with office.db.write() as conn:
        intakes.stored(conn, the_id, office.now())
    return changed


async def _tell(office: Office, party_ids: Sequence[str], envelope: Envelope, progress: Watcher) -> None:
    """Tell parties with an open case that they have newer facts, so many at once."""
    if not party_ids:
        return
    progress.phase("screened again", len(party_ids))
    turn, told = asyncio.Semaphore(_AT_ONCE), 0

    async def one(party_id: str) -> None:
        nonlocal told
        async with turn:
            await tell_party(office, party_id, envelope, suffix=f"/{party_id}")
        told += 1
        progress.done(told)

    await asyncio.gather(*(one(party_id) for party_id in party_ids))


async def _run(office: Office, the_id: str, envelope: Envelope, window: int, total: int, progress: Watcher) -> None:
    """Start the intake's workflow, or join it, and wait for its end. Raises ``Unreachable``."""
    from temporalio.common import WorkflowIDConflictPolicy
    from temporalio.service import RPCError

    from fastbrand.service.temporal_calls import no_answer
    from workflows.intake import Intake
    from workflows.messages import IntakeInput

    client = await office.connect()
    start = IntakeInput(intake_id=the_id, actor=envelope.actor, role=envelope.role, sent_at=office.now(), window=window)
    try:
        handle = await client.start_workflow(
            Intake.run,
            start,
            id=names.intake_id(the_id),
            task_queue=office.settings.task_queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            task_timeout=timedelta(seconds=office.settings.workflow_task_timeout_s),
            static_summary=f"bulk intake of {total:,} parties",
        )
    except RPCError as error:
        raise no_answer(error) from error
    progress.phase("screened", total)
    running = asyncio.ensure_future(handle.result())
    try:
        while not running.done():
            await asyncio.wait([running], timeout=_POLL_S)
            with office.db.read() as conn:
                counted = intakes.counts(conn, the_id)
            progress.done(counted.get(RowState.SCREENED, 0) + counted.get(RowState.KNOWN, 0))
        running.result()
    except RPCError as error:
        raise no_answer(error) from error
    finally:
        running.cancel()


def _result(office: Office, the_id: str, candidates: Candidates) -> dict[str, Any]:
    with office.db.read() as conn:
        row: IntakeRow = intakes.there(conn, the_id)
        members: Sequence[intakes.Member] = intakes.members(conn, the_id)
        stages = Counter(str(each.stage) for each in parties.by_ids(conn, [member.party_id for member in members]))
    known = sum(1 for member in members if member.state is RowState.KNOWN)
    return {
        "intake_id": the_id,
        "source": row.source,
        "rows": row.rows,
        "mistakes": candidates.mistakes,
        "new": len(members) - known,
        "known": known,
        "stages": dict(sorted(stages.items())),
    }
