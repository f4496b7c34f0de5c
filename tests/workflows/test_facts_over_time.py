"""Facts of many parties at once, and facts that come late: what counts when, and what is never changed by it."""

from __future__ import annotations

import asyncio
import csv
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fastbrand.domain.errors import InputError, NotPermitted
from fastbrand.service import fact_import, facts, parties, replaying, standings
from fastbrand.service.fact_import import FactSource
from fastbrand.service.who import Asker
from fastbrand.store import decisions
from tests.workflows.desk import Desk
from tests.workflows.given import FAST_BRAND, UNREMARKABLE, Facts, without
from tests.workflows.test_intake import Told

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-people")]

Rows = list[tuple[str, Facts]]


def write(path: Path, rows: Rows) -> Path:
    """A facts file: party and facts a row; columns are whatever occurs."""
    columns = dict.fromkeys(name for _, given in rows for name in given)
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.DictWriter(stream, ["party_id", *columns], restval="")
        out.writeheader()
        for party, given in rows:
            out.writerow({"party_id": party, **given})
    return path


async def bring(desk: Desk, file: Path, *, told: Told | None = None, who: str = "mei", **more: Any) -> dict[str, Any]:
    """Import a file."""
    return await fact_import.import_facts(
        desk.office, FactSource(file, **more), who=Asker(who), progress=told or Told()
    )


def ago(desk: Desk, **by: float) -> str:
    """A moment in the past, as files write it."""
    return (desk.office.now() - timedelta(**by)).isoformat()


def recorded(desk: Desk, party: str) -> int:
    """How many facts were ever recorded of a party."""
    return len(facts.show_facts(desk.office, party, history=True, lang="en"))


async def nominated(desk: Desk) -> str:
    """A party that is known, of which nothing is known."""
    party = desk.new_party()
    await standings.nominate(desk.office, party_id=party, track="M", who=Asker("mei"))
    return party


async def test_facts_of_many_are_stored_and_open_cases_are_screened_again(calm: Desk, tmp_path: Path) -> None:
    waiting = [await calm.apply({**FAST_BRAND, **UNREMARKABLE}) for _ in range(2)]
    stays, new = await calm.apply({**FAST_BRAND, **UNREMARKABLE}), await nominated(calm)
    good: Facts = {"content_score": "81.5"}
    file = write(tmp_path / "f.csv", [(waiting[0], good), (new, {"brand_name": "小满"}), (waiting[1], good)])
    told = Told()
    done = await bring(calm, file, told=told)

    assert (done["rows"], done["recorded"], done["facts"], done["known"]) == (3, 3, 3, 0)
    assert (done["skipped"], done["rescreened"]) == (0, 2)
    assert [calm.stage(each) for each in waiting] == ["endorsed", "endorsed"]
    assert (calm.stage(stays), calm.stage(new)) == ("vetting", "nominated")
    assert calm.known(new) == {"brand_name": "小满"}
    assert told.counts[-1] == 2
    assert calm.audit(new, "facts:recorded")[-1]["actor"]["id"] == "mei"
    (event,) = [each for each in calm.all_audit() if each["verb"] == "facts:imported"][-1:]
    assert event["after"]["recorded"] == 3


async def test_the_same_rows_again_add_nothing_wherever_they_stand(calm: Desk, tmp_path: Path) -> None:
    party, other = await calm.apply({**FAST_BRAND, **UNREMARKABLE}), await nominated(calm)
    rows: Rows = [(party, {"content_score": "55.0"}), (other, {"content_score": "70.0"})]
    await bring(calm, write(tmp_path / "a.csv", rows))
    before = [(len(calm.audit(each)), recorded(calm, each)) for each in (party, other)]

    again = await bring(calm, write(tmp_path / "b.csv", rows), who="bo")
    assert (again["recorded"], again["known"], again["rescreened"]) == (0, 2, 0)
    mended = await bring(calm, write(tmp_path / "c.csv", [*reversed(rows), (other, {"brand_team_size": "4"})][:2]))
    assert mended["recorded"] == 0
    assert [(len(calm.audit(each)), recorded(calm, each)) for each in (party, other)] == before

    dated = [(party, {"content_score": "55.0", "observed_at": ago(calm, minutes=0)})]
    assert (await bring(calm, write(tmp_path / "d.csv", dated)))["recorded"] == 1  # seen again, at another moment


async def test_rows_that_cannot_be_taken_are_left_out_one_by_one(calm: Desk, tmp_path: Path) -> None:
    known = await nominated(calm)
    rows: Rows = [
        (known, {"content_score": "55.0", "observed_at": ago(calm, days=3)}),
        (known, {"content_score": "56.0", "observed_at": ago(calm, days=2)}),
        ("nobody-of-this-name", {"content_score": "60.0"}),
        (known, {"content_score": "high"}),
        (known, {"content_score": "57.0", "observed_at": ago(calm, days=-1)}),
        ("not an id", {"content_score": "57.0"}),
        (known, {"observed_at": ago(calm, days=1)}),
    ]
    errors, told = tmp_path / "errors.csv", Told()
    done = await bring(calm, write(tmp_path / "f.csv", rows), errors=errors, told=told)

    assert (done["rows"], done["recorded"], done["known"]) == (7, 2, 1)
    assert (done["skipped"], done["unknown_parties"]) == (4, 1)
    wrong = list(csv.DictReader(errors.open(encoding="utf-8")))
    assert [(each["row"], each["column"]) for each in wrong] == [
        ("3", "party_id"),
        ("4", "content_score"),
        ("5", "observed_at"),
        ("6", "party_id"),
    ]
    assert "`nobody-of-this-name` is not known; mend the id" in wrong[0]["reason"]
    assert "observed in the future" in wrong[2]["reason"]
    assert any("`nobody-of-this-name` is not known" in line for line in told.said)
    history = facts.show_facts(calm.office, known, history=True, lang="en")
    assert [(row["value"], row["state"]) for row in history] == [("55.0", "superseded"), ("56.0", "known")]
    assert [row["source"] for row in history] == ["file:f.csv", "file:f.csv"]
    assert [row["age_s"] // 86_400 for row in history] == [3, 2]


async def test_what_is_no_file_of_facts_is_refused_whole(calm: Desk, tmp_path: Path) -> None:
    bare = tmp_path / "bare.csv"
    bare.write_text("content_score\n55\n", encoding="utf-8")
    with pytest.raises(InputError, match="has no column `party_id`"):
        await bring(calm, bare)
    party = await nominated(calm)
    file = write(tmp_path / "f.csv", [(party, {"content_score": "55.0"})])
    with pytest.raises(InputError, match="is in the future"):
        await bring(calm, file, observed_at="2999-01-01")
    with pytest.raises(InputError, match="cannot be written"):
        await bring(calm, file, errors=tmp_path / "there" / "is" / "no.csv")
    with pytest.raises(NotPermitted):
        await bring(calm, file, who="jun")
    assert recorded(calm, party) == 0


async def test_who_was_stopped_before_telling_tells_by_saying_it_again(
    calm: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = await calm.apply({**FAST_BRAND, **UNREMARKABLE})
    file = write(tmp_path / "f.csv", [(party, {"content_score": "81.5"})])

    async def cut(*_: Any, **__: Any) -> None:
        raise ConnectionError("the line is cut")

    with monkeypatch.context() as broken:
        broken.setattr(fact_import, "tell_party", cut)
        with pytest.raises(ConnectionError):
            await bring(calm, file)
    assert calm.stage(party) == "vetting"
    again = await bring(calm, file)
    assert (again["recorded"], again["known"], again["rescreened"]) == (0, 1, 1)
    assert calm.stage(party) == "endorsed"


async def test_two_who_import_the_same_file_at_once_record_it_once(calm: Desk, tmp_path: Path) -> None:
    party = await nominated(calm)
    file = write(tmp_path / "f.csv", [(party, {"content_score": "81.5"})])
    came = await asyncio.gather(*(bring(calm, file, who=who) for who in ("mei", "bo")))
    assert sorted(each["recorded"] for each in came) == [0, 1]
    assert recorded(calm, party) == 1


async def test_a_late_correction_counts_for_the_next_decision_and_changes_none_before(
    calm: Desk, tmp_path: Path
) -> None:
    party, then = await nominated(calm), ago(calm, days=1)
    seen = {**without(FAST_BRAND, "content_score"), "observed_at": then}
    await bring(calm, write(tmp_path / "1.csv", [(party, {**seen, **UNREMARKABLE})]))
    await parties.apply(
        calm.office, party_id=party, track="M", facts_file=None, with_endorsement=False, who=Asker("mei")
    )
    first = calm.decisions(party)
    assert calm.stage(party) == "vetting"
    with calm.office.db.read() as conn:
        stored = [(each.core, each.inputs) for each in decisions.for_party(conn, party)]

    # about a day before what counted: it is kept, and nothing comes of it
    older: Facts = {"content_score": "90.0", "observed_at": ago(calm, days=2)}
    await bring(calm, write(tmp_path / "2.csv", [(party, older)]))
    assert calm.stage(party) == "vetting"
    assert calm.known(party)["content_score"] == "50.0"

    # the same moment, told rightly
    await bring(calm, write(tmp_path / "3.csv", [(party, {"content_score": "81.5", "observed_at": then})]))
    assert calm.stage(party) == "endorsed"
    assert calm.known(party)["content_score"] == "81.5"

    with calm.office.db.read() as conn:
        rows = decisions.for_party(conn, party)
    assert [(each.core, each.inputs) for each in rows][: len(stored)] == stored
    assert calm.decisions(party)[: len(first)] == first
    used = [json.loads(each.inputs)["facts"]["content_score"]["value"] for each in rows if each.kind == "eligibility"]
    assert used[0] == "50.0"
    assert used[-1] == "81.5"
    for each in first:
        assert replaying.replay(calm.office, each["id"], every=False)["changed"] == []
