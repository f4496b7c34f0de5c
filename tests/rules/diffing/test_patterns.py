"""The sorts of texts that literals and patterns tell apart, against the pattern engine itself."""

from __future__ import annotations

from itertools import product
from random import Random

import pytest
import re2
from hypothesis import given, settings
from hypothesis import strategies as st

from rules.diffing.patterns import Sorts, sorts_of

LETTERS = "ab1-\n"


def texts(length: int) -> list[str]:
    """Every text of up to ``length`` of a few letters."""
    return ["".join(chars) for size in range(1, length + 1) for chars in product(LETTERS, repeat=size)]


def sort_of(text: str, literals: list[str], patterns: list[str]) -> tuple[str | None, frozenset[str]]:
    found = frozenset(pattern for pattern in patterns if re2.compile(pattern).search(text) is not None)
    return (text if text in literals else None), found


def kinds(found: Sorts, literals: list[str]) -> set[tuple[str | None, frozenset[str]]]:
    return {(sort.example if sort.example in literals else None, sort.matched) for sort in found.sorts}


def pattern(rng: Random, depth: int = 3) -> str:
    """A random pattern of the part of the syntax that is analysed."""
    if depth == 0:
        return rng.choice(["a", "b", "1", ".", "[ab]", "[^a]", "\\d", "\\W", "[a-b1]", "\\-", "^", "$", "\\s"])
    match rng.choice(["cat", "alt", "star", "group", "leaf"]):
        case "cat":
            return pattern(rng, depth - 1) + pattern(rng, depth - 1)
        case "alt":
            return f"{pattern(rng, depth - 1)}|{pattern(rng, depth - 1)}"
        case "star":
            return f"(?:{pattern(rng, depth - 1)}){rng.choice(['*', '+', '?', '{2}', '{1,2}', '{0,1}?', '{2,}', '*?'])}"
        case "group":
            return rng.choice(["({})", "(?:{})", "(?P<n>{})"]).format(pattern(rng, depth - 1))
    return pattern(rng, 0)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_no_text_is_of_a_sort_that_is_not_told(seed: int) -> None:
    """Where the analysis says that it is complete, it is; and every example is of the sort that it stands for."""
    rng = Random(seed)
    patterns = list(dict.fromkeys(pattern(rng).replace("(?P<n>", "(?:") for _ in range(rng.randint(1, 3))))
    literals = rng.sample(["a", "ab", "1", "b-"], rng.randint(0, 2))
    found = sorts_of(literals, patterns)
    told = kinds(found, literals)
    for sort in found.sorts:
        assert sort_of(sort.example, literals, patterns)[1] == sort.matched
    if found.complete:
        assert {sort_of(text, literals, patterns) for text in texts(3)} <= told


@pytest.mark.parametrize(
    ("literals", "patterns", "expected"),
    [
        ([], [], {(None, ())}),
        (["a"], [], {("a", ()), (None, ())}),
        ([], ["^CN", "^(CN|HK)"], {(None, ()), (None, ("^(CN|HK)",)), (None, ("^(CN|HK)", "^CN"))}),
        ([], ["a", "aa"], {(None, ()), (None, ("a",)), (None, ("a", "aa"))}),
        ([], [".*"], {(None, (".*",))}),
        ([], ["$^"], {(None, ())}),  # only the empty text, which is unknown
        (["NaN"], ["NaN"], {(None, ()), (None, ("NaN",))}),  # that text is unknown, others hold it
        ([], ["[一-龥]"], {(None, ()), (None, ("[一-龥]",))}),
        ([], ["\\x41|[[:alpha:]]"], None),
        ([], ["(?i)a"], None),
        ([], ["\\bx"], None),
        ([], ["a{1000}"], None),
    ],
)
def test_sorts(
    literals: list[str], patterns: list[str], expected: set[tuple[str | None, tuple[str, ...]]] | None
) -> None:
    found = sorts_of(literals, patterns)
    assert found.complete == (expected is not None)
    if expected is not None:
        assert {(word, tuple(sorted(matched))) for word, matched in kinds(found, literals)} == expected


def test_too_many_states_are_not_guessed_about() -> None:
    patterns = [f"{letter}.{{20}}{letter}" for letter in "abcdef"]
    assert not sorts_of([], patterns).complete


def test_examples_are_texts_that_a_fact_may_hold() -> None:
    """No control characters, and nothing that is read as unknown."""
    found = sorts_of(["null"], ["[^a-z]", "^.$", "\\s"])
    assert found.complete
    for sort in found.sorts:
        assert sort.example not in ("", "null")
        assert all(char >= " " or char in "\t\n\r" for char in sort.example)
