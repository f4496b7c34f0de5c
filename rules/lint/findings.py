"""Every warning about a book, from all analyses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rules.lint.bands import check_bands
from rules.lint.bench import Bench
from rules.lint.bonus import check_bonus
from rules.lint.conflicts import check_conflicts, exclusive
from rules.lint.criteria import check_criterion
from rules.lint.curves import check_curves
from rules.lint.matching import check_matching
from rules.lint.screened_rows import check_outcomes, check_routes
from rules.lint.standing_rows import check_standing
from rules.lint.study import Study
from rules.lint.tables import check_tables
from rules.lint.unused import check_facts, check_ranges
from rules.mistakes import Mistake
from rules.model import Book, Eligibility, Incentive, Maintenance, Matching, Routing, RuleBook

WHOLE_BOOK = frozenset({"unused_fact", "unused_derived_fact"})
"""Codes that need every rule book: looking at one file of a book, others may have been left out."""


def warnings(book: Book, *, only: Path | None = None) -> list[Mistake]:
    """The warnings about ``book``, sorted by place. ``only``: those in one file, as its path stands in the marks.

    The same book has the same warnings, whenever they are asked for: no clock, no chance.
    """
    study = Study(book)
    bench = Bench(study)
    found = {*check_facts(study), *check_ranges(study, bench)}
    for rulebook in study.rulebooks():
        if only is None or Path(rulebook.head.path) == only:
            found.update(_of_rulebook(study, bench, rulebook))
    if only is not None:
        found = {each for each in found if Path(each.path) == only and each.code not in WHOLE_BOOK}
    return sorted(found)


def _of_rulebook(study: Study, bench: Bench, book: RuleBook) -> Iterator[Mistake]:
    if isinstance(book, Eligibility | Incentive):
        for criterion in book.criteria if isinstance(book, Eligibility) else book.gates:
            yield from check_criterion(study, bench, book.head, criterion)
            yield from check_tables(study, bench, book.head, criterion)
    match book:
        case Eligibility():
            pairs = exclusive(study, book)
            yield from check_conflicts(study, bench, book, pairs)
            yield from check_outcomes(study, bench, book, pairs)
            yield from check_curves(study, bench, book)
        case Routing():
            yield from check_routes(study, bench, book)
        case Maintenance():
            yield from check_bands(study, bench, book)
            yield from check_standing(study, bench, book)
        case Incentive():
            yield from check_bonus(study, bench, book)
        case Matching():
            yield from check_matching(study, book)
