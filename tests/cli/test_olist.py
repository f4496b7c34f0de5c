"""Real sellers on the command line: counts of ``rules decide`` against the file itself, where the file is there."""

from __future__ import annotations

import csv
import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.driver import ROOT, Cli

FILE = Path(os.environ.get("FASTBRAND_OLIST") or ROOT.parent / "shared" / "data" / "olist" / "seller_quarters.csv")
OLIST = ROOT / "examples" / "olist"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("cli-olist"),
    pytest.mark.skipif(not FILE.is_file(), reason="the Olist sellers are not here: name the file by FASTBRAND_OLIST"),
]


def test_decisions_agree_with_the_file(tmp_path: Path) -> None:
    """Every seller of a quarter is decided once; who fails on sales is who sold for less, counted by hand."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        sellers = [row for row in csv.DictReader(lines) if row["quarter"] == "2018Q2"]
    mapping = ("--mapping", OLIST / "mapping.yaml", "--where", "quarter=2018Q2", "--as-of", "2018-07-02")
    book = OLIST / "book" / "fast-brand.eligibility.yaml"
    decisions = Cli(tmp_path / "state").jsonl("rules", "decide", "--book", book, "--facts", FILE, *mapping)
    assert len(decisions) == len(sellers) == len({each["party"] for each in decisions})
    failed = Counter(
        reason["criterion"] for each in decisions for reason in each["reasons"] if reason["verdict"] == "fail"
    )
    poor = [row for row in sellers if Decimal(row["gmv"]) < 2000]
    few = [row for row in sellers if int(row["orders"]) < 10]
    assert failed["business.sales"] == len(poor) > 1000
    assert failed["business.orders"] == len(few) > 1000
    refused = {each["party"] for each in decisions if each["outcome"] == "ineligible"}
    assert {f"olist-{row['seller_id']}" for row in poor} <= refused
