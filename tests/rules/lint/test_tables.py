"""Rows and defaults of tables that nobody gets."""

from __future__ import annotations

from tests.rules.lint.spoiling import B, E, M, Spoiled, check, nothing

TABLE = "        - repurchase: {at_least: {by: category, food: 30%, default: 20%}}"
WHEN = "when: {category: {is_not: toys}}\n    "
LIMIT = "limit: {less_than: 10%}"


def test_a_row_for_a_choice_that_the_criterion_is_not_about() -> None:
    new = "        - »repurchase: {at_least: {by: category, food: 30%, toys: 10%}}"
    says = "the table for `repurchase` has a row for `toys`, whom its `when` keeps out"
    check(Spoiled(E, TABLE, new, "unused_table_row", says, {"category": "toys"}))


def test_a_default_beside_a_row_for_every_choice() -> None:
    caps = "caps: {single_grant: 30_000, category_per_month: {food: 500, "
    new = f"»{caps}toys: 100, "
    check(Spoiled(B, caps, new, "unused_default", "the table of caps never takes its `default`"))
    table = "»limit: {less_than: {by: category, food: 10%, toys: 9%, default: 8%}}"
    check(Spoiled(M, LIMIT, table, "unused_default", "the table of its limit never takes its `default`"))
    gate = "{gmv: {at_least: {by: category, food: 5 CNY, toys: 6 CNY, default: 7 CNY}}}"
    says = "in `gate` the table for `gmv` never takes its `default`: every `category` has a row"
    check(Spoiled(B, "{experience: {at_least: 50}}", gate.replace("{gmv", "{»gmv"), "unused_default", says))


def test_a_default_for_choices_without_a_row_is_fine() -> None:
    nothing(M, LIMIT, "limit: {less_than: {by: category, food: 10%, default: 9%}}")
    nothing(M, LIMIT, "limit: {less_than: {by: category, food: 10%, toys: 9%}}")
    nothing(E, WHEN, "when: {any: [{category: {is: toys}}, {gmv: {at_least: 5 CNY}}]}\n    ")
