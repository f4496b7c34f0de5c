"""The two ways to try a candidate: on a file, and on everybody who ever applied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastbrand.service.backtesting.books import find_live
from fastbrand.service.backtesting.populations import FileSource, HistoryPopulation, of_file
from fastbrand.service.backtesting.result import BacktestResult, Compared
from fastbrand.service.backtesting.running import Options, Progress, run
from rules.backtesting import Side
from rules.model import Book

if TYPE_CHECKING:
    from fastbrand.service.office import Office
    from rules.engine import RuleEngine


def over_file(
    live: Compared,
    candidate: Compared,
    source: FileSource,
    engine: RuleEngine,
    *,
    options: Options = Options(),  # noqa: B008  # frozen
    progress: Progress | None = None,
) -> BacktestResult:
    """Compare both books on the rows of a facts file. Needs no database.

    Raises ``InputError`` where file or mapping cannot be read, or a book cannot screen the file's track.
    """
    population = of_file(source, {"live": live.book, "candidate": candidate.book})
    at = source.as_of or source.now
    books: dict[Side, Compared] = {"live": live, "candidate": candidate}
    return run(population, books, engine, at=at, options=options, progress=progress)


def over_history(
    office: Office,
    candidate: Book | Compared,
    *,
    live: Compared | None = None,
    options: Options = Options(),  # noqa: B008  # frozen
    progress: Progress | None = None,
) -> BacktestResult:
    """Compare ``candidate`` with the book in force (or ``live``) on every application there ever was: the facts that
    its latest screening used, as of the moment of that screening.

    Applications on a track that one of the books does not decide are left out and told. ``as_json()`` of the result is
    small. Raises ``NotFound`` where no book is in force, ``InputError``, ``EngineFault``.
    """
    if isinstance(candidate, Book):
        candidate = Compared(candidate, candidate.sha256[:16])
    against = live or find_live(None, office, office.settings.book)
    population = HistoryPopulation(office.db, {"live": against.book, "candidate": candidate.book})
    books: dict[Side, Compared] = {"live": against, "candidate": candidate}
    result = run(population, books, office.engine(), at=office.now(), options=options, progress=progress, lenient=True)
    result.available = _available(office)
    return result


def _available(office: Office) -> dict[str, int]:
    """Pool -> units that are left of it."""
    from fastbrand.store import ledger

    with office.db.read() as conn:
        return {row["pool_id"]: int(row["available"]) for row in ledger.status(conn)}
