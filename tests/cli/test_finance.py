"""Finance at the command line: reports one by one and by the file, top-ups and clawbacks by two. Nothing runs here."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fastbrand.store.database import Database
from tests.cli import shapes
from tests.cli.driver import Cli
from tests.cli.shapes import among, misfits, sequence
from tests.store import given

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cli-wrong")]

DAY = "2022-05-14T08:00:00Z"
"""A moment at which what these tests release can be spent."""


@pytest.fixture
def db(warm: Cli) -> Iterator[Database]:
    """The database behind the command line."""
    warm("pool", "status").fine()
    database = Database(f"sqlite:///{warm.state / 'fastbrand.db'}")
    yield database
    database.close()


def _grant(db: Database, grant_id: str, *numbers: int) -> str:
    """A grant of 100 units of which these tranches are out."""
    given.a_reserved_grant(db, grant_id)
    given.release(db, grant_id, *numbers)
    return grant_id


def test_one_report(warm: Cli, db: Database) -> None:
    grant = _grant(db, "one/2022-05", 1)
    told = ("grant", "consume", grant, "--tranche", "1", "--report", "r1", "--reported-at", DAY, "--as", "jun")
    booked = warm.json(*told, "--units", "12")
    assert misfits(booked, shapes.REPORTED) == []
    assert warm.json(*told, "--units", "12")["state"] == "repeated"
    warm(*told, "--units", "13").failed(3, "report_differs", "told 12 units before")
    error = warm(*told[:5], "--report", "r2", *told[7:], "--units", "19", "--json").json()["error"]
    assert (error["code"], "1 more than there are to spend" in error["message"]) == ("beyond_released", True)
    shown = warm.json("grant", "show", grant)
    assert misfits(shown, {**shapes.GRANT, "entries": sequence, "clawbacks": sequence}) == []
    assert [(each["consumed"], each["unspent"]) for each in shown["tranches"]] == [(12, 18), (0, 0), (0, 0)]
    assert [each["ref"] for each in shown["entries"] if each["kind"] == "consume"] == ["r1"]


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("a/2022-05", "--tranche", "1"), "input", "one report needs `--units` and `--report` too"),
        (("a/2022-05", "--tranche", "1", "--units", "1", "--report", "r", "--errors", "x"), "input", "`--errors`"),
        (("a/2022-05", "--tranche", "1", "--units", "1", "--report", "r"), "not_found", "grant `a/2022-05`"),
        (("a/2022-05",), "unknown_suffix", "is of no kind that can be read"),
        (("nowhere.csv",), "unreadable", "there is no file"),
        (("nowhere.csv", "--reported-at", DAY), "input", "goes with one report"),
    ],
)
def test_reports_that_cannot_be_taken(warm: Cli, argv: tuple[str, ...], code: str, said: str) -> None:
    warm("grant", "consume", *argv, "--as", "jun").failed(2, code, said)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (("--units", "0", "--report", "r"), "input", "`0` is not a number of units"),
        (("--units", "1", "--report", ""), "label", "cannot be a report id"),
        (("--units", "1", "--report", "r" * 65), "label", "cannot be a report id"),
        (("--units", "1", "--report", "r", "--reported-at", "2999-01-01"), "input", "is in the future"),
        (("--units", "1", "--report", "r", "--reported-at", "noon"), "input", "`noon` is not a date"),
    ],
)
def test_one_report_that_cannot_be(warm: Cli, db: Database, more: tuple[str, ...], code: str, said: str) -> None:
    grant = _grant(db, "wrong/2022-05")
    warm("grant", "consume", grant, "--tranche", "1", *more, "--as", "jun").failed(2, code, said)


def _rows(path: Path, *rows: tuple[Any, ...]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("grant_id", "tranche", "units", "report_id", "reported_at", "zone"), *rows])
    return path


def test_a_file_of_reports(warm: Cli, db: Database, tmp_path: Path) -> None:
    """Good rows are booked; the others are told by row and are in the error file; the file again books nothing."""
    grant, errors = _grant(db, "file/2022-05", 1, 2), tmp_path / "errors.csv"
    file = _rows(
        tmp_path / "reports.csv",
        (grant, 1, 10, "d1", DAY, "north"),
        (grant, 2, 40, "d1", DAY, "south"),
        (grant, 1, 10, "d1", DAY, "said twice"),
        (grant, 1, 21, "d2", DAY, "one too many"),
        (grant, 3, 1, "d2", DAY, "not out"),
        (grant, 9, 1, "d2", DAY, "no such tranche"),
        ("nobody/2022-05", 1, 1, "d2", DAY, "no such grant"),
        (grant, 1, "some", "d2", DAY, "no number"),
        (grant, 1, 5, "", DAY, "no report"),
        (grant, 1, 5, "d3", "soon", "no time"),
        (grant, 1, 20, "d4", DAY, "the rest"),
    )
    told = ("grant", "consume", file, "--errors", errors, "--as", "jun")
    ran = warm(*told, "--json")
    assert ran.code == 1
    result = ran.json()
    assert misfits(result, shapes.REPORTS) == []
    counted = {key: result[key] for key in ("rows", "booked", "repeated", "refused", "mistakes", "units")}
    assert counted == {"rows": 11, "booked": 3, "repeated": 1, "refused": 2, "mistakes": 5, "units": 70}
    assert result["ignored_columns"] == ["zone"]
    with errors.open(encoding="utf-8", newline="") as written:
        wrong = list(csv.DictReader(written))
    assert [int(each["row"]) for each in wrong] == [4, 5, 6, 7, 8, 9, 10]
    assert [each["column"] for each in wrong[4:]] == ["units", "report_id", "reported_at"]
    assert "1 more than there are to spend" in wrong[0]["reason"]

    again = warm(*told)
    assert again.code == 1
    assert "row 4: report `d2`" in again.out
    assert {key: warm(*told, "--json").json()[key] for key in ("booked", "repeated")} == {"booked": 0, "repeated": 4}
    refused = list(warm.jsonl("audit", "list", "--verb", "tranche:report_refused"))
    assert [each["after"]["code"] for each in refused if each["subject"]["id"] == grant] == [
        "beyond_released",
        "not_released",
        "beyond_released",
    ]


def test_a_file_of_json_lines(warm: Cli, db: Database, tmp_path: Path) -> None:
    grant = _grant(db, "lines/2022-05", 1)
    rows = [{"grant_id": grant, "tranche": 1, "units": units, "report_id": f"r{units}"} for units in (1, 2.5, True, 3)]
    file = tmp_path / "reports.jsonl"
    file.write_text("\n".join(json.dumps({**row, "reported_at": DAY}) for row in rows), encoding="utf-8")
    result = warm("grant", "consume", file, "--as", "jun", "--json").json()
    assert (result["booked"], [each["row"] for each in result["problems"]]) == (2, [2, 3])
    (tmp_path / "good.jsonl").write_text(json.dumps({**rows[0], "reported_at": DAY}), encoding="utf-8")
    assert warm.json("grant", "consume", tmp_path / "good.jsonl", "--as", "jun")["repeated"] == 1


def test_files_that_cannot_be_taken_whole(warm: Cli, db: Database, tmp_path: Path) -> None:
    grant = _grant(db, "whole/2022-05", 1)
    (tmp_path / "columns.csv").write_text("grant,tranche,units,report_id\n", encoding="utf-8")
    warm("grant", "consume", tmp_path / "columns.csv", "--as", "jun").failed(2, "unknown_column", "`grant_id`")
    file = _rows(tmp_path / "reports.csv", (grant, 1, 10, "d1", DAY, ""))
    place = tmp_path / "not" / "there.csv"
    warm("grant", "consume", file, "--errors", place, "--as", "jun").failed(2, "unwritable", "cannot be written")
    warm("grant", "consume", file, "--as", "mei").failed(3, "not_permitted", "it takes the role `finance`")
    assert warm.json("grant", "show", grant)["tranches"][0]["consumed"] == 0


def test_a_top_up_by_two(warm: Cli) -> None:
    before = {pool["pool_id"]: pool for pool in warm.json("pool", "status")}["brand"]
    proposed = warm.json("pool", "top-up", "brand", "70", "--reason", "more brands", "--as", "jun")
    assert misfits(proposed, {**shapes.TOP_UP, "state": among("proposed")}) == []
    confirm = ("pool", "top-up", "--confirm", proposed["top_up_id"])
    warm(*confirm, "--as", "jun").failed(3, "four_eyes", "`jun` proposed")
    warm(*confirm, "--as", "lan").failed(3, "not_permitted", "it takes the role `finance`")
    done = warm.json(*confirm, "--as", "ping")
    assert misfits(done, {**shapes.TOP_UP, "state": among("confirmed")}) == []
    after = {pool["pool_id"]: pool for pool in warm.json("pool", "status")}["brand"]
    assert misfits(after, shapes.POOL) == []
    assert (after["top_ups"], after["available"]) == (before["top_ups"] + 70, before["available"] + 70)
    warm(*confirm, "--as", "dev").failed(3, "answered", "was confirmed by `ping`")
    warm("pool", "top-up", "--refuse", proposed["top_up_id"], "--reason", "no", "--as", "dev").failed(3, "answered")

    other = warm.json("pool", "top-up", "brand", "9", "--reason", "a slip", "--as", "jun")
    refused = warm.json("pool", "top-up", "--refuse", other["top_up_id"], "--reason", "a slip", "--as", "jun")
    assert (refused["state"], refused["answer_reason"]) == ("refused", "a slip")
    listed = warm.json("pool", "top-ups")
    assert misfits(listed, [shapes.TOP_UP]) == []
    assert [each["state"] for each in listed[:2]] == ["refused", "confirmed"]
    assert "top-ups" in warm("pool", "status").fine().out
    assert warm.json("pool", "reconcile")["balanced"] is True


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("pool", "top-up"), "input", "give POOL, or `--confirm ID`"),
        (("pool", "top-up", "brand"), "input", "a top-up needs an amount"),
        (("pool", "top-up", "brand", "5"), "input", "a proposal needs a reason"),
        (("pool", "top-up", "brand", "0", "--reason", "r"), "input", "`0` units cannot be added"),
        (("pool", "top-up", "brands", "5", "--reason", "r"), "not_found", "pool `brands` is not open"),
        (("pool", "top-up", "brand", "5", "--confirm", "x"), "input", "proposes and answers at once"),
        (("pool", "top-up", "--confirm", "tu-0"), "not_found", "top-up `tu-0` is not known"),
        (("grant", "clawback", "a/2022-05", "--reason", "r"), "input", "a clawback needs a cause"),
        (("grant", "clawback", "a/2022-05", "--cause", "c", "--reason", "r"), "not_found", "grant `a/2022-05`"),
        (("grant", "clawback", "--confirm", "cb-0"), "not_found", "clawback `cb-0` is not known"),
        (("grant", "clawback", "--confirm", "cb-0", "--cause", "c"), "input", "`--cause` goes with a proposal"),
        (("grant", "clawback"), "input", "give GRANT, or `--confirm ID`"),
    ],
    ids=" ".join,
)
def test_proposals_that_cannot_be(warm: Cli, argv: tuple[str, ...], code: str, said: str) -> None:
    warm(*argv, "--as", "jun").failed(2, code, said)


def test_a_clawback_by_two(warm: Cli, db: Database) -> None:
    """These grants are years old: the terms reach what was released within the time they say."""
    old = _grant(db, "old/2022-05", 1)
    would = warm.json("grant", "clawback", old, "--cause", "counterfeit", "--reason", "fakes", "--as", "jun")
    assert (would["voided"], would["unspent"], would["tranches"]) == (70, 0, [])

    grant = _grant(db, "fresh/2022-05")
    proposed = warm.json("grant", "clawback", grant, "--cause", "papers", "--reason", "forged", "--as", "jun")
    assert misfits(proposed, {**shapes.CLAWBACK, "terms": among("default")}) == []
    warm("grant", "clawback", "--confirm", proposed["clawback_id"], "--as", "jun").failed(3, "four_eyes")
    done = warm.json("grant", "clawback", "--confirm", proposed["clawback_id"], "--as", "ping", "--note", "seen")
    assert misfits(done, {**shapes.CLAWBACK, "state": among("confirmed")}) == []
    assert (done["voided"], done["answer_reason"]) == (100, "seen")
    warm("grant", "clawback", grant, "--cause", "papers", "--reason", "r", "--as", "jun").failed(3, "nothing_to_take")
    shown = warm.json("grant", "show", grant)
    assert (shown["state"], shown["cause"]) == ("voided", "clawed back: papers")

    refused = warm.json("grant", "clawback", "--refuse", would["clawback_id"], "--reason", "no fakes", "--as", "ping")
    assert refused["state"] == "refused"
    listed = warm.json("grant", "clawbacks")
    assert misfits(listed, [shapes.LISTED_CLAWBACK]) == []
    assert [(each["grant_id"], each["state"]) for each in listed] == [(grant, "confirmed"), (old, "refused")]
    assert warm.json("grant", "clawbacks", "--grant", old) == [listed[1]]
    verbs = [each["verb"] for each in warm.jsonl("audit", "list", "--party", "old") if "clawback" in each["verb"]]
    assert verbs == ["grant:clawback_proposed", "grant:clawback_refused"]
    assert warm.json("pool", "reconcile")["balanced"] is True
