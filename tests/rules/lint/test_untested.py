"""Criteria that no rule test sees failing."""

from __future__ import annotations

from collections.abc import Collection

from rules.lint.untested import untested
from tests.rules.lint.spoiling import FILES, B, E, check_form, loaded


class Seen:
    """What tests saw, as far as this is about it."""

    def __init__(self, **verdicts: set[str]) -> None:
        self.seen = verdicts

    def verdicts(self, rulebook: str, criterion: str) -> Collection[str]:
        """By the criterion's name alone, for the names differ."""
        assert rulebook in ("fast", "bonus")
        return self.seen.get(criterion, set())


def test_every_criterion_and_gate_that_can_fail_is_told_until_a_test_sees_it() -> None:
    book = loaded(FILES)
    found = untested(book, Seen(rate={"pass", "unknown"}))
    assert [(each.path, each.line, each.column) for each in found] == [(B, 8, 5), (E, 10, 5), (E, 14, 5)]
    for each in found:
        check_form(each)
        assert each.code == "untested"
    assert [each.message for each in untested(book, Seen(rate={"fail"}, gate={"fail"}))] == [
        "no test sees `ladder.own` failing"
    ]
    all_seen = {"rate": {"fail"}, "gate": {"fail", "pass"}, "ladder.own": {"fail"}}
    assert untested(book, Seen(**all_seen)) == []


def test_what_cannot_fail_is_not_asked_for() -> None:
    text = FILES[B].replace("{experience: {at_least: 50}}", "{experience: {at_least: 0}}")
    found = untested(loaded({**FILES, B: text}), Seen())
    assert {each.path for each in found} == {E}
