"""All tests of a book's directory at once, for who only wants to know what they see."""

from __future__ import annotations

import re
from pathlib import Path

from rules.engine import RuleEngine
from rules.model import Book
from rules.testing.coverage import Coverage, coverage
from rules.testing.loading import FOLDER, load_tests
from rules.testing.running import run_cases

_VOCABULARY = re.compile(rb"^kind:[ \t]*facts\b", re.MULTILINE)


def tested_book(file: Path) -> tuple[Path, Path] | None:
    """The directory of the book that ``file`` holds tests of, and ``file`` as a path from there.

    None where it holds none: a test file lies below a directory ``tests`` that lies in a book's. What directories
    further up are called says nothing.
    """
    for place in (file, file.absolute()):  # the shorter one is the better to read
        for folder in place.parents:
            if folder.name == FOLDER and _is_book(folder.parent):
                return folder.parent, place
    return None


def _is_book(directory: Path) -> bool:
    """Whether some file there is a book's vocabulary."""
    for path in sorted(directory.glob("*.yaml")):
        try:
            if path.is_file() and _VOCABULARY.search(path.read_bytes()):
                return True
        except OSError:
            continue
    return False


def coverage_of(book: Book, directory: Path, engine: RuleEngine | None = None) -> Coverage | None:
    """What the tests in ``directory`` (the book's own, which holds ``tests``) see of ``book``, passed or not.

    None where it has no tests. Cases with mistakes are left out. Decided by ``engine``, or by a child process that is
    started for it. Raises ``EngineFault``.
    """
    suite, _ = load_tests(book, directory)
    if not suite.files:
        return None
    if engine is not None:
        return coverage(book, run_cases(book, suite.cases, engine, columnar=False))
    with RuleEngine() as own:
        return coverage(book, run_cases(book, suite.cases, own, columnar=False))
