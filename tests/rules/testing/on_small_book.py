"""Rule tests of the small book, from text: what they are read to, what is wrong with them and what comes of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from textwrap import dedent

from rules.engine import RuleEngine
from rules.loading.book import assemble
from rules.mistakes import Mistake
from rules.model import Book
from rules.testing import CaseResult, Suite, load_tests, run_cases
from tests.rules.small_book import FILES

MARK = "»"
"""Stands in a text right before the place of a mistake."""

HEALTHY = """\
rulebook: fast
as_of: 2022-08-01
defaults:
  owns_brand: true
  category: food
  gmv: 1
  buyers: 100
  repurchase: 40%
  experience: 80
cases:
"""
"""The head of a test file whose party is eligible."""


@cache
def small_book() -> Book:
    """The small book."""
    book, mistakes = assemble({path: text.encode() for path, text in FILES.items()})
    assert book is not None, mistakes
    return book


def suite_of(folder: Path, *texts: str, book: Book | None = None) -> tuple[Suite, list[Mistake]]:
    """The cases and the mistakes of test files with these texts (marks are taken out), in a book's directory."""
    (folder / "tests").mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts, 1):
        (folder / "tests" / f"t{number}.yaml").write_text(dedent(text).replace(MARK, ""), encoding="utf-8")
    return load_tests(book or small_book(), folder)


def places(text: str) -> list[tuple[int, int]]:
    """Line and column of every mark, as they are once the marks are gone."""
    return [
        (number, column - before)
        for number, line in enumerate(dedent(text).split("\n"), start=1)
        for before, column in enumerate(at + 1 for at, char in enumerate(line) if char == MARK)
    ]


def results_of(
    folder: Path, engine: RuleEngine, *texts: str, book: Book | None = None, columnar: bool = True
) -> list[CaseResult]:
    """What comes of test files without mistakes."""
    suite, mistakes = suite_of(folder, *texts, book=book)
    assert mistakes == [], "\n".join(map(str, mistakes))
    return run_cases(book or small_book(), suite.cases, engine, columnar=columnar)


def said(results: list[CaseResult]) -> list[str]:
    """Every failure in words."""
    return [f"{result.case.name}: {failure}" for result in results for failure in result.failures]
