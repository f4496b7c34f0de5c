"""What people do with a case: one transaction a step, the stage moving with it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from activities import casework, clocks, proposing
from activities.approving import state_of
from activities.memo import keep, recall
from activities.payloads import CaseResult, CaseStep, Moved, Standing
from activities.provenance import actor_of, provenance
from activities.revisions import check_revision
from activities.settling import settle
from activities.shelf import pinned
from activities.uninterrupted import uninterrupted
from fastbrand.domain.audit import Verb
from fastbrand.domain.casework import TAKEN_IN, Attempt, CaseNow, judged
from fastbrand.domain.errors import NotFound, Refused
from fastbrand.domain.lifecycle import Stage
from fastbrand.store import cases, parties
from fastbrand.store.cases import CaseKind, CaseRow, Proposal
from fastbrand.store.database import Database
from fastbrand.store.parties import PartyRow

_PROPOSED = frozenset({Stage.ENDORSEMENT_PROPOSED, Stage.APPROVAL_PROPOSED})


class CaseActivities:
    """Local activities: each is one short transaction, idempotent by its command id.

    The database is the last judge: a step on a case that was closed meanwhile is refused, whatever a workflow thought.
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    @uninterrupted("case_claim")
    def claim(self, step: CaseStep) -> CaseResult:
        """Take the case. Raises ``Refused`` where another person has it."""
        return self._run("claim", step, self._claim)

    @uninterrupted("case_release")
    def release(self, step: CaseStep) -> CaseResult:
        """Give the case back to its queue. Raises ``Refused`` where somebody else has it and no reviewer says why."""
        return self._run("release", step, self._release)

    @uninterrupted("case_request_info")
    def request_info(self, step: CaseStep) -> CaseResult:
        """Ask for information: stage info_requested until the answer or the deadline; the clock stands still."""
        return self._run("request_info", step, self._request_info)

    @uninterrupted("case_answer")
    def answer(self, step: CaseStep) -> CaseResult:
        """The answer came: back to vetting, and the clock goes on with what was left."""
        return self._run("answer", step, self._answer)

    @uninterrupted("case_propose")
    def propose(self, step: CaseStep) -> CaseResult:
        """Propose an outcome; where no second person is needed, it takes effect at once.

        One is needed where the routing row says so, and always for an override of the rules, a waiver of what failed
        or is unknown, and a rejection that is final: by the findings that the case has now, whatever the proposer saw.
        """
        return self._run("propose", step, self._propose)

    @uninterrupted("case_confirm")
    def confirm(self, step: CaseStep) -> CaseResult:
        """Confirm another person's proposal. Raises ``FourEyes`` for the maker, and for who had a part in it before."""
        return self._run("confirm", step, self._confirm)

    @uninterrupted("case_return")
    def return_(self, step: CaseStep) -> CaseResult:
        """Send a proposal back to its maker. Raises ``FourEyes`` for the maker."""
        return self._run("return", step, self._return)

    @uninterrupted("case_expire")
    def expire(self, step: CaseStep) -> CaseResult:
        """Nobody answered in time: the application expires."""
        return self._run("expire", step, self._expire)

    @uninterrupted("case_warn")
    def warn(self, step: CaseStep) -> CaseResult:
        """Most of the time for the case is over, and it is still open."""
        return self._run("warn", step, self._warn)

    @uninterrupted("case_breach")
    def breach(self, step: CaseStep) -> CaseResult:
        """The time is over and the case still open: it goes to where late cases go."""
        return self._run("breach", step, self._breach)

    # --- one step each, inside a transaction -----------------------------------------------------------------------

    def _run(self, name: str, step: CaseStep, work: Any) -> CaseResult:
        memo = f"{name}/{step.case_id}/{step.by.command_id}"
        with self._db.write() as conn:
            done = recall(conn, memo, step, CaseResult)
            if done is None:
                case = cases.get(conn, step.case_id)
                if case is None:
                    raise NotFound(f"case `{step.case_id}` is not known", hint="see `fastbrand case list`")
                if case.state == "closed":
                    raise Refused(f"case `{step.case_id}` is closed", hint="see `fastbrand case show` for how it ended")
                party = parties.known(conn, case.party_id)
                check_revision(step.by, party)
                if name in TAKEN_IN:
                    _check(name, step, case, _rounds(conn, party) if name == "request_info" else 0)
                done = work(conn, step, case, party)
                keep(conn, memo, step, done, actor=step.by.actor, at=step.at)
            return done

    def _claim(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        row = _change(
            conn,
            step,
            case,
            Verb.CASE_CLAIMED,
            {"state": "claimed", "assignee": step.by.actor},
            before={"assignee": case.assignee},
        )
        return _result(step, row, party)

    def _release(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        state = "open" if case.state == "claimed" else case.state
        row = _change(
            conn,
            step,
            case,
            Verb.CASE_RELEASED,
            {"state": state, "assignee": None},
            before={"assignee": case.assignee},
            extra={"assignee": None},
        )
        return _result(step, row, party)

    def _request_info(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        items = list(step.items) or sorted({fact for each in case.unknown for fact in each["facts"]})
        row = _change(
            conn,
            step,
            case,
            Verb.CASE_INFO_REQUESTED,
            {
                "state": "info_requested",
                "assignee": case.assignee or step.by.actor,
                "rounds": case.rounds + 1,
                "info_deadline": step.deadline,
                "paused_at": step.at,
            },
            extra={"items": items, "round": case.rounds + 1},
        )
        return _result(step, row, _move(conn, step, party, "request_info"))

    def _answer(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        state = "claimed" if case.assignee else "open"
        clock = clocks.going_on(case, step.at, pinned(conn, party.book_sha256 or "").book.programme)
        due_at = clock.get("due_at", case.due_at)
        row = _change(
            conn,
            step,
            case,
            Verb.CASE_ANSWERED,
            {"state": state, "info_deadline": None, **clock},
            extra={"due_at": due_at.isoformat() if due_at else None},
        )
        return _result(step, row, _move(conn, step, party, "answer"))

    def _propose(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        proposal = proposing.proposal_of(conn, step, case, party)
        row = _change(
            conn,
            step,
            case,
            Verb.CASE_PROPOSED,
            {"state": "proposed", "proposal": proposal, "assignee": case.assignee or step.by.actor},
            extra=proposing.told(proposal),
        )
        if step.outcome == "approve" and case.kind is CaseKind.VETTING:
            party = _move(conn, step, party, "propose")
        if not proposal["second"]:
            return self._settle(conn, step, row, party)
        return _result(step, row, party)

    def _confirm(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        assert case.proposal is not None  # a case is `proposed` by one
        proposal: Proposal = {**case.proposal, "confirmed_by": step.by.actor}
        case = _change(
            conn, step, case, Verb.CASE_CONFIRMED, {"proposal": proposal}, extra={"outcome": proposal["outcome"]}
        )
        return self._settle(conn, step, case, party)

    def _settle(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        """The proposal takes effect."""
        assert case.proposal is not None  # `_propose` wrote it
        row = casework.close(
            conn,
            case,
            step.at,
            reason=case.proposal["reason_code"],
            outcome=case.proposal["outcome"],
            actor=actor_of(step.by),
            overridden=bool(case.proposal.get("override")),
        )
        settled = settle(conn, step, row, party)
        return _result(step, row, settled.party, standing=settled.standing, moved=settled.moved)

    def _return(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        row = _change(
            conn,
            step,
            case,
            Verb.CASE_RETURNED,
            {"state": "claimed" if case.assignee else "open", "proposal": None},
        )
        if party.stage in _PROPOSED:
            party = _move(conn, step, party, "return")
        return _result(step, row, party)

    def _expire(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        if case.state != "info_requested":
            return _result(step, case, party)
        party = _move(conn, step, party, "expire", reason="no answer in time")
        row = casework.close(conn, case, step.at, reason="no answer in time", outcome="expired")
        return _result(step, row, party)

    def _warn(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        return _result(step, clocks.warn(conn, case, step), party)

    def _breach(self, conn: Connection, step: CaseStep, case: CaseRow, party: PartyRow) -> CaseResult:
        return _result(step, clocks.breach(conn, case, step), party)


# --- writing ------------------------------------------------------------------------------------------------------


def _change(
    conn: Connection,
    step: CaseStep,
    case: CaseRow,
    verb: Verb,
    changes: cases.CaseChanges,
    *,
    before: dict[str, Any] | None = None,
    extra: dict[str, Any] | None = None,
) -> CaseRow:
    told = casework.event(
        case.case_id,
        case.party_id,
        verb,
        step.by.command_id,
        actor=actor_of(step.by),
        before={"state": case.state, **(before or {})},
        after={"state": changes.get("state", case.state), **(extra or {})},
        reason=step.by.reason or step.reason_code,
        decision_id=case.decision_id,
    )
    return cases.update(conn, case.case_id, told, step.at, **changes)


def _move(conn: Connection, step: CaseStep, party: PartyRow, event: str, *, reason: str | None = None) -> PartyRow:
    return parties.move(
        conn,
        party_id=party.party_id,
        event=event,
        key=f"{step.case_id}/{step.by.command_id}/{event}",
        actor=actor_of(step.by),
        at=step.at,
        reason=reason or step.by.reason or step.reason_code,
        decision_id=party.decision_id,
        rulebook_sha256=party.book_sha256,
        provenance=provenance(),
    )


def _rounds(conn: Connection, party: PartyRow) -> int:
    """How often information may be asked for in a case of the party's application."""
    return int(pinned(conn, party.book_sha256 or "").book.programme.review["rfi_rounds"])


def _check(name: str, step: CaseStep, case: CaseRow, rfi_rounds: int) -> None:
    """Refuse what the case cannot take as the database has it, whatever a workflow thought."""
    now = CaseNow(
        case_id=case.case_id,
        kind=case.kind,
        state=case.state,
        role=case.role,
        assignee=case.assignee,
        proposed_by=case.proposal["by"] if case.proposal else None,
        excluded=case.excluded,
        rounds=case.rounds,
        rfi_rounds=rfi_rounds,
    )
    refused = judged(Attempt(name, step.by.actor, step.by.role, step.by.reason), now)
    if refused is not None:
        raise refused


def _result(
    step: CaseStep, case: CaseRow, party: PartyRow, *, standing: Standing | None = None, moved: Moved | None = None
) -> CaseResult:
    return CaseResult(
        case_id=case.case_id,
        state=case.state,
        party=moved.party if moved is not None else state_of(party, case_open=case.state != "closed"),
        command_id=step.by.command_id,
        queue=case.queue,
        role=case.role,
        assignee=case.assignee,
        proposed_by=case.proposal["by"] if case.proposal and case.state == "proposed" else None,
        rounds=case.rounds,
        info_deadline=case.info_deadline,
        due_at=case.due_at,
        warn_at=case.warn_at,
        paused=case.paused_at is not None,
        warned=case.sla_warned,
        breached=case.sla_breached,
        standing=standing,
        moved=moved,
    )
