"""Bands of maintenance books: alerts that their limit swallows, and levels that hold always or never."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rules.lint import wordings
from rules.lint.bench import Bench
from rules.lint.cells import FAIL, PASS
from rules.lint.criteria import Trial
from rules.lint.goals import Answers
from rules.lint.seeking import Seeker
from rules.lint.standing import levels
from rules.lint.study import Study, warning
from rules.lint.surveys import survey
from rules.lint.tables import check_default
from rules.mistakes import Mistake
from rules.model import Band, Criterion, Leaf, Maintenance, Row, Table
from rules.rows import ALERT


def check_bands(study: Study, bench: Bench, book: Maintenance) -> Iterator[Mistake]:
    """The warnings about the bands of ``book``."""
    for band in book.bands:
        says_something = True
        for level, leaf in (("alert", band.alert), ("limit", band.limit)):
            if leaf is not None:
                found = list(_level(study, bench, book, band, level, leaf))
                says_something = says_something and not found
                yield from found
        if says_something:
            yield from _silent_alert(study, bench, book, band)


def _level(study: Study, bench: Bench, book: Maintenance, band: Band, level: str, leaf: Leaf) -> Iterator[Mistake]:
    """A level that holds for everybody, or for nobody."""
    asked = Criterion(band.id, "", band.title, leaf, leaf.mark, min_sample=band.min_sample)
    found = survey(asked, study.vocabulary)
    trial = Trial(study, bench, book.head, asked)
    if isinstance(leaf.operand, Table):
        yield from check_default(study, leaf.mark, f"in the band `{band.id}` the table of its {level}", leaf.operand)
    if not found.require & (PASS | FAIL):
        yield from trial.never_known(leaf)
    elif not (found.require & PASS and found.require & FAIL):
        always = bool(found.require & PASS)
        say = wordings.always if always else wordings.never
        why = say(study, leaf, found.require_parts)
        message = f"the band `{band.id}` is {'always' if always else 'never'} in {level}: {why}"
        verdict = "pass" if always else "fail"
        yield from trial.told("constant_condition", leaf, message, wordings.mend(study, leaf), verdict)


def _silent_alert(study: Study, bench: Bench, book: Maintenance, band: Band) -> Iterator[Mistake]:
    """An alert that never shows, for wherever it holds so does the limit."""
    if band.alert is None or band.limit is None or ALERT in levels(study, band):
        return
    both = [Answers(study, leaf, PASS, band.min_sample) for leaf in (band.alert, band.limit)]
    party = Seeker(study, study.moment(book.head), {}).find(both)
    if party is None:
        return
    alone = replace(book, bands=(band,), outcomes=(Row((), {"outcome": "keep"}, book.head.mark),))
    decision = bench.decide([alone], alone.head.name, party)
    if decision is None or decision.result["bands"] != {band.id: "limit"}:
        return
    message = f"the band `{band.id}` is never in alert: wherever its alert holds, so does its limit"
    hint = "let the alert begin before the limit, or take it away"
    yield warning(band.alert.mark, "silent_alert", message, hint, bench.shown(party))
