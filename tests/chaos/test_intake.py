"""Five hundred rows come in: all of them, once, mistakes told, though the worker and the command are killed."""

from __future__ import annotations

import asyncio
import csv
import os
import signal
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from fastbrand.service import intake
from fastbrand.service.candidates import CandidateSource
from fastbrand.service.office import Office
from fastbrand.service.who import Asker
from fastbrand.store.intakes import INTAKE_ROW, RowState
from fastbrand.supervisor import Supervisor
from tests.chaos.chain import settled, standing
from tests.chaos.test_kill import check_books, check_workflows, installation
from tests.cli.driver import SCRIPT, clean_environment
from tests.ops.waiting import eventually
from tests.workflows.given import FAST_BRAND, UNREMARKABLE, WHITE_LABEL, Facts
from tests.workflows.test_intake import Told
from tests.workflows.variants import BONUS, CALM, DEMO, edited

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("chaos")]

ROWS = 500
PATIENCE_S = 120.0
"""Longer than anything takes on a busy machine."""

KINDS: tuple[tuple[str, Facts], ...] = (
    ("endorsed", FAST_BRAND),
    ("vetting", {**FAST_BRAND, **UNREMARKABLE}),
    *(("rejected", {**FAST_BRAND, **WHITE_LABEL}) for _ in range(18)),
)
"""Stage -> facts, row by row in turn: most are refused, which costs the least."""

SOON = {
    **CALM,
    BONUS: {"tranches/1/after": "0.3 seconds", "tranches/2/after": "0.6 seconds", "expires_after": "1 hour"},
}

MISTAKES = {
    100: ("bad-number", {"orders_90d": "many"}, "orders_90d"),
    200: ("bad-choice", {"sourcing": "the_moon"}, "sourcing"),
    300: ("bad id", {}, "party_id"),
    400: ("", {}, "party_id"),
    450: (None, {}, "party_id"),  # somebody who stands in the file already
}
"""After so many good rows: a row's id, what is wrong in it, and the column in which the mistake is told."""


def write(path: Path, name: str, rows: int, *, mistakes: bool) -> Path:
    """A file with ``rows`` good rows, of parties ``name-000`` and so on, and bad ones between them."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        out = csv.DictWriter(stream, ["party_id", *FAST_BRAND])
        out.writeheader()
        for number in range(rows):
            out.writerow({"party_id": f"{name}-{number:03}", **KINDS[number % len(KINDS)][1]})
            if mistakes and number + 1 in MISTAKES:
                party_id, wrong, _ = MISTAKES[number + 1]
                out.writerow({"party_id": f"{name}-000" if party_id is None else party_id, **FAST_BRAND, **wrong})
    return path


async def bring(office: Office, file: Path, told: Told) -> dict[str, Any]:
    """Bring it in, and wait until everything that it began has come to rest."""
    done = await intake.bring_in(office, CandidateSource(file=file), who=Asker("mei"), progress=told)
    deadline = time.monotonic() + PATIENCE_S
    while not settled(office):
        assert time.monotonic() < deadline, "something never came to rest"
        await asyncio.sleep(0.3)
    return done


class Stopped(Told):
    """A watcher who stops the command in the middle of storing."""

    def done(self, count: int) -> None:
        """Noted; stops."""
        super().done(count)
        if 0 < count < ROWS:
            raise KeyboardInterrupt


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a party. Times, and its name, are left out."""

    party: Any
    steps: Any
    grants: list[Any]
    tranches: list[Any]
    audit: dict[tuple[str, str], int]


def came(office: Office, prefix: str) -> dict[int, Came]:
    """What came of the parties of a file, by their numbers."""
    found = standing(office)
    told: dict[str, dict[tuple[str, str], int]] = {party_id: {} for party_id in found.parties}
    for (verb, subject), times in found.audit.items():
        party_id = next((each for each in subject.split("/") if each in told), None)
        if party_id is not None:
            told[party_id][verb, subject.replace(party_id, "")] = times
    return {
        int(party_id.removeprefix(prefix)): Came(
            row,
            found.steps[party_id],
            [(when, what) for (who, when), what in found.grants.items() if who == party_id],
            [(no, what) for (grant, no), what in found.tranches.items() if party_id in grant.split("/")],
            told[party_id],
        )
        for party_id, row in found.parties.items()
        if party_id.startswith(prefix)
    }


def screened(office: Office, prefix: str) -> int:
    """How many rows of such parties were looked at."""
    mine = INTAKE_ROW.c.party_id.startswith(prefix), INTAKE_ROW.c.state == RowState.SCREENED
    with office.db.read() as conn:
        return int(conn.execute(select(func.count()).where(*mine)).scalar_one())


def kill_midway(office: Office, supervisor: Supervisor, file: Path, errors: Path) -> None:
    """Bring ``file`` in by the script, kill script and worker; return when the worker's successor got further."""
    argv = list(map(str, (SCRIPT, "import", file, "--as", "mei", "--errors", errors, "--state", office.settings.state)))
    heard = errors.with_suffix(".txt")
    with heard.open("w") as out, subprocess.Popen(argv, env=clean_environment(), stdout=out, stderr=out) as command:
        eventually(lambda: screened(office, "hurt-") > 50 or command.poll() is not None, within_s=PATIENCE_S)
        assert command.poll() is None, heard.read_text()
        command.kill()
    worker = supervisor.info.worker_pid
    os.kill(worker, signal.SIGKILL)
    midway = screened(office, "hurt-")
    assert midway < ROWS - 50
    eventually(lambda: supervisor.info.worker_pid != worker)
    eventually(lambda: screened(office, "hurt-") > midway, within_s=PATIENCE_S)  # by itself: nobody asked again


def test_five_hundred_come_in_though_worker_and_command_are_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [*os.environ]:
        if name.startswith(("FASTBRAND_", "TEMPORAL_")):
            monkeypatch.delenv(name)
    with installation(tmp_path / "state", edited(DEMO, tmp_path / "book", SOON)) as (office, supervisor):
        asyncio.run(bring(office, write(tmp_path / "calm.csv", "calm", len(KINDS), mistakes=False), Told()))
        undisturbed = came(office, "calm-")
        assert [each.party[1] for _, each in sorted(undisturbed.items())] == [stage for stage, _ in KINDS]

        file, errors, told = write(tmp_path / "hurt.csv", "hurt", ROWS, mistakes=True), tmp_path / "errors.csv", Told()
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(bring(office, file, Stopped()))
        assert not screened(office, "hurt-")
        kill_midway(office, supervisor, file, errors)
        done = asyncio.run(bring(office, file, told))

        assert (done["rows"], done["new"], done["known"], done["mistakes"]) == (ROWS, ROWS, 0, len(MISTAKES))
        assert done["stages"] == Counter(KINDS[number % len(KINDS)][0] for number in range(ROWS))
        found = came(office, "hurt-")
        assert found == {number: undisturbed[number % len(KINDS)] for number in range(ROWS)}
        check_told(told, errors)
        before = standing(office)
        again = asyncio.run(bring(office, file, Told()))
        assert (again["rows"], again["new"], again["intake_id"]) == (ROWS, ROWS, done["intake_id"])
        assert standing(office) == before
        check_books(office)
        asyncio.run(check_workflows(office))


def check_told(told: Told, errors: Path) -> None:
    """Progress only ever grew, up to all rows; every mistake stands in the file, by row and column."""
    screening = told.counts[told.counts.index(ROWS) + 1 :]  # after the facts were stored
    assert f"screened {ROWS}" in told.said
    assert screening == sorted(screening)
    assert len(set(screening)) > 5
    assert screening[-1] == ROWS
    wrong = list(csv.DictReader(errors.open(encoding="utf-8")))
    places = {at + nth: column for nth, (at, (_, _, column)) in enumerate(MISTAKES.items(), 1)}
    assert {int(each["row"]): each["column"] for each in wrong} == places
    assert all(each["reason"] for each in wrong)
