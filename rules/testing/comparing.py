"""A decision against what a case expects of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastbrand.domain.decision import Decision
from rules.testing.cases import Case, Expectation, Failure
from rules.testing.impossible import value_text
from rules.testing.shape import UNKNOWN


def failures(case: Case, decision: Decision) -> tuple[Failure, ...]:
    """What of the expectations the decision does not meet."""
    return tuple(failure for each in case.expect if (failure := _failure(each, decision)) is not None)


def found(decision: Decision, expectation: Expectation) -> Any:
    """What the decision shows where ``expectation`` looks; None: nothing there."""
    name = expectation.name
    match expectation.key:
        case "outcome":
            return decision.outcome
        case "reasons" | "includes":
            return tuple(sorted(reason["criterion"] for reason in decision.reasons))
        case "verdicts":
            return next((each.verdict for each in decision.findings if each.criterion == name), None)
        case "score" if decision.kind == "matching":
            fit = [*decision.result["offers"], *decision.result["behind"]]
            return next((each["score"] for each in fit if each["provider"] == name), None)
        case "offers" | "left_out" as key:
            return [each["provider"] for each in decision.result[key]]
        case "score":
            return next((each.value for each in decision.scores if each.score == name), None)
        case "bands" | "streaks":
            return decision.result[expectation.key].get(name)
        case "bonus":
            return decision.result["amount"]
        case "tranches":
            return [tranche["amount"] for tranche in decision.result["tranches"]]
        case key:
            return decision.result.get(key)


def _failure(expectation: Expectation, decision: Decision) -> Failure | None:
    got, wanted = found(decision, expectation), expectation.wanted
    about, mark = expectation.about, expectation.mark
    if expectation.key in ("reasons", "includes"):
        missing = [reason for reason in wanted if reason not in got]
        more = [reason for reason in got if reason not in wanted] if expectation.key == "reasons" else []
        if not missing and not more:
            return None
        said = [*(f"{_listed(missing)} missing" for _ in missing[:1]), *(f"{_listed(more)} besides" for _ in more[:1])]
        expected = value_text(wanted) if expectation.key == "reasons" else f"at least {value_text(wanted)}"
        return Failure("reasons", expected, f"{value_text(got)}: {', '.join(said)}", mark)
    if got == wanted:
        return None
    if expectation.key == "score":
        return Failure(about, wanted or UNKNOWN, got or UNKNOWN, mark)
    return Failure(about, value_text(wanted), value_text(got), mark)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
