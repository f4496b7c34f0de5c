"""What a rule book reads of a party, for whoever wants to change just that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rules.criteria import leaves_of
from rules.matching import facts_shared
from rules.model import (
    Band,
    Book,
    Criterion,
    Eligibility,
    FactAtom,
    Incentive,
    Leaf,
    Maintenance,
    Matching,
    Routing,
    Row,
    RuleBook,
    Score,
    Table,
)
from rules.records import Context
from rules.situation import facts_behind
from rules.testing.expecting import scores_of


@dataclass(frozen=True, slots=True)
class Read:
    """All that a rule book reads: comparisons with the sample they need, scores, and amounts of its base fact."""

    leaves: tuple[tuple[Leaf, int | None], ...]
    scores: tuple[Score, ...] = ()
    amounts: tuple[tuple[str, int], ...] = ()


def read_by(book: Book, rulebook: RuleBook, context: Context) -> Read:
    """What ``rulebook`` reads; a routing book also what the screening before it does."""
    match rulebook:
        case Eligibility():
            leaves = [*_of_criteria(rulebook.criteria), *_of_rows(rulebook.outcomes)]
            return Read(tuple(leaves), tuple(rulebook.scores.values()))
        case Maintenance():
            return Read((*_of_bands(rulebook.bands), *_of_rows(rulebook.outcomes)))
        case Incentive():
            floors = [0, *(tier.up_to for tier in rulebook.tiers if tier.up_to is not None)]
            amounts = [(rulebook.base_fact, floor + step) for floor in floors for step in (0, 1)]
            table = rulebook.caps.category_per_month
            known = [] if table is None else [(Leaf(table.by, "one_of", tuple(table.rows), rulebook.head.mark), None)]
            scores = tuple(scores_of(book, rulebook).values())
            return Read((*_of_criteria(rulebook.gates), *known), scores, tuple(amounts))
        case Matching():
            mark = rulebook.head.mark
            choices = {name: tuple(book.facts[name].choices or {}) for name in facts_shared(rulebook)}
            return Read(tuple((Leaf(name, "one_of", codes, mark), None) for name, codes in choices.items()))
        case Routing(decides="track"):
            return Read(tuple(_of_rows(rulebook.rows)))
    screening = next((each for each in book.eligibility.values() if context.track in each.head.parties), None)
    before = Read(()) if screening is None else read_by(book, screening, context)
    return Read((*_of_rows(rulebook.rows), *before.leaves), before.scores)


def _of_criteria(criteria: tuple[Criterion, ...]) -> Iterator[tuple[Leaf, int | None]]:
    for criterion in criteria:
        yield from ((leaf, criterion.min_sample) for leaf in leaves_of(criterion.require))
        yield from ((leaf, None) for leaf in (leaves_of(criterion.when) if criterion.when is not None else ()))


def _of_bands(bands: tuple[Band, ...]) -> Iterator[tuple[Leaf, int | None]]:
    for band in bands:
        yield from ((leaf, band.min_sample) for leaf in (band.alert, band.limit) if leaf is not None)


def _of_rows(rows: tuple[Row, ...]) -> Iterator[tuple[Leaf, int | None]]:
    yield from ((atom.leaf, None) for row in rows for atom in row.when if isinstance(atom, FactAtom))


def facts_read(book: Book, read: Read) -> set[str]:
    """The facts that must be given for what is read: samples, and what derived facts are computed from, among them."""
    names = {leaf.fact for leaf, _ in read.leaves} | {name for name, _ in read.amounts}
    names |= {leaf.operand.by for leaf, _ in read.leaves if isinstance(leaf.operand, Table)}
    names |= {part.fact for score in read.scores for part in score.parts}
    samples = [book.facts[leaf.fact].sample for leaf, min_sample in read.leaves if min_sample is not None]
    names |= {sample for sample in samples if sample is not None}
    return {name for name in facts_behind(book.facts, names) if book.facts[name].derivation is None}
