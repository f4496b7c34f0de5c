"""Who has a case: claimed, given back, handed out; lists that say whose and how late."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fastbrand.domain.errors import InputError, NotPermitted, Refused, UsageError
from fastbrand.service import cases, next_case, temporal_calls
from fastbrand.service.people import load_people
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import FAST_BRAND, UNREMARKABLE, without

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]


async def _take(desk: Desk, name: str, command_id: str | None = None, **only: str | None) -> dict[str, Any]:
    asked = {"queue": None, "kind": None, **only}
    return await next_case.next_case(desk.office, queue=asked["queue"], kind=asked["kind"], who=Asker(name, command_id))


async def _drain(desk: Desk, queue: str) -> None:
    """Give everything that waits in a queue to somebody, so that a test meets only its own cases there."""
    while (await _take(desk, "dev", queue=queue))["case_id"] is not None:
        pass


async def test_who_has_a_case_gives_it_back(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    with pytest.raises(Refused, match="`release` is not possible while the case is `open`"):
        await cases.release(calm.office, party, who=Asker("lan"))
    await cases.claim(calm.office, party, who=Asker("lan"))
    back = await cases.release(calm.office, party, who=Asker("lan"))
    assert (back["state"], back["stage"], back["assignee"]) == ("open", "vetting", None)
    (told,) = calm.audit(party, "case:released")
    assert (told["before"]["assignee"], told["after"]["assignee"]) == ("lan", None)
    assert (await cases.claim(calm.office, party, who=Asker("qiang")))["assignee"] == "qiang"


async def test_a_reviewer_gives_back_for_somebody_else_and_says_why(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await cases.claim(calm.office, party, who=Asker("lan"))
    with pytest.raises(NotPermitted, match="`mei` may not do `case:release`: it takes the role `reviewer`"):
        await cases.release(calm.office, party, who=Asker("mei", reason="lan is ill"))
    with pytest.raises(UsageError, match="giving it back for somebody else needs a note"):
        await cases.release(calm.office, party, who=Asker("qiang"))
    assert calm.case(party)["assignee"] == "lan"
    await cases.release(calm.office, party, who=Asker("qiang", reason="lan is ill"))
    assert (calm.case(party)["assignee"], calm.case(party)["state"]) == (None, "open")
    assert calm.audit(party, "case:released")[0]["reason"] == "lan is ill"
    assert len(calm.audit(party, "command:refused")) == 1


async def test_a_case_that_waits_for_an_answer_is_given_back_as_it_is(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    await cases.request_info(calm.office, party, [], who=Asker("lan"))
    back = await cases.release(calm.office, party, who=Asker("lan"))
    assert (back["state"], back["stage"], back["assignee"]) == ("info_requested", "info_requested", None)
    answered = await cases.answer(calm.office, party, ["brand_team_size=30"], facts_file=None, who=Asker("mei"))
    assert (answered["state"], calm.case(party)["assignee"]) == ("open", None)


async def test_next_is_the_soonest_due_of_what_a_person_may_take(calm: Desk) -> None:
    await _drain(calm, "vetting")
    await _drain(calm, "documents")
    first = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    second = await calm.apply(without(FAST_BRAND, "sourcing"))
    third = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    with pytest.raises(InputError, match="`vettign` is not a kind of case"):
        await _take(calm, "lan", kind="vettign")
    assert (await _take(calm, "mei"))["case_id"] is None  # staff: these wait for a reviewer
    assert (await _take(calm, "lan", queue="documents"))["case_id"] == calm.case(second)["case_id"]
    taken = await _take(calm, "lan", "first", kind="vetting")
    assert (taken["case_id"], taken["assignee"], taken["state"]) == (calm.case(first)["case_id"], "lan", "claimed")
    assert (await _take(calm, "qiang"))["case_id"] == calm.case(third)["case_id"]
    nothing = await _take(calm, "qiang", "last")
    assert nothing == {
        **dict.fromkeys(("case_id", "party_id", "state", "stage", "assignee")),
        "command_id": "last",
    }
    assert await _take(calm, "lan", "first", kind="vetting") == taken
    with pytest.raises(NotPermitted, match="`hua` may not do `case:claim`"):
        await _take(calm, "hua")


async def test_people_who_ask_at_the_same_moment_get_different_cases(calm: Desk) -> None:
    await _drain(calm, "vetting")
    given = [await calm.apply({**FAST_BRAND, **UNREMARKABLE}) for _ in range(3)]
    names = ("lan", "qiang", "xin", "tao")
    came = await asyncio.gather(*(_take(calm, name, queue="vetting") for name in names))
    taken = [each["case_id"] for each in came if each["case_id"]]
    assert sorted(taken) == sorted(calm.case(party)["case_id"] for party in given)
    assert sorted(calm.case(party)["assignee"] for party in given) == sorted(
        name for name, each in zip(names, came, strict=True) if each["case_id"]
    )
    assert [len(calm.audit(party, "case:claimed")) for party in given] == [1, 1, 1]


async def test_a_next_whose_answer_was_lost_is_the_same_case_again(calm: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await _drain(calm, "vetting")
    party, other = [await calm.apply({**FAST_BRAND, **UNREMARKABLE}) for _ in range(2)]
    heard = temporal_calls.update_workflow

    async def lost(*args: Any, **more: Any) -> None:
        await heard(*args, **more)
        raise ConnectionError("the line is cut")

    with monkeypatch.context() as broken:
        broken.setattr(temporal_calls, "update_workflow", lost)
        with pytest.raises(ConnectionError):
            await _take(calm, "lan", f"{party}/next", queue="vetting")
    assert calm.case(party)["assignee"] == "lan"
    again = await _take(calm, "lan", f"{party}/next", queue="vetting")
    assert (again["case_id"], again["assignee"]) == (calm.case(party)["case_id"], "lan")
    assert calm.case(other)["state"] == "open"


async def test_the_same_next_said_twice_at_the_same_moment_is_one_case(calm: Desk) -> None:
    await _drain(calm, "vetting")
    given = [await calm.apply({**FAST_BRAND, **UNREMARKABLE}) for _ in range(2)]
    one, other = await asyncio.gather(*(_take(calm, "lan", f"{given[0]}/twice", queue="vetting") for _ in range(2)))
    assert one == other
    assert [calm.case(party)["assignee"] for party in given] == ["lan", None]


async def test_a_person_is_handed_cases_of_the_queues_on_the_line(calm: Desk) -> None:
    await _drain(calm, "vetting")
    await _drain(calm, "documents")
    await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    papers = await calm.apply(without(FAST_BRAND, "sourcing"))
    people = calm.office.people
    lan = replace(people.by_id["lan"], queues=frozenset({"documents"}))
    office = replace(calm.office, people=replace(people, by_id={**people.by_id, "lan": lan}))
    taken = await next_case.next_case(office, queue=None, kind=None, who=Asker("lan"))
    assert taken["case_id"] == calm.case(papers)["case_id"]
    assert (await next_case.next_case(office, queue=None, kind=None, who=Asker("lan")))["case_id"] is None


def test_queues_of_a_person_are_a_list_of_names(tmp_path: Path) -> None:
    file = tmp_path / "people.yaml"
    file.write_text("people: {lan: {roles: [reviewer], queues: [documents, appeals]}}", encoding="utf-8")
    assert load_people(file).by_id["lan"].queues == {"documents", "appeals"}
    file.write_text("people: {lan: {roles: [reviewer], queues: documents}}", encoding="utf-8")
    with pytest.raises(InputError, match=r"`queues` of `lan` in .* is not a list of names"):
        load_people(file)


async def test_lists_say_whose_which_and_how_late(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await cases.claim(calm.office, party, who=Asker("rui"))

    def listed(**only: Any) -> set[str]:
        return {each["party_id"] for each in cases.list_cases(calm.office, limit=1000, **only)}

    assert party in listed(mine="rui")
    assert party in listed(kind="vetting", queue="vetting")
    assert party not in listed(mine="wen")
    assert party not in listed(kind="appeal")
    assert party not in listed(overdue=True)
    assert party not in listed(escalated=True)
    with pytest.raises(InputError, match="`other` is not a kind of case"):
        listed(kind="other")
    with pytest.raises(NotPermitted, match="`zhao` is not in"):
        listed(mine="zhao")
