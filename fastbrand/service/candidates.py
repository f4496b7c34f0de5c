"""Who comes in: a generated sample, or the rows of a real file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import FastbrandError, InputError
from fastbrand.domain.lifecycle import Track
from fastbrand.domain.names import check_party_id
from fastbrand.service.facts import SOURCE_MAX
from fastbrand.service.office import Office
from fastbrand.store import parties
from fastbrand.store.facts import NewFact

if TYPE_CHECKING:
    from fastbrand.service.facts_files import FactsFile
    from rules.model import Book


@dataclass(frozen=True, slots=True)
class CandidateSource:
    """Where candidates come from: ``file`` (with ``mapping``, ``where``), else ``sellers`` generated from ``seed``."""

    sellers: int = 200
    seed: int | None = None
    file: Path | None = None
    mapping: Path | None = None
    where: tuple[str, ...] = ()
    track: str = "M"
    errors: Path | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """One party to bring in: its facts in facts-file notation (None: unknown)."""

    party_id: str
    track: Track
    facts: dict[str, str | None]
    observed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidates:
    """Who comes in, from where, and what had to be left out."""

    label: str
    source: str
    rows: list[Candidate]
    notices: list[str] = field(default_factory=list)
    mistakes: int = 0


def parse_track(text: str) -> Track:
    """``M`` or ``S``. Raises ``InputError``."""
    try:
        return Track(text.upper())
    except ValueError:
        raise InputError(
            f"`{text}` is not a track", hint="use M (merchant, fast brand) or S (well-known brand)"
        ) from None


def tracks_of(book: Book) -> list[Track]:
    """The tracks that ``book`` has eligibility rules for."""
    served = {party for each in book.eligibility.values() for party in each.head.parties}
    return [track for track in Track if str(track) in served]


def check_served(book: Book, track: Track, error: type[FastbrandError] = InputError) -> None:
    """Raise ``error`` where nothing in ``book`` could judge a party of ``track``."""
    served = tracks_of(book)
    if track not in served:
        raise error(
            f"the book in force has no eligibility rules for track `{track}`",
            hint=f"it judges track {' and '.join(served)}; another needs a book that has rules for it",
        )


def gather(office: Office, source: CandidateSource, book: Book) -> Candidates:
    """Read or generate the candidates. Raises ``InputError`` where the file or the mapping cannot be used."""
    if source.file is None:
        if source.mapping is not None or source.where:
            raise InputError("`--mapping` and `--where` go with `--input FILE`", hint="name the file too")
        return _sample(office, source, book)
    file = _read(source, source.file, book, office.now())
    track = parse_track(file.track or source.track)
    check_served(book, track)
    notices, rows = _notices(source, file), []
    for row in file.rows:
        if row.party_id is None:
            raise InputError(
                f"`{source.file.name}` has no column `party_id`",
                hint="name the column that says who a row is about in a mapping file: `--mapping FILE`",
                code="unknown_column",
            )
        rows.append(Candidate(check_party_id(row.party_id), track, dict(row.facts), row.observed_at))
    if not rows:
        raise InputError(
            f"`{source.file}` has no row to bring in",
            hint=_why_nobody(source, file),
        )
    return Candidates(_slug(source.file), f"file:{source.file.name}"[:SOURCE_MAX], rows, notices, len(file.mistakes))


def news_of(each: Candidate, source: str, at: datetime) -> tuple[str, list[NewFact]]:
    """What is known of a candidate; a fact without a time of its own was observed at ``at``."""
    known = [(name, text) for name, text in each.facts.items() if text is not None]
    return each.party_id, [NewFact(name, text, each.observed_at or at, source) for name, text in known]


def _why_nobody(source: CandidateSource, file: FactsFile) -> str:
    if file.mistakes:
        return f"the first mistake is {file.mistakes[0]}"
    return "no row has the value that `--where` asks for" if source.where else "it has a header and nothing below it"


def _read(source: CandidateSource, path: Path, book: Book, now: datetime) -> FactsFile:
    from fastbrand.service.facts_files import read_facts_file

    if source.mapping is None:
        if source.where:
            raise InputError("`--where` goes with `--mapping`", hint="name the mapping file too")
        return read_facts_file(path, book.facts, time_zone=book.programme.time_zone, not_after=now)
    from fastbrand.service.mapping import load_mapping, read_mapped

    return read_mapped(path, load_mapping(source.mapping, book), where=source.where, not_after=now)


def _notices(source: CandidateSource, file: FactsFile) -> list[str]:
    from fastbrand.service.facts_files import write_errors

    notices = file.notices
    if file.mistakes:
        shown = [str(each) for each in file.mistakes[:5]]
        if len(file.mistakes) > len(shown):
            shown.append(f"... and {len(file.mistakes) - len(shown)} more")
        notices.extend(shown)
        if source.errors is not None:
            write_errors(source.errors, file.mistakes)
            notices.append(f"rows with mistakes are in `{source.errors}`")
        else:
            notices.append("`--errors FILE` writes all of them to a file")
    return notices


def _sample(office: Office, source: CandidateSource, book: Book) -> Candidates:
    from fastbrand.service.sample import generate

    seed = source.seed if source.seed is not None else _next_seed(office)
    today = office.now().astimezone(ZoneInfo(book.programme.time_zone)).date()
    made = generate(source.sellers, seed, book.facts, today=today, tracks=[str(track) for track in tracks_of(book)])
    rows = [Candidate(each.party_id, Track(each.track), dict(each.facts)) for each in made]
    return Candidates(f"s{seed}", "sample", rows)


def _next_seed(office: Office) -> int:
    """The first seed that no sample in this database was made from: a second run adds to the first."""
    seed = 1
    with office.db.read() as conn:
        while parties.exists_with_prefix(conn, f"s{seed}-"):
            seed += 1
    return seed


def _slug(path: Path) -> str:
    kept = "".join(char if char.isascii() and char.isalnum() else "-" for char in path.stem)
    return kept.strip("-")[:32] or "file"
