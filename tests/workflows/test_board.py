"""The programme board says what the record says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fastbrand.service import audiences, cases, providers
from fastbrand.service.board import board
from fastbrand.service.who import Asker
from tests.workflows.desk import Desk, until
from tests.workflows.given import BRAND, FAST_BRAND, UNREMARKABLE, WHITE_LABEL

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-board")]


async def test_the_board_counts_what_there_is(counted: Desk, tmp_path: Path) -> None:
    fast = await counted.apply({**FAST_BRAND, "users_reached_90d": "1000"})
    other = await counted.apply({**FAST_BRAND, "users_reached_90d": "400"})
    await counted.apply({**FAST_BRAND, **WHITE_LABEL})
    overruled = await counted.apply({**FAST_BRAND, **UNREMARKABLE, "users_reached_90d": "600"})
    await counted.propose(overruled)
    await cases.confirm(counted.office, overruled, who=Asker("qiang"))
    big = await counted.apply({**BRAND, "gmv_365d": "200000000"}, track="S")
    await counted.apply(BRAND, track="S")
    await until(lambda: counted.grant(big), "a grant")

    told = board(counted.office)
    assert told["funnel"]["M"] | {"granted": 0} == {
        "known": 4,
        "newcomers": 0,
        "applied": 4,
        "screened": 4,
        "in_vetting": 0,
        "standing": 3,
        "slipping": 0,
        "ended": 1,
        "granted": 0,
    }
    targets = {each["name"]: each for each in told["targets"]}
    assert targets["users_covered"]["actual"] == 2_000
    assert targets["users_covered"]["how"] == "upper_bound"
    assert (targets["brands_over_100m"]["actual"], targets["brands_over_100m"]["unknown"]) == (1, 1)
    assert (targets["brand_gmv"]["actual"], targets["brand_gmv"]["currency"]) == (200_000_000_00, "CNY")
    assert (told["cases"]["overrides"], told["cases"]["decided_by_people"]) == (1, 1)
    assert (told["cases"]["sla_hit_rate"], told["cases"]["open"]) == ("1.0000", 0)
    assert told["appeals"] == {"made": 0, "upheld": 0, "dismissed": 0, "upheld_rate": None}
    assert [each["pool_id"] for each in told["pools"]] == ["brand", "fast-brand"]
    assert told["baseline"]["providers"]["mcn"] == {"baseline": 90, "now": 0}
    mcn = {"provider_id": "mcn-1", "type": "mcn", "name": "Stars", "categories": "food", "capacity": "1"}
    await providers.add(counted.office, mcn, who=Asker("mei"))
    assert board(counted.office)["baseline"]["providers"]["mcn"] == {"baseline": 90, "now": 1}

    users = tmp_path / "users.csv"
    lines = [f"{party},u{number}" for party in (fast, other, overruled, "nobody") for number in range(50)]
    users.write_text("party_id,user_id\n" + "\n".join(lines) + "\n", encoding="utf-8")
    came = await audiences.bring_in(counted.office, users, period="2030-01", who=Asker("mei"))
    assert (came["parties"], came["rows"], came["unknown"]) == (3, 200, ["nobody"])
    covered = next(each for each in board(counted.office)["targets"] if each["name"] == "users_covered")
    assert (covered["actual"], covered["how"], covered["with_ids"]) == (50, "deduplicated", 3)
