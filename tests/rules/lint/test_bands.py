"""Bands whose levels hold always or never, or whose alert is never seen."""

from __future__ import annotations

import pytest

from tests.rules.lint.spoiling import M, Spoiled, Witness, check, nothing

LEVELS = "alert: {less_than: 20%}, limit: {less_than: 10%}"


@pytest.mark.parametrize(
    ("levels", "witness"),
    [
        ("»alert: {less_than: 10%}, limit: {less_than: 20%}", {"repurchase": "9.9999999%"}),
        ("»alert: {less_than: 10%}, limit: {at_most: 10%}", {"repurchase": "9.9999999%"}),
        ("»alert: {less_than: 10%}, limit: {less_than: 10%}", {"repurchase": "9.9999999%"}),
        (
            "»alert: {less_than: 10%}, limit: {less_than: {by: category, food: 10%, default: 30%}}",
            {
                "repurchase": "9.9999999%",
                "category": "food",
            },  # where it is not known, no alert either
        ),
        (
            "»alert: {less_than: 10%}, limit: {less_than: 20%}, min_sample: 30",
            {"buyers": 30, "repurchase": "9.9999999%"},
        ),
    ],
)
def test_an_alert_that_the_limit_swallows(levels: str, witness: Witness) -> None:
    check(Spoiled(M, LEVELS, levels, "silent_alert", "`come_back` is never in alert: wherever its alert", witness))


@pytest.mark.parametrize(
    ("levels", "says", "witness", "also"),
    [
        (
            "alert: {less_than: 20%}, »limit: {less_than: 0%}",
            "the band `come_back` is never in limit: `repurchase` is never less than `0%`",
            {"repurchase": "0%"},
            ("dead_row",),
        ),
        (
            "»alert: {at_most: 100%}, limit: {less_than: 10%}",
            "the band `come_back` is always in alert: `repurchase` is always at most `100%`",
            {"repurchase": "100%"},
            (),
        ),
    ],
)
def test_a_level_that_says_the_same_of_everybody(
    levels: str, says: str, witness: Witness, also: tuple[str, ...]
) -> None:
    check(Spoiled(M, LEVELS, levels, "constant_condition", says, witness, also))


def test_a_band_whose_sample_is_never_large_enough() -> None:
    levels = "»alert: {less_than: 20%}, »limit: {less_than: 10%}, min_sample: 2_000_000"
    witness: Witness = {"buyers": 1_000_000, "repurchase": "0%"}
    says = "in `come_back` `repurchase` is never known: no sample is as large as 2_000_000"
    check(Spoiled(M, LEVELS, levels, "always_unknown", says, witness, ("dead_row", "shadowed_row")))


@pytest.mark.parametrize(
    "levels",
    [
        "alert: {less_than: 10.1%}, limit: {less_than: 10%}",
        "alert: {less_than: 20%}, limit: {less_than: {by: category, food: 10%, default: 30%}}",
        "alert: {more_than: 80%}, limit: {less_than: 10%}",
        "limit: {less_than: 10%}",
    ],
)
def test_a_band_that_shows_every_level(levels: str) -> None:
    nothing(M, LEVELS, levels)
