"""What a proposal is: an outcome with its reason, perhaps against the rules, and whether a second person is needed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from activities.payloads import CaseStep
from fastbrand.domain.casework import Ask, misput
from fastbrand.domain.errors import Refused
from fastbrand.domain.lifecycle import Stage
from fastbrand.store import decisions
from fastbrand.store.cases import CaseKind, CaseRow, Proposal
from fastbrand.store.parties import PartyRow

_LACKING = frozenset({"fail", "unknown"})


def proposal_of(conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> Proposal:
    """The proposal that ``step`` makes. Raises what it is refused for: see ``case_propose``.

    A second person is needed where the routing row says so, and always for an override, a waiver and a final rejection.
    """
    ask = Ask(
        step.outcome or "", step.reason_code or "", step.by.reason, step.waive, final=step.final, override=step.override
    )
    refused = misput(ask)
    if refused is not None:
        raise refused
    against = against_rules(case, ask.outcome)
    if step.override and not against:
        raise _no_override(case, ask.outcome)
    if step.final and case.kind is CaseKind.APPEAL and party.appealed_from is Stage.SUSPENDED:
        raise Refused("a suspension is not final: it is lifted, or ends the standing", hint="leave `--final` out")
    _check_waived(conn, case, step.waive)
    proposal: Proposal = {
        "outcome": ask.outcome,
        "reason_code": ask.reason_code,
        "by": step.by.actor,
        "second": case.four_eyes or against or step.final or bool(step.waive),
    }
    if ask.note:
        proposal["note"] = ask.note
    if against:
        proposal["override"] = True
    if step.waive:
        proposal["waived"] = sorted(set(step.waive))
    if step.final:
        proposal["final"] = True
    return proposal


def told(proposal: Proposal) -> dict[str, Any]:
    """The proposal as its audit event has it; the note is the event's reason."""
    kept = {key: value for key, value in proposal.items() if key in {"reason_code", "override", "waived", "final"}}
    return {"outcome": proposal["outcome"], "second_person": proposal["second"], **kept}


def against_rules(case: CaseRow, outcome: str) -> bool:
    """Whether ``outcome`` is not what the rules found. They find nothing about appeals and standings."""
    if case.kind is not CaseKind.VETTING:
        return False
    return not case.clean if outcome == "approve" else case.screening == "eligible"


def _no_override(case: CaseRow, outcome: str) -> Refused:
    if case.kind is not CaseKind.VETTING:
        return Refused(
            f"a case of kind `{case.kind}` is decided by people, there is nothing to override",
            hint="propose the outcome: `case propose`",
        )
    return Refused(
        f"`{outcome}` is not against the rules, which found `{case.screening}`", hint="propose it: `case propose`"
    )


def _check_waived(conn: Connection, case: CaseRow, waive: tuple[str, ...]) -> None:
    """Only what is not met, or unknown, can be waived."""
    if not waive:
        return
    stored = decisions.get(conn, case.decision_id) if case.decision_id and case.kind is CaseKind.VETTING else None
    findings = stored.decision()["findings"] if stored is not None else []
    lacking = [str(each["criterion"]) for each in findings if each["verdict"] in _LACKING]
    for criterion in waive:
        if criterion not in lacking:
            listed = ", ".join(f"`{each}`" for each in lacking)
            raise Refused(
                f"`{criterion[:80]}` is neither failed nor unknown in this case: there is nothing to waive",
                hint=f"can be waived: {listed}" if lacking else "nothing is failed or unknown here",
            )
