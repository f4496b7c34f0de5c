"""The product's chain from beginning to end, with people who decide some cases, and what stands in the books after."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastbrand import wiring
from fastbrand.domain.errors import Unreachable
from fastbrand.domain.grant import GrantState, TrancheState
from fastbrand.domain.lifecycle import STANDING
from fastbrand.service import cases, grants
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.settings import Settings
from fastbrand.store import audit, ledger, parties
from fastbrand.store import cases as case_rows
from fastbrand.store import grants as grant_rows
from fastbrand.store.cases import CaseRow, CaseState
from fastbrand.store.parties import PartyRow, StageEvent

PATIENCE_S = 90.0
"""Longer than anything takes on a busy machine."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How everything stands when all are at rest: equal for two runs of the same parties. Times are left out."""

    parties: dict[str, tuple[Any, ...]]
    steps: dict[str, list[tuple[str, str, str]]]
    grants: dict[tuple[str, str], tuple[int, str]]
    tranches: dict[tuple[str, int], tuple[int, str]]
    pools: list[dict[str, Any]]
    audit: Counter[tuple[str, str]]


def standing(office: Office) -> Standing:
    """Read it from the database."""
    with office.db.read() as conn:
        rows = parties.list_parties(conn)
        held = grant_rows.list_grants(conn)
        plans = grant_rows.tranches_of_many(conn, [grant.grant_id for grant in held])
        return Standing(
            parties={row.party_id: _party(row) for row in rows},
            steps={row.party_id: [_step(each) for each in parties.stage_events(conn, row.party_id)] for row in rows},
            grants={(grant.party_id, grant.period): (grant.amount, str(grant.state)) for grant in held},
            tranches={
                (grant_id, tranche.no): (tranche.amount, str(tranche.state))
                for grant_id, plan in plans.items()
                for tranche in plan
            },
            pools=[dict(row) for row in ledger.status(conn)],
            audit=Counter((event["verb"], _subject(event)) for event in audit.list_events(conn)),
        )


def _party(row: PartyRow) -> tuple[Any, ...]:
    counts = (row.revision, row.application_no, row.case_no, row.endorsement_no, row.screening_no)
    return str(row.track), str(row.stage), row.screening, row.mark_due, *counts


def _step(event: StageEvent) -> tuple[str, str, str]:
    return str(event.source), event.event, str(event.target)


def _subject(event: dict[str, Any]) -> str:
    """What an event is about; decisions have ids that depend on the time, so there the party must do."""
    kind = event["subject"]["kind"]
    return kind if kind == "decision" else f"{kind}/{event['subject']['id']}"


# --- people ---------------------------------------------------------------------------------------------------------


class People(threading.Thread):
    """People at work, in a thread of their own: they decide the cases of every fifth party, and all big grants.

    Lan proposes to approve or reject by the party's number, Qiang confirms where a second person is needed, Jun
    confirms grants. Where nobody answers they say the same again, under the same command id.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(name="people", daemon=True)
        self._settings = settings
        self._last = threading.Event()
        self._failure: BaseException | None = None
        self.repeated = 0
        """How often a command had to be said again."""

    def finish(self) -> None:
        """Return when nothing is left for them and nothing moves; raises what went wrong with them."""
        self._last.set()
        self.join(PATIENCE_S)
        assert not self.is_alive(), "people still have something to do"
        if self._failure is not None:
            raise self._failure

    def run(self) -> None:
        """Until ``finish`` is called and all is settled."""
        try:
            with wiring.office(self._settings) as office:
                asyncio.run(self._work(office))
        except BaseException as error:
            self._failure = error

    async def _work(self, office: Office) -> None:
        deadline = time.monotonic() + 2 * PATIENCE_S
        while not (self._last.is_set() and settled(office)):
            decided = [self._decide(office, row) for row in _to_decide(office)]
            waiting = grants.list_grants(office, party_id=None, state="awaiting_confirmation", limit=1000)
            await asyncio.gather(*decided, *(self._confirm(office, grant["grant_id"]) for grant in waiting))
            assert time.monotonic() < deadline, "something never came to rest"
            await asyncio.sleep(0.1)

    async def _decide(self, office: Office, row: CaseRow) -> None:
        outcome = "approve" if _number(row) % 10 else "reject"
        lan, qiang = Asker("lan", f"propose/{row.case_id}"), Asker("qiang", f"confirm/{row.case_id}")
        said = await self._insist(
            lambda: cases.propose(office, row.case_id, outcome=outcome, reason_code="judgement", who=lan)
        )
        if said["state"] == CaseState.PROPOSED:
            await self._insist(lambda: cases.confirm(office, row.case_id, who=qiang))

    async def _confirm(self, office: Office, grant_id: str) -> None:
        jun = Asker("jun", f"confirm/{grant_id}")
        await self._insist(lambda: grants.confirm(office, grant_id, who=jun))

    async def _insist(self, say: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return await say()
            except Unreachable:
                assert time.monotonic() < deadline, "nobody answers"
                self.repeated += 1
                await asyncio.sleep(0.3)


def _to_decide(office: Office) -> list[CaseRow]:
    with office.db.read() as conn:
        rows = case_rows.list_cases(conn, state=cases.WAITING)
    return [row for row in rows if _number(row) % 5 == 0]


def _number(row: CaseRow) -> int:
    return int(row.party_id[-3:])


def settled(office: Office) -> bool:
    """Whether nothing moves any more: nothing is left for these people, all grants are made, no tranche is due."""
    if _to_decide(office):
        return False
    with office.db.read() as conn:
        rows = parties.list_parties(conn)
        held = grant_rows.list_grants(conn)
        plans = grant_rows.tranches_of_many(conn, [grant.grant_id for grant in held])
    granted = {grant.party_id for grant in held}
    passing = {"screening", "endorsement_proposed", "approval_proposed"}
    if any(row.stage.value in passing or (row.stage in STANDING and row.party_id not in granted) for row in rows):
        return False
    if any(grant.state in {GrantState.WAITING, GrantState.AWAITING_CONFIRMATION} for grant in held):
        return False
    return not any(tranche.state is TrancheState.PLANNED for plan in plans.values() for tranche in plan)
