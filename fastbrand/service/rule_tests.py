"""Rule tests for policy people: run a book's cases, say what they leave untried, and begin a book of one's own."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from fastbrand.domain.errors import FastbrandError, InputError
from rules.engine import RuleEngine
from rules.loader import load_directory
from rules.mistakes import Mistake, shown
from rules.model import Book
from rules.testing import CaseResult, Coverage, Point, Suggestion, coverage, load_tests, run_cases, suggest
from rules.testing.cases import rule_books
from rules.testing.directory import tested_book
from rules.testing.loading import FOLDER
from rules.testing.running import warm

POLL_S = 0.5
"""Seconds between two looks at the files while watching."""


@dataclass(slots=True)
class TestRun:
    """What came of a book's tests. ``broken`` counts cases that were left out for mistakes."""

    __test__ = False  # no test of ours, whatever pytest makes of the name

    path: str
    results: list[CaseResult]
    coverage: Coverage
    files: tuple[str, ...] = ()
    mistakes: list[Mistake] = field(default_factory=list)
    broken: int = 0
    suggestions: dict[Point, Suggestion] = field(default_factory=dict)
    wants_coverage: bool = False

    @property
    def failed(self) -> list[CaseResult]:
        """The cases that did not come out as expected."""
        return [result for result in self.results if not result.passed]

    def exit_code(self) -> int:
        """1 where a case failed, a test file has a mistake, or (where it was asked for) something is not covered."""
        lacking = self.wants_coverage and not self.coverage.complete
        return 1 if self.failed or self.mistakes or lacking else 0

    def document(self) -> dict[str, Any]:
        """The JSON of ``rules test``."""
        return {
            "passed": len(self.results) - len(self.failed),
            "failed": len(self.failed) + self.broken,
            "path": self.path,
            "files": list(self.files),
            "mistakes": [mistake.as_dict() for mistake in self.mistakes],
            "failures": [_failed_json(result) for result in self.failed],
            "coverage": {**self.coverage.as_dict(), "missing": [self._missing_json(p) for p in self.coverage.missing]},
        }

    def lines(self) -> Iterator[str]:
        """The same for people."""
        yield from (str(mistake) for mistake in self.mistakes)
        for result in self.failed:
            mark = result.case.mark
            yield f"{mark.path}:{mark.line}:{mark.column}: failed: {shown(result.case.name, 100)}"
            for failure in result.failures:
                yield f"  line {failure.mark.line}: {failure}"
        if self.wants_coverage:
            yield from self._missing_lines()
        yield self.summary()

    def summary(self) -> str:
        """The last line."""
        passed = len(self.results) - len(self.failed)
        if not self.files:
            return f"{self.path}: no tests (`{FOLDER}/*.yaml` beside the rule files; `--coverage` proposes cases)"
        told = f"{self.path}: {passed:,} of {len(self.results) + self.broken:,} cases pass"
        told += f", {self.broken:,} {'has' if self.broken == 1 else 'have'} mistakes" if self.broken else ""
        counts = self.coverage.as_dict()
        criteria, outcomes = counts["criteria"], counts["outcomes"]
        seen = min(criteria["passed"], criteria["failed"], criteria["unknown"])
        return (
            f"{told}; coverage {self.coverage.percent:g}%: {seen:,} of {criteria['total']:,} criteria in full, "
            f"{outcomes['taken']:,} of {outcomes['total']:,} rows"
        )

    def _missing_lines(self) -> Iterator[str]:
        """What is not covered, with the case that would show it: once, though it shows much."""
        shown: dict[Suggestion | None, list[Point]] = {}
        for point in self.coverage.missing:
            shown.setdefault(self.suggestions.get(point), []).append(point)
        heads: set[str] = set()
        for proposed, points in shown.items():
            for point in points:
                mark = self.coverage.points[point]
                yield f"{mark.path}:{mark.line}:{mark.column}: not covered: {point}"
            if proposed is None:
                continue
            if proposed.head is not None and proposed.head not in heads:
                heads.add(proposed.head)
                yield f"  try: a new file {self.path}/{FOLDER}/{points[0].rulebook}.yaml that begins so, and cases:"
                yield from (f"    {line}" for line in proposed.head.splitlines())
            where = f"  # beside {proposed.beside.path}:{proposed.beside.line}" if proposed.beside else ""
            yield f"  try: {proposed.text}{where}"

    def _missing_json(self, point: Point) -> dict[str, Any]:
        mark, proposed = self.coverage.points[point], self.suggestions.get(point)
        return {
            "rulebook": point.rulebook,
            "what": point.what,
            "name": point.name,
            "seen": point.seen,
            "path": mark.path,
            "line": mark.line,
            "column": mark.column,
            "message": str(point),
            "suggestion": None if proposed is None else proposed.text,
            "file_head": None if proposed is None else proposed.head,
        }


def run(
    path: Path | None, *, with_coverage: bool = False, engine: RuleEngine | None = None, columnar: bool = True
) -> TestRun:
    """Run the tests of a book's directory, of one of its rule files, or of one test file (default: the working book).

    ``with_coverage``: look for cases that would show what none has shown. Raises ``RuleFileError`` where the book has
    mistakes, ``InputError`` where there is nothing at ``path``, ``EngineFault``.
    """
    if engine is None:
        with RuleEngine() as own:
            return run(path, with_coverage=with_coverage, engine=own, columnar=columnar)
    directory, file = _place(path)
    book = load_directory(directory)
    warm(book, engine)
    suite, mistakes = load_tests(book, directory)
    only: list[str] | None = None
    if file is not None:
        of_book = _of_file(book, file)
        suite = suite.only(file=str(file)) if of_book is None else suite.only(rulebook=of_book)
        only = list(dict.fromkeys(case.rulebook for case in suite.cases)) if of_book is None else [of_book]
        mistakes = [mistake for mistake in mistakes if of_book is not None or mistake.path == str(file)]
    results = run_cases(book, suite.cases, engine, columnar=columnar)
    found = coverage(book, results, only)
    done = TestRun(str(file or directory), results, found, suite.files, mistakes, suite.broken)
    if with_coverage:
        done.wants_coverage = True
        done.suggestions = suggest(book, found, results, engine)
    return done


def watch(path: Path | None, *, with_coverage: bool = False) -> Iterator[TestRun | FastbrandError]:
    """Run the tests, and again whenever a file of the book changes; a broken book is an answer like others.

    Ends when the reader stops reading. Raises ``InputError`` where there is nothing at ``path``.
    """
    directory, _ = _place(path)
    with RuleEngine() as engine:
        while True:
            before = _stamps(directory)
            try:
                yield run(path, with_coverage=with_coverage, engine=engine)
            except FastbrandError as error:
                yield error
            while _stamps(directory) == before:
                time.sleep(POLL_S)


def init(directory: Path) -> list[Path]:
    """Write a small complete book with tests, and schemas for editors, into ``directory``; the files written.

    Raises ``InputError`` where the directory holds anything already, or cannot be written.
    """
    from rules import json_schema

    try:
        if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
            raise InputError(
                f"`{directory}` is not empty", hint="name a new directory: nothing is overwritten", code="not_empty"
            )
        with resources.as_file(resources.files("rules") / "templates" / "book") as template:
            shutil.copytree(template, directory, dirs_exist_ok=True, copy_function=shutil.copyfile)
        json_schema.write(directory / "schema")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise InputError(f"`{directory}` cannot be written: {why}", hint="choose another directory") from error
    return sorted(path for path in directory.rglob("*") if path.is_file())


def _place(path: Path | None) -> tuple[Path, Path | None]:
    """The book's directory, and the one file that was asked for."""
    from fastbrand.settings import load_settings

    place = path or load_settings().book
    if not place.exists():
        raise InputError(f"`{place}` is not there", hint="name a book directory, or one of its files")
    if place.is_dir():
        return place, None
    return tested_book(place) or (place.parent, place)


def _of_file(book: Book, file: Path) -> str | None:
    """The rule book in ``file``; None where it is a test file. Raises ``InputError`` where it is neither."""
    if tested_book(file) is not None:
        return None
    for name, each in rule_books(book).items():
        if Path(each.head.path).name == file.name:
            return name
    raise InputError(f"`{file}` decides nothing", hint="name a rule book's file, a test file or the book's directory")


def _stamps(directory: Path) -> dict[str, tuple[int, int]]:
    """Path -> time of the last change and size, of every file of the book."""
    found: dict[str, tuple[int, int]] = {}
    for path in directory.rglob("*.y*ml"):
        try:
            stat = path.stat()
        except OSError:
            continue  # gone in between
        found[str(path)] = (stat.st_mtime_ns, stat.st_size)
    return found


def _failed_json(result: CaseResult) -> dict[str, Any]:
    mark = result.case.mark
    return {
        "name": result.case.name,
        "rulebook": result.case.rulebook,
        "path": mark.path,
        "line": mark.line,
        "column": mark.column,
        "failures": [
            {"about": each.about, "expected": each.expected, "got": each.got, "line": each.mark.line}
            for each in result.failures
        ],
    }
