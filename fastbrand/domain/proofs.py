"""What documents prove: from a party's records to facts, each with the papers it rests on and the moment it ends.

Pure: the same records at the same moment prove the same. A proof never outlasts a paper it rests on. How many steps
from the owner are too many, and for how long a trademark may be pending, the rule books say of the facts; only
``owns_brand``, which is nobody's observation, has the programme's limits in it (``CHAIN_MOST``, ``PENDING_COUNTS``).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from fastbrand.domain.documents import CHAIN_MOST, Chain, DocumentKind, Paper, chain_of, names_of, same_holder

ON_FILE = "documents"
"""The fact that lists which papers are on file."""

LISTED = (
    DocumentKind.BUSINESS_LICENCE,
    DocumentKind.BRAND_AUTHORISATION,
    DocumentKind.QUALITY_REPORT,
    DocumentKind.CONTRACT,
)
"""Kinds that this fact lists. What else it lists, no record speaks of."""

PROVEN = (
    "owns_brand",
    "trademark_status",
    "trademark_filed_on",
    "authorisation_levels",
    ON_FILE,
    "quality_report_score",
)
"""Every fact that documents can prove."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A fact that documents prove: ``text`` in facts-file notation, until ``ends_at`` (None: no end)."""

    text: str
    ends_at: datetime | None
    papers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a document does not count, or not as much as it could: a stable code and a sentence."""

    code: str
    message: str


def prove(
    papers: Sequence[Paper],
    party_id: str,
    at: datetime,
    *,
    said: Collection[str] = (),
    of_record: Collection[DocumentKind] = (),
) -> dict[str, Proof]:
    """What ``papers`` (a party's current records) prove at ``at``: fact -> proof.

    ``said`` is what the fact ``documents`` was last said to be by somebody else. Of that a kind stays that is not
    ``of_record``: of which there never was a record.
    """
    party = names_of(party_id, papers)
    proven: dict[str, Proof] = {}
    mark = _best_mark(papers, party, at)
    if mark is not None:
        proven |= _of_mark(*mark, papers, party, at)
    on_file = _on_file(papers, party, at, said, of_record)
    if on_file is not None:
        proven[ON_FILE] = on_file
    reports = [each for each in papers if each.kind is DocumentKind.QUALITY_REPORT and each.counts(at)]
    scored = [each for each in reports if "score" in each.fields]
    if scored:
        newest = max(scored, key=lambda each: (each.issued_on, each.document_id))
        proven["quality_report_score"] = Proof(newest.fields["score"], newest.ends_at, (newest.document_id,))
    return proven


def examine(paper: Paper, papers: Sequence[Paper], party_id: str, at: datetime) -> list[Finding]:
    """What is to be said against ``paper``, one of a party's current ``papers``; empty where it counts in full."""
    found: list[Finding] = []
    if paper.ends_at is not None and at >= paper.ends_at:
        if paper.fields.get("status") == "pending":
            found.append(Finding("pending_too_long", "it has been pending for more than a year"))
        else:
            found.append(Finding("expired", f"it expired on {paper.expires_on}"))
    if paper.fields.get("result") == "fail":
        found.append(Finding("failed", "the report found a failure"))
    party = names_of(party_id, papers)
    if paper.kind is DocumentKind.TRADEMARK and not found:
        chain = chain_of(paper, papers, party, at)
        if chain is None:
            found.append(Finding("no_chain", "no letters lead from its owner to this party"))
        elif chain.levels > CHAIN_MOST:
            message = f"its owner is {chain.levels} steps away; at most {CHAIN_MOST} count"
            found.append(Finding("long_chain", message))
    return found


def _best_mark(papers: Sequence[Paper], party: Collection[str], at: datetime) -> tuple[Paper, Chain | None] | None:
    """The trademark that says most for the party: near its owner, registered, and lasting; None where there is none.

    A pending one whose year is over is among them: it is still pending, and the rules say what that is worth.
    """
    marks = [each for each in papers if each.kind is DocumentKind.TRADEMARK and _on_record(each, at)]
    ways = [(each, chain_of(each, papers, party, at)) for each in marks]

    def worth(way: tuple[Paper, Chain | None]) -> tuple[bool, bool, bool, int, bool, float, str]:
        mark, chain = way
        lasts = mark.ends_at.timestamp() if mark.ends_at else 0.0
        return (
            mark.counts(at),
            chain is not None,
            mark.fields["status"] == "registered",
            -(chain.levels if chain else 0),
            mark.ends_at is None,
            lasts,
            mark.document_id,
        )

    return max(ways, key=worth, default=None)


def _on_record(mark: Paper, at: datetime) -> bool:
    return mark.counts(at) or mark.fields["status"] == "pending"


def _of_mark(
    mark: Paper, chain: Chain | None, papers: Sequence[Paper], party: Collection[str], at: datetime
) -> dict[str, Proof]:
    own = (mark.document_id,)
    # that it is pending stays true after its year: the rules say what it is worth
    expires = None if mark.fields["status"] == "pending" else mark.ends_at
    proven = {"trademark_status": Proof(mark.fields["status"], expires, own)}
    if "filed" in mark.fields:
        proven["trademark_filed_on"] = Proof(mark.fields["filed"], expires, own)
    if chain is not None:
        proven["authorisation_levels"] = Proof(str(chain.levels), _first(expires, chain.ends_at), (*own, *_ids(chain)))
    sole = chain if chain is not None and chain.exclusive else chain_of(mark, papers, party, at, exclusive=True)
    if mark.counts(at) and sole is not None and sole.levels <= CHAIN_MOST:
        proven["owns_brand"] = Proof("true", _first(mark.ends_at, sole.ends_at), (*own, *_ids(sole)))
    return proven


def _on_file(
    papers: Sequence[Paper],
    party: Collection[str],
    at: datetime,
    said: Collection[str],
    of_record: Collection[DocumentKind],
) -> Proof | None:
    """Which papers are on file; None where no record speaks of any."""
    if not any(kind in of_record for kind in LISTED):
        return None
    there: dict[str, Paper] = {}
    for each in papers:
        meant = each.kind is not DocumentKind.BRAND_AUTHORISATION or same_holder(each.fields["to"]) in party
        if each.kind in LISTED and each.counts(at) and meant:
            before = there.get(str(each.kind))
            if before is None or _lasts(each) > _lasts(before):
                there[str(each.kind)] = each
    kept = {code for code in said if code not in set(of_record)}
    ends = _first(*(each.ends_at for each in there.values()))
    ids = tuple(there[kind].document_id for kind in sorted(there))
    return Proof("|".join(sorted(kept | there.keys())) or "|", ends, ids)


def _lasts(paper: Paper) -> tuple[bool, float, str]:
    """Sorts papers by how long they count."""
    return (paper.ends_at is None, paper.ends_at.timestamp() if paper.ends_at else 0.0, paper.document_id)


def _ids(chain: Chain) -> tuple[str, ...]:
    return tuple(each.document_id for each in chain.letters)


def _first(*moments: datetime | None) -> datetime | None:
    return min((each for each in moments if each is not None), default=None)
