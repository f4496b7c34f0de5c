"""How parties come in: nominated by people or by a rule scan, as leads, and never past the ladder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastbrand.domain.errors import Refused
from fastbrand.service import parties, scanning, standings
from fastbrand.service.candidates import CandidateSource
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, until
from tests.workflows.given import BRAND, FAST_BRAND, UNREMARKABLE, WHITE_LABEL
from tests.workflows.test_intake import Told, write

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-upkeep")]


async def test_a_nominated_merchant_applies_later(kept: Desk) -> None:
    party = kept.new_party()
    done = await standings.nominate(kept.office, party_id=party, track="M", who=Asker("mei", command_id=f"n/{party}"))
    assert done["stage"] == "nominated"
    again = await standings.nominate(kept.office, party_id=party, track="M", who=Asker("mei", command_id=f"n/{party}"))
    assert again == done
    with pytest.raises(Refused, match="nominate"):
        await standings.nominate(kept.office, party_id=party, track="M", who=Asker("bo"))
    await kept.apply(FAST_BRAND, party=party)
    assert kept.stages(party)[:3] == ["none", "nominated", "applied"]


async def test_a_lead_is_invited_and_applies(kept: Desk) -> None:
    party = kept.new_party()
    assert (await standings.nominate(kept.office, party_id=party, track="S", who=Asker("mei")))["stage"] == "lead"
    await parties.invite(kept.office, party_id=party, who=Asker("mei"))
    await kept.apply(BRAND, party=party, track="S")
    assert kept.stages(party)[:4] == ["none", "lead", "invited", "applied"]
    assert kept.stage(party) == "active"


async def test_a_brand_on_the_fast_brand_track_is_refused_and_recommended_for_the_other(kept: Desk) -> None:
    party = await kept.apply({**BRAND, "mass_awareness": "74%"})
    shown = parties.show(kept.office, party)
    assert (shown["stage"], shown["recommended_track"], shown["grants"]) == ("rejected", "S", [])
    reasons = [each["criterion"] for decision in shown["decisions"] for each in decision["reasons"]]
    assert "ladder.not_yet_a_brand" in reasons
    await kept.apply(BRAND, party=party, track="S")
    assert (kept.stage(party), parties.show(kept.office, party)["recommended_track"]) == ("active", None)
    await until(lambda: kept.grant(party), "a grant")
    assert kept.grant(party)["pool"] == "brand"


async def test_a_rule_scan_nominates_whom_the_rules_would_let_in(kept: Desk, tmp_path: Path) -> None:
    rows = {
        "scan-good": FAST_BRAND,
        "scan-white": {**FAST_BRAND, **WHITE_LABEL},
        "scan-famous": {**FAST_BRAND, "mass_awareness": "74%"},
        "scan-maybe": {**FAST_BRAND, **UNREMARKABLE},
        "scan-wrong": {**FAST_BRAND, "orders_90d": "many"},
    }
    source = CandidateSource(file=write(tmp_path / "scan.csv", rows))
    told = await scanning.scan(kept.office, source, who=Asker("mei"), progress=Told())
    assert (told["rows"], told["mistakes"], told["nominated"]) == (4, 1, 1)
    assert told["outcomes"] == {"brand": 1, "eligible": 1, "ineligible": 1, "refer": 1}
    assert kept.stage("scan-good") == "nominated"
    again = await scanning.scan(kept.office, source, who=Asker("mei"), progress=Told(), referred=True)
    assert (again["known"], again["nominated"]) == (1, 1)
    assert kept.stage("scan-maybe") == "nominated"
    await kept.apply({}, party="scan-good")
    assert kept.stage("scan-good") == "endorsed"
