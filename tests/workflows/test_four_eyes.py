"""One proposes, another confirms; who may at all; and what always needs a second person."""

from __future__ import annotations

import pytest

from fastbrand.domain.errors import FourEyes, NotPermitted, Refused, UsageError
from fastbrand.service import cases
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import AMOUNT, FAST_BRAND, LESS_TRUSTED, UNREMARKABLE, without

pytestmark = pytest.mark.server
calm_group = pytest.mark.xdist_group("workflows-people")
swift_group = pytest.mark.xdist_group("workflows-timers")


@calm_group
async def test_the_maker_cannot_confirm_another_reviewer_can(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    made = await calm.propose(party)
    assert (made["state"], made["stage"]) == ("proposed", "endorsement_proposed")
    with pytest.raises(FourEyes, match="`lan` made the proposal and cannot confirm it"):
        await cases.confirm(calm.office, party, who=Asker("lan"))
    assert calm.stage(party) == "endorsement_proposed"

    done = await cases.confirm(calm.office, party, who=Asker("qiang"))
    assert (done["state"], done["stage"]) == ("closed", "endorsed")
    told = {event["verb"]: event["actor"]["id"] for event in calm.audit(party) if event["actor"]["kind"] == "human"}
    assert (told["case:proposed"], told["command:refused"], told["case:confirmed"]) == ("lan", "lan", "qiang")
    await calm.until_tranches(party, "released", "released", "planned")
    assert calm.grant(party)["amount"] == AMOUNT


@calm_group
@pytest.mark.parametrize(
    ("who", "says"),
    [
        ("zhao", "`zhao` is not in `people.yaml`"),
        ("hua", "`hua` may not do `case:confirm`: it takes the role `reviewer`"),
        ("mei", "`mei` may not do `case:confirm`"),
        ("jun", "`jun` may not do `case:confirm`"),
    ],
)
async def test_unknown_and_unfit_people_are_refused_and_that_is_audited(calm: Desk, who: str, says: str) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await calm.propose(party)
    with pytest.raises(NotPermitted, match=says) as refused:
        await cases.confirm(calm.office, party, who=Asker(who, command_id=f"{party}/confirm"))

    assert refused.value.exit_code == 3
    assert calm.stage(party) == "endorsement_proposed"
    (event,) = calm.audit(party, "command:refused")
    assert event["actor"]["id"] == who
    assert event["subject"] == {"kind": "case", "id": calm.case(party)["case_id"]}
    assert event["after"] == {
        "action": "case:confirm",
        "code": "not_permitted",
        "command_id": f"{party}/confirm",
    }


@calm_group
async def test_a_rejection_takes_two_as_well_and_opens_the_time_to_appeal(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    made = await calm.propose(party, "reject")
    assert (made["state"], made["stage"]) == ("proposed", "vetting")
    done = await cases.confirm(calm.office, party, who=Asker("qiang"))

    assert (done["state"], done["stage"]) == ("closed", "rejected")
    assert (calm.case(party)["outcome"], calm.case(party)["close_reason"]) == ("reject", "judgement")
    assert calm.grant(party) == {}


@calm_group
async def test_a_returned_proposal_is_made_again(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await calm.propose(party, "reject")
    with pytest.raises(FourEyes, match="`lan` made the proposal and cannot return it"):
        await cases.return_to_maker(calm.office, party, who=Asker("lan"))
    back = await cases.return_to_maker(calm.office, party, who=Asker("qiang", reason="look at the videos"))
    assert (back["state"], back["stage"], back["assignee"]) == ("claimed", "vetting", "lan")
    assert calm.audit(party, "case:returned")[0]["reason"] == "look at the videos"

    await calm.propose(party, "approve")
    again = await cases.return_to_maker(calm.office, party, who=Asker("qiang"))
    assert (again["state"], again["stage"]) == ("claimed", "vetting")
    await calm.propose(party, "approve")
    done = await cases.confirm(calm.office, party, who=Asker("qiang"))
    assert done["stage"] == "endorsed"
    assert calm.stages(party)[3:] == [
        "vetting",
        *["endorsement_proposed", "vetting"],
        "endorsement_proposed",
        "endorsed",
    ]


@calm_group
async def test_there_is_nothing_to_confirm_before_a_proposal(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    with pytest.raises(Refused, match="`confirm` is not possible while the case is `open`"):
        await cases.confirm(calm.office, party, who=Asker("qiang"))
    with pytest.raises(Refused, match="`return` is not possible while the case is `open`"):
        await cases.return_to_maker(calm.office, party, who=Asker("qiang"))


@calm_group
async def test_a_proposal_has_a_known_outcome_and_a_reason(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    with pytest.raises(UsageError, match="`maybe` is not an outcome"):
        await calm.propose(party, "maybe")
    with pytest.raises(UsageError, match="a proposal needs a reason code"):
        await cases.propose(calm.office, party, outcome="approve", reason_code="", who=Asker("lan"))
    assert calm.case(party)["state"] == "open"


@calm_group
async def test_a_proposal_goes_back_when_newer_facts_change_the_outcome(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await calm.propose(party)
    await calm.set_facts(party, {"content_score": "81.0"})
    # highly trusted and nothing missed: nothing is left for a person
    assert calm.stage(party) == "endorsed"
    other = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await calm.propose(other)
    done = await calm.set_facts(other, {"content_score": "81.0", **LESS_TRUSTED})
    assert (done["stage"], calm.case(other)["state"], calm.case(other)["proposal"]) == ("vetting", "claimed", None)
    with pytest.raises(Refused, match="`confirm` is not possible while the case is `claimed`"):
        await cases.confirm(calm.office, other, who=Asker("qiang"))
    await calm.propose(other)
    assert (await cases.confirm(calm.office, other, who=Asker("qiang")))["stage"] == "endorsed"


@calm_group
async def test_a_proposal_stands_when_newer_facts_change_nothing(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    await calm.propose(party)
    await calm.set_facts(party, {"content_score": "51.0"})

    assert (calm.stage(party), calm.case(party)["state"]) == ("endorsement_proposed", "proposed")
    assert (await cases.confirm(calm.office, party, who=Asker("qiang")))["stage"] == "endorsed"


@calm_group
async def test_a_waiver_of_what_is_unknown_takes_two_though_the_queue_asks_for_one(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    assert calm.case(party)["four_eyes"] is False
    made = await calm.propose(party)

    assert (made["state"], made["stage"]) == ("proposed", "endorsement_proposed")
    assert calm.case(party)["proposal"]["second"] is True
    assert (await cases.confirm(calm.office, party, who=Asker("qiang")))["stage"] == "endorsed"


@calm_group
async def test_one_person_may_reject_what_is_unknown_where_the_queue_asks_for_one(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    made = await calm.propose(party, "reject")
    assert (made["state"], made["stage"]) == ("closed", "rejected")


@swift_group
async def test_one_person_approves_what_the_rules_find_eligible_where_the_queue_asks_for_one(swift: Desk) -> None:
    party = await swift.apply({**FAST_BRAND, **LESS_TRUSTED})
    case = swift.case(party)
    assert (case["queue"], case["four_eyes"], case["screening"]) == ("vetting", False, "eligible")
    made = await swift.propose(party)
    assert (made["state"], made["stage"]) == ("closed", "endorsed")
    await swift.until_grant(party, "closed")


@swift_group
@pytest.mark.parametrize(("given", "outcome"), [(UNREMARKABLE, "approve"), (LESS_TRUSTED, "reject")])
async def test_an_override_takes_two_whatever_the_queue_asks_for(
    swift: Desk, given: dict[str, str], outcome: str
) -> None:
    party = await swift.apply({**FAST_BRAND, **given})
    assert swift.case(party)["four_eyes"] is False
    made = await swift.propose(party, outcome)
    assert made["state"] == "proposed"
    with pytest.raises(FourEyes):
        await cases.confirm(swift.office, party, who=Asker("lan"))
    done = await cases.confirm(swift.office, party, who=Asker("qiang"))
    assert done["stage"] == {"approve": "endorsed", "reject": "rejected"}[outcome]
    if outcome == "approve":
        await swift.until_grant(party, "closed")
