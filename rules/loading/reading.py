"""Reading nodes of one file: each reader returns what it read, or None after it has reported what is wrong.

No reader raises on account of a file, so that one run finds every mistake. What is None upstream was reported there,
and nobody reports it again.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import TypeVar

from fastbrand.domain.errors import InputError
from rules.decimals import read_literal
from rules.mistakes import Mistake, shown
from rules.model import MAX_INT, Mark, Title
from rules.shape import Shape
from rules.yaml_guard import Mapping, Node, Refused, Scalar
from rules.yaml_guard import Sequence as ListNode

T = TypeVar("T")

MAX_HINTS = 200
"""Nearest names looked for in one run; looking is dear, and a file with more slips is not one that lacks hints."""

MAX_DIGITS = 9
"""Most digits after the point of a number that belongs to no fact (weights, points, rates)."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


@dataclass(slots=True)
class Report:
    """Collects the mistakes of all files of a run."""

    mistakes: list[Mistake] = field(default_factory=list)
    hints_left: int = MAX_HINTS

    def nearest(self, word: str, options: Iterable[str]) -> str:
        """``did you mean `x`?``, or the options where none is near, for a hint."""
        known = list(options)
        if self.hints_left > 0 and len(word) <= 64:
            self.hints_left -= 1
            near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
            if near:
                return f"did you mean `{near[0]}`?"
        listed = ", ".join(f"`{shown(option)}`" for option in known[:12])
        return f"use one of {listed}" + (", ..." if len(known) > 12 else "") if known else ""


class Fields:
    """The keys of one mapping that were read by a shape."""

    __slots__ = ("_keys", "_values", "node")

    def __init__(self, node: Mapping) -> None:
        self.node = node
        self._keys: dict[str, Scalar] = {}
        self._values: dict[str, Node] = {}

    def put(self, key: Scalar, value: Node) -> None:
        """Keep ``value`` under ``key``."""
        self._keys[key.text] = key
        self._values[key.text] = value

    def get(self, name: str) -> Node | None:
        """The value under ``name``, or None."""
        return self._values.get(name)

    def key(self, name: str) -> Node:
        """Where the key ``name`` stands; the mapping where it is not there."""
        return self._keys.get(name, self.node)

    def __contains__(self, name: str) -> bool:
        return name in self._values


@cache
def _keys_of(shape: Shape) -> tuple[frozenset[str], tuple[str, ...]]:
    return frozenset(key.name for key in shape.keys), tuple(key.name for key in shape.keys if key.required)


class Reader:
    """Reads nodes of the file ``path`` and reports into ``report``."""

    def __init__(self, path: str, report: Report) -> None:
        self.path = path
        self.report = report

    def wrong(self, node: Node, code: str, message: str, hint: str = "") -> None:
        """Report a mistake at ``node`` (nothing where the node itself was refused, and so reported, before)."""
        if not isinstance(node, Refused):
            self.report.mistakes.append(Mistake(self.path, node.line, node.column, code, message, hint))

    def mark(self, node: Node) -> Mark:
        """Where ``node`` stands."""
        return Mark(self.path, node.line, node.column)

    # --- collections ----------------------------------------------------------------------------------------------

    def mapping(self, node: Node, label: str, hint: str = "") -> Mapping | None:
        """``node`` as a mapping."""
        if isinstance(node, Mapping):
            return node
        hint = hint or "write `key: value` lines, or `{key: value}`"
        self.wrong(node, "wrong_shape", f"{label} is a mapping, not {_kind(node)}", hint)
        return None

    def items(self, node: Node, label: str, *, least: int = 1) -> list[Node] | None:
        """``node`` as a list of ``least`` items or more."""
        if not isinstance(node, ListNode):
            self.wrong(
                node, "wrong_shape", f"{label} is a list, not {_kind(node)}", "write `[a, b]`, or lines with `- `"
            )
            return None
        if len(node.items) < least:
            lacking = "is empty" if not node.items else f"has fewer than {least} entries"
            self.wrong(node, "empty", f"{label} {lacking}", f"write at least {least}")
            return None
        return node.items

    def fields(self, node: Node, shape: Shape, hint: str = "") -> Fields | None:
        """``node`` as a mapping of ``shape``; reports unknown keys, keys without a value, and missing ones."""
        found = self.mapping(node, shape.label, hint)
        if found is None:
            return None
        known, required = _keys_of(shape)
        fields = Fields(found)
        named: set[str] = set()
        for key, value in found.pairs:
            named.add(key.text)
            if key.text not in known:
                hint = self.report.nearest(key.text, [k.name for k in shape.keys])
                self.wrong(key, "unknown_key", f"{shape.label} has no key `{shown(key.text)}`", hint)
            elif isinstance(value, Scalar) and value.is_null:
                self.lacking(key, key.text, f"`{key.text}` has no value")
            else:
                fields.put(key, value)
        for name in required:
            if name not in named:
                self.lacking(found, name, f"{shape.label} needs `{name}`")
        return fields

    def lacking(self, node: Node, name: str, message: str) -> None:
        """Report a key or value that is not there."""
        if name == "title":
            self.wrong(node, "missing_title", message, "write `title: {en: ..., zh: ...}`")
        else:
            self.wrong(node, "missing_key", message, f"add `{name}: ...`" if "needs" in message else "write one")

    def named(self, node: Node, label: str, *, codes: bool = False) -> Iterator[tuple[Scalar, Node]]:
        """The entries of a mapping of names; entries whose key is no name are reported and left out."""
        found = self.mapping(node, label)
        for key, value in found.pairs if found else ():
            if self.name(key, f"a name in {label}", codes=codes) is not None:
                yield key, value

    # --- scalars --------------------------------------------------------------------------------------------------

    def text(self, node: Node, label: str) -> str | None:
        """``node`` as text that is not blank."""
        if not isinstance(node, Scalar):
            self.wrong(node, "wrong_shape", f"{label} is one value, not {_kind(node)}", "write one value")
            return None
        if node.is_null or not node.text.strip():
            self.wrong(node, "missing_key", f"{label} has no value", "write one")
            return None
        return node.text

    def name(self, node: Node, label: str, *, codes: bool = False) -> str | None:
        """``node`` as a name (or, with ``codes``, one that may begin with a digit)."""
        text = self.text(node, label)
        if text is None or (_CODE if codes else _NAME).fullmatch(text):
            return text
        hint = f"use 1 to 64 letters, digits, `_`, `-` or `.`{'' if codes else ', beginning with a letter'}"
        self.wrong(node, "bad_name", f"`{shown(text)}` is not a name", hint)
        return None

    def word(self, node: Node, label: str, words: Sequence[str], code: str = "unknown_word") -> str | None:
        """``node`` as one of ``words``."""
        text = self.text(node, label)
        if text is None or text in words:
            return text
        hint = self.report.nearest(text, words)
        self.wrong(node, code, f"`{shown(text)}` is not {label}", hint)
        return None

    def flag(self, node: Node, label: str) -> bool | None:
        """``node`` as ``true`` or ``false``."""
        text = self.text(node, label)
        if text is None:
            return None
        if text not in ("true", "false"):
            self.wrong(
                node, "wrong_type", f"{label} is `true` or `false`, not `{shown(text)}`", "write `true` or `false`"
            )
            return None
        return text == "true"

    def whole(self, node: Node, label: str, low: int = 0, high: int = MAX_INT) -> int | None:
        """``node`` as a whole number from ``low`` to ``high``."""
        value = self.number(node, label)
        if value is None:
            return None
        if value.denominator != 1:
            self.wrong(node, "wrong_type", f"{label} is a whole number", "write no point")
            return None
        if not low <= value <= high:
            top = f"{high:_}" if high < MAX_INT else "2^53"
            self.wrong(node, "out_of_range", f"{label} is out of range", f"write {low:_} to {top}")
            return None
        return int(value)

    def number(self, node: Node, label: str) -> Fraction | None:
        """``node`` as an exact number."""
        text = self.text(node, label)
        if text is None:
            return None
        parts = read_literal(text)
        if parts is None:
            hint = "write digits, with `_` between thousands and a point before decimals"
            self.wrong(node, "wrong_type", f"{label} is a number, not `{shown(text)}`", hint)
            return None
        if -parts[1] > MAX_DIGITS:
            self.wrong(node, "too_fine", f"{label} has too many digits", f"at most {MAX_DIGITS} after the point")
            return None
        value = Fraction(parts[0], 10 ** -parts[1])
        if abs(value) > MAX_INT:
            self.wrong(node, "out_of_range", f"{label} is beyond 2^53", "write a smaller number")
            return None
        return value

    def rate(self, node: Node, label: str, *, percent_only: bool = False) -> Fraction | None:
        """``node`` as a percentage (``62.5%`` is 5/8) or, unless ``percent_only``, a plain number; at least 0."""
        text = self.text(node, label)
        if text is None:
            return None
        percent = text.endswith("%")
        if percent_only and not percent:
            self.wrong(node, "wrong_unit", f"{label} is a percentage, not `{shown(text)}`", "write it like `30%`")
            return None
        bare = Scalar(node.line, node.column, text.removesuffix("%").rstrip(), plain=True)
        value = self.number(bare, label)
        if value is not None and value < 0:
            self.wrong(node, "out_of_range", f"{label} is negative", "write 0 or more")
            return None
        return value / 100 if percent and value is not None else value

    def take(self, parse: Callable[[str], T], node: Node, label: str) -> T | None:
        """What ``parse`` makes of the text of ``node``; its ``InputError`` becomes a mistake here."""
        text = self.text(node, label)
        if text is None:
            return None
        try:
            return parse(text)
        except InputError as error:
            self.wrong(node, error.instance_code, error.message, error.hint)
            return None

    def title(self, node: Node | None, label: str) -> Title | None:
        """``node`` as a title in both languages (None: reported as missing already)."""
        if node is None:
            return None
        found = self.mapping(node, label, "write `{en: ..., zh: ...}`")
        if found is None:
            return None
        texts: dict[str, str] = {}
        for key, value in found.pairs:
            if key.text not in ("en", "zh"):
                self.wrong(key, "unknown_key", f"{label} has no key `{shown(key.text)}`", "write `en` and `zh`")
            elif isinstance(value, Scalar) and (value.is_null or not value.text.strip()):
                texts[key.text] = ""
                self.wrong(value, "missing_title", f"{label} is empty in `{key.text}`", "write it")
            elif isinstance(value, Scalar):
                texts[key.text] = value.text
            else:
                texts[key.text] = ""
                self.wrong(value, "wrong_shape", f"{label} is text, not {_kind(value)}", "write text")
        for language in ("en", "zh"):
            if language not in texts:
                self.wrong(found, "missing_title", f"{label} lacks `{language}`", "write it in English and in Chinese")
        return Title(texts["en"], texts["zh"]) if texts.get("en") and texts.get("zh") else None


def _kind(node: Node) -> str:
    """What ``node`` is, for messages."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    return f"`{shown(node.text)}`" if isinstance(node, Scalar) and not node.is_null else "nothing"
