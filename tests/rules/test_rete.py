"""The network of comparisons: right at every edge, and a fault wherever the engine contradicts itself."""

from __future__ import annotations

import random
from typing import Any

import durable_rules_engine
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastbrand.domain.errors import EngineFault
from rules import rete
from rules.comparisons import FAIL, MAX_MEMBERS, PASS, UNKNOWN, UNKNOWN_VALUE, Comparison
from rules.rete import Network, field_hash

LIMIT = 2**53
SINGLE = ("ge", "le", "gt", "lt", "eq", "ne")
EDGES = (0, 1, -1, 5, 9, 10, LIMIT, -LIMIT, UNKNOWN_VALUE - 1, UNKNOWN_VALUE + 1, 10**15)
values = st.sampled_from(EDGES) | st.integers(-12, 12)


def holds(relation: str, value: int, operands: tuple[int, ...]) -> bool:
    first = operands[0]
    return {
        "ge": value >= first,
        "le": value <= first,
        "gt": value > first,
        "lt": value < first,
        "eq": value == first,
        "ne": value != first,
        "between": first <= value <= operands[-1],
        "in": value in operands,
        "not_in": value not in operands,
    }[relation]


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    relation: Any = draw(st.sampled_from([*SINGLE, "between", "in", "not_in"]))
    if relation in ("in", "not_in"):
        return Comparison(relation, tuple(draw(st.lists(values, min_size=1, max_size=MAX_MEMBERS))))
    if draw(st.booleans()):
        return Comparison(relation, by_record=True)
    size = 2 if relation == "between" else 1
    return Comparison(relation, tuple(draw(st.lists(values, min_size=size, max_size=size))))


@settings(max_examples=150, deadline=None)
@given(st.lists(comparisons(), min_size=1, max_size=30), st.integers(0, 2**32))
def test_every_comparison_is_answered_rightly(asked: list[Comparison], seed: int) -> None:
    rng = random.Random(seed)
    network = Network(asked)
    for _ in range(12):
        given_values: list[int] = []
        expected = []
        for comparison in asked:
            value = rng.choice([UNKNOWN_VALUE, *EDGES, *comparison.operands])
            operands = comparison.operands or tuple(rng.choice(EDGES) for _ in range(comparison.slots - 1))
            given_values += [value, *(operands if comparison.by_record else ())]
            if value == UNKNOWN_VALUE:
                expected.append(UNKNOWN)
            else:
                expected.append(PASS if holds(comparison.relation, value, operands) else FAIL)
        assert network.run(given_values) == expected


@settings(max_examples=150, deadline=None)
@given(st.lists(comparisons(), min_size=1, max_size=60), st.integers(0, 2**32))
def test_comparisons_of_the_same_integers_are_answered_rightly(asked: list[Comparison], seed: int) -> None:
    """However many thresholds one integer has, and wherever they meet: on them and beside them."""
    rng = random.Random(seed)
    reads = [rng.sample(range(5), comparison.slots) for comparison in asked]
    network = Network(asked, reads)
    edges = {edge for comparison in asked for edge in comparison.operands} | set(EDGES)
    near = [value for edge in edges for value in (edge - 1, edge, edge + 1) if abs(value) <= LIMIT]
    for _ in range(24):
        numbers = [rng.choice([UNKNOWN_VALUE, *near]) for _ in range(network.slots)]
        expected = []
        for comparison, slots in zip(asked, reads, strict=True):
            value, *operands = (numbers[slot] for slot in slots)
            if value == UNKNOWN_VALUE:
                expected.append(UNKNOWN)
            else:
                passes = holds(comparison.relation, value, comparison.operands or tuple(operands))
                expected.append(PASS if passes else FAIL)
        assert network.run(numbers) == expected


def test_a_thousand_thresholds_of_one_integer_are_spread_over_rulesets() -> None:
    network = Network([Comparison("ge", (number,)) for number in range(1000)], [[0]] * 1000)
    for value in (-1, 0, 7, 500, 999, 1000):
        assert network.run([value]) == [PASS if value >= number else FAIL for number in range(1000)]
    assert network.run([UNKNOWN_VALUE]) == [UNKNOWN] * 1000


def test_a_thousand_comparisons_are_spread_over_rulesets() -> None:
    network = Network([Comparison("ge", (number,)) for number in range(1000)])
    assert network.run([500] * 1000) == [PASS] * 501 + [FAIL] * 499
    assert network.run([UNKNOWN_VALUE] * 1000) == [UNKNOWN] * 1000


def test_the_same_record_may_come_again_and_again() -> None:
    network = Network([Comparison("ge", (number,)) for number in range(24)])
    assert {tuple(network.run([12] * 24)) for _ in range(2000)} == {(PASS,) * 13 + (FAIL,) * 11}


@pytest.mark.parametrize("value", [1.0, True, "1", None, LIMIT + 1, -LIMIT - 1, float("nan")])
def test_only_integers_within_bounds_reach_the_engine(value: Any) -> None:
    with pytest.raises((EngineFault, TypeError)):
        Network([Comparison("ge", (0,))]).run([value])


def test_what_cannot_be_compiled_is_refused() -> None:
    for relation, operands in (
        ("ge", ()),
        ("between", (1,)),
        ("in", ()),
        ("in", tuple(range(17))),
        ("ge", (LIMIT + 1,)),
    ):
        with pytest.raises(ValueError, match=r"comparison|operands"):
            Comparison(relation, operands)  # type: ignore[arg-type]  # relations are words
    with pytest.raises(ValueError, match="operands"):
        Comparison("eq", (UNKNOWN_VALUE,))
    with pytest.raises(ValueError, match="by record"):
        Comparison("in", by_record=True)
    with pytest.raises(EngineFault, match="instead of"):
        Network([Comparison("ge", (0,))]).run([1, 2])


def test_names_whose_hashes_meet_are_refused() -> None:
    assert field_hash("costarring") == field_hash("liquid")
    with pytest.raises(EngineFault, match="`costarring` and `liquid`"):
        rete._check_names(["costarring", "liquid"])


def test_the_hash_is_the_engines_own() -> None:
    """Two fields of one hash are one field to the engine: that is what the check is for."""
    rules = '{"r":{"all":[{"m":{"costarring":1}}]}}'
    handle = durable_rules_engine.create_ruleset("hash", rules)
    code, _ = durable_rules_engine.assert_fact(handle, '{"id":"r","sid":"s","liquid":1}')
    assert code == 0  # taken for `costarring`


class Liar:
    """The real engine, but for what it says about started actions."""

    def __init__(self, said: Any) -> None:
        self._said = said
        self.compiled = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(durable_rules_engine, name)

    def create_ruleset(self, name: str, rules: str) -> Any:
        self.compiled += 1
        return durable_rules_engine.create_ruleset(name, rules)

    def complete_and_start_action(self, handle: int, state: int) -> Any:
        return self._said(durable_rules_engine.complete_and_start_action(handle, state))


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Liar:
    liar = Liar(request.param)
    monkeypatch.setattr(rete, "_engine", lambda: liar)
    return liar


def truth(message: Any) -> Any:
    return message


def one_lost(_message: Any) -> Any:
    return None


def one_twice(message: Any) -> Any:
    return message or '{"r001":{"m":{}}}'


def one_invented(_message: Any) -> Any:
    return '{"r999":{"m":{}}}'


def garbled(_message: Any) -> Any:
    return "r001"


def raised(_message: Any) -> Any:
    raise RuntimeError("no more")


@pytest.mark.parametrize("engine", [one_lost, one_twice, one_invented, garbled, raised], indirect=True)
def test_a_contradiction_is_a_fault_and_the_ruleset_is_thrown_away(engine: Liar) -> None:
    network = Network([Comparison("ge", (number,)) for number in (0, 10, 0, 10)])  # two groups of two
    for compiled in (1, 2):
        with pytest.raises(EngineFault):
            network.run([5, 5, 5, 5])
        assert engine.compiled == compiled
    engine._said = truth
    assert network.run([5, 5, 5, 5]) == [PASS, FAIL, PASS, FAIL]
    assert network.run([5, 15, -5, -5]) == [PASS, PASS, FAIL, FAIL]
    assert engine.compiled == 3
