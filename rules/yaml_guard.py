"""Safe reading of YAML 1.2 text into a small tree with positions.

ruamel.yaml scans and parses; this module takes its events one by one, so that whatever a hostile file holds (bombs of
aliases, thousands of nested brackets, foreign tags, other encodings, broken syntax) ends as a mistake at its line and
column before it costs anything. Scalars keep their text: what ``1_000_000`` or ``15%`` means, the loader decides by
the fact it stands for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from rules.mistakes import Mistake, shown

MAX_BYTES = 1_000_000
"""Largest rule file, in bytes."""
MAX_DEPTH = 40
"""Deepest nesting of mappings and lists; the deepest construct of the language needs about fifteen."""
MAX_NODES = 150_000
"""Most keys, values and lists of a file: several times what a thousand criteria need."""

_UNFIT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAB_INDENT = re.compile(r" *\t[ \t]*(?=[^\s#])")
_LINE_END = re.compile(r"\r\n|\r|\n")


class Node:
    """A node of the tree: ``line`` and ``column`` from 1."""

    __slots__ = ("column", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


class Scalar(Node):
    """A scalar and its text; ``plain`` is False where it was quoted or a block."""

    __slots__ = ("plain", "text")

    def __init__(self, line: int, column: int, text: str, plain: bool) -> None:
        super().__init__(line, column)
        self.text = text
        self.plain = plain

    @property
    def is_null(self) -> bool:
        """Whether nothing stands here (``~``, ``null``, or no text at all)."""
        return self.plain and self.text in ("", "~", "null", "Null", "NULL")


class Sequence(Node):
    """A list."""

    __slots__ = ("items",)

    def __init__(self, line: int, column: int) -> None:
        super().__init__(line, column)
        self.items: list[Node] = []


class Mapping(Node):
    """A mapping in file order; keys are unique scalars."""

    __slots__ = ("pairs",)

    def __init__(self, line: int, column: int) -> None:
        super().__init__(line, column)
        self.pairs: list[tuple[Scalar, Node]] = []


class Refused(Node):
    """What stands where something was refused and reported already; no more is said about it."""

    __slots__ = ()


def read_yaml(path: str, data: bytes) -> tuple[Node | None, str | None, list[Mistake]]:
    """Read one file: its tree (None where there is none to use), its text (None where it has none) and its mistakes.

    ``path`` is only named in the mistakes. Never raises on account of ``data``.
    """
    if len(data) > MAX_BYTES:
        message = f"the file has {len(data):,} bytes; the limit is {MAX_BYTES:,}"
        return None, None, [Mistake(path, 1, 1, "file_size", message, "split it into several files")]
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = _position(data[: error.start].decode("utf-8"), len(data))
        return None, None, [Mistake(path, line, column, "file_encoding", "the file is not UTF-8", _encoding_hint(data))]
    tree, mistakes = read_yaml_text(path, text)
    return tree, text, mistakes


def read_yaml_text(path: str, text: str) -> tuple[Node | None, list[Mistake]]:
    """``read_yaml`` for text that is decoded already."""
    unfit = _UNFIT.search(text)
    if unfit:
        line, column = _position(text, unfit.start())
        message = f"the character U+{ord(unfit.group()):04X} cannot stand in a rule file"
        return None, [Mistake(path, line, column, "bad_character", message, "take it away")]
    tabs = list(_tabs(path, text)) if "\t" in text else []
    if tabs:
        return None, tabs
    tree, mistakes = _kept(text) if len(text) <= _KEPT_CHARACTERS else _built(text)
    return tree, [replace(each, path=path) for each in mistakes]


def _built(text: str) -> tuple[Node | None, tuple[Mistake, ...]]:
    builder = _Builder()
    return builder.build(text), tuple(builder.mistakes)


_KEPT_CHARACTERS = 65_536
"""Texts up to this length are kept with their trees, which nobody changes: at most some tens of megabytes together."""

_kept = lru_cache(maxsize=48)(_built)
"""One book is read many times: each file when it is checked, compared, released and loaded, most of them unchanged."""


class _Stop(Exception):
    """Reading cannot go on; the mistake is recorded."""


class _Builder:
    """Builds the tree from the parser's events, without recursion, and refuses what the language does not have.

    Its mistakes name no file.
    """

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.root: Node | None = None
        self.documents = 0
        self.nodes = 0
        # open collections, and for each open mapping the key that waits for its value and the keys seen so far
        self.open: list[Sequence | Mapping] = []
        self.keys: list[Scalar | Refused | None] = []
        self.seen: list[dict[str, int]] = []
        self.last = (1, 1)

    def build(self, text: str) -> Node | None:
        try:
            for event in _events(text):
                self.take(event)
        except _Stop:
            return None
        except MarkedYAMLError as error:
            self.syntax(error, text)
            return None
        except Exception:  # the parser breaks on some inputs with whatever comes: that is the input's mistake
            self.add(*self.last, "yaml_syntax", "this cannot be read as YAML", "compare with a file that works")
            return None
        if self.root is None or (isinstance(self.root, Scalar) and self.root.is_null):
            self.add(1, 1, "file_empty", "the file is empty", "a rule file begins with `kind:`")
            return None
        return self.root

    def add(self, line: int, column: int, code: str, message: str, hint: str) -> None:
        self.mistakes.append(Mistake("", line, column, code, message, hint))

    def take(self, event: Any) -> None:
        mark = event.start_mark
        line, column = self.last = mark.line + 1, mark.column + 1
        kind = type(event)
        if kind is ScalarEvent:
            self.check_properties(event, line, column)
            self.put(self.scalar(event, line, column))
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self.check_properties(event, line, column)
            self.enter(Mapping(line, column) if kind is MappingStartEvent else Sequence(line, column))
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self.open.pop()
            self.keys.pop()
            self.seen.pop()
        elif kind is AliasEvent:
            self.add(line, column, "yaml_anchor", f"`*{shown(event.anchor)}` is an alias", "write the value out")
            self.put(Refused(line, column))
        elif kind is DocumentStartEvent:
            self.documents += 1
            if event.version is not None or event.tags:
                self.add(line, column, "yaml_directive", "a rule file has no `%` directives", "take them away")
            if self.documents > 1:
                self.add(line, column, "yaml_documents", "a second document begins here", "one document a file")
                raise _Stop

    def scalar(self, event: Any, line: int, column: int) -> Node:
        text = event.value
        unfit = _UNFIT.search(text)  # escapes in double quotes can bring in what the text check kept out
        if unfit:
            message = f"the escape for U+{ord(unfit.group()):04X} cannot stand in a rule file"
            self.add(line, column, "bad_character", message, "take it away")
            return Refused(line, column)
        return Scalar(line, column, text, event.style is None)

    def check_properties(self, event: Any, line: int, column: int) -> None:
        if event.anchor is not None:
            self.add(line, column, "yaml_anchor", f"`&{shown(event.anchor)}` is an anchor", "write values out instead")
        if event.ctag is not None:
            self.add(line, column, "yaml_tag", f"`{shown(str(event.ctag))}` is a tag", "take it away")

    def enter(self, node: Sequence | Mapping) -> None:
        if len(self.open) >= MAX_DEPTH:
            message = f"more than {MAX_DEPTH} levels of nesting"
            self.add(node.line, node.column, "yaml_depth", message, "no rule needs that many")
            raise _Stop
        self.put(node)
        self.open.append(node)
        self.keys.append(None)
        self.seen.append({})

    def put(self, node: Node) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            message = f"the file holds more than {MAX_NODES:,} keys and values"
            self.add(node.line, node.column, "file_size", message, "split it into several files")
            raise _Stop
        if not self.open:
            self.root = node
            return
        parent = self.open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return
        assert isinstance(parent, Mapping)
        key = self.keys[-1]
        if key is None:
            self.keys[-1] = self.key(node)
            return
        self.keys[-1] = None
        if isinstance(key, Scalar):
            parent.pairs.append((key, node))

    def key(self, node: Node) -> Scalar | Refused:
        """``node`` as a key; reports what cannot be one, or is there twice."""
        if isinstance(node, Refused):
            return node
        if not isinstance(node, Scalar) or node.is_null:
            self.add(node.line, node.column, "bad_key", "a key is a word", "write `word: value`")
            return Refused(node.line, node.column)
        seen = self.seen[-1]
        if node.text in seen:
            hint = f"it stands on line {seen[node.text]} already: keep one"
            self.add(node.line, node.column, "duplicate_key", f"the key `{shown(node.text)}` is here twice", hint)
            return Refused(node.line, node.column)
        seen[node.text] = node.line
        return node

    def syntax(self, error: MarkedYAMLError, text: str) -> None:
        """Report what the parser says, at the place it says."""
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else self.last
        if mark is not None and text[mark.index : mark.index + 1] == "\t":
            self.add(line, column, "tab", "a tab cannot stand here", "use spaces")
            return
        said = [str(part) for part in (error.problem, error.context) if part]
        message = shown(", ".join(said).lower(), 160) or "this cannot be read as YAML"
        self.add(line, column, "yaml_syntax", message, _syntax_hint(message))


def _events(text: str) -> Iterator[Any]:
    parser: Iterator[Any] = YAML(typ="safe", pure=True).parse(text)
    return parser


def _tabs(path: str, text: str) -> Iterator[Mistake]:
    """Lines that a tab indents, at the tab."""
    for number, line in enumerate(_LINE_END.split(text), start=1):
        if _TAB_INDENT.match(line):
            yield Mistake(path, number, line.index("\t") + 1, "tab", "a tab indents this line", "indent with spaces")


def _position(text: str, index: int) -> tuple[int, int]:
    """Line and column, from 1, of ``text[index]``, counted as the parser counts them."""
    before = text[:index].replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - before.rfind("\n") - before.startswith("\ufeff")


def _encoding_hint(data: bytes) -> str:
    guess = "UTF-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "GBK" if _decodes(data, "gbk") else ""
    return f"it looks like {guess}: save it as UTF-8" if guess else "save it as UTF-8"


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        data.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _syntax_hint(message: str) -> str:
    for part, hint in _SYNTAX_HINTS.items():
        if part in message:
            return hint
    return "compare indentation, brackets and quotes with the lines above"


_SYNTAX_HINTS = {
    "mapping values are not allowed": "put a text that holds `: ` in quotes, or mend the indentation",
    "but got ':'": "put a text that holds `: ` in quotes",
    "could not find expected ':'": "write `key: value`",
    "expected ',' or": "a bracket is not closed, or a comma is missing",
    "end of stream": "a quote or bracket is not closed",
    "expected <block end>": "lines of one list or mapping begin at the same column",
    "cannot start any token": "put the text in quotes",
}
