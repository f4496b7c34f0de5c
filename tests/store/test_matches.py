"""Offers: proposed once, settled once, and never more than a provider can serve."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fastbrand.domain.errors import NotFound, Refused
from fastbrand.domain.provider import MatchState, ProviderType, Served
from fastbrand.store import matches, providers
from fastbrand.store.database import Database
from fastbrand.store.matches import PARTY, TALENT, MatchRow, Offer
from fastbrand.store.providers import Profile
from tests.store.given import MEI, NOW, events, verbs

ROOT = Path(__file__).resolve().parents[2]
ACME = (PARTY, "acme")


def provider(db: Database, name: str, capacity: int = 1) -> str:
    with db.write() as conn:
        profile = Profile(name, ProviderType.MERCHANT, name, ("apparel",), capacity)
        return providers.add(conn, profile, at=NOW, actor=MEI).provider_id


def propose(db: Database, proposal: str, names: Sequence[str], subject: tuple[str, str] = ACME) -> list[MatchRow]:
    offers = [Offer(name, rank, "50.0") for rank, name in enumerate(names, 1)]
    with db.write() as conn:
        return matches.propose(
            conn, subject, offers, served=Served.M, proposal=proposal, decision_id="d-1", at=NOW, actor=MEI
        )


def settle(db: Database, step: Any, match_id: str, key: str = "k", **more: Any) -> MatchRow:
    with db.write() as conn:
        row: MatchRow = step(conn, match_id, key=key, at=NOW, actor=MEI, **more)
        return row


def states(db: Database, subject: tuple[str, str] = ACME) -> dict[str, str]:
    with db.read() as conn:
        assert matches.miscounted(conn) == {}
        return {row.match_id: str(row.state) for row in matches.of_subject(conn, subject)}


def load(db: Database, name: str) -> int:
    with db.read() as conn:
        return providers.there(conn, name).load


def test_proposed_once(db: Database) -> None:
    for name in ("a", "b"):
        provider(db, name)
    rows = propose(db, "p1", ["b", "a"])
    assert [(row.match_id, row.provider_id, row.rank) for row in rows] == [
        ("acme/match/1", "b", 1),
        ("acme/match/2", "a", 2),
    ]
    assert propose(db, "p1", ["b", "a"]) == rows
    assert verbs(db).count("match:proposed") == 2
    told = events(db, party_id="acme")
    assert [each["after"]["provider_id"] for each in told] == ["b", "a"]
    assert {each["decision_id"] for each in told} == {"d-1"}


def test_a_new_proposal_takes_the_place_of_an_open_one(db: Database) -> None:
    for name in ("a", "b"):
        provider(db, name)
    propose(db, "p1", ["a", "b"])
    settle(db, matches.decline, "acme/match/2", reason="too far")
    propose(db, "p2", ["b"])
    assert states(db) == {"acme/match/1": "superseded", "acme/match/2": "declined", "acme/match/3": "proposed"}
    assert propose(db, "p3", []) == []
    assert states(db)["acme/match/3"] == "superseded"


def test_accepting_takes_a_place_and_closes_the_other_offers(db: Database) -> None:
    for name in ("a", "b"):
        provider(db, name)
    propose(db, "p1", ["a", "b"])
    row = settle(db, matches.accept, "acme/match/2", "c1")
    assert (row.state, row.settled_by, row.settled_key) == (MatchState.ACCEPTED, "mei", "c1")
    assert states(db) == {"acme/match/1": "superseded", "acme/match/2": "accepted"}
    assert (load(db, "a"), load(db, "b")) == (0, 1)
    assert settle(db, matches.accept, "acme/match/2", "c1") == row  # the same command again
    assert (load(db, "b"), verbs(db).count("match:accepted")) == (1, 1)
    with pytest.raises(Refused, match="is accepted"):
        settle(db, matches.accept, "acme/match/2", "c2")


def test_a_full_provider_is_refused_and_nothing_happens(db: Database) -> None:
    provider(db, "a")
    propose(db, "p1", ["a"])
    propose(db, "p2", ["a"], (PARTY, "other"))
    settle(db, matches.accept, "acme/match/1")
    before = len(events(db))
    with pytest.raises(Refused, match="serves 1 of 1"):
        settle(db, matches.accept, "other/match/1")
    assert len(events(db)) == before
    assert states(db, (PARTY, "other")) == {"other/match/1": "proposed"}
    assert load(db, "a") == 1


def test_an_end_gives_the_place_back(db: Database) -> None:
    provider(db, "a")
    propose(db, "p1", ["a"])
    with pytest.raises(Refused, match="nothing to end"):
        settle(db, matches.end, "acme/match/1")
    settle(db, matches.accept, "acme/match/1", "c1")
    ended = settle(db, matches.end, "acme/match/1", "c2", reason="done")
    assert (ended.state, ended.reason) == (MatchState.ENDED, "done")
    assert settle(db, matches.end, "acme/match/1", "c2") == ended
    assert load(db, "a") == 0
    propose(db, "p2", ["a"])
    settle(db, matches.accept, "acme/match/2")
    assert states(db) == {"acme/match/1": "ended", "acme/match/2": "accepted"}


def test_a_declined_offer_stays_declined(db: Database) -> None:
    provider(db, "a")
    propose(db, "p1", ["a"])
    row = settle(db, matches.decline, "acme/match/1", "c1", reason="no")
    assert settle(db, matches.decline, "acme/match/1", "c1") == row
    for step in (matches.decline, matches.accept, matches.end):
        with pytest.raises(Refused, match="is declined"):
            settle(db, step, "acme/match/1", "c2")
    with pytest.raises(NotFound):
        settle(db, matches.accept, "acme/match/9")


def test_who_loses_its_standing_loses_its_providers(db: Database) -> None:
    for name in ("a", "b"):
        provider(db, name)
    propose(db, "p1", ["a"])
    settle(db, matches.accept, "acme/match/1")
    propose(db, "p2", ["b"])
    for _ in range(2):
        with db.write() as conn:
            matches.close(conn, ACME, key="revoked/1", at=NOW, reason="counterfeit")
    assert states(db) == {"acme/match/1": "ended", "acme/match/2": "superseded"}
    assert (load(db, "a"), verbs(db).count("match:ended"), verbs(db).count("match:superseded")) == (0, 1, 1)


def test_a_party_and_a_talent_of_one_name(db: Database) -> None:
    provider(db, "a", capacity=2)
    propose(db, "p1", ["a"])
    (row,) = propose(db, "p2", ["a"], (TALENT, "acme"))
    assert (row.match_id, row.party_id) == ("talent/acme/match/1", None)
    settle(db, matches.accept, "talent/acme/match/1")
    assert states(db) == {"acme/match/1": "proposed"}
    assert len(events(db, party_id="acme")) == 1


RIVAL = """
import sys
from fastbrand.domain.errors import Refused
from fastbrand.store import matches
from fastbrand.store.database import Database
from tests.store.given import NOW
db = Database(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[2]), int(sys.argv[3])):
    try:
        with db.write() as conn:
            matches.accept(conn, f"party-{number}/match/1", key="k", at=NOW)
        print(number, flush=True)
    except Refused:
        pass
db.close()
"""


@pytest.mark.slow
def test_processes_never_accept_more_than_there_is(db: Database, url: str) -> None:
    """30 offers of one provider with 11 places, accepted by three processes at once."""
    provider(db, "a", capacity=11)
    for number in range(30):
        propose(db, f"p{number}", ["a"], (PARTY, f"party-{number}"))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", RIVAL, url, str(start), str(start + 10)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for start in (0, 10, 20)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        said = [process.communicate("go\n", timeout=60)[0] for process in running]
    finally:
        for process in running:
            process.kill()
            process.wait()
    accepted = {int(line) for text in said for line in text.split()}
    assert len(accepted) == 11
    assert load(db, "a") == 11
    for number in range(30):
        state = states(db, (PARTY, f"party-{number}"))[f"party-{number}/match/1"]
        assert state == ("accepted" if number in accepted else "proposed")
