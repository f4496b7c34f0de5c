"""The policy of the benchmark in Rego, the language of OPA, evaluated by rego-cpp."""

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
    Policy,
    Test,
    Tree,
    line,
    literal,
    told,
)


class Rego:
    """Two rules a node, one for pass and one for fail, each undefined where facts are missing; a compiled bundle."""

    name = "regopy"
    tells = "verdicts, score"
    tells_score = True

    def __init__(self, policy: Policy) -> None:
        import regopy

        self._policy = policy
        self.text = rego_module(policy)
        self._interpreter = regopy.Interpreter()
        self._interpreter.add_module("policy", self.text)
        self._bundle = self._interpreter.build(None, ["policy/decision"])

    def given(self, party: Party) -> Any:
        """The party as this engine takes it."""
        return dict(party.plain)

    def decide(self, given: Any) -> Any:
        """One decision."""
        self._interpreter.set_input(given)
        output = self._interpreter.query_bundle_entrypoint(self._bundle, "policy/decision")
        return json.loads(str(output))

    def decide_many(self, many: Sequence[Any]) -> Sequence[Any]:
        """As many in a call as it takes."""
        return [self.decide(each) for each in many]

    def answer(self, decided: Any) -> Answer:
        """What was decided."""
        result = decided["expressions"][0]
        given = result["verdict"]
        unknown = set(result["unknown"])
        verdicts = {rule.id: UNKNOWN if rule.id in unknown else given[rule.id] for rule in self._policy.rules}
        return told(self._policy, verdicts, result["outcome"], None if result["score"] < 0 else result["score"])


def rego_module(policy: Policy) -> str:
    """The policy as a Rego module."""
    lines = ["package policy", "", "import rego.v1", ""]
    effects = {rule.id: {"otherwise": rule.otherwise, "unknown": rule.unknown} for rule in policy.rules}
    lines += [f"criteria := {json.dumps(effects)}", ""]
    for number, rule in enumerate(policy.rules):
        require = _rego(rule.require, f"c{number}", lines)
        applies = ""
        if rule.when is not None:
            when = _rego(rule.when, f"w{number}", lines)
            applies = f"{when}_pass; "
            lines.append(f'verdict["{rule.id}"] := {NOT_APPLICABLE} if {when}_fail')
        lines.append(f'verdict["{rule.id}"] := {PASS} if {{ {applies}{require}_pass }}')
        lines.append(f'verdict["{rule.id}"] := {FAIL} if {{ {applies}{require}_fail }}')
        lines.append("")
    lines += ["unknown contains c if { some c, _ in criteria; not verdict[c] >= 0 }", ""]
    for fact, pieces in policy.score.parts.items():
        low: int | None = None
        for piece in pieces:
            beyond = "" if low is None else f"input.{fact} > {low}; "
            within = f"input.{fact} <= {piece.end}" if piece.end is not None else "true"
            lines.append(f"part_{fact} := {line(f'input.{fact}', piece)} if {{ {beyond}{within}; input.{fact} >= 0 }}")
            low = piece.end
    total = " + ".join(f"part_{fact}" for fact in policy.score.parts)
    lines += ["", "default score := -1", f"score := floor(({total}) / {policy.score.divisor})", ""]
    lines += [
        'rejected if { some c; verdict[c] == 0; criteria[c].otherwise == "reject" }',
        'rejected if { some c in unknown; criteria[c].unknown == "reject" }',
        'referred if { some c; verdict[c] == 0; criteria[c].otherwise == "refer" }',
        'referred if { some c in unknown; criteria[c].unknown == "refer" }',
        "",
        'default outcome := "refer"',
        'outcome := "ineligible" if rejected',
        f'else := "refer" if referred\nelse := "eligible" if score >= {policy.score.least}',
        "",
        'decision := {"outcome": outcome, "verdict": verdict, "unknown": unknown, "score": score}',
    ]
    return "\n".join(lines) + "\n"


def _rego(tree: Tree, name: str, lines: list[str]) -> str:
    """Put the rules ``NAME_pass`` and ``NAME_fail`` for ``tree`` into ``lines``; the name."""
    if isinstance(tree, Test):
        known = [f"input.{tree.sample[0]} >= {tree.sample[1]}"] if tree.sample is not None else []
        for verdict, tests in _rego_tests(tree).items():
            lines.extend(f"{name}_{verdict} if {{ {'; '.join([*known, test])} }}" for test in tests)
        return name
    parts = [_rego(each, f"{name}_{place}", lines) for place, each in enumerate(tree.trees)]
    joint, apart = ("pass", "fail") if isinstance(tree, Every) else ("fail", "pass")
    lines.append(f"{name}_{joint} if {{ {'; '.join(f'{part}_{joint}' for part in parts)} }}")
    lines.extend(f"{name}_{apart} if {part}_{apart}" for part in parts)
    return name


def _rego_tests(test: Test) -> dict[str, list[str]]:
    """What holds for a pass, and for a fail: one of each list."""
    operand, value = test.operand, f"input.{test.fact}"
    if test.op == "between":
        low, high = operand
        return {"pass": [f"{value} >= {low}; {value} <= {high}"], "fail": [f"{value} < {low}", f"{value} > {high}"]}
    if test.op in ("one_of", "none_of"):
        inside = [f"{value} in {{{', '.join(map(json.dumps, operand))}}}"]
        outside = ["; ".join(f"{value} != {literal(code)}" for code in operand)]
        return {"pass": inside, "fail": outside} if test.op == "one_of" else {"pass": outside, "fail": inside}
    right = literal(operand) if not isinstance(operand, Choose) else "limit"
    chosen = ""
    if isinstance(operand, Choose):
        chosen = f"limit := object.get({json.dumps(dict(operand.rows))}, input.{operand.by}, {operand.default}); "
    opposite = {">=": "<", "<=": ">", ">": "<=", "<": ">=", "==": "!=", "!=": "=="}
    sign = SIGNS[test.op]
    return {"pass": [f"{chosen}{value} {sign} {right}"], "fail": [f"{chosen}{value} {opposite[sign]} {right}"]}
