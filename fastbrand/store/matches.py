"""Offers of service providers to parties and talents, and what became of each.

An offer is proposed by a decision, and then accepted, declined, or superseded by another one of its party; an accepted
one may end. Accepting takes a place of the provider in the same transaction, last and in one conditional update, so
that nobody serves more than it can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Unpack

from sqlalchemy import Connection, Index, UniqueConstraint, bindparam, func, select, update
from sqlmodel import Field

from fastbrand.domain.audit import SYSTEM, Verb
from fastbrand.domain.errors import NotFound, Refused
from fastbrand.domain.provider import MatchState, Served, match_id
from fastbrand.store import audit, providers
from fastbrand.store.audit import Grounds
from fastbrand.store.columns import StoreTable, UtcTime, enum_text
from fastbrand.store.once import InsertOnce
from fastbrand.store.providers import PROVIDER
from fastbrand.store.rows import RowReader
from fastbrand.store.turns import take_turn

PARTY, TALENT = "party", "talent"
"""Kinds of whom an offer is for."""


class MatchTable(StoreTable, table=True):
    """An offer as it stands."""

    __tablename__ = "provider_match"
    __table_args__ = (
        UniqueConstraint("subject_kind", "subject_id", "number"),
        UniqueConstraint("proposal", "provider_id"),
        Index(None, "provider_id", "state"),
    )

    match_id: str = Field(primary_key=True, max_length=96)
    subject_kind: str = Field(max_length=8)
    subject_id: str = Field(max_length=64)
    number: int
    served: Served = Field(sa_type=enum_text(Served))
    provider_id: str = Field(max_length=64, foreign_key="provider.provider_id")
    rank: int
    score: str = Field(max_length=8)
    state: MatchState = Field(sa_type=enum_text(MatchState))
    proposal: str = Field(max_length=200)
    decision_id: str = Field(max_length=34)
    proposed_at: datetime = Field(sa_type=UtcTime)
    settled_at: datetime | None = Field(default=None, sa_type=UtcTime)
    settled_by: str | None = Field(default=None, max_length=80)
    settled_key: str | None = Field(default=None, max_length=300)
    reason: str | None = None


MATCH = StoreTable.metadata.tables["provider_match"]


@dataclass(frozen=True, slots=True)
class MatchRow:
    """An offer as it stands: the ``number``-th ever made to its party or talent, ``rank`` in its proposal.

    ``settled_*`` and ``reason`` are of its last change: who, when, under which command (or step) and why.
    """

    match_id: str
    subject_kind: str
    subject_id: str
    number: int
    served: Served
    provider_id: str
    rank: int
    score: str
    state: MatchState
    proposal: str
    decision_id: str
    proposed_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    settled_key: str | None
    reason: str | None

    @property
    def party_id(self) -> str | None:
        """The party, where it is one."""
        return self.subject_id if self.subject_kind == PARTY else None


@dataclass(frozen=True, slots=True)
class Offer:
    """A provider to propose, with the score that ranks it."""

    provider_id: str
    rank: int
    score: str


_MATCHES = RowReader(MATCH, MatchRow)
_ADD = InsertOnce(MATCH, ("match_id",))
_GET = _MATCHES.select.where(MATCH.c.match_id == bindparam("the_id"))
_OF = (MATCH.c.subject_kind == bindparam("kind")) & (MATCH.c.subject_id == bindparam("subject"))
_VERBS = {
    MatchState.ACCEPTED: Verb.MATCH_ACCEPTED,
    MatchState.DECLINED: Verb.MATCH_DECLINED,
    MatchState.SUPERSEDED: Verb.MATCH_SUPERSEDED,
    MatchState.ENDED: Verb.MATCH_ENDED,
}


def propose(
    conn: Connection,
    subject: tuple[str, str],
    offers: Sequence[Offer],
    *,
    served: Served,
    proposal: str,
    **grounds: Unpack[Grounds],
) -> list[MatchRow]:
    """Propose ``offers`` to ``subject`` (kind, id); what was proposed and not settled before is superseded.

    ``proposal`` is the business key: the same again proposes nothing and gives what was proposed then. ``grounds`` name
    the decision.
    """
    decision_id = grounds.get("decision_id")
    assert decision_id is not None
    kind, subject_id = subject
    take_turn(conn, f"matches/{kind}/{subject_id}")
    done = of_proposal(conn, proposal)
    if done:
        return done
    anew: Grounds = {**grounds, "reason": "proposed anew"}
    for open_one in _open(conn, subject):
        _settle(conn, open_one, MatchState.SUPERSEDED, f"{proposal}/superseded", anew)
    last = conn.execute(select(func.max(MATCH.c.number)).where(_OF), {"kind": kind, "subject": subject_id}).scalar()
    for number, offer in enumerate(offers, (last or 0) + 1):
        the_id = match_id(kind, subject_id, number)
        row = {
            "match_id": the_id,
            "subject_kind": kind,
            "subject_id": subject_id,
            "number": number,
            "served": served,
            "provider_id": offer.provider_id,
            "rank": offer.rank,
            "score": offer.score,
            "state": MatchState.PROPOSED,
            "proposal": proposal,
            "decision_id": decision_id,
            "proposed_at": grounds["at"],
        }
        _ADD(conn, row)
        told = {"provider_id": offer.provider_id, "rank": offer.rank, "score": offer.score, "served": str(served)}
        party_id = subject_id if kind == PARTY else None
        audit.note(
            conn, Verb.MATCH_PROPOSED, f"match/{the_id}", ("match", the_id), grounds, party_id=party_id, after=told
        )
    return of_proposal(conn, proposal)


def accept(conn: Connection, the_id: str, *, key: str, **grounds: Unpack[Grounds]) -> MatchRow:
    """Accept an offer: the provider serves one more, and the other offers of this party are superseded.

    ``key``: the command; the same again changes nothing. Raises ``NotFound``; ``Refused`` where it is settled
    otherwise, or the provider is inactive or has no place left: the caller's transaction must then end.
    """
    row = _locked(conn, the_id)
    if row.state is MatchState.ACCEPTED and row.settled_key == key:
        return row
    _check(row, MatchState.PROPOSED, "accept")
    _settle(conn, row, MatchState.ACCEPTED, key, grounds)
    instead: Grounds = {**grounds, "reason": f"accepted {the_id}"}
    for other in _open(conn, (row.subject_kind, row.subject_id)):
        _settle(conn, other, MatchState.SUPERSEDED, f"{key}/superseded", instead)
    providers.take(conn, row.provider_id)  # last: it is what others wait for
    return there(conn, the_id)


def decline(conn: Connection, the_id: str, *, key: str, **grounds: Unpack[Grounds]) -> MatchRow:
    """Decline an offer. ``key`` as in ``accept``. Raises ``NotFound``, ``Refused`` where it is settled otherwise."""
    row = _locked(conn, the_id)
    if row.state is MatchState.DECLINED and row.settled_key == key:
        return row
    _check(row, MatchState.PROPOSED, "decline")
    return _settle(conn, row, MatchState.DECLINED, key, grounds)


def end(conn: Connection, the_id: str, *, key: str, **grounds: Unpack[Grounds]) -> MatchRow:
    """End an accepted match: the provider serves one less. ``key`` as in ``accept``. Raises as ``decline``."""
    row = _locked(conn, the_id)
    if row.state is MatchState.ENDED and row.settled_key == key:
        return row
    _check(row, MatchState.ACCEPTED, "end")
    ended = _settle(conn, row, MatchState.ENDED, key, grounds)
    providers.give_back(conn, row.provider_id)
    return ended


def close(conn: Connection, subject: tuple[str, str], *, key: str, **grounds: Unpack[Grounds]) -> list[MatchRow]:
    """End every accepted match of ``subject`` and supersede its open offers; those that changed. Said twice, once."""
    take_turn(conn, f"matches/{subject[0]}/{subject[1]}")
    closed = [_settle(conn, row, MatchState.SUPERSEDED, key, grounds) for row in _open(conn, subject)]
    for row in serving(conn, subject):
        closed.append(_settle(conn, row, MatchState.ENDED, key, grounds))
        providers.give_back(conn, row.provider_id)
    return closed


def get(conn: Connection, the_id: str) -> MatchRow | None:
    """The offer, or None."""
    return _MATCHES.first(conn, _GET, {"the_id": the_id})


def there(conn: Connection, the_id: str) -> MatchRow:
    """The offer. Raises ``NotFound``."""
    row = get(conn, the_id)
    if row is None:
        raise NotFound(f"match `{the_id}` is not known", hint="see `fastbrand provider show ID`")
    return row


def of_proposal(conn: Connection, proposal: str) -> list[MatchRow]:
    """The offers of one proposal, best first."""
    return _MATCHES.all(conn, _MATCHES.select.where(MATCH.c.proposal == proposal).order_by(MATCH.c.rank))


def of_subject(conn: Connection, subject: tuple[str, str]) -> list[MatchRow]:
    """Every offer ever made to ``subject`` (kind, id), first to last."""
    return _all(conn, subject, None)


def serving(conn: Connection, subject: tuple[str, str]) -> list[MatchRow]:
    """The accepted ones that last."""
    return _all(conn, subject, MatchState.ACCEPTED)


def of_provider(conn: Connection, provider_id: str) -> list[MatchRow]:
    """Every offer of a provider, first to last."""
    statement = _MATCHES.select.where(MATCH.c.provider_id == provider_id)
    return _MATCHES.all(conn, statement.order_by(MATCH.c.proposed_at, MATCH.c.match_id))


def miscounted(conn: Connection) -> dict[str, tuple[int, int]]:
    """Providers whose ``load`` is not the number of their accepted matches: id -> (load, matches). None, if all is
    well."""
    accepted = (MATCH.c.provider_id == PROVIDER.c.provider_id) & (MATCH.c.state == MatchState.ACCEPTED)
    number = select(func.count()).select_from(MATCH).where(accepted).scalar_subquery()
    rows = conn.execute(select(PROVIDER.c.provider_id, PROVIDER.c.load, number).where(PROVIDER.c.load != number))
    return {provider_id: (int(load), int(count)) for provider_id, load, count in rows}


def _open(conn: Connection, subject: tuple[str, str]) -> list[MatchRow]:
    return _all(conn, subject, MatchState.PROPOSED)


def _all(conn: Connection, subject: tuple[str, str], state: MatchState | None) -> list[MatchRow]:
    statement = _MATCHES.select.where(_OF)
    if state is not None:
        statement = statement.where(MATCH.c.state == state)
    asked = {"kind": subject[0], "subject": subject[1]}
    return _MATCHES.all(conn, statement.order_by(MATCH.c.number), asked)


def _locked(conn: Connection, the_id: str) -> MatchRow:
    """The offer as it stands once nobody else settles one of the same party."""
    row = there(conn, the_id)
    take_turn(conn, f"matches/{row.subject_kind}/{row.subject_id}")
    return there(conn, the_id)


def _check(row: MatchRow, wanted: MatchState, verb: str) -> None:
    if row.state is not wanted:
        raise Refused(
            f"match `{row.match_id}` is {row.state}: there is nothing to {verb}",
            hint="see `fastbrand provider show` for the offers there are",
        )


def _settle(conn: Connection, row: MatchRow, state: MatchState, key: str, grounds: Grounds) -> MatchRow:
    """Bring an offer to ``state`` with its event: it leaves each state once, so its id and the state are the key."""
    by = grounds.get("actor", SYSTEM)
    audit.note(
        conn,
        _VERBS[state],
        f"match/{row.match_id}/{state}",
        ("match", row.match_id),
        grounds,
        party_id=row.party_id,
        before={"state": str(row.state)},
        after={"state": str(state), "provider_id": row.provider_id},
    )
    new: dict[str, Any] = {
        "state": state,
        "settled_at": grounds["at"],
        "settled_by": by.id,
        "settled_key": key,
        "reason": grounds.get("reason"),
    }
    conn.execute(update(MATCH).where(MATCH.c.match_id == row.match_id).values(**new))
    return there(conn, row.match_id)
