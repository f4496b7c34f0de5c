"""Criteria and gates that say the same about everybody: never met, always met, about nobody, or never known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from fastbrand.domain.decision import JsonValue
from rules.criteria import leaves_of
from rules.lint import wordings
from rules.lint.bench import Bench
from rules.lint.cells import FAIL, PASS
from rules.lint.goals import Answers, Known, Verdict
from rules.lint.possible import ANYTHING
from rules.lint.seeking import Goal, Seeker
from rules.lint.study import Study, warning
from rules.mistakes import Mistake
from rules.model import All, AnyOf, Criterion, Head, Leaf, Node, Not

TRIES = 400
"""Most parties looked at for a witness that tells more than another."""
MAX_LEFT_OUT = 4
"""Most conditions of an `all` or `any` that are left out in turn, to find a party that meets all others."""


def check_criterion(study: Study, bench: Bench, head: Head, criterion: Criterion) -> Iterator[Mistake]:
    """The warnings about one criterion or gate."""
    found = study.survey(criterion)
    trial = Trial(study, bench, head, criterion)
    name = f"`{criterion.id}`"
    whom = "" if criterion.when is None else ", where its `when` holds"
    if criterion.when is not None and not found.when & PASS:
        why = wordings.never(study, criterion.when, found.when_parts)
        hint = wordings.mend(study, criterion.when)
        yield from trial.told("never_applies", criterion.when, f"{name} concerns nobody: {why}", hint, "not_applicable")
        return
    if criterion.when is not None:
        yield from _constant_parts(study, trial, criterion.when, found.when_parts, when=True)
    unknown = [leaf for leaf in leaves_of(criterion.require) if not found.require_parts[id(leaf)] & (PASS | FAIL)]
    if unknown:
        for leaf in unknown:
            yield from trial.never_known(leaf)
    elif not found.require & PASS:
        message = f"{name} can never be passed: {wordings.never(study, criterion.require, found.require_parts)}{whom}"
        hint = wordings.mend(study, criterion.require)
        yield from trial.told("never_passes", criterion.require, message, hint, "fail")
    elif not found.require & FAIL:
        message = f"{name} can never be failed: {wordings.always(study, criterion.require, found.require_parts)}{whom}"
        hint = wordings.mend(study, criterion.require)
        yield from trial.told("never_fails", criterion.require, message, hint, "pass")
    else:
        for child in _children(criterion.require):
            yield from _constant_parts(study, trial, child, found.require_parts, when=False)


def _constant_parts(study: Study, trial: Trial, node: Node, seen: dict[int, int], *, when: bool) -> Iterator[Mistake]:
    """The topmost parts of ``node`` that always hold, or never."""
    mask = seen.get(id(node), ANYTHING)
    if mask & PASS and mask & FAIL:
        for child in _children(node):
            yield from _constant_parts(study, trial, child, seen, when=when)
        return
    if not mask & (PASS | FAIL):
        return  # never known: that is the mistake of its facts
    hint = wordings.mend(study, node)
    said = wordings.always(study, node, seen) if mask & PASS else wordings.never(study, node, seen)
    where = "in the `when` of" if when else "in"
    message = f"{where} `{trial.criterion.id}` one condition decides nothing: {said}"
    part = Trial(study, trial.bench, trial.head, _as_criterion(trial.criterion, node, when=when))
    yield from part.told("constant_condition", node, message, hint, "pass" if mask & PASS else "fail")


def _as_criterion(criterion: Criterion, node: Node, *, when: bool) -> Criterion:
    """A criterion that asks for ``node`` alone, of those whom it concerned before."""
    if when:
        return replace(criterion, require=node, when=None, min_sample=None)
    return replace(criterion, require=node)


def _children(node: Node) -> tuple[Node, ...]:
    if isinstance(node, Not):
        return (node.node,)
    return node.nodes if isinstance(node, All | AnyOf) else ()


@dataclass(frozen=True, slots=True)
class Trial:
    """Finds a party about whom ``criterion`` says what it always says, and has the evaluator confirm it."""

    study: Study
    bench: Bench
    head: Head
    criterion: Criterion

    def told(self, code: str, at: Node, message: str, hint: str, verdict: str) -> Iterator[Mistake]:
        """The warning at ``at`` with a witness of this verdict; nothing where none is confirmed."""
        witness = self.witness(verdict)
        if witness is not None:
            yield warning(at.mark, code, message, hint, witness)

    def never_known(self, leaf: Leaf) -> Iterator[Mistake]:
        """No sample is large enough for ``leaf``. A fact that is never known itself is told where it is declared."""
        least = self.criterion.min_sample
        sample = self.study.facts[leaf.fact].sample
        span = self.study.spans.get(sample or "")
        if sample is not None and span is not None and least is not None and span[1] < least:
            message = f"in `{self.criterion.id}` `{leaf.fact}` is never known: no sample is as large as {least:_}"
            hint = f"the range of `{sample}` ends at {span[1]:_}: mend `min_sample`"
            part = replace(self, criterion=replace(self.criterion, require=leaf))
            largest = Answers(self.study, Leaf(sample, "at_least", span[1], leaf.mark), PASS)
            known = Known(self.study, [leaf.fact])
            witness = part.witness("unknown", [largest, known])
            if witness is not None:
                yield warning(leaf.mark, "always_unknown", message, hint, witness)

    def witness(self, verdict: str, more: Sequence[Goal] = ()) -> dict[str, JsonValue] | None:
        """A party with this verdict, of whom ``more`` holds."""
        seeker = Seeker(self.study, self.study.moment(self.head), {})
        goal = Verdict(self.study, self.criterion, verdict)
        for telling in self._telling(verdict):
            party = seeker.find([goal, *more, *telling], TRIES)
            if party is not None:
                break
        else:
            party = seeker.find([goal, *more])
        if party is None or self.bench.verdicts(self.head, [self.criterion], party) != [verdict]:
            return None
        return self.bench.shown(party)

    def _telling(self, verdict: str) -> Iterator[list[Goal]]:
        """What makes a party tell more: it meets all other conditions of an `all`, or fails all others of an `any`."""
        node, least = self.criterion.require, self.criterion.min_sample
        if isinstance(node, All) and verdict == "fail":
            wanted = PASS
        elif isinstance(node, AnyOf) and verdict == "pass":
            wanted = FAIL
        else:
            return
        for left_out in (None, *node.nodes[-MAX_LEFT_OUT:][::-1]):
            yield [Answers(self.study, child, wanted, least) for child in node.nodes if child is not left_out]
