"""Patterns of ``matches`` as automata: the part of RE2's syntax that rule files use.

``^`` and ``$`` are the ends of the text, a pattern is found anywhere. What is beyond this part (flags, word
boundaries, Unicode classes) raises ``Unsupported``; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

Intervals = tuple[tuple[int, int], ...]
"""Closed intervals of code points, in order."""

MAX_NODES = 2_000
"""Most nodes of an automaton."""
_LAST = 0x10FFFF

_CLASSES: dict[str, Intervals] = {
    "d": ((48, 57),),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
    "s": ((9, 10), (12, 13), (32, 32)),
}
_CONTROLS = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}
_SPECIAL = frozenset("\\.+*?()|[]{}^$")


class Unsupported(Exception):
    """A pattern that is not analysed."""


@dataclass(slots=True)
class _Node:
    """A node: where it leads by a character, and where without one (always, at the begin, at the end of the text)."""

    by: list[tuple[Intervals, int]] = field(default_factory=list)
    free: list[int] = field(default_factory=list)
    at_begin: list[int] = field(default_factory=list)
    at_end: list[int] = field(default_factory=list)


class Automaton:
    """A pattern looked for anywhere in a text. A state is a set of nodes; ``-1`` in it says that it is at the begin."""

    def __init__(self, nodes: list[_Node], start: int, final: int) -> None:
        self._nodes, self._start, self._final = nodes, start, final
        self._steps: dict[tuple[frozenset[int], int], frozenset[int]] = {}

    def start(self) -> frozenset[int]:
        """The state of the empty text."""
        return self._closed({self._start}, begin=True, end=False) | {-1}

    def step(self, state: frozenset[int], char: int) -> frozenset[int]:
        """The state behind one more character. Once found, a pattern stays found."""
        if self._final in state:
            return frozenset({self._final})
        after = self._steps.get((state, char))
        if after is None:
            reached = {self._start}
            for number in state - {-1}:
                for intervals, target in self._nodes[number].by:
                    if any(first <= char <= last for first, last in intervals):
                        reached.add(target)
            after = self._steps[state, char] = self._closed(reached, begin=False, end=False)
        return after

    def accepts(self, state: frozenset[int]) -> bool:
        """Whether the pattern is found in a text that ends here."""
        return self._final in self._closed(set(state - {-1}), begin=-1 in state, end=True)

    def classes(self) -> Iterator[tuple[int, int]]:
        """The intervals of characters that it tells apart."""
        for node in self._nodes:
            for intervals, _ in node.by:
                yield from intervals

    def _closed(self, numbers: set[int], *, begin: bool, end: bool) -> frozenset[int]:
        """``numbers`` and all nodes that they lead to without a character."""
        waiting, found = list(numbers), set(numbers)
        while waiting:
            node = self._nodes[waiting.pop()]
            targets = node.free + (node.at_begin if begin else []) + (node.at_end if end else [])
            for target in targets:
                if target not in found:
                    found.add(target)
                    waiting.append(target)
        return frozenset(found)


def automaton(pattern: str) -> Automaton:
    """The automaton of ``pattern``. Raises ``Unsupported``."""
    parser = _Parser(pattern)
    start, final = parser.whole()
    return Automaton(parser.nodes, start, final)


Part = tuple[int, int]
"""Where a part of an automaton begins and ends."""


class _Parser:
    """Reads a pattern from left to right and builds its nodes."""

    def __init__(self, pattern: str) -> None:
        self._text, self._at = pattern, 0
        self.nodes: list[_Node] = []

    def whole(self) -> Part:
        """The automaton of the whole pattern."""
        part = self._alternatives()
        if self._at < len(self._text):
            raise Unsupported("an unmatched bracket")
        return part

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise Unsupported("the pattern ends too early")
        self._at += 1
        return char

    def _new(self) -> int:
        if len(self.nodes) >= MAX_NODES:
            raise Unsupported("the pattern is too large")
        self.nodes.append(_Node())
        return len(self.nodes) - 1

    def _alternatives(self) -> Part:
        start, final = self._new(), self._new()
        while True:
            first, last = self._sequence()
            self.nodes[start].free.append(first)
            self.nodes[last].free.append(final)
            if self._peek() != "|":
                return start, final
            self._take()

    def _sequence(self) -> Part:
        start = last = self._new()
        while self._peek() not in ("", "|", ")"):
            begins = self._at
            first, end = self._repeated(begins)
            self.nodes[last].free.append(first)
            last = end
        return start, last

    def _repeated(self, begins: int) -> Part:
        """An item and how often it stands: copies of it, each read anew from the pattern."""
        part = self._item()
        behind_item = self._at
        least, most = self._count()
        behind = self._at
        if (least, most) == (1, 1):
            return part
        start = last = self._new()
        for number in range(max(least, 1 if most is None else most)):
            first, end = part if number == 0 else self._again(begins, behind_item)
            final = self._new()
            self.nodes[last].free.append(first)
            self.nodes[end].free.append(final)
            if number >= least:
                self.nodes[last].free.append(final)
            if most is None and number == max(least, 1) - 1:
                self.nodes[end].free.append(first)
            last = final
        self._at = behind
        return start, last

    def _again(self, begins: int, behind: int) -> Part:
        self._at = begins
        part = self._item()
        if self._at != behind:
            raise Unsupported("an item that reads differently the second time")
        return part

    def _count(self) -> tuple[int, int | None]:
        char = self._peek()
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        if char in simple and char:
            self._take()
            found = simple[char]
        elif char == "{":
            found = self._braces()
        else:
            return 1, 1
        if self._peek() == "?":
            self._take()  # whether it takes few or many makes no difference to whether it is found
        if self._peek() in ("*", "+", "?", "{"):
            raise Unsupported("a repetition of a repetition")
        return found

    def _braces(self) -> tuple[int, int | None]:
        end = self._text.find("}", self._at)
        least, comma, most = self._text[self._at + 1 : end].partition(",") if end > 0 else ("", "", "")
        if not (least.isascii() and least.isdigit()) or not (most == "" or (most.isascii() and most.isdigit())):
            raise Unsupported("braces that are no repetition")
        self._at = end + 1
        low = int(least)
        high = (int(most) if most else None) if comma else low
        if max(low, high or 0) > 200:
            raise Unsupported("a long repetition")
        return low, high

    def _item(self) -> Part:
        char = self._take()
        match char:
            case "(":
                return self._group()
            case "^" | "$":
                start, final = self._new(), self._new()
                (self.nodes[start].at_begin if char == "^" else self.nodes[start].at_end).append(final)
                return start, final
            case "[":
                return self._by(self._set())
            case ".":
                return self._by(_without(((10, 10),)))
            case "\\":
                return self._by(self._escape())
            case "*" | "+" | "?" | "{":
                raise Unsupported("a repetition of nothing")
        return self._by(((ord(char), ord(char)),))

    def _by(self, intervals: Intervals) -> Part:
        start, final = self._new(), self._new()
        self.nodes[start].by.append((intervals, final))
        return start, final

    def _group(self) -> Part:
        if self._peek() == "?":
            if self._text.startswith("?:", self._at):
                self._at += 2
            elif self._text.startswith("?P<", self._at) and ">" in self._text[self._at :]:
                self._at = self._text.index(">", self._at) + 1
            else:
                raise Unsupported("flags")
        part = self._alternatives()
        if self._take() != ")":
            raise Unsupported("an unmatched bracket")
        return part

    def _escape(self) -> Intervals:
        char = self._take()
        if char.lower() in _CLASSES and char.isascii():
            own = _CLASSES[char.lower()]
            return own if char.islower() else _without(own)
        if char in _CONTROLS:
            return ((_CONTROLS[char],) * 2,)
        if char.isascii() and not char.isalnum():
            return ((ord(char),) * 2,)
        raise Unsupported(f"the escape `\\{char}`")

    def _set(self) -> Intervals:
        negated = self._peek() == "^"
        if negated:
            self._take()
        found: list[tuple[int, int]] = []
        first = True
        while first or self._peek() != "]":
            first = False
            found += self._range()
        self._take()
        return _without(tuple(found)) if negated else tuple(sorted(found))

    def _range(self) -> Intervals:
        char = self._take()
        if char == "[":
            raise Unsupported("a bracket in brackets")
        low = self._escape() if char == "\\" else ((ord(char), ord(char)),)
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] == "]":
            return low
        self._take()
        char = self._take()
        high = self._escape() if char == "\\" else ((ord(char), ord(char)),)
        if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] != high[0][1] or char == "[":
            raise Unsupported("a range of classes")
        return ((low[0][0], high[0][0]),)


def _without(intervals: Intervals) -> Intervals:
    """Every character that is in none of ``intervals``."""
    found: list[tuple[int, int]] = []
    begin = 0
    for first, last in sorted(intervals):
        if begin < first:
            found.append((begin, first - 1))
        begin = max(begin, last + 1)
    if begin <= _LAST:
        found.append((begin, _LAST))
    return tuple(found)
