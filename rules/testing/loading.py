"""The test files of a book, read with the place of every mistake; sound cases are kept, whatever else is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from rules.loading.reading import Fields, Reader, Report
from rules.mistakes import Mistake, shown
from rules.model import Book, Routing, RuleBook
from rules.records import Observed
from rules.testing import shape
from rules.testing.cases import Case, Suite, rule_books, sort_of
from rules.testing.expecting import expectations
from rules.testing.given import Given, built, context, facts, moment
from rules.yaml_guard import MAX_BYTES, Node, Scalar, read_yaml

FOLDER = "tests"
"""Where a book keeps its tests, below its directory."""
MAX_FILES = 500
"""Most test files of a book."""
BEGINS = "a test file begins with `rulebook:`"
EXPECT_READS = "write `{outcome: ...}`"
CASE_READS = "write `{name: ..., given: {...}, expect: {...}}`"


def load_tests(book: Book, directory: Path) -> tuple[Suite, list[Mistake]]:
    """The cases in the test files of the book in ``directory``, and all their mistakes, sorted by place.

    A case with a mistake is left out and counted; so are all cases of a file whose head has one.
    """
    loading = _Loading(book, Report())
    paths = _paths(directory / FOLDER, loading.report)
    for path in paths:
        loading.file(path)
    mistakes = sorted(set(loading.report.mistakes))
    return Suite(tuple(loading.cases), tuple(str(path) for path in paths), loading.broken), mistakes


def check_shapes(directory: Path) -> list[Mistake]:
    """What is wrong with how the test files of ``directory`` are written, whatever the book says; sorted by place.

    For a book that cannot be used: what its cases mean, nobody can say then.
    """
    report = Report()
    for path in _paths(directory / FOLDER, report):
        data = _content(path, report)
        if data is None:
            continue
        tree, _, mistakes = read_yaml(str(path), data)
        report.mistakes += mistakes
        reader = Reader(str(path), report)
        fields = None if tree is None else reader.fields(tree, shape.TESTS, BEGINS)
        cases = None if fields is None else fields.get("cases")
        for item in reader.items(cases, "`cases`") or () if cases else ():
            case = reader.fields(item, shape.CASE, CASE_READS)
            _expected_keys(reader, None if case is None else case.get("expect"))
            context_node = None if case is None else case.get("context")
            if context_node is not None:
                reader.fields(context_node, shape.CONTEXT)
    return sorted(set(report.mistakes))


def first_day(book: Book) -> datetime:
    """The first moment at which the newest edition of every rule book is in force; today where none says."""
    zone = ZoneInfo(book.programme.time_zone)
    days = [each.head.effective_from for each in rule_books(book).values() if each.head.effective_from is not None]
    day = max(days) if days else datetime.now(zone).date()
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def default_case(book: Book, rulebook: RuleBook, given: Mapping[str, Observed]) -> Case:
    """A case of which nothing is said but its facts."""
    as_of = first_day(book)
    context = built(Given(), rulebook, as_of, ZoneInfo(book.programme.time_zone))
    name, head = "", rulebook.head
    return Case(name, head.name, sort_of(rulebook), as_of, given, frozenset(given), context, (), head.mark)


def _paths(folder: Path, report: Report) -> list[Path]:
    """Every test file below ``folder``, hidden ones aside."""
    found: list[Path] = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if hidden or path.suffix not in (".yaml", ".yml"):
            continue
        if path.suffix == ".yml":
            message = "the file would be passed over: test files end in `.yaml`"
            report.mistakes.append(Mistake(str(path), 1, 1, "file_name", message, "rename it"))
        elif len(found) == MAX_FILES:
            message = f"there are more than {MAX_FILES} test files"
            report.mistakes.append(Mistake(str(folder), 1, 1, "book_size", message, "put cases together"))
            break
        else:
            found.append(path)
    return found


def _expected_keys(reader: Reader, node: Node | None) -> None:
    """Whether there are such keys of an ``expect`` at all, where nobody knows of which rule book it is."""
    if node is not None:
        reader.fields(node, shape.EXPECT, EXPECT_READS)


def _content(path: Path, report: Report) -> bytes | None:
    """The content of a test file, or as much as shows that it is too large; None where it cannot be read."""
    try:
        if not path.is_file():  # a pipe would be waited for
            raise OSError("not a regular file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        message = f"`{path}` cannot be read: {(error.strerror or str(error)).lower()}"
        report.mistakes.append(Mistake(str(path), 1, 1, "file_unreadable", message, "mend its permissions"))
        return None


@dataclass(frozen=True, slots=True)
class _File:
    """What all cases of a file share. ``context`` and ``defaults`` are None where they have mistakes."""

    rulebook: RuleBook | None
    as_of: datetime | None
    defaults: Mapping[str, Observed] | None
    context: Given | None

    @property
    def sort(self) -> str:
        return "" if self.rulebook is None else sort_of(self.rulebook)


class _Loading:
    """Reads file after file."""

    def __init__(self, book: Book, report: Report) -> None:
        self.report = report
        self.cases: list[Case] = []
        self.broken = 0
        self._book = book
        self._books = rule_books(book)
        self._zone = ZoneInfo(book.programme.time_zone)
        self._default_as_of = first_day(book)

    def file(self, path: Path) -> None:
        """Read the cases of one file."""
        data = _content(path, self.report)
        if data is None:
            return
        before = len(self.report.mistakes)
        tree, _, mistakes = read_yaml(str(path), data)
        self.report.mistakes += mistakes
        reader = Reader(str(path), self.report)
        fields = None if tree is None else reader.fields(tree, shape.TESTS, BEGINS)
        if fields is None:
            return
        file = self._head(reader, fields)
        sound = len(self.report.mistakes) == before  # of a file with a broken head no case is what it was meant to be
        cases_node = fields.get("cases")
        names: dict[str, int] = {}
        for item in reader.items(cases_node, "`cases`") or () if cases_node else ():
            before = len(self.report.mistakes)
            case = self._case(reader, file, item, names)
            if case is None or not sound or len(self.report.mistakes) > before:
                self.broken += 1
            else:
                self.cases.append(case)

    def _head(self, reader: Reader, fields: Fields) -> _File:
        name_node, kind_node = fields.get("rulebook"), fields.get("kind")
        if kind_node is not None:
            reader.word(kind_node, "the kind of a test file", ("tests",), "unknown_kind")
        rulebook = None if name_node is None else self._rulebook(reader, name_node)
        sort = "" if rulebook is None else sort_of(rulebook)
        as_of_node, defaults_node, context_node = (fields.get(key) for key in ("as_of", "defaults", "context"))
        as_of: datetime | None = self._default_as_of
        if as_of_node is not None:
            as_of = moment(reader, as_of_node, "`as_of`", self._zone)
        defaults: dict[str, Observed] | None = {}
        if defaults_node is not None:
            defaults = facts(reader, self._book.facts, defaults_node, "`defaults`", self._zone)
        said = Given() if context_node is None else context(reader, self._book.facts, rulebook, sort, context_node)
        if rulebook is not None and as_of is not None:
            self._in_force(reader, rulebook, as_of, as_of_node or name_node)
        return _File(rulebook, as_of, defaults, said)

    def _rulebook(self, reader: Reader, node: Node) -> RuleBook | None:
        name = reader.text(node, "`rulebook`")
        if name is None:
            return None
        found = self._books.get(name)
        if found is None:
            hint = self.report.nearest(name, self._books)
            reader.wrong(node, "unknown_rulebook", f"there is no rule book `{shown(name)}`", hint)
        return found

    def _case(self, reader: Reader, file: _File, node: Node, names: dict[str, int]) -> Case | None:
        fields = reader.fields(node, shape.CASE, CASE_READS)
        if fields is None:
            return None
        name = self._name(reader, fields, names)
        given_node, context_node, as_of_node, expect_node = (
            fields.get(key) for key in ("given", "context", "as_of", "expect")
        )
        given: dict[str, Observed] | None = {}
        if given_node is not None:
            given = facts(reader, self._book.facts, given_node, "`given`", self._zone)
        said: Given | None = Given()
        if context_node is not None:
            said = context(reader, self._book.facts, file.rulebook, file.sort, context_node)
        as_of = file.as_of
        if as_of_node is not None:
            as_of = moment(reader, as_of_node, "`as_of`", self._zone)
            if as_of is not None and file.rulebook is not None:
                self._in_force(reader, file.rulebook, as_of, as_of_node)
        rulebook = file.rulebook
        if rulebook is None or expect_node is None:
            _expected_keys(reader, expect_node)
            return None
        expected = expectations(reader, self._book, rulebook, expect_node)
        if said is None or file.context is None or given is None or file.defaults is None or as_of is None:
            return None
        asked = built(said.over(file.context), rulebook, as_of, self._zone)
        if isinstance(rulebook, Routing) and not self._routes(reader, rulebook, asked.track, context_node or node):
            return None
        if name is None or expected is None:
            return None
        facts_given = {**file.defaults, **given}
        mark = reader.mark(fields.node)
        own = frozenset(given)
        return Case(name, rulebook.head.name, file.sort, as_of, facts_given, own, asked, expected, mark)

    def _name(self, reader: Reader, fields: Fields, names: dict[str, int]) -> str | None:
        node = fields.get("name")
        name = reader.text(node, "`name`") if node is not None else None
        if node is None or name is None:
            return None
        if name in names:
            message = f"a case `{shown(name)}` is in line {names[name]} already"
            reader.wrong(node, "duplicate_id", message, "choose another name")
            return None
        names[name] = node.line
        return name

    # --- moments --------------------------------------------------------------------------------------------------

    def _in_force(self, reader: Reader, rulebook: RuleBook, as_of: datetime, node: Node | None) -> None:
        head, day = rulebook.head, as_of.astimezone(self._zone).date()
        begun = head.effective_from is None or head.effective_from <= day
        if node is None or (begun and (head.effective_until is None or day < head.effective_until)):
            return
        since = f" from {head.effective_from}" if head.effective_from else ""
        until = f" until {head.effective_until}" if head.effective_until else ""
        message = f"`{head.name}` {head.version} is not in force on {day}: it is{since}{until}"
        reader.wrong(node, "not_in_force", message, "give an `as_of` on which it is")

    def _routes(self, reader: Reader, rulebook: Routing, track: str, node: Node) -> bool:
        """Whether parties on ``track`` are routed by this book, and not by another that names the track."""
        if rulebook.head.parties:
            return True
        other = next(
            (
                each
                for each in self._book.routing.values()
                if each.decides == rulebook.decides and track in each.head.parties
            ),
            None,
        )
        if other is None:
            return True
        message = f"parties on track `{track}` are routed by `{other.head.name}`, not by `{rulebook.head.name}`"
        place = Scalar(node.line, node.column, "", plain=True)
        reader.wrong(place, "not_here", message, "give the case a `track` that no other book names")
        return False
