"""Criteria, gates and their conditions that always hold, never hold, or concern nobody."""

from __future__ import annotations

import pytest

from tests.rules.lint.spoiling import B, E, F, Spoiled, Witness, check, nothing

GATE = "require: {experience: {at_least: 50}}"
OWN = "require: {owns_brand: {is: true}}"
WHEN = "when: {category: {is_not: toys}}"
GMV = "            - gmv: {at_least: 1_000_000 CNY}\n"
TODAY: dict[str, str] = {
    "first_sale": "2022-01-01",
    "as_of": "2022-01-01T04:00:00Z",
}  # a book that is always in force has a first day, too

NEVER_PASSED: list[tuple[str, str, Witness]] = [
    ("{»gmv: {less_than: 0 CNY}}", "`gmv` is never less than `0 CNY`", {"gmv": "0 CNY"}),
    ("{»buyers: {more_than: 1_000_000}}", "`buyers` is never more than `1_000_000`", {"buyers": 1_000_000}),
    ("{»days_here: {more_than: 3_600_000}}", "`days_here` is never more than", {**TODAY}),
    ("{»category: {none_of: [food, toys]}}", "never none of `[food, toys]`", {"category": "food"}),
    (
        "{»papers: {one_of: [licence]}}, when: {papers: {none_of: [licence, report]}}",
        "where its `when`",
        {"papers": []},
    ),
    ("{»brand: {is: a}}, when: {brand: {one_of: [b, c]}}", "`brand` is never `a`", {"brand": "b"}),
    (
        "»{all: [{experience: {at_least: 60}}, {experience: {less_than: 50}}]}",
        "its conditions exclude each other",
        {"experience": "60"},
    ),
    (
        "»{not: {any: [{owns_brand: {is: true}}, {owns_brand: {is: false}}]}}",
        "its conditions leave nothing out",
        {"owns_brand": False},
    ),
    (
        "»{all: [{first_sale: {within_days: 30}}, {not: {first_sale: {within_days: 90}}}]}",
        "its conditions exclude each other",
        {**TODAY},
    ),
    (
        "»{all: [{gmv: {at_least: {by: category, food: 5 CNY, default: 9 CNY}}}, {gmv: {less_than: 5 CNY}}]}",
        "its conditions exclude each other",
        {"gmv": "5 CNY", "category": "food"},
    ),
    (
        "»{all: [{price: {at_least: 100%}}, {gmv: {less_than: 0 CNY}}]}",
        "`gmv` is never less than `0 CNY`",
        {"price": "100%", "gmv": "0 CNY"},
    ),
]

NEVER_FAILED: list[tuple[str, str, Witness]] = [
    ("{»experience: {between: [0, 100]}}", "`experience` is always between `[0, 100]`", {"experience": "0"}),
    ("{»category: {one_of: [food, toys]}}", "`category` is always one of", {"category": "food"}),
    ("{»category: {is: food}}, when: {category: {is: food}}", "always `food`, where", {"category": "food"}),
    ("{»papers: {one_of: [licence]}}, when: {papers: {is: [licence]}}", "always one of", {"papers": ["licence"]}),
    ("»{not: {price: {less_than: 1%}}}", "`price` is never less than `1%`", {"price": "1%"}),
    (
        "»{any: [{experience: {at_least: 60}}, {experience: {less_than: 70}}]}",
        "its conditions leave nothing out",
        {"experience": "59.9"},
    ),
    (
        "»{all: [{experience: {at_least: 0}}, {gmv: {at_least: 0 CNY}}]}",
        "every one of its conditions always holds",
        {"experience": "0", "gmv": "0 CNY"},
    ),
]


@pytest.mark.parametrize(("require", "says", "witness"), NEVER_PASSED)
def test_a_criterion_that_nobody_can_pass(require: str, says: str, witness: Witness) -> None:
    check(Spoiled(B, GATE, f"require: {require}", "never_passes", says, witness))


@pytest.mark.parametrize(("require", "says", "witness"), NEVER_FAILED)
def test_a_criterion_that_nobody_can_fail(require: str, says: str, witness: Witness) -> None:
    check(Spoiled(B, GATE, f"require: {require}", "never_fails", says, witness))


@pytest.mark.parametrize(
    ("when", "says", "witness"),
    [
        ("{»price: {less_than: 1%}}", "`price` is never less than `1%`", {"price": "1%"}),
        ("»{all: [{category: {is: food}}, {category: {is: toys}}]}", "exclude each other", {"category": "food"}),
    ],
)
def test_a_criterion_that_concerns_nobody(when: str, says: str, witness: Witness) -> None:
    check(Spoiled(B, GATE, f"{GATE}, when: {when}", "never_applies", says, witness))


@pytest.mark.parametrize(
    ("old", "new", "says", "witness"),
    [
        (
            GMV,
            "            - »gmv: {at_least: 0 CNY}\n",
            "in `rate` one condition decides nothing: `gmv` is always",
            {"gmv": "0 CNY", "category": "food"},
        ),
        (
            GMV,
            "            - »any: [{gmv: {at_least: 5 CNY}}, {gmv: {at_most: 5 CNY}}]\n",
            "its conditions leave nothing out",
            {"gmv": "4.99 CNY", "category": "food"},
        ),
        (
            GMV,
            f"{GMV}            - »category: {{is: food}}\n",
            "`category` is always `food`",
            {"category": "food"},
        ),
        (
            WHEN,
            "when: {any: [{category: {is_not: toys}}, {»price: {more_than: 500%}}]}",
            "in the `when` of `rate` one condition decides nothing: `price` is never more than",
            {"price": "500%"},
        ),
        (
            WHEN,
            "when: »{any: [{category: {is_not: toys}}, {category: {is: toys}}]}",
            "in the `when` of `rate`",
            {"category": "toys"},
        ),
    ],
)
def test_a_part_of_a_condition_that_decides_nothing(old: str, new: str, says: str, witness: Witness) -> None:
    check(Spoiled(E, old, new, "constant_condition", says, witness))


def test_a_sample_that_is_never_large_enough() -> None:
    require = "require: {»repurchase: {at_least: 5%}}, min_sample: 1_000_001"
    says = "in `gate` `repurchase` is never known: no sample is as large as 1_000_001"
    check(Spoiled(B, GATE, require, "always_unknown", says, {"buyers": 1_000_000, "repurchase": "0%"}))


@pytest.mark.parametrize(
    "require",
    [
        "{days_here: {at_least: 2_000_000}}",
        "{experience: {at_least: 100}}",
        "{gmv: {at_most: 0 CNY}}",
        "{papers: {is: [licence]}}, when: {papers: {one_of: [licence]}}",
        "{brand: {is_not: x}}, when: {brand: {one_of: [x, y]}}",
        "{brand: {matches: '^a'}}, when: {brand: {is_not: abc}}",
        "{all: [{first_sale: {within_days: 30}}, {first_sale: {before: 2020-01-01}}]}",
        "{all: [{value_for_money: {at_least: 100}}, {experience: {less_than: 50}}]}",
        "{reply: {at_least: 0 minutes}}",
        "{gmv: {at_least: {by: category, food: 0 CNY, default: 1 CNY}}}",
        "{any: [{gmv: {at_least: 5 CNY}}, {price: {less_than: 50%}}]}",
    ],
)
def test_a_criterion_that_some_pass_and_some_fail(require: str) -> None:
    nothing(B, GATE, f"require: {require}")


def test_a_derived_fact_out_of_its_range() -> None:
    old = "value_for_money: {kept_for: reports, quotient: {of: experience, by: price}, type: score, range: [0, 1_000]"
    new = "»" + old.replace("[0, 1_000]", "[20_000, 30_000]")
    witness: Witness = {"experience": "0", "price": "1%"}
    check(Spoiled(F, old, new, "always_unknown", "`value_for_money` is never known", witness))
