"""The sample is made up, always the same for a seed, and fits the vocabulary of whatever book it is for."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from fastbrand.domain.errors import UsageError
from fastbrand.domain.names import check_party_id
from fastbrand.service.sample import SampleParty, generate
from rules.loader import load_directory
from rules.model import FactDef
from rules.values import parse_fact, to_text
from tests.service.vocabulary import FACTS, fact

ROOT = Path(__file__).parents[2]
SHIPPED = load_directory(ROOT / "rules" / "book").facts

DIGEST = "3589a73b17579af674cfaf60e0b124efe7a262fd3f60f2a82a047cdb835f34f3"
"""Of 200 parties of seed 1: another Python must give these bytes too. It changes only when the sample is meant to."""


def as_bytes(parties: list[SampleParty]) -> bytes:
    rows = [[party.party_id, party.track, party.facts] for party in parties]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()


def test_the_same_seed_gives_the_same_bytes() -> None:
    assert as_bytes(generate(120, 7, SHIPPED)) == as_bytes(generate(120, 7, SHIPPED))
    assert as_bytes(generate(120, 7, SHIPPED)) != as_bytes(generate(120, 8, SHIPPED))
    assert hashlib.sha256(as_bytes(generate(200, 1, SHIPPED))).hexdigest() == DIGEST


def test_tracks_and_ids() -> None:
    made = generate(200, 3, SHIPPED)
    assert Counter(party.track for party in made) == {"M": 160, "S": 40}
    ids = [party.party_id for party in made]
    assert len(set(ids)) == 200
    assert all(check_party_id(name).startswith(("s3-m", "s3-s")) for name in ids)
    assert not set(ids) & {party.party_id for party in generate(200, 4, SHIPPED)}


def test_only_the_tracks_that_a_book_judges() -> None:
    assert Counter(party.track for party in generate(20, 3, SHIPPED, tracks=["M"])) == {"M": 20}
    assert Counter(party.track for party in generate(20, 3, SHIPPED, tracks=["S"])) == {"S": 20}


@pytest.mark.parametrize("seed", range(5))
def test_every_fact_is_canonical_and_somewhere_known_and_unknown(seed: int) -> None:
    made = generate(200, seed, SHIPPED)
    known: Counter[str] = Counter()
    for party in made:
        for name, text in party.facts.items():
            definition = SHIPPED[name]
            assert definition.derivation is None
            if text is not None:
                value = parse_fact(definition, text)
                assert value is not None
                assert to_text(definition, value) == text
                known[name] += 1
    readable = {name for name, definition in SHIPPED.items() if definition.derivation is None}
    assert set(known) == readable
    # a party without anything still has a name and a category, most of the time
    most = {name: 200 if name in ("brand_name", "category") else 199 for name in readable}
    assert all(100 < count <= most[name] for name, count in known.items())


def test_some_texts_and_numbers_are_hostile() -> None:
    made = [party for seed in range(3) for party in generate(200, seed, SHIPPED)]
    names = {party.facts.get("brand_name") for party in made}
    assert any(name and "<script>" in name for name in names)
    assert any(name and len(name) > 2_000 for name in names)
    assert any(party.facts.get("gmv_30d") == "10000000000" for party in made)
    assert any(party.facts.get("price_to_category") == "0.01" for party in made)


def test_dates_follow_the_day_it_is_made_for() -> None:
    today = date(2031, 3, 1)
    ages = [
        (today - date.fromisoformat(text)).days
        for party in generate(200, 1, SHIPPED, today=today)
        if (text := party.facts.get("first_sale_on")) is not None
    ]
    assert min(ages) >= 0
    assert min(ages) < 180


def test_another_vocabulary_gets_other_facts() -> None:
    olist = load_directory(ROOT / "examples" / "olist" / "book").facts
    made = generate(60, 1, olist)
    assert all(set(party.facts) <= set(olist) for party in made)
    assert {text for party in made if (text := party.facts.get("category"))} <= set(olist["category"].choices or {})
    mine: dict[str, FactDef] = {
        "gmv_90d": fact("gmv_90d", "money", range_=("0 CNY", "3_000_000 CNY")),
        "mood": fact("mood", "score", range_=("2", "4")),
        "stars": FACTS["category"],
        "own": FACTS["own"],
        "since": FACTS["since"],
        "papers": FACTS["papers"],
        "name": FACTS["name"],
    }
    for party in generate(60, 1, mine):
        for name, text in party.facts.items():
            assert text is None or parse_fact(mine[name], text) is not None
        assert set(party.facts) >= set(mine) - {"gmv_90d"}


@pytest.mark.parametrize("n", [0, 1, 4, 5, 6])
def test_small_samples(n: int) -> None:
    assert len(generate(n, 1, SHIPPED)) == n


@pytest.mark.parametrize("n", [-1, 1_000_001])
def test_an_impossible_number_is_refused(n: int) -> None:
    with pytest.raises(UsageError, match="not a number of candidates"):
        generate(n, 1, SHIPPED)
