"""Rows of maintenance books that nobody reaches, and streaks that never get so long."""

from __future__ import annotations

import pytest

from tests.rules.lint.spoiling import MARK, M, Spoiled, Witness, check, nothing

ALERT = "  - {when: {alert: any}, then: alert}\n"


def rows(*whens: str) -> str:
    """Rows more before the one that alerts."""
    text = "".join(f"  - {{when: {when}, then: watch}}\n" for when in whens)
    return text.replace(f"- {{when: {MARK}", f"- {MARK}{{when: ") + ALERT


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("»{streak: {less_than: 0}}", "a streak less than `0` never holds"),
        ("»{clear_for: 3 months, alert: any}", "they exclude each other"),
        ("»{limit: come_back, streak: {at_most: 0, band: come_back}}", "they exclude each other"),
        ("»{fact: {gmv: {less_than: 0 CNY}}}", "`gmv` less than `0 CNY` never holds"),
    ],
)
def test_a_row_whose_conditions_never_hold(when: str, says: str) -> None:
    check(Spoiled(M, ALERT, rows(when), "dead_row", says))


def test_a_streak_of_bands_that_have_no_limit() -> None:
    bands = "alert: {less_than: 20%}, limit: {less_than: 10%}}\n"
    only = "alert: {less_than: 20%}}\n"
    angry = "  - {id: angry, fact: experience, title: {en: Angry, zh: 怒}, limit: {less_than: 60}}\n"
    quiet = angry.replace("limit", "alert")
    end = "outcomes:\n  - {when: {limit: angry}, then: revoke, cause: anger}\n"
    start = "  - {when: {streak: {at_least: 3, band: come_back}}, then: suspend}\n"
    new = only + quiet + "outcomes:\n  - »{when: {streak: {at_least: 1}}, then: suspend}\n"
    check(Spoiled(M, bands + angry + end + start, new, "dead_row", "a streak at least `1` never holds"))


@pytest.mark.parametrize(
    ("whens", "line", "witness"),
    [
        (["{limit: come_back}", "»{limit: come_back}"], 12, {"repurchase": "9.9999999%"}),
        (
            ["{limit: come_back}", "»{streak: {at_least: 1, band: come_back}, limit: come_back}"],
            12,
            {"repurchase": "9.9999999%"},
        ),
        (
            ["»{streak: {at_least: 4, band: come_back}}"],
            11,
            {"repurchase": "9.9999999%", "streak(come_back) before": 3},
        ),
        (["{clear_for: 7 months}", "»{clear_for: 8 months}"], 12, {"clear months before": 8}),
        (["»{streak: {at_least: 2}, limit: angry}"], 10, {"experience": "59.9", "streak(angry) before": 1}),
        (
            ["{fact: {category: {is: food}}}", "»{fact: {category: {is: food}}, alert: come_back}"],
            12,
            {"repurchase": "19.9999999%", "category": "food"},
        ),
    ],
)
def test_a_row_that_an_earlier_one_takes(whens: list[str], line: int, witness: Witness) -> None:
    check(Spoiled(M, ALERT, rows(*whens), "shadowed_row", f"the row on line {line} takes everybody", witness))


@pytest.mark.parametrize("streak", ["{at_least: 2, band: angry}", "{between: [2, 4], band: angry}"])
def test_a_streak_that_ends_with_the_party(streak: str) -> None:
    says = "no streak gets to 2: the party is revoked at a streak of 1"
    witness: Witness = {"experience": "59.9", "outcome": "revoke"}
    check(Spoiled(M, ALERT, rows(f"»{{streak: {streak}}}"), "unreachable_streak", says, witness))


def test_no_streak_at_all_where_every_limit_revokes() -> None:
    old = "{when: {limit: angry}, then: revoke, cause: anger}\n  - {when: {streak: {at_least: 3, band: come_back}}"
    new = old.replace("angry", "any").replace("- {", "- »{")
    says = "no streak gets to 3: the party is revoked at a streak of 1"
    witness: Witness = {"repurchase": "9.9999999%", "outcome": "revoke"}
    check(Spoiled(M, old, new, "unreachable_streak", says, witness))
    nothing(M, "{limit: angry}", "{limit: angry, fact: {gmv: {at_least: 5 CNY}}}")


@pytest.mark.parametrize(
    "whens",
    [
        ["{limit: come_back}"],
        ["{limit: come_back}", "{streak: {at_least: 1}}"],
        ["{limit: any}", "{streak: {at_least: 1, band: come_back}}"],  # unknown this month, in limit the month before
        ["{clear_for: 9 months}"],
        ["{streak: {at_least: 2}}", "{limit: any}"],
        ["{streak: {between: [1, 2]}}", "{streak: {at_least: 1}, clear_for: 2 months}"],
    ],
)
def test_a_row_that_somebody_reaches(whens: list[str]) -> None:
    nothing(M, ALERT, rows(*whens))
