"""``rules check``: every mistake of a book, of one of its files, of a file of rule tests or of a mapping."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain.errors import InputError, RuleFileError

if TYPE_CHECKING:
    from rules.mistakes import Mistake
    from rules.model import Book


def check(path: Path | None) -> dict[str, Any]:
    """Every mistake of what is at ``path`` (default: the working book): ``ok, path, what, sha256, mistakes[]``.

    ``ok`` is false where one is an error. ``what`` is ``book``, ``tests`` (then with ``cases``) or ``mapping``; a book
    has ``criteria`` besides. A book without errors is looked over for what it cannot mean, too: those mistakes are
    warnings. The test files of a book's directory are checked with it, and their cases not run. A mapping is checked
    against the working book. Raises ``InputError`` where there is nothing at ``path``, ``RuleFileError`` where the
    book that tests or a mapping speak of cannot be used.
    """
    from fastbrand.settings import load_settings
    from rules.testing.directory import tested_book

    place = path or load_settings().book
    if not place.exists():
        raise InputError(f"`{place}` is not there", hint="name a book directory or one of its files")
    home = tested_book(place) if place.is_file() else None
    if home is not None:
        return _tests(*home)
    if place.is_file() and _kind(place) == "mapping":
        return _mapping(place, load_settings().book)
    return _book(place)


def _book(place: Path) -> dict[str, Any]:
    from rules.lint.findings import warnings
    from rules.loader import check_directory

    book, mistakes = check_directory(place)
    of_tests = _of_tests(book, place if place.is_dir() else place.parent)
    if book is not None:
        mistakes = [*mistakes, *warnings(book, only=None if place.is_dir() else place)]
        # what the cases with mistakes are to see failing, nobody knows yet
        mistakes += [] if of_tests else _untested(book, place)
    mistakes = sorted([*mistakes, *(of_tests if place.is_dir() else ())])
    read = [] if book is None else [*book.eligibility.values()]
    criteria = [each.criteria for each in read if place.is_dir() or Path(each.head.path) == place]
    return {**_told(place, "book", book, mistakes), "criteria": sum(map(len, criteria))}


def _of_tests(book: Book | None, directory: Path) -> list[Mistake]:
    """What is wrong in the test files of ``directory``; without a usable book, how they are written."""
    from rules.testing.loading import check_shapes, load_tests

    return check_shapes(directory) if book is None else load_tests(book, directory)[1]


def _untested(book: Book, place: Path) -> list[Mistake]:
    """Criteria that no test of the book sees failing, or that there are no tests at all."""
    from rules.lint.untested import untested
    from rules.mistakes import Mistake
    from rules.testing.directory import coverage_of

    coverage = coverage_of(book, place if place.is_dir() else place.parent)
    if coverage is not None:
        return [each for each in untested(book, coverage) if place.is_dir() or Path(each.path) == place]
    if not place.is_dir() or not book.eligibility:
        return []
    mark = next(iter(book.eligibility.values())).head.mark
    hint = f"`fastbrand rules test {place} --coverage` proposes cases"
    return [Mistake(mark.path, mark.line, mark.column, "untested", "the book has no tests", hint, "warning")]


def _tests(directory: Path, place: Path) -> dict[str, Any]:
    """Of a file of rule tests; its cases are not run."""
    from rules.loader import load_directory
    from rules.testing.loading import load_tests

    book = load_directory(directory)
    suite, mistakes = load_tests(book, directory)
    cases = sum(1 for case in suite.cases if Path(case.mark.path) == place)
    return {**_told(place, "tests", book, [each for each in mistakes if Path(each.path) == place]), "cases": cases}


def _mapping(place: Path, directory: Path) -> dict[str, Any]:
    from fastbrand.service.mapping import load_mapping
    from rules.loader import load_directory
    from rules.mistakes import Mistake

    book = load_directory(directory)
    try:
        load_mapping(place, book)
    except RuleFileError as error:
        return _told(place, "mapping", book, [each for each in error.mistakes if isinstance(each, Mistake)])
    return _told(place, "mapping", book, [])


def _kind(place: Path) -> str:
    """What the file says it is; empty where it says nothing."""
    from rules.yaml_guard import MAX_BYTES, Mapping, Scalar, read_yaml

    try:
        with place.open("rb") as file:
            tree, _, _ = read_yaml(str(place), file.read(MAX_BYTES + 1))
    except OSError:
        return ""
    pairs = tree.pairs if isinstance(tree, Mapping) else []
    return next((value.text for key, value in pairs if key.text == "kind" and isinstance(value, Scalar)), "")


def _told(place: Path, what: str, book: Book | None, mistakes: list[Mistake]) -> dict[str, Any]:
    return {
        "ok": not any(each.grade == "error" for each in mistakes),
        "path": str(place),
        "what": what,
        "sha256": book.sha256 if book else None,
        "mistakes": [each.as_dict() for each in mistakes],
    }


def mistake_texts(result: dict[str, Any]) -> Iterator[str]:
    """Each mistake as ``file:line:column: error[code]: message`` with its help line."""
    from rules.mistakes import Mistake

    for each in result["mistakes"]:
        yield str(Mistake(**each))


def summary(result: dict[str, Any]) -> str:
    """The last line of a check."""
    errors = sum(1 for each in result["mistakes"] if each["grade"] == "error")
    warnings = len(result["mistakes"]) - errors
    if errors or warnings:
        return f"{result['path']}: {_number(errors, 'error')}, {_number(warnings, 'warning')}"
    match result["what"]:
        case "book":
            about = f"{_number(result['criteria'], 'criterion', 'criteria')}, book"
        case "tests":
            about = f"{_number(result['cases'], 'case')}, for the book"
        case _:
            about = "for the working book"
    return f"{result['path']}: no mistakes, {about} {str(result['sha256'])[:16]}"


def _number(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"
