"""The register and its offers against a plain model: capacity is never exceeded nor negative, same inputs same offers.

``FASTBRAND_PROVIDER_RUNS`` and ``FASTBRAND_PROVIDER_STEPS`` make it longer (300 and 60 in a soak).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import update

from activities.matching import MatchingActivities
from activities.matching_payloads import MatchClose, Matched, MatchRequest
from activities.payloads import By
from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import Refused
from fastbrand.domain.lifecycle import Stage, Track
from fastbrand.domain.provider import ProviderType
from fastbrand.service.bootstrap import bootstrap
from fastbrand.store import audit, facts, matches, parties, providers, talents
from fastbrand.store.database import Database
from fastbrand.store.facts import NewFact
from fastbrand.store.providers import Profile
from fastbrand.store.talents import Talent
from rules.engine import RuleEngine

RUNS = int(os.environ.get("FASTBRAND_PROVIDER_RUNS", "20"))
STEPS = int(os.environ.get("FASTBRAND_PROVIDER_STEPS", "30"))
BOOK = Path(__file__).parents[2] / "rules" / "book"
NOW = datetime(2022, 8, 1, 4, tzinfo=UTC)
BY = By(kind="human", actor="mei", role="staff", command_id="c")

CATEGORIES, REGIONS = ("apparel", "food"), ("zhejiang", "fujian")
SUBJECTS: dict[tuple[str, str], tuple[str, str, str]] = {
    ("party", "m1"): ("M", "apparel", "zhejiang"),
    ("party", "m2"): ("M", "food", "fujian"),
    ("party", "s1"): ("S", "apparel", "fujian"),
    ("talent", "m1"): ("K", "food", "zhejiang"),
}
"""Whom there is: kind and id -> served, category, region."""
SERVES = {"mcn": "K", "industrial_belt": "M", "merchant": "M", "brand": "S"}

_ids = st.sampled_from(["a", "B", "c1", "d", "e"])
_subjects = st.sampled_from(sorted(SUBJECTS))
_keys = st.sampled_from(["standing/1", "x", "y"])


@dataclass
class _Provider:
    profile: Profile
    load: int = 0

    def offered(self, subject: tuple[str, str]) -> bool:
        served, category, _ = SUBJECTS[subject]
        said = self.profile
        fits = SERVES[str(said.type)] == served and category in said.categories
        return fits and said.active and self.load < said.capacity

    def score(self, subject: tuple[str, str]) -> int:
        """In tenths: nobody was screened, so nobody gets points for gaps."""
        near = self.profile.region == SUBJECTS[subject][2]
        return (300 if near else 0) + 2 * (self.profile.track_record or 0) // 10


@dataclass
class _Offer:
    subject: tuple[str, str]
    provider: str
    state: str = "proposed"
    proposal: tuple[Any, ...] = field(default=())


class RegisterMachine(RuleBasedStateMachine):
    """Says the same to the register and to a model that a reader can check by eye."""

    template: Path
    engine: RuleEngine

    def __init__(self) -> None:
        super().__init__()
        self._place = Path(tempfile.mkdtemp(prefix="fastbrand-providers-"))
        self.db = Database(f"sqlite:///{shutil.copy(self.template, self._place / 'x.db')}")
        self.steps = MatchingActivities(self.db, self.engine)
        self.providers: dict[str, _Provider] = {}
        self.offers: dict[str, _Offer] = {}
        self.answers: dict[tuple[Any, ...], Matched] = {}

    @rule(
        name=_ids,
        kind=st.sampled_from(list(ProviderType)),
        capacity=st.integers(0, 3),
        categories=st.sampled_from([("apparel",), ("food",), ("apparel", "food")]),
        region=st.none() | st.sampled_from(REGIONS),
        record=st.none() | st.integers(0, 1_000),
    )
    def register(
        self,
        name: str,
        kind: ProviderType,
        capacity: int,
        categories: tuple[str, ...],
        region: str | None,
        record: int | None,
    ) -> None:
        profile = Profile(name, kind, name, categories, capacity, region, record)
        if name in self.providers:
            return
        with self.db.write() as conn:
            providers.add(conn, profile, at=NOW)
        self.providers[name] = _Provider(profile)

    @precondition(lambda self: self.providers)
    @rule(data=st.data(), capacity=st.integers(0, 3), active=st.booleans())
    def change(self, data: st.DataObject, capacity: int, active: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.providers)))
        known = self.providers[name]
        wanted = Profile(**{**_fields(known.profile), "capacity": capacity, "active": active})
        try:
            with self.db.write() as conn:
                providers.edit(conn, wanted, at=NOW)
        except Refused:
            assert capacity < known.load
        else:
            assert capacity >= known.load
            known.profile = wanted

    @rule(subject=_subjects, key=_keys, declined_too=st.booleans())
    def propose(self, subject: tuple[str, str], key: str, declined_too: bool) -> None:
        whole_key = (*subject, key, declined_too)
        if any(known[:3] == whole_key[:3] and known != whole_key for known in self.answers):
            return  # the same key with other parameters is an error upstream, tried elsewhere
        found = self.steps.propose(
            MatchRequest(
                subject_kind=subject[0], subject_id=subject[1], key=key, at=NOW, by=BY, declined_too=declined_too
            )
        )
        if whole_key in self.answers:
            assert found == self.answers[whole_key]  # asked again, whatever happened since: the same
            return
        aside = {"accepted"} if declined_too else {"accepted", "declined"}
        out = {each.provider for each in self.offers.values() if each.subject == subject and each.state in aside}
        fit = [name for name, each in self.providers.items() if each.offered(subject) and name not in out]
        best = sorted(fit, key=lambda name: (-self.providers[name].score(subject), name))[:3]
        assert [each.provider_id for each in found.offers] == best
        assert [int(each.score.replace(".", "")) for each in found.offers] == [
            self.providers[name].score(subject) for name in best
        ]
        assert found.outcome == ("offers" if best else "no_offer")
        self._supersede(subject)
        self.offers |= {each.match_id: _Offer(subject, each.provider_id) for each in found.offers}
        self.answers[whole_key] = found

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def accept(self, data: st.DataObject) -> None:
        the_id, offer = self._pick(data)
        provider = self.providers[offer.provider]
        may = offer.state == "proposed" and provider.profile.active and provider.load < provider.profile.capacity
        if self._settled(matches.accept, the_id, may):
            offer.state = "accepted"
            provider.load += 1
            self._supersede(offer.subject)

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def decline(self, data: st.DataObject) -> None:
        the_id, offer = self._pick(data)
        if self._settled(matches.decline, the_id, offer.state == "proposed"):
            offer.state = "declined"

    @precondition(lambda self: self.offers)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        the_id, offer = self._pick(data)
        if self._settled(matches.end, the_id, offer.state == "accepted"):
            offer.state = "ended"
            self.providers[offer.provider].load -= 1

    @rule(subject=_subjects, number=st.integers(1, 2))
    def lose_standing(self, subject: tuple[str, str], number: int) -> None:
        by = By(kind="system", actor="system", role="system", command_id=f"revoked/{number}")
        request = MatchClose(subject_kind=subject[0], subject_id=subject[1], cause="x", at=NOW, by=by)
        key = ("close", *subject, number)
        closed = self.steps.close(request).closed
        if key in self.answers:
            return
        self.answers[key] = Matched(subject_id=subject[1], outcome="no_offer")
        open_ones = {the_id for the_id, each in self.offers.items() if each.subject == subject and _lasts(each)}
        assert set(closed) == open_ones
        for the_id in open_ones:
            offer = self.offers[the_id]
            if offer.state == "accepted":
                self.providers[offer.provider].load -= 1
            offer.state = "ended" if offer.state == "accepted" else "superseded"

    @invariant()
    def nobody_serves_more_than_it_can(self) -> None:
        with self.db.read() as conn:
            rows = providers.list_all(conn)
            assert matches.miscounted(conn) == {}
        assert {row.provider_id: row.load for row in rows} == {name: p.load for name, p in self.providers.items()}
        assert all(0 <= row.load <= row.capacity for row in rows)

    @invariant()
    def every_offer_is_where_it_should_be(self) -> None:
        with self.db.read() as conn:
            rows = [row for subject in SUBJECTS for row in matches.of_subject(conn, subject)]
        assert {row.match_id: str(row.state) for row in rows} == {i: each.state for i, each in self.offers.items()}

    @invariant()
    def every_step_is_in_the_audit_once(self) -> None:
        with self.db.read() as conn:
            told = [event["verb"] for event in audit.list_events(conn)]
        assert told.count(Verb.MATCH_PROPOSED) == len(self.offers)
        for state in ("declined", "superseded", "ended"):
            assert told.count(f"match:{state}") == sum(1 for each in self.offers.values() if each.state == state)
        accepted = sum(1 for each in self.offers.values() if each.state in ("accepted", "ended"))
        assert told.count("match:accepted") == accepted

    def teardown(self) -> None:
        self.db.close()
        shutil.rmtree(self._place)

    def _pick(self, data: st.DataObject) -> tuple[str, _Offer]:
        the_id = data.draw(st.sampled_from(sorted(self.offers)))
        return the_id, self.offers[the_id]

    def _settled(self, step: Any, the_id: str, may: bool) -> bool:
        """Whether the step was taken, which is so exactly where it ``may`` be."""
        try:
            with self.db.write() as conn:
                step(conn, the_id, key=f"{step.__name__}/{the_id}/{len(self.answers)}/{_count(conn)}", at=NOW)
        except Refused:
            assert not may
            return False
        assert may
        return True

    def _supersede(self, subject: tuple[str, str]) -> None:
        for each in self.offers.values():
            if each.subject == subject and each.state == "proposed":
                each.state = "superseded"


def _lasts(offer: _Offer) -> bool:
    return offer.state in ("proposed", "accepted")


def _count(conn: Any) -> int:
    return audit.count(conn)


def _fields(profile: Profile) -> dict[str, Any]:
    return {
        "provider_id": profile.provider_id,
        **profile.told(),
        "type": profile.type,
        "categories": profile.categories,
    }


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the shipped book, three parties in standing, and a talent."""
    path = tmp_path_factory.mktemp("providers") / "fastbrand.db"
    db = Database(f"sqlite:///{path}")
    db.migrate()
    bootstrap(db, BOOK)
    with db.write() as conn:
        for (kind, name), (served, category, region) in SUBJECTS.items():
            if kind == "talent":
                talents.add(conn, Talent(name, category, region), at=NOW)
                continue
            parties.register(conn, party_id=name, track=Track(served), at=NOW)
            given = [NewFact("category", category, NOW), NewFact("region", region, NOW)]
            facts.record(conn, name, given, key="given", at=NOW)
        stage = {"stage": Stage.ENDORSED}
        conn.execute(update(parties.PARTY).where(parties.PARTY.c.track == Track.M).values(**stage))
        conn.execute(update(parties.PARTY).where(parties.PARTY.c.track == Track.S).values(stage=Stage.ACTIVE))
    db.close()
    return path


@pytest.fixture(scope="module")
def engine() -> Iterator[RuleEngine]:
    with RuleEngine() as made:
        yield made


@pytest.mark.slow
def test_the_register_does_what_its_model_does(template: Path, engine: RuleEngine) -> None:
    RegisterMachine.template, RegisterMachine.engine = template, engine
    profile = settings(
        max_examples=RUNS,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(RegisterMachine, settings=profile)
