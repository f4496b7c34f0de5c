"""The bonus: that it does not fall, that every tier is reached, that confirmation is asked for."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from fastbrand.domain.decision import JsonValue
from rules.lint.findings import warnings
from rules.mistakes import Mistake
from rules.model import Book, Incentive
from tests.rules.lint.spoiling import FILES, B, Spoiled, check, check_form, loaded, nothing

CURVE = "multiplier: {score: trust, curve: [[0, 50%], [60, 100%], [100, 160%]]}"
FIRST = "{up_to: 1_000 CNY, rate: 100%}"
LARGEST: dict[str, JsonValue] = {"gmv": "1_000_000_000 CNY", "experience": "50", "category": "food"}


def changed(**terms: Any) -> Book:
    """The book with other terms of its bonus, which no file could have: the loader refuses them."""
    book = loaded(FILES)
    incentive: Incentive = replace(book.incentive["bonus"], **terms)
    return replace(book, incentive={"bonus": incentive}, editions={**book.editions, "bonus": (incentive,)})


def falling(book: Book) -> list[Mistake]:
    """The warnings about a bonus that falls."""
    return [each for each in warnings(book) if each.code == "falling_amount"]


def test_a_multiplier_that_falls() -> None:
    curve = ((Fraction(0), Fraction(1)), (Fraction(60), Fraction(1, 2)), (Fraction(100), Fraction(2)))
    (found,) = falling(changed(multiplier_curve=curve))
    check_form(found)
    assert (found.path, found.line, found.column) == (B, 12, 1)
    assert found.witness is not None
    assert found.witness["trust"] == ["0.0", "60.0"]
    assert found.witness["amount"] == ["500", "476"]


def test_a_rate_below_zero_makes_more_trust_worth_less() -> None:
    bonus = loaded(FILES).incentive["bonus"]
    tiers = (bonus.tiers[0], replace(bonus.tiers[1], rate=Fraction(-1, 2)))
    assert falling(changed(tiers=tiers)) != []


def test_caps_do_not_make_it_fall() -> None:
    caps = loaded(FILES).incentive["bonus"].caps
    assert falling(changed(caps=replace(caps, single_grant=7, party_per_year=5))) == []


@pytest.mark.parametrize("curve", ["[[0, 50%], [60, 50%]]", "[[100, 50%], [160, 70%]]"])
def test_a_multiplier_that_is_flat(curve: str) -> None:
    new = f"»multiplier: {{score: trust, curve: {curve}}}"
    says = "trust decides nothing about the bonus: its multiplier is 0.5 for every `trust`"
    check(Spoiled(B, CURVE, new, "flat_curve", says, {"trust": ["0.0", "100.0"], "multiplier": "0.5"}))


@pytest.mark.parametrize(
    "tiers",
    [
        "{up_to: 1_000_000_000 CNY, rate: 100%}, »{rate: 0.5}]",
        "{up_to: 9 CNY, rate: 100%}, {up_to: 1_000_000_000 CNY, rate: 50%}, »{rate: 0.1}]",
    ],
)
def test_a_tier_that_no_base_gets_to(tiers: str) -> None:
    says = f"no base gets to tier {tiers.count('{')}: `gmv` is at most 1_000_000_000 CNY"
    check(Spoiled(B, f"{FIRST}, {{rate: 0.5}}]", tiers, "unreachable_tier", says, {**LARGEST}))


def test_a_confirmation_that_is_never_asked_for() -> None:
    witness: dict[str, JsonValue] = {**LARGEST, "trust": "100.0", "amount": 500}
    says = "no grant is ever confirmed: none can be above 500"
    check(Spoiled(B, "confirm_above: 300", "»confirm_above: 500", "never_confirmed", says, witness))
    nothing(B, "confirm_above: 300", "confirm_above: 499")
