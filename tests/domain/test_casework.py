"""Who may do what to a case: what must hold for every attempt on every case."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from fastbrand.domain.casework import (
    CLAIMED,
    CLOSED,
    DECIDING,
    INFO_REQUESTED,
    OPEN,
    PROPOSED,
    TAKEN_IN,
    Ask,
    Attempt,
    CaseNow,
    judged,
    misput,
)
from fastbrand.domain.errors import FourEyes, NotPermitted
from fastbrand.domain.people import CASE_ROLES, Action, Identity, Role, fits, role_for

PEOPLE = st.sampled_from(["lan", "qiang", "mei"])
ROLES = st.sampled_from([str(role) for role in CASE_ROLES])
CASES = st.builds(
    CaseNow,
    case_id=st.just("party/x/vetting/1"),
    kind=st.sampled_from(["vetting", "appeal", "standing"]),
    state=st.sampled_from([OPEN, CLAIMED, INFO_REQUESTED, PROPOSED, CLOSED]),
    role=ROLES,
    assignee=st.none() | PEOPLE,
    proposed_by=st.none() | PEOPLE,
    excluded=st.lists(PEOPLE, max_size=2),
    rounds=st.integers(0, 4),
    rfi_rounds=st.integers(0, 3),
)
ATTEMPTS = st.builds(
    Attempt, what=st.sampled_from(sorted(TAKEN_IN)), actor=PEOPLE, role=ROLES, note=st.sampled_from(["", " ", "why"])
)


@given(ATTEMPTS, CASES)
@settings(max_examples=500)
def test_what_is_let_through_breaks_no_rule(attempt: Attempt, case: CaseNow) -> None:
    if judged(attempt, case) is not None:
        return
    assert case.state in TAKEN_IN[attempt.what]
    assert case.state != CLOSED
    if attempt.what in DECIDING:
        assert attempt.actor not in case.excluded
    if attempt.what in {"confirm", "return"}:
        assert attempt.actor != case.proposed_by
    if attempt.what in {"claim", "request_info", "propose"}:
        assert case.assignee in {None, attempt.actor}
        assert fits(attempt.role, case.role)
    if attempt.what == "release" and case.assignee != attempt.actor:
        assert case.assignee is not None
        assert attempt.role == Role.REVIEWER
        assert attempt.note.strip()
    if attempt.what == "request_info":
        assert case.kind == "vetting"
        assert case.rounds < case.rfi_rounds


@given(ATTEMPTS, CASES)
@settings(max_examples=500)
def test_who_breaks_none_is_let_through(attempt: Attempt, case: CaseNow) -> None:
    """Otherwise refusing everything would do."""
    mine = case.assignee in {None, attempt.actor} and fits(attempt.role, case.role)
    free = {
        "claim": mine,
        "propose": mine,
        "request_info": mine and case.kind == "vetting" and case.rounds < case.rfi_rounds,
        "release": case.assignee == attempt.actor,
        "answer": True,
        "confirm": attempt.actor != case.proposed_by,
        "return": attempt.actor != case.proposed_by,
    }
    if case.state in TAKEN_IN[attempt.what] and attempt.actor not in case.excluded and free[attempt.what]:
        assert judged(attempt, case) is None


def test_a_refusal_says_what_it_is() -> None:
    case = CaseNow("party/x/vetting/1", "appeal", PROPOSED, "reviewer", "lan", "lan", ("qiang",))
    own = judged(Attempt("confirm", "lan", "reviewer"), case)
    part = judged(Attempt("confirm", "qiang", "reviewer"), case)
    assert isinstance(own, FourEyes)
    assert isinstance(part, FourEyes)
    assert part.hint == "somebody else decides: not `qiang`"
    open_one = CaseNow("party/x/vetting/1", "vetting", OPEN, "finance")
    role = judged(Attempt("claim", "mei", "staff"), open_one)
    assert isinstance(role, NotPermitted)
    assert role.message == "`party/x/vetting/1` waits for the role `finance`"


def test_what_a_proposal_must_not_be() -> None:
    assert misput(Ask("approve", "judgement", waive=("content.quality",))) is None
    assert misput(Ask("reject", "judgement", final=True)) is None
    wrong = [
        Ask("maybe", "judgement"),
        Ask("approve", ""),
        Ask("approve", "judgement", override=True, note="  "),
        Ask("reject", "judgement", waive=("content.quality",)),
        Ask("approve", "judgement", final=True),
    ]
    assert all(misput(ask) is not None for ask in wrong)


def test_the_role_that_a_case_waits_for_comes_first() -> None:
    everything = Identity("dev", "Developer", frozenset(Role))
    assert role_for(everything, Action.CASE_CLAIM) is Role.ADMIN
    assert role_for(everything, Action.CASE_CLAIM, "reviewer") is Role.REVIEWER
    assert role_for(everything, Action.CASE_CLAIM, "staff") is Role.STAFF
    reviewer = Identity("lan", "Lan", frozenset({Role.REVIEWER}))
    assert role_for(reviewer, Action.CASE_CLAIM, "staff") is Role.REVIEWER
    assert role_for(reviewer, Action.CASE_CLAIM, "finance") is None
