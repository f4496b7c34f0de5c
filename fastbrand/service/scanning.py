"""The rule scan: of a file of merchants, nominate those whom the rules would let in, or would show to a person.

The populations' engine looks at all of them; who is nominated has its facts stored and is screened with authority when
it applies. The same file again nominates nobody twice.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastbrand.domain.errors import InputError, Refused
from fastbrand.domain.lifecycle import Track
from fastbrand.domain.people import Action
from fastbrand.service.candidates import Candidate, CandidateSource, gather, news_of
from fastbrand.service.commands import Envelope, Order, carry_out
from fastbrand.service.demo import Watcher
from fastbrand.service.facts import live_book
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.store import facts, parties
from rules.model import Book
from rules.records import Observed, Record

_AT_ONCE = 16


async def scan(
    office: Office, source: CandidateSource, *, who: Asker, progress: Watcher, referred: bool = False
) -> dict[str, Any]:
    """Nominate the eligible merchants of a file (``referred``: those that a person would look at, too).

    Gives ``rows, mistakes, known, outcomes{outcome: n}, nominated``. Raises as ``gather`` does.
    """
    book = live_book(office)
    candidates = gather(office, source, book)
    for notice in candidates.notices:
        progress.say(notice)
    with office.db.read() as conn:
        here = {row.party_id for row in parties.by_ids(conn, [each.party_id for each in candidates.rows])}
    fresh = [each for each in candidates.rows if each.party_id not in here]
    outcomes = _screened(office, book, fresh)
    wanted = {"eligible", "refer"} if referred else {"eligible"}
    chosen = [each for each, outcome in zip(fresh, outcomes, strict=True) if outcome in wanted]
    order = Order(Action.PARTY_NOMINATE, "scan", candidates.source, {"rows": len(chosen)}, **who.order())

    async def send(envelope: Envelope) -> dict[str, Any]:
        await office.connect()
        progress.phase("nominated", len(chosen))
        gate, done = asyncio.Semaphore(_AT_ONCE), 0

        async def one(each: Candidate) -> None:
            nonlocal done
            async with gate:
                await _nominate(office, each, candidates.source, envelope)
            done += 1
            progress.done(done)

        await asyncio.gather(*(one(each) for each in chosen))
        counted = {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}
        return {
            "rows": len(candidates.rows),
            "mistakes": candidates.mistakes,
            "known": len(here),
            "outcomes": counted,
            "nominated": len(chosen),
            "command_id": envelope.command_id,
        }

    return await carry_out(office, order, send)


def _screened(office: Office, book: Book, rows: list[Candidate]) -> list[str]:
    """What the rules would say about each; ``brand`` for who is too well known to be a fast brand."""
    from rules.columnar.surveying import screenings

    rules = next((each for each in book.eligibility.values() if str(Track.M) in each.head.parties), None)
    tracks = next((each.head.name for each in book.routing.values() if each.decides == "track"), None)
    if rules is None:
        raise InputError("the book in force has no eligibility rules for merchants", hint="see `fastbrand rules list`")
    now = office.now()
    records = [
        Record(each.party_id, {name: Observed(text, each.observed_at or now) for name, text in each.facts.items()})
        for each in rows
    ]
    told = []
    for found in screenings(book, rules.head.name, tracks, records, now):
        if found is None:
            told.append("unreadable")
        else:
            told.append("brand" if found.track == str(Track.S) else found.outcome)
    return told


async def _nominate(office: Office, each: Candidate, source: str, envelope: Envelope) -> None:
    """Store what is known of a merchant and nominate it; one that came in meanwhile is left as it is."""
    from fastbrand.service.temporal_calls import update_party
    from workflows.brand_lifecycle import BrandLifecycle
    from workflows.messages import LifecycleInput, Nominate

    at = office.now()
    with office.db.write() as conn:
        parties.register(conn, party_id=each.party_id, track=Track.M, at=at, actor=envelope.who())
        facts.record_many(
            conn, [news_of(each, source, at)], key=f"scan/{envelope.command_id}", at=at, actor=envelope.who()
        )
    command = envelope.fill(Nominate, track=Track.M)
    command = command.model_copy(update={"command_id": f"{command.command_id}/{each.party_id}", "reason": "rule scan"})
    start = LifecycleInput(party_id=each.party_id, track=Track.M)
    try:
        await update_party(office, each.party_id, BrandLifecycle.nominate, command, start=start)
    except Refused:
        return
