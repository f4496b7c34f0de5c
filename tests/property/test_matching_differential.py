"""Random matching books over random registers: the engine says what a plain evaluation says, and replays to it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rules.decimals import scaled_text
from rules.evaluate import CompiledBook
from rules.inputs import from_inputs, inputs_json
from rules.loader import load_directory
from rules.model import (
    Book,
    Covers,
    Leaf,
    Mark,
    Matching,
    Op,
    Preference,
    Preferred,
    ProviderCurve,
    Requirement,
    Same,
    Table,
)
from rules.records import Candidate, Context, Observed, Record
from rules.words import CAPABILITIES, PROVIDER_TYPES

BOOK = Path(__file__).parents[2] / "rules" / "book"
NOW = datetime(2022, 8, 1, 4, tzinfo=UTC)
MARK = Mark("p.yaml", 1, 1)
CATEGORIES, REGIONS = ("apparel", "food", "home"), ("zhejiang", "fujian")
COUNTS, SCORES = ("capacity", "load", "free_capacity"), ("track_record", *CAPABILITIES)
RUN = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_BETWEEN = ("at_least", "at_most", "more_than", "less_than", "between")


@cache
def shipped() -> Book:
    return load_directory(BOOK)


# --- what is random -----------------------------------------------------------------------------------------------


def number(rng: Random, name: str) -> int:
    return rng.choice((0, 1, 2, 3)) if name in COUNTS else rng.choice((0, 1, 400, 500, 501, 999, 1_000))


def operand(rng: Random, name: str, op: str) -> Any:
    if op != "between":
        return number(rng, name)
    return tuple(sorted((number(rng, name), number(rng, name))))


def leaf(rng: Random) -> Leaf:
    kind = rng.randrange(5)
    if kind == 0:
        some = tuple(sorted(rng.sample(PROVIDER_TYPES, rng.randint(1, 4))))
        return Leaf("type", rng.choice(("one_of", "none_of")), some, MARK)
    if kind == 1:
        some = tuple(sorted(rng.sample(CATEGORIES, rng.randint(1, 2))))
        return Leaf("categories", rng.choice(("one_of", "none_of", "is")), some, MARK)
    if kind == 2:
        return Leaf("region", rng.choice(("is", "is_not")), rng.choice(REGIONS), MARK)
    name = rng.choice((*COUNTS, *SCORES))
    op: Op = rng.choice(_BETWEEN)  # type: ignore[arg-type]  # the words of a tuple are plain texts
    if kind == 3:
        by = rng.choice(("type", "region"))
        codes = PROVIDER_TYPES if by == "type" else REGIONS
        rows = {code: operand(rng, name, op) for code in rng.sample(codes, rng.randint(1, len(codes)))}
        return Leaf(name, op, Table(by, rows, operand(rng, name, op)), MARK)
    return Leaf(name, op, operand(rng, name, op), MARK)


def curve(rng: Random) -> ProviderCurve:
    name = rng.choice((*COUNTS, *SCORES))
    scale = 1 if name in COUNTS else 10
    xs = sorted(rng.sample(range(101), rng.randint(2, 4)))
    return ProviderCurve(name, tuple((Fraction(x, scale), Fraction(rng.randint(0, 100))) for x in xs), MARK)


def matching(rng: Random) -> Matching:
    requirements: list[Requirement] = [
        rng.choice((Same("category", MARK), Same("region", MARK), leaf(rng))) for _ in range(rng.randint(1, 3))
    ]
    whats: list[Preferred] = [
        rng.choice((Covers(MARK), Same("category", MARK), Same("region", MARK), leaf(rng), curve(rng)))
        for _ in range(rng.randint(1, 4))
    ]
    cuts = sorted(rng.sample(range(1, 1_000), len(whats) - 1))
    weights = [Fraction(b - a, 10) for a, b in zip((0, *cuts), (*cuts, 1_000), strict=True)]
    prefer = tuple(Preference(weight, what, MARK) for weight, what in zip(weights, whats, strict=True))
    serves = {kind: tuple(rng.sample(("K", "M", "S"), rng.randint(1, 2))) for kind in PROVIDER_TYPES}
    head = replace(shipped().matching["provider-matching"].head, name="random", parties=("K", "M", "S"))
    return Matching(head, serves, tuple(requirements), prefer, rng.randint(1, 3))


def candidate(rng: Random, name: str) -> Candidate:
    capacity = rng.randint(0, 3)
    return Candidate(
        name,
        rng.choice(PROVIDER_TYPES),
        tuple(sorted(rng.sample((*CATEGORIES, "gone"), rng.randint(0, 3)))),
        rng.choice((*REGIONS, "gone", None)),
        capacity,
        rng.randint(0, capacity),
        rng.choice((None, number(rng, "track_record"))),
        {each: number(rng, each) for each in CAPABILITIES if rng.random() < 0.6},
    )


def situation(rng: Random) -> tuple[Record, Context]:
    texts = {"category": rng.choice((*CATEGORIES, None)), "region": rng.choice((*REGIONS, None))}
    record = Record("p", {name: Observed(text) for name, text in texts.items()})
    gaps = rng.choice((None, tuple(each for each in CAPABILITIES if rng.random() < 0.5)))
    names = rng.sample(["a", "B", "b", "c-1", "c.2", "Z9"], rng.randint(0, 6))
    register = tuple(candidate(rng, name) for name in names)
    return record, Context(track=rng.choice("KMS"), gaps=gaps, candidates=register)


# --- a plain evaluation -------------------------------------------------------------------------------------------


def value(each: Candidate, name: str) -> Any:
    if name == "free_capacity":
        return each.capacity - each.load
    if name == "categories":
        return tuple(code for code in each.categories if code != "gone")
    if name == "region":
        return None if each.region == "gone" else each.region
    return each.capabilities.get(name) if name in CAPABILITIES else getattr(each, name)


def holds(what: Requirement, each: Candidate, party: dict[str, str | None]) -> bool | None:
    if isinstance(what, Same):
        mine = party[what.fact]
        if what.fact == "category":
            return None if mine is None else mine in value(each, "categories")
        theirs = value(each, "region")
        return None if mine is None or theirs is None else mine == theirs
    seen, wanted = value(each, what.fact), what.operand
    if isinstance(wanted, Table):
        key = value(each, wanted.by)
        if key is None:
            return None
        wanted = wanted.rows.get(key, wanted.default)
    if seen is None:
        return None
    members = set(seen) if isinstance(seen, tuple) else {seen}
    match what.op:
        case "at_least":
            return bool(seen >= wanted)
        case "at_most":
            return bool(seen <= wanted)
        case "more_than":
            return bool(seen > wanted)
        case "less_than":
            return bool(seen < wanted)
        case "between":
            return bool(wanted[0] <= seen <= wanted[1])
        case "one_of":
            return bool(members & set(wanted))
        case "none_of":
            return not members & set(wanted)
        case "is":
            return bool(members == (set(wanted) if isinstance(wanted, tuple) else {wanted}))
        case _:
            return bool(seen != wanted)


def share(what: Preferred, each: Candidate, party: dict[str, str | None], gaps: tuple[str, ...] | None) -> Fraction:
    if isinstance(what, Covers):
        if gaps is None:
            return Fraction(0)
        return Fraction(sum(each.capabilities.get(g, 0) for g in gaps), 1_000 * len(gaps)) if gaps else Fraction(1)
    if isinstance(what, ProviderCurve):
        seen = value(each, what.attribute)
        if seen is None:
            return Fraction(0)
        x = Fraction(seen, 1 if what.attribute in COUNTS else 10)
        points = what.curve
        if x <= points[0][0]:
            return points[0][1] / 100
        for (x0, y0), (x1, y1) in pairwise(points):
            if x <= x1:
                return (y0 + (x - x0) * (y1 - y0) / (x1 - x0)) / 100
        return points[-1][1] / 100
    return Fraction(int(holds(what, each, party) is True))


def plain(book: Matching, record: Record, context: Context) -> dict[str, Any]:
    party = {name: observed.text for name, observed in record.facts.items()}
    fits, left_out = [], []
    for each in context.candidates:
        if context.track not in book.serves[each.type]:
            continue
        said = [holds(what, each, party) for what in book.require]
        lacking = next((n for n, verdict in enumerate(said) if verdict is not True), None)
        if lacking is not None:
            verdict = "unknown" if said[lacking] is None else "fail"
            left_out.append({"provider": each.provider, "requirement": lacking + 1, "verdict": verdict})
            continue
        total = sum((pref.weight * share(pref.what, each, party, context.gaps) for pref in book.prefer), Fraction(0))
        fits.append((int(total * 10 // 1), each.provider, each.type))
    fits.sort(key=lambda fit: (-fit[0], fit[1]))
    return {
        "considered": len(fits) + len(left_out),
        "offers": [
            {"rank": n, "provider": name, "type": kind, "score": scaled_text(score, 1)}
            for n, (score, name, kind) in enumerate(fits[: book.offers], 1)
        ],
        "behind": [{"provider": name, "score": scaled_text(score, 1)} for score, name, _ in fits[book.offers :]],
        "left_out": sorted(left_out, key=lambda each: str(each["provider"])),
    }


@RUN
@given(st.integers(0, 2**32))
def test_the_engine_says_what_a_plain_evaluation_says(seed: int) -> None:
    rng = Random(seed)
    book = matching(rng)
    compiled = CompiledBook(replace(shipped(), matching={"random": book}))
    moment = compiled.moment(NOW)
    for _ in range(6):
        record, context = situation(rng)
        decision = compiled.decide("random", compiled.ask(record, moment), context)
        expected = plain(book, record, context)
        assert {name: decision.result[name] for name in expected} == expected
        assert decision.outcome == ("offers" if expected["offers"] else "no_offer")
        points = [sum(Fraction(part["points"]) for part in step["prefer"]) for step in decision.steps]
        assert [scaled_text(int(each * 10 // 1), 1) for each in points] == [o["score"] for o in expected["offers"]]
        kept_record, kept_context = from_inputs(json.loads(json.dumps(inputs_json(record, context))))
        shuffled = replace(kept_context, candidates=tuple(rng.sample(kept_context.candidates, len(context.candidates))))
        again = compiled.decide("random", compiled.ask(kept_record, moment), shuffled)
        assert again.canonical() == decision.canonical()  # replayed, and whatever order the register came in
