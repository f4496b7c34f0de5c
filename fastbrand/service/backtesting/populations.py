"""Whom a backtest is about, batch by batch: rows of a facts file, or past applications."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from fastbrand.domain.errors import InputError
from fastbrand.domain.names import check_party_id
from fastbrand.service.facts_files import FactsFile, FactsRow, ignored_notices, moment_reader, read_facts_file
from fastbrand.service.parquet_files import broken, look_through
from fastbrand.service.table_files import RowMistake, nearest
from rules.backtesting import SIDES, Side
from rules.columnar import Observed, compile_book
from rules.inputs import from_inputs
from rules.mistakes import shown
from rules.model import Book, FactDef
from rules.versions import meaning

if TYPE_CHECKING:
    from fastbrand.store.database import Database
    from fastbrand.store.decisions import DecisionRow
    from rules.columnar import ColumnarBook
    from rules.records import Record

# no fact is called by any of these: names of facts have no spaces
ROW, PARTY, AS_OF, OBSERVED = "the row", "the party", "decided as of", "observed at"
_UTC = pl.Datetime("us", "UTC")
TOLD_ROWS = 100
"""Rows with mistakes of a batch of which it is told what is wrong; of the others only that they are."""

_ROWS_OF_TEXT = 20_000
_ROWS_OF_PARQUET = 50_000
_PARTY_ID = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

Books = Mapping[Side, Book]


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records on one track, as typed frames of the columnar engine: the same rows in the same order under the
    vocabulary of each book. Every frame has the columns ``ROW`` (place in the source, from 1) and ``PARTY`` (text).

    ``as_of`` is the moment for all, or the name of a column; ``observed_at`` says when facts were observed. ``read`` is
    how many rows of the source this was made of, ``wrong`` how many of them are left out for mistakes; ``mistakes`` are
    those of the first of them.
    """

    track: str
    frames: Mapping[Side, pl.DataFrame]
    as_of: datetime | str
    observed_at: Observed
    read: int
    wrong: int = 0
    mistakes: Sequence[RowMistake] = ()


class Population(Protocol):
    """Whom a backtest is about. ``total``: how many rows there are; ``notices``: what its reader should know."""

    kind: str
    name: str
    total: int | None
    notices: list[str]

    def batches(self) -> Iterator[Batch]:
        """Every record once."""


class Typing:
    """Turns columns of facts files into typed frames under both vocabularies; reads once where they are the same."""

    def __init__(self, books: Books) -> None:
        self.same = meaning(books["live"].facts) == meaning(books["candidate"].facts)
        self._compiled: dict[Side, ColumnarBook] = {side: compile_book(books[side]) for side in SIDES}

    def typed(
        self, raws: Mapping[Side, pl.DataFrame], *, text: bool, moments: Mapping[str, Any] | None = None
    ) -> tuple[dict[Side, pl.DataFrame], list[RowMistake]]:
        """The rows that both books can take, and the first mistakes of the others. ``raws`` have the same rows."""
        frames: dict[Side, pl.DataFrame] = {}
        mistakes: dict[RowMistake, None] = {}
        for side in SIDES[:1] if self.same else SIDES:
            raw = raws[side]
            frames[side] = self._compiled[side].read(raw, text=text, moments=moments).frame.collect()
            if frames[side].height < raw.height:
                wrong = raw.join(frames[side].select(ROW), on=ROW, how="anti", maintain_order="left")
                mistakes |= dict.fromkeys(self._mistakes(side, wrong.head(TOLD_ROWS), text=text, moments=moments))
        if self.same:
            frames["candidate"] = frames["live"]
        elif mistakes:
            both = frames["live"].select(ROW).join(frames["candidate"].select(ROW), on=ROW)[ROW].implode()
            frames = {side: frame.filter(pl.col(ROW).is_in(both)) for side, frame in frames.items()}
        return frames, sorted(mistakes, key=lambda mistake: mistake.row)

    def _mistakes(
        self, side: Side, wrong: pl.DataFrame, *, text: bool, moments: Mapping[str, Any] | None
    ) -> Iterator[RowMistake]:
        rows = wrong[ROW].to_list()
        told = self._compiled[side].read(wrong, text=text, moments=moments).errors.collect()
        for each in told.iter_rows(named=True):
            yield RowMistake(rows[each["row"] - 1], each["column"], each["value"], each["message"], each["hint"])


# --- facts files --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileSource:
    """A facts file: ``track`` is what its parties are unless the ``mapping`` says so, ``where`` are ``COLUMN=VALUE``.

    ``as_of`` (UTC): the moment for all; None: for each row its own ``observed_at``, and ``now`` where it has none.
    """

    path: Path
    now: datetime
    mapping: Path | None = None
    where: tuple[str, ...] = ()
    track: str = "M"
    as_of: datetime | None = None


def of_file(source: FileSource, books: Books) -> Population:
    """The rows of a file: Parquet in facts-file columns is streamed, everything else is read as a whole.

    A party may have several rows: each is a record. Raises ``InputError`` where nothing can be read.
    """
    if source.where and source.mapping is None:
        raise InputError("`--where` goes with `--mapping`", hint="name the mapping file too")
    if source.mapping is None and source.path.suffix.lower() == ".parquet":
        return ParquetPopulation(source, books)
    return RowsPopulation(source, books)


class RowsPopulation:
    """Rows of a file that is read as a whole: CSV, JSON, JSONL, and anything through a mapping."""

    kind = "file"

    def __init__(self, source: FileSource, books: Books) -> None:
        self._source = source
        self._typing = Typing(books)
        files = {side: _facts_file(source, books, side) for side in (SIDES[1:] if self._typing.same else SIDES)}
        main = files["candidate"]
        self._rows = {side: {row.row: row for row in file.rows} for side, file in files.items()}
        self._facts = sorted({name for file in files.values() for row in file.rows for name in row.facts})
        wrong = {mistake: None for file in files.values() for mistake in file.mistakes}
        self._mistakes = sorted(wrong, key=lambda mistake: mistake.row)
        shared = self._rows["candidate"].keys() & self._rows.get("live", self._rows["candidate"]).keys()
        self._numbers = sorted(shared)
        self._track = main.track or source.track
        self.name = source.path.name
        self.notices = _notices(main.ignored_columns, main.suggestions)
        self.total: int | None = len(self._numbers) + len({mistake.row for mistake in self._mistakes})

    def batches(self) -> Iterator[Batch]:
        """Every row once; what is wrong with rows comes with the first batch."""
        before = self._mistakes
        wrong = len({mistake.row for mistake in before})
        for numbers in _chunks(self._numbers, _ROWS_OF_TEXT):
            raws = {side: self._raw([rows[number] for number in numbers]) for side, rows in self._rows.items()}
            if self._typing.same:
                raws["live"] = raws["candidate"]
            frames, mistakes = self._typing.typed(raws, text=True)
            refused = len(numbers) - frames["live"].height
            as_of = self._source.as_of or AS_OF
            told = [*before, *mistakes]
            yield Batch(self._track, frames, as_of, OBSERVED, len(numbers) + wrong, refused + wrong, told)
            before, wrong = [], 0
        if wrong:
            none = pl.DataFrame(schema={ROW: pl.Int64, PARTY: pl.String, AS_OF: _UTC, OBSERVED: _UTC})
            yield Batch(self._track, dict.fromkeys(SIDES, none), AS_OF, OBSERVED, wrong, wrong, before)

    def _raw(self, rows: Sequence[FactsRow]) -> pl.DataFrame:
        observed = [row.observed_at for row in rows]
        columns = {
            ROW: pl.Series([row.row for row in rows], dtype=pl.Int64),
            PARTY: pl.Series([row.party_id or f"row-{row.row}" for row in rows], dtype=pl.String),
            OBSERVED: pl.Series(observed, dtype=_UTC),
            AS_OF: pl.Series([at or self._source.now for at in observed], dtype=_UTC),
        }
        for name in self._facts:
            columns[name] = pl.Series([row.facts.get(name) for row in rows], dtype=pl.String)
        return pl.DataFrame(columns)


def _facts_file(source: FileSource, books: Books, side: Side) -> FactsFile:
    """The file as the vocabulary of one book reads it. Facts that only the other has are read as that one reads them:
    a column of theirs is neither a mistake nor to be ignored."""
    book = books[side]
    other = books["live" if side == "candidate" else "candidate"]
    facts = {**_given(other), **_given(book)}
    if source.mapping is None:
        return read_facts_file(source.path, facts, time_zone=book.programme.time_zone, history=True)
    from fastbrand.service.mapping import load_mapping, read_mapped

    mapping = load_mapping(source.mapping, replace(book, facts=facts))
    return read_mapped(source.path, mapping, where=source.where, history=True)


def _given(book: Book) -> dict[str, FactDef]:
    return {name: fact for name, fact in book.facts.items() if fact.derivation is None}


class ParquetPopulation:
    """Rows of a Parquet file in facts-file columns, streamed: what is in memory does not grow with the file."""

    kind = "file"

    def __init__(self, source: FileSource, books: Books) -> None:
        self._source = source
        self._typing = Typing(books)
        facts = {name for book in books.values() for name in _given(book)}
        found = look_through(source.path, wanted={*facts, "party_id", "observed_at"})
        self._scan = pl.scan_parquet(source.path, glob=False)
        columns = found.columns
        self.total: int | None = found.rows
        known = [name for name in columns if name in facts]
        if not known:
            near = next(((name, close) for name in columns if (close := nearest(name, facts))), None)
            hint = f"did you mean `{near[1]}` by `{near[0]}`?" if near else "name its columns after facts"
            raise InputError(f"no column of `{source.path.name}` is a fact", hint=hint, code="no_facts")
        self._party = "party_id" in columns
        self._observed = "observed_at" in columns
        self._known = known
        self._zone = books["candidate"].programme.time_zone
        derived = {name for book in books.values() for name in book.facts}
        ignored = [name for name in columns if name not in facts and name not in ("party_id", "observed_at")]
        meant = {name: nearest(name, facts) for name in ignored if name not in derived}
        self.name = source.path.name
        self.notices = _notices(ignored, {name: fact for name, fact in meant.items() if fact and fact not in columns})

    def batches(self) -> Iterator[Batch]:
        """Every row once, some ten thousand at a time."""
        renamed = {"party_id": PARTY} if self._party else {}
        renamed |= {"observed_at": OBSERVED} if self._observed else {}
        columns = self._scan.select(*self._known, *renamed).rename(renamed)
        try:
            # slice by slice: a scan that is left to stream reads far ahead of us, as we are the slower
            for begin in range(0, self.total or 0, _ROWS_OF_PARQUET):
                yield self._batch(columns.slice(begin, _ROWS_OF_PARQUET).collect(), begin)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise broken(self._source.path, str(error)) from None

    def _batch(self, part: pl.DataFrame, begin: int) -> Batch:
        source = self._source
        raw = part.with_columns(pl.int_range(begin + 1, begin + part.height + 1).alias(ROW))
        # rows that are empty throughout are none
        raw = raw.filter(~pl.all_horizontal(pl.col(name).is_null() for name in part.columns))
        given = raw.height
        raw, mistakes = self._with_party(raw)
        moments = {OBSERVED: moment_reader(self._zone)} if self._observed else None
        frames, told = self._typing.typed(dict.fromkeys(SIDES, raw), text=False, moments=moments)
        as_of: datetime | str = source.as_of or source.now
        if self._observed and source.as_of is None:
            own = pl.col(OBSERVED).cast(_UTC).fill_null(pl.lit(source.now, dtype=_UTC)).alias(AS_OF)
            timed = frames["live"].with_columns(own)
            frames = {"live": timed, "candidate": timed if self._typing.same else frames["candidate"].with_columns(own)}
            as_of = AS_OF
        observed = OBSERVED if self._observed else None
        told = sorted([*mistakes, *told], key=lambda mistake: mistake.row)
        return Batch(source.track, frames, as_of, observed, part.height, given - frames["live"].height, told)

    def _with_party(self, raw: pl.DataFrame) -> tuple[pl.DataFrame, list[RowMistake]]:
        """``raw`` with its parties as text; rows without a proper one are mistakes."""
        if not self._party:
            return raw.with_columns(pl.format("row-{}", ROW).alias(PARTY)), []
        raw = raw.with_columns(pl.col(PARTY).cast(pl.String))
        proper = pl.col(PARTY).str.contains(_PARTY_ID).fill_null(False)
        mistakes = []
        for row, party in raw.filter(~proper).head(TOLD_ROWS).select(ROW, PARTY).iter_rows():
            try:
                check_party_id(party or "")
            except InputError as error:
                message, hint = (error.message, error.hint) if party else ("no party id", "give every row its party id")
                mistakes.append(RowMistake(row, "party_id", party or "", message, hint))
        return raw.filter(proper), mistakes


def _notices(ignored: Sequence[str], suggestions: Mapping[str, str]) -> list[str]:
    meant = [f"did you mean `{fact}` by `{shown(name)}`?" for name, fact in suggestions.items()]
    return ignored_notices(ignored) + meant


# --- past applications --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class HistoryPopulation:
    """Every application there was: the facts that its latest screening used, as of the moment of that screening."""

    db: Database
    books: Books
    kind: str = "history"
    name: str = "past applications"
    total: int | None = None
    notices: list[str] = field(default_factory=list)

    def batches(self) -> Iterator[Batch]:
        """Every application once, those on one track together."""
        from fastbrand.store import decisions

        typing = Typing(self.books)
        with self.db.read() as conn:
            self.total = decisions.count_applications(conn)
            waiting: dict[str, list[_Application]] = {}
            for number, row in enumerate(decisions.applications(conn), 1):
                application = _application(number, row)
                same = waiting.setdefault(application.track, [])
                same.append(application)
                if len(same) == _ROWS_OF_TEXT:
                    yield self._batch(typing, waiting.pop(application.track))
            for rest in waiting.values():
                yield self._batch(typing, rest)

    def _batch(self, typing: Typing, applications: Sequence[_Application]) -> Batch:
        facts = {name for book in self.books.values() for name in _given(book)}
        columns = {
            ROW: pl.Series([each.number for each in applications], dtype=pl.Int64),
            PARTY: pl.Series([each.record.party for each in applications], dtype=pl.String),
            AS_OF: pl.Series([each.as_of for each in applications], dtype=_UTC),
        }
        observed_at = {}
        for name in sorted({name for each in applications for name in each.record.facts} & facts):
            given = [each.record.facts.get(name) for each in applications]
            columns[name] = pl.Series([None if one is None else one.text for one in given], dtype=pl.String)
            observed_at[name] = f"{name} observed at"
            moments = [None if one is None else one.observed_at for one in given]
            columns[observed_at[name]] = pl.Series(moments, dtype=_UTC)
        frames, mistakes = typing.typed(dict.fromkeys(SIDES, pl.DataFrame(columns)), text=True)
        count = len(applications)
        refused = count - frames["live"].height
        return Batch(applications[0].track, frames, AS_OF, observed_at, count, refused, mistakes)


@dataclass(frozen=True, slots=True)
class _Application:
    number: int
    track: str
    as_of: datetime
    record: Record


def _application(number: int, row: DecisionRow) -> _Application:
    """An application as its screening saw it. Raises ``InputError`` where what is stored cannot be read."""
    record, context = from_inputs(row.given())
    return _Application(number, context.track, datetime.fromisoformat(row.as_of), record)


def _chunks(items: Iterable[int], size: int) -> Iterator[list[int]]:
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some
