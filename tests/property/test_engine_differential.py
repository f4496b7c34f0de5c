"""The evaluator against an independent evaluation: random books, random, missing, boundary and hostile values."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastbrand.domain.decision import Decision, Finding, LeafFinding
from fastbrand.domain.errors import InputError
from rules.evaluate import CompiledBook
from rules.frame import Asked
from rules.model import Book, FactDef, Leaf
from rules.records import Context, Record, Remainders
from tests.property import random_books, random_kinds
from tests.rules import reference_kinds
from tests.rules.reference import World, chosen, holds, leaves, world_of

RECORDS = 8
RUN = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEEDS = st.integers(0, 2**32)
"""A book, and the parties for it, come of a seed: drawing each of their thousand choices would be too slow."""


def parties(
    rng: Random, book: Book, compiled: CompiledBook, *, hostile: bool = False
) -> list[tuple[World, Asked, Record, datetime]]:
    """Records that both take. Where one refuses a record, the other must, too."""
    found = []
    for _ in range(RECORDS):
        as_of = random_books.moment(rng)
        record = random_books.record(rng, dict(book.facts), as_of, hostile=hostile)
        world = world_of(book, record, as_of)
        try:
            asked = compiled.ask(record, compiled.moment(as_of))
        except InputError:
            assert world is None, f"only the evaluator refuses {record}"
            continue
        assert world is not None, f"only the reference refuses {record}"
        found.append((world, asked, record, as_of))
    return found


def told(findings: tuple[Finding, ...]) -> list[dict[str, Any]]:
    return [
        {
            "criterion": finding.criterion,
            "verdict": finding.verdict,
            "effect": finding.effect,
            "leaves": [leaf.verdict for leaf in finding.leaves],
            "when": [leaf.verdict for leaf in finding.when],
        }
        for finding in findings
    ]


def row_taken(decision: Decision) -> int:
    taken = [step["row"] for step in decision.steps if step["step"] == "row" and step["holds"]]
    assert len(taken) == 1
    return int(taken[0])


def check_distance(world: World, leaf: Leaf, found: LeafFinding) -> None:
    """The told change passes, and no smaller one does (tried where the change is small, else beside it)."""
    fact = world.book.facts[leaf.fact]
    if found.verdict != "fail" or found.distance_to_pass is None or isinstance(found.distance_to_pass, list):
        return
    scale = 1 if fact.type in ("date", "duration", "count") else 10**fact.decimals
    minor = fact.type == "money"
    change = Decimal(found.distance_to_pass) * (1 if minor else scale)
    assert change == int(change)
    size = abs(int(change))
    assert size > 0
    assert passes_after(world, leaf, fact, int(change))
    for smaller in range(1, size) if size < 50 else (size - 1, size // 2):
        for step in (smaller, -smaller):
            assert not passes_after(world, leaf, fact, step), f"{step} is enough, {change} was told"


def passes_after(world: World, leaf: Leaf, fact: FactDef, change: int) -> bool:
    """Whether the value would pass after a change of so many stored units; False outside the fact's range."""
    value, operand = world.value(leaf.fact), chosen(world, leaf)
    if fact.type == "date":
        changed: Any = value + timedelta(days=change)
        stored = changed.toordinal()
    else:
        changed = value + Fraction(change, 10**fact.decimals)
        stored = int(changed * 10**fact.decimals)
    low, high = fact.range or (-(2**53) + 1, 2**53 - 1)
    return low <= stored <= high and holds(leaf.op, changed, operand, fact, world.today)


@RUN
@given(SEEDS, SEEDS)
def test_eligibility_agrees_with_the_reference(book_seed: int, party_seed: int) -> None:
    rng = Random(book_seed)
    made = random_books.facts(rng)
    rulebook = random_kinds.eligibility(rng, made)
    book = random_books.book(made, eligibility={"e": rulebook})
    compiled = CompiledBook(book)
    for world, asked, _, _ in parties(Random(party_seed), book, compiled, hostile=True):
        decision = compiled.decide("e", asked)
        expected = reference_kinds.eligibility(world, "e")
        assert told(decision.findings) == expected["found"]
        assert {score.score: score.value for score in decision.scores} == expected["scores"]
        assert [tuple(reason.values()) for reason in decision.reasons] == expected["reasons"]
        assert (decision.outcome, row_taken(decision)) == (expected["outcome"], expected["row"])
        assert sorted(warning["fact"] for warning in asked.facts.warnings) == sorted(world.strange)
        for criterion, finding in zip(rulebook.criteria, decision.findings, strict=True):
            for leaf, found in zip(leaves(criterion.require), finding.leaves, strict=True):
                check_distance(world, leaf, found)
        assert decision.canonical() == compiled.decide("e", asked).canonical()


@RUN
@given(SEEDS, SEEDS)
def test_routing_agrees_with_the_reference(book_seed: int, party_seed: int) -> None:
    rng = Random(book_seed)
    made = random_books.facts(rng)
    screened = random_kinds.eligibility(rng, made)
    book = random_books.book(
        made, eligibility={"e": screened}, routing={"q": random_kinds.routing(rng, made, screened)}
    )
    compiled = CompiledBook(book)
    for world, asked, _, _ in parties(Random(party_seed), book, compiled):
        before = compiled.decide("e", asked)
        decision = compiled.decide("q", asked, Context(screening=before))
        expected = reference_kinds.routing(world, "q", "e", len(before.warnings))
        assert (row_taken(decision), decision.result) == (expected["row"], expected["then"])
        alone = compiled.decide("q", asked)
        assert row_taken(alone) == reference_kinds.routing(world, "q", None, 0)["row"]


@RUN
@given(SEEDS, SEEDS)
def test_maintenance_agrees_with_the_reference(book_seed: int, party_seed: int) -> None:
    rng = Random(book_seed)
    made = random_books.facts(rng)
    rulebook = random_kinds.maintenance(rng, made)
    book = random_books.book(made, maintenance={"m": rulebook})
    compiled = CompiledBook(book)
    for world, asked, _, _ in parties(Random(party_seed), book, compiled):
        streaks = {band.id: rng.randint(0, 3) for band in rulebook.bands if rng.choice((True, False))}
        context = Context(streaks=streaks, clear_months=rng.randint(0, 3))
        decision = compiled.decide("m", asked, context)
        expected = reference_kinds.maintenance(world, "m", context)
        assert {key: decision.result[key] for key in ("bands", "streaks", "clear_months")} == {
            key: expected[key] for key in ("bands", "streaks", "clear_months")
        }
        assert (decision.outcome, row_taken(decision)) == (expected["outcome"], expected["row"])


@RUN
@given(SEEDS, SEEDS)
def test_grants_agree_with_the_reference(book_seed: int, party_seed: int) -> None:
    rng = Random(book_seed)
    made = random_books.facts(rng)
    screened = random_kinds.eligibility(rng, made)
    rulebook = random_kinds.incentive(rng, made)
    book = random_books.book(made, eligibility={"e": screened}, incentive={"i": rulebook})
    compiled = CompiledBook(book)
    left = (None, 0, 7, 300)
    for world, asked, _, _ in parties(Random(party_seed), book, compiled):
        context = Context(remainders=Remainders(rng.choice(left), rng.choice(left)))
        decision = compiled.decide("i", asked, context)
        expected = reference_kinds.incentive(world, "i", context, "e")
        assert [reason["criterion"] for reason in decision.reasons] == expected["reasons"]
        assert decision.outcome == expected["outcome"]
        assert [tranche["amount"] for tranche in decision.result["tranches"]] == expected["tranches"]
        assert sum(expected["tranches"]) == expected["amount"] == decision.result["amount"]
        for key in ("uncapped", "capped_by", "confirm"):
            assert decision.result[key] == expected.get(key, None if key != "confirm" else False)
