"""Who may do what to a case, and when: asked by the workflow when a command comes, and again by the step that does it.

Pure: a case as it stands and an attempt go in, an error comes out where the attempt is refused. Both ask the same, so
that nobody is told two things; the step's word, on the database's row, counts.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from fastbrand.domain.errors import FastbrandError, FourEyes, NotPermitted, Refused, UsageError
from fastbrand.domain.people import Role, fits

OPEN, CLAIMED, INFO_REQUESTED, PROPOSED, CLOSED = "open", "claimed", "info_requested", "proposed", "closed"
VETTING = "vetting"
OUTCOMES = ("approve", "reject")

_WORKED_ON = frozenset({OPEN, CLAIMED})
TAKEN_IN: dict[str, frozenset[str]] = {
    "claim": _WORKED_ON,
    "release": frozenset({CLAIMED, INFO_REQUESTED}),
    "request_info": _WORKED_ON,
    "answer": frozenset({INFO_REQUESTED}),
    "propose": _WORKED_ON,
    "confirm": frozenset({PROPOSED}),
    "return": frozenset({PROPOSED}),
}
"""What is done to a case -> the states in which it can be."""

_FOR_WHO_HAS_IT = frozenset({"claim", "request_info", "propose"})
"""Only by who has the case, or anybody whom it waits for while nobody has it."""
DECIDING = frozenset({"claim", "propose", "confirm", "return"})
"""Never by somebody who had a part in what is appealed against."""


@dataclass(frozen=True, slots=True)
class CaseNow:
    """A case as far as it says who may do what.

    ``role`` is whom it waits for, ``excluded`` are people who had a part in what it is about, ``rounds`` counts the
    questions so far.
    """

    case_id: str
    kind: str
    state: str
    role: str
    assignee: str | None = None
    proposed_by: str | None = None
    excluded: Collection[str] = ()
    rounds: int = 0
    rfi_rounds: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody tries ``what`` (a key of ``TAKEN_IN``) in a role, with a note or without one."""

    what: str
    actor: str
    role: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a proposal says: see ``Propose``."""

    outcome: str
    reason_code: str
    note: str = ""
    waive: tuple[str, ...] = ()
    final: bool = False
    override: bool = False


def judged(attempt: Attempt, case: CaseNow) -> FastbrandError | None:
    """Why ``attempt`` is refused; None where it is not."""
    for check in (_state, _part, _holder, _four_eyes, _questions):
        refused = check(attempt, case)
        if refused is not None:
            return refused
    return None


def misput(ask: Ask) -> FastbrandError | None:
    """What is wrong with a proposal, whatever the case; None where nothing is."""
    if ask.outcome not in OUTCOMES:
        return UsageError(f"`{ask.outcome}` is not an outcome", hint="propose `approve` or `reject`")
    if not ask.reason_code:
        return UsageError("a proposal needs a reason code", hint="say why: `--reason CODE`")
    if ask.override and not ask.note.strip():
        return UsageError("an override says why in words as well", hint="add `--note TEXT`")
    if ask.waive and ask.outcome != "approve":
        return UsageError("nothing is waived by a rejection", hint="leave `--waive` out, or propose `approve`")
    if ask.final and ask.outcome != "reject":
        return UsageError("only a rejection is final", hint="leave `--final` out, or propose `reject`")
    return None


def _state(attempt: Attempt, case: CaseNow) -> FastbrandError | None:
    states = TAKEN_IN[attempt.what]
    if case.state in states:
        return None
    return Refused(
        f"`{attempt.what}` is not possible while the case is `{case.state}`",
        hint=f"it is possible while the case is {' or '.join(f'`{name}`' for name in sorted(states))}",
    )


def _part(attempt: Attempt, case: CaseNow) -> FastbrandError | None:
    if attempt.what not in DECIDING or attempt.actor not in case.excluded:
        return None
    return FourEyes(
        f"`{attempt.actor}` had a part in what `{case.case_id}` is about and cannot {attempt.what} it",
        hint=f"somebody else decides: not {', '.join(f'`{each}`' for each in sorted(case.excluded))}",
    )


def _holder(attempt: Attempt, case: CaseNow) -> FastbrandError | None:
    if attempt.what == "release":
        return _giver(attempt, case)
    if attempt.what not in _FOR_WHO_HAS_IT:
        return None
    if not fits(attempt.role, case.role):
        return NotPermitted(
            f"`{case.case_id}` waits for the role `{case.role}`", hint=f"`{attempt.actor}` acts as `{attempt.role}`"
        )
    if case.assignee not in {None, attempt.actor}:
        return Refused(
            f"the case is with `{case.assignee}`",
            hint=f"let `{case.assignee}` do it, or give it back for `{case.assignee}`: `case release`",
        )
    return None


def _giver(attempt: Attempt, case: CaseNow) -> FastbrandError | None:
    """Who has a case gives it back; for somebody else, a reviewer does, and says why."""
    if case.assignee is None:
        return Refused("nobody has the case", hint="take it: `case claim`")
    if case.assignee == attempt.actor:
        return None
    if attempt.role != Role.REVIEWER:
        return NotPermitted(
            f"the case is with `{case.assignee}`", hint=f"`{case.assignee}` or a reviewer can give it back"
        )
    if not attempt.note.strip():
        return UsageError(
            f"the case is with `{case.assignee}`: giving it back for somebody else needs a note",
            hint="add `--note TEXT`",
        )
    return None


def _four_eyes(attempt: Attempt, case: CaseNow) -> FastbrandError | None:
    if attempt.what not in {"confirm", "return"} or attempt.actor != case.proposed_by:
        return None
    return FourEyes(f"`{attempt.actor}` made the proposal and cannot {attempt.what} it", hint="ask another reviewer")


def _questions(attempt: Attempt, case: CaseNow) -> FastbrandError | None:
    if attempt.what != "request_info":
        return None
    if case.kind != VETTING:
        return Refused(
            f"information is asked for while an application is vetted, not in a case of kind `{case.kind}`",
            hint="bring in what is new: `facts set`",
        )
    if case.rounds >= case.rfi_rounds:
        return Refused(
            f"this case had its {case.rfi_rounds} rounds of questions", hint="decide on what is there: `case propose`"
        )
    return None
