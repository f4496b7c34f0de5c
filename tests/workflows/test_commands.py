"""A command said twice is done once, in whatever way it is said twice; who comes second is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError

from fastbrand.domain.errors import CommandConflict, IllegalTransition, Refused, StaleRevision
from fastbrand.service import cases, facts, grants, parties, standings, temporal_calls
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import BRAND, FAST_BRAND, LARGE, LESS_TRUSTED, UNREMARKABLE, without
from workflows.messages import Confirm, ReturnCase
from workflows.vetting_case import VettingCase

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]

Prepare = Callable[[Desk], Awaitable[str]]
Say = Callable[[Desk, str, Asker], Awaitable[dict[str, Any]]]


async def _nothing(desk: Desk) -> str:
    return desk.new_party()


async def _a_case(desk: Desk) -> str:
    return await desk.apply({**FAST_BRAND, **UNREMARKABLE})


async def _asked(desk: Desk) -> str:
    party = await desk.apply(without(FAST_BRAND, "sourcing"))
    await cases.request_info(desk.office, party, ["sourcing"], who=Asker("lan"))
    return party


async def _proposed(desk: Desk) -> str:
    party = await _a_case(desk)
    await desk.propose(party)
    return party


async def _large(desk: Desk) -> str:
    party = await desk.apply({**FAST_BRAND, **LARGE})
    await desk.until_grant(party, "awaiting_confirmation")
    return party


async def _apply(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    file = desk.write_facts(party, {**FAST_BRAND, **UNREMARKABLE})
    return await parties.apply(desk.office, party_id=party, track="M", facts_file=file, with_endorsement=False, who=who)


async def _invite(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await parties.invite(desk.office, party_id=party, who=who)


async def _withdraw(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await parties.withdraw(desk.office, party_id=party, who=who)


async def _set_facts(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await desk.set_facts(party, {"content_score": "52.0"}, who=who)


async def _taken(desk: Desk) -> str:
    party = await _a_case(desk)
    await cases.claim(desk.office, party, who=Asker("lan"))
    return party


async def _trusted(desk: Desk) -> str:
    return await desk.apply({**FAST_BRAND, **LESS_TRUSTED})


async def _rejected(desk: Desk) -> str:
    party = await _a_case(desk)
    await desk.decide(party, "reject")
    return party


async def _release(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await cases.release(desk.office, party, who=_noted(who))


async def _override(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await cases.override(desk.office, party, outcome="reject", reason_code="judgement", who=_noted(who))


async def _appeal(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await standings.appeal(desk.office, party_id=party, who=_noted(who))


def _noted(who: Asker) -> Asker:
    """With a note, which these commands need."""
    return replace(who, reason=who.reason or "for a reason")


async def _claim(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await cases.claim(desk.office, party, who=who)


async def _request_info(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await cases.request_info(desk.office, party, ["content_score"], who=who)


async def _answer(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await cases.answer(desk.office, party, ["sourcing=own_factory"], facts_file=None, who=who)


async def _propose(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await cases.propose(desk.office, party, outcome="approve", reason_code="judgement", who=who)


async def _confirm(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await cases.confirm(desk.office, party, who=who)


async def _return(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await cases.return_to_maker(desk.office, party, who=who)


async def _confirm_grant(desk: Desk, party: str, who: Asker) -> dict[str, Any]:
    return await grants.confirm(desk.office, desk.grant(party)["grant_id"], who=who)


VERBS: dict[str, tuple[Prepare, Say, str]] = {
    "party apply": (_nothing, _apply, "mei"),
    "party invite": (_nothing, _invite, "mei"),
    "party withdraw": (_a_case, _withdraw, "mei"),
    "facts set": (_a_case, _set_facts, "mei"),
    "party appeal": (_rejected, _appeal, "mei"),
    "case release": (_taken, _release, "qiang"),
    "case override": (_trusted, _override, "lan"),
    "case claim": (_a_case, _claim, "lan"),
    "case request-info": (_a_case, _request_info, "lan"),
    "case answer": (_asked, _answer, "mei"),
    "case propose": (_a_case, _propose, "lan"),
    "case confirm": (_proposed, _confirm, "qiang"),
    "case return": (_proposed, _return, "qiang"),
    "grant confirm": (_large, _confirm_grant, "jun"),
}


def _by_humans(desk: Desk, party: str) -> list[dict[str, Any]]:
    """What people did; what the system does after it goes on meanwhile."""
    return [event for event in desk.audit(party) if event["actor"]["kind"] == "human"]


@pytest.mark.parametrize("verb", VERBS)
async def test_said_twice_is_done_once_and_answered_the_same(calm: Desk, verb: str) -> None:
    prepare, say, person = VERBS[verb]
    party = await prepare(calm)
    who = Asker(person, command_id=f"{party}/{verb}")
    first = await say(calm, party, who)
    events, revision = _by_humans(calm, party), parties.known(calm.office, party).revision

    assert await say(calm, party, who) == first
    assert _by_humans(calm, party) == events
    assert parties.known(calm.office, party).revision == revision


@pytest.mark.parametrize("verb", VERBS)
async def test_said_twice_at_the_same_moment_is_done_once(calm: Desk, verb: str) -> None:
    prepare, say, person = VERBS[verb]
    party = await prepare(calm)
    before = _by_humans(calm, party)
    who = Asker(person, command_id=f"{party}/{verb}/both")
    one, other = await asyncio.gather(say(calm, party, who), say(calm, party, who))

    assert one == other
    done = _by_humans(calm, party)[len(before) :]
    assert done
    assert len({event["verb"] for event in done}) == len(done)


@pytest.mark.parametrize("verb", VERBS)
async def test_the_same_id_for_something_else_is_refused(calm: Desk, verb: str) -> None:
    prepare, say, person = VERBS[verb]
    party = await prepare(calm)
    who = Asker(person, command_id=f"{party}/{verb}")
    await say(calm, party, who)
    events = _by_humans(calm, party)
    with pytest.raises(CommandConflict, match="was used before with other parameters"):
        await say(calm, party, Asker(person, command_id=f"{party}/{verb}", reason="now for another reason"))

    assert [event["verb"] for event in _by_humans(calm, party)[len(events) :]] == ["command:refused"]


async def test_other_values_under_the_same_id_are_refused(calm: Desk) -> None:
    party = await _a_case(calm)
    who = Asker("mei", command_id=f"{party}/facts")
    await calm.set_facts(party, {"content_score": "52.0"}, who=who)
    with pytest.raises(CommandConflict):
        await calm.set_facts(party, {"content_score": "92.0"}, who=who)
    assert calm.known(party)["content_score"] == "52.0"


async def test_a_command_that_broke_off_is_carried_out_by_saying_it_again(
    calm: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The facts are stored, but the line is cut before the workflow hears of it; the second try has a later clock."""
    party = calm.new_party()
    who = Asker("mei", command_id=f"{party}/apply")

    async def cut(*_: Any, **__: Any) -> None:
        raise ConnectionError("the line is cut")

    with monkeypatch.context() as broken:
        broken.setattr(temporal_calls, "update_party", cut)
        with pytest.raises(ConnectionError):
            await _apply(calm, party, who)
    assert calm.stage(party) == "none"

    done = await _apply(calm, party, who)
    assert done["stage"] == "vetting"
    assert len(calm.audit(party, "facts:recorded")) == 1


async def test_the_workflow_itself_answers_a_repeated_command_from_memory(calm: Desk) -> None:
    """The database never heard of the command: its answer was lost on the way back."""
    party = await _proposed(calm)
    case = calm.case(party)["case_id"]
    back = ReturnCase(command_id=f"{party}/lost", actor="qiang", role="reviewer", reason="look again")
    first = await calm.update(case, VettingCase.return_, back, f"{party}/lost/1")
    await calm.propose(party)
    events = _by_humans(calm, party)
    again = await calm.update(case, VettingCase.return_, back, f"{party}/lost/2")
    assert again == first
    assert _by_humans(calm, party) == events
    assert calm.stage(party) == "endorsement_proposed"

    stale = Confirm(command_id=f"{party}/stale", actor="qiang", role="reviewer", expected_revision=1)
    for number in (1, 2):
        with pytest.raises(WorkflowUpdateFailedError) as failed:
            await calm.update(case, VettingCase.confirm, stale, f"{party}/stale/{number}")
        assert "revision 1 is not the current one" in str(failed.value.cause)


async def test_a_command_whose_answer_was_lost_is_answered_though_the_case_has_ended(calm: Desk) -> None:
    """The confirmation was carried out and the case is over, but whoever sent it never heard."""
    party = await _proposed(calm)
    case = calm.case(party)["case_id"]
    sent = Confirm(command_id=f"{party}/lost", actor="qiang", role="reviewer")
    await calm.update(case, VettingCase.confirm, sent, sent.command_id)
    await calm.until_ended(case)

    again = await _confirm(calm, case, Asker("qiang", command_id=sent.command_id))
    assert (again["state"], again["stage"], again["command_id"]) == ("closed", "endorsed", sent.command_id)
    with pytest.raises(Refused, match=f"case `{case}` is closed \\(approve\\)"):
        await _confirm(calm, case, Asker("dev"))
    assert len(calm.audit(party, "case:confirmed")) == 1


async def test_who_claims_second_is_told_who_has_it(calm: Desk) -> None:
    party = await _a_case(calm)
    assert (await _claim(calm, party, Asker("lan")))["assignee"] == "lan"
    with pytest.raises(Refused, match="the case is with `lan`"):
        await _claim(calm, party, Asker("qiang"))
    with pytest.raises(Refused, match="the case is with `lan`"):
        await _propose(calm, party, Asker("qiang"))
    with pytest.raises(Refused, match="the case is with `lan`"):
        await _request_info(calm, party, Asker("qiang"))
    assert calm.case(party)["assignee"] == "lan"


async def test_of_two_who_claim_at_the_same_moment_one_has_it(calm: Desk) -> None:
    party = await _a_case(calm)
    came = await asyncio.gather(
        _claim(calm, party, Asker("lan")), _claim(calm, party, Asker("qiang")), return_exceptions=True
    )
    (won,) = [each for each in came if isinstance(each, dict)]
    (lost,) = [each for each in came if isinstance(each, Refused)]
    assert calm.case(party)["assignee"] == won["assignee"]
    assert f"the case is with `{won['assignee']}`" in lost.message
    assert len(calm.audit(party, "case:claimed")) == 1


async def test_of_two_applications_at_the_same_moment_one_is_taken(calm: Desk) -> None:
    party = calm.new_party()
    came = await asyncio.gather(*(_apply(calm, party, Asker(who)) for who in ("mei", "bo")), return_exceptions=True)
    assert sorted(type(each).__name__ for each in came) == ["IllegalTransition", "dict"]
    assert parties.known(calm.office, party).application_no == 1
    assert len(calm.cases(party)) == 1


@pytest.mark.parametrize("verb", ["party withdraw", "case claim", "case propose", "case confirm"])
async def test_a_command_on_an_older_revision_is_refused(calm: Desk, verb: str) -> None:
    prepare, say, person = VERBS[verb]
    party = await prepare(calm)
    revision = parties.known(calm.office, party).revision
    stage = calm.stage(party)
    with pytest.raises(StaleRevision, match=f"revision {revision - 1} is not the current one, {revision}"):
        await say(calm, party, Asker(person, revision=revision - 1))
    assert calm.stage(party) == stage
    await say(calm, party, Asker(person, revision=revision))


async def test_an_application_that_is_refused_leaves_no_facts(calm: Desk) -> None:
    party = await calm.apply(FAST_BRAND)
    known = calm.known(party)
    with pytest.raises(IllegalTransition, match="`apply` is not possible in stage `endorsed`"):
        await calm.apply({"brand_name": "又一家"}, party=party)
    assert calm.known(party) == known
    assert len(calm.audit(party, "command:refused")) == 1


async def test_an_invitation_is_for_brands_that_are_not_known_yet(calm: Desk) -> None:
    party = await calm.apply(BRAND, track="S")
    with pytest.raises(IllegalTransition, match="`invite` is not possible in stage `active`"):
        await _invite(calm, party, Asker("mei"))


async def test_facts_said_twice_under_other_ids_are_two_observations(calm: Desk) -> None:
    party = await _a_case(calm)
    await calm.set_facts(party, {"content_score": "52.0"})
    await calm.set_facts(party, {"content_score": "52.0"})
    rows = facts.show_facts(calm.office, party, history=True, lang="en")
    assert [row["value"] for row in rows if row["name"] == "content_score"] == ["50.0", "52.0", "52.0"]
