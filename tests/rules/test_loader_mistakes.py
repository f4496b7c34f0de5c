"""Every mistake of a rule book is told once, at its line and column, with its code."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from rules.loader import check_directory
from rules.loading.book import assemble
from rules.mistakes import CODES, Mistake
from tests.rules.small_book import FILES, write
from tests.rules.spoiled import CASES, MORE_FILES, Case

MARK = "»"  # stands in a case right before the place of a mistake


def places(text: str) -> list[tuple[int, int]]:
    """Line and column of every mark, as they are once the marks are gone."""
    found = []
    for number, line in enumerate(text.split("\n"), start=1):
        found += [(number, column - i) for i, column in enumerate(at + 1 for at, c in enumerate(line) if c == MARK)]
    return found


def spoil(case: Case) -> tuple[dict[str, str], list[tuple[str, int, int]]]:
    """The small book with the case's change, and where mistakes are to be found."""
    path, old, new, _ = case
    text = FILES[path]
    assert text.count(old) == 1, f"`{old}` stands {text.count(old)} times in {path}"
    marked = text.replace(old, new)
    return {**FILES, path: marked.replace(MARK, "")}, [(path, *place) for place in places(marked)]


def check(files: dict[str, str]) -> list[Mistake]:
    book, mistakes = assemble({path: text.encode() for path, text in files.items()})
    assert (book is None) == bool(mistakes)
    return mistakes


def test_the_small_book_has_no_mistakes() -> None:
    assert check(FILES) == []


@pytest.mark.parametrize("case", CASES, ids=[f"{i}-{'-'.join(case[3])}" for i, case in enumerate(CASES)])
def test_a_mistake_is_told_at_its_place(case: Case) -> None:
    files, expected = spoil(case)
    found = check(files)
    assert [(m.path, m.line, m.column) for m in found] == expected, "\n".join(map(str, found))
    assert [m.code for m in found] == list(case[3])
    for mistake in found:
        assert mistake.hint
        assert mistake.message
        assert mistake.message[0] == mistake.message[0].lower()


@pytest.mark.parametrize(("files", "expected"), MORE_FILES)
def test_mistakes_that_concern_several_files(files: dict[str, str], expected: list[tuple[str, str]]) -> None:
    at = [(path, *place) for path, text in sorted(files.items()) for place in places(text)]
    bare = {path: text.replace(MARK, "") for path, text in files.items()}
    found = check({path: text for path, text in {**FILES, **bare}.items() if text})
    assert [(m.path, m.code) for m in found] == expected, "\n".join(map(str, found))
    assert [(m.path, m.line, m.column) for m in found if m.path != "."] == at


def test_every_code_has_a_test() -> None:
    told = {code for case in CASES for code in case[3]} | {code for _, found in MORE_FILES for _, code in found}
    elsewhere = {  # in test_loader_files, test_versions and testing/
        *("file_unreadable", "file_name", "file_size", "file_encoding", "file_empty", "book_size", "too_many"),
        *("yaml_depth", "yaml_documents", "version_not_raised"),
        *("unknown_rulebook", "derived_given", "not_in_force", "cannot_hold"),
    }
    assert told <= set(CODES)
    assert set(CODES) - told == elsewhere


@pytest.mark.parametrize(
    ("path", "old", "new", "hint"),
    [
        ("fast.eligibility.yaml", "owns_brand: {is", "own_brand: {is", "did you mean `owns_brand`?"),
        ("fast.eligibility.yaml", "at_least: 60", "atleast: 60", "did you mean `at_least`?"),
        ("fast.eligibility.yaml", "otherwise: reject", "otherwise: rejected", "did you mean `reject`?"),
        ("fast.eligibility.yaml", "score: {trust", "score: {thrust", "did you mean `trust`?"),
        ("fast.eligibility.yaml", "kind: eligibility", "kind: eligbility", "did you mean `eligibility`?"),
        ("fast.eligibility.yaml", "min_sample: 30", "min_samples: 30", "did you mean `min_sample`?"),
        ("fast.eligibility.yaml", "group: repurchase}", "group: repurchased}", "did you mean `repurchase`?"),
        ("fast.eligibility.yaml", "is_not: toys", "is_not: toy", "did you mean `toys`?"),
        ("fast.eligibility.yaml", "is_not: toys", "is_not: books", "write one of `food`, `toys`"),
        ("queues.routing.yaml", "criterion: rate", "criterion: rat", "did you mean `rate`?"),
        ("upkeep.maintenance.yaml", "limit: angry", "limit: anger", "did you mean `angry`?"),
        ("bonus.incentive.yaml", "M: main", "M: mian", "did you mean `main`?"),
        ("facts.yaml", "type: flag", "type: flags", "did you mean `flag`?"),
    ],
)
def test_the_nearest_name_is_offered(path: str, old: str, new: str, hint: str) -> None:
    assert hint in [m.hint for m in check({**FILES, path: FILES[path].replace(old, new)})]


def test_all_mistakes_of_all_files_are_told_in_one_run_sorted_by_place(tmp_path: Path) -> None:
    slips = [
        ("facts.yaml", "type: flag", "type: flags"),
        ("facts.yaml", "range: [1%, 500%]", "range: [1, 500%]"),
        ("fast.eligibility.yaml", "weight: 30", "weight: 30%"),
        ("fast.eligibility.yaml", "in_flight: pin", "in_flight: pinned"),
        ("fast.eligibility.yaml", "at_least: 1_000_000 CNY", "at_least: 1_000_000"),
        ("fast.eligibility.yaml", "  - {then: refer}", "  - {then: refers}"),
        ("upkeep.maintenance.yaml", "every: 1 month", "every: month"),
        ("bonus.incentive.yaml", "share: 70%", "share: 60%"),
        ("queues.routing.yaml", "role: reviewer", "role: reviewers"),
    ]
    files = dict(FILES)
    for path, old, new in slips:
        assert files[path].count(old) == 1
        files[path] = files[path].replace(old, new)
    book, mistakes = check_directory(write(tmp_path, files))
    assert book is None
    told = Counter(str(Path(mistake.path).relative_to(tmp_path)) for mistake in mistakes)
    assert told == Counter(path for path, _, _ in slips)
    assert mistakes == sorted(mistakes)


def test_a_mistake_reads_as_place_grade_code_message_and_help(tmp_path: Path) -> None:
    files = {**FILES, "fast.eligibility.yaml": FILES["fast.eligibility.yaml"].replace("min_sample", "min_samples")}
    _, mistakes = check_directory(write(tmp_path, files))
    (mistake,) = mistakes
    place = re.escape(f"{tmp_path}/fast.eligibility.yaml:24:5")
    assert re.fullmatch(
        place + r": error\[unknown_key\]: a criterion has no key `min_samples`\n  help: did you mean `min_sample`\?",
        str(mistake),
    )
    assert mistake.as_dict() == {
        "path": f"{tmp_path}/fast.eligibility.yaml",
        "line": 24,
        "column": 5,
        "code": "unknown_key",
        "message": "a criterion has no key `min_samples`",
        "hint": "did you mean `min_sample`?",
        "grade": "error",
        "witness": None,
    }


def test_what_is_broken_once_is_told_once() -> None:
    """A fact, band or criterion that has a mistake is not called unknown wherever it is used."""
    facts = FILES["facts.yaml"].replace(
        "type: ratio, range: [0%, 100%], sample", "type: ration, range: [0%, 100%], sample"
    )
    assert [m.code for m in check({**FILES, "facts.yaml": facts})] == ["unknown_word"]
    criteria = FILES["fast.eligibility.yaml"].replace("min_sample: 30", "min_sample: none")
    assert [m.code for m in check({**FILES, "fast.eligibility.yaml": criteria})] == ["wrong_type"]
    scores = FILES["fast.eligibility.yaml"].replace("weight: 70", "weight: 60")
    assert [m.code for m in check({**FILES, "fast.eligibility.yaml": scores})] == ["weights"]
    bands = FILES["upkeep.maintenance.yaml"].replace("less_than: 60", "less_than: sixty")
    assert [m.code for m in check({**FILES, "upkeep.maintenance.yaml": bands})] == ["wrong_type"]
    pools = FILES["programme.yaml"].replace("budget: 1_000_000", "budget: lots")
    assert [m.code for m in check({**FILES, "programme.yaml": pools})] == ["wrong_type"]
    for path, text in FILES.items():
        broken = check({**FILES, path: text + "\n]"})
        assert [(m.path, m.code) for m in broken] == [(path, "yaml_syntax")]
