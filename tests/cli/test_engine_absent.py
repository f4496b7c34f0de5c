"""Without the rules engine nobody passes: a module that raises stands in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.driver import CANDIDATES, Cli

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("cli-engine")]


@pytest.fixture
def crippled(tmp_path: Path) -> Cli:
    """The command line where ``import durable_rules_engine`` raises, in every process."""
    place = tmp_path / "first-on-path"
    place.mkdir()
    (place / "durable_rules_engine.py").write_text("raise ImportError('no rules engine here')\n", encoding="utf-8")
    return Cli(tmp_path / "state", more={"PYTHONPATH": str(place)})


def test_decide_fails(crippled: Cli) -> None:
    ran = crippled("rules", "decide", "--book", "fast-brand", "--facts", CANDIDATES, "--json")
    assert ran.code == 70
    assert ran.out == ""
    assert ran.err.count("error[engine_fault]") == 4
    assert "Traceback" not in ran.err


def test_what_needs_it_says_so_in_one_line(crippled: Cli) -> None:
    """Tests that were not run are no failures, and a criterion is not untested because nothing could be asked."""
    for argv in (("rules", "test"), ("rules", "check")):
        crippled(*argv).failed(70, "engine_fault", "cannot be loaded", "install durable-rules")


def test_main_job_endorses_nobody(crippled: Cli) -> None:
    """Everybody ends with a person, the fault is told and counted, nothing is granted, and the exit code says so."""
    ran = crippled("demo", "--sellers", "12", "--json")
    assert ran.code != 0
    report = ran.json()
    assert report["stages"] == {"vetting": 12}
    assert report["screening"]["eligible"] == 0
    assert report["grants"] == {"count": 0, "amount": 0}
    assert report["engine_faults"] == 12
    assert report["open_cases"] == 12
    faults = crippled.jsonl("audit", "list", "--verb", "engine:fault")
    assert len({event["subject"]["id"] for event in faults}) == 12
    assert crippled.json("rules", "replay", "--all")["decisions"] == 0
