"""Whether a changed rule file has a raised version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from rules.loading.head import version_key
from rules.mistakes import Mistake, shown
from rules.model import Book, Head, Mark
from rules.yaml_guard import Mapping, Node, Scalar, Sequence, read_yaml_text

_HINT = "raise it: released versions are kept for ever, and decisions name them"


@dataclass(frozen=True, slots=True)
class _Edition:
    """One version of one file: the tree as read, what it was loaded to, and where its ``version`` stands."""

    name: str
    version: str
    path: str
    tree: Mapping
    loaded: Any


def changed_without_version(old: Book, new: Book) -> list[Mistake]:
    """Each file of ``new`` whose meaning changed against ``old`` while its ``version`` was not raised.

    Comments, layout, the order of keys and two spellings of one value are no change. Files are matched by kind and
    rule book name, not by path; the mistake stands at ``version`` in the new file.
    """
    before: dict[str, dict[str, _Edition]] = {}
    for edition in _editions(old):
        before.setdefault(edition.name, {})[edition.version] = edition
    mistakes: list[Mistake] = []
    for edition in _editions(new):
        known = before.get(edition.name)
        if not known:
            continue
        highest = max(known, key=version_key)
        if edition.version in known:
            if _same(known[edition.version], edition):
                continue
            message = f"`{shown(edition.name)}` changed, and its version is still {edition.version}"
        elif version_key(edition.version) > version_key(highest):
            continue
        else:
            message = f"version {edition.version} of `{shown(edition.name)}` is not above {highest}"
        node = next(value for key, value in edition.tree.pairs if key.text == "version")
        mistakes.append(Mistake(edition.path, node.line, node.column, "version_not_raised", message, _HINT))
    return sorted(mistakes)


def _editions(book: Book) -> Iterator[_Edition]:
    """Every file of a book with what it was loaded to."""
    loaded = {(head.name, head.version): each for each, head in _rule_books(book)}
    for path, text in json.loads(book.closure)["files"].items():
        tree, _ = read_yaml_text(path, text)
        assert isinstance(tree, Mapping)  # the book was loaded from this text
        heads = {key.text: value.text for key, value in tree.pairs if isinstance(value, Scalar)}
        kind, version = heads["kind"], heads["version"]
        if kind == "facts":
            yield _Edition(kind, version, next(iter(book.facts.values())).mark.path, tree, book.facts)
        elif kind == "programme":
            yield _Edition(kind, version, book.programme.mark.path, tree, book.programme)
        else:
            name = heads["rulebook"]
            each = loaded[name, version]
            yield _Edition(name, version, each.head.path, tree, each)


def _rule_books(book: Book) -> Iterator[tuple[Any, Head]]:
    """Every edition of every rule book of a book."""
    for editions in book.editions.values():
        for each in editions:
            yield each, each.head


def _same(one: _Edition, other: _Edition) -> bool:
    """Whether the text says the same, or at least means the same."""
    return bool(_plain(one.tree) == _plain(other.tree) or meaning(one.loaded) == meaning(other.loaded))


def _plain(node: Node) -> Any:
    """A tree without places, layout and the order of keys."""
    if isinstance(node, Mapping):
        return {key.text: _plain(value) for key, value in node.pairs}
    if isinstance(node, Sequence):
        return [_plain(item) for item in node.items]
    return node.text if isinstance(node, Scalar) else None


def meaning(value: Any) -> Any:
    """What was loaded, without places: equal where two rule books, or parts of them, say the same."""
    if isinstance(value, Mark):
        return None
    if isinstance(value, Head):
        return tuple(meaning(getattr(value, each.name)) for each in fields(value) if each.name != "path")
    if is_dataclass(value):
        return (type(value), *(meaning(getattr(value, each.name)) for each in fields(value)))
    if isinstance(value, MappingABC):
        return {key: meaning(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [meaning(item) for item in value]
    return value
