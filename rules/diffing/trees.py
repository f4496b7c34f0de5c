"""The files of a book as trees with places, and whether two values in them are one value in two notations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from rules.durations import UNIT_MS
from rules.loading.head import version_key
from rules.model import Book
from rules.yaml_guard import Mapping, Node, Scalar, Sequence, read_yaml_text

_NUMBER = re.compile(r"([+-]?\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?)\s*(%|[A-Za-z]+(?: [A-Za-z]+)?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class File:
    """A rule file: what it is (``facts``, ``programme`` or its rule book's name), version, path as shown, and tree."""

    name: str
    kind: str
    version: str
    path: str
    root: Mapping


def files_of(book: Book) -> list[File]:
    """The files of ``book``, each as it was read."""
    shown = _shown_paths(book)
    found = []
    for path, text in json.loads(book.closure)["files"].items() if book.closure else ():
        tree, _ = read_yaml_text(path, text)
        assert isinstance(tree, Mapping)  # the book was loaded from this text
        heads = {key.text: value.text for key, value in tree.pairs if isinstance(value, Scalar)}
        name = heads.get("rulebook", heads["kind"])
        found.append(File(name, heads["kind"], heads["version"], _best(shown, path), tree))
    return sorted(found, key=lambda file: (file.kind, file.name, version_key(file.version)))


def _shown_paths(book: Book) -> list[str]:
    """Paths as mistakes and decisions show them: below the directory that the book was read from."""
    heads = [each.head.path for editions in book.editions.values() for each in editions]
    return [*heads, book.programme.mark.path, *{fact.mark.path for fact in book.facts.values()}]


def _best(shown: list[str], path: str) -> str:
    fitting = [each for each in shown if each == path or each.endswith("/" + path)]
    return min(fitting, key=len) if fitting else path


def plain(node: Node | None) -> Any:
    """A tree as plain data: what a scalar says stays the text it is."""
    if isinstance(node, Mapping):
        return {key.text: plain(value) for key, value in node.pairs}
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return node.text if isinstance(node, Scalar) else None


def flow(node: Node | None) -> str:
    """A tree on one line, as a rule file could have it."""
    if isinstance(node, Mapping):
        return "{" + ", ".join(f"{key.text}: {flow(value)}" for key, value in node.pairs) + "}"
    if isinstance(node, Sequence):
        return "[" + ", ".join(flow(item) for item in node.items) + "]"
    return node.text if isinstance(node, Scalar) else "-"


TEXTS = frozenset({"title", "version", "traffic_unit", "choices", "matches", "id", "group", "rulebook"})
"""Keys under which nothing is a number."""


def sense(node: Node | None, texts: frozenset[str] = TEXTS, *, as_text: bool = False) -> Any:
    """A tree for comparing: ``15%``, ``15.0%`` and ``0.15`` are one, ``1 day`` and ``24 hours``; keys have no order.

    Under the keys ``texts``, and with ``as_text``, what looks like a number is none.
    """
    if isinstance(node, Mapping):
        return {key.text: sense(value, texts, as_text=as_text or key.text in texts) for key, value in node.pairs}
    if isinstance(node, Sequence):
        return [sense(item, texts, as_text=as_text) for item in node.items]
    if not isinstance(node, Scalar):
        return None
    return node.text if as_text else number_of(node.text)


def number_of(text: str) -> Any:
    """The number and unit that ``text`` is, or the text where it is none."""
    found = _NUMBER.fullmatch(text)
    if found is None:
        return text
    number, unit = Fraction(found[1].replace("_", "")), found[2] or ""
    if unit == "%":
        return number / 100, ""
    plural = unit if unit.endswith("s") else unit + "s"
    if plural in UNIT_MS:
        return number * UNIT_MS[plural], "ms"
    return number, unit.removesuffix("s") if unit.islower() else unit


def pairs(node: Node | None) -> dict[str, tuple[Scalar, Node]]:
    """Key -> where it stands, and its value. Empty for what is no mapping."""
    return {key.text: (key, value) for key, value in node.pairs} if isinstance(node, Mapping) else {}


def value_at(node: Node | None, key: str) -> Node | None:
    """The value under ``key``, or None."""
    found = pairs(node).get(key)
    return None if found is None else found[1]


def items(node: Node | None) -> list[Node]:
    """The items of a list; empty for what is none."""
    return list(node.items) if isinstance(node, Sequence) else []


def ident(node: Node, key: str) -> str | None:
    """What the item calls itself under ``key``."""
    found = pairs(node).get(key)
    return found[1].text if found is not None and isinstance(found[1], Scalar) else None


def editions(files: list[File]) -> Iterator[tuple[str, list[File]]]:
    """Name -> its editions, oldest first."""
    by_name: dict[str, list[File]] = {}
    for file in files:
        by_name.setdefault(file.name, []).append(file)
    yield from by_name.items()
