"""The policy of the benchmark as a JSON decision model (JDM) of GoRules zen."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from benchmarks.rules_parties import Party
from benchmarks.rules_policy import (
    SIGNS,
    Answer,
    Choose,
    Every,
    Piece,
    Policy,
    Rule,
    Test,
    Tree,
    effects,
    line,
    literal,
    tests,
    told,
)


class Zen:
    """Two nodes of expressions (criteria; score and what failed) and a decision table (outcome).

    ``findings``: one more node in front, which makes of each comparison what ours tells of it (fact, observed,
    threshold, distance to pass, verdict), and the criteria are decided from these.
    """

    tells_score = True

    def __init__(self, policy: Policy, *, trace: bool, findings: bool = False) -> None:
        import zen

        how = [*(["trace"] if trace else []), *(["findings"] if findings else [])]
        self.name = f"zen-engine with {' and '.join(how)}" if how else "zen-engine without trace"
        self.tells = (
            f"verdicts, score{', observed, threshold, distance and verdict of every comparison' if findings else ''}"
            f"{', input and output of every node' if trace else ''}"
        )
        self._policy = policy
        self._options: Any = {"trace": trace}
        self.text = json.dumps(zen_model(policy, findings=findings), indent=2)
        self._engine = zen.ZenEngine({"loader": {"type": "static", "content": {"policy": json.loads(self.text)}}})
        self._decision = zen.ZenEngine().create_decision(self.text)

    def given(self, party: Party) -> Any:
        """The party as Python values."""
        return dict(party.plain)

    def decide(self, given: Any) -> Any:
        """One evaluation of the model."""
        return self._decision.evaluate(given, self._options)

    def decide_many(self, many: Sequence[Any]) -> Sequence[Any]:
        """One batch."""
        requests: Any = [{"key": "policy", "context": given} for given in many]
        return [each["data"] for each in self._engine.evaluate_batch(requests, self._options)]

    def answer(self, decided: Any) -> Answer:
        """What was decided."""
        result = decided["result"]
        verdicts = {rule.id: int(result[rule.key]) for rule in self._policy.rules}
        score = result.get("score")  # a null is left out
        return told(self._policy, verdicts, result["outcome"], None if score is None else int(score))


def zen_model(policy: Policy, *, findings: bool = False) -> dict[str, Any]:
    """The policy as a decision graph."""
    places = {id(test): f"t{place}" for place, test in enumerate(_all_tests(policy))} if findings else {}
    criteria = {rule.key: _rule(rule, places) for rule in policy.rules}
    score = {"score": _score(policy)}
    contents: list[tuple[str, str, Any]] = []
    if findings:
        leaves = {f"t{place}": _finding(test) for place, test in enumerate(_all_tests(policy))}
        contents.append(("findings", "expressionNode", _expressions(leaves | score)))
    else:
        criteria |= score
    contents.append(("criteria", "expressionNode", _expressions(criteria, through=findings)))
    contents.append(("sums", "expressionNode", _expressions(_sums(policy), through=True)))
    contents.append(("outcome", "decisionTableNode", _table(policy.score.least)))
    nodes: list[dict[str, Any]] = [
        {"id": "party", "name": "party", "type": "inputNode"},
        *({"id": name, "name": name, "type": kind, "content": content} for name, kind, content in contents),
        {"id": "decision", "name": "decision", "type": "outputNode"},
    ]
    edges = [
        {"id": f"{one['id']}-{other['id']}", "type": "edge", "sourceId": one["id"], "targetId": other["id"]}
        for one, other in pairwise(nodes)
    ]
    return {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}


def _all_tests(policy: Policy) -> list[Test]:
    return [test for rule in policy.rules for tree in (rule.require, rule.when) for test in tests(tree)]


def _expressions(expressions: Mapping[str, str], *, through: bool = False) -> dict[str, Any]:
    each = [{"id": key, "key": key, "value": value} for key, value in expressions.items()]
    return {"expressions": each, "passThrough": through}


def _score(policy: Policy) -> str:
    parts = policy.score.parts
    total = " + ".join(_pieces(fact, pieces) for fact, pieces in parts.items())
    known = " and ".join(f"{fact} != null" for fact in parts)
    return f"{known} ? floor(({total}) / {policy.score.divisor}) : null"


def _sums(policy: Policy) -> dict[str, str]:
    """Whether any criterion rejects, refers, or refers because it is unknown."""
    rejecting = [f"{r.key} == {v}" for r in policy.rules for v, effect in effects(r) if effect == "reject"]
    referring = [f"{r.key} == 0" for r in policy.rules if r.otherwise == "refer"]
    open_ones = [f"{r.key} == 1" for r in policy.rules if r.unknown == "refer"]
    return {"rejected": " or ".join(rejecting), "referred": " or ".join(referring), "open": " or ".join(open_ones)}


def _table(least: int) -> dict[str, Any]:
    """The outcome rows as a decision table."""
    rows = [
        {"rejected": "true", "then": "'ineligible'"},
        {"referred": "true", "then": "'refer'"},
        {"open": "true", "then": "'refer'"},
        {"score": f"$ != null and $ >= {least}", "then": "'eligible'"},
        {"then": "'refer'"},
    ]
    columns = ["rejected", "referred", "open", "score"]
    return {
        "hitPolicy": "first",
        "inputs": [{"id": f"in-{name}", "name": name, "field": name} for name in columns],
        "outputs": [{"id": "then", "name": "outcome", "field": "outcome"}],
        "rules": [
            {"_id": f"row-{number}", "then": row["then"], **{f"in-{name}": row.get(name, "") for name in columns}}
            for number, row in enumerate(rows)
        ],
        "passThrough": True,
    }


def _rule(rule: Rule, places: Mapping[int, str]) -> str:
    require = _tree(rule.require, places)
    if rule.when is None:
        return require
    when = _tree(rule.when, places)
    return f"({when}) == 0 ? 3 : ({when}) == 1 ? 1 : ({require})"


def _tree(tree: Tree, places: Mapping[int, str]) -> str:
    """A verdict as a number; ``places``: where the comparisons were decided already."""
    if not isinstance(tree, Test):
        trees = ", ".join(_tree(each, places) for each in tree.trees)
        return f"{'min' if isinstance(tree, Every) else 'max'}([{trees}])"
    return f"{places[id(tree)]}.verdict" if places else _verdict(tree)


def _verdict(test: Test) -> str:
    return f"{_unknown(test)} ? 1 : {_test(test)} ? 2 : 0"


def _unknown(test: Test) -> str:
    unknown = " or ".join(f"{fact} == null" for fact in test.needs)
    return unknown if test.sample is None else f"{unknown} or {test.sample[0]} < {test.sample[1]}"


def _test(test: Test) -> str:
    if test.op == "between":
        return f"{test.fact} in [{test.operand[0]}..{test.operand[1]}]"
    if test.op in ("one_of", "none_of"):
        return f"{test.fact} {'in' if test.op == 'one_of' else 'not in'} {literal(test.operand)}"
    return f"{test.fact} {SIGNS[test.op]} {_operand(test)}"


def _operand(test: Test) -> str:
    operand = test.operand
    if not isinstance(operand, Choose):
        return literal(operand)
    chosen = "".join(f"{operand.by} == {literal(code)} ? {number} : " for code, number in operand.rows.items())
    return f"({chosen}{operand.default})"


def _finding(test: Test) -> str:
    """What ours tells of a comparison, as an object; the distance only where there is more and less."""
    operand = _operand(test)
    beyond = {"more_than": f"{operand} + 1", "less_than": f"{operand} - 1"}.get(test.op, operand)
    if test.op == "between":
        low, high = test.operand
        beyond = f"({test.fact} < {low} ? {low} : {high})"
    numeric = test.op in ("at_least", "at_most", "more_than", "less_than", "between")
    distance = f"{_unknown(test)} ? null : {_test(test)} ? 0 : {f'{beyond} - {test.fact}' if numeric else 'null'}"
    fields = {
        "fact": f"'{test.fact}'",
        "op": f"'{test.op}'",
        "observed": test.fact,
        "threshold": operand,
        "distance": distance,
        "verdict": _verdict(test),
    }
    return "{" + ", ".join(f"{name}: {value}" for name, value in fields.items()) + "}"


def _pieces(fact: str, pieces: Sequence[Piece]) -> str:
    *bounded, last = pieces
    chosen = "".join(f"{fact} <= {piece.end} ? {line(fact, piece)} : " for piece in bounded)
    return f"({chosen}{line(fact, last)})"
