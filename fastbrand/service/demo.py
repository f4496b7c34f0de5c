"""The main job: bring candidates in, run every one through the chain until all are at rest, and report."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from fastbrand.domain.errors import Unreachable
from fastbrand.domain.grant import TrancheState
from fastbrand.domain.lifecycle import ENDED, OPEN, STANDING
from fastbrand.service.bootstrap import check_same_book
from fastbrand.service.candidates import Candidate, Candidates, CandidateSource, gather, news_of
from fastbrand.service.demo_report import DemoReport, build_report
from fastbrand.service.office import Office
from fastbrand.store import books, facts, grants, ledger, parties
from rules.loader import load_closure

if TYPE_CHECKING:
    from temporalio.client import Client

STARTS_AT_ONCE = 24
"""Starts on their way at once: enough to keep a local server busy, few enough not to time out behind each other."""

POLL_S = 0.25
_STALL_S = 180.0


class Watcher(Protocol):
    """Somebody who wants to see how far it is."""

    def phase(self, name: str, total: int) -> None:
        """A phase begins, with so many things to do."""

    def done(self, count: int) -> None:
        """So many of the phase are done."""

    def say(self, text: str) -> None:
        """A line for the person who waits."""


def run_demo(office: Office, source: CandidateSource, *, explicit_book: bool, progress: Watcher) -> DemoReport:
    """Run the main job on the state directory of ``office``. Raises as its parts do; see ``DemoReport.exit_code``."""
    from fastbrand.supervisor import ensure_running

    if explicit_book:
        check_same_book(office.db, office.settings.book, office.settings.state)
    started = time.monotonic()
    now = office.now()
    with office.db.read() as conn:
        row = books.live_at(conn, now)
        before = ledger.status(conn)
    if row is None:
        raise Unreachable("no released book is in force", hint="see `fastbrand rules list`")
    candidates = gather(office, source, load_closure(row.closure))
    for notice in candidates.notices:
        progress.say(notice)
    fresh = _fresh(office, candidates.rows)
    if len(fresh) < len(candidates.rows):
        progress.say(f"{len(candidates.rows) - len(fresh):,} are here already and are left as they are")
    with ensure_running(office.settings, tell=progress.say):
        run_id = f"{candidates.label}-{now:%Y%m%dT%H%M%SZ}"
        _record(office, candidates, fresh, run_id, progress)
        asyncio.run(_onboard(office, fresh, run_id, progress))
    ids = [each.party_id for each in candidates.rows]
    return build_report(office, run_id, ids, before, elapsed_s=time.monotonic() - started, mistakes=candidates.mistakes)


def _fresh(office: Office, rows: Sequence[Candidate]) -> list[Candidate]:
    """Those that never applied here: the same file twice adds nothing."""
    with office.db.read() as conn:
        rows_here = parties.by_ids(conn, [each.party_id for each in rows])
        known = {row.party_id for row in rows_here if row.application_no}
    return [each for each in rows if each.party_id not in known]


def _record(office: Office, candidates: Candidates, rows: Sequence[Candidate], run_id: str, progress: Watcher) -> None:
    """Store every candidate's facts, some hundred parties a transaction."""
    from fastbrand.domain.audit import SYSTEM

    progress.phase("facts stored", len(rows))
    for start in range(0, len(rows), 200):
        part = rows[start : start + 200]
        at = office.now()
        with office.db.write() as conn:
            parties.register_many(conn, [(each.party_id, each.track) for each in part], at=at, actor=SYSTEM)
            facts.record_many(conn, [news_of(each, candidates.source, at) for each in part], key=run_id, at=at)
        progress.done(start + len(part))


async def _onboard(office: Office, rows: Sequence[Candidate], run_id: str, progress: Watcher) -> None:
    """Start every candidate's lifecycle and wait until all are at rest."""
    client = await office.connect()
    starting = asyncio.ensure_future(_start_all(office, client, rows, run_id))
    try:
        await _until_at_rest(office, [each.party_id for each in rows], starting, progress)
        await starting
    finally:
        starting.cancel()


async def _start_all(office: Office, client: Client, rows: Sequence[Candidate], run_id: str) -> None:
    from fastbrand.service.temporal_calls import start_lifecycle
    from workflows.messages import Apply, LifecycleInput

    gate = asyncio.Semaphore(STARTS_AT_ONCE)

    async def start(each: Candidate) -> None:
        async with gate:
            application = Apply(
                command_id=f"{run_id}/{each.party_id}",
                actor="system:intake",
                role="staff",
                reason="bulk intake",
                track=each.track,
                sent_at=office.now(),
            )
            begin = LifecycleInput(party_id=each.party_id, track=each.track, application=application)
            await start_lifecycle(office, client, begin)

    async with asyncio.TaskGroup() as group:
        for each in rows:
            group.create_task(start(each))


async def _until_at_rest(office: Office, ids: Sequence[str], starting: asyncio.Future[None], progress: Watcher) -> None:
    """Poll the database until every party rests; raises where nothing moves any more or what ran is gone."""
    progress.phase("at rest", len(ids))
    moving, moved_at = set(ids), time.monotonic()
    while moving:
        await asyncio.sleep(POLL_S)
        if starting.done() and starting.exception() is not None:
            starting.result()
        rest = at_rest(office, sorted(moving), office.now())
        if rest:
            moving -= rest
            moved_at = time.monotonic()
        progress.done(len(ids) - len(moving))
        _check_running(office)
        if time.monotonic() - moved_at > _STALL_S:
            raise Unreachable(
                f"{len(moving)} parties did not move for {_STALL_S:.0f} s (the first: `{min(moving)}`)",
                hint=f"look into `{office.settings.logs}`; they go on when a worker runs again",
            )


def _check_running(office: Office) -> None:
    from fastbrand import supervisor

    if not office.settings.temporal_address and supervisor.running(office.settings.state) is None:
        raise Unreachable("server and worker are gone", hint=f"look into `{office.settings.logs}`")


def at_rest(office: Office, ids: Iterable[str], now: datetime) -> set[str]:
    """Those of ``ids`` in a terminal stage, waiting for a person or a date, or with a grant that waits for a timer."""
    ids = list(ids)
    rest: set[str] = set()
    with office.db.read() as conn:
        rows = parties.by_ids(conn, ids)
        standing = [row.party_id for row in rows if row.stage in STANDING]
        held = grants.of_parties(conn, standing)
        plans = grants.tranches_of_many(conn, [grant.grant_id for grant in held])
    granted = {
        grant.party_id
        for grant in held
        if not any(each.state is TrancheState.PLANNED and each.due_at <= now for each in plans[grant.grant_id])
    }
    for row in rows:
        if (
            row.stage in ENDED
            or row.stage in OPEN - _PASSING
            or row.party_id in granted
            or (row.stage in _PASSING and row.case_no)
        ):
            rest.add(row.party_id)
    return rest


_PASSING = frozenset(stage for stage in OPEN if stage.value.endswith("_proposed"))
"""A proposed stage is rest only where a person's case stands behind it; the system passes through it."""
