"""Facts that nothing asks for, and derived facts that are never known."""

from __future__ import annotations

from collections.abc import Iterator

from rules.criteria import leaves_of
from rules.lint.bench import Bench
from rules.lint.goals import Known
from rules.lint.possible import asks
from rules.lint.seeking import Seeker
from rules.lint.study import Study, warning
from rules.matching import facts_shared
from rules.mistakes import Mistake
from rules.model import Criterion, Eligibility, FactAtom, Incentive, Leaf, Maintenance, Matching, Routing, RuleBook
from rules.situation import facts_behind


def check_facts(study: Study) -> Iterator[Mistake]:
    """The warnings about facts that no rule book, target or other fact needs."""
    needed = _needed(study)
    for name, fact in study.facts.items():
        if name in needed or fact.kept_for is not None:
            continue
        hint = "take it away, or say who needs it: `kept_for: people` or `kept_for: reports`"
        if fact.derivation is None:
            message = f"no rule, score or derived fact asks for `{name}`"
            yield warning(fact.mark, "unused_fact", message, hint)
        else:
            message = f"no rule or score asks for the derived fact `{name}`"
            yield warning(fact.mark, "unused_derived_fact", message, hint)


def check_ranges(study: Study, bench: Bench) -> Iterator[Mistake]:
    """The warnings about derived facts whose range has nothing that they can come to."""
    for name, fact in study.facts.items():
        derivation = fact.derivation
        if derivation is None or study.spans.get(name, (0, 0)) is not None:
            continue
        if any(study.spans.get(arg, (0, 0)) is None for arg in derivation.args):
            continue  # told of the argument
        behind = [each for each in sorted(facts_behind(study.facts, {name})) if study.facts[each].derivation is None]
        heads = [book.head for book in study.rulebooks()]
        if not heads:
            continue
        party = Seeker(study, study.moment(heads[0]), {}).find([Known(study, behind)])
        asked = Criterion(name, "", fact.title, Leaf(name, "at_least", 0, fact.mark), fact.mark)
        if party is not None and bench.verdicts(heads[0], [asked], party) == ["unknown"]:
            message = f"`{name}` is never known: whatever it comes to is out of its range"
            yield warning(fact.mark, "always_unknown", message, "mend the range, or its arguments'", bench.shown(party))


def _needed(study: Study) -> set[str]:
    facts = study.facts
    needed = {arg for fact in facts.values() if fact.derivation is not None for arg in fact.derivation.args}
    needed |= {name for name in (*study.book.programme.targets, *study.book.programme.baseline) if name in facts}
    for book in study.rulebooks():
        needed |= _asked(study, book)
    needed |= {name for name, fact in facts.items() if fact.kept_for is not None}
    # the observations behind a fact belong to it, whether or not a rule counts them
    return needed | {sample for sample in (facts[name].sample for name in needed) if sample is not None}


def _asked(study: Study, book: RuleBook) -> set[str]:
    """The facts that one rule book asks for."""
    if isinstance(book, Eligibility):
        parts = {part.fact for score in book.scores.values() for part in score.parts}
        return parts | _of_criteria(study, book.criteria)
    if isinstance(book, Routing):
        return _of_leaves(study, [atom.leaf for row in book.rows for atom in row.when if isinstance(atom, FactAtom)])
    if isinstance(book, Maintenance):
        leaves = [atom.leaf for row in book.outcomes for atom in row.when if isinstance(atom, FactAtom)]
        leaves += [leaf for band in book.bands for leaf in (band.alert, band.limit) if leaf is not None]
        return _of_leaves(study, leaves)
    if isinstance(book, Matching):
        return facts_shared(book)
    assert isinstance(book, Incentive)
    table = book.caps.category_per_month
    return {book.base_fact, *([] if table is None else [table.by])} | _of_criteria(study, book.gates)


def _of_criteria(study: Study, criteria: tuple[Criterion, ...]) -> set[str]:
    conditions = [node for each in criteria for node in (each.require, each.when) if node is not None]
    return _of_leaves(study, [leaf for node in conditions for leaf in leaves_of(node)])


def _of_leaves(study: Study, leaves: list[Leaf]) -> set[str]:
    return {name for leaf in leaves for name in asks(leaf, study.facts, None)}
