"""What the columnar engine said about some records, asked again of the authoritative engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import EngineFault, FastbrandError
from rules.backtesting.blame import Said
from rules.backtesting.tally import SIDES, Side
from rules.backtesting.trial import Trial
from rules.engine import RuleEngine, Screening
from rules.records import Context, Record

_BATCH = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What one book says about a record: the screening, the queue (``system``: straight through) and the bonus.

    ``bonus`` is the amount of one grant in pool units, None where nothing can be decided; ``pays``: the book has
    incentive rules for the track.
    """

    said: Said
    queue: str
    bonus: int | None
    pays: bool = True


@dataclass(frozen=True, slots=True)
class Claim:
    """What the columnar engine says about one record under both books. ``row`` is its place in the population,
    ``records`` the record as the vocabulary of each book reads it."""

    row: int
    id: str
    track: str
    as_of: datetime
    records: Mapping[Side, Record]
    answers: Mapping[Side, Answer]
    causes: tuple[str, ...] = ()
    """What is behind its flip; empty where it does not flip."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """The engines do not agree about ``what`` of a record under the ``book``."""

    row: int
    id: str
    book: Side
    what: str
    columnar: Any
    authoritative: Any

    def as_json(self) -> dict[str, Any]:
        """``{row, id, book, what, columnar, authoritative}``."""
        return {
            "row": self.row,
            "id": self.id,
            "book": self.book,
            "what": self.what,
            "columnar": self.columnar,
            "authoritative": self.authoritative,
        }


@dataclass(slots=True)
class Confirmation:
    """What was asked again. ``findings``: row of a flip -> book -> findings about what is behind the flip."""

    flips: int = 0
    others: int = 0
    mismatches: list[Mismatch] = field(default_factory=list)
    findings: dict[int, dict[Side, list[dict[str, Any]]]] = field(default_factory=dict)


def confirm(
    engine: RuleEngine,
    claims: Sequence[Claim],
    trials: Mapping[str, Mapping[Side, Trial]],
    *,
    done: Callable[[int], None] = lambda _: None,
) -> Confirmation:
    """Have ``engine`` decide about every claim again, under both books of its track (``trials``: track -> both).

    ``done`` is told how many claims were settled. What the engine cannot decide is a mismatch too. Raises
    ``RuleFileError``, ``InputError`` where a book cannot be used at all.
    """
    found = Confirmation()
    for batch in _batches(claims):
        both = trials[batch[0].track]
        for side in SIDES:
            _confirm_batch(engine, batch, side, both[side], found)
        for claim in batch:
            if claim.causes:
                found.flips += 1
            else:
                found.others += 1
        done(len(batch))
    found.mismatches.sort(key=lambda mismatch: (mismatch.row, mismatch.book, mismatch.what))
    return found


def _batches(claims: Sequence[Claim]) -> Iterator[list[Claim]]:
    """Claims about one track at one moment, so many at a time."""

    def about(claim: Claim) -> tuple[str, datetime]:
        return claim.track, claim.as_of

    for _, group in groupby(sorted(claims, key=about), key=about):
        together = list(group)
        for start in range(0, len(together), _BATCH):
            yield together[start : start + _BATCH]


def _confirm_batch(engine: RuleEngine, batch: list[Claim], side: Side, trial: Trial, found: Confirmation) -> None:
    records = [claim.records[side] for claim in batch]
    closure, as_of, effective_at = trial.book.closure, batch[0].as_of, trial.effective_at
    screened = engine.screen_many(closure, records, track=trial.track, as_of=as_of, effective_at=effective_at)
    bonuses: Sequence[Decision | FastbrandError | None] = [None] * len(batch)
    if trial.incentive is not None:
        context = Context(track=trial.track, period=f"{as_of:%Y-%m}")
        name = trial.incentive.head.name
        bonuses = engine.decide(closure, name, records, as_of=as_of, context=context, effective_at=effective_at)
    for claim, screening, bonus in zip(batch, screened, bonuses, strict=True):
        answer = claim.answers[side]
        for what, columnar, authoritative in _differences(answer, screening, bonus):
            found.mismatches.append(Mismatch(claim.row, claim.id, side, what, columnar, authoritative))
        if claim.causes and isinstance(screening, Screening):
            findings = [each.core() for each in screening.eligibility.findings if each.criterion in claim.causes]
            found.findings.setdefault(claim.row, {})[side] = findings


def _differences(
    answer: Answer, screening: Screening | FastbrandError, bonus: Decision | FastbrandError | None
) -> Iterator[tuple[str, Any, Any]]:
    """What the engines do not agree about: its name, and what either says."""
    if isinstance(screening, FastbrandError):
        yield "outcome", answer.said.outcome, _error(screening)
        return
    said = screening.eligibility
    if answer.said.outcome != said.outcome:
        yield "outcome", answer.said.outcome, said.outcome
    for finding in said.findings:
        verdict = answer.said.verdicts.get(finding.criterion)
        if verdict != finding.verdict:
            yield f"verdict.{finding.criterion}", verdict, finding.verdict
    for score in said.scores:
        value = None if score.value is None else int(Decimal(score.value).scaleb(_decimals(score.value)))
        if answer.said.scores.get(score.score) != value:
            yield f"score.{score.score}", answer.said.scores.get(score.score), value
    if answer.queue != screening.queue.outcome:
        yield "queue", answer.queue, screening.queue.outcome
    yield from _bonus_difference(answer, bonus)


def _bonus_difference(answer: Answer, bonus: Decision | FastbrandError | None) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(bonus, EngineFault) and answer.bonus is None and answer.pays:
        return  # beyond 2^53: neither engine can say
    if isinstance(bonus, FastbrandError):
        yield "bonus", answer.bonus, _error(bonus)
    elif bonus is not None and bonus.result["amount"] != answer.bonus:
        yield "bonus", answer.bonus, bonus.result["amount"]


def _decimals(value: str) -> int:
    """Digits after the point: a score is shown with all of its own."""
    return len(value.partition(".")[2])


def _error(error: FastbrandError) -> str:
    return f"error[{error.instance_code}]: {error.message}"
