"""The books that come with the project: they load, differ where they say, and each criterion tells parties apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fastbrand.domain.decision import Decision
from fastbrand.service.sample import SampleParty, generate
from rules.engine import RuleEngine, Screening
from rules.loader import check_directory, load_directory
from rules.model import Book
from rules.records import Observed, Record

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "rules" / "book"
DEMO = ROOT / "examples" / "demo" / "book"
OLIST = ROOT / "examples" / "olist" / "book"
TODAY = date(2022, 8, 1)
NOW = datetime(2022, 8, 1, 4, tzinfo=UTC)


@pytest.fixture(scope="module")
def engine() -> Iterator[RuleEngine]:
    with RuleEngine() as made:
        yield made


def screen(engine: RuleEngine, book: Book, parties: list[SampleParty]) -> dict[str, Screening]:
    """Party id -> screening."""
    found: dict[str, Screening] = {}
    for track in ("M", "S"):
        records = [
            Record(party.party_id, {name: Observed(text) for name, text in party.facts.items()})
            for party in parties
            if party.track == track
        ]
        for record, result in zip(
            records, engine.screen_many(book.closure, records, track=track, as_of=NOW), strict=True
        ):
            assert isinstance(result, Screening), result
            found[record.party] = result
    return found


# --- the files ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SHIPPED, DEMO, OLIST], ids=["shipped", "demo", "olist"])
def test_a_book_loads_without_a_mistake(path: Path) -> None:
    book, mistakes = check_directory(path)
    assert [str(mistake) for mistake in mistakes] == []
    assert book is not None
    assert book.warnings == ()
    heads = [
        item.head
        for kind in (book.eligibility, book.routing, book.maintenance, book.incentive)
        for item in kind.values()
    ]
    assert {head.status for head in heads} == {"illustrative"}
    assert {routing.decides for routing in book.routing.values()} == {"track", "queue", "endorsement"}


def leaves(data: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every scalar of YAML data with its path."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from leaves(value, f"{path}.{key}" if path else str(key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, data


def test_the_demonstration_is_the_shipped_policy_on_fast_forward() -> None:
    """What may differ is listed in examples/demo/README.md."""
    names = {path.name for path in SHIPPED.glob("*.yaml")}
    assert {path.name for path in DEMO.glob("*.yaml")} == names
    changed: dict[str, set[str]] = {}
    for name in sorted(names):
        ours, theirs = (dict(leaves(YAML(typ="safe").load(path / name))) for path in (SHIPPED, DEMO))
        found = {path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path)}
        if found:
            changed[name] = found
    assert changed == {
        "programme.yaml": {
            "pools.fast-brand.budget",
            "pools.fast-brand.status",
            "pools.brand.budget",
            "review.rfi_deadline",
            "review.appeal_window",
            "review.appeal_again",
            "cases.appeal.sla",
            "cases.standing.sla",
            "endorsement.term",
            "endorsement.renewal",
            "standing.suspension",
            "standing.cool_off",
            "standing.plan",
            "waiting_retry",
            "frozen_recheck",
        },
        "review.routing.yaml": {"rows[2].then.sla", "rows[3].then.sla"},
        "traffic-bonus.incentive.yaml": {
            "tranches[0].after",
            "tranches[1].after",
            "tranches[2].after",
            "expires_after",
        },
    }


def test_the_olist_facts_are_facts_of_the_shipped_book() -> None:
    """One mapping serves both books: names, types, scales and choices agree; money is in each book's currency."""
    shipped, olist = load_directory(SHIPPED).facts, load_directory(OLIST).facts
    for name, fact in olist.items():
        assert (fact.type, fact.decimals, fact.sample) == (
            shipped[name].type,
            shipped[name].decimals,
            shipped[name].sample,
        )
        assert set(fact.choices or {}) <= set(shipped[name].choices or {})


# --- the sample under the shipped book ----------------------------------------------------------------------------


def test_every_criterion_is_passed_and_failed_by_somebody(engine: RuleEngine) -> None:
    book = load_directory(SHIPPED)
    for seed in (1, 2):
        parties = generate(200, seed, book.facts, today=TODAY)
        seen: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for screening in screen(engine, book, parties).values():
            for finding in screening.eligibility.findings:
                seen[screening.eligibility.rulebook, finding.criterion][finding.verdict] += 1
        asked = {(name, item.id) for name, rulebook in book.eligibility.items() for item in rulebook.criteria}
        assert set(seen) == asked
        lacking = {
            (*criterion, verdict)
            for criterion, verdicts in seen.items()
            for verdict in ("pass", "fail", "unknown")
            if not verdicts[verdict]
        }
        assert lacking == set()


def way(screening: Screening) -> str:
    """What happens to a party: straight in, straight out, or to a person."""
    if screening.queue.result.get("by") != "system":
        return str(screening.queue.result["queue"])
    return {"eligible": "straight in", "ineligible": "refused"}[screening.eligibility.outcome]


def test_the_sample_is_a_healthy_mix(engine: RuleEngine) -> None:
    book = load_directory(SHIPPED)
    for seed in (1, 2, 3):
        parties = generate(200, seed, book.facts, today=TODAY)
        screenings = screen(engine, book, parties)
        ways = Counter(way(screening) for screening in screenings.values())
        cases = ways["documents"] + ways["vetting"]
        assert 50 <= ways["straight in"] <= 85, ways
        assert 50 <= ways["refused"] <= 85, ways
        assert 50 <= cases <= 85, ways
        assert min(ways["documents"], ways["vetting"]) >= 10, ways
        tracks = {party.party_id: party.track for party in parties}
        into = Counter(tracks[name] for name, each in screenings.items() if way(each) == "straight in")
        assert into["S"] >= 8
        routed = Counter(
            (tracks[name], each.track.outcome) for name, each in screenings.items() if each.track is not None
        )
        assert min(routed["M", "M"], routed["M", "S"], routed["M", "merchant"], routed["S", "S"]) >= 1, routed


def test_grants_of_the_sample(engine: RuleEngine) -> None:
    """Who is straight in gets traffic; the largest are capped, and some wait for a person of finance."""
    book = load_directory(SHIPPED)
    parties = [party for seed in (1, 2, 3) for party in generate(200, seed, book.facts, today=TODAY)]
    screenings = screen(engine, book, parties)
    amounts: list[int] = []
    capped: Counter[str] = Counter()
    for track in ("M", "S"):
        records = [
            Record(party.party_id, {name: Observed(text) for name, text in party.facts.items()})
            for party in parties
            if party.track == track and way(screenings[party.party_id]) == "straight in"
        ]
        for decision in grants(engine, book, records, track):
            assert decision.outcome == "grant", decision.reasons
            amounts.append(decision.result["amount"])
            capped[str(decision.result["capped_by"])] += 1
    assert min(amounts) > 100_000
    assert max(amounts) == 30_000_000
    assert capped["single_grant"] >= 1
    assert any(amount > 20_000_000 for amount in amounts)


def grants(engine: RuleEngine, book: Book, records: list[Record], track: str) -> list[Decision]:
    from rules.records import Context

    (name,) = book.incentive
    found = engine.decide(book.closure, name, records, as_of=NOW, context=Context(track=track, period="2022-08"))
    decisions = [each for each in found if isinstance(each, Decision)]
    assert len(decisions) == len(records), found
    return decisions
