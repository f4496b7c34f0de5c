"""A book compiled for populations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

import polars as pl

from fastbrand.domain.errors import InputError, NotFound
from rules.columnar.incentive import IncentiveColumns, Left
from rules.columnar.kinds import EligibilityColumns, MaintenanceColumns, Outputs, RoutingColumns
from rules.columnar.reading import Reading, ReadMoment, read
from rules.columnar.situation import Observed, Situation, column_type
from rules.columnar.tracks import multiplied
from rules.frame import check_in_force
from rules.model import Book, Head, Row
from rules.situation import Moment

Frame = pl.LazyFrame | pl.DataFrame
Question = Callable[[Situation], Outputs]
"""What is asked about a population: made by ``ask`` of a rule book, given to ``ColumnarBook.evaluate``."""

PARTY = "party_id"
_Plan = TypeVar("_Plan")


def compile_book(book: Book) -> ColumnarBook:
    """``book`` for populations. Bounds of its arithmetic are proven when a question is asked, before rows are read."""
    return ColumnarBook(book)


class ColumnarBook:
    """A book for populations.

    A *typed frame* has one row a party and a column a fact, named after it, in the units of ``rules.model``: money in
    minor units, ratios in parts per billion, scores scaled by their decimals and durations in milliseconds as integers;
    flags as Booleans (or 0 and 1), choices as text, ``Categorical`` or ``Enum``, choices as lists of those, dates as
    ``Date`` (or ordinals), text as text. Null, and a column that is not there, is unknown. Values must be within the
    ranges of their facts: ``read`` makes such a frame of facts-file columns and sees to that; the bounds of all
    arithmetic rest on it. Columns that are no fact are left alone.

    ``as_of`` is the moment to decide for, or the name of a column of moments. ``observed_at`` names a column of moments
    at which all facts of a row were observed, or maps facts to such columns; a fact without one was observed just now.
    What is told is a ``LazyFrame`` that has not read anything yet: collect or sink it with the streaming engine.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self._eligibility: dict[str, EligibilityColumns] = {}

    def eligibility(self, name: str, *, effective: datetime | None = None) -> EligibilityQuestions:
        """The eligibility rule book ``name``.

        Here and below, ``effective`` is the moment at which it must be in force (None: any). Raises ``NotFound``, and
        ``InputError`` where it is not in force.
        """
        self._check_in_force(_named(self.book.eligibility, name).head, effective)
        return EligibilityQuestions(self, self.screening(name))

    def routing(self, name: str, *, effective: datetime | None = None) -> RoutingQuestions:
        """The routing rule book ``name``. Raises as ``eligibility``."""
        rulebook = _named(self.book.routing, name)
        self._check_in_force(rulebook.head, effective)
        return RoutingQuestions(self, RoutingColumns(rulebook, self.book))

    def maintenance(self, name: str, *, effective: datetime | None = None) -> MaintenanceQuestions:
        """The maintenance rule book ``name``. Raises as ``eligibility``."""
        rulebook = _named(self.book.maintenance, name)
        self._check_in_force(rulebook.head, effective)
        return MaintenanceQuestions(self, MaintenanceColumns(rulebook))

    def incentive(self, name: str, *, effective: datetime | None = None) -> IncentiveQuestions:
        """The incentive rule book ``name``. Raises as ``eligibility``."""
        rulebook = _named(self.book.incentive, name)
        self._check_in_force(rulebook.head, effective)
        return IncentiveQuestions(self, IncentiveColumns(rulebook, self.book))

    def screening(self, name: str) -> EligibilityColumns:
        """The columns of the eligibility rule book ``name``, for what rests on them. Raises ``NotFound``."""
        rulebook = _named(self.book.eligibility, name)
        if name not in self._eligibility:
            self._eligibility[name] = EligibilityColumns(rulebook, self.book)
        return self._eligibility[name]

    def schema(self) -> dict[str, pl.DataType]:
        """Column -> type of a typed frame of all facts that are not derived."""
        return {name: column_type(fact) for name, fact in self.book.facts.items() if fact.derivation is None}

    def read(self, frame: Frame, *, text: bool = False, moments: Mapping[str, ReadMoment] | None = None) -> Reading:
        """A typed frame of facts-file columns: the rows whose cells can all be taken as they are, and the mistakes of
        the others.

        ``text``: strings are cells of a CSV file (``12.50``, ``8.33%``, ``a|b``); otherwise they are what a Parquet
        file or JSON says is text, and quotes round a number are a mistake. Whole numbers and decimals are in the
        notation of facts files, so money is in major units; a float is the shortest decimal that stands for it.
        ``moments``: columns of moments with what reads their cells, where they are not moments with a time zone yet.
        Neither a party that comes twice nor a row that is empty throughout is told here. Raises ``InputError``.
        """
        return read(self.book, frame.lazy(), moments or {}, text=text)

    def evaluate(
        self,
        frame: Frame,
        as_of: datetime | str,
        questions: Mapping[str, Question],
        *,
        observed_at: Observed = None,
        keep: Sequence[str] | None = None,
    ) -> pl.LazyFrame:
        """All ``questions`` about a typed ``frame`` in one pass: a row for each of its rows, in its order.

        The columns ``keep`` of the frame (None: ``party_id`` where it has one) are carried over as they are; an answer
        comes as ``NAME.column``, ``NAME`` being that of its question, or ``column`` where that is empty. Raises
        ``InputError`` where a column is missing or of the wrong type.
        """
        situation = Situation(self.book, frame.lazy(), as_of, observed_at)
        kept = [name for name in (PARTY,) if name in situation.stages.schema] if keep is None else list(keep)
        for name in kept:
            if name not in situation.stages.schema:
                raise InputError(f"there is no column `{name}` to keep", hint="check `keep`", code="unknown_column")
        outputs = {
            f"{name}.{column}" if name else column: expr
            for name, question in questions.items()
            for column, expr in question(situation).items()
        }
        return situation.stages.select(outputs, kept)

    def _check_in_force(self, head: Head, effective: datetime | None) -> None:
        if effective is not None:
            check_in_force(head, Moment.of(effective, ZoneInfo(self.book.programme.time_zone)))


class EligibilityQuestions:
    """What an eligibility rule book can be asked about a population."""

    def __init__(self, book: ColumnarBook, plan: EligibilityColumns) -> None:
        self._book, self._plan = book, plan
        self.rows: tuple[Row, ...] = plan.rulebook.outcomes
        """Outcome rows; the answer's ``row`` counts them from 1."""

    def ask(self, *, reasons: bool = False) -> Question:
        """``outcome``, ``row``, ``score.NAME`` (an integer, scaled by its decimals), ``verdict.CRITERION``, and
        ``reasons`` (a list of criterion, verdict, effect in file order) where asked for."""
        return lambda situation: self._plan.outputs(situation, with_reasons=reasons)

    def evaluate(
        self,
        frame: Frame,
        as_of: datetime | str,
        *,
        observed_at: Observed = None,
        keep: Sequence[str] | None = None,
        reasons: bool = False,
    ) -> pl.LazyFrame:
        """The answer to ``ask`` alone: see ``ColumnarBook.evaluate``."""
        return self._book.evaluate(frame, as_of, {"": self.ask(reasons=reasons)}, observed_at=observed_at, keep=keep)


class RoutingQuestions:
    """What a routing rule book can be asked about a population."""

    def __init__(self, book: ColumnarBook, plan: RoutingColumns) -> None:
        self._book, self._plan = book, plan
        self.rows: tuple[Row, ...] = plan.rulebook.rows
        """Rows; the answer's ``row`` counts them from 1."""

    def ask(self, *, screening: str | None = None) -> Question:
        """``outcome`` and ``row``, over the decision of the eligibility rule book ``screening`` (None: there is none).

        Raises ``NotFound``.
        """
        screened = None if screening is None else self._book.screening(screening)
        return lambda situation: self._plan.outputs(situation, screened)

    def evaluate(
        self,
        frame: Frame,
        as_of: datetime | str,
        *,
        observed_at: Observed = None,
        keep: Sequence[str] | None = None,
        screening: str | None = None,
    ) -> pl.LazyFrame:
        """The answer to ``ask`` alone: see ``ColumnarBook.evaluate``."""
        question = self.ask(screening=screening)
        return self._book.evaluate(frame, as_of, {"": question}, observed_at=observed_at, keep=keep)


class MaintenanceQuestions:
    """What a maintenance rule book can be asked about a population."""

    def __init__(self, book: ColumnarBook, plan: MaintenanceColumns) -> None:
        self._book, self._plan = book, plan
        self.rows: tuple[Row, ...] = plan.rulebook.outcomes
        """Outcome rows; the answer's ``row`` counts them from 1."""

    def ask(
        self, *, streaks: Mapping[str, str] | None = None, clear_months: str | None = None, reasons: bool = False
    ) -> Question:
        """``outcome``, ``row``, ``cause``, ``level.BAND``, ``streak.BAND``, ``clear_months``, and ``reasons`` where
        asked for.

        ``streaks`` (band -> column) and ``clear_months`` (a column) are as they stood after last month's observation;
        what is not named, and null, is 0. This month's count already in the answer.
        """
        before = dict(streaks or {})
        unknown = next((band for band in before if all(band != one.id for one in self._plan.rulebook.bands)), None)
        if unknown is not None:
            raise NotFound(f"there is no band `{unknown}` in `{self._plan.rulebook.head.name}`", hint="check `streaks`")
        return lambda situation: self._plan.outputs(situation, before, clear_months, with_reasons=reasons)

    def evaluate(
        self,
        frame: Frame,
        as_of: datetime | str,
        *,
        observed_at: Observed = None,
        keep: Sequence[str] | None = None,
        streaks: Mapping[str, str] | None = None,
        clear_months: str | None = None,
        reasons: bool = False,
    ) -> pl.LazyFrame:
        """The answer to ``ask`` alone: see ``ColumnarBook.evaluate``."""
        question = self.ask(streaks=streaks, clear_months=clear_months, reasons=reasons)
        return self._book.evaluate(frame, as_of, {"": question}, observed_at=observed_at, keep=keep)


class IncentiveQuestions:
    """What an incentive rule book can be asked about a population."""

    def __init__(self, book: ColumnarBook, plan: IncentiveColumns) -> None:
        self._book, self._plan = book, plan

    def ask(
        self,
        *,
        track: str = "M",
        track_column: str | None = None,
        remainders: Left | None = None,
        tranches: bool = False,
        reasons: bool = False,
    ) -> Question:
        """``outcome``, ``amount``, ``uncapped``, ``capped_by``, ``confirm``, ``pool``, ``tier`` (the last that
        the base reaches, from 1; 0 for none), ``score`` (the multiplier's, an integer scaled by the decimals of its
        eligibility rule book, or by the most of several), ``verdict.GATE``, and ``tranche.N`` and
        ``reasons`` where asked for. Amounts are in pool units.

        All are on ``track``, or each on the track in ``track_column``. What ``remainders`` leave is taken for each row
        by itself: what one row gets is not taken from the next. Outcome and amounts are null where nothing can be
        decided: on a track without a pool, where no eligibility rule book is in force, and for a bonus beyond 2^53.
        """
        left = remainders or Left()

        def question(situation: Situation) -> Outputs:
            asked = multiplied(self._plan.rulebook, self._book.screening, situation, track, track_column, left)
            return self._plan.outputs(situation, asked, with_reasons=reasons, with_tranches=tranches)

        return question

    def evaluate(
        self,
        frame: Frame,
        as_of: datetime | str,
        *,
        observed_at: Observed = None,
        keep: Sequence[str] | None = None,
        track: str = "M",
        track_column: str | None = None,
        remainders: Left | None = None,
        tranches: bool = False,
        reasons: bool = False,
    ) -> pl.LazyFrame:
        """The answer to ``ask`` alone: see ``ColumnarBook.evaluate``."""
        question = self.ask(
            track=track, track_column=track_column, remainders=remainders, tranches=tranches, reasons=reasons
        )
        return self._book.evaluate(frame, as_of, {"": question}, observed_at=observed_at, keep=keep)


def _named(rulebooks: Mapping[str, _Plan], name: str) -> _Plan:
    found = rulebooks.get(name)
    if found is None:
        names = ", ".join(f"`{one}`" for one in rulebooks) or "none"
        raise NotFound(f"there is no such rule book as `{name}`", hint=f"of this kind there are {names}")
    return found
