"""A file of candidates: everybody applies once, mistakes go to a file, the same file twice adds nothing."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from fastbrand.domain.lifecycle import Track
from fastbrand.service import intake
from fastbrand.service.candidates import CandidateSource
from fastbrand.service.who import Asker
from fastbrand.store import intakes
from fastbrand.store import parties as party_rows
from fastbrand.store.schema import METADATA
from tests.workflows.desk import Desk, until
from tests.workflows.given import FAST_BRAND, UNREMARKABLE, WHITE_LABEL, Facts, without

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("workflows-upkeep")]

KINDS: tuple[tuple[str, Facts], ...] = (
    ("endorsed", FAST_BRAND),
    ("rejected", {**FAST_BRAND, **WHITE_LABEL}),
    ("vetting", {**FAST_BRAND, **UNREMARKABLE}),
)


class Told:
    """A watcher that keeps what it was told."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.counts: list[int] = []

    def phase(self, name: str, total: int) -> None:
        """Noted."""
        self.said.append(f"{name} {total}")

    def done(self, count: int) -> None:
        """Noted."""
        self.counts.append(count)

    def say(self, text: str) -> None:
        """Noted."""
        self.said.append(text)


def write(path: Path, rows: dict[str, Facts]) -> Path:
    """A facts file with these parties."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.DictWriter(stream, ["party_id", *FAST_BRAND])
        out.writeheader()
        for party_id, given in rows.items():
            out.writerow({"party_id": party_id, **given})
    return path


def many(name: str, number: int) -> dict[str, Facts]:
    """So many parties of all kinds."""
    return {f"{name}-{n:03}": KINDS[n % len(KINDS)][1] for n in range(number)}


async def bring(kept: Desk, file: Path, *, errors: Path | None = None, told: Told | None = None) -> dict[str, object]:
    """Bring a file in, a few at a time."""
    source = CandidateSource(file=file, errors=errors)
    return await intake.bring_in(kept.office, source, who=Asker("mei"), progress=told or Told(), window=7)


async def test_everybody_in_the_file_applies_and_is_screened(kept: Desk, tmp_path: Path) -> None:
    told = Told()
    rows = many("in", 30)
    done = await bring(kept, write(tmp_path / "in.csv", rows), told=told)
    assert (done["rows"], done["new"], done["known"], done["mistakes"]) == (30, 30, 0, 0)
    for party_id, given in rows.items():
        wanted = next(stage for stage, facts in KINDS if facts is given)
        await kept.until_stage(party_id, wanted)
    assert told.counts[-1] == 30
    (ended,) = [event for event in kept.all_audit() if event["subject"]["id"] == done["intake_id"]][1:]
    assert (ended["verb"], ended["after"]) == ("intake:ended", {"screened": 30})


async def test_the_same_file_twice_adds_nothing(kept: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "twice.csv", many("twice", 6))
    first = await bring(kept, file)
    before = len(kept.all_audit())
    told = Told()
    elsewhere = tmp_path / "moved.csv"
    elsewhere.write_bytes(file.read_bytes())
    second = await bring(kept, elsewhere, told=told)
    assert second["intake_id"] == first["intake_id"]
    assert any("nothing is added" in line for line in told.said)
    await until(lambda: kept.stage("twice-000") == "endorsed", "endorsed")
    applied = Counter(
        event["after"]["event"] for n in range(6) for event in kept.audit(f"twice-{n:03}", "party:stage_changed")
    )
    assert applied["apply"] == 6
    assert len(kept.all_audit()) >= before


async def test_rows_with_mistakes_go_to_a_file_and_the_others_go_on(kept: Desk, tmp_path: Path) -> None:
    rows = many("some", 4)
    rows["some-001"] = {**FAST_BRAND, "orders_90d": "many"}
    errors = tmp_path / "errors.csv"
    done = await bring(kept, write(tmp_path / "some.csv", rows), errors=errors)
    assert (done["rows"], done["mistakes"]) == (3, 1)
    (wrong,) = list(csv.DictReader(errors.open(encoding="utf-8")))
    assert wrong["column"] == "orders_90d"
    with kept.office.db.read() as conn:
        assert intakes.get(conn, str(done["intake_id"])) is not None


async def test_who_applied_before_gives_only_newer_facts_and_an_open_case_sees_them(kept: Desk, tmp_path: Path) -> None:
    waiting = await kept.apply(without(FAST_BRAND, "sourcing"))
    assert kept.stage(waiting) == "vetting"
    done = await bring(kept, write(tmp_path / "newer.csv", {waiting: FAST_BRAND, "newer-1": FAST_BRAND}))
    assert (done["new"], done["known"]) == (1, 1)
    await kept.until_stage(waiting, "endorsed")
    assert sum(1 for event in kept.audit(waiting, "party:stage_changed") if event["after"]["event"] == "apply") == 1


async def test_a_row_whose_application_is_refused_holds_nobody_up(kept: Desk, tmp_path: Path) -> None:
    barred = kept.new_party()
    with kept.office.db.write() as conn:
        party_rows.register_many(conn, [(barred, Track.M)], at=kept.office.now())
        final = update(party_rows.PARTY).where(party_rows.PARTY.c.party_id == barred)
        conn.execute(final.values(barred_until=party_rows.FOREVER))
    done = await bring(kept, write(tmp_path / "barred.csv", {barred: FAST_BRAND, "beside-1": FAST_BRAND}))
    assert (done["rows"], done["new"], done["stages"]) == (2, 2, {"endorsed": 1, "none": 1})
    assert kept.stage(barred) == "none"


async def test_two_people_who_bring_the_same_file_at_once(kept: Desk, tmp_path: Path) -> None:
    file = write(tmp_path / "both.csv", many("both", 9))
    one, other = await asyncio.gather(bring(kept, file), bring(kept, file))
    assert one["intake_id"] == other["intake_id"]
    for n in range(9):
        party_id = f"both-{n:03}"
        await until(lambda: kept.stage(party_id) in {"endorsed", "rejected", "vetting"}, "screened")  # noqa: B023
        applied = [each for each in kept.audit(party_id, "party:stage_changed") if each["after"]["event"] == "apply"]
        assert len(applied) == 1


SMALL = {"rulebook_approval", "rulebook_release", "rulebook_cancellation", "pool"}
"""Tables that do not grow with the parties."""


async def test_no_statement_on_a_rows_way_looks_through_a_table(kept: Desk, tmp_path: Path) -> None:
    """Whatever is asked for a row is found by an index: the thousandth costs what the first did."""
    said: dict[str, Any] = {}

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        said.setdefault(statement, parameters[0] if many and parameters else parameters)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        await bring(kept, write(tmp_path / "asked.csv", many("asked", 9)))
        await kept.until_tranches("asked-000", "released", "released", "planned")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    asked = {each: given for each, given in said.items() if each.split()[0] in {"SELECT", "UPDATE", "INSERT", "DELETE"}}
    assert {each.split()[0] for each in asked} == {"SELECT", "UPDATE", "INSERT", "DELETE"}
    assert any("FROM intake_row" in each and "LIMIT" in each for each in asked)
    growing, through = set(METADATA.tables) - SMALL, []
    with kept.office.db.read() as conn:
        for statement, given in asked.items():
            plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)
            scanned = [words[1] for *_, told in plan if (words := str(told).split())[0] == "SCAN"]
            through += [(name, statement) for name in scanned if name in growing]
    assert through == []
