"""Curves that give the same for every value they can meet: a part of a score, or a multiplier, that decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from fastbrand.domain.decision import Decision, JsonValue
from rules.lint.bench import Bench
from rules.lint.cells import PASS
from rules.lint.goals import Answers
from rules.lint.screened import part_ends
from rules.lint.seeking import Seeker
from rules.lint.study import Study, warning
from rules.mistakes import Mistake
from rules.model import Eligibility, Leaf, Op, Row, Score, ScorePart
from rules.scores import exact_text


def check_curves(study: Study, bench: Bench, book: Eligibility) -> Iterator[Mistake]:
    """The warnings about the curves of the scores of ``book``."""
    for score in book.scores.values():
        for part in score.parts:
            ends = part_ends(study, part.fact, part.curve)
            if ends is None or ends[0] != ends[1]:
                continue
            witness = _alike(study, bench, book, score, part)
            if witness is not None:
                points = exact_text(ends[0])
                message = f"`{part.fact}` decides nothing in the score `{score.id}`: its curve is {points} everywhere"
                yield warning(part.mark, "flat_curve", message, "mend the curve, or take the part away", witness)


def _alike(study: Study, bench: Bench, book: Eligibility, score: Score, part: ScorePart) -> dict[str, JsonValue] | None:
    """Two confirmed values of the part's fact, far from each other, and the points that both give."""
    span = study.spans[part.fact]
    assert span is not None
    middle = (span[0] + span[1]) // 2
    asked: tuple[tuple[Op, int, Op, int], ...] = (
        ("is", span[0], "at_most", middle),
        ("is", span[1], "more_than", middle),
    )
    seeker = Seeker(study, study.moment(book.head), {})
    alone = Eligibility(book.head, (), {score.id: score}, (Row((), {"outcome": "refer"}, book.head.mark),))
    values, points = [], set()
    for exactly, end, roughly, bound in asked:
        leaves = [Leaf(part.fact, op, value, part.mark) for op, value in ((exactly, end), (roughly, bound))]
        tried = (seeker.find([Answers(study, leaf, PASS)]) for leaf in leaves)
        party = next((found for found in tried if found is not None), None)
        decision = None if party is None else bench.decide([alone], alone.head.name, party)
        if party is None or decision is None:
            return None
        values.append(str(study.literal(part.fact, party.facts[part.fact])))
        points.add(_points(decision, score.parts.index(part)))
    (only,) = points if len(points) == 1 else (None,)
    return None if only is None else {part.fact: values, "points": only}


def _points(decision: Decision, place: int) -> str:
    return str(decision.scores[0].parts[place]["points"])
