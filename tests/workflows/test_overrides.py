"""Outcomes against the rules: overrides, waivers, rejections for ever; with a second person, and on the record."""

from __future__ import annotations

import re

import pytest

from fastbrand.domain.errors import FourEyes, InputError, Refused, UsageError
from fastbrand.service import cases, letters, parties
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk
from tests.workflows.given import FAST_BRAND, LESS_TRUSTED, UNREMARKABLE, without

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]

NOTED = Asker("lan", reason="the market fell ill for a week")


async def _waive(desk: Desk, party: str, *names: str, outcome: str = "approve") -> None:
    await cases.propose(
        desk.office, party, outcome=outcome, reason_code="judgement", waive=list(names), who=Asker("lan")
    )


async def test_an_override_takes_a_note_and_a_second_person(calm: Desk) -> None:
    party = await calm.apply({**FAST_BRAND, **LESS_TRUSTED})
    assert calm.case(party)["screening"] == "eligible"
    with pytest.raises(UsageError, match="an override says why in words as well"):
        await cases.override(calm.office, party, outcome="reject", reason_code="manipulation", who=Asker("lan"))
    made = await cases.override(calm.office, party, outcome="reject", reason_code="manipulation", who=NOTED)
    assert made["state"] == "proposed"
    with pytest.raises(FourEyes):
        await cases.confirm(calm.office, party, who=Asker("lan"))
    assert calm.case(party)["proposal"] == {
        "outcome": "reject",
        "reason_code": "manipulation",
        "by": "lan",
        "second": True,
        "note": NOTED.reason,
        "override": True,
    }
    done = await cases.confirm(calm.office, party, who=Asker("qiang"))
    assert (done["stage"], calm.case(party)["overridden"]) == ("rejected", True)
    (told,) = calm.audit(party, "case:proposed")
    assert (told["after"]["override"], told["reason"]) == (True, NOTED.reason)
    assert calm.audit(party, "case:closed")[-1]["after"]["override"] is True


@pytest.mark.parametrize(
    ("given", "outcome", "says"),
    [(LESS_TRUSTED, "approve", "`approve` is not against"), (UNREMARKABLE, "reject", "`reject` is not against")],
)
async def test_what_the_rules_found_or_left_open_is_no_override(
    calm: Desk, given: dict[str, str], outcome: str, says: str
) -> None:
    party = await calm.apply({**FAST_BRAND, **given})
    with pytest.raises(Refused, match=re.escape(says)) as refused:
        await cases.override(calm.office, party, outcome=outcome, reason_code="judgement", who=NOTED)
    assert "case propose" in refused.value.hint
    assert (calm.case(party)["state"], calm.stage(party)) == ("open", "vetting")
    assert len(calm.audit(party, "command:refused")) == 1


async def test_a_waiver_names_what_is_failed_or_unknown_and_is_kept(calm: Desk) -> None:
    party = await calm.apply({**without(FAST_BRAND, "sourcing"), **UNREMARKABLE})
    lacking = ["content.quality", "commitment.own_supply_chain"]
    with pytest.raises(InputError, match=r"`content\.qualty` is not a criterion") as unknown:
        await _waive(calm, party, "content.qualty")
    assert unknown.value.hint == "did you mean `content.quality`?"
    with pytest.raises(Refused, match=r"`repurchase\.rate` is neither failed nor unknown") as met:
        await _waive(calm, party, "repurchase.rate")
    assert set(met.value.hint.removeprefix("can be waived: ").split(", ")) == {f"`{each}`" for each in lacking}
    with pytest.raises(UsageError, match="nothing is waived by a rejection"):
        await _waive(calm, party, "content.quality", outcome="reject")
    await _waive(calm, party, *lacking, "content.quality")

    proposal = calm.case(party)["proposal"]
    assert (proposal["second"], proposal["waived"]) == (True, sorted(lacking))
    (told,) = calm.audit(party, "case:proposed")
    assert told["after"]["waived"] == sorted(lacking)
    done = await cases.confirm(calm.office, party, who=Asker("qiang"))
    assert done["stage"] == "endorsed"
    assert calm.case(party)["proposal"]["waived"] == sorted(lacking)


async def test_a_waiver_of_what_is_met_by_now_goes_back_to_its_maker(calm: Desk) -> None:
    party = await calm.apply({**without(FAST_BRAND, "sourcing"), **UNREMARKABLE})
    await _waive(calm, party, "commitment.own_supply_chain")
    await calm.set_facts(party, {"sourcing": "own_factory"})
    # still to be judged by a person, as before, but what was waived is met
    assert (calm.case(party)["state"], calm.case(party)["proposal"]) == ("claimed", None)
    await _waive(calm, party, "content.quality")
    await calm.set_facts(party, {"content_score": "51.0"})
    assert calm.case(party)["state"] == "proposed"
    assert (await cases.confirm(calm.office, party, who=Asker("qiang")))["stage"] == "endorsed"


async def test_a_final_rejection_takes_two_and_the_letter_says_so(calm: Desk) -> None:
    party = await calm.apply(without(FAST_BRAND, "sourcing"))
    assert calm.case(party)["four_eyes"] is False
    with pytest.raises(UsageError, match="only a rejection is final"):
        await cases.propose(
            calm.office, party, outcome="approve", reason_code="judgement", final=True, who=Asker("lan")
        )
    made = await cases.propose(
        calm.office, party, outcome="reject", reason_code="papers_false", final=True, who=Asker("lan")
    )
    assert (made["state"], calm.case(party)["proposal"]["final"]) == ("proposed", True)
    await cases.confirm(calm.office, party, who=Asker("qiang"))
    with pytest.raises(Refused, match="is final"):
        await calm.apply(FAST_BRAND, party=party)
    told = letters.letter(calm.office, party, lang="en")
    assert any("This is final" in each for each in told["paragraphs"])
    assert any("papers or statements were false" in each for each in told["paragraphs"])
    assert any("最终决定" in each for each in letters.letter(calm.office, party, lang="zh")["paragraphs"])
    assert parties.show(calm.office, party)["barred_until"].startswith("9999")


@pytest.mark.parametrize(
    ("code", "outcome", "says", "hint"),
    [
        ("judgment", "approve", "`judgment` is not a reason code", "did you mean `judgement`?"),
        ("content.qualty", "reject", "`content.qualty` is not a reason code", "did you mean `content.quality`"),
        ("papers_false", "approve", "is no reason to approve", "`papers_complete`"),
        ("a reason", "approve", "`a reason` is not a reason code", "name a criterion"),
    ],
)
async def test_a_reason_is_a_criterion_or_one_of_the_words(
    calm: Desk, code: str, outcome: str, says: str, hint: str
) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    with pytest.raises(InputError, match=re.escape(says)) as refused:
        await cases.propose(calm.office, party, outcome=outcome, reason_code=code, who=Asker("lan"))
    assert hint in refused.value.hint
    assert refused.value.instance_code == "reason_code"
    await cases.propose(calm.office, party, outcome="reject", reason_code="content.quality", who=Asker("lan"))
    await cases.confirm(calm.office, party, who=Asker("qiang"))
    assert calm.case(party)["close_reason"] == "content.quality"
