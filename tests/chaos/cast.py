"""The people of a scenario, who say a command again where nobody answers, and what they see while they wait."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from fastbrand.domain.errors import Unreachable
from fastbrand.service import audits, cases, facts, grants, parties, standings
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.store import endorsements, observations
from fastbrand.store import parties as party_rows
from tests.workflows.given import Facts

PATIENCE_S = 240.0
"""Longer than anything takes while workers die."""


class Cast:
    """Everybody who acts, in one office. A command's id says who said what about whom: it is the same each time."""

    def __init__(self, office: Office, folder: Path, check: Callable[[], None]) -> None:
        self.office, self.folder = office, folder
        self._check = check
        self.repeated = 0
        """How often a command had to be said again."""

    async def say(self, ask: Callable[[Asker], Awaitable[Any]], who: str, command_id: str, reason: str = "") -> Any:
        """Say a command until somebody answers; always the same command. What people are told is ``Unreachable``."""
        return await self.insist(lambda: ask(Asker(who, command_id=command_id, reason=reason)), Unreachable)

    async def insist(self, call: Callable[[], Awaitable[Any]], *unheard: type[Exception]) -> Any:
        """Call until somebody answers: as long as one of ``unheard`` is raised."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await call()
            except unheard:
                self._check()
                if time.monotonic() > deadline:
                    raise
            self.repeated += 1
            await asyncio.sleep(1)

    async def until(self, true: Callable[[], object], what: str) -> None:
        """Return when ``true()`` is; fail where it is not after a long time."""
        deadline = time.monotonic() + PATIENCE_S
        while not true():
            self._check()
            assert time.monotonic() < deadline, f"did not happen: {what}"
            await asyncio.sleep(0.25)

    # --- what they say --------------------------------------------------------------------------------------------

    async def apply(self, party: str, given: Facts, *, track: str = "M", endorsed: bool = False, no: int = 1) -> None:
        """Mei brings an application."""
        file = self.write(f"{party}-{no}", {party: given}) if given else None
        await self.say(
            lambda who: parties.apply(
                self.office, party_id=party, track=track, facts_file=file, with_endorsement=endorsed, who=who
            ),
            "mei",
            f"{party}/apply/{no}",
        )

    async def learn(self, party: str, values: Facts, no: int = 1) -> None:
        """Mei brings newer facts."""
        pairs = [f"{name}={text}" for name, text in values.items()]
        await self.say(
            lambda who: facts.set_facts(
                self.office, party, pairs, facts_file=None, source="test", observed_at=None, who=who
            ),
            "mei",
            f"{party}/facts/{no}",
        )

    async def propose(self, party: str, outcome: str, who: str, *, code: str = "judgement", **more: Any) -> None:
        """Propose an outcome for the party's newest case."""
        case = self.case(party)["case_id"]
        await self.say(
            lambda asker: cases.propose(self.office, case, outcome=outcome, reason_code=code, who=asker, **more),
            who,
            f"{case}/propose/{outcome}",
        )

    async def confirm(self, party: str, who: str) -> None:
        """Confirm what somebody else proposed."""
        case = self.case(party)["case_id"]
        await self.say(lambda asker: cases.confirm(self.office, case, who=asker), who, f"{case}/confirm")

    async def decide(self, party: str, outcome: str, maker: str, checker: str, **more: Any) -> None:
        """Two people decide the party's newest case."""
        await self.propose(party, outcome, maker, **more)
        await self.confirm(party, checker)

    async def appeal(self, party: str, no: int = 1) -> None:
        """Mei appeals for the party."""
        await self.say(
            lambda who: standings.appeal(self.office, party_id=party, who=who),
            "mei",
            f"{party}/appeal/{no}",
            "it was not so",
        )

    async def run(self, run: Any, *args: Any, workflow_id: str) -> Any:
        """Run a workflow to its end, as a schedule would; the run that is there already, where it was begun before."""

        async def once() -> Any:
            client: Client = await self.office.connect()
            handle = await client.start_workflow(
                run,
                args=args,
                id=workflow_id,
                task_queue=self.office.settings.task_queue,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                task_timeout=timedelta(seconds=self.office.settings.workflow_task_timeout_s),
            )
            return await handle.result()

        return await self.insist(once, Unreachable, RPCError)

    async def ended(self, workflow_id: str) -> None:
        """Wait until a workflow has ended."""

        async def once() -> Any:
            client: Client = await self.office.connect()
            return await client.get_workflow_handle(workflow_id).result()

        await self.insist(once, Unreachable, RPCError)

    def write(self, name: str, rows: dict[str, Facts]) -> Path:
        """A facts file with these parties."""
        file = self.folder / f"{name}.csv"
        columns = list(dict.fromkeys(column for given in rows.values() for column in given))
        with file.open("w", newline="", encoding="utf-8") as stream:
            out = csv.DictWriter(stream, ["party_id", *columns])
            out.writeheader()
            for party_id, given in rows.items():
                out.writerow({"party_id": party_id, **given})
        return file

    # --- what they see --------------------------------------------------------------------------------------------

    def stage(self, party: str) -> str:
        """The stage the party is in, empty where nobody knows it."""
        with self.office.db.read() as conn:
            row = party_rows.get(conn, party)
        return str(row.stage) if row else ""

    def case(self, party: str) -> dict[str, Any]:
        """The party's newest case."""
        found = cases.list_cases(self.office, party_id=party, closed=True)
        return max(found, key=lambda each: int(each["case_id"].rpartition("/")[2]), default={})

    def grant(self, party: str) -> dict[str, Any]:
        """The party's grant of the newest period, empty while there is none."""
        found = grants.list_grants(self.office, party_id=party, state=None, limit=10)
        return found[0] if found else {}

    def grant_of(self, grant_id: str) -> dict[str, Any]:
        """The grant with this id, empty while there is none."""
        found = grants.list_grants(self.office, party_id=grant_id.partition("/")[0], state=None, limit=100)
        return next((each for each in found if each["grant_id"] == grant_id), {})

    def tranches(self, party: str) -> list[str]:
        """The states of the tranches of the party's newest grant."""
        return [each["state"] for each in self.grant(party).get("tranches", [])]

    def mark(self, party: str) -> str:
        """The state of the party's newest endorsement."""
        with self.office.db.read() as conn:
            issued = endorsements.for_party(conn, party)
        return str(issued[-1].state) if issued else ""

    def seen(self, party: str, period: str) -> bool:
        """Whether upkeep has seen the party in that month."""
        with self.office.db.read() as conn:
            return observations.observed(conn, party, period) is not None

    def told(self, party: str, verb: str) -> int:
        """How often the audit tells that of the party."""
        return sum(1 for _ in audits.list_events(self.office, party_id=party, verb=verb))

    async def until_stage(self, party: str, stage: str) -> None:
        """Wait until the party is in ``stage``."""
        await self.until(lambda: self.stage(party) == stage, f"`{party}` in {stage}, now in {self.stage(party)}")

    async def until_grant(self, party: str, state: str) -> str:
        """Wait until the party's newest grant is ``state``; its id."""
        await self.until(lambda: self.grant(party).get("state") == state, f"grant of `{party}` {state}")
        return str(self.grant(party)["grant_id"])

    async def until_tranches(self, party: str, *states: str) -> None:
        """Wait until the tranches of the party's newest grant are in these states."""
        await self.until(lambda: self.tranches(party) == list(states), f"tranches of `{party}` {states}")

    async def until_case(self, party: str, **wanted: Any) -> None:
        """Wait until the party's newest case looks so."""

        def so() -> bool:
            case = self.case(party)
            return all(case.get(name) == value for name, value in wanted.items())

        await self.until(so, f"case of `{party}` {wanted}")
