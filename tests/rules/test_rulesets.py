"""Rulesets stay far from where the engine breaks, and answer many comparisons with few firings."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.comparisons import FAIL, PASS, UNKNOWN, UNKNOWN_VALUE, Comparison
from rules.rulesets import MAX_SPANS, Ruleset, field_of, rulesets
from tests.rules.test_rete import EDGES, LIMIT, comparisons

STACK, BUCKETS, PROPERTIES = 64, 512, 253
"""Where the engine breaks: conditions that match at one level, rules that begin differently, fields of a record."""


def met(condition: dict[str, Any], numbers: dict[str, int]) -> bool:
    ((operator, what),) = condition.items()
    if not operator.startswith("$"):
        return bool(numbers[operator] == what)
    ((name, operand),) = what.items()
    value, other = numbers[name], operand if isinstance(operand, int) else numbers[operand["$m"]]
    return {
        "$gte": value >= other,
        "$lt": value < other,
        "$lte": value <= other,
        "$gt": value > other,
        "$eq": value == other,
        "$neq": value != other,
    }[operator]


def check_bearable(ruleset: Ruleset, numbers: dict[str, int]) -> None:
    begun = {repr(rule.conditions[0]): rule.conditions[0] for group in ruleset.groups for rule in group}
    matching = sum(met(condition, numbers) for condition in begun.values())
    assert matching <= ruleset.matches <= STACK - 24
    assert len(begun) <= ruleset.size < BUCKETS
    assert len(ruleset.slots) + 2 < PROPERTIES
    for group in ruleset.groups:
        assert sum(all(met(each, numbers) for each in rule.conditions) for rule in group) == 1


@settings(max_examples=200, deadline=None)
@given(st.lists(comparisons(), min_size=1, max_size=80), st.integers(3, 60), st.integers(0, 2**32))
def test_no_record_asks_more_of_the_engine_than_it_bears(asked: list[Comparison], integers: int, seed: int) -> None:
    rng = random.Random(seed)
    made = rulesets(asked, [rng.sample(range(integers), comparison.slots) for comparison in asked])
    edges = {edge for comparison in asked for edge in comparison.operands} | set(EDGES)
    near = [value for edge in edges for value in (edge - 1, edge, edge + 1) if abs(value) <= LIMIT]
    for choice in ([UNKNOWN_VALUE], [min(near)], [max(near)], [UNKNOWN_VALUE, *near], near):
        numbers = {field_of(slot): rng.choice(choice) for slot in range(integers)}
        for ruleset in made:
            check_bearable(ruleset, numbers)


def test_comparisons_of_one_integer_are_answered_by_one_firing() -> None:
    asked = [Comparison("ge", (8,)), Comparison("ge", (20,)), Comparison("between", (8, 24)), Comparison("ne", (25,))]
    (ruleset,) = rulesets(asked, [[0]] * 4)
    (group,) = ruleset.groups
    assert len(group) < MAX_SPANS
    assert {rule.answers for rule in group} == {
        tuple(enumerate(answers))
        for answers in (
            (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN),
            (FAIL, FAIL, FAIL, PASS),
            (PASS, FAIL, PASS, PASS),
            (PASS, PASS, PASS, PASS),
            (PASS, PASS, FAIL, FAIL),
            (PASS, PASS, FAIL, PASS),
        )
    }


@pytest.mark.parametrize("count", [1, 2, 3, 24, 25])
def test_two_integers_are_answered_by_one_firing(count: int) -> None:
    made = rulesets([Comparison("ge", (5,))] * count, [[slot] for slot in range(count)])
    assert sum(len(ruleset.groups) for ruleset in made) == -(-count // 2)
    assert len(made) == 1
