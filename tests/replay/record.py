"""Records the golden histories: runs the chain on a real server and keeps what Temporal wrote down.

    .venv/bin/python tests/replay/record.py                after a change that old histories do not survive
    .venv/bin/python tests/replay/record.py --only STORY   for a new story, or the one that a change is about
    .venv/bin/python tests/replay/record.py --keep         after any other change: check that they do, keep them

Workflows under way must survive a release. When old histories do not replay any more, think of ``workflow.patched``
before you record new ones.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from temporalio.worker import Replayer

from fastbrand.domain.lifecycle import Track
from fastbrand.payload_converter import DATA_CONVERTER
from fastbrand.service import cases, clawing, documents, grants, intake, parties
from fastbrand.service.candidates import CandidateSource
from fastbrand.service.temporal_calls import start_lifecycle
from fastbrand.service.who import Asker
from fastbrand.store import parties as party_rows
from tests.replay import golden
from tests.replay.releases import MOVING, policy_change, release_cancelled
from tests.workflows.desk import Desk, open_desk, run_server, until
from tests.workflows.given import BRAND, FAST_BRAND, LARGE, LESS_TRUSTED, ON_WATCH, UNREMARKABLE, without
from tests.workflows.variants import BONUS, BRIEF, CALM, DEMO, FLEETING, JUDGED, KEPT, SWIFT, TIMED, Edits, edited
from workflows.document_watch import DocumentWatch
from workflows.ledger_reconcile import LedgerReconcile
from workflows.messages import Apply, LifecycleInput, WatchInput
from workflows.registry import WORKFLOWS

Told = dict[str, str]
"""``Workflow.story`` -> the id of the workflow (with ``#RUN`` where it is not the last run)."""

_PAID: Edits = {**SWIFT, BONUS: {**SWIFT[BONUS], "expires_after": "4 seconds"}}
_IDENTITY = re.compile(r"\d+@[\w.-]+")


async def _straight_through(desk: Desk) -> Told:
    merchant = await desk.apply(FAST_BRAND)
    brand = desk.new_party()
    await parties.invite(desk.office, party_id=brand, who=Asker("mei"))
    await desk.apply(BRAND, party=brand, track="S", with_endorsement=True)
    refused = await desk.apply({**FAST_BRAND, "mass_awareness": "74%"})
    await desk.until_grant(merchant, "closed")
    await desk.until_grant(brand, "closed")
    await desk.until_ended(desk.lifecycle(refused))
    return {
        "BrandLifecycle.fast-brand-endorsed": desk.lifecycle(merchant),
        "BrandLifecycle.brand-invited-and-active": desk.lifecycle(brand),
        "BrandLifecycle.refused": desk.lifecycle(refused),
        "TrafficBonus.released-and-expired": f"grant/{desk.grant(merchant)['grant_id']}",
    }


async def _large_and_frozen(desk: Desk) -> Told:
    confirmed = await desk.apply({**FAST_BRAND, **LARGE})
    await desk.until_grant(confirmed, "awaiting_confirmation")
    await grants.confirm(desk.office, desk.grant(confirmed)["grant_id"], who=Asker("jun"))
    given_up, frozen = await desk.apply({**FAST_BRAND, **LARGE}), await desk.apply({**FAST_BRAND, **ON_WATCH})
    await until(lambda: "frozen" in desk.tranches(frozen), "frozen")
    await desk.set_facts(frozen, {"experience_score": "88.0"})
    for party, state in ((confirmed, "closed"), (frozen, "closed"), (given_up, "voided")):
        await desk.until_grant(party, state)
    return {
        "TrafficBonus.confirmed": f"grant/{desk.grant(confirmed)['grant_id']}",
        "TrafficBonus.not-confirmed": f"grant/{desk.grant(given_up)['grant_id']}",
        "TrafficBonus.frozen-and-mended": f"grant/{desk.grant(frozen)['grant_id']}",
    }


async def _terms(desk: Desk) -> Told:
    party = await desk.apply(FAST_BRAND)
    silent = await desk.apply(without(FAST_BRAND, "sourcing"))
    await cases.request_info(desk.office, silent, [], who=Asker("lan"))
    late = await desk.apply({**FAST_BRAND, **UNREMARKABLE})
    await until(lambda: desk.case(late)["sla_breached"], "SLA breached")
    await parties.withdraw(desk.office, party_id=late, who=Asker("mei"))
    for each in (party, silent, late):
        await desk.until_ended(desk.lifecycle(each))
    return {
        "BrandLifecycle.endorsed-to-its-end": desk.lifecycle(party),
        "BrandLifecycle.withdrawn": desk.lifecycle(late),
        "Endorsement.term": f"party/{party}/endorsement/1",
        "VettingCase.never-answered": desk.case(silent)["case_id"],
        "VettingCase.late-and-withdrawn": desk.case(late)["case_id"],
    }


async def _people(desk: Desk) -> Told:
    party = await desk.apply({**without(FAST_BRAND, "sourcing"), **UNREMARKABLE})
    await cases.claim(desk.office, party, who=Asker("lan"))
    await cases.request_info(desk.office, party, [], who=Asker("lan"))
    await cases.answer(desk.office, party, ["sourcing=own_factory"], facts_file=None, who=Asker("mei"))
    await desk.propose(party, "reject")
    await cases.return_to_maker(desk.office, party, who=Asker("qiang", reason="look again"))
    await desk.propose(party)
    await cases.confirm(desk.office, party, who=Asker("qiang"))
    await desk.until_grant(party, "closed")
    again = await desk.apply(without(FAST_BRAND, "sourcing"))
    await desk.set_facts(again, {"sourcing": "own_factory"})
    await desk.until_grant(again, "closed")
    return {
        "BrandLifecycle.vetted-and-overridden": desk.lifecycle(party),
        "BrandLifecycle.rescreened": desk.lifecycle(again),
        "VettingCase.questions-four-eyes-override": desk.case(party)["case_id"],
        "VettingCase.closed-by-newer-facts": desk.case(again)["case_id"],
    }


async def _kept(desk: Desk) -> Told:
    steady, slipping, cheat = [await desk.apply(FAST_BRAND) for _ in range(3)]
    clawed = await desk.apply(FAST_BRAND)
    await desk.until_tranches(clawed, "released", "released", "planned")
    taken = await clawing.propose(
        desk.office, desk.grant_ids(clawed)[0], "counterfeit", who=Asker("jun", reason="bought orders")
    )
    await clawing.confirm(desk.office, taken["clawback_id"], who=Asker("ping"))
    await desk.until_ended(f"grant/{desk.grant_ids(clawed)[0]}")
    desk.record(slipping, ON_WATCH)
    desk.record(cheat, {"counterfeit_confirmed_90d": "1"})
    first = f"reassessment/{desk.name}/{desk.numbers() + 2}"
    await desk.upkeep("2030-01")
    await desk.until_stage(slipping, "watch")
    await desk.until_stage(cheat, "revoked")
    desk.record(slipping, {"experience_score": "88.0"})
    await desk.upkeep("2030-02")
    await desk.until_stage(slipping, "endorsed")
    run = f"bonus/{desk.name}/2030-02/{desk.numbers() + 2}"
    await desk.bonus("2030-02")
    await desk.client.execute_workflow(
        LedgerReconcile.run, id=f"reconcile/{desk.name}", task_queue=desk.settings.task_queue
    )
    return {
        "BrandLifecycle.watched-and-cleared": desk.lifecycle(slipping),
        "BrandLifecycle.revoked": desk.lifecycle(cheat),
        "Endorsement.revoked": f"party/{cheat}/endorsement/1",
        "TrafficBonus.frozen-by-upkeep": f"grant/{desk.grant_ids(slipping)[-1]}",
        "TrafficBonus.clawed-back": f"grant/{desk.grant_ids(clawed)[-1]}",
        "TrafficBonus.voided-by-revocation": f"grant/{desk.grant_ids(cheat)[-1]}",
        "Reassessment.moves-standings": first,
        "BonusRun.a-period": run,
        "LedgerReconcile.balanced": f"reconcile/{desk.name}",
        "BrandLifecycle.keeps-its-standing": desk.lifecycle(steady),
    }


async def _file(desk: Desk) -> Told:
    rows: dict[str, dict[str, str]] = {f"{desk.name}-file-{n}": FAST_BRAND for n in range(6)}
    lines = [",".join(["party_id", *FAST_BRAND]), *(",".join([name, *given.values()]) for name, given in rows.items())]
    file = desk.settings.state / "candidates.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    source = CandidateSource(file=file)
    done = await intake.bring_in(desk.office, source, who=Asker("mei"), progress=Unwatched(), window=2)
    client, told = await desk.office.connect(), desk.new_party()
    with desk.office.db.write() as conn:
        party_rows.register_many(conn, [(told, Track.M)], at=desk.office.now())
    desk.record(told, FAST_BRAND)
    # as intakes began them when each told its intake that it was served
    applied = Apply(
        command_id=f"intake/before/{told}", actor="mei", role="staff", track=Track.M, sent_at=desk.office.now()
    )
    await client.start_workflow(
        "BrandLifecycle",
        LifecycleInput(party_id=told, track=Track.M, application=applied, report_to="intake/before"),
        id=desk.lifecycle(told),
        task_queue=desk.settings.task_queue,
    )
    await desk.until_grant(told, "closed")
    return {
        "Intake.a-file": f"intake/{done['intake_id']}",
        "BrandLifecycle.taken-in": desk.lifecycle(f"{desk.name}-file-0"),
        "BrandLifecycle.taken-in-and-told": desk.lifecycle(told),
    }


async def _papers(desk: Desk) -> Told:
    party = await desk.apply(without(FAST_BRAND, "sourcing"))
    await documents.add(
        desk.office,
        party,
        "contract",
        ["number=1"],
        issued="2020-01-01",
        expires="2020-12-31",
        file=None,
        supersedes=None,
        who=Asker("mei"),
    )
    watch = f"documents/{desk.name}"
    await desk.client.execute_workflow(DocumentWatch.run, WatchInput(), id=watch, task_queue=desk.settings.task_queue)
    await until(lambda: len(desk.decisions(party, "eligibility")) > 1, "screened again")
    return {"DocumentWatch.a-document-ended": watch, "BrandLifecycle.a-document-ended": desk.lifecycle(party)}


class Unwatched:
    """Nobody wants to see how far it is."""

    def phase(self, name: str, total: int) -> None:
        """Nobody looks."""

    def done(self, count: int) -> None:
        """Nobody looks."""

    def say(self, text: str) -> None:
        """Nobody listens."""


async def _fleeting(desk: Desk) -> Told:
    brand = await desk.apply({**BRAND, **ON_WATCH}, track="S")
    renewed = await desk.apply(FAST_BRAND)
    for period, stage in (("2030-01", "watch"), ("2030-02", "watch"), ("2030-03", "suspended")):
        await desk.upkeep(period)
        await desk.until_stage(brand, stage)
    await desk.until_stage(brand, "terminated")
    await until(lambda: desk.audit(renewed, "endorsement:renewed"), "renewed")
    desk.record(renewed, {"owns_brand": "false"})
    await desk.until_stage(renewed, "expired")
    return {
        "BrandLifecycle.suspended-and-terminated": desk.lifecycle(brand),
        "VettingCase.standing-ran-out": desk.case(brand)["case_id"],
        "Endorsement.renewed-then-ended": f"party/{renewed}/endorsement/1",
    }


async def _against_the_rules(desk: Desk) -> Told:
    overridden = await desk.apply({**FAST_BRAND, **LESS_TRUSTED})
    noted = Asker("lan", reason="bought reviews")
    await cases.override(desk.office, overridden, outcome="reject", reason_code="manipulation", who=noted)
    await cases.confirm(desk.office, overridden, who=Asker("qiang"))
    waived = await desk.apply({**FAST_BRAND, **UNREMARKABLE})
    await cases.claim(desk.office, waived, who=Asker("xin"))
    await cases.release(desk.office, waived, who=Asker("tao", reason="xin is ill"))
    await cases.propose(
        desk.office, waived, outcome="approve", reason_code="judgement", waive=["content.quality"], who=Asker("lan")
    )
    await cases.confirm(desk.office, waived, who=Asker("qiang"))
    await desk.until_grant(waived, "closed")
    for party in (overridden, waived):
        await desk.until_ended(desk.case(party)["case_id"])
    return {
        "VettingCase.overridden": desk.case(overridden)["case_id"],
        "VettingCase.given-back-and-waived": desk.case(waived)["case_id"],
    }


async def _late(desk: Desk) -> Told:
    party = await desk.apply({**FAST_BRAND, **UNREMARKABLE})
    await cases.request_info(desk.office, party, ["content_score"], who=Asker("lan"))
    await cases.answer(desk.office, party, ["content_score=51.0"], facts_file=None, who=Asker("mei"))
    await until(lambda: desk.case(party)["escalated_at"], "escalated")
    await parties.withdraw(desk.office, party_id=party, who=Asker("mei"))
    await desk.until_ended(desk.case(party)["case_id"])
    return {"VettingCase.asked-then-escalated": desk.case(party)["case_id"]}


async def _appealed(desk: Desk) -> Told:
    rejected = await desk.apply({**FAST_BRAND, **UNREMARKABLE})
    await desk.decide(rejected, "reject")
    await desk.appeal(rejected)
    await desk.decide(rejected, "reject", maker="xin", checker="tao")
    await desk.appeal(rejected)
    await desk.decide(rejected, "approve", maker="wen", checker="rui")
    suspended = await desk.apply(FAST_BRAND)
    desk.record(suspended, {"experience_score": "55.0"})
    await desk.assess(suspended)
    await desk.until_stage(suspended, "suspended")
    await desk.appeal(suspended)
    await desk.decide(suspended, "reject", maker="xin", checker="tao")
    await desk.decide(suspended, "approve")
    revoked = await desk.apply(FAST_BRAND)
    await until(lambda: "released" in desk.tranches(revoked), "a tranche is released")
    desk.record(revoked, {"counterfeit_confirmed_90d": "1"})
    await desk.assess(revoked)
    await desk.until_stage(revoked, "revoked")
    grant = f"grant/{desk.grant(revoked)['grant_id']}"
    await desk.until_ended(grant)
    await desk.appeal(revoked)
    await desk.decide(revoked, "approve", maker="xin", checker="tao")
    await desk.until_listed(f"WorkflowId = '{grant}' AND ExecutionStatus = 'Running' AND NextTrancheAt IS NOT NULL")
    told = {
        "BrandLifecycle.rejected-appealed-twice": desk.lifecycle(rejected),
        "BrandLifecycle.suspended-appealed-and-reinstated": desk.lifecycle(suspended),
        "BrandLifecycle.revoked-and-overturned": desk.lifecycle(revoked),
        "TrafficBonus.given-back": grant,
        "VettingCase.appeal-lost": desk.cases(rejected)[1]["case_id"],
        "VettingCase.appeal-won": desk.cases(rejected)[2]["case_id"],
        "VettingCase.suspension-appealed": desk.cases(suspended)[0]["case_id"],
        "VettingCase.suspension-lifted": desk.cases(suspended)[2]["case_id"],
    }
    for title, workflow in told.items():
        if title.startswith("VettingCase"):
            await desk.until_ended(workflow)
    return told


async def _carried_on(desk: Desk) -> Told:
    party = desk.new_party()
    with desk.office.db.write() as conn:
        party_rows.register(conn, party_id=party, track=Track.M, at=desk.office.now())
    desk.record(party, {**FAST_BRAND, **UNREMARKABLE})
    applied = Apply(command_id=f"{party}/apply", actor="mei", role="staff", track=Track.M, sent_at=desk.office.now())
    start = LifecycleInput(party_id=party, track=Track.M, application=applied, history_limit=10)
    await start_lifecycle(desk.office, desk.client, start)
    await desk.until_stage(party, "vetting")
    runs = [await _run(desk, party)]
    for score in ("51.0", "52.0", "53.0", "90.0"):
        await desk.set_facts(party, {"content_score": score})
        runs.append(await _run(desk, party))
    await desk.until_grant(party, "closed")
    first, second, *_ = dict.fromkeys(runs)
    return {
        "BrandLifecycle.carried-on-first-run": f"{desk.lifecycle(party)}#{first}",
        "BrandLifecycle.carried-on-next-run": f"{desk.lifecycle(party)}#{second}",
    }


async def _run(desk: Desk, party: str) -> str:
    run = (await desk.client.get_workflow_handle(desk.lifecycle(party)).describe()).run_id
    assert run is not None
    return run


STORIES: list[tuple[str, Edits, Callable[[Desk], Awaitable[Told]]]] = [
    ("straight", SWIFT, _straight_through),
    ("large", _PAID, _large_and_frozen),
    ("terms", BRIEF, _terms),
    ("people", {**SWIFT, "review.routing.yaml": CALM["review.routing.yaml"]}, _people),
    ("long", SWIFT, _carried_on),
    ("kept", KEPT, _kept),
    ("fleeting", FLEETING, _fleeting),
    ("file", SWIFT, _file),
    ("papers", CALM, _papers),
    ("policy", {**SWIFT, **MOVING}, policy_change),
    ("dropped", SWIFT, release_cancelled),
    ("rules", {**SWIFT, "review.routing.yaml": CALM["review.routing.yaml"]}, _against_the_rules),
    ("timed", TIMED, _late),
    ("judged", JUDGED, _appealed),
]


async def record(only: str | None = None) -> None:
    """Run every story and keep its histories in place of the old ones; ``only`` one, and the others if they replay."""
    kept: dict[str, str] = {}
    async with run_server() as address:
        for name, edits, story in (each for each in STORIES if only in {None, each[0]}):
            with tempfile.TemporaryDirectory() as folder:
                book = edited(DEMO, Path(folder) / "book", edits)
                async with open_desk(name, address, Path(folder) / "state", book) as desk:
                    for title, workflow in (await story(desk)).items():
                        kept[title] = await _history(desk, workflow)
    golden.HISTORIES.mkdir(exist_ok=True)
    for file in golden.files() if only is None else ():
        file.unlink()
    for title, text in kept.items():
        (golden.HISTORIES / f"{title}.json").write_text(text, encoding="utf-8")
    print(f"recorded {len(kept)} histories", file=sys.stderr)
    await keep()


async def _history(desk: Desk, workflow: str) -> str:
    workflow_id, _, run = workflow.partition("#")
    history = await desk.client.get_workflow_handle(workflow_id, run_id=run or None).fetch_history()
    events = [json.dumps(_clean(event), ensure_ascii=False) for event in json.loads(history.to_json())["events"]]
    return '{"events": [\n' + ",\n".join(events) + "\n]}\n"


def _clean(value: Any, key: str = "") -> Any:
    """The same without what the machine is called and where its files are."""
    if isinstance(value, dict):
        return {name: _clean(part, name) for name, part in value.items()}
    if isinstance(value, list):
        return [_clean(part) for part in value]
    if key == "stackTrace":
        return ""
    return _IDENTITY.sub("1@recorder", value) if isinstance(value, str) else value


async def keep() -> None:
    """Replay the histories that there are; note that they fit the workflows of today. Raises where one does not."""
    replayer = Replayer(workflows=WORKFLOWS, data_converter=DATA_CONVERTER)
    for file in golden.files():
        await replayer.replay_workflow(golden.load(file))
    golden.note_sources()
    print(f"kept {len(golden.files())} histories", file=sys.stderr)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--keep", action="store_true", help="keep the histories, if they still replay")
    options.add_argument("--only", choices=[story[0] for story in STORIES], help="record this story")
    asked = options.parse_args()
    asyncio.run(keep() if asked.keep else record(asked.only))
