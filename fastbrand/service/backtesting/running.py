"""The run itself: batch by batch through the columnar engine, then a second opinion on what it found."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

import polars as pl

from fastbrand.domain.errors import InputError
from fastbrand.service.backtesting import counting, sampling
from fastbrand.service.backtesting.counting import Asked
from fastbrand.service.backtesting.populations import PARTY, ROW, Batch, Population
from fastbrand.service.backtesting.result import BacktestResult, Compared, Flip, Skipped
from rules.backtesting import (
    SIDES,
    Blame,
    Claim,
    Confirmation,
    Direction,
    Side,
    Tally,
    Trial,
    confirm,
    direction,
    trial_of,
)

if TYPE_CHECKING:
    from rules.engine import RuleEngine

KEPT_MISTAKES = 1_000
"""Most mistakes of rows that a result holds; all are counted."""

HELD_OF_A_CAUSE, CAUSES_HELD = 20, 1_000
"""Where a result need not hold every flip: so many of a cause, of so many causes, and those that are confirmed."""


class Progress(Protocol):
    """Who is told how far it is."""

    def phase(self, name: str, total: int) -> None:
        """A phase begins, with so many things to do."""

    def done(self, count: int) -> None:
        """So many of the phase are done."""


class Silent:
    """Nobody is told."""

    def phase(self, name: str, total: int) -> None:
        """Nothing."""

    def done(self, count: int) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a backtest is run.

    ``confirm``: at most so many flips, and a tenth as many others, are asked again of the authoritative engine.
    ``flips``: a file for all flips, one JSON object a line. ``hold_all``: the result holds every flip that goes to no
    file, too; otherwise some of each cause, so that memory does not grow with the population.
    """

    confirm: int = 1_000
    flips: Path | None = None
    hold_all: bool = False


@dataclass(slots=True)
class _Run:
    """What is gathered on the way."""

    books: Mapping[Side, Compared]
    at: datetime
    options: Options
    tally: Tally = field(default_factory=Tally)
    asked: dict[str, Asked] = field(default_factory=dict)
    blames: dict[str, Blame] = field(default_factory=dict)
    refused: dict[str, InputError] = field(default_factory=dict)
    skipped: Skipped = field(default_factory=Skipped)
    flips: list[Flip] = field(default_factory=list)
    flipping: sampling.Sample = field(default_factory=lambda: sampling.Sample(0))
    staying: sampling.Sample = field(default_factory=lambda: sampling.Sample(0))
    held: Counter[tuple[tuple[str, ...], Direction]] = field(default_factory=Counter)
    out: TextIO | None = None

    def take(self, batch: Batch, *, lenient: bool) -> None:
        """Count a batch, remember its flips, and choose whom to ask about again.

        ``lenient``: a track that a book does not decide is passed over and told, and no error.
        """
        self.skipped.add(batch.wrong, batch.mistakes, KEPT_MISTAKES)
        frame = batch.frames["candidate"]
        if frame.is_empty():
            return
        try:
            asked = self._asked(batch.track)
        except InputError as error:
            if not lenient:
                raise
            self.refused[batch.track] = error
            self.skipped.leave_out(batch.track, frame.height, error)
            return
        said = counting.answers(asked, batch)
        counting.count(self.tally, said, asked.trials)
        places = pl.int_range(said.height, eager=True).alias("place")
        flips = counting.flipped(said.with_columns(places))
        wanted = set(self.flipping.wanted(flips[ROW]))
        for row in flips.iter_rows(named=True):
            old, new = (sampling.said_by(row, side, asked.trials[side]) for side in SIDES)
            causes = self.blames[batch.track].of(old, new)
            self.tally.causes[old.outcome, new.outcome, causes] += 1
            flip = Flip(
                row[ROW],
                row[PARTY],
                batch.track,
                old.outcome,
                new.outcome,
                causes,
                row["live amount"] if old.outcome == "eligible" else 0,
                row["candidate amount"] if new.outcome == "eligible" else 0,
                row["candidate category"],
            )
            self._remember(flip, asked_again=flip.row in wanted)
            if flip.row in wanted:
                self.flipping.keep(sampling.claim_of(row["place"], row, batch, dict(asked.trials), causes))
        self._choose_others(said.with_columns(places), batch, asked)

    def _asked(self, track: str) -> Asked:
        if track in self.refused:
            raise self.refused[track]
        if track not in self.asked:
            trials: dict[Side, Trial] = {}
            for side in SIDES:
                try:
                    trials[side] = trial_of(self.books[side].book, track, self.at)
                except InputError as error:
                    message = f"the {side} book cannot screen track {track}: {error.message}"
                    raise InputError(message, hint=error.hint, code=error.instance_code) from error
            self.asked[track] = Asked.of(trials)
            self.blames[track] = Blame(trials["live"], trials["candidate"])
        return self.asked[track]

    def _remember(self, flip: Flip, *, asked_again: bool) -> None:
        if self.out is not None:
            self.out.write(json.dumps(flip.as_json(), ensure_ascii=False) + "\n")
        elif self.options.hold_all:
            self.flips.append(flip)
            return
        cause = flip.criteria, direction(flip.old, flip.new)
        room = cause in self.held or len(self.held) < CAUSES_HELD
        if asked_again or (room and self.held[cause] < HELD_OF_A_CAUSE):
            self.held[cause] += 1
            self.flips.append(flip)

    def _choose_others(self, said: pl.DataFrame, batch: Batch, asked: Asked) -> None:
        same = said.filter(pl.col("live outcome") == pl.col("candidate outcome"))
        chosen = same.filter(pl.col(ROW).is_in(self.staying.wanted(same[ROW])))
        for row in chosen.iter_rows(named=True):
            self.staying.keep(sampling.claim_of(row["place"], row, batch, dict(asked.trials)))


def run(
    population: Population,
    books: Mapping[Side, Compared],
    engine: RuleEngine,
    *,
    at: datetime,
    options: Options = Options(),  # frozen
    progress: Progress | None = None,
    lenient: bool = False,
) -> BacktestResult:
    """Compare both ``books`` on ``population``; ``at`` is the moment at which their rule books should be in force.

    ``lenient``: records on a track that a book does not decide are left out and told; otherwise that is an error.
    Raises ``InputError`` where books or population cannot be used, ``RuleFileError``, ``EngineFault``.
    """
    _check_currency(books)
    progress = progress or Silent()
    going = _Run(books, at, options)
    going.flipping, going.staying = sampling.Sample(options.confirm), sampling.Sample(-(-options.confirm // 10))
    read = 0
    with _opened(options.flips) as out:
        going.out = out
        for number, batch in enumerate(population.batches()):
            if number == 0:  # some populations know only now how many they are
                progress.phase("evaluating", population.total or 0)
            going.take(batch, lenient=lenient)
            read += batch.read
            progress.done(read)
    claims = [*going.flipping.claims(), *going.staying.claims()]
    confirmation = _confirmed(engine, claims, going, progress)
    return BacktestResult(
        population=population.kind,
        name=population.name,
        notices=list(population.notices),
        books=dict(books),
        trials={track: asked.trials for track, asked in going.asked.items()},
        tally=going.tally,
        flips=going.flips,
        flips_file=options.flips,
        claims=claims,
        confirmation=confirmation,
        skipped=going.skipped,
        at=at,
    )


def _confirmed(engine: RuleEngine, claims: list[Claim], going: _Run, progress: Progress) -> Confirmation:
    if not claims:
        return Confirmation()
    progress.phase("confirming", len(claims))
    settled = 0

    def done(count: int) -> None:
        nonlocal settled
        settled += count
        progress.done(settled)

    return confirm(engine, claims, {track: asked.trials for track, asked in going.asked.items()}, done=done)


def _check_currency(books: Mapping[Side, Compared]) -> None:
    live, candidate = (books[side].book.programme.currency for side in SIDES)
    if live != candidate:
        raise InputError(
            f"the live book is in {live} and the candidate in {candidate}: they cannot be compared",
            hint="name the book that the candidate is to replace with `--live DIR`",
            code="other_currency",
        )


@contextmanager
def _opened(path: Path | None) -> Iterator[TextIO | None]:
    """The file for all flips, or nothing. Raises ``InputError`` where it cannot be written."""
    if path is None:
        yield None
        return
    try:
        file = path.open("w", encoding="utf-8")
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(
            f"`{path}` cannot be written: {reason}", hint="choose another place for the flips", code="unwritable"
        ) from None
    with file:
        yield file
