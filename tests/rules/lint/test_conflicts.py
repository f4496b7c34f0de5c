"""Criteria that reject and that no party can meet together."""

from __future__ import annotations

import pytest

from rules.lint.conflicts import MAX_PAIRS
from rules.lint.findings import warnings
from tests.rules.lint.spoiling import FILES, MARK, E, Spoiled, Witness, check, loaded, nothing

SCORES = "scores:\n"


def two(first: str, second: str) -> str:
    """Two criteria more that reject, the second marked."""
    one = "  - {{id: {}, title: {{en: X, zh: x}}, require: {}, otherwise: reject}}\n"
    return one.format("first", first) + one.replace("- {{", "- »{{").format("second", second) + SCORES


@pytest.mark.parametrize(
    ("first", "second", "witness"),
    [
        ("{gmv: {at_least: 100 CNY}}", "{gmv: {less_than: 100 CNY}}", {"gmv": "100 CNY"}),
        ("{gmv: {at_most: 100 CNY}}", "{gmv: {between: [101 CNY, 102 CNY]}}", {"gmv": "100 CNY"}),
        ("{first_sale: {before: 2020-01-01}}", "{first_sale: {after: 2020-01-01}}", {"first_sale": "2019-12-31"}),
        ("{category: {is: food}}", "{category: {is: toys}}", {"category": "food"}),
        ("{papers: {one_of: [licence]}}", "{papers: {none_of: [licence, report]}}", {"papers": ["licence"]}),
        ("{brand: {one_of: [a, b]}}", "{brand: {is: c}}", {"brand": "a"}),
        (
            "{gmv: {at_least: {by: category, food: 5 CNY, toys: 7 CNY}}}",
            "{gmv: {less_than: {by: category, food: 5 CNY, toys: 6 CNY}}}",
            {"gmv": "5 CNY", "category": "food"},
        ),
        (
            "{any: [{gmv: {at_least: 100 CNY}}, {experience: {at_least: 50}}]}",
            "{all: [{gmv: {less_than: 100 CNY}}, {experience: {less_than: 50}}]}",
            {"gmv": "100 CNY", "experience": "0"},
        ),
        (
            "{repurchase: {at_least: 50%}}, min_sample: 30",
            "{repurchase: {less_than: 50%}}, min_sample: 40",
            {"buyers": 40, "repurchase": "50%"},
        ),
        (
            "{buyers: {at_most: 29}}",
            "{repurchase: {less_than: 50%}}, min_sample: 30",
            {"buyers": 29, "repurchase": "0%"},
        ),
    ],
)
def test_whoever_meets_one_fails_the_other(first: str, second: str, witness: Witness) -> None:
    if witness is not None and "first_sale" in witness:
        witness = {**witness, "as_of": "2022-05-13T04:00:00Z"}
    says = "nobody can meet both `second` and `first` (line "
    check(Spoiled(E, SCORES, two(first, second), "conflicting_criteria", says, witness))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("{gmv: {at_least: 100 CNY}}", "{gmv: {at_most: 100 CNY}}"),
        ("{gmv: {at_least: 100 CNY}}", "{gmv: {is_not: 200 CNY}}"),
        ("{category: {is: food}}, when: {owns_brand: {is: true}}", "{category: {is: toys}}"),
        ("{papers: {one_of: [licence]}}", "{papers: {none_of: [report]}}"),
        ("{brand: {matches: '^a'}}", "{brand: {matches: 'b$'}}"),
        (
            "{gmv: {at_least: {by: category, food: 5 CNY, toys: 7 CNY}}}",
            "{gmv: {less_than: {by: category, food: 5 CNY, toys: 8 CNY}}}",
        ),
        (
            "{any: [{gmv: {at_least: 100 CNY}}, {experience: {at_least: 50}}]}",
            "{all: [{gmv: {less_than: 100 CNY}}, {experience: {less_than: 51}}]}",
        ),
        ("{buyers: {at_most: 30}}", "{repurchase: {less_than: 50%}}, min_sample: 30"),
    ],
)
def test_criteria_that_somebody_meets_together(first: str, second: str) -> None:
    nothing(E, SCORES, two(first, second).replace(MARK, ""))


def test_only_criteria_that_reject_are_meant() -> None:
    both = two("{gmv: {at_least: 100 CNY}}", "{gmv: {less_than: 100 CNY}}").replace(MARK, "")
    nothing(E, SCORES, both.replace("otherwise: reject}\nscores", "otherwise: refer}\nscores"))


def test_many_pairs_are_not_all_looked_at_but_numbers_are() -> None:
    """Composite criteria beyond the bound are passed over; simple ones are found however many there are."""
    count = MAX_PAIRS
    one = "  - {{id: x{0}, title: {{en: X, zh: x}}, require: {1}, otherwise: reject}}\n"
    either = "{{any: [{{gmv: {{at_least: {0} CNY}}}}, {{experience: {{at_least: 50}}}}]}}"
    many = "".join(one.format(n, either.format(n + 1)) for n in range(count))
    many += one.format("low", "{buyers: {at_most: 10}}") + one.format("high", "{buyers: {at_least: 11}}")
    files = {**FILES, E: FILES[E].replace(SCORES, many + SCORES)}
    assert [each.code for each in warnings(loaded(files))] == ["conflicting_criteria"]
