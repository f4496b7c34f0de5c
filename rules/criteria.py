"""Criteria and gates: the answers of their leaves combined in strong Kleene logic, and the effect that follows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from fastbrand.domain.decision import Effect, Finding, Verdict
from rules.comparisons import FAIL, PASS, UNKNOWN
from rules.leaves import LeafPlan, facts_of_leaf, plan_leaf
from rules.model import All, Criterion, FactDef, Leaf, Node, Not
from rules.network import NetworkBuilder
from rules.situation import Facts

Judge = Callable[[Sequence[int]], int]
"""From the network's answers to the answer of a node."""

_Judgement = tuple[Verdict, Effect]

_REMEMBERED = 6
"""Of a criterion of so many answers every judgement is kept that was made once: they are at most 3^6."""


class CriteriaPlan:
    """Criteria or gates, compiled: their leaves in the network, and what follows from the answers."""

    def __init__(self, criteria: Sequence[Criterion], facts: Mapping[str, FactDef], builder: NetworkBuilder) -> None:
        leaves: list[LeafPlan] = []
        plans = [_Plan(criterion, facts, builder, leaves) for criterion in criteria]
        self._tellers = tuple([leaf.told for leaf in leaves])
        self._plans = tuple([(it.name, it.group, it.said, it.known, it.judge, it.require, it.when) for it in plans])

    def findings(self, facts: Facts, answers: Sequence[int]) -> tuple[list[Finding], list[tuple[Finding, str]]]:
        """One finding a criterion, from a party's facts and the network's answers; and those with an effect, each with
        its criterion's group: no row asks for the others, and there are many more of them."""
        told = tuple([tell(facts, answers) for tell in self._tellers])
        findings: list[Finding] = []
        judged: list[tuple[Finding, str]] = []
        for name, group, said, known, judge, require, when in self._plans:
            verdict, effect = known.get(said(answers)) or judge(answers)
            finding = Finding(name, verdict, effect, told[require], told[when])
            findings.append(finding)
            if effect != "none":
                judged.append((finding, group))
        return findings, judged


class _Plan:
    """One criterion; ``require`` and ``when`` say which of all ``leaves`` are its own, ``said`` what these answered.

    ``min_sample`` counts for ``require``, not for ``when``.
    """

    def __init__(
        self, criterion: Criterion, facts: Mapping[str, FactDef], builder: NetworkBuilder, leaves: list[LeafPlan]
    ) -> None:
        self.name, self.group = criterion.id, criterion.group
        first = len(leaves)
        self._require = _judge(criterion.require, facts, builder, criterion.min_sample, leaves)
        middle = len(leaves)
        self._when = None if criterion.when is None else _judge(criterion.when, facts, builder, None, leaves)
        self.require, self.when = slice(first, middle), slice(middle, len(leaves))
        self._effects: dict[int, _Judgement] = {
            PASS: ("pass", "none"),
            FAIL: ("fail", criterion.otherwise),
            UNKNOWN: ("unknown", criterion.unknown),
        }
        read = [place for leaf in leaves[first:] for place in (leaf.place, leaf.sample_place) if place is not None]
        places = tuple(dict.fromkeys(read))
        self.said: Callable[[Sequence[int]], Any] = itemgetter(*places)
        self.known: dict[Any, _Judgement] = {}
        self._remembers = len(places) <= _REMEMBERED

    def judge(self, answers: Sequence[int]) -> _Judgement:
        """Verdict and effect, kept by what was said where there is room for all that can be said."""
        applies = PASS if self._when is None else self._when(answers)
        judgement = self._effects[UNKNOWN if applies == UNKNOWN else self._require(answers)]
        if applies == FAIL:
            judgement = "not_applicable", "none"
        if self._remembers:
            self.known[self.said(answers)] = judgement
        return judgement


def facts_of_criterion(criterion: Criterion, facts: Mapping[str, FactDef]) -> set[str]:
    """The facts that ``criterion`` reads."""
    names: set[str] = set()
    for leaf in leaves_of(criterion.require):
        names |= facts_of_leaf(leaf, facts, sampled=criterion.min_sample is not None)
    for leaf in leaves_of(criterion.when) if criterion.when is not None else []:
        names |= facts_of_leaf(leaf, facts, sampled=False)
    return names


def leaves_of(node: Node) -> list[Leaf]:
    """The leaves under ``node`` in file order."""
    if isinstance(node, Leaf):
        return [node]
    if isinstance(node, Not):
        return leaves_of(node.node)
    return [leaf for child in node.nodes for leaf in leaves_of(child)]


def reasons_of(findings: Sequence[Finding]) -> tuple[dict[str, str], ...]:
    """One reason for each finding with an effect, in file order."""
    return tuple(
        [
            {"criterion": finding.criterion, "verdict": finding.verdict, "effect": finding.effect}
            for finding in findings
            if finding.effect != "none"
        ]
    )


def _judge(
    node: Node,
    facts: Mapping[str, FactDef],
    builder: NetworkBuilder,
    min_sample: int | None,
    leaves: list[LeafPlan],
) -> Judge:
    """How ``node`` is decided from the answers; its leaves are appended to ``leaves`` in file order."""
    if isinstance(node, Leaf):
        plan = plan_leaf(node, facts, builder, min_sample=min_sample)
        leaves.append(plan)
        return plan.answer
    if isinstance(node, Not):
        inner = _judge(node.node, facts, builder, min_sample, leaves)
        return lambda answers: PASS - inner(answers)
    children = tuple(_judge(child, facts, builder, min_sample, leaves) for child in node.nodes)
    combine = min if isinstance(node, All) else max
    return lambda answers: combine([child(answers) for child in children])
