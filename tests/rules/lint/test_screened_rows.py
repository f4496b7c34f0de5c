"""Rows of eligibility and routing books that nobody reaches."""

from __future__ import annotations

import pytest

from rules.lint import states
from rules.lint.findings import warnings
from tests.rules.lint.spoiling import FILES, MARK, E, Q, Spoiled, T, Witness, check, loaded, nothing

ELIGIBLE = "  - {when: {score: {trust: {at_least: 60}}}, then: eligible}\n"
RATE = "  - {when: {failed: refer, criterion: rate}"
LAST = "  - {then: {track: M}}"


def outcome(when: str) -> str:
    """A row more before the one that says eligible."""
    return f"  - {{when: {when}, then: refer}}\n".replace(f"- {{when: {MARK}", f"- {MARK}{{when: ") + ELIGIBLE


def queue(*whens: str) -> str:
    """Rows more before the one about `rate`."""
    rows = "".join(f"  - {{when: {when}, then: {{by: system}}}}\n" for when in whens)
    return rows.replace(f"- {{when: {MARK}", f"- {MARK}{{when: ") + RATE


def track(*whens: str) -> str:
    """Rows more before the last."""
    rows = "".join(f"  - {{when: {{fact: {when}}}, then: {{track: S}}}}\n" for when in whens)
    return rows.replace(f"- {{when: {{fact: {MARK}", f"- {MARK}{{when: {{fact: ") + LAST


@pytest.mark.parametrize(
    ("when", "says"),
    [
        ("»{failed: note}", "`failed: note` never holds"),
        ("»{failed: refer, criterion: ladder.own}", "`failed: refer` (criterion `ladder.own`) never holds"),
        ("»{failed: reject, group: repurchase}", "`failed: reject` (group `repurchase`) never holds"),
        ("»{unknown: true, group: ladder, criterion: rate}", "(group `ladder`, criterion `rate`) never holds"),
    ],
)
def test_an_outcome_whose_conditions_never_hold(when: str, says: str) -> None:
    check(Spoiled(E, ELIGIBLE, outcome(when), "dead_row", says))


@pytest.mark.parametrize(
    ("when", "line", "witness"),
    [
        ("»{failed: reject, group: ladder}", 34, {"owns_brand": False, "outcome": "ineligible"}),
        (
            "»{failed: reject, score: {trust: {at_least: 60}}}",
            34,
            {"repurchase": "34.2857143%", "experience": "0", "owns_brand": False, "outcome": "ineligible"},
        ),
        ("»{unknown: true, criterion: rate}", 35, {"outcome": "refer"}),
    ],
)
def test_an_outcome_that_an_earlier_one_takes(when: str, line: int, witness: Witness) -> None:
    says = f"this row is never reached: the row on line {line} takes everybody it is for"
    check(Spoiled(E, ELIGIBLE, outcome(when), "shadowed_row", says, witness))


def test_an_outcome_whose_score_is_taken_already() -> None:
    new = outcome("{score: {trust: {between: [70, 80]}}}").replace(ELIGIBLE, "") + outcome(
        "»{score: {trust: {between: [71, 72]}}}"
    )
    witness: Witness = {"repurchase": "40%", "experience": "3.4", "outcome": "refer"}
    check(Spoiled(E, ELIGIBLE, new, "shadowed_row", "the row on line 36 takes", witness))


def test_the_last_row_where_the_others_take_everybody() -> None:
    new = "  - {when: {unknown: true}, then: eligible}\n  - {when: {unknown: false}, then: refer}\n"
    last = "  - {then: refer}\n"
    says = "the rows on lines 34, 35, 36, 37 take everybody it is for"
    marked = new + last.replace("- {", "- »{")
    check(Spoiled(E, ELIGIBLE + last, marked, "shadowed_row", says, {"outcome": "refer"}))
    (found,) = warnings(loaded({**FILES, E: FILES[E].replace(ELIGIBLE, new)}))
    assert "`when` of the row above" in found.hint


@pytest.mark.parametrize(
    "when",
    [
        "{score: {trust: {less_than: 60}}}",
        "{failed: reject, score: {trust: {at_least: 60}}}",
        "{unknown: true}",
        "{unknown: true, group: ladder}",
        "{unknown: false, failed: refer}",
    ],
)
def test_an_outcome_that_somebody_gets(when: str) -> None:
    if "reject" in when:
        nothing(E, "  - {when: {failed: reject}, then: ineligible}\n", outcome(when).replace(ELIGIBLE, ""))
    else:
        nothing(E, ELIGIBLE, outcome(when))


@pytest.mark.parametrize(
    ("old", "new", "also"),
    [
        (ELIGIBLE, ELIGIBLE.replace("eligible", "refer"), ("dead_row",)),
        (ELIGIBLE, outcome("{score: {trust: {at_least: 50}}}"), ("dead_row", "shadowed_row")),
        (
            "  - {when: {unknown: true, group: repurchase}, then: refer}\n",
            "  - {when: {unknown: true}, then: refer}\n  - {when: {failed: refer}, then: refer}\n",
            (),
        ),
    ],
)
def test_nobody_can_be_eligible(old: str, new: str, also: tuple[str, ...]) -> None:
    files = {**FILES, E: FILES[E].replace(old, new)}
    never = "    require: {gmv: {less_than: 0 CNY}}\n"
    if not also:  # by a criterion that nobody passes
        files[E] = files[E].replace("    require: {owns_brand: {is: true}}\n", never)
    found = [each for each in warnings(loaded(files)) if each.code == "never_eligible"]
    assert [(each.path, each.line, each.column) for each in found] == [(E, 1, 1)]
    assert found[0].message == "nobody can be eligible by `fast`: no row with that outcome is ever reached"


def test_nobody_can_be_eligible_where_two_criteria_exclude_each_other() -> None:
    one = "  - {{id: {}, title: {{en: X, zh: x}}, require: {}, otherwise: reject}}\n"
    both = one.format("low", "{gmv: {at_most: 5 CNY}}") + one.format("high", "{gmv: {more_than: 5 CNY}}") + "scores:\n"
    text = FILES[E].replace("scores:\n", both).replace("{unknown: true, group: repurchase}", "{unknown: true}")
    found = warnings(loaded({**FILES, E: text}))
    assert "never_eligible" in {each.code for each in found}
    one_sided = text.replace("more_than: 5", "more_than: 4")
    assert warnings(loaded({**FILES, E: one_sided})) == []


@pytest.mark.parametrize(
    ("whens", "says"),
    [
        (["»{screening: eligible, score: {trust: {less_than: 60}}}"], "they exclude each other"),
        (["»{screening: [eligible, refer], failed: reject}"], "they exclude each other"),
        (["»{warnings: any}"], "`warnings: any` never holds"),
    ],
)
def test_a_route_whose_conditions_never_hold(whens: list[str], says: str) -> None:
    check(Spoiled(Q, RATE, queue(*whens), "dead_row", says))


@pytest.mark.parametrize(
    ("whens", "line", "witness"),
    [
        (
            ["»{screening: eligible, score: {trust: {at_least: 90}}, warnings: none}"],
            6,
            {"repurchase": "40%", "experience": "66.7", "category": "toys", "rulebook": "fast"},
        ),
        (
            ["{screening: [ineligible, refer]}", "»{failed: reject, fact: {gmv: {at_least: 5 CNY}}}"],
            7,
            {"gmv": "5 CNY", "owns_brand": False, "rulebook": "fast"},
        ),
    ],
)
def test_a_route_that_an_earlier_one_takes(whens: list[str], line: int, witness: Witness) -> None:
    says = f"the row on line {line} takes everybody it is for"
    check(Spoiled(Q, RATE, queue(*whens), "shadowed_row", says, witness))


@pytest.mark.parametrize(
    ("whens", "line", "witness"),
    [
        (
            [
                "{owns_brand: {is: true}, gmv: {at_least: 5 CNY}}",
                "»{owns_brand: {is_not: false}, gmv: {more_than: 5 CNY}}",
            ],
            7,
            {"gmv": "5.01 CNY", "owns_brand": True},
        ),
        (["»{owns_brand: {is: false}, gmv: {at_least: 5 CNY}}"], 6, {"gmv": "5 CNY", "owns_brand": False}),
        (
            [
                "{gmv: {at_least: {by: category, food: 5 CNY, default: 9 CNY}}}",
                "»{category: {is: food}, gmv: {at_least: 6 CNY}}",
            ],
            7,
            {"gmv": "6 CNY", "category": "food"},
        ),
    ],
)
def test_a_track_that_an_earlier_one_takes(whens: list[str], line: int, witness: Witness) -> None:
    says = f"the row on line {line} takes everybody it is for"
    check(Spoiled(T, LAST, track(*whens), "shadowed_row", says, witness))


@pytest.mark.parametrize(
    "whens",
    [
        ["{owns_brand: {is: true}, gmv: {at_least: 5 CNY}}", "{owns_brand: {is: true}}"],
        ["{gmv: {at_least: {by: category, food: 5 CNY, default: 9 CNY}}}", "{category: {is: food}}"],
        ["{category: {is: food}}", "{category: {is: toys}}"],
        ["{papers: {one_of: [licence]}}", "{papers: {one_of: [licence, report]}}"],
    ],
)
def test_a_track_that_somebody_is_on(whens: list[str]) -> None:
    nothing(T, LAST, track(*whens))


def test_a_book_for_parties_whom_nobody_screens() -> None:
    """Nothing about a screening ever holds there; what is asked of facts is looked at all the same."""
    whens = ["{fact: {owns_brand: {is: false}}}", "»{fact: {owns_brand: {is: false}, gmv: {at_least: 5 CNY}}}"]
    files = {**FILES, Q: FILES[Q].replace("rows:", "parties: [S]\nrows:").replace(RATE, queue(*whens))}
    found = warnings(loaded(files))
    assert [(each.line, each.code) for each in found] == [(7, "dead_row"), (9, "shadowed_row"), (10, "dead_row")]
    assert found[1].witness == {"gmv": "5 CNY", "owns_brand": False}


def test_rows_over_too_much_for_all_states_are_compared_with_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "MAX_STATES", 30)
    pairs = ["{owns_brand: {is: true}, gmv: {at_least: 5 CNY}}", "{category: {is: food}}", "{price: {at_least: 50%}}"]
    dead = "»{owns_brand: {is: true}, gmv: {at_least: 6 CNY}}"
    says = "the row on line 7 takes everybody it is for"
    witness: Witness = {"gmv": "6 CNY", "owns_brand": True}
    check(Spoiled(T, LAST, track(*pairs, dead), "shadowed_row", says, witness))
