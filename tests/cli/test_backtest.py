"""``rules backtest``: over files and over history, on the terminal, as JSON, as a page; progress; the real sellers."""

from __future__ import annotations

import csv
import json
import os
import pty
import shutil
import subprocess
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.driver import CANDIDATES, ROOT, SCRIPT, Cli
from tests.cli.shapes import among, decimal, integer, mapping, maybe, misfits, moment, sequence, sha256, text

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-diff")]

BOOK = ROOT / "rules" / "book"
OUTCOME = among("eligible", "refer", "ineligible")
COUNTS = {"eligible": integer, "refer": integer, "ineligible": integer}
FLIP = {
    "id": text,
    "old": OUTCOME,
    "new": OUTCOME,
    "criteria": [text],
    "direction": among("stricter", "looser"),
    "track": among("M", "S"),
    "bonus": {"live": integer, "candidate": integer},
    "category": maybe(text),
}
POOL = {"budget": integer, "year": integer, "share": decimal, "months": maybe(integer)}
SIDE = {"sha256": sha256, "label": text, "versions": mapping}
FUNNEL = {"screened": integer, "approved": integer, "people": mapping, "refused": integer}
DOCUMENT = {
    "records": integer,
    "matrix": {"eligible": COUNTS, "refer": COUNTS, "ineligible": COUNTS},
    "flips": [FLIP],
    "flip_count": {"total": integer, "stricter": integer, "looser": integer},
    "causes": [{"criteria": [text], "old": OUTCOME, "new": OUTCOME, "flips": integer}],
    "funnel": {"live": FUNNEL, "candidate": FUNNEL},
    "reasons": [{"criterion": text, "live": maybe(mapping), "candidate": maybe(mapping)}],
    "bonus": {"live": integer, "candidate": integer, "period_months": integer, "unit": mapping, "by_tier": sequence},
    "pool_effect": {"fast-brand": {"unit": mapping, "available": maybe(integer), "live": POOL, "candidate": POOL}},
    "scores": {"trust": {"from": decimal, "width": decimal, "live": mapping, "candidate": mapping}},
    "confirmed": {"flips": integer, "others": integer, "mismatches": integer},
    "engine_mismatch": sequence,
    "skipped": {"rows": integer, "mistakes": sequence, "tracks": sequence},
    "over": {"kind": among("file", "history"), "name": text, "tracks": sequence},
    "at": moment,
    "live": SIDE,
    "candidate": SIDE,
}


@pytest.fixture(scope="module")
def milder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped book, in which 20% of sales to followers are enough."""
    copy = tmp_path_factory.mktemp("policy") / "book"
    shutil.copytree(BOOK, copy)
    file = copy / "fast-brand.eligibility.yaml"
    written = file.read_text(encoding="utf-8")
    for old, new in (("private_gmv_share_30d: {at_least: 30%}", "private_gmv_share_30d: {at_least: 20%}"),):
        assert written.count(old) == 1
        written = written.replace(old, new)
    file.write_text(written, encoding="utf-8")
    return copy


def test_over_a_file(warm: Cli, milder: Path, tmp_path: Path) -> None:
    """Nothing is written where nobody asked for it: no database, no server."""
    asked = ("rules", "backtest", "--candidate", milder, "--over", CANDIDATES)
    ran = warm(*asked, "--json").fine()
    document = ran.json()
    assert misfits(document, DOCUMENT) == []
    (flip,) = document["flips"]
    assert (flip["id"], flip["old"], flip["new"]) == ("shanlan-tea", "ineligible", "eligible")
    assert flip["criteria"] == ["private_domain.sales"]
    assert (document["over"], ran.err) == ({"kind": "file", "name": "candidates.csv", "tracks": ["M"]}, "")
    assert not warm.state.exists()

    page, flips = tmp_path / "page.html", tmp_path / "flips.jsonl"
    ran = warm(*asked, "--html", page, "--flips", flips).fine()
    assert ran.out.startswith("1 of 4 records would flip (25.0%): 0 stricter, 1 looser; bonus ")
    assert "Share of sales from followers in 30 days: at least 30% → 20%" in ran.out
    assert f"report: {page}" in ran.out
    assert "evaluating: 4 of 4" in ran.err
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert [json.loads(line)["id"] for line in flips.read_text(encoding="utf-8").splitlines()] == ["shanlan-tea"]
    chinese = warm(*asked, "--lang", "zh").fine().out
    assert chinese.startswith("4 条记录中 1 条结论会改变（25.0%）：0 条变严，1 条变松；激励")
    assert "shanlan-tea: 不符合 -> 符合" in chinese


def test_over_history(warm: Cli, milder: Path) -> None:
    """A state directory in which nobody applied is a history too; the live book is the one in force there."""
    ran = warm("rules", "backtest", "--candidate", milder, "--over-history", "--json").fine()
    assert ran.json()["records"] == 0
    assert ran.json()["live"]["label"] == ran.json()["live"]["sha256"][:16]
    assert "there is nothing to compare" in warm("rules", "backtest", "--candidate", BOOK, "--over-history").fine().out


def test_wrong_use_is_told_with_the_mend(warm: Cli, milder: Path, tmp_path: Path) -> None:
    backtest = ("rules", "backtest", "--candidate")
    warm(*backtest, milder).failed(2, "usage", "what to try the candidate on", "--over-history")
    warm(*backtest, milder, "--over", CANDIDATES, "--over-history").failed(2, "usage", "what to try")
    warm(*backtest, milder, "--over-history", "--as-of", "2022-08-01").failed(2, "usage", "go with `--over FILE`")
    warm(*backtest, tmp_path / "no", "--over", CANDIDATES).failed(2, "input", "is not a book directory")
    warm(*backtest, milder, "--over", tmp_path / "no.csv").failed(2, "unreadable", "no file")
    warm(*backtest, milder, "--over", CANDIDATES, "--track", "X").failed(2, "input", "`X`")
    warm(*backtest, milder, "--over", CANDIDATES, "--as-of", "soon").failed(2, "input", "`soon`")
    warm(*backtest, milder, "--over", CANDIDATES, "--html", tmp_path / "no" / "x.html").failed(
        2, "unwritable", "x.html"
    )
    broken = tmp_path / "broken"
    shutil.copytree(milder, broken)
    (broken / "facts.yaml").write_text("kind: facts\n", encoding="utf-8")
    ran = warm(*backtest, broken, "--over", CANDIDATES)
    assert ran.code == 2
    assert "facts.yaml:1:" in ran.err


def test_rows_with_mistakes_are_named_and_the_exit_code_says_so(warm: Cli, milder: Path, tmp_path: Path) -> None:
    facts = tmp_path / "facts.csv"
    facts.write_text("party_id,gmv_90d,live_days_30\ngood,5,3\nbad,plenty,3\n", encoding="utf-8")
    ran = warm("rules", "backtest", "--candidate", milder, "--over", facts)
    assert ran.code == 1
    assert "row 2, column `gmv_90d`" in ran.err
    assert "did you mean `live_days_30d` by `live_days_30`?" in ran.err
    assert "1 row with mistakes left out" in ran.out


def test_on_a_terminal_there_is_one_bar_a_phase(cli: Cli, milder: Path) -> None:
    ours, theirs = pty.openpty()
    words = [str(SCRIPT), "rules", "backtest", "--candidate", str(milder), "--over", str(CANDIDATES)]
    with open(ours, "rb", buffering=0) as screen:
        process = subprocess.Popen(words, env=cli.environment, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs)
        os.close(theirs)
        shown = b""
        try:
            while piece := screen.read(4096):
                shown += piece
        except OSError:  # Linux says so when the other end is closed
            pass
    assert process.wait(60) == 0
    last = shown.decode().rpartition("evaluating")
    assert "4/4" in last[2]
    assert "confirming" in last[2]
    assert "0/4" not in shown.decode().rpartition("\x1b[2K")[2]  # no bar was left behind at nothing


OLIST = Path(os.environ.get("FASTBRAND_OLIST") or ROOT.parent / "shared" / "data" / "olist" / "seller_quarters.csv")


@pytest.mark.skipif(not OLIST.is_file(), reason="the Olist sellers are not here: name the file by FASTBRAND_OLIST")
def test_real_sellers(warm: Cli, tmp_path: Path) -> None:
    """All quarters under the example's book and one that asks for fewer late deliveries, counted from the file."""
    example = ROOT / "examples" / "olist"
    candidate = tmp_path / "book"
    shutil.copytree(example / "book", candidate)
    file = candidate / "fast-brand.eligibility.yaml"
    written = file.read_text(encoding="utf-8")
    assert "late_delivery_rate_90d: {at_most: 10%}" in written
    file.write_text(written.replace("late_delivery_rate_90d: {at_most: 10%}", "late_delivery_rate_90d: {at_most: 8%}"))
    asked = ("--live", example / "book", "--over", OLIST, "--mapping", example / "mapping.yaml", "--json")
    ran = warm("rules", "backtest", "--candidate", candidate, *asked)
    assert ran.code == 1  # six rows have a review score below the scale
    document = ran.json()
    assert misfits({**document, "flips": document["flips"][:5]}, DOCUMENT) == []
    with OLIST.open(encoding="utf-8", newline="") as lines:
        rows = [
            row
            for row in csv.DictReader(lines)
            if not row["median_review_score"] or float(row["median_review_score"]) >= 1
        ]
    assert (document["records"], document["skipped"]["rows"]) == (len(rows), 6)
    late = [
        row
        for row in rows
        if int(row["delivered_orders"]) >= 10 and Decimal("0.08") < Decimal(row["late_delivery_rate"]) <= Decimal("0.1")
    ]
    (moved,) = (each for each in document["reasons"] if each["live"] != each["candidate"])
    assert moved["criterion"] == "business.delivery"
    assert moved["candidate"]["failed"] - moved["live"]["failed"] == len(late) > 100
    flips = Counter(each["id"] for each in document["flips"])
    assert flips
    assert not flips - Counter(f"olist-{row['seller_id']}" for row in late)
    assert document["confirmed"]["mismatches"] == 0
    assert document["confirmed"]["flips"] == document["flip_count"]["total"] == sum(flips.values())
