"""A fact's values cut into cells: values that nothing asked of the fact can tell apart.

A number's line is cut at its thresholds, choices and flags are finite, a set matters by which of its members are asked
for, a text by which of the texts it is and which patterns are found in it. Unknown is a cell of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any, NamedTuple

from rules.lint.ranges import Span
from rules.model import FactDef, Leaf, Table, Value

FAIL, UNKNOWN, PASS = 1, 2, 4
"""What a condition is, as bits: a mask is a set of them."""

MAX_SORTS = 8
"""Most groups of a set's members, and most patterns of a text, that are told apart; with more the fact is not cut."""


class Cell(NamedTuple):
    """Values of one fact. ``value`` stands for them (None: unknown); of numbers it is the least, ``top`` the greatest.

    ``ago``: how many days before the day of decision, of dates that are asked for that. ``codes``: the choices in the
    cell. ``found``: of texts that are none of those asked for, the patterns found in them.
    """

    value: Value | None
    top: int | None = None
    ago: int | None = None
    codes: tuple[str, ...] = ()
    found: frozenset[str] | None = None


NOT_KNOWN = Cell(None)
Texts = list[str] | None
"""An example of each sort of text that exists; None: it is not known which do."""
FindTexts = Callable[[frozenset[str], frozenset[str]], Texts]
"""From texts and patterns to the sorts of texts that these tell apart."""


@dataclass(slots=True)
class Asked:
    """All that is asked of one fact: comparisons, tables that it chooses from, how much it must count as a sample."""

    leaves: list[Leaf] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    samples: list[int] = field(default_factory=list)


def operands(leaf: Leaf) -> list[Any]:
    """Every operand that ``leaf`` may compare with."""
    table = leaf.operand
    if not isinstance(table, Table):
        return [table]
    return [*table.rows.values(), *([] if table.default is None else [table.default])]


def chosen(leaf: Leaf, key: Value | None) -> Any:
    """The operand for a party whose choice is ``key``; None where that is not known."""
    if not isinstance(leaf.operand, Table):
        return leaf.operand
    return None if key is None else leaf.operand.rows.get(str(key), leaf.operand.default)


def holds(op: str, operand: Any, cell: Cell) -> bool:
    """Whether the known values of ``cell`` meet a comparison."""
    value = cell.value
    if op == "within_days":
        return cell.ago is not None and 0 <= cell.ago <= operand
    if op == "matches":
        return operand in cell.found if cell.found is not None else _found(operand, str(value))
    if op in ("is", "is_not"):
        wanted = tuple(sorted(operand)) if isinstance(operand, tuple) else operand
        return (value == wanted) == (op == "is")
    if op in ("one_of", "none_of"):
        members = operand if isinstance(operand, tuple) else (operand,)
        shares = any(each in members for each in value) if isinstance(value, tuple) else value in members
        return shares == (op == "one_of")
    assert isinstance(value, int)
    match op:
        case "at_least":
            return bool(value >= operand)
        case "at_most":
            return bool(value <= operand)
        case "more_than" | "after":
            return bool(value > operand)
        case "less_than" | "before":
            return bool(value < operand)
        case _:
            return bool(operand[0] <= value <= operand[1])


def cut(fact: FactDef, span: Span | None, asked: Asked, texts: FindTexts) -> tuple[Cell, ...] | None:
    """The cells of ``fact`` with unknown last; None where there are too many sorts of values to tell apart."""
    known: Iterable[Cell] | None
    match fact.type:
        case "flag":
            known = (Cell(0), Cell(1))
        case "choice":
            known = _choices(fact, asked)
        case "choices":
            known = _sets(fact, asked)
        case "text":
            known = _texts(asked, texts)
        case "date":
            known = _dates(span, asked)
        case _:
            known = _numbers(span, [*_begins(asked.leaves), *asked.samples])
    return None if known is None else (*known, NOT_KNOWN)


# --- numbers and dates --------------------------------------------------------------------------------------------


def begins(op: str, operand: Any) -> tuple[int, ...]:
    """Where on the line of whole numbers a comparison changes: the first values of what follows."""
    match op:
        case "at_least" | "less_than" | "before":
            return (operand,)
        case "at_most" | "more_than" | "after":
            return (operand + 1,)
        case "between":
            return operand[0], operand[1] + 1
        case _:
            return operand, operand + 1


def _begins(leaves: Iterable[Leaf]) -> Iterator[int]:
    for leaf in leaves:
        if leaf.op != "within_days":
            for operand in operands(leaf):
                yield from begins(leaf.op, operand)


def _numbers(span: Span | None, starts: Iterable[int]) -> list[Cell]:
    if span is None:
        return []
    low, high = span
    inner = sorted({start for start in starts if low < start <= high})
    firsts = [low, *inner]
    return [Cell(first, last - 1) for first, last in zip(firsts, [*inner, high + 1], strict=True)]


def _dates(span: Span | None, asked: Asked) -> list[Cell]:
    """By the day itself, by how long ago it is, or by both (which day is today is left open)."""
    if span is None:
        return []
    days = {operand for leaf in asked.leaves if leaf.op == "within_days" for operand in operands(leaf)}
    absolute = [leaf for leaf in asked.leaves if leaf.op != "within_days"]
    cells = _numbers(span, _begins(absolute))
    if not days:
        return cells
    agos = [-1, 0, *sorted(day + 1 for day in days)]
    return [cell._replace(ago=ago) for cell in cells for ago in agos]


# --- choices, sets and texts --------------------------------------------------------------------------------------


def _choices(fact: FactDef, asked: Asked) -> list[Cell]:
    """One cell for all codes of which the same holds, and for which tables choose the same."""
    alike: dict[Hashable, list[str]] = {}
    for code in fact.choices or {}:
        cell = Cell(code)
        said = tuple(holds(leaf.op, operand, cell) for leaf in asked.leaves for operand in operands(leaf))
        picked = tuple(table.rows.get(code, table.default) for table in asked.tables)
        alike.setdefault((said, picked), []).append(code)
    return [Cell(codes[0], codes=tuple(codes)) for codes in alike.values()]


def _sets(fact: FactDef, asked: Asked) -> list[Cell] | None:
    """Sets by the groups of members they have (codes that every question treats alike), and those asked for exactly."""
    wanted = [(leaf.op, tuple(sorted(operand))) for leaf in asked.leaves for operand in operands(leaf)]
    groups: dict[Hashable, str] = {}
    for code in fact.choices or {}:
        groups.setdefault(tuple(code in members for _, members in wanted), code)
    if len(groups) > MAX_SORTS:
        return None
    members = sorted(groups.values())
    sets = [tuple(some) for count in range(len(members) + 1) for some in combinations(members, count)]
    sets += [tuple(fact.choices or {}), *(exact for op, exact in wanted if op in ("is", "is_not"))]
    return _unlike([Cell(tuple(sorted(each))) for each in sets], asked.leaves)


def _texts(asked: Asked, texts: FindTexts) -> list[Cell] | None:
    """The texts asked for, and of others one of each sort that patterns tell apart.

    Where it is not known which sorts exist, every combination of patterns is one.
    """
    words: set[str] = set()
    patterns: set[str] = set()
    for leaf in asked.leaves:
        for operand in operands(leaf):
            if leaf.op == "matches":
                patterns.add(operand)
            else:
                words.update(operand if isinstance(operand, tuple) else (operand,))
    examples = texts(frozenset(words), frozenset(patterns)) if patterns else None
    if examples is not None:
        return [Cell(example) for example in examples]
    if len(patterns) > MAX_SORTS:
        return None
    ordered = sorted(patterns)
    sorts = [
        frozenset(pattern for pattern, hit in zip(ordered, hits, strict=True) if hit)
        for hits in product((0, 1), repeat=len(ordered))
    ]
    return [*(Cell(word) for word in sorted(words)), *(Cell("", found=sort) for sort in sorts)]


def _unlike(cells: Sequence[Cell], leaves: Iterable[Leaf]) -> list[Cell]:
    """One cell of each sort that ``leaves`` tell apart."""
    asked = [(leaf.op, operand) for leaf in leaves for operand in operands(leaf)]
    sorts: dict[Hashable, Cell] = {}
    for cell in cells:
        sorts.setdefault(tuple(holds(op, operand, cell) for op, operand in asked), cell)
    return list(sorts.values())


def _found(pattern: str, text: str) -> bool:
    import re2  # here, for it is slow to load and few books have patterns

    return re2.search(pattern, text) is not None
