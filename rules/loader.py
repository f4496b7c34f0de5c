"""Rule books from directories of YAML files and from stored closures.

``check_directory`` says everything that is wrong, ``load_directory`` and ``load_closure`` give a usable book or raise.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import OrderedDict
from pathlib import Path
from threading import Lock

from fastbrand.domain.errors import InputError, NotFound, RuleFileError
from rules.loading.book import FORMAT, assemble
from rules.mistakes import Mistake
from rules.model import Book
from rules.versions import changed_without_version
from rules.yaml_guard import MAX_BYTES, Mapping, Scalar, read_yaml

MAX_FILES = 200
"""Most rule files of a book."""
MAX_BOOK_BYTES = 4_000_000
"""Most bytes of all rule files of a book together."""
CACHED_BOOKS = 8
"""Most books that ``load_closure`` keeps parsed."""

_TESTS = "tests"


def check_directory(path: Path) -> tuple[Book | None, list[Mistake]]:
    """The book in the directory ``path`` (None where an error makes it unusable) and all its mistakes, sorted by place.

    ``path`` may be one rule file: then facts and programme of its directory are used, and the mistakes are those of the
    file and of these two. Raises ``NotFound`` where there is nothing at ``path``.
    """
    if not path.exists():
        raise NotFound(f"`{path}` does not exist", hint="give a book's directory or a rule file")
    directory = path if path.is_dir() else path.parent
    files, mistakes = _files(directory)
    only = None
    if not path.is_dir():
        only = path.name
        if only not in files:
            files[only] = _content(path)
    book, found = assemble(files, root=str(directory), only=only)
    if any(mistake.code == "file_unreadable" for mistake in mistakes):  # what seems to be missing may be in there
        found = [mistake for mistake in found if mistake.code not in ("no_facts", "no_programme")]
    mistakes = sorted({*mistakes, *found}) if only is None else found
    return (None if any(mistake.grade == "error" for mistake in mistakes) else book), mistakes


def load_directory(path: Path) -> Book:
    """The book in the directory ``path``. Raises ``RuleFileError`` with all mistakes where it is not usable."""
    book, mistakes = check_directory(path)
    if book is None:
        raise _unusable(str(path), mistakes)
    return book


def load_file(path: Path) -> tuple[Book, str]:
    """The rule book in the file ``path`` within the book of its directory, and its name (``facts``, ``programme``).

    Other files of a rule book of this name are left out, so that two versions may lie side by side. Raises
    ``NotFound``, ``RuleFileError``.
    """
    if not path.is_file():
        raise NotFound(f"`{path}` does not exist", hint="give a rule file")
    files, _ = _files(path.parent)
    own = _content(path)
    name = _name(path.name, own)
    kept = {each: content for each, content in files.items() if _name(each, content) != name}
    book, mistakes = assemble({**kept, path.name: own}, root=str(path.parent), only=path.name)
    if book is None:
        raise _unusable(str(path), mistakes)
    return book, name


def _name(path: str, content: bytes) -> str:
    """The name of the rule book in a file, or its kind; the path where it has neither."""
    tree, _, _ = read_yaml(path, content)
    pairs = tree.pairs if isinstance(tree, Mapping) else []
    said = {key.text: value.text for key, value in pairs if isinstance(value, Scalar)}
    return said.get("rulebook") or said.get("kind") or path


def load_closure(closure: bytes) -> Book:
    """The book of a stored closure; the last few are kept parsed, by their sha256.

    Raises ``InputError`` where the bytes are no closure, ``RuleFileError`` where the book in it has mistakes.
    """
    sha256 = hashlib.sha256(closure).hexdigest()
    with _lock:
        book = _books.get(sha256)
        if book is None:
            book = _books[sha256] = _parse_closure(closure, sha256)
            if len(_books) > CACHED_BOOKS:
                _books.popitem(last=False)
        _books.move_to_end(sha256)
        return book


_books: OrderedDict[str, Book] = OrderedDict()
_lock = Lock()


def _parse_closure(closure: bytes, sha256: str) -> Book:
    label = f"the stored book `{sha256[:12]}`"
    try:
        data = json.loads(closure)
    except (ValueError, RecursionError):
        data = None
    files = data.get("files") if isinstance(data, dict) and data.get("format") == FORMAT else None
    if not isinstance(files, dict) or not all(isinstance(text, str) for text in files.values()):
        raise InputError(f"{label} cannot be read", hint="it was stored by another version, or damaged")
    book, mistakes = assemble({path: text.encode("utf-8", "replace") for path, text in files.items()})
    if book is None:
        raise _unusable(label, mistakes)
    if book.sha256 != sha256:
        raise InputError(f"{label} is not in canonical form", hint="it was damaged, or not made by this program")
    return book


def _unusable(label: str, mistakes: list[Mistake]) -> RuleFileError:
    errors = [mistake for mistake in mistakes if mistake.grade == "error"]
    first = f", the first at {errors[0].path}:{errors[0].line}:{errors[0].column}" if errors else ""
    count = f"{len(errors)} mistake{'s' if len(errors) != 1 else ''}"
    return RuleFileError(
        f"`{label.strip('`')}` has {count}{first}",
        mistakes=tuple(mistakes),
        hint="see them all with `fastbrand rules check`",
    )


def _files(directory: Path) -> tuple[dict[str, bytes], list[Mistake]]:
    """Path in the book -> content of every rule file below ``directory``, tests and hidden files aside."""
    files: dict[str, bytes] = {}
    mistakes: list[Mistake] = []
    for folder, folders, names in os.walk(directory):
        folders[:] = sorted(name for name in folders if name != _TESTS and not name.startswith("."))
        for name in sorted(names):
            path = Path(folder, name)
            relative = path.relative_to(directory).as_posix()
            if name.startswith(".") or path.suffix not in (".yaml", ".yml"):
                continue
            if path.suffix == ".yml" or not _is_text(relative):
                message = "the file would be passed over: rule files end in `.yaml`"
                mistakes.append(Mistake(_printable(path), 1, 1, "file_name", message, "rename it"))
                continue
            if len(files) >= MAX_FILES or sum(map(len, files.values())) > MAX_BOOK_BYTES:
                message = f"the book has more than {MAX_FILES} files, or {MAX_BOOK_BYTES:,} bytes"
                mistakes.append(Mistake(str(directory), 1, 1, "book_size", message, "is this a book's directory?"))
                return files, mistakes
            try:
                files[relative] = _content(path)
            except InputError as error:
                mistakes.append(Mistake(str(path), 1, 1, "file_unreadable", error.message, error.hint))
    return files, mistakes


def _content(path: Path) -> bytes:
    """The content of ``path``, or as much as shows that it is too large. Raises ``InputError``."""
    try:
        if not path.is_file():
            raise OSError("not a regular file")
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        why = error.strerror or str(error)
        raise InputError(f"`{path}` cannot be read: {why.lower()}", hint="mend its permissions, or remove it") from None


def _is_text(name: str) -> bool:
    return _printable(Path(name)) == name


def _printable(path: Path) -> str:
    return str(path).encode("utf-8", "replace").decode("utf-8")


__all__ = ["changed_without_version", "check_directory", "load_closure", "load_directory", "load_file"]
