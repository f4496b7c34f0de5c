"""A programme year: a hundred sellers, twelve months, the real server; then what must hold."""

from __future__ import annotations

import os
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli.driver import ROOT, SCRIPT, Cli, clean_environment

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("simulate")]

SOAK = os.environ.get("FASTBRAND_SOAK") == "1"


def lived(state: Path, parties: int, months: int, *, pinned: bool) -> dict[str, Any]:
    """Live so many months with so many sellers, ``pinned`` to one processor; what the command tells."""
    import json

    words = ["simulate", "--parties", str(parties), "--months", str(months), "--state", str(state), "--json"]
    # no delay of the machine counts there: tests that have deadlines go first
    argv, pipe = ["nice", str(SCRIPT), *words], subprocess.PIPE
    with subprocess.Popen(argv, cwd=ROOT, env=clean_environment(), stdout=pipe, stderr=pipe, text=True) as process:
        try:
            if pinned:
                keep_to_one_processor(process.pid)
            out, err = process.communicate()
        except BaseException:  # the test took too long
            process.kill()
            raise
    assert process.returncode == 0, out[-3_000:] + err[-3_000:]
    found: dict[str, Any] = json.loads(out)
    return found


def keep_to_one_processor(pid: int) -> None:
    """Let a process, and all that it will start, keep to one processor, where the system can.

    With a hundred sellers server, worker and command hand everything on to each other, so they are hardly ever at work
    at once; to wake somebody on another processor is a seventh of what such a year costs.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {max(os.sched_getaffinity(0))})


def holds(found: dict[str, Any]) -> None:
    """Every invariant, and each of them over something."""
    assert [each for each in found["invariants"] if not each["holds"] or not each["checked"]] == []
    rates = [float(each["per_base"]) for each in found["trust_and_bonus"]]
    assert all(less <= more for less, more in pairwise(rates))
    # people let one case in ten lie, and nothing else makes a case late, on however slow a machine
    assert 0.75 <= float(found["board"]["cases"]["sla_hit_rate"]) < 1


@pytest.mark.timeout(1_800)  # one that hangs; on a quiet machine it takes three minutes
def test_a_year_with_a_hundred_sellers(tmp_path: Path) -> None:
    state = tmp_path / "year"
    found = lived(state, 100, 12, pinned=True)
    holds(found)
    assert len(set(found["months_lived"])) == 12
    stages = {stage for mine in found["stages"].values() for stage in mine}
    assert {"endorsed", "active", "rejected", "revoked"} <= stages
    # every step down and back was taken, and people had their part in it
    moves = {"watch", "clear", "demote", "suspend", "reinstate", "revoke", "promote", "appeal", "answer", "expire"}
    assert moves <= set(found["moves"])
    assert sum(number for mine in found["stages"].values() for number in mine.values()) == 100
    # the directory is an installation like any other, on the simulation's clock (all decisions were replayed above)
    cli = Cli(state)
    assert cli("pool", "reconcile").code == 0
    (endorsed, *_) = cli.json("party", "list", "--stage", "endorsed")
    assert cli.json("party", "show", endorsed["party_id"])["stage"] == "endorsed"
    again = cli("simulate", "--parties", "5", "--state", state)
    again.failed(2, "not_empty", "is not empty")


@pytest.mark.soak
@pytest.mark.skipif(not SOAK, reason="`make soak`")
@pytest.mark.timeout(0)
def test_a_year_with_two_thousand_sellers(tmp_path: Path) -> None:
    # server and worker are both busy all the time, with so many: more than one processor does
    holds(lived(tmp_path / "year", 2_000, 12, pinned=False))
