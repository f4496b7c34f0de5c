"""Cases of rule tests as read, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from fastbrand.domain.decision import Decision
from fastbrand.domain.errors import FastbrandError
from rules.model import Book, Mark, RuleBook
from rules.records import Context, Observed


@dataclass(frozen=True, slots=True)
class Expectation:
    """One thing that must come out: ``key`` of ``expect``, ``name`` where it is about one criterion, score or band.

    ``wanted`` is what the decision must show there, as ``rules.testing.comparing.found`` gives it.
    """

    key: str
    name: str
    wanted: Any
    mark: Mark

    @property
    def about(self) -> str:
        """``outcome``, ``verdicts.trust.counterfeit``."""
        return f"{self.key}.{self.name}" if self.name else self.key


@dataclass(frozen=True, slots=True)
class Case:
    """One party, decided by ``rulebook`` at ``as_of``.

    ``given`` are all its facts, those of the file's defaults among them; ``own`` those that it states itself.
    ``context`` is what the rule book sees besides, the screening of a routing book aside: that is decided from the
    same facts.
    """

    name: str
    rulebook: str
    kind: str
    as_of: datetime
    given: Mapping[str, Observed]
    own: frozenset[str]
    context: Context
    expect: tuple[Expectation, ...]
    mark: Mark


@dataclass(frozen=True, slots=True)
class Suite:
    """All sound cases of a directory. ``files`` are the paths that were read; ``broken`` counts cases with mistakes."""

    cases: tuple[Case, ...] = ()
    files: tuple[str, ...] = ()
    broken: int = 0

    def only(self, *, rulebook: str | None = None, file: str | None = None) -> Suite:
        """The cases of one rule book, or of one file."""
        kept = tuple(
            case
            for case in self.cases
            if (rulebook is None or case.rulebook == rulebook) and (file is None or case.mark.path == file)
        )
        return Suite(kept, tuple(dict.fromkeys(case.mark.path for case in kept)), self.broken)


@dataclass(frozen=True, slots=True)
class Failure:
    """What did not come out: ``about`` (``outcome``, ``engines``), what was expected and got, in words, and where."""

    about: str
    expected: str
    got: str
    mark: Mark

    def __str__(self) -> str:
        return f"{self.about}: expected {self.expected}, got {self.got}"


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case and its decision (None: there was an error instead). Without failures it passed."""

    case: Case
    decision: Decision | None = None
    error: FastbrandError | None = None
    failures: tuple[Failure, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether everything came out as expected."""
        return self.decision is not None and not self.failures


def sort_of(rulebook: RuleBook) -> str:
    """What a rule book is for tests: its kind, or of a routing book what it decides."""
    decides: str = getattr(rulebook, "decides", "")
    return decides or rulebook.head.kind


def rule_books(book: Book) -> dict[str, RuleBook]:
    """Name -> the newest edition of every rule book, eligibility first."""
    return book.rulebooks
