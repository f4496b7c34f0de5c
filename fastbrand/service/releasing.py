"""What a release is made on: warnings taken on, tests passed, and whom the book would flip."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import EngineFault, InputError, Refused

if TYPE_CHECKING:
    from fastbrand.service.office import Office
    from rules.mistakes import Mistake
    from rules.model import Book


@dataclass(frozen=True, slots=True)
class Evidence:
    """What check, tests and backtest said, as JSON data, and the codes of the warnings that the editor took on."""

    acknowledged: tuple[str, ...]
    told: dict[str, Any]


def gather(office: Office, directory: Path, book: Book, *, acknowledge: str | None, at: datetime) -> Evidence:
    """Check, test and backtest ``book``, the files of ``directory``; it is to be in force from ``at`` on.

    Raises ``Refused`` where its rules do not decide by then, a test fails or is broken, or there are warnings (no tests
    is one) that nobody acknowledged (``acknowledge`` is the reason why they may stand).
    """
    _check_decides(book, at)
    warnings = _warnings(directory)
    if warnings and not acknowledge:
        first = warnings[0]
        raise Refused(
            f"the book has {len(warnings)} warnings, the first: {first.path}:{first.line}: {first.message}",
            hint="mend them (`fastbrand rules check`), or say why they may stand: `--acknowledge REASON`",
            code="warnings",
        )
    told: dict[str, Any] = {
        "check": {"warnings": len(warnings), "acknowledged_because": acknowledge or None},
        "tests": _tests(office, directory, book),
        "backtest": _backtest(office, book),
    }
    return Evidence(tuple(sorted({each.code for each in warnings})), told)


def _check_decides(book: Book, at: datetime) -> None:
    """A book in force none of whose rules are would stop everybody who applies."""
    from rules.backtesting import trial_of

    for track in sorted({track for each in book.eligibility.values() for track in each.head.parties}):
        try:
            trial = trial_of(book, track, at)
        except InputError as error:
            raise Refused(
                f"the book cannot screen track {track}: {error.message}",
                hint=error.hint or "",
                code=error.instance_code,
            ) from error
        if trial.effective_at != at:
            zone = ZoneInfo(book.programme.time_zone)
            day, wanted = (moment.astimezone(zone).date() for moment in (trial.effective_at, at))
            raise Refused(
                f"the book's rules for track {track} are not in force on {wanted}",
                hint=f"release it from their day on: `--effective {day}`" if day > wanted else "mend their `effective`",
                code="not_in_force",
            )


def _warnings(directory: Path) -> list[Mistake]:
    from fastbrand.service.checking import check
    from rules.mistakes import Mistake

    found = [Mistake(**each) for each in check(directory)["mistakes"]]
    return [each for each in found if each.grade == "warning"]


def _tests(office: Office, directory: Path, book: Book) -> dict[str, Any]:
    """Run the book's own tests by the authoritative engine and the columnar one."""
    from rules.testing import load_tests, run_cases

    suite, mistakes = load_tests(book, directory)
    if mistakes:
        first = mistakes[0]
        raise Refused(
            f"the book's tests have {len(mistakes)} mistakes, the first: {first.path}:{first.line}: {first.message}",
            hint="mend them: `fastbrand rules test`",
            code="tests",
        )
    results = run_cases(book, suite.cases, office.engine())
    failed = [each for each in results if not each.passed]
    if failed:
        raise Refused(
            f"{len(failed)} of {len(results)} tests of the book fail, the first: `{failed[0].case.name}`",
            hint="see them: `fastbrand rules test`",
            code="tests",
        )
    return {"passed": len(results), "failed": 0, "files": len(suite.files)}


def _backtest(office: Office, book: Book) -> dict[str, Any]:
    """Whom the book would flip among all who ever applied; the flips themselves are counted, not listed.

    Raises ``EngineFault`` where the engines do not agree about somebody: then neither can be believed.
    """
    from fastbrand.service.backtesting import over_history

    tried = over_history(office, book)
    if tried.confirmation.mismatches:
        first = tried.confirmation.mismatches[0]
        raise EngineFault(
            f"the engines do not agree about {len(tried.confirmation.mismatches)} past applications, the first of "
            f"`{first.id}` ({first.what})",
            hint="see them: `fastbrand rules backtest --over-history`; report them with the book",
            code="engine_mismatch",
        )
    return tried.as_json()
