"""``fastbrand document`` and ``facts import`` by the real script: what scripts and people get."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.cli import shapes
from tests.cli.driver import CANDIDATES, Cli
from tests.cli.shapes import maybe, misfits, text

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.xdist_group("cli-json")]

BRAND = "changhe-appliances"
MARK = ("number=12345678", "class=11", "status=registered", f"owner={BRAND}")
ADDED = {**shapes.DOCUMENT, "facts": shapes.sequence, "stage": text, "screening": maybe(text), "command_id": text}


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scanned paper."""
    path = tmp_path_factory.mktemp("papers") / "mark.pdf"
    path.write_bytes(b"%PDF-1.7 a trademark")
    return path


@pytest.fixture(scope="module")
def desk(served: Cli) -> Cli:
    """Where a brand has applied."""
    served.json("party", "apply", "--id", BRAND, "--track", "S", "--facts", CANDIDATES, "--as", "mei")
    return served


def test_a_paper_from_bringing_it_in_to_getting_it_back(desk: Cli, scan: Path) -> None:
    dates = ("--issued", "2020-01-01", "--expires", "2090-01-01")
    added = desk.json("document", "add", BRAND, "trademark", *MARK, *dates, "--file", scan, "--as", "mei")
    assert misfits(added, ADDED) == []
    assert "trademark_status" in added["facts"]
    the_id = added["document_id"]
    newer = desk.json("document", "add", BRAND, "trademark", *MARK, *dates, "--file", scan, "--supersedes", the_id)
    listed = desk.json("document", "list", "--party", BRAND)
    assert misfits(listed, [shapes.DOCUMENT]) == []
    assert [each["document_id"] for each in listed] == [newer["document_id"]]
    assert desk.json("party", "show", BRAND)["documents"] == listed
    shown = desk.json("document", "show", newer["document_id"])
    assert misfits(shown, {**shapes.DOCUMENT, "findings": shapes.sequence, "history": [shapes.DOCUMENT]}) == []
    assert desk.json("document", "expiring", "--within", "30000")[0]["days_left"] > 20_000

    out = scan.parent / "out.pdf"
    assert misfits(desk.json("document", "get", newer["document_id"], "--out", out), shapes.GOT_FILE) == []
    assert out.read_bytes() == scan.read_bytes()
    desk("document", "get", newer["document_id"], "--out", out).failed(2, "exists", "is there already")

    assert misfits(desk.json("document", "verify"), shapes.VERIFIED) == []
    place = desk.state / "files" / newer["file_sha256"][:2] / newer["file_sha256"]
    place.chmod(0o600)
    place.write_bytes(b"forged")
    found = desk("document", "verify", "--json")
    assert (found.code, found.json()["findings"][0]["code"]) == (1, "damaged_file")
    desk("document", "get", newer["document_id"], "--out", scan.parent / "x.pdf").failed(4, "damaged_file")

    gone = desk.json("document", "withdraw", newer["document_id"], "--note", "forged", "--as", "lan")
    assert gone["state"] == "withdrawn"


def test_it_reads_well_on_a_terminal(desk: Cli) -> None:
    added = desk("document", "add", BRAND, "contract", "number=K-17", "--issued", "2022-01-01").fine()
    assert "number  K-17" in added.out
    assert "counts" in added.out
    assert "K-17" in desk("document", "list").fine().out
    assert "Documents" in desk("party", "show", BRAND).fine().out
    assert "no document ends within 30 days" in desk("document", "expiring", "--party", BRAND).fine().out


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (("add", "nobody-here", "trademark"), "not_found", "`nobody-here`"),
        (("add", BRAND, "trade"), "input", "`trade` is not a kind of document"),
        (("add", BRAND, "trademark", "number"), "input", "`number` is not NAME=VALUE"),
        (("add", BRAND, "business_licence", "uscc=91110000600037341M"), "uscc", "check digit is wrong"),
        (("add", BRAND, "contract", "number=1", "--issued", "2999-01-01"), "input", "which is to come"),
        (("show", "d-nothing"), "not_found", "`d-nothing`"),
        (("list", "--kind", "passport"), "input", "`passport` is not a kind"),
        (("expiring", "--within", "-1"), "input", "`-1` is not a number of days"),
    ],
)
def test_what_cannot_be_is_one_line_with_the_mend(desk: Cli, argv: tuple[str, ...], code: str, said: str) -> None:
    desk("document", *argv).failed(2, code, said)


def test_facts_of_many_with_a_row_that_is_left_out(desk: Cli, tmp_path: Path) -> None:
    file, errors = tmp_path / "facts.csv", tmp_path / "errors.csv"
    file.write_text(f"party_id,review_score\n{BRAND},4.5\nchanghe-aplliances,4.4\n", encoding="utf-8")
    first = desk("facts", "import", str(file), "--errors", str(errors), "--json", "--as", "mei")
    assert first.code == 1
    assert misfits(first.json(), shapes.IMPORTED_FACTS) == []
    assert (first.json()["recorded"], first.json()["skipped"]) == (1, 1)
    (wrong,) = csv.DictReader(errors.open(encoding="utf-8"))
    assert (wrong["row"], wrong["column"], wrong["value"]) == ("2", "party_id", "changhe-aplliances")
    again = desk("facts", "import", str(file))
    assert again.code == 1
    assert "recorded         0" in again.out
    assert "row 2, column `party_id`: party `changhe-aplliances` is not known" in again.err
    age = desk("facts", "show", BRAND, "--history").fine().out
    assert "file:facts.csv" in age
    assert "superseded" in age
