"""``rules decide``: records of a file decided by the working book, without server or database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import FastbrandError, InputError, NotFound
from fastbrand.domain.provider import Served
from fastbrand.service.candidates import parse_track
from fastbrand.service.moments import parse_moment
from rules.loader import load_directory
from rules.model import Book, RuleBook
from rules.records import Candidate, Context, Observed, Record

if TYPE_CHECKING:
    from fastbrand.service.facts_files import FactsFile
    from rules.engine import RuleEngine

_BATCH = 200


@dataclass(slots=True)
class DecideRun:
    """The decisions of a file, in order, and the rows that could not be decided."""

    book: Book
    decisions: list[Decision] = field(default_factory=list)
    errors: list[tuple[str, FastbrandError]] = field(default_factory=list)
    row_mistakes: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    def documents(self) -> Iterator[dict[str, Any]]:
        """One JSON document a decision."""
        for decision in self.decisions:
            yield decision.as_json()

    def lines(self, lang: str) -> Iterator[str]:
        """The decisions for people."""
        from rules.explain import explain_lines
        from rules.matching_texts import explain_matching

        for decision in self.decisions:
            core = decision.core()
            yield f"{decision.party}: {decision.outcome}"
            lines = explain_lines(self.book, core, lang)
            lines += explain_matching(self.book, core, lang) if decision.kind == "matching" else []
            yield from (f"  {line}" for line in lines)

    def complaints(self) -> Iterator[str]:
        """Lines for stderr: rows left out, records that failed, columns ignored."""
        yield from self.notices
        yield from self.row_mistakes
        for party, error in self.errors:
            yield f"{party}: error[{error.instance_code}]: {error.message}" + (f" ({error.hint})" if error.hint else "")

    def exit_code(self) -> int:
        """0; 1 where rows had mistakes; the error's own code where the engine failed."""
        worst = max((error.exit_code for _, error in self.errors), default=0)
        return max(worst if worst > 2 else 0, 1 if self.errors or self.row_mistakes else 0)


def decide(
    book: str,
    facts: Path,
    *,
    as_of: str | None,
    mapping: Path | None,
    where: Sequence[str],
    track: str,
    providers: Path | None = None,
) -> DecideRun:
    """Decide every record of ``facts`` by the rule book called ``book``, or by the one in the file ``book``.

    ``providers``: the register that a matching book chooses from (columns as in ``provider import``, and ``load``).
    Raises ``RuleFileError`` where the book has mistakes, ``InputError`` where the facts cannot be read.
    """
    from rules.engine import RuleEngine

    loaded, name = _find(book)
    kind = _parse_kind(loaded, name, track)
    if (name in loaded.matching) != (providers is not None):
        raise _register_asked(name, wanted=name in loaded.matching)
    moment = parse_moment(as_of, loaded.programme.time_zone) if as_of else datetime.now(UTC)
    file = _read(facts, mapping, where, loaded)
    run = DecideRun(loaded, row_mistakes=[str(each) for each in file.mistakes], notices=file.notices)
    records = [
        Record(
            row.party_id if row.party_id is not None else f"row-{row.row}",
            {fact: Observed(text, row.observed_at) for fact, text in row.facts.items()},
        )
        for row in file.rows
    ]
    with RuleEngine() as engine:
        if providers is not None:
            _match(engine, run, name, records, moment, kind, _register(run, providers))
            return run
        for start in range(0, len(records), _BATCH):
            _decide_batch(engine, run, name, records[start : start + _BATCH], moment, kind)
    return run


def _parse_kind(book: Book, name: str, track: str) -> str:
    """M or S; for a matching book K, too. Raises ``InputError``."""
    if name in book.matching and track.upper() == Served.K:
        return str(Served.K)
    return str(parse_track(track))


def _register_asked(name: str, *, wanted: bool) -> InputError:
    if wanted:
        return InputError(f"`{name}` chooses among providers", hint="name a register: `--providers FILE`")
    return InputError(f"`{name}` does not match providers", hint="leave `--providers` out")


def _register(run: DecideRun, path: Path) -> tuple[Candidate, ...]:
    """The active providers of a file; rows with mistakes are told and left out."""
    from fastbrand.service.provider_files import read_rows
    from fastbrand.service.provider_rows import PROVIDER_COLUMNS, Vocabulary, candidate

    words = Vocabulary.of(run.book.facts)
    found, mistakes = read_rows(path, (*PROVIDER_COLUMNS, "load"), lambda cells: candidate(cells, words))
    run.row_mistakes += [f"{path.name}: {each}" for each in mistakes]
    return tuple(each for each in found if each is not None)


def _match(
    engine: RuleEngine,
    run: DecideRun,
    name: str,
    records: list[Record],
    moment: datetime,
    kind: str,
    register: tuple[Candidate, ...],
) -> None:
    """A matching book sees what the screening found wanting: both are made. A talent is not screened."""
    from rules.matching import capability_gaps

    for record in records:
        try:
            gaps = None
            if kind != Served.K:
                screening = engine.screen(run.book.closure, record, track=kind, as_of=moment)
                gaps = capability_gaps(run.book, screening.eligibility.core())
            context = Context(track=kind, gaps=gaps, candidates=register)
            (found,) = engine.decide(run.book.closure, name, [record], as_of=moment, context=context)
        except FastbrandError as error:
            found = error
        _take(run, record, found)


def _decide_batch(
    engine: RuleEngine, run: DecideRun, name: str, records: list[Record], moment: datetime, track: str
) -> None:
    book = run.book
    if name in book.routing and book.routing[name].decides != "track":
        for record in records:
            _screen(engine, run, name, record, moment, track)
        return
    own = _track_of(book, name, track)
    context = Context(track=own, period=f"{moment:%Y-%m}")
    found = engine.decide(book.closure, name, records, as_of=moment, context=context)
    for record, each in zip(records, found, strict=True):
        _take(run, record, each)


def _screen(engine: RuleEngine, run: DecideRun, name: str, record: Record, moment: datetime, track: str) -> None:
    """A routing book sees the eligibility decision: both are made."""
    try:
        screening = engine.screen(run.book.closure, record, track=track, as_of=moment)
    except FastbrandError as error:
        _take(run, record, error)
        return
    for decision in (screening.queue, screening.endorsement):
        if decision is not None and decision.rulebook == name:
            _take(run, record, decision)


def _take(run: DecideRun, record: Record, found: Decision | FastbrandError) -> None:
    if isinstance(found, Decision):
        run.decisions.append(found)
    else:
        run.errors.append((record.party, found))


def _track_of(book: Book, name: str, asked: str) -> str:
    """The track of a book that is for one only, else what was asked for."""
    for kind in (book.eligibility, book.maintenance, book.incentive):
        if name in kind and len(kind[name].head.parties) == 1:
            return kind[name].head.parties[0]
    return asked


def _read(facts: Path, mapping: Path | None, where: Sequence[str], book: Book) -> FactsFile:
    if mapping is None:
        from fastbrand.service.facts_files import read_facts_file

        if where:
            raise InputError("`--where` goes with `--mapping`", hint="name the mapping file too")
        return read_facts_file(facts, book.facts, time_zone=book.programme.time_zone)
    from fastbrand.service.mapping import load_mapping, read_mapped

    return read_mapped(facts, load_mapping(mapping, book), where=where)


def _find(name: str) -> tuple[Book, str]:
    """The working book and the rule book in it: by name, by file, or the only eligibility book of a directory."""
    from fastbrand.settings import load_settings

    place = Path(name)
    if place.is_file():
        book = load_directory(place.parent)
        for each in _all(book):
            if Path(each.head.path).name == place.name:
                return book, each.head.name
        raise InputError(
            f"`{name}` decides nothing", hint="name an eligibility, routing, maintenance or incentive file"
        )
    if place.is_dir() and any(place.glob("*.yaml")):
        book = load_directory(place)
        if len(book.eligibility) == 1:
            return book, next(iter(book.eligibility))
        raise InputError(f"`{name}` has several rule books", hint=f"name one of its files: {_files(book)}")
    book = load_directory(load_settings().book)
    known = [each.head.name for each in _all(book)]
    if name not in known:
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=1)
        meant = f"did you mean `{near[0]}`? " if near else ""
        raise NotFound(f"`{name}` is neither a rule book nor a file", hint=f"{meant}rule books: {', '.join(known)}")
    return book, name


def _all(book: Book) -> list[RuleBook]:
    return list(book.rulebooks.values())


def _files(book: Book) -> str:
    return ", ".join(Path(each.head.path).name for each in _all(book))
