"""Facts over time."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastbrand.domain.audit import Verb
from fastbrand.domain.errors import CommandConflict, InputError, NotFound
from fastbrand.domain.lifecycle import Track
from fastbrand.store import facts, parties
from fastbrand.store.database import Database
from fastbrand.store.facts import NewFact
from tests.store.given import MEI, NOW, events, later, register, verbs


def _record(db: Database, key: str, *news: NewFact, party_id: str = "acme", at: datetime = NOW) -> int:
    with db.write() as conn:
        return facts.record(conn, party_id, news, key=key, at=at, actor=MEI)


def _texts(db: Database, as_of: datetime, known_at: datetime | None = None) -> dict[str, str | None]:
    with db.read() as conn:
        return {name: row.text for name, row in facts.latest(conn, "acme", as_of, known_at).items()}


def test_what_is_recorded_is_read(db: Database, party: str) -> None:
    observed = later(days=-3)
    assert (
        _record(db, "k", NewFact("gmv_30d", "1200.50", observed, "file:x.csv"), NewFact("owns_brand", None, NOW)) == 2
    )
    with db.read() as conn:
        rows = facts.latest(conn, party, NOW)
        assert facts.history(conn, party) == sorted(rows.values(), key=lambda row: row.fact_id)
        assert [row.text for row in facts.history(conn, party, "owns_brand")] == [None]
    row = rows["gmv_30d"]
    assert (row.text, row.observed_at, row.recorded_at) == ("1200.50", observed, NOW)
    assert (row.source, row.recorded_by, row.batch) == ("file:x.csv", "mei", "k")
    assert rows["owns_brand"].text is None


@pytest.mark.usefixtures("party")
def test_the_event_names_facts_and_never_their_values(db: Database) -> None:
    _record(db, "k", NewFact("owns_brand", "secret-value", NOW), NewFact("category", "food", NOW))
    (told,) = events(db, verb=Verb.FACTS_RECORDED)
    assert told["after"]["names"] == ["category", "owns_brand"]
    assert told["after"]["count"] == 2
    assert len(told["after"]["values_sha256"]) == 64
    assert "secret-value" not in str(told)
    assert told["actor"]["id"] == "mei"


@pytest.mark.usefixtures("party")
def test_the_same_batch_again_writes_nothing(db: Database) -> None:
    news = (NewFact("a", "1", NOW), NewFact("b", "2", NOW))
    assert _record(db, "k", *news) == 2
    assert _record(db, "k", *reversed(news), at=later(days=1)) == 0
    assert verbs(db).count("facts:recorded") == 1


@pytest.mark.usefixtures("party")
@pytest.mark.parametrize(
    "other",
    [
        [NewFact("a", "2", NOW)],
        [NewFact("a", None, NOW)],
        [NewFact("a", "1", later(days=-1))],
        [NewFact("a", "1", NOW, "elsewhere")],
        [NewFact("a", "1", NOW), NewFact("b", "1", NOW)],
        [],
    ],
)
def test_the_same_key_with_other_facts_is_refused(db: Database, other: list[NewFact]) -> None:
    _record(db, "k", NewFact("a", "1", NOW))
    with pytest.raises(CommandConflict, match="recorded under `k` before"):
        _record(db, "k", *other)
    assert _record(db, "k2", *other) == len(other)


@pytest.mark.usefixtures("party")
def test_what_cannot_be_recorded(db: Database) -> None:
    with pytest.raises(NotFound, match="`nobody`"):
        _record(db, "k", NewFact("a", "1", NOW), party_id="nobody")
    with pytest.raises(InputError, match="`a` of `acme` is given twice"):
        _record(db, "k", NewFact("a", "1", NOW), NewFact("a", "2", NOW))
    with pytest.raises(InputError, match="NUL"):
        _record(db, "k", NewFact("a", "1\0", NOW))
    with pytest.raises(InputError):
        _record(db, "k", NewFact("a", "\ud800", NOW))
    assert verbs(db) == ["party:registered"]


@pytest.mark.usefixtures("party")
def test_nothing_to_record_writes_nothing(db: Database) -> None:
    assert _record(db, "k") == 0
    assert verbs(db) == ["party:registered"]


@pytest.mark.usefixtures("party")
def test_the_newest_observation_counts_not_the_last_told(db: Database) -> None:
    _record(db, "june", NewFact("a", "june", later(days=30)), at=later(days=30))
    _record(db, "late", NewFact("a", "april", later(days=-30)), at=later(days=40))
    assert _texts(db, later(days=50)) == {"a": "june"}
    assert _texts(db, NOW) == {"a": "april"}
    assert _texts(db, later(days=-31)) == {}


@pytest.mark.usefixtures("party")
def test_as_of_is_inclusive(db: Database) -> None:
    _record(db, "k", NewFact("a", "1", NOW))
    assert _texts(db, NOW) == {"a": "1"}
    assert _texts(db, later(microseconds=-1)) == {}


@pytest.mark.usefixtures("party")
def test_a_correction_of_the_same_moment_is_taken(db: Database) -> None:
    _record(db, "2", NewFact("a", "right", NOW), at=later(days=2))
    _record(db, "1", NewFact("a", "wrong", NOW), at=later(days=1))
    assert _texts(db, later(days=3)) == {"a": "right"}
    _record(db, "3", NewFact("a", "told last", NOW), at=later(days=2))
    assert _texts(db, later(days=3)) == {"a": "told last"}


@pytest.mark.usefixtures("party")
def test_a_withdrawn_fact_hides_the_older_one(db: Database) -> None:
    _record(db, "1", NewFact("a", "1", NOW))
    _record(db, "2", NewFact("a", None, later(days=1)), at=later(days=1))
    assert _texts(db, later(days=1)) == {"a": None}
    assert _texts(db, NOW) == {"a": "1"}


@pytest.mark.usefixtures("party")
def test_what_was_known_at_a_moment(db: Database) -> None:
    _record(db, "1", NewFact("a", "first", NOW), at=NOW)
    _record(db, "2", NewFact("a", "corrected", NOW), at=later(days=5))
    assert _texts(db, NOW) == {"a": "corrected"}
    assert _texts(db, NOW, known_at=later(days=4)) == {"a": "first"}
    assert _texts(db, NOW, known_at=later(days=5)) == {"a": "corrected"}
    assert _texts(db, NOW, known_at=later(days=-1)) == {}


def test_thousands_at_once(db: Database) -> None:
    ids = [f"p{number:04d}" for number in range(900)]
    batches = [(party_id, [NewFact("a", party_id, NOW), NewFact("b", "1", NOW)]) for party_id in ids]
    with db.write() as conn:
        parties.register_many(conn, [(party_id, Track.M) for party_id in ids], at=NOW)
        assert facts.record_many(conn, batches[:100], key="k", at=NOW) == 200
        assert facts.record_many(conn, batches, key="k", at=NOW) == 1600
        found = facts.latest_many(conn, [*ids, "nobody"], NOW)
    assert {party_id: rows["a"].text for party_id, rows in found.items() if rows} == {each: each for each in ids}
    assert found["nobody"] == {}
    assert len(events(db, verb=Verb.FACTS_RECORDED)) == 900
    with pytest.raises(InputError, match="stands twice"), db.write() as conn:
        facts.record_many(conn, [batches[0], batches[0]], key="k2", at=NOW)


@pytest.mark.usefixtures("party")
def test_nothing_is_observed_in_the_future(db: Database) -> None:
    with pytest.raises(InputError, match="`a` of `acme` is observed in the future"):
        _record(db, "k", NewFact("a", "1", later(microseconds=1)))
    assert _record(db, "k", NewFact("a", "1", NOW)) == 1


@pytest.mark.usefixtures("party")
def test_a_fact_ends_by_itself_and_nothing_older_comes_back(db: Database) -> None:
    _record(db, "1", NewFact("a", "older", NOW))
    _record(db, "2", NewFact("a", "1", later(days=1), "document:x", later(days=10)), at=later(days=1))
    assert _texts(db, later(days=10, microseconds=-1)) == {"a": "1"}
    assert _texts(db, later(days=10)) == {"a": None}
    assert _texts(db, later(days=999)) == {"a": None}
    with db.read() as conn:
        assert [row.text for row in facts.history(conn, "acme")] == ["older", "1"]
        assert facts.latest(conn, "acme", later(days=10))["a"].valid_until == later(days=10)
    _record(db, "3", NewFact("a", "newer", later(days=11)), at=later(days=11))
    assert _texts(db, later(days=11)) == {"a": "newer"}


@pytest.mark.usefixtures("party")
def test_when_a_fact_ends_is_part_of_what_was_recorded(db: Database) -> None:
    _record(db, "k", NewFact("a", "1", NOW, "", later(days=1)))
    assert _record(db, "k", NewFact("a", "1", NOW, "", later(days=1))) == 0
    for until in (None, later(days=2)):
        with pytest.raises(CommandConflict):
            _record(db, "k", NewFact("a", "1", NOW, "", until))


@pytest.mark.usefixtures("party")
def test_rows_of_one_party_under_keys_of_their_own(db: Database) -> None:
    register(db, "other")
    rows = [
        ("acme", "june", [NewFact("a", "1", later(days=-30))]),
        ("acme", "july", [NewFact("a", "2", NOW), NewFact("b", "2", NOW)]),
        ("other", "july", [NewFact("a", "3", NOW)]),
    ]
    with db.write() as conn:
        assert facts.record_batches(conn, rows, at=NOW) == 4
        assert facts.record_batches(conn, rows, at=later(days=1)) == 0
        found = facts.batches_of(conn, ["acme", "other"], {"june", "july", "august"})
    assert found == {("acme", "june"): NOW, ("acme", "july"): NOW, ("other", "july"): NOW}
    assert _texts(db, NOW) == {"a": "2", "b": "2"}
    assert _texts(db, later(days=-1)) == {"a": "1"}
    with pytest.raises(InputError, match="stands twice under `x`"), db.write() as conn:
        facts.record_batches(conn, [("acme", "x", rows[0][2]), ("acme", "x", rows[1][2])], at=NOW)


_ROW = st.tuples(
    st.sampled_from("abc"),
    st.integers(0, 3),  # observed on that day
    st.integers(0, 3),  # recorded so many days after
    st.sampled_from(["1", "2", None]),
    st.integers(0, 3) | st.none(),  # holds for so many days
)
Row = tuple[str, int, int, str | None, int | None]


def _bring(db: Database, rows: list[Row]) -> str:
    """A new party of which ``rows`` are recorded, in this order."""
    with db.read() as conn:
        party_id = f"h{len(parties.list_parties(conn))}"
    register(db, party_id)
    with db.write() as conn:
        for number, (name, observed, delay, text, days) in enumerate(rows):
            until = None if days is None else later(days=observed + days)
            news = [NewFact(name, text, later(days=observed), "", until)]
            facts.record(conn, party_id, news, key=str(number), at=later(days=observed + delay))
    return party_id


def _plainly(rows: list[Row], as_of: int, known_at: int | None) -> dict[str, str | None]:
    """What ``latest`` must say, read off the rows one by one."""
    best: dict[str, tuple[int, int, int]] = {}
    for number, (name, observed, delay, _, _) in enumerate(rows):
        if observed <= as_of and (known_at is None or observed + delay <= known_at):
            best[name] = max(best.get(name, (-1, -1, -1)), (observed, observed + delay, number))
    found: dict[str, str | None] = {}
    for name, (observed, _, number) in best.items():
        _, _, _, text, days = rows[number]
        found[name] = None if days is not None and as_of >= observed + days else text
    return found


_FREE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@_FREE
@given(rows=st.lists(_ROW, max_size=12), as_of=st.integers(-1, 7), known_at=st.integers(-1, 7) | st.none())
def test_latest_equals_a_plain_reading(db: Database, rows: list[Row], as_of: int, known_at: int | None) -> None:
    party_id = _bring(db, rows)
    with db.read() as conn:
        known = None if known_at is None else later(days=known_at)
        found = facts.latest(conn, party_id, later(days=as_of), known)
    assert {name: row.text for name, row in found.items()} == _plainly(rows, as_of, known_at)


@_FREE
@given(rows=st.lists(_ROW, max_size=8), more=st.lists(_ROW, min_size=1, max_size=4), as_of=st.integers(-1, 7))
def test_what_comes_later_does_not_change_what_was_known(
    db: Database, rows: list[Row], more: list[Row], as_of: int
) -> None:
    """Two times belong to a fact: corrections, however old what they are about, are not in what was known before."""
    before = max((observed + delay for _, observed, delay, _, _ in rows), default=-1)
    late = [(name, observed, before + 1 + delay, text, days) for name, observed, delay, text, days in more]
    alone, corrected = _bring(db, rows), _bring(db, rows + late)
    with db.read() as conn:
        then, known = later(days=as_of), later(days=before)
        told = facts.latest(conn, alone, then)
        recalled = facts.latest(conn, corrected, then, known)
        now = facts.latest(conn, corrected, then)
    assert {name: row.text for name, row in recalled.items()} == {name: row.text for name, row in told.items()}
    assert {name: row.text for name, row in now.items()} == _plainly(rows + late, as_of, None)
