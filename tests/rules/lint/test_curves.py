"""Parts of scores that decide nothing."""

from __future__ import annotations

import pytest

from tests.rules.lint.spoiling import E, Spoiled, check, nothing

PART = "{fact: experience, weight: 30}"


@pytest.mark.parametrize("curve", ["[[0, 100], [50, 100]]", "[[0, 100], [40, 100], [60, 100]]"])
def test_a_curve_that_is_flat(curve: str) -> None:
    new = f"»{{fact: experience, weight: 30, curve: {curve}}}"
    says = "`experience` decides nothing in the score `trust`: its curve is 100 everywhere"
    check(Spoiled(E, PART, new, "flat_curve", says, {"experience": ["0", "100"], "points": "30"}))


def test_a_curve_that_is_flat_where_the_fact_can_be() -> None:
    """Days here go to 2,916,460 at most: the curve rises where nobody is."""
    new = "»{fact: days_here, weight: 30, curve: [[2_950_000, 40], [3_000_000, 100]]}"
    says = "`days_here` decides nothing in the score `trust`: its curve is 40 everywhere"
    check(Spoiled(E, PART, new, "flat_curve", says, {"days_here": ["-367799", "-367798"], "points": "12"}))


@pytest.mark.parametrize(
    "part",
    [
        "{fact: experience, weight: 30, curve: [[0, 100], [50, 100], [60, 99]]}",
        "{fact: days_here, weight: 30, curve: [[2_500_000, 0], [3_000_000, 100]]}",
    ],
)
def test_a_curve_that_decides_something(part: str) -> None:
    nothing(E, PART, part)
