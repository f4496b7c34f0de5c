"""What is named as being behind a flip, and what a book decides a track with when its dates do not fit."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import pytest

from fastbrand.domain.errors import InputError
from rules.backtesting import Blame, Said, Trial, direction, trial_of
from rules.loading.book import assemble
from rules.model import Book, Eligibility, ScoreAtom
from tests.rules.small_book import FILES

AT = datetime(2022, 6, 1, tzinfo=UTC)
TRACK = "M"


@cache
def book() -> Book:
    """The small book, which has every kind that decides about applicants."""
    made, mistakes = assemble({path: text.encode() for path, text in FILES.items()})
    assert made is not None, mistakes
    return made


def eligibility(made: Book) -> Eligibility:
    return next(each for each in made.eligibility.values() if TRACK in each.head.parties)


def trial(**effects: tuple[str, str]) -> Trial:
    """A trial whose criteria are ``effects``: id -> effect on a fail and on an unknown."""
    made = book()
    own = eligibility(made)
    pattern = own.criteria[0]
    criteria = tuple(
        replace(pattern, id=name, otherwise=on_fail, unknown=on_unknown)  # type: ignore[arg-type]  # words of the test
        for name, (on_fail, on_unknown) in effects.items()
    )
    changed = replace(own, criteria=criteria)
    return replace(trial_of(made, TRACK, AT), eligibility=changed)


def said(outcome: str, score: int | None = 700, **verdicts: str) -> Said:
    return Said(outcome, verdicts, {"trust": score})


REJECT, REFER, NOTE = ("reject", "refer"), ("refer", "refer"), ("note", "note")


@pytest.mark.parametrize(
    ("live", "candidate", "old", "new", "blamed"),
    [
        # a criterion that fails now, and carries the outcome
        ({"a": REJECT}, {"a": REJECT}, said("eligible", a="pass"), said("ineligible", a="fail"), ("a",)),
        # one that only refers does not carry a refusal
        (
            {"a": REJECT, "b": REFER},
            {"a": REJECT, "b": REFER},
            said("eligible", a="pass", b="pass"),
            said("ineligible", a="fail", b="fail"),
            ("a",),
        ),
        # the same verdict with another effect
        ({"a": NOTE}, {"a": REFER}, said("eligible", a="fail"), said("refer", a="fail"), ("a",)),
        ({"a": REFER}, {"a": ("refer", "note")}, said("refer", a="unknown"), said("eligible", a="unknown"), ("a",)),
        # new, and gone
        ({}, {"a": REFER}, said("eligible"), said("refer", a="unknown"), ("a",)),
        ({"a": REJECT}, {}, said("ineligible", a="fail"), said("eligible"), ("a",)),
        # a looser outcome: what forbade it before
        (
            {"a": REJECT, "b": REFER},
            {"a": REJECT, "b": REFER},
            said("ineligible", a="fail", b="fail"),
            said("refer", a="pass", b="fail"),
            ("a",),
        ),
        # nothing but the score
        ({"a": REFER}, {"a": REFER}, said("eligible", 700, a="pass"), said("refer", 500, a="pass"), ("score.trust",)),
        # a note moved, and nothing carries the outcome: what moved is better than nothing
        ({"a": NOTE}, {"a": NOTE}, said("eligible", a="pass"), said("refer", a="fail"), ("a",)),
        # nothing moved at all: the rows themselves
        ({"a": NOTE}, {"a": NOTE}, said("eligible", a="pass"), said("refer", a="pass"), ("outcomes",)),
    ],
)
def test_blame(live: Any, candidate: Any, old: Said, new: Said, blamed: tuple[str, ...]) -> None:
    assert Blame(trial(**live), trial(**candidate)).of(old, new) == blamed


def test_a_threshold_of_a_score_that_moved_is_blamed_though_the_score_is_the_same() -> None:
    live = trial(a=REFER)
    rows = []
    for row in live.eligibility.outcomes:
        atoms = [replace(atom, operand=900) if isinstance(atom, ScoreAtom) else atom for atom in row.when]
        rows.append(replace(row, when=tuple(atoms)))
    candidate = replace(live, eligibility=replace(live.eligibility, outcomes=tuple(rows)))
    blame = Blame(live, candidate)
    assert blame.of(said("eligible", a="pass"), said("refer", a="pass")) == ("score.trust",)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("eligible", "refer", "stricter"),
        ("refer", "ineligible", "stricter"),
        ("eligible", "ineligible", "stricter"),
        ("ineligible", "refer", "looser"),
        ("ineligible", "eligible", "looser"),
        ("refer", "eligible", "looser"),
        ("refer", "refer", "same"),
    ],
)
def test_direction(old: str, new: str, told: str) -> None:
    assert direction(old, new) == told


def dated(made: Book, begins: date | None, until: date | None) -> Book:
    """The book with other dates on its eligibility rules for the track."""
    own = eligibility(made)
    head = replace(own.head, effective_from=begins, effective_until=until)
    return replace(made, eligibility={**made.eligibility, own.head.name: replace(own, head=head)})


def test_what_is_in_force_is_what_decides() -> None:
    found = trial_of(book(), TRACK, AT)
    assert (found.effective_at, found.eligibility) == (AT, eligibility(book()))


def test_what_begins_later_is_tried_as_of_its_first_day() -> None:
    found = trial_of(dated(book(), date(2030, 1, 1), None), TRACK, AT)
    assert found.effective_at == datetime(2029, 12, 31, 16, tzinfo=UTC)  # midnight in Shanghai
    assert found.undated.eligibility[found.eligibility.head.name].head.effective_from is None


def test_what_ended_is_tried_as_of_its_last_day() -> None:
    found = trial_of(dated(book(), date(2022, 5, 13), date(2022, 5, 20)), TRACK, AT)
    assert found.effective_at == datetime(2022, 5, 18, 16, tzinfo=UTC)


def test_a_track_that_nobody_screens_is_an_error() -> None:
    with pytest.raises(InputError, match="no eligibility book for track `K`"):
        trial_of(book(), "K", AT)
