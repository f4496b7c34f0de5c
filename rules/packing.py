"""Answers as plain tuples for the way between processes: pickling dataclasses costs more than deciding."""

from __future__ import annotations

from dataclasses import fields
from operator import attrgetter
from typing import Any

from fastbrand.domain.decision import Decision, Finding, LeafFinding, ScoreFinding
from fastbrand.domain.errors import EngineFault, FastbrandError
from rules.evaluate import Screening

Answer = Decision | Screening | FastbrandError
Packed = tuple[Any, ...] | FastbrandError

_DECISION = tuple(field.name for field in fields(Decision))
_FINDINGS, _SCORES = _DECISION.index("findings"), _DECISION.index("scores")
_of_decision = attrgetter(*_DECISION)
_of_finding = attrgetter(*(field.name for field in fields(Finding)))
_of_score = attrgetter(*(field.name for field in fields(ScoreFinding)))


def pack(answer: Answer) -> Packed:
    """``answer`` as tuples of plain data; errors stay as they are."""
    if isinstance(answer, FastbrandError):
        return answer
    if isinstance(answer, Decision):
        return _packed(answer)
    made = (answer.track, answer.eligibility, answer.queue, answer.endorsement)
    return tuple([None if decision is None else _packed(decision) for decision in made])


def unpack(packed: Any, *, screening: bool) -> Answer:
    """What ``pack`` was given. Raises ``EngineFault`` on anything else."""
    if isinstance(packed, FastbrandError):
        return packed
    try:
        if not screening:
            return _unpacked(packed)
        track, eligibility, queue, endorsement = packed
        return Screening(
            None if track is None else _unpacked(track),
            _unpacked(eligibility),
            _unpacked(queue),
            None if endorsement is None else _unpacked(endorsement),
        )
    except (TypeError, ValueError, IndexError) as error:
        raise EngineFault("the rules engine's process gave something else than an answer") from error


def _packed(decision: Decision) -> tuple[Any, ...]:
    values = list(_of_decision(decision))
    values[_FINDINGS] = list(map(_of_finding, decision.findings))
    values[_SCORES] = list(map(_of_score, decision.scores))
    return tuple(values)


def _unpacked(packed: tuple[Any, ...]) -> Decision:
    values = list(packed)
    values[_FINDINGS] = tuple(map(_found, values[_FINDINGS]))
    values[_SCORES] = tuple([ScoreFinding(*score) for score in values[_SCORES]])
    return Decision(*values)


def _found(finding: tuple[Any, ...]) -> Finding:
    _criterion, _verdict, _effect, told, told_when = finding
    if {*map(len, told), *map(len, told_when)} - {len(LeafFinding._fields)}:
        raise ValueError("a leaf has more or less than it should")
    return Finding(*finding)
