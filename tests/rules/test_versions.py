"""A file whose meaning changed needs a raised version."""

from __future__ import annotations

import pytest

from rules.loader import changed_without_version
from rules.loading.book import assemble
from rules.loading.head import version_key
from rules.model import Book
from tests.rules.small_book import ELIGIBILITY, FILES

E = "fast.eligibility.yaml"


def load(files: dict[str, str], root: str = "") -> Book:
    book, mistakes = assemble({path: text.encode() for path, text in files.items()}, root=root)
    assert book is not None, "\n".join(map(str, mistakes))
    return book


OLD = load(FILES)


def told(files: dict[str, str]) -> list[tuple[str, int, int, str]]:
    found = changed_without_version(OLD, load(files, root="new"))
    assert all(m.hint and m.grade == "error" for m in found)
    return [(m.path, m.line, m.column, m.code) for m in found]


def test_the_same_book_needs_nothing() -> None:
    assert told(FILES) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "line"),
    [
        (E, "food: 30%", "food: 31%", 3),
        (E, "otherwise: reject", "otherwise: refer", 3),
        (E, "en: Own brand", "en: Its own brand", 3),
        (E, "in_flight: pin", "in_flight: reevaluate", 3),
        (E, "{from: 2022-05-13}", "{from: 2022-05-14}", 3),
        ("facts.yaml", "max_age: 35 days", "max_age: 36 days", 2),
        ("facts.yaml", "en: Buyers", "en: All buyers", 2),
        ("programme.yaml", "budget: 500", "budget: 501", 2),
        ("programme.yaml", "mcn: 90", "mcn: 91", 2),
        ("queues.routing.yaml", "24 hours", "25 hours", 4),
        ("upkeep.maintenance.yaml", "clear_for: 6", "clear_for: 7", 3),
        ("bonus.incentive.yaml", "share: 30%", "share: 70%", 3),
    ],
)
def test_a_changed_file_is_told_at_its_version(path: str, old: str, new: str, line: int) -> None:
    text = FILES[path].replace(old, new)
    if path.startswith("bonus"):
        text = text.replace("share: 70%, after: 10", "share: 30%, after: 10")
    assert text != FILES[path]
    column = len("version: ") + 1
    assert told({**FILES, path: text}) == [(f"new/{path}", line, column, "version_not_raised")]
    for raised in ('"2022.3"', '"2022.10"', '"2023"', "2022.2.1"):
        version = '"2022.2"' if path == E else '"1"'
        assert told({**FILES, path: text.replace(version, raised, 1)}) == []


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (E, "rulebook: fast", "# a comment\nrulebook:   fast"),
        (E, "1_000_000 CNY", "1000000 CNY"),
        (E, "30 minutes", "0.5 hours"),
        (E, "weight: 30}", "weight: 30.0}"),
        (E, "{repurchase: {at_least", "{repurchase: {at_least"),
        (E, "    otherwise: refer\n    unknown: note", "    unknown: note\n    otherwise: refer"),
        ("facts.yaml", 'version: "1"', "version: 1"),
        ("facts.yaml", "range: [0%, 100%], sample: buyers", "sample: buyers, range: [0%, 100%]"),
    ],
)
def test_another_spelling_is_no_change(path: str, old: str, new: str) -> None:
    assert told({**FILES, path: FILES[path].replace(old, new)}) == []


def test_a_renamed_file_is_the_same_file() -> None:
    files = {("renamed.yaml" if path == E else path): text for path, text in FILES.items()}
    assert told(files) == []


def test_a_fact_that_changes_does_not_blame_the_files_that_use_it() -> None:
    facts = (
        FILES["facts.yaml"]
        .replace('"1"', '"2"')
        .replace("experience: {type: score, decimals: 1", "experience: {type: score, decimals: 2")
    )
    assert told({**FILES, "facts.yaml": facts}) == []


def test_a_version_that_goes_back_is_told() -> None:
    assert told({**FILES, E: ELIGIBILITY.replace('"2022.2"', '"2022.1"')}) == [
        (f"new/{E}", 3, 10, "version_not_raised")
    ]


def test_new_and_removed_rule_books_need_nothing() -> None:
    more = FILES["upkeep.maintenance.yaml"].replace("upkeep", "other").replace("[M]", "[S]")
    assert told({**FILES, "more.yaml": more}) == []
    assert told({path: text for path, text in FILES.items() if not path.startswith("upkeep")}) == []


def test_a_second_edition_is_compared_with_its_own() -> None:
    ended = ELIGIBILITY.replace("{from: 2022-05-13}", "{from: 2022-05-13, until: 2023-01-01}")
    later = ELIGIBILITY.replace("2022-05-13", "2023-01-01").replace('"2022.2"', '"2023.1"')
    assert told({**FILES, E: ended, "z.yaml": later}) == [(f"new/{E}", 3, 10, "version_not_raised")]


def test_versions_compare_as_numbers() -> None:
    ordered = ["1", "2022", "2022.2", "2022.9", "2022.10", "2022.10.1", "2023"]
    assert sorted(ordered, key=version_key) == ordered
    assert version_key("2022") == version_key("2022.0")
