"""A change between two rule files: what, where in both, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rules.diffing.phrases import Text, about, named
from rules.diffing.trees import File, plain, sense
from rules.yaml_guard import Node


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file."""

    path: str
    line: int

    def __str__(self) -> str:
        """``path:line``."""
        return f"{self.path}:{self.line}"


@dataclass(frozen=True, slots=True)
class Change:
    """One change of the rule book (or ``facts``, ``programme``) ``rulebook``.

    ``what`` is a stable code: ``added``, ``removed``, ``moved``, ``renamed``, ``threshold`` and ``operator`` (of a
    comparison), ``condition``, ``row``, or the key that changed. ``old`` and ``new`` are what the files say, as plain
    data (None: nothing); the places say where, as far as it is there. ``text`` is English and Chinese.
    """

    rulebook: str
    what: str
    old: Any
    new: Any
    old_place: Place | None
    new_place: Place | None
    text: Text

    def as_json(self, lang: str = "en") -> dict[str, Any]:
        """``path, line`` (in the new book, or in the old one where it is gone), ``what, old, new, text``; and
        ``rulebook, old_path, old_line, new_path, new_line``."""
        place = self.new_place or self.old_place
        old, new = self.old_place, self.new_place
        return {
            "path": place.path if place else "",
            "line": place.line if place else 0,
            "what": self.what,
            "old": self.old,
            "new": self.new,
            "text": self.text[lang == "zh"],
            "rulebook": self.rulebook,
            "old_path": old.path if old else None,
            "old_line": old.line if old else None,
            "new_path": new.path if new else None,
            "new_line": new.line if new else None,
        }


Pair = tuple[Any, Any]
"""Something of the old file and of the new one; None where it is not there."""


class Teller:
    """Takes down the changes between two versions of one file."""

    def __init__(self, name: str, files: tuple[File, File], texts: frozenset[str]) -> None:
        self.found: list[Change] = []
        self.subject = named(name)
        self._name, self._files, self.texts = name, files, texts

    def tell(self, what: str, values: Pair, text: Text, at: Pair, data: Pair | None = None) -> None:
        """Take down that ``values`` differ. ``at``: the nodes where they stand; ``data``: instead of the values."""
        before, after = (self._place(node, file) for node, file in zip(at, self._files, strict=True))
        old, new = data or (plain(values[0]), plain(values[1]))
        self.found.append(Change(self._name, what, old, new, before, after, about(self.subject, text)))

    def _place(self, node: Node | None, file: File) -> Place | None:
        return None if node is None else Place(file.path, node.line)

    @contextmanager
    def about(self, subject: Text) -> Iterator[None]:
        """What is told meanwhile is told about ``subject``."""
        before, self.subject = self.subject, subject
        yield
        self.subject = before

    def same(self, old: Node | None, new: Node | None, *, as_text: bool = False) -> bool:
        """Whether both say the same."""
        one, other = (sense(node, self.texts, as_text=as_text) for node in (old, new))
        return type(old) is type(new) and bool(one == other)

    def in_order(self) -> list[Change]:
        """The changes in the order of the new file; what is gone stands where it was."""
        return sorted(self.found, key=_line)


def _line(change: Change) -> int:
    place = change.new_place or change.old_place
    return place.line if place else 0
