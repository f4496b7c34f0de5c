"""Kill the worker and the Temporal server while parties run: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select
from temporalio.client import WorkflowExecutionStatus

from fastbrand import wiring
from fastbrand.domain import names
from fastbrand.domain.grant import GrantState
from fastbrand.domain.lifecycle import next_stage
from fastbrand.service.candidates import CandidateSource
from fastbrand.service.demo import run_demo
from fastbrand.service.office import Office
from fastbrand.settings import load_settings
from fastbrand.store import cases, endorsements, grants, ledger, parties
from fastbrand.store.audit import AUDIT
from fastbrand.supervisor import RunInfo, Supervisor
from fastbrand.temporal_server import free_port
from tests.chaos.chain import People, Standing, standing
from tests.ops.waiting import eventually, processes_with
from tests.workflows.variants import BONUS, CALM, DEMO, edited

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("chaos")]

PARTIES, SAMPLE_SEED = 100, 11
SEED = int(os.environ.get("FASTBRAND_CHAOS_SEED", "1"))
"""Of the moments at which processes are killed, and of their order."""

SECONDS = {**CALM, BONUS: {"tranches/1/after": "1 second", "tranches/2/after": "2 seconds", "expires_after": "1 hour"}}
"""Tranches are due within the run; pools and caps leave room for all, so that who comes first makes no difference."""


class Killer:
    """Watches the run, and kills at three random moments of its progress: the worker twice, the server once."""

    def __init__(self, info: Callable[[], RunInfo], seed: int) -> None:
        draw = random.Random(seed)
        victims = draw.sample(["worker", "worker", "server"], 3)
        moments = [draw.randint(2, 20), draw.randint(30, 45), draw.randint(55, 75)]
        self._plan = [(at, victim, draw.uniform(0, 0.4)) for at, victim in zip(moments, victims, strict=True)]
        self._info = info
        self._timers: list[threading.Timer] = []
        self._running = False
        self.killed: list[tuple[str, int]] = []
        """Whom, and how many parties were at rest then."""

    def phase(self, name: str, total: int) -> None:
        """A phase of the main job begins."""
        self._running = name == "at rest"
        assert total == PARTIES

    def done(self, count: int) -> None:
        """So many are done: kill when it is time, a moment later."""
        if self._running and self._plan and self._plan[0][0] <= count < PARTIES:
            _, victim, delay_s = self._plan.pop(0)
            timer = threading.Timer(delay_s, self._kill, (victim, count))
            self._timers.append(timer)
            timer.start()

    def say(self, text: str) -> None:
        """A line for the person who waits."""

    def wait(self) -> None:
        """Return when the last kill is over."""
        for timer in self._timers:
            timer.join()

    def _kill(self, victim: str, count: int) -> None:
        info = self._info()
        os.kill(info.server_pid if victim == "server" else info.worker_pid, signal.SIGKILL)
        self.killed.append((victim, count))


class Undisturbed:
    """Watches a run and leaves it alone."""

    def phase(self, name: str, total: int) -> None:
        """A phase of the main job begins."""

    def done(self, count: int) -> None:
        """So many are done."""

    def say(self, text: str) -> None:
        """A line for the person who waits."""


@contextmanager
def installation(state: Path, book: Path) -> Iterator[tuple[Office, Supervisor]]:
    """A state directory with the product's server and worker running as child processes."""
    settings = load_settings(
        state=state,
        book=book,
        temporal_port=free_port(),
        temporal_ui=False,
        workflow_task_timeout_s=4,
        sticky_timeout_s=1,
        graceful_shutdown_s=5,
    )
    with wiring.office(settings) as office, Supervisor(settings, tell=lambda _text: None) as supervisor:
        yield office, supervisor


def onboard(office: Office, watcher: Killer | Undisturbed) -> Standing:
    """Bring the sample in, let people decide, until nothing moves any more."""
    people = People(office.settings)
    people.start()
    source = CandidateSource(sellers=PARTIES, seed=SAMPLE_SEED)
    report = run_demo(office, source, explicit_book=False, progress=watcher)
    if isinstance(watcher, Killer):
        watcher.wait()
    people.finish()
    assert report.faults == 0
    assert report.candidates == PARTIES
    return standing(office)


def test_kills_lose_nothing_and_double_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("FASTBRAND_", "TEMPORAL_")):
            monkeypatch.delenv(name)
    book = edited(DEMO, tmp_path / "book", SECONDS)

    with installation(tmp_path / "quiet", book) as (office, _):
        expected = onboard(office, Undisturbed())
    with installation(tmp_path / "killed", book) as (office, supervisor):
        killer = Killer(lambda: supervisor.info, SEED)
        found = onboard(office, killer)
        check_books(office)
        asyncio.run(check_workflows(office))

    assert Counter(victim for victim, _ in killer.killed) == {"worker": 2, "server": 1}
    assert all(count < PARTIES for _, count in killer.killed)
    assert found.parties == expected.parties
    assert found.steps == expected.steps
    assert found.grants == expected.grants
    assert found.tranches == expected.tranches
    assert found.pools == expected.pools
    assert found.audit == expected.audit
    # what was compared is the whole chain, not a run in which nobody got anywhere
    outcomes = Counter(stage for _, stage, *_ in found.parties.values())
    assert min(outcomes[stage] for stage in ("endorsed", "active", "rejected", "vetting")) > 0
    assert len([amount for amount, _ in found.grants.values() if amount]) > PARTIES // 5
    eventually(lambda: not processes_with(str(tmp_path)))


def check_books(office: Office) -> None:
    """The ledger balances, no grant is booked twice, every party's steps chain, no audit event is there twice."""
    with office.db.read() as conn:
        balance = ledger.reconcile(conn)
        assert balance["balanced"], balance["differences"]
        held = grants.list_grants(conn)
        assert len({(grant.party_id, grant.period) for grant in held}) == len(held)
        for row in parties.list_parties(conn):
            stage = "none"
            for number, step in enumerate(parties.stage_events(conn, row.party_id), 1):
                assert (step.revision, step.source) == (number, stage)
                assert next_stage(step.source, step.event, row.track) is step.target
                stage = str(step.target)
            assert row.stage == stage
        told = [json.loads(body)["data"] for body in conn.execute(select(AUDIT.c.body)).scalars()]
    keys = Counter((each["verb"], each["key"], each["subject"]["id"]) for each in told)
    assert [key for key, count in keys.items() if count > 1] == []
    reserved = Counter(each["subject"]["id"] for each in told if each["verb"] == "grant:reserved")
    came = [grant for grant in held if grant.amount and grant.state is not GrantState.LAPSED]
    assert reserved == Counter(grant.grant_id for grant in came)


async def check_workflows(office: Office) -> None:
    """Every workflow that must be there is, and none failed."""
    client = await office.connect()
    with office.db.read() as conn:
        rows = parties.list_parties(conn)
        ids = [names.lifecycle_id(row.party_id) for row in rows]
        ids += [case.case_id for case in cases.list_cases(conn)]
        ids += [names.grant_workflow_id(grant.grant_id) for grant in grants.list_grants(conn)]
        ids += [each.endorsement_id for row in rows for each in endorsements.for_party(conn, row.party_id)]
    good = {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED}
    for workflow_id in ids:
        described = await client.get_workflow_handle(workflow_id).describe()
        assert described.status in good, f"{workflow_id} is {described.status}"
