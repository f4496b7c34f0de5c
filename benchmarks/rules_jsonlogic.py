"""The policy of the benchmark in JSONLogic, evaluated by datalogic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.rules_parties import Party
from benchmarks.rules_policy import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    SIGNS,
    UNKNOWN,
    Answer,
    Choose,
    Every,
    Piece,
    Policy,
    Rule,
    Test,
    Tree,
    effects,
    told,
)


class Datalogic:
    """One rule that gives an object of verdicts, and one that makes the outcome of them; one session."""

    name = "datalogic-py"
    tells = "verdicts, score"
    tells_score = True

    def __init__(self, policy: Policy) -> None:
        import datalogic_py

        self._policy = policy
        verdicts, outcome = jsonlogic_rules(policy)
        self.text = json.dumps({"verdicts": verdicts, "outcome": outcome}, indent=2)
        engine = datalogic_py.Engine(templating=True)
        self._verdicts, self._outcome = engine.compile(verdicts), engine.compile(outcome)
        self._session = engine.session()

    def given(self, party: Party) -> Any:
        """The party as this engine takes it."""
        return dict(party.plain)

    def decide(self, given: Any) -> Any:
        """One decision."""
        verdicts = self._session.evaluate(self._verdicts, given)
        return verdicts, self._session.evaluate(self._outcome, verdicts)

    def decide_many(self, many: Sequence[Any]) -> Sequence[Any]:
        """As many in a call as it takes."""
        return [self.decide(each) for each in many]

    def answer(self, decided: Any) -> Answer:
        """What was decided."""
        found, outcome = decided
        verdicts = {rule.id: found[rule.key] for rule in self._policy.rules}
        return told(self._policy, verdicts, outcome, found["score"])


def jsonlogic_rules(policy: Policy) -> tuple[dict[str, Any], dict[str, Any]]:
    """The policy as two JSONLogic rules: facts to verdicts and score, and these to the outcome."""
    verdicts: dict[str, Any] = {rule.key: _logic_rule(rule) for rule in policy.rules}
    parts = policy.score.parts
    known = {"and": [_logic_known(fact) for fact in parts]}
    total = {"+": [_logic_pieces(fact, pieces) for fact, pieces in parts.items()]}
    verdicts["score"] = {"if": [known, {"floor": [{"/": [total, policy.score.divisor]}]}, None]}
    any_of = {
        effect: {
            "or": [
                {"===": [{"var": rule.key}, verdict]}
                for rule in policy.rules
                for verdict, its in effects(rule)
                if its == effect
            ]
        }
        for effect in ("reject", "refer")
    }
    enough = {"and": [_logic_known("score"), {">=": [{"var": "score"}, policy.score.least]}]}
    outcome = {"if": [any_of["reject"], "ineligible", any_of["refer"], "refer", enough, "eligible", "refer"]}
    return verdicts, outcome


def _logic_known(fact: str) -> dict[str, Any]:
    return {"!==": [{"var": fact}, None]}


def _logic_rule(rule: Rule) -> Any:
    require = _logic(rule.require)
    if rule.when is None:
        return require
    when = _logic(rule.when)
    return {"if": [{"===": [when, FAIL]}, NOT_APPLICABLE, {"===": [when, UNKNOWN]}, UNKNOWN, require]}


def _logic(tree: Tree) -> Any:
    if not isinstance(tree, Test):
        return {"min" if isinstance(tree, Every) else "max": [_logic(each) for each in tree.trees]}
    known = [_logic_known(fact) for fact in tree.needs]
    if tree.sample is not None:
        known.append({">=": [{"var": tree.sample[0]}, tree.sample[1]]})
    certain = known[0] if len(known) == 1 else {"and": known}
    return {"if": [certain, {"if": [_logic_test(tree), PASS, FAIL]}, UNKNOWN]}


def _logic_test(test: Test) -> Any:
    operand, value = test.operand, {"var": test.fact}
    if test.op == "between":
        return {"<=": [operand[0], value, operand[1]]}
    if test.op in ("one_of", "none_of"):
        inside = {"in": [value, list(operand)]}
        return inside if test.op == "one_of" else {"!": [inside]}
    if isinstance(operand, Choose):
        chosen: list[Any] = []
        for code, number in operand.rows.items():
            chosen += [{"===": [{"var": operand.by}, code]}, number]
        return {SIGNS[test.op]: [value, {"if": [*chosen, operand.default]}]}
    sign = SIGNS[test.op]
    return {f"{sign}=" if sign in ("==", "!=") else sign: [value, operand]}


def _logic_pieces(fact: str, pieces: Sequence[Piece]) -> Any:
    value = {"var": fact}
    lines = [
        piece.offset if piece.slope == 0 else {"+": [{"*": [value, piece.slope]}, piece.offset]} for piece in pieces
    ]
    chosen: list[Any] = []
    for piece, line in zip(pieces[:-1], lines, strict=False):
        chosen += [{"<=": [value, piece.end]}, line]
    return {"if": [*chosen, lines[-1]]}
