"""Facts that nothing asks for."""

from __future__ import annotations

import pytest

from rules.lint.findings import warnings
from tests.rules.lint.spoiling import FILES, E, F, P, Spoiled, check, loaded, nothing


@pytest.mark.parametrize("name", ["profit: {", "papers: {", "brand: {"])
def test_a_fact_that_no_rule_asks_for(name: str) -> None:
    says = f"no rule, score or derived fact asks for `{name[:-3]}`"
    check(Spoiled(F, f"  {name}kept_for: people, ", f"  »{name}", "unused_fact", says))


def test_a_derived_fact_is_told_and_not_what_it_is_made_of() -> None:
    says = "no rule or score asks for the derived fact `value_for_money`"
    old = "value_for_money: {kept_for: reports, "
    check(Spoiled(F, old, "»value_for_money: {", "unused_derived_fact", says))


def test_a_target_of_that_name_needs_it() -> None:
    files = {**FILES, F: FILES[F].replace("profit: {kept_for: people, ", "profit: {")}
    assert [each.code for each in warnings(loaded(files))] == ["unused_fact"]
    targets = FILES[P].replace("targets: {", "targets: {profit: 5_000 CNY, ")
    assert warnings(loaded({**files, P: targets})) == []


@pytest.mark.parametrize(
    ("path", "old", "new", "fact"),
    [
        (E, "            - not: {reply: {more_than: 30 minutes}}\n", "", "reply"),
        (E, "- {fact: experience, weight: 30}", "- {fact: days_here, weight: 30, curve: [[0, 0], [9, 100]]}", None),
    ],
)
def test_a_fact_is_unused_without_its_last_use(path: str, old: str, new: str, fact: str | None) -> None:
    assert FILES[path].count(old) == 1
    found = warnings(loaded({**FILES, path: FILES[path].replace(old, new)}))
    assert [each.code for each in found] == ([] if fact is None else ["unused_fact"])
    assert fact is None or f"`{fact}`" in found[0].message


def test_the_observations_behind_a_fact_belong_to_it() -> None:
    """No rule counts the sample of `repurchase` here, and yet it is not told: the fact that is asked for names it."""
    nothing(E, "    min_sample: 30\n", "")
