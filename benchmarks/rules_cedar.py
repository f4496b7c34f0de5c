"""The policy of the benchmark as Cedar policies: forbids that say why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchmarks.rules_parties import Party
from benchmarks.rules_policy import (
    FAIL,
    PASS,
    SIGNS,
    UNKNOWN,
    Answer,
    Choose,
    Every,
    Piece,
    Policy,
    Test,
    Tree,
    effects,
    line,
    literal,
    told,
)


class Cedar:
    """One permit for everybody, and a forbid for each criterion that fails, one for each that is unknown.

    Cedar names every forbid that applies, and an annotation says what follows from it. It does not tell the score: it
    only says whether that is too low.
    """

    name = "cedarpy"
    tells = "ids of what failed, what is unknown"
    tells_score = False

    def __init__(self, policy: Policy) -> None:
        import cedarpy

        self._policy = policy
        self.text = cedar_policies(policy)
        self._decide = cedarpy.is_authorized_batch
        self._policies = cedarpy.PolicySet.from_str(self.text)
        self._entities = cedarpy.Entities.from_json_str("[]")
        self._effects = {f"{rule.id} {verdict}": effect for rule in policy.rules for verdict, effect in effects(rule)}

    def given(self, party: Party) -> Any:
        """The party as this engine takes it."""
        who = {"principal": 'Party::"one"', "action": 'Action::"join"', "resource": 'Track::"M"'}
        return {**who, "context": dict(party.plain)}

    def decide(self, given: Any) -> Any:
        """One decision."""
        return self._outcome(self._decide([given], self._policies, self._entities)[0])

    def decide_many(self, many: Sequence[Any]) -> Sequence[Any]:
        """As many in a call as it takes."""
        return [self._outcome(each) for each in self._decide(list(many), self._policies, self._entities)]

    def _outcome(self, result: Any) -> tuple[str, list[str]]:
        """The outcome is not Cedar's to tell: it follows from what is forbidden."""
        said = list(result.diagnostics.id_annotations_by_reason.values())
        effects = [self._effects.get(each, "refer") for each in said if each != "anybody"]  # a low score: refer
        return "ineligible" if "reject" in effects else "refer" if "refer" in effects else "eligible", said

    def answer(self, decided: Any) -> Answer:
        """What was decided."""
        outcome, said = decided
        verdicts = {
            rule.id: FAIL if f"{rule.id} {FAIL}" in said else UNKNOWN if f"{rule.id} {UNKNOWN}" in said else PASS
            for rule in self._policy.rules
        }
        return told(self._policy, verdicts, outcome, None)


def cedar_policies(policy: Policy) -> str:
    """The policy as Cedar policies."""
    found = ['@id("anybody")\npermit(principal, action, resource);']
    for rule in policy.rules:
        applies = "" if rule.when is None else f"({_cedar(rule.when, PASS)}) && "
        unknown = _cedar_unknown(rule.require)
        if rule.when is not None:
            unknown = f"({_cedar_unknown(rule.when)}) || {applies}({unknown})"
        for verdict, condition in ((FAIL, applies + _cedar(rule.require, FAIL)), (UNKNOWN, unknown)):
            found.append(f'@id("{rule.id} {verdict}")\nforbid(principal, action, resource) when {{ {condition} }};')
    parts = policy.score.parts
    total = " + ".join(_cedar_pieces(fact, pieces) for fact, pieces in parts.items())
    known = " && ".join(f"context has {fact}" for fact in parts)
    enough = f"{known} && {total} >= {policy.score.least * policy.score.divisor}"
    found.append(f'@id("score")\nforbid(principal, action, resource) unless {{ {enough} }};')
    return "\n\n".join(found) + "\n"


def _cedar(tree: Tree, verdict: int) -> str:
    """Whether ``tree`` certainly holds (PASS), or certainly does not (FAIL)."""
    if not isinstance(tree, Test):
        joint = " && " if isinstance(tree, Every) == (verdict == PASS) else " || "
        return f"({joint.join(_cedar(each, verdict) for each in tree.trees)})"
    test = _cedar_test(tree)
    return f"({_cedar_known(tree)} && {test if verdict == PASS else f'!({test})'})"


def _cedar_unknown(tree: Tree) -> str:
    if isinstance(tree, Test):
        return f"!({_cedar_known(tree)})"
    return f"!({_cedar(tree, PASS)} || {_cedar(tree, FAIL)})"


def _cedar_known(test: Test) -> str:
    known = [f"context has {fact}" for fact in test.needs]
    if test.sample is not None:
        known.append(f"context.{test.sample[0]} >= {test.sample[1]}")
    return " && ".join(known)


def _cedar_test(test: Test) -> str:
    operand, value = test.operand, f"context.{test.fact}"
    if isinstance(operand, Choose):
        chosen = "".join(
            f"if context.{operand.by} == {literal(code)} then {number} else " for code, number in operand.rows.items()
        )
        return f"{value} {SIGNS[test.op]} ({chosen}{operand.default})"
    if test.op == "between":
        return f"{value} >= {operand[0]} && {value} <= {operand[1]}"
    if test.op in ("one_of", "none_of"):
        return f"{'' if test.op == 'one_of' else '!'}{literal(operand)}.contains({value})"
    return f"{value} {SIGNS[test.op]} {literal(operand)}"


def _cedar_pieces(fact: str, pieces: Sequence[Piece]) -> str:
    *bounded, last = pieces
    value = f"context.{fact}"
    chosen = "".join(f"if {value} <= {piece.end} then {line(value, piece)} else " for piece in bounded)
    return f"({chosen}{line(value, last)})"
