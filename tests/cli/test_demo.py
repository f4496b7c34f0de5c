"""The main job on the command line: a sample, a foreign file, and what a second run adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.cli import shapes
from tests.cli.driver import ROOT, Cli
from tests.cli.shapes import misfits

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("cli-demo")]

OLIST = ROOT / "examples" / "olist"
SELLERS = """\
seller_id,quarter,gmv,orders,delivered_orders,late_delivery_rate,median_review_score,months_active,\
months_active_in_quarter,business_segment,business_type,city
strong,2018Q2,22000.10,240,231,0.013,5.0,14,3,pet,manufacturer,Ibitinga
late,2018Q2,9000,120,118,0.15,4.0,9,3,toys,reseller,Osasco
small,2018Q2,90.55,2,2,0,5.0,2,1,,,Bauru
silent,2018Q2,9000,120,118,0.02,,9,3,toys,reseller,Franca
gone,2018Q1,50000,900,890,0.01,5.0,20,3,toys,reseller,Santos
"""


def adds_up(report: dict[str, Any]) -> None:
    """Everybody is somewhere, and the ledger is balanced."""
    assert sum(report["stages"].values()) == report["candidates"]
    assert sum(report["screening"].values()) == report["candidates"]
    assert report["reconciled"] is True
    for pool in report["pool"].values():
        held = ("available", "reserved", "released_unspent", "consumed", "clawed_back")
        assert sum(pool[part] for part in held) == pool["budget"]


def test_sample_twice(cli: Cli) -> None:
    """One document, nothing else on stdout; the second run adds other parties to the same state."""
    first = cli("demo", "--sellers", "20", "--json").fine()
    assert "\x1b" not in first.err
    report = first.json()
    assert misfits(report, {**shapes.DEMO, "pool": {"fast-brand": shapes.POOL, "brand": shapes.POOL}}) == []
    assert report["candidates"] == 20
    adds_up(report)

    second = cli.json("demo", "--sellers", "20")
    adds_up(second)
    assert second["run_id"] != report["run_id"]
    assert second["audit"]["events"] > report["audit"]["events"]
    granted = report["grants"]["amount"] + second["grants"]["amount"]
    taken = sum(pool["budget"] - pool["available"] for pool in second["pool"].values())
    assert taken == granted > 0
    everybody = cli.json("party", "list", "--limit", "1000")
    assert len({each["party_id"] for each in everybody}) == 40
    assert {each["stage"] for each in everybody} <= {"vetting", "rejected", "endorsed", "active"}
    assert cli.json("pool", "reconcile") == {"balanced": True, "differences": []}
    assert not (cli.state / "run.json").exists()


def test_foreign_file_twice(tmp_path: Path) -> None:
    """Foreign columns, one quarter of them, under a book of its own; the same file again adds nothing."""
    file = tmp_path / "quarters.csv"
    file.write_text(SELLERS, encoding="utf-8")
    cli = Cli(tmp_path / "state")
    argv = ("demo", "--input", str(file), "--mapping", str(OLIST / "mapping.yaml"), "--book", str(OLIST / "book"))
    report = cli.json(*argv, "--where", "quarter=2018Q2", "--state", cli.state)
    assert misfits(report, {**shapes.DEMO, "pool": {"fast-brand": shapes.POOL}}) == []
    adds_up(report)
    stages = {each["party_id"]: each["stage"] for each in cli.json("party", "list")}
    assert stages == {
        "olist-strong": "endorsed",
        "olist-late": "vetting",
        "olist-small": "rejected",
        "olist-silent": "vetting",
    }
    assert report["grants"]["count"] == 1
    facts = {each["name"]: each["value"] for each in cli.json("facts", "show", "olist-strong")}
    assert (facts["gmv_90d"], facts["category"], facts["sourcing"]) == ("22000.1", "pet", "own_factory")
    unknown = {each["criterion"]: each["facts"] for each in cli.json("case", "show", "olist-silent")["unknown"]}
    assert "review_score" in {fact for facts in unknown.values() for fact in facts}

    again = cli(*argv, "--where", "quarter=2018Q2", "--state", cli.state, "--json").fine()
    assert "4 are here already" in again.err
    assert again.json()["audit"]["events"] == report["audit"]["events"]
    assert again.json()["pool"]["fast-brand"]["available"] == report["pool"]["fast-brand"]["available"]
    assert len(cli.json("party", "list")) == 4

    sample = cli.json("demo", "--sellers", "5")  # of this book's track only: nobody could judge the others
    assert {each["kind"] for each in cli.json("party", "list")} == {"M"}
    assert (sample["candidates"], sample["engine_faults"]) == (5, 0)


def test_rows_with_mistakes_are_left_out_and_told(tmp_path: Path) -> None:
    """The good rows go through; the wrong one is in the error file; the exit code is 1."""
    file = tmp_path / "facts.csv"
    file.write_text("party_id,gmv_90d\ngood,5\nbad,plenty\n", encoding="utf-8")
    ran = Cli(tmp_path / "state")("demo", "--input", file, "--errors", tmp_path / "errors.csv", "--json")
    assert ran.code == 1
    assert ran.json()["candidates"] == 1
    errors = (tmp_path / "errors.csv").read_text(encoding="utf-8").splitlines()
    assert errors[0] == "row,column,value,reason"
    assert errors[1].startswith("2,gmv_90d,plenty,")
