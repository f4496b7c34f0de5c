"""Matching books that say what nobody can have meant."""

from __future__ import annotations

import pytest

from tests.rules.lint.spoiling import Spoiled, check, nothing

X = "providers.matching.yaml"
ROOM, SHARED = "{provider: {free_capacity: {at_least: 1}}}", "{same: category}"
CURVE = "{weight: 20, provider: {track_record: {curve: [[0, 0], [100, 100]]}}}"


@pytest.mark.parametrize(
    ("serves", "says"),
    [
        ("{mcn: [M]", "`mcn` serves `M` here: in the programme it serves `K`"),
        ("{mcn: [K, S]", "`mcn` serves `S` here"),
    ],
)
def test_whom_a_type_serves_in_the_programme(serves: str, says: str) -> None:
    check(Spoiled(X, "serves: {mcn: [K]", f"»serves: {serves}", "serves_other", says))


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        ("{provider: {»free_capacity: {more_than: 1_000_000}}}", "`free_capacity` is never more than `1_000_000`"),
        ("{provider: {»track_record: {less_than: 0}}}", "`track_record` is never less than `0`"),
        ("{provider: {»type: {none_of: [mcn, industrial_belt, merchant, brand]}}}", "nobody meets it"),
    ],
)
def test_a_requirement_that_nobody_meets(requirement: str, says: str) -> None:
    check(Spoiled(X, ROOM, requirement, "never_passes", says))


def test_a_requirement_that_everybody_meets() -> None:
    says = "everybody meets it: `load` is always at most `1_000_000`"
    check(Spoiled(X, SHARED, "{provider: {»load: {at_most: 1_000_000}}}", "never_fails", says))


def test_what_may_be_unknown_is_met_by_no_more_than_those_of_whom_it_is_known() -> None:
    """`track_record at least 0` leaves out who has none yet, so it says something."""
    nothing(X, SHARED, "{provider: {track_record: {at_least: 0}}}")


def test_requirements_that_exclude_each_other() -> None:
    new = """  - {same: category}
  - {provider: {capacity: {between: [5, 9]}}}
  - {provider: {»capacity: {at_least: 10}}}"""
    says = "no provider meets every requirement: they exclude each other"
    check(Spoiled(X, f"  - {SHARED}", new, "never_offers", says))


@pytest.mark.parametrize(
    "requirement", ["{provider: {»capacity: {at_least: 1}}}", "{provider: {»track_record: {at_least: 5}}}"]
)
def test_providers_without_room(requirement: str) -> None:
    says = "a provider without free capacity can be proposed, and nobody can accept it"
    check(Spoiled(X, ROOM, requirement, "full_providers", says))


@pytest.mark.parametrize(
    ("preference", "says"),
    [
        ("{weight: 20, same: category}", "who does not meet it is left out by `require`"),
        ("{weight: 20, provider: {free_capacity: {at_least: 1}}}", "who does not meet it is left out by `require`"),
        ("{weight: 20, provider: {capacity: {at_least: 0}}}", "`capacity` is always at least `0`"),
        ("{weight: 20, provider: {content: {less_than: 0}}}", "`content` is never less than `0`"),
    ],
)
def test_a_preference_that_decides_nothing(preference: str, says: str) -> None:
    check(Spoiled(X, CURVE, f"»{preference}", "constant_preference", says))


def test_a_flat_curve() -> None:
    new = "{weight: 20, provider: {»track_record: {curve: [[0, 62.5], [100, 62.5]]}}}"
    check(Spoiled(X, CURVE, new, "flat_curve", "`track_record` decides nothing: its curve is 62.5 everywhere"))


def test_points_for_the_worse() -> None:
    new = "{weight: 20, provider: {»content: {curve: [[0, 0], [50, 100], [100, 90]]}}}"
    check(Spoiled(X, CURVE, new, "falling_points", "points fall as `content` rises: the worse provider is preferred"))
    nothing(X, CURVE, "{weight: 20, provider: {load: {curve: [[0, 100], [50, 0]]}}}")
