"""A desk to work at: one installation on a book of its own, with a worker as the product runs it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import SearchAttributeKey
from temporalio.testing import WorkflowEnvironment

from fastbrand import processes, wiring
from fastbrand.domain import names
from fastbrand.service import audits, cases, facts, grants, parties, pools, replaying, standings
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.settings import Settings, load_settings
from fastbrand.store import decisions, endorsements
from fastbrand.store import facts as fact_rows
from fastbrand.store import parties as party_rows
from fastbrand.store.facts import NewFact
from fastbrand.temporal_binary import find_or_get
from fastbrand.temporal_server import PROMPT_TIMERS
from tests.workflows.given import Facts
from tests.workflows.variants import ROOT
from workflows.bonus_run import BonusRun
from workflows.messages import Assess, Command, RunInput, RunView
from workflows.reassessment import Reassessment

PATIENCE_S = 30.0
"""Longer than anything here takes on a busy machine; nobody waits so long where all is well."""


async def until(true: Callable[[], object], what: str) -> None:
    """Return when ``true()`` is; fail the test where it is not after a long time."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        await asyncio.sleep(0.03)


@dataclass(frozen=True, slots=True)
class Desk:
    """Use cases for tests, as one of the people of ``people.yaml``; what they show is read from the database."""

    name: str
    office: Office
    client: Client
    settings: Settings
    numbers: Callable[[], int]

    def new_party(self) -> str:
        """An id that nobody has on this server."""
        return f"{self.name}-{self.numbers():03d}"

    async def apply(
        self,
        given: Facts,
        *,
        party: str | None = None,
        track: str = "M",
        with_endorsement: bool = False,
        who: Asker | None = None,
    ) -> str:
        """Apply with ``given``, by mei; returns the party's id."""
        party_id = party or self.new_party()
        file = self.write_facts(party_id, given) if given else None
        await parties.apply(
            self.office,
            party_id=party_id,
            track=track,
            facts_file=file,
            with_endorsement=with_endorsement,
            who=who or Asker("mei"),
        )
        return party_id

    def write_facts(self, party: str, given: Facts) -> Path:
        """A facts file with one row."""
        file = self.settings.state / f"{party}-{self.numbers()}.csv"
        file.write_text(f"{','.join(given)}\n{','.join(given.values())}\n", encoding="utf-8")
        return file

    async def set_facts(self, party: str, values: Facts, *, who: Asker | None = None) -> dict[str, Any]:
        """Bring newer facts in, by mei."""
        return await facts.set_facts(
            self.office,
            party,
            [f"{name}={text}" for name, text in values.items()],
            facts_file=None,
            source="test",
            observed_at=None,
            who=who or Asker("mei"),
        )

    def record(self, party: str, values: Facts) -> None:
        """Store facts past the service: nobody is told."""
        now = self.office.now()
        news = [NewFact(name, text, now, "test") for name, text in values.items()]
        with self.office.db.write() as conn:
            fact_rows.record(conn, party, news, key=f"{party}/{self.numbers()}", at=now)

    async def propose(self, party: str, outcome: str = "approve", *, who: str = "lan") -> dict[str, Any]:
        """Propose an outcome for the party's case."""
        return await cases.propose(self.office, party, outcome=outcome, reason_code="judgement", who=Asker(who))

    def decisions(self, party: str, kind: str | None = None) -> list[dict[str, Any]]:
        """The decisions made about the party (of one kind), each with its id, first to last."""
        with self.office.db.read() as conn:
            stored = decisions.for_party(conn, party, kind)
        return [{"id": each.decision_id, **each.decision()} for each in stored]

    def mark(self, party: str) -> str:
        """The state of the party's newest endorsement, empty where it never had one."""
        with self.office.db.read() as conn:
            issued = endorsements.for_party(conn, party)
        return str(issued[-1].state) if issued else ""

    def known(self, party: str) -> dict[str, str | None]:
        """What is known of the party."""
        return {each["name"]: each["value"] for each in facts.show_facts(self.office, party, history=False, lang="en")}

    def stage(self, party: str) -> str:
        """The stage the party is in."""
        return str(parties.known(self.office, party).stage)

    def cases(self, party: str) -> list[dict[str, Any]]:
        """The party's cases, first to last."""
        found = cases.list_cases(self.office, party_id=party, closed=True)
        return sorted(found, key=lambda each: int(each["case_id"].rpartition("/")[2]))

    def case(self, party: str) -> dict[str, Any]:
        """The party's newest case."""
        return self.cases(party)[-1]

    def grant(self, party: str) -> dict[str, Any]:
        """The party's grant of the newest period, empty while there is none."""
        found = grants.list_grants(self.office, party_id=party, state=None, limit=10)
        return found[0] if found else {}

    def grant_of(self, grant_id: str) -> dict[str, Any]:
        """The grant with this id."""
        return grants.show(self.office, grant_id)

    def tranches(self, party: str) -> list[str]:
        """The states of the tranches of that grant."""
        return [each["state"] for each in self.grant(party).get("tranches", [])]

    async def until_stage(self, party: str, stage: str) -> None:
        """Wait until the party is in ``stage``."""
        await until(lambda: self.stage(party) == stage, f"`{party}` in stage {stage}")

    async def until_grant(self, party: str, state: str) -> dict[str, Any]:
        """Wait until the party's grant is ``state``."""
        await until(lambda: self.grant(party).get("state") == state, f"grant of `{party}` {state}")
        return self.grant(party)

    async def until_tranches(self, party: str, *states: str) -> None:
        """Wait until the tranches of the party's grant are in these states."""
        await until(lambda: self.tranches(party) == list(states), f"tranches of `{party}` {states}")

    async def until_listed(self, query: str) -> None:
        """Wait until the server lists exactly one workflow for ``query`` (its list lags behind what happened)."""
        async with asyncio.timeout(PATIENCE_S):
            while (await self.client.count_workflows(query)).count != 1:
                await asyncio.sleep(0.05)

    async def until_ended(self, workflow_id: str) -> Any:
        """Wait until a workflow has ended; its result. Raises where it failed."""
        return await asyncio.wait_for(self.client.get_workflow_handle(workflow_id).result(), PATIENCE_S)

    async def update(self, workflow_id: str, update: Any, command: Command, update_id: str) -> Any:
        """Send a command past the service, under an update id of its own."""
        return await self.client.get_workflow_handle(workflow_id).execute_update(update, command, id=update_id)

    def lifecycle(self, party: str) -> str:
        """The id of the party's lifecycle."""
        return names.lifecycle_id(party)

    def audit(self, party: str, verb: str | None = None) -> list[dict[str, Any]]:
        """What the audit says about the party; nothing while nobody knows it."""
        with self.office.db.read() as conn:
            if party_rows.get(conn, party) is None:
                return []
        return list(audits.list_events(self.office, party_id=party, verb=verb))

    def all_audit(self) -> list[dict[str, Any]]:
        """What the audit says about everything."""
        return list(audits.list_events(self.office))

    def stages(self, party: str) -> list[str]:
        """Every stage the party was in, by the audit: each event starts where the one before ended."""
        events = self.audit(party, "party:stage_changed")
        told = ["none"]
        for event in events:
            assert event["before"]["stage"] == told[-1]
            told.append(event["after"]["stage"])
        return told

    def pool(self, pool_id: str = "fast-brand") -> dict[str, Any]:
        """The pool's accounts."""
        return next(each for each in pools.status(self.office) if each["pool_id"] == pool_id)

    def grant_ids(self, party: str) -> list[str]:
        """The ids of the party's grants, the newest period first."""
        return [each["grant_id"] for each in grants.list_grants(self.office, party_id=party, state=None, limit=50)]

    async def assess(self, party: str, period: str = "2030-01") -> None:
        """Look at one standing, as upkeep asks the party's lifecycle to."""
        handle = self.client.get_workflow_handle(self.lifecycle(party))
        await handle.signal("assess", Assess(period=period, key=f"upkeep/{self.name}/{period}/{party}"))

    async def decide(self, case: str, outcome: str, *, maker: str = "lan", checker: str = "qiang") -> dict[str, Any]:
        """Two people decide a case (or a party's newest case)."""
        await cases.propose(self.office, case, outcome=outcome, reason_code="judgement", who=Asker(maker))
        return await cases.confirm(self.office, case, who=Asker(checker))

    async def appeal(self, party: str, *, who: str = "mei") -> dict[str, Any]:
        """Appeal for the party."""
        return await standings.appeal(self.office, party_id=party, who=Asker(who, reason="it was not so"))

    async def upkeep(self, period: str) -> RunView:
        """Look at everybody in standing, as upkeep does in the month ``period``."""
        start = RunInput(period=period, key=f"upkeep/{self.name}/{period}/{self.numbers()}")
        return await self._run(Reassessment.run, start, f"reassessment/{self.name}/{self.numbers()}")

    async def bonus(self, period: str) -> RunView:
        """Grant the bonus of the month ``period`` to everybody in standing."""
        start = RunInput(period=period, key=f"bonus/{self.name}/{period}/{self.numbers()}")
        return await self._run(BonusRun.run, start, f"bonus/{self.name}/{period}/{self.numbers()}")

    async def _run(self, run: Any, start: RunInput, workflow_id: str) -> RunView:
        view: RunView = await self.client.execute_workflow(
            run, start, id=workflow_id, task_queue=self.settings.task_queue
        )
        return view

    def check(self) -> None:
        """What must hold whatever happened: the ledger balances, and every decision replays to the same bytes."""
        differences = pools.reconcile(self.office)["differences"]
        assert not differences, differences
        changed = replaying.replay(self.office, None, every=True)["changed"]
        assert not changed, changed


@asynccontextmanager
async def run_server() -> AsyncIterator[str]:
    """A Temporal server with our search attributes; gives its ``host:port``."""
    keyword, moment = SearchAttributeKey.for_keyword, SearchAttributeKey.for_datetime
    attributes: list[SearchAttributeKey[Any]] = [
        *map(keyword, (names.SA_PARTY_KIND, names.SA_STAGE, names.SA_AWAITING_ROLE, names.SA_ASSIGNEE)),
        *map(moment, (names.SA_SLA_DUE_AT, names.SA_NEXT_TRANCHE_AT)),
        SearchAttributeKey.for_bool(names.SA_SLA_BREACHED),
    ]
    processes.settle_at_exit()
    async with await WorkflowEnvironment.start_local(
        dev_server_existing_path=str(find_or_get()),
        dev_server_extra_args=PROMPT_TIMERS,
        dev_server_log_level="error",
        search_attributes=attributes,
    ) as server:
        yield server.client.service_client.config.target_host


@asynccontextmanager
async def open_desk(name: str, address: str, folder: Path, book: Path) -> AsyncIterator[Desk]:
    """An installation under ``folder`` on ``book``, on the server at ``address``, with a worker of its own.

    Leaving checks what must hold whatever happened.
    """
    settings = load_settings(
        state=folder,
        book=book,
        people=ROOT / "people.yaml",
        temporal_address=address,
        temporal_namespace=names.NAMESPACE,
        database_url="",
        task_queue=f"test-{name}",
        graceful_shutdown_s=2,
        schedules=False,
        strict_workflows=True,
    )
    async with wiring.worker(settings) as worker:
        with wiring.office(settings) as office:
            desk = Desk(name, office, worker.client, settings, count(1).__next__)
            yield desk
            desk.check()
