"""``rules diff``: two books, or two versions of a rule book, from directories, files, or the releases."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastbrand.domain.errors import InputError, NotFound
from rules.loader import load_closure, load_directory, load_file

if TYPE_CHECKING:
    from fastbrand.service.office import Office
    from rules.diffing.books import Diff
    from rules.model import Book

LIVE = "live"
"""Names the book in force."""
MAX_SECONDS = 3_600.0
_SHA = re.compile(r"[0-9a-fA-F]{4,64}")


@dataclass(frozen=True, slots=True)
class Compared:
    """Two books compared: where each comes from, and what was found."""

    sources: tuple[dict[str, str], dict[str, str]]
    diff: Diff

    def document(self, lang: str) -> dict[str, Any]:
        """The JSON document: what ``rules.diffing.report`` says, and ``old`` and ``new`` ({source, sha256})."""
        from rules.diffing.report import as_json

        return {**as_json(self.diff, lang), "old": self.sources[0], "new": self.sources[1]}

    def lines(self, lang: str) -> list[str]:
        """For people."""
        from rules.diffing.report import lines

        return list(lines(self.diff, lang))

    def exit_code(self) -> int:
        """0 where it is proven that nobody gets another outcome or amount, otherwise 1."""
        return 0 if self.diff.same else 1


def of_releases(*names: str) -> bool:
    """Whether one of ``names`` is in the database: ``live``, or the sha256 of a release, and no path."""
    return any(name == LIVE or (not Path(name).exists() and _SHA.fullmatch(name)) for name in names)


def diff(old: str, new: str, *, office: Office | None = None, seconds: float) -> Compared:
    """Compare ``old`` with ``new``; ``office`` is needed where one of them is a release (see ``of_releases``).

    Raises ``NotFound``, ``InputError``, ``RuleFileError`` (a book has mistakes), ``EngineFault``.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise InputError(f"`{seconds:g}` seconds is no time limit", hint=f"give more than 0, at most {MAX_SECONDS:g}")
    from rules.diffing.books import compare

    one, other = _load(old, office), _load(new, office)
    only = _only(one, other)
    sources = tuple({"source": each.source, "sha256": each.book.sha256} for each in (one, other))
    return Compared((sources[0], sources[1]), compare(one.book, other.book, only=only, seconds=seconds))


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A book and, where one file of it was named, the rule book in it."""

    source: str
    book: Book
    rulebook: str | None = None


def _load(name: str, office: Office | None) -> _Loaded:
    path = Path(name)
    if name != LIVE and path.is_dir():
        return _Loaded(name, load_directory(path))
    if name != LIVE and path.is_file():
        book, rulebook = load_file(path)
        if rulebook in ("facts", "programme"):
            # they decide nothing by themselves: what they mean shows in the rule books beside them
            return _Loaded(name, load_directory(path.parent))
        return _Loaded(name, book, rulebook)
    if office is None:
        raise NotFound(
            f"`{name}` does not exist",
            hint="give a book's directory, a rule file, `live`, or the sha256 of a released book",
        )
    return _Loaded(name, load_closure(_closure(name, office)))


def _closure(name: str, office: Office) -> bytes:
    from fastbrand.service.rulebooks import find
    from fastbrand.store import books

    if name != LIVE:
        return find(office, name).closure
    with office.db.read() as conn:
        live = books.live_at(conn, office.now())
    if live is None:
        raise NotFound("no book is live", hint="see `fastbrand rules list`")
    return live.closure


def _only(old: _Loaded, new: _Loaded) -> tuple[str, str] | None:
    """The rule book to compare, by its name in each book; None for whole books."""
    if old.rulebook is None and new.rulebook is None:
        return None
    names = old.rulebook or new.rulebook or "", new.rulebook or old.rulebook or ""
    for name, loaded in zip(names, (old, new), strict=True):
        if name not in loaded.book.editions:
            raise NotFound(f"`{loaded.source}` has no rule book `{name}`", hint="compare two books, or two files")
    kinds = [loaded.book.editions[name][-1].head.kind for name, loaded in zip(names, (old, new), strict=True)]
    if kinds[0] != kinds[1]:
        raise InputError(
            f"`{old.source}` is of kind `{kinds[0]}`, `{new.source}` of kind `{kinds[1]}`",
            hint="compare two rule books of one kind",
        )
    return names
