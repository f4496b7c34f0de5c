"""Proposals of finance: one answer, ever; what nobody answers runs out and stays."""

from __future__ import annotations

import threading
from typing import Any

from fastbrand.store import proposals
from fastbrand.store.database import Database
from fastbrand.store.proposals import VALID_FOR, ProposalKind, ProposalState
from tests.store.given import NOW, an_event, later, verbs


def _propose(db: Database, proposal_id: str = "t1", **more: Any) -> proposals.ProposalRow:
    asked: dict[str, Any] = {"kind": ProposalKind.TOP_UP, "subject": "fast-brand", "amount": 5, **more}
    with db.write() as conn:
        return proposals.propose(
            conn,
            an_event(proposal_id),
            asked.pop("at", NOW),
            proposal_id=proposal_id,
            reason="the line is long",
            proposed_by="jun",
            **asked,
        )


def _answer(db: Database, state: ProposalState = ProposalState.CONFIRMED, who: str = "an") -> bool:
    with db.write() as conn:
        return proposals.answer(
            conn, an_event(f"answer/{who}"), later(days=1), proposal_id="t1", state=state, answered_by=who, reason="ok"
        )


def test_proposed_and_answered_once(db: Database) -> None:
    made = _propose(db)
    assert (made.state_at(NOW), made.amount, made.cause) == (ProposalState.PROPOSED, 5, None)
    assert _propose(db, amount=6) == made  # what is there stays
    assert _answer(db)
    assert not _answer(db, ProposalState.REFUSED, "hua")
    with db.read() as conn:
        answered = proposals.get(conn, "t1")
        assert proposals.get(conn, "t2") is None
    assert answered is not None
    assert (answered.answer, answered.answered_by, answered.answer_reason) == (ProposalState.CONFIRMED, "an", "ok")
    assert answered.state_at(NOW + 2 * VALID_FOR) is ProposalState.CONFIRMED
    assert len(verbs(db)) == 2


def test_what_nobody_answers_runs_out_and_stays_to_be_seen(db: Database) -> None:
    made = _propose(db)
    assert made.state_at(NOW + VALID_FOR) is ProposalState.PROPOSED
    assert made.state_at(NOW + VALID_FOR + (later(seconds=1) - NOW)) is ProposalState.EXPIRED
    newer = _propose(db, "t2", at=later(days=1))
    other = _propose(db, "c1", kind=ProposalKind.CLAWBACK, subject="acme/2022-05", amount=None, cause="counterfeit")
    with db.read() as conn:
        assert proposals.list_proposals(conn, ProposalKind.TOP_UP) == [newer, made]
        assert proposals.list_proposals(conn, ProposalKind.TOP_UP, limit=1) == [newer]
        assert proposals.list_proposals(conn, ProposalKind.CLAWBACK, subject="acme/2022-05") == [other]
        assert proposals.list_proposals(conn, ProposalKind.CLAWBACK, subject="other") == []


def test_of_many_who_answer_at_once_one_is_heard(db: Database) -> None:
    _propose(db)
    barrier, heard = threading.Barrier(6), []

    def answer(number: int) -> None:
        barrier.wait()
        heard.append(_answer(db, who=f"p{number}"))

    threads = [threading.Thread(target=answer, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(heard) == [False] * 5 + [True]
    assert len(verbs(db)) == 2
