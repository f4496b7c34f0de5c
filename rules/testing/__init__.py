"""Rule tests: cases of given facts and an expected decision, decided by both engines, and what they leave untried.

``load_tests`` reads the files of a book's directory ``tests`` with the place of every mistake, ``run_cases`` decides,
``coverage`` says which criteria, rows, bands, tiers and caps the cases have seen at work, ``suggest`` which case would
show the rest.
"""

from rules.testing.cases import Case, CaseResult, Expectation, Failure, Suite
from rules.testing.coverage import Coverage, Point, coverage
from rules.testing.directory import coverage_of
from rules.testing.loading import load_tests
from rules.testing.running import run_cases
from rules.testing.suggesting import Suggestion, suggest

__all__ = [
    "Case",
    "CaseResult",
    "Coverage",
    "Expectation",
    "Failure",
    "Point",
    "Suggestion",
    "Suite",
    "coverage",
    "coverage_of",
    "load_tests",
    "run_cases",
    "suggest",
]
