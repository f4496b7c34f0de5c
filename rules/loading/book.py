"""From the files of a directory to one book: kinds in the order they need each other, then what concerns several."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from itertools import combinations
from typing import Any

import rfc8785

from rules.loading.eligibility import eligibility
from rules.loading.facts import facts
from rules.loading.incentive import incentive
from rules.loading.maintenance import maintenance
from rules.loading.matching import matching
from rules.loading.programme import programme
from rules.loading.reading import Reader, Report
from rules.loading.routing import routing
from rules.loading.scope import Scope
from rules.mistakes import Mistake, shown
from rules.model import Book, Eligibility, FactDef, Incentive, Maintenance, Matching, Programme, Routing, RuleBook
from rules.words import KINDS, KINDS_ELSEWHERE
from rules.yaml_guard import Mapping as MappingNode
from rules.yaml_guard import Node, read_yaml

FORMAT = 1
"""Version of the closure's own form."""
MAX_MISTAKES = 1_000
"""Most mistakes told of one file."""

_KEPT = {"facts": "facts_whole", "programme": "pools_whole", "eligibility": "eligibility_whole"}
"""Kind -> the flag of ``Scope`` that says whether all names of such files are known."""

_LOADERS: dict[str, Callable[[Reader, Scope, Node], RuleBook | None]] = {
    "eligibility": eligibility,
    "routing": routing,
    "maintenance": maintenance,
    "incentive": incentive,
    "matching": matching,
}


@dataclass(slots=True)
class _File:
    """One file: its path in the book, as shown in mistakes, its text and its tree."""

    path: str
    shown_path: str
    text: str | None
    tree: Node | None
    kind: str | None = None


@dataclass(slots=True)
class _Loading:
    """A book in the making."""

    report: Report = field(default_factory=Report)
    scope: Scope = field(default_factory=Scope)
    facts_version: str | None = None
    programme: Programme | None = None
    books: list[tuple[_File, RuleBook]] = field(default_factory=list)
    whole: bool = True
    eligibility_loaded: bool = True


def assemble(
    files: Mapping[str, bytes], *, root: str = "", only: str | None = None
) -> tuple[Book | None, list[Mistake]]:
    """The book that ``files`` (path in the book -> content) make, and every mistake, sorted by place.

    ``root`` goes before the paths in mistakes and marks. With ``only``, the path of one file, other rule books that
    have mistakes are left out with their mistakes, so that one file can be looked at while others are in the works.
    """
    loading = _Loading()
    read = [_read(loading, path, root, data) for path, data in sorted(files.items())]
    _classify(loading, read)
    _check_presence(loading, read, root)
    for kind in KINDS:
        for file in read:
            if file.kind == kind:
                _load(loading, file)
    _check_editions(loading)
    _check_multipliers(loading)
    mistakes = _limited(sorted(set(loading.report.mistakes)))
    if only is not None:
        kept = {f.path: f for f in read if f.path == only or f.kind in ("facts", "programme")}
        shown_paths = {file.shown_path for file in kept.values()} | {root or "."}
        loading.books = [(file, book) for file, book in loading.books if not _has(mistakes, file) or file.path in kept]
        mistakes = [mistake for mistake in mistakes if mistake.path in shown_paths]
        read = [file for file in read if file.path in kept or any(file is each for each, _ in loading.books)]
        loading.whole = not mistakes
    if any(mistake.grade == "error" for mistake in mistakes) or not loading.whole:
        return None, mistakes
    return _book(loading, read, mistakes), mistakes


def _limited(mistakes: list[Mistake]) -> list[Mistake]:
    """At most ``MAX_MISTAKES`` a file; a last one says that there are more."""
    kept: list[Mistake] = []
    counts: dict[str, int] = {}
    for mistake in mistakes:
        counts[mistake.path] = count = counts.get(mistake.path, 0) + 1
        if count <= MAX_MISTAKES:
            kept.append(mistake)
        elif count == MAX_MISTAKES + 1:
            message = f"more than {MAX_MISTAKES:,} mistakes in this file: the rest is not shown"
            kept.append(Mistake(mistake.path, mistake.line, mistake.column, "too_many", message, "mend these first"))
    return kept


def closure_of(texts: Mapping[str, str]) -> bytes:
    """The canonical closure: RFC 8785 JSON of ``{"format": 1, "files": {path: text}}``."""
    return rfc8785.dumps({"format": FORMAT, "files": dict(texts)})


def _has(mistakes: Iterable[Mistake], file: _File) -> bool:
    return any(mistake.path == file.shown_path for mistake in mistakes)


# --- files --------------------------------------------------------------------------------------------------------


def _read(loading: _Loading, path: str, root: str, data: bytes) -> _File:
    shown_path = f"{root}/{path}" if root else path
    tree, text, mistakes = read_yaml(shown_path, data)
    loading.report.mistakes.extend(mistakes)
    return _File(path, shown_path, text, tree)


def _classify(loading: _Loading, files: list[_File]) -> None:
    """Find each file's kind; what has none makes the book unusable, and names it may have held are not missed."""
    firsts: dict[str, _File] = {}
    for file in files:
        file.kind = _kind(loading, file)
        if file.kind in ("facts", "programme") and file.kind in firsts:
            place = _value(file, "kind")
            message = f"a second file of kind `{file.kind}`: `{firsts[file.kind].path}` is one already"
            Reader(file.shown_path, loading.report).wrong(place, "duplicate_kind", message, "keep one")
            file.kind = None
            continue
        if file.kind is None:
            loading.whole = False
            for kind, flag in _KEPT.items():
                if kind in file.path:
                    setattr(loading.scope, flag, False)
            loading.eligibility_loaded = loading.scope.eligibility_whole
        else:
            firsts.setdefault(file.kind, file)


def _kind(loading: _Loading, file: _File) -> str | None:
    if file.tree is None:
        return None
    reader = Reader(file.shown_path, loading.report)
    root = reader.mapping(file.tree, "a rule file")
    if root is None:
        return None
    node = next((value for key, value in root.pairs if key.text == "kind"), None)
    if node is None:
        reader.wrong(root, "missing_key", "a rule file needs `kind`", f"add `kind: {KINDS[2]}`, or another")
        return None
    text = reader.text(node, "`kind`")
    if text in KINDS_ELSEWHERE:
        reader.wrong(node, "unsupported_kind", KINDS_ELSEWHERE[text], "take the file out of the book's directory")
        return None
    return None if text is None else reader.word(node, "a kind of rule file", KINDS, "unknown_kind")


def _load(loading: _Loading, file: _File) -> None:
    assert file.tree is not None
    reader = Reader(file.shown_path, loading.report)
    scope = loading.scope
    if file.kind == "facts":
        loading.facts_version = facts(reader, scope, file.tree)
        loading.whole = loading.whole and loading.facts_version is not None
        return
    if file.kind == "programme":
        loading.programme = programme(reader, scope, file.tree)
        loading.whole = loading.whole and loading.programme is not None
        return
    assert file.kind is not None
    book: RuleBook | None = _LOADERS[file.kind](reader, scope, file.tree)
    if book is None:
        loading.whole = False
        loading.eligibility_loaded = loading.eligibility_loaded and file.kind != "eligibility"
    else:
        loading.books.append((file, book))


def _value(file: _File, *names: str) -> Node:
    """Where the value of the first of ``names`` that the file has stands; otherwise its beginning."""
    assert isinstance(file.tree, MappingNode)
    values = {key.text: value for key, value in file.tree.pairs}
    return next((values[name] for name in names if name in values), file.tree)


# --- what concerns several files ----------------------------------------------------------------------------------


def _check_presence(loading: _Loading, files: list[_File], root: str) -> None:
    for kind in ("facts", "programme"):
        if any(file.kind == kind or (file.kind is None and kind in file.path) for file in files):
            continue
        loading.whole = False
        setattr(loading.scope, _KEPT[kind], False)
        message = f"the book has no file of kind `{kind}`"
        mistake = Mistake(root or ".", 1, 1, f"no_{kind}", message, f"add `{kind}.yaml`")
        loading.report.mistakes.append(mistake)


def _check_editions(loading: _Loading) -> None:
    """At any moment one edition of a rule book is in force, and one book does each duty for a party."""
    for (file_a, a), (file_b, b) in combinations(sorted(loading.books, key=lambda item: item[0].path), 2):
        reader = Reader(file_b.shown_path, loading.report)
        if a.head.name == b.head.name:
            name = shown(a.head.name)
            if a.head.kind != b.head.kind:
                message = f"the name `{name}` is that of a book of kind `{a.head.kind}` in `{file_a.path}`"
                reader.wrong(_value(file_b, "rulebook"), "duplicate_id", message, "choose another name")
            elif a.head.version == b.head.version:
                message = f"version {b.head.version} of `{name}` is in `{file_a.path}` already"
                reader.wrong(_value(file_b, "version"), "duplicate_id", message, "raise the version")
            elif _overlap(a, b):
                message = f"two versions of `{name}` are in force at once: the other is in `{file_a.path}`"
                hint = "end one with `until` where the other begins"
                reader.wrong(_value(file_b, "effective", "rulebook"), "effective_overlap", message, hint)
        elif _duty(a) == _duty(b) and _overlap(a, b):
            both = [party for party in a.head.parties if party in b.head.parties]
            # without parties, a book is for those that no other names, so only one may be without
            if both or not (a.head.parties or b.head.parties):
                whom = f"the party `{both[0]}`" if both else "every party"
                message = f"`{shown(a.head.name)}` in `{file_a.path}` does the same for {whom}"
                where = "serves" if isinstance(b, Matching) else "parties"
                hint = f"one book a party: mend `{where}` or `effective`"
                reader.wrong(_value(file_b, where, "rulebook"), "same_duty", message, hint)


def _duty(book: RuleBook) -> str:
    return f"routing {book.decides}" if isinstance(book, Routing) else book.head.kind


def _overlap(a: RuleBook, b: RuleBook) -> bool:
    (a_from, a_until), (b_from, b_until) = ((x.head.effective_from, x.head.effective_until) for x in (a, b))
    return (a_from or date.min) < (b_until or date.max) and (b_from or date.min) < (a_until or date.max)


def _check_multipliers(loading: _Loading) -> None:
    """The score of an incentive's multiplier is in the eligibility book of each of its parties."""
    if not loading.eligibility_loaded:
        return
    deciding = [book for _, book in loading.books if isinstance(book, Eligibility)]
    for file, book in loading.books:
        if not isinstance(book, Incentive):
            continue
        for party in book.head.parties:
            having = [each for each in deciding if party in each.head.parties]
            if not having or any(book.multiplier_score not in each.scores for each in having):
                lacking = f"has no score `{book.multiplier_score}`" if having else "is missing"
                message = f"the eligibility book of the party `{party}` {lacking}, which the multiplier takes"
                Reader(file.shown_path, loading.report).wrong(
                    _value(file, "multiplier"), "unknown_score", message, "add it there, or name another score"
                )


# --- the book -----------------------------------------------------------------------------------------------------


def _book(loading: _Loading, files: list[_File], mistakes: list[Mistake]) -> Book:
    assert loading.programme is not None
    assert loading.facts_version is not None
    closure = closure_of({file.path: file.text for file in files if file.text is not None})
    by_kind: dict[type, dict[str, Any]] = {
        kind: {} for kind in (Eligibility, Routing, Maintenance, Incentive, Matching)
    }
    editions: dict[str, tuple[RuleBook, ...]] = {}
    for book in sorted((book for _, book in loading.books), key=lambda book: book.head.effective_from or date.min):
        name = book.head.name
        editions[name] = (*editions.get(name, ()), book)
        by_kind[type(book)].pop(name, None)  # the newest edition stands under the name
        by_kind[type(book)][name] = book
    vocabulary: dict[str, FactDef] = loading.scope.facts
    return Book(
        hashlib.sha256(closure).hexdigest(),
        closure,
        loading.facts_version,
        vocabulary,
        by_kind[Eligibility],
        by_kind[Routing],
        by_kind[Maintenance],
        by_kind[Incentive],
        loading.programme,
        tuple(mistakes),
        editions,
        by_kind[Matching],
    )
