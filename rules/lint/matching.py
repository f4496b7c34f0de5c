"""Matching books: requirements that everybody meets, or nobody; preferences that decide nothing; who serves whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from fastbrand.domain.provider import SERVES, ProviderType
from rules.lint import wordings
from rules.lint.cells import FAIL, PASS
from rules.lint.study import Study, warning
from rules.lint.surveys import survey
from rules.mistakes import Mistake
from rules.model import All, Criterion, Leaf, Matching, Node, Preference, ProviderCurve, Requirement, Same, Title
from rules.providers import ALWAYS_KNOWN, common_leaf, provider_facts
from rules.scores import exact_text
from rules.words import CAPABILITIES

_BETTER = frozenset({"track_record", "free_capacity", *CAPABILITIES})
"""Attributes of which more is better, whoever is served."""
_LACKING = "add `{provider: {free_capacity: {at_least: 1}}}` to `require`"


def check_matching(study: Study, book: Matching) -> Iterator[Mistake]:
    """The warnings about one matching book."""
    found = MatchingStudy(study, book)
    yield from _serves(book)
    constant = False
    for each, leaf in zip(book.require, found.required, strict=True):
        said = found.constant(leaf)
        constant = constant or said is not None
        if said is not None:
            code, why = said
            told = "nobody meets it" if code == "never_passes" else "everybody meets it"
            yield warning(each.mark, code, f"a requirement tells nobody apart, {told}: {why}", found.mend(leaf))
    if not constant:
        yield from _together(found, book)
    for preference in book.prefer:
        yield from _preference(found, preference)


class MatchingStudy:
    """A matching book, with providers as the parties of its comparisons."""

    def __init__(self, study: Study, book: Matching) -> None:
        self._facts = study.facts
        self.study = Study(replace(study.book, facts=provider_facts(study.facts)))
        self.required = [self.leaf(each) for each in book.require]

    def leaf(self, what: Requirement) -> Leaf:
        """``what`` as a comparison."""
        return common_leaf(what, self._facts) if isinstance(what, Same) else what

    def verdicts(self, leaf: Leaf) -> frozenset[str]:
        """What a candidate can come to."""
        possible = self.study.survey(_asking(leaf)).verdicts()
        by_party = leaf.fact in ("categories", "region") and not isinstance(leaf.operand, str | tuple)
        return possible if by_party or leaf.fact not in ALWAYS_KNOWN else possible - {"unknown"}

    def can_hold(self, *leaves: Leaf) -> bool:
        """Whether some candidate can meet all of ``leaves``."""
        node: Node = All(tuple(leaves), leaves[0].mark)
        return bool(survey(_asking(node), self.study.vocabulary).require & PASS)

    def constant(self, leaf: Leaf) -> tuple[str, str] | None:
        """(code, why) of a comparison that is met always or never."""
        found = survey(_asking(leaf), self.study.vocabulary)
        if not found.require & PASS:
            return "never_passes", wordings.never(self.study, leaf, found.require_parts)
        if not found.require & FAIL and leaf.fact in ALWAYS_KNOWN:
            return "never_fails", wordings.always(self.study, leaf, found.require_parts)
        return None

    def mend(self, leaf: Leaf) -> str:
        """What to do about it."""
        return wordings.mend(self.study, leaf)


def _asking(node: Node) -> Criterion:
    return Criterion("requirement", "", Title("-", "-"), node, node.mark)


def _serves(book: Matching) -> Iterator[Mistake]:
    for kind, whom in book.serves.items():
        own = str(SERVES[ProviderType(kind)])
        others = [each for each in whom if each != own]
        if others:
            message = f"`{kind}` serves `{others[0]}` here: in the programme it serves `{own}`"
            hint = f"write `{kind}: [{own}]`, or say why it may stand"
            yield warning(book.marks["serves"], "serves_other", message, hint)


def _together(found: MatchingStudy, book: Matching) -> Iterator[Mistake]:
    """Requirements that exclude each other, and those that let a provider through that has no room."""
    if not found.can_hold(*found.required):
        message = "no provider meets every requirement: they exclude each other"
        yield warning(book.require[-1].mark, "never_offers", message, "mend a threshold, or take one away")
        return
    full = Leaf("free_capacity", "at_most", 0, book.require[0].mark)
    if found.can_hold(*found.required, full):
        message = "a provider without free capacity can be proposed, and nobody can accept it"
        yield warning(book.require[0].mark, "full_providers", message, _LACKING)


def _preference(found: MatchingStudy, preference: Preference) -> Iterator[Mistake]:
    what = preference.what
    if isinstance(what, ProviderCurve):
        yield from _curve(what)
        return
    if not isinstance(what, Leaf | Same):
        return
    leaf = found.leaf(what)
    said = found.constant(leaf)
    why = "" if said is None else said[1]
    asked = [(each.fact, each.op, each.operand) for each in found.required]
    if not why and (leaf.fact, leaf.op, leaf.operand) in asked:
        why = "who does not meet it is left out by `require`"
    if why:
        message = f"a preference decides nothing: {why}"
        yield warning(preference.mark, "constant_preference", message, "take it away, or prefer something else")


def _curve(what: ProviderCurve) -> Iterator[Mistake]:
    points = [y for _, y in what.curve]
    if len(set(points)) == 1:
        told = exact_text(Fraction(points[0]))
        message = f"`{what.attribute}` decides nothing: its curve is {told} everywhere"
        yield warning(what.mark, "flat_curve", message, "mend the curve, or take the preference away")
    elif what.attribute in _BETTER and any(after < before for before, after in pairwise(points)):
        message = f"points fall as `{what.attribute}` rises: the worse provider is preferred"
        yield warning(what.mark, "falling_points", message, "let the curve rise")
