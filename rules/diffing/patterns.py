"""Which texts there are, as far as patterns and literals can tell them apart: one example of each sort.

A text fact is only ever asked whether it is one of some texts, and whether some pattern is found in it. So its values
fall into finitely many sorts: by which of the literals it is (or none), and by which of the patterns it matches. The
sorts that exist are found exactly, by running the automata of all patterns side by side from the empty text onward.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rules.diffing.syntax import Automaton, Intervals, Unsupported, automaton
from rules.values import MAX_TEXT, UNKNOWN_TEXTS

MAX_STATES = 4_000
"""Most states of all automata together that are looked at."""

_FORBIDDEN: Intervals = ((0, 8), (11, 12), (14, 31), (127, 127), (0xD800, 0xDFFF))
"""Characters that no text fact holds."""
_PREFERRED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:;/"
_LAST = 0x10FFFF


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of texts: an example, and which patterns are found in it."""

    example: str
    matched: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sorts:
    """The sorts of texts. Where a pattern is beyond us, ``complete`` is False: there may be more of them."""

    sorts: tuple[Sort, ...]
    complete: bool


def sorts_of(literals: Iterable[str], patterns: Iterable[str]) -> Sorts:
    """The sorts of texts that ``literals`` and ``patterns`` tell apart. A text that means unknown is none of them."""
    words = sorted(set(literals))
    wanted = sorted(set(patterns))
    try:
        found = _Search(words, [automaton(pattern) for pattern in wanted]).run()
    except Unsupported:
        return Sorts(_tried(words, wanted), complete=False)
    sorts = tuple(Sort(text, frozenset(p for p, hit in zip(wanted, hits, strict=True) if hit)) for text, hits in found)
    if any(_matched(sort.example, wanted) != sort.matched for sort in sorts):
        # what we read into a pattern is not what the engine reads
        return Sorts(_tried(words, wanted), complete=False)
    return Sorts(sorts, complete=True)


def _tried(words: list[str], patterns: list[str]) -> tuple[Sort, ...]:
    """The literals and a few other texts, each with what the engine finds in it."""
    others = ["a", "A", "1", "abc", "ABC-123", "快品牌", " ", *(_bare(pattern) for pattern in patterns)]
    found: dict[tuple[str | None, frozenset[str]], Sort] = {}
    for text in [*words, *others]:
        if text and text not in UNKNOWN_TEXTS and len(text) <= MAX_TEXT and not _unfit(text):
            matched = _matched(text, patterns)
            found.setdefault((text if text in words else None, matched), Sort(text, matched))
    return tuple(found.values())


def _bare(pattern: str) -> str:
    """The letters and digits of a pattern: often a text in which it is found."""
    return "".join(char for char in pattern if char.isalnum())


def _unfit(text: str) -> bool:
    return any(first <= ord(char) <= last for char in text for first, last in _FORBIDDEN)


def _matched(text: str, patterns: Sequence[str]) -> frozenset[str]:
    if not patterns:
        return frozenset()
    import re2  # here, for few books have patterns

    return frozenset(pattern for pattern in patterns if re2.compile(pattern).search(text) is not None)


class _Search:
    """Breadth first through the states of all automata and all literals at once: the shortest text of each sort."""

    def __init__(self, words: list[str], automata: list[Automaton]) -> None:
        self._words = words
        self._split = [*words, *sorted(UNKNOWN_TEXTS)]
        self._automata = automata
        self._letters = _letters(automata, self._split)

    def run(self) -> list[tuple[str, tuple[bool, ...]]]:
        """(text, which automata accept it) of every sort. Raises ``Unsupported`` where there are too many states."""
        begin = (tuple(each.start() for each in self._automata), (0,) * len(self._split))
        texts = {begin: ""}
        waiting = deque([begin])
        found: dict[tuple[str | None, tuple[bool, ...]], str] = {}
        while waiting:
            state = waiting.popleft()
            text = texts[state]
            if text not in UNKNOWN_TEXTS:
                hits = tuple(each.accepts(at) for each, at in zip(self._automata, state[0], strict=True))
                found.setdefault((text if text in self._words else None, hits), text)
            if len(text) == MAX_TEXT:
                continue
            for letter in self._letters:
                after = self._after(state, letter)
                if after not in texts:
                    if len(texts) >= MAX_STATES:
                        raise Unsupported("the patterns have too many states together")
                    texts[after] = text + letter
                    waiting.append(after)
        return [(text, hits) for (_, hits), text in found.items()]

    def _after(
        self, state: tuple[tuple[frozenset[int], ...], tuple[int, ...]], letter: str
    ) -> tuple[tuple[frozenset[int], ...], tuple[int, ...]]:
        states, places = state
        return (
            tuple(each.step(at, ord(letter)) for each, at in zip(self._automata, states, strict=True)),
            tuple(
                place + 1 if 0 <= place < len(word) and word[place] == letter else -1
                for place, word in zip(places, self._split, strict=True)
            ),
        )


def _letters(automata: Sequence[Automaton], words: Sequence[str]) -> list[str]:
    """One character of each class that the automata and words tell apart, the ones that read well first."""
    cuts = {0, _LAST + 1}
    for each in automata:
        for first, last in each.classes():
            cuts |= {first, last + 1}
    for first, last in _FORBIDDEN:
        cuts |= {first, last + 1}
    for char in {char for word in words for char in word}:
        cuts |= {ord(char), ord(char) + 1}
    edges = sorted(cuts)
    letters = []
    for first, after in pairwise(edges):
        if any(low <= first <= high for low, high in _FORBIDDEN):
            continue
        nice = next((char for char in _PREFERRED if first <= ord(char) < after), None)
        letters.append(nice or chr(0x4E2D if first <= 0x4E2D < after else first))
    return sorted(letters, key=lambda char: (_PREFERRED.find(char) % len(_PREFERRED + " "), char))
