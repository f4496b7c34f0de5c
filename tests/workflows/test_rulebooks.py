"""A changed book goes live by one person's release and another's approval, under a running worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.client import Client

from activities import releases
from activities.payloads import By, RescreenRequest, ScreenRequest
from activities.screening import ScreeningActivities
from fastbrand.domain import names
from fastbrand.domain.audit import Actor
from fastbrand.domain.errors import (
    CommandConflict,
    FourEyes,
    InputError,
    NotPermitted,
    Refused,
    RuleFileError,
    Unreachable,
)
from fastbrand.domain.lifecycle import Track
from fastbrand.service import parties, rulebooks
from fastbrand.service.rulebooks import workflow_of
from fastbrand.service.temporal_calls import update_release, update_workflow
from fastbrand.service.views import moment
from fastbrand.service.who import Asker
from fastbrand.store import books, facts
from fastbrand.store import parties as party_rows
from fastbrand.store.facts import NewFact
from rules.loader import load_directory
from tests.workflows.desk import Desk, open_desk
from tests.workflows.given import BRAND, FAST_BRAND, UNREMARKABLE
from tests.workflows.variants import BRAND as BRAND_FILE
from tests.workflows.variants import CALM, DEMO, Edits, edited
from tests.workflows.variants import FAST_BRAND as FAST_BRAND_FILE
from workflows.messages import ApproveBook, CancelBook, ReleaseInput
from workflows.rulebook_release import RulebookRelease
from workflows.steps import AWAITING_ROLE

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-line")]

UNLOVED = {"review_score": "3.8"}
"""A criterion that is not met and refers, of brands and fast brands alike."""

STARTING: Edits = {**CALM, BRAND_FILE: {"in_flight": "reevaluate"}}
MILDER: Edits = {
    FAST_BRAND_FILE: {"version": "2022.3", "criteria/content.quality/require/content_score/at_least": 40},
    BRAND_FILE: {"version": "2022.3", "criteria/trust.reviews/require/review_score/at_least": "3.5"},
}
"""Under these a content score of 50 is enough for a fast brand, and a review score of 3.8 for a brand."""


_DESKS = count(1)


@pytest_asyncio.fixture
async def policy(address: str, tmp_path: Path) -> AsyncIterator[Desk]:
    """A desk whose book changes: fast brands under way keep theirs, brands are decided by the newest."""
    name = f"policy{next(_DESKS)}"  # what one desk leaves on the server is not the next one's
    async with open_desk(name, address, tmp_path / "state", edited(DEMO, tmp_path / "book", STARTING)) as desk:
        yield desk


async def test_a_released_book_decides_once_another_person_approved_it(policy: Desk, tmp_path: Path) -> None:
    office = policy.office
    pinned = await policy.apply({**FAST_BRAND, **UNREMARKABLE})
    moving = await policy.apply({**BRAND, **UNLOVED}, track="S")
    assert (policy.stage(pinned), policy.stage(moving)) == ("vetting", "vetting")

    book = edited(tmp_path / "book", tmp_path / "milder", MILDER)
    released = await rulebooks.release(
        office, book, effective=None, acknowledge="tried here", who=Asker("yu", reason="too strict")
    )
    assert released["state"] == "proposed"
    before = await policy.apply({**FAST_BRAND, **UNREMARKABLE})
    assert policy.stage(before) == "vetting"  # nothing is live yet
    with pytest.raises(NotPermitted, match="`yu` may not do `rulebook:approve`"):
        await rulebooks.approve(office, released["sha256"], who=Asker("yu"))
    approved = await rulebooks.approve(office, released["sha256"], who=Asker("ning"))
    assert approved["approved_by"] == "ning"
    assert [each["state"] for each in rulebooks.list_books(office)] == ["live", "superseded"]

    after = await policy.apply({**FAST_BRAND, **UNREMARKABLE})
    assert policy.stage(after) == "endorsed"
    assert {each["sha256"] for each in policy.decisions(after)} == {released["sha256"]}
    # who applied under the old book stays under it, unless that book says otherwise: then the new one decides by itself
    await policy.until_stage(moving, "active")
    assert policy.decisions(moving)[-1]["sha256"] == released["sha256"]
    assert (await policy.set_facts(pinned, {"brand_team_size": "23"}))["stage"] == "vetting"
    assert {each["sha256"] for each in policy.decisions(pinned)}.isdisjoint({released["sha256"]})
    assert by_whom(policy) == [
        ("rulebook:bootstrapped", "system:bootstrap"),
        ("rulebook:released", "yu"),
        ("command:refused", "yu"),
        ("rulebook:approved", "ning"),
        ("rulebook:activated", "system:programme"),
    ]


def by_whom(desk: Desk) -> list[tuple[str, str]]:
    """What the audit says about books, and who did it."""
    return [
        (event["verb"], event["actor"]["id"]) for event in desk.all_audit() if event["subject"]["kind"] == "rulebook"
    ]


async def test_a_release_comes_into_force_at_its_date_without_anybody(policy: Desk, tmp_path: Path) -> None:
    """Approved for later: nothing changes until then, and then all that follows happens by itself."""
    office = policy.office
    moving = await policy.apply({**BRAND, **UNLOVED}, track="S")
    pinned = await policy.apply({**FAST_BRAND, **UNREMARKABLE})
    book = edited(tmp_path / "book", tmp_path / "milder", MILDER)
    date = office.now() + 3 * await how_long_a_release_takes(policy, tmp_path) + timedelta(seconds=1)
    released = await rulebooks.release(
        office, book, effective=date.isoformat(), acknowledge="tried here", who=Asker("yu")
    )
    sha256 = released["sha256"]
    handle = policy.client.get_workflow_handle(names.release_id("book", sha256))
    await policy.until_listed(f"WorkflowId = '{handle.id}' AND AwaitingRole = 'policy_approver'")
    approved = await rulebooks.approve(office, sha256, who=Asker("ning"))
    assert (approved["state"], approved["effective_from"]) == ("approved", moment(date))
    before = await policy.apply({**FAST_BRAND, **UNREMARKABLE})
    assert policy.stage(before) == "vetting"

    view = await policy.until_ended(handle.id)
    assert (view["state"], view["told"]) == ("live", 1)
    assert office.now() >= date
    assert by_whom(policy)[-1] == ("rulebook:activated", "system:programme")
    await policy.until_stage(moving, "active")
    assert [policy.stage(party) for party in (pinned, before)] == ["vetting", "vetting"]
    after = await policy.apply({**FAST_BRAND, **UNREMARKABLE})
    assert policy.stage(after) == "endorsed"
    activated = next(event for event in policy.all_audit() if event["verb"] == "rulebook:activated")
    assert activated["before"]["live"] == policy.decisions(pinned)[0]["sha256"]
    assert activated["workflow_id"] == handle.id
    assert (await handle.describe()).typed_search_attributes.get(AWAITING_ROLE) is None


async def test_a_release_is_cancelled_before_its_date(policy: Desk, tmp_path: Path) -> None:
    """By a policy approver or by the editor who released it: then nothing ever comes of it."""
    office = policy.office
    (live,) = rulebooks.list_books(office)
    book = edited(tmp_path / "book", tmp_path / "milder", MILDER)
    released = await rulebooks.release(office, book, effective="2099-01-01", acknowledge="tried here", who=Asker("yu"))
    sha256 = released["sha256"]
    workflow_id = names.release_id("book", sha256)
    assert (await rulebooks.approve(office, sha256, who=Asker("ning")))["state"] == "approved"
    with pytest.raises(NotPermitted, match="`dev` did not release this book"):  # the workflow judges by itself
        await command(policy, workflow_id, CancelBook(**_by_editor("dev"), sent_at=office.now()))
    with pytest.raises(NotPermitted, match="`mei` may not do `rulebook:cancel`"):
        await rulebooks.cancel(office, sha256, who=Asker("mei"))
    with pytest.raises(Refused, match="was never in force: it will be from 2098-12-31T16:00:00Z on"):
        await rulebooks.rollback(office, sha256, who=Asker("ning", reason="at once"))
    cancelling = Asker("yu", command_id="policy/cancel", reason="not this winter")
    done = await rulebooks.cancel(office, sha256, who=cancelling)
    assert (done["state"], done["cancelled_by"]) == ("cancelled", "yu")
    assert await rulebooks.cancel(office, sha256, who=cancelling) == done
    view = await policy.until_ended(workflow_id)
    assert (view["state"], view["told"]) == ("cancelled", 0)
    for refused in (rulebooks.cancel, rulebooks.approve):
        with pytest.raises(Refused, match="is cancelled"):
            await refused(office, sha256, who=Asker("ning"))
    with pytest.raises(Refused, match="was released before and is cancelled") as error:
        await rulebooks.release(office, book, effective=None, acknowledge="tried here", who=Asker("yu"))
    assert "raise the `version`" in error.value.hint
    with pytest.raises(Refused, match="is live") as error:
        await rulebooks.cancel(office, live["sha256"], who=Asker("ning"))
    assert "rules rollback" in error.value.hint
    assert [each["state"] for each in rulebooks.list_books(office)] == ["cancelled", "live"]
    assert [verb for verb, _ in by_whom(policy) if verb != "command:refused"] == [
        *("rulebook:bootstrapped", "rulebook:released", "rulebook:approved", "rulebook:cancelled")
    ]


async def test_what_waits_for_a_second_person_is_cancelled_too(policy: Desk, tmp_path: Path) -> None:
    book = edited(tmp_path / "book", tmp_path / "milder", MILDER)
    released = await rulebooks.release(policy.office, book, effective=None, acknowledge="tried here", who=Asker("yu"))
    handle = policy.client.get_workflow_handle(names.release_id("book", released["sha256"]))
    await policy.until_listed(f"WorkflowId = '{handle.id}' AND AwaitingRole = 'policy_approver'")
    done = await rulebooks.cancel(policy.office, released["sha256"], who=Asker("ning", reason="too mild"))
    assert (done["state"], done["cancelled_by"], done["approved_by"]) == ("cancelled", "ning", None)
    await policy.until_ended(handle.id)
    assert (await handle.describe()).typed_search_attributes.get(AWAITING_ROLE) is None


async def test_commands_that_cross_with_the_end_of_a_release_are_answered(policy: Desk, tmp_path: Path) -> None:
    """One of many at once takes it back, and its workflow ends: the others find what became of it."""
    office = policy.office
    book = edited(tmp_path / "book", tmp_path / "milder", MILDER)
    released = await rulebooks.release(office, book, effective=None, acknowledge="tried here", who=Asker("yu"))

    async def said_later(number: int) -> str:
        await asyncio.sleep(0.01 * number)
        try:
            return str((await rulebooks.cancel(office, released["sha256"], who=Asker("ning")))["state"])
        except Refused as error:
            return error.message

    answers = await asyncio.gather(*(said_later(number) for number in range(12)))
    assert sorted(answers) == [f"book `{released['sha256'][:16]}` is cancelled"] * 11 + ["cancelled"]


async def test_a_command_whose_answer_was_lost_is_answered_when_it_is_said_again(policy: Desk, tmp_path: Path) -> None:
    """Who asked died before the answer came, and the workflow that served it has ended since."""
    office = policy.office
    for number, (verb, kind, state) in enumerate(
        (("approve", ApproveBook, "live"), ("cancel", CancelBook, "cancelled"))
    ):
        version: Edits = {BRAND_FILE: {"version": f"2022.{number + 3}"}}
        book = edited(tmp_path / "book", tmp_path / verb, version)
        sha256 = (await rulebooks.release(office, book, effective=None, acknowledge="tried", who=Asker("yu")))["sha256"]
        workflow_id = workflow_of(rulebooks.find(office, sha256))
        lost = kind(command_id=f"lost/{verb}", actor="ning", role="policy_approver", sent_at=office.now())
        await update_release(office, workflow_id, getattr(RulebookRelease, verb), lost, sha256)
        await policy.until_ended(workflow_id)
        again = Asker("ning", command_id=lost.command_id)
        assert (await getattr(rulebooks, verb)(office, sha256, who=again))["state"] == state
        with pytest.raises(Refused, match=f"is {state}"):
            await getattr(rulebooks, verb)(office, sha256, who=Asker("ning"))
    assert [verb for verb, _ in by_whom(policy)].count("rulebook:approved") == 1
    assert [verb for verb, _ in by_whom(policy)].count("rulebook:cancelled") == 1


async def command(desk: Desk, workflow_id: str, said: CancelBook) -> None:
    """Say it to the workflow, past the door that checks who may."""
    await update_workflow(desk.office, workflow_id, RulebookRelease.cancel, said, missing=workflow_id)


def _by_editor(actor: str) -> dict[str, str]:
    return {"command_id": f"policy/{actor}", "actor": actor, "role": "policy_editor"}


async def how_long_a_release_takes(desk: Desk, tmp_path: Path) -> timedelta:
    """Measured on another book, which nobody approves."""
    begun = desk.office.now()
    book = edited(tmp_path / "book", tmp_path / "other", {BRAND_FILE: {"version": "2022.9"}})
    await rulebooks.release(desk.office, book, effective=None, acknowledge="to measure", who=Asker("yu"))
    return desk.office.now() - begun


async def test_a_rollback_decides_open_applications_anew_as_well(policy: Desk, tmp_path: Path) -> None:
    office = policy.office
    (first,) = rulebooks.list_books(office)
    # under the stricter book everybody is referred; the brands of both say `reevaluate`
    strict: Edits = {BRAND_FILE: {"version": "2022.3", "criteria/trust.reviews/require/review_score/at_least": "4.9"}}
    book = edited(tmp_path / "book", tmp_path / "strict", strict)
    released = await rulebooks.release(office, book, effective=None, acknowledge="tried here", who=Asker("yu"))
    assert workflow_of(rulebooks.find(office, released["sha256"])) == f"release/brand/{released['sha256']}"
    await rulebooks.approve(office, released["sha256"], who=Asker("ning"))
    party = await policy.apply(BRAND, track="S")
    assert policy.stage(party) == "vetting"
    with pytest.raises(InputError, match="a rollback needs a reason"):
        await rulebooks.rollback(office, first["sha256"], who=Asker("ning"))
    again = Asker("ning", command_id="policy/back", reason="too strict")
    back = await rulebooks.rollback(office, first["sha256"], who=again)
    assert (back["state"], back["sha256"]) == ("live", first["sha256"])
    assert await rulebooks.rollback(office, first["sha256"], who=again) == back
    await policy.until_stage(party, "active")
    with pytest.raises(Refused, match="is in force already"):
        await rulebooks.rollback(office, first["sha256"], who=Asker("ning", reason="again"))
    # and forth: the same release a second time, in a run of its own
    await rulebooks.rollback(office, released["sha256"], who=Asker("ning", reason="after all"))
    await policy.until_ended(workflow_of(rulebooks.find(office, released["sha256"])))
    assert [verb for verb, _ in by_whom(policy)].count("rulebook:activated") == 3
    assert [verb for verb, _ in by_whom(policy)].count("rulebook:rolled_back") == 2


async def test_many_open_applications_are_told_page_by_page(
    policy: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of one and a run of one page: the release goes on as new runs and forgets nobody."""
    office = policy.office
    monkeypatch.setattr(releases, "PAGE", 1)
    moving = [await policy.apply({**BRAND, **UNLOVED}, track="S") for _ in range(3)]
    book = edited(tmp_path / "book", tmp_path / "milder", MILDER)
    released = await rulebooks.release(office, book, effective=None, acknowledge="tried here", who=Asker("yu"))
    workflow_id = names.release_id("book", released["sha256"])
    handle = policy.client.get_workflow_handle(workflow_id)
    await handle.terminate()
    await policy.client.start_workflow(
        RulebookRelease.run,
        ReleaseInput(sha256=released["sha256"], page_limit=1),
        id=workflow_id,
        task_queue=office.settings.task_queue,
    )
    first_run = (await handle.describe()).run_id
    await rulebooks.approve(office, released["sha256"], who=Asker("ning"))
    view = await policy.until_ended(workflow_id)
    assert view["told"] == 3
    assert (await handle.describe()).run_id != first_run
    for party in moving:
        await policy.until_stage(party, "active")


async def test_a_release_without_a_server_is_approved_where_there_is_one(policy: Desk, tmp_path: Path) -> None:
    """What waits in the database alone begins its workflow with the approval."""
    office = policy.office
    book = edited(tmp_path / "book", tmp_path / "milder", MILDER)

    async def nobody() -> Client:
        raise Unreachable("nothing runs", hint="start it")

    alone = replace(office, connect=nobody)
    released = await rulebooks.release(alone, book, effective=None, acknowledge="tried here", who=Asker("yu"))
    assert released["state"] == "proposed"
    with pytest.raises(Unreachable):
        await rulebooks.approve(alone, released["sha256"], who=Asker("ning"))
    assert rulebooks.find(office, released["sha256"]).state == "proposed"
    approved = await rulebooks.approve(office, released["sha256"], who=Asker("ning"))
    assert approved["state"] == "live"
    assert approved["evidence"]["changed"] == ["brand", "fast-brand"]


async def test_a_book_that_does_not_decide_at_its_date_is_not_released(policy: Desk, tmp_path: Path) -> None:
    later: Edits = {FAST_BRAND_FILE: {"version": "2022.3", "effective/from": "2099-01-01"}}
    book = edited(tmp_path / "book", tmp_path / "later", later)
    with pytest.raises(Refused, match="rules for track M are not in force on") as error:
        await rulebooks.release(policy.office, book, effective=None, acknowledge="tried here", who=Asker("yu"))
    assert "--effective 2099-01-01" in error.value.hint
    when = await rulebooks.release(
        policy.office, book, effective="2099-01-01", acknowledge="tried here", who=Asker("yu")
    )
    assert when["state"] == "proposed"


async def test_release_and_approval_take_two_and_happen_once(policy: Desk, tmp_path: Path) -> None:
    office = policy.office
    book = edited(tmp_path / "book", tmp_path / "milder", MILDER)
    releasing = Asker("dev", command_id="policy/release")
    first = await rulebooks.release(office, book, effective=None, acknowledge="tried here", who=releasing)
    assert await rulebooks.release(office, book, effective=None, acknowledge="tried here", who=releasing) == first
    with pytest.raises(FourEyes, match="`dev` released this book and cannot approve it"):
        await rulebooks.approve(office, first["sha256"], who=Asker("dev"))

    approving = Asker("ning", command_id="policy/approve")
    done = await rulebooks.approve(office, first["sha256"], who=approving)
    assert await rulebooks.approve(office, first["sha256"], who=approving) == done
    with pytest.raises(CommandConflict):
        await rulebooks.approve(office, first["sha256"], who=Asker("ning", command_id="policy/release"))
    await policy.until_ended(workflow_of(rulebooks.find(office, first["sha256"])))
    verbs = [verb for verb, _ in by_whom(policy) if verb.startswith("rulebook:")]
    assert verbs == ["rulebook:bootstrapped", "rulebook:released", "rulebook:approved", "rulebook:activated"]


async def test_a_changed_file_without_a_raised_version_is_not_released(policy: Desk, tmp_path: Path) -> None:
    silent = {FAST_BRAND_FILE: {"criteria/content.quality/require/content_score/at_least": 40}}
    book = edited(tmp_path / "book", tmp_path / "silent", silent)
    with pytest.raises(RuleFileError, match="changed without a raised version"):
        await rulebooks.release(policy.office, book, effective=None, acknowledge="tried here", who=Asker("yu"))
    assert len(rulebooks.list_books(policy.office)) == 1


async def test_reevaluation_asks_the_book_of_the_day_not_of_the_application(policy: Desk, tmp_path: Path) -> None:
    """The newer book's rules come into force after the application was made: they were none then."""
    db, steps = policy.office.db, ScreeningActivities(policy.office.db, policy.office.engine())
    applied, released, now = (datetime(2022, month, 1, tzinfo=UTC) for month in (6, 7, 8))
    party = policy.new_party()
    with db.write() as conn:
        party_rows.register(conn, party_id=party, track=Track.S, at=applied)
        news = [NewFact(name, text, applied, "test") for name, text in {**BRAND, **UNLOVED, **_DATED}.items()]
        facts.record(conn, party, news, key="given", at=applied)
    steps.screen(ScreenRequest(party_id=party, track=Track.S, at=applied, by=_by("apply")))
    assert policy.stage(party) == "vetting"

    later = {**MILDER[BRAND_FILE], "effective/from": "2022-07-15"}
    book = load_directory(edited(tmp_path / "book", tmp_path / "later", {BRAND_FILE: later}))
    with db.write() as conn:
        books.propose(conn, sha256=book.sha256, closure=book.closure, versions=book.versions(), at=released)
        books.approve(conn, book.sha256, at=released, actor=Actor("human", "ning", "policy_approver"))
    with db.write() as conn:
        fresh = [NewFact(each.name, each.text, now, "test") for each in news]
        facts.record(conn, party, fresh, key="fresh", at=now)
    screened = steps.rescreen(RescreenRequest(party_id=party, at=now, by=_by("again")))
    assert (screened.route, screened.approve) == ("system", True)
    assert parties.known(policy.office, party).book_sha256 == book.sha256


_DATED = {"first_sale_on": "2019-03-01", "trademark_filed_on": "2019-03-01"}


def _by(command_id: str) -> By:
    return By(kind="human", actor="mei", role="staff", command_id=command_id)
