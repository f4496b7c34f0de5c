"""Which two books are compared."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from fastbrand.domain.errors import InputError, NotFound
from fastbrand.service.backtesting.result import Compared
from rules.loader import load_closure, load_directory

if TYPE_CHECKING:
    from fastbrand.service.office import Office

_SHA = re.compile(r"[0-9a-fA-F]{4,64}")


def find_candidate(name: str, office: Office | None) -> Compared:
    """The book in the directory ``name``, or the released (or proposed) one whose sha256 begins with it.

    Raises ``RuleFileError`` where it has mistakes, ``NotFound``, ``InputError``.
    """
    place = Path(name)
    if place.is_dir():
        return Compared(load_directory(place), _near(place))
    if office is None or not _SHA.fullmatch(name):
        hint = "name a book directory" + ("" if office is None else ", or a book of `fastbrand rules list`")
        raise InputError(f"`{name}` is not a book directory", hint=hint)
    from fastbrand.service.rulebooks import find

    row = find(office, name)
    return Compared(load_closure(row.closure), row.sha256[:16])


def find_live(name: str | None, office: Office | None, working: Path) -> Compared:
    """The book that ``name`` names (see ``find_candidate``); without a name the one in force, and where there is no
    office (no database) the one in the directory ``working``.

    Raises as ``find_candidate``, and ``NotFound`` where no book is in force.
    """
    if name is not None:
        return find_candidate(name, office)
    if office is None:
        return Compared(load_directory(working), _near(working))
    from fastbrand.store import books

    with office.db.read() as conn:
        row = books.live_at(conn, office.now())
    if row is None:
        raise NotFound(
            "no released book is in force", hint="name the live one with `--live DIR`, or release and approve one"
        )
    return Compared(load_closure(row.closure), row.sha256[:16])


def _near(place: Path) -> str:
    """A directory as people name it from where they are."""
    here = Path.cwd()
    return str(place.relative_to(here)) if place.is_relative_to(here) else str(place)
