"""``rules check`` on the command line: books, files of them, rule tests and mappings, for people and as data."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.driver import ROOT, Cli
from tests.cli.shapes import among, flag, integer, misfits, text

SHIPPED = ROOT / "rules" / "book"
MAPPING = ROOT / "examples" / "olist" / "mapping.yaml"
RULES, TESTS = "fast-brand.eligibility.yaml", "tests/fast-brand.yaml"
MISTAKE: dict[str, Any] = {
    "path": text,
    "line": integer,
    "column": integer,
    "code": text,
    "message": text,
    "hint": text,
    "grade": among("error", "warning"),
}
CHECK: dict[str, Any] = {"ok": flag, "path": text, "what": among("book", "tests", "mapping"), "mistakes": [MISTAKE]}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A copy of the shipped book."""
    return Path(shutil.copytree(SHIPPED, tmp_path / "book"))


def change(path: Path, old: str, new: str) -> int:
    """Change one place of a file; its line."""
    content = path.read_text(encoding="utf-8")
    assert old in content
    path.write_text(content.replace(old, new, 1), encoding="utf-8")
    return content[: content.index(old)].count("\n") + 1


def places(document: Any) -> list[tuple[str, int, str]]:
    """File, line and code of every mistake."""
    assert misfits(document, CHECK) == []
    return [(Path(each["path"]).name, each["line"], each["code"]) for each in document["mistakes"]]


def test_all_mistakes_of_all_files_with_the_nearest_names(warm: Cli, book: Path) -> None:
    facts = change(book / "facts.yaml", "type: flag", "type: flga")
    rules = change(book / RULES, "live_days_30d: {at_least: 8}", "live_days_30d: {at_lest: 8}")
    bonus = change(book / "traffic-bonus.incentive.yaml", "expires_after:", "expire_after:")
    ran = warm("rules", "check", book, "--json")
    assert ran.code == 1
    document = ran.json()
    assert not document["ok"]
    assert [each for each in places(document) if each[2] != "missing_key"] == [
        ("facts.yaml", facts, "unknown_word"),
        (RULES, rules, "unknown_operator"),
        ("traffic-bonus.incentive.yaml", bonus, "unknown_key"),
    ]
    hints = {each["code"]: each["hint"] for each in document["mistakes"]}
    assert hints["unknown_word"] == "did you mean `flag`?"
    assert hints["unknown_operator"] == "did you mean `at_least`?"
    assert hints["unknown_key"] == "did you mean `expires_after`?"
    told = warm("rules", "check", book)
    assert told.code == 1
    assert f"{book}/{RULES}:{rules}:" in told.out
    assert "error[unknown_operator]: `at_lest` is not an operator\n  help: did you mean `at_least`?\n" in told.out
    assert told.out.splitlines()[-1] == f"{book}: {len(document['mistakes'])} errors, 0 warnings"


def test_a_warning_has_a_witness_and_leaves_the_book_usable(warm: Cli, book: Path) -> None:
    line = change(book / RULES, "live_days_30d: {at_least: 8}", "live_days_30d: {at_least: 0}")
    document = warm("rules", "check", book, "--json").fine().json()
    assert document["ok"]
    assert (RULES, line, "never_fails") in places(document)
    found = next(each for each in document["mistakes"] if each["code"] == "never_fails")
    assert (found["grade"], found["witness"]) == ("warning", {"live_days_30d": 0})
    told = warm("rules", "check", book).fine().out
    assert "  witness: live_days_30d=0\n" in told


def test_one_file_of_a_book(warm: Cli, book: Path) -> None:
    change(book / "facts.yaml", "version:", "versoin:")
    line = change(book / RULES, "otherwise: reject", "otherwise: rejekt")
    for path in (book / RULES, book):
        ran = warm("rules", "check", path, "--json")
        assert ran.code == 1
        assert (RULES, line, "unknown_word") in places(ran.json())
    brand = warm("rules", "check", SHIPPED / "brand.eligibility.yaml").fine().out
    fast = warm("rules", "check", SHIPPED / RULES).fine().out
    assert ": no mistakes, 12 criteria, book " in brand
    assert ": no mistakes, 24 criteria, book " in fast
    assert ": no mistakes, 36 criteria, book " in warm("rules", "check", SHIPPED).fine().out


def test_a_file_of_rule_tests(warm: Cli, book: Path) -> None:
    assert "no mistakes, 65 cases, for the book " in warm("rules", "check", book / TESTS).fine().out
    line = change(book / TESTS, "outcome: eligible", "outcome: elegible")
    change(book / "tests" / "brand.yaml", "outcome: eligible", "outcome: elegible")
    ran = warm("rules", "check", book / TESTS, "--json")
    assert ran.code == 1
    assert (ran.json()["what"], places(ran.json())) == ("tests", [("fast-brand.yaml", line, "cannot_hold")])
    change(book / "facts.yaml", "type: flag", "type: flga")
    warm("rules", "check", book / TESTS).failed(2, "rule_file", "has 1 mistake")


def test_a_book_is_told_with_its_tests(warm: Cli, book: Path) -> None:
    """One run tells what is wrong in rules and tests alike, each at its line; what only broken cases would see failing
    is not said to be untested."""
    case = change(book / TESTS, "outcome: eligible", "outcome: elegible")
    fact = change(book / "tests" / "brand.yaml", "mass_awareness: 12%", "mass_awarenes: 12%")
    found = [("brand.yaml", fact, "unknown_fact"), ("fast-brand.yaml", case, "cannot_hold")]
    ran = warm("rules", "check", book, "--json")
    assert ran.code == 1
    assert (ran.json()["ok"], ran.json()["what"], places(ran.json())) == (False, "book", found)
    assert f"{book}/{TESTS}:{case}:" in warm("rules", "check", book).out
    # a warning about the rules stands beside them
    rule = change(book / RULES, "live_days_30d: {at_least: 8}", "live_days_30d: {at_least: 0}")
    told = places(warm("rules", "check", book, "--json").json())
    assert (RULES, rule, "never_fails") in told
    assert [each for each in told if each[0] != RULES] == found
    assert [each for each in told if each[2] == "untested"] == []
    # of one rule file, only what concerns it
    assert [each[0] for each in places(warm("rules", "check", book / RULES, "--json").json())] == [RULES]


def test_tests_of_a_book_that_cannot_be_used_are_told_as_far_as_they_go(warm: Cli, book: Path) -> None:
    """What a case means, only the book can say; how it is written, the file says by itself."""
    rule = change(book / RULES, "otherwise: reject", "otherwise: rejekt")
    wrong = change(book / TESTS, "outcome: eligible", "outcome: elegible")
    key = change(book / TESTS, "given:", "gvien:")
    (book / "tests" / "brand.yaml").write_bytes(b"rulebook: brand\ncases: [\n")
    ran = warm("rules", "check", book, "--json")
    assert ran.code == 1
    told = places(ran.json())
    assert (RULES, rule, "unknown_word") in told
    assert ("fast-brand.yaml", key, "unknown_key") in told
    assert [code for file, _, code in told if file == "brand.yaml"] == ["yaml_syntax"]
    assert ("fast-brand.yaml", wrong, "cannot_hold") not in told


def test_what_directories_above_are_called_says_nothing(warm: Cli, tmp_path: Path) -> None:
    """A book below somebody's ``tests`` is a book; a test file is one from wherever it is named."""
    book = Path(shutil.copytree(SHIPPED, tmp_path / "tests" / "book"))
    assert ": no mistakes, 24 criteria, book " in warm("rules", "check", book / RULES).fine().out
    assert "65 of 65 cases pass" in warm("rules", "test", book / RULES).fine().out
    assert "no mistakes, 65 cases" in warm("rules", "check", "fast-brand.yaml", cwd=book / "tests").fine().out
    assert "65 of 65 cases pass" in warm("rules", "test", "fast-brand.yaml", cwd=book / "tests").fine().out


def test_a_mapping(warm: Cli, tmp_path: Path) -> None:
    assert "mapping.yaml: no mistakes, for the working book " in warm("rules", "check", MAPPING).fine().out
    mine = Path(shutil.copy(MAPPING, tmp_path / "mine.yaml"))
    lines = [
        change(mine, "unit: BRL, rate: 1.35 CNY", "unit: BRL"),
        change(mine, "{column: orders}", "{colum: orders}"),
    ]
    ran = warm("rules", "check", mine, "--json")
    assert ran.code == 1
    assert ran.json()["what"] == "mapping"
    assert places(ran.json()) == [("mine.yaml", lines[0], "wrong_unit"), ("mine.yaml", lines[1], "unknown_key")]
    olist = {"FASTBRAND_BOOK": str(ROOT / "examples" / "olist" / "book")}
    told = warm("rules", "check", mine, more=olist).out  # in reais no rate is needed
    assert "wrong_unit" not in told
    assert "1 error, 0 warnings" in told


def test_nothing_there(warm: Cli, tmp_path: Path) -> None:
    warm("rules", "check", tmp_path / "nowhere").failed(2, "input", "is not there")
