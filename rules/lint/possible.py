"""What a condition can come to over all parties: pass, fail, unknown, as a mask of ``rules.lint.cells``.

Facts that a condition asks for once vary on their own, so a connective combines what its children can come to. Facts
that it asks for more than once are held at one cell after the other. That is exact, as long as there are at most
``MAX_CASES`` combinations of cells; beyond that, and where a fact could not be cut, a fact is taken to vary anew in
each place. So an answer never leaves out what is possible, and "never" is always proven.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from rules.criteria import leaves_of
from rules.lint.cells import FAIL, PASS, UNKNOWN, Asked, Cell, chosen, holds
from rules.lint.vocabulary import Vocabulary
from rules.model import All, FactDef, Leaf, Node, Not, Table

MAX_CASES = 4_096
"""Most combinations of cells of the facts that a condition asks for more than once."""

ANYTHING = FAIL | UNKNOWN | PASS
Env = Mapping[str, Cell]
"""The facts that are held, each at a cell."""

_RANK = {FAIL: 0, UNKNOWN: 1, PASS: 2}


def _combined(pick: Callable[[int, int], int]) -> tuple[tuple[int, ...], ...]:
    bits = tuple(_RANK)

    def combine(a: int, b: int) -> int:
        mask = 0
        for x in bits:
            for y in bits:
                if a & x and b & y:
                    mask |= bits[pick(_RANK[x], _RANK[y])]
        return mask

    return tuple(tuple(combine(a, b) for b in range(8)) for a in range(8))


_ALL, _ANY = _combined(min), _combined(max)
_NOT = tuple((mask & UNKNOWN) | (PASS if mask & FAIL else 0) | (FAIL if mask & PASS else 0) for mask in range(8))


@dataclass(frozen=True, slots=True)
class Part:
    """A condition with the ``min_sample`` that counts for its leaves (None: none does)."""

    node: Node
    min_sample: int | None = None


class Conditions:
    """Some conditions looked at together. ``held`` are the facts they ask for more than once."""

    def __init__(
        self,
        parts: Sequence[Part],
        vocabulary: Vocabulary,
        hold: Iterable[str] = (),
    ) -> None:
        self.facts = facts = vocabulary.facts
        places: Counter[str] = Counter()
        asked: dict[str, Asked] = {}
        for part in parts:
            for leaf in leaves_of(part.node):
                places.update(asks(leaf, facts, part.min_sample))
                asked.setdefault(leaf.fact, Asked()).leaves.append(leaf)
                if isinstance(leaf.operand, Table):
                    asked.setdefault(leaf.operand.by, Asked()).tables.append(leaf.operand)
                sample = facts[leaf.fact].sample
                if sample is not None and part.min_sample is not None:
                    asked.setdefault(sample, Asked()).samples.append(part.min_sample)
        self.cells = {name: vocabulary.cut(name, each) for name, each in asked.items()}
        self.held = self._held([name for name, count in places.items() if count > 1], hold)
        self._loose: dict[tuple[int, int | None], int] = {}

    def _held(self, shared: list[str], hold: Iterable[str]) -> tuple[str, ...]:
        """What is held: what must be, and as much of what is shared as stays within ``MAX_CASES``."""
        kept = [name for name in hold if self.cells.get(name) is not None]
        more = [name for name in shared if name not in kept and self.cells[name] is not None]
        for name in sorted(more, key=lambda name: (len(self.cells[name] or ()), name)):
            if prod(len(self.cells[each] or ()) for each in [*kept, name]) > MAX_CASES:
                break
            kept.append(name)
        return tuple(kept)

    def cases(self) -> Iterable[Env]:
        """Every combination of cells of the facts that are held."""
        for cells in product(*(self.cells[name] or () for name in self.held)):
            yield dict(zip(self.held, cells, strict=True))

    def mask(self, part: Part, env: Env, seen: dict[int, int] | None = None) -> int:
        """What ``part`` can come to where facts are held as in ``env``; collected for every node of it in ``seen``."""
        return self._mask(part.node, part.min_sample, env, seen)

    def _mask(self, node: Node, min_sample: int | None, env: Env, seen: dict[int, int] | None) -> int:
        if isinstance(node, Leaf):
            mask = self._leaf(node, min_sample, env)
        elif isinstance(node, Not):
            mask = _NOT[self._mask(node.node, min_sample, env, seen)]
        else:
            table = _ALL if isinstance(node, All) else _ANY
            masks = [self._mask(child, min_sample, env, seen) for child in node.nodes]
            mask = masks[0]
            for other in masks[1:]:
                mask = table[mask][other]
        if seen is not None:
            seen[id(node)] = seen.get(id(node), 0) | mask
        return mask

    def _leaf(self, leaf: Leaf, min_sample: int | None, env: Env) -> int:
        names = asks(leaf, self.facts, min_sample)
        if any(name in env for name in names):
            return self._over_cells(leaf, min_sample, names, env)
        found = self._loose.get((id(leaf), min_sample))
        if found is None:
            found = self._loose[id(leaf), min_sample] = self._over_cells(leaf, min_sample, names, env)
        return found

    def _over_cells(self, leaf: Leaf, min_sample: int | None, names: tuple[str, ...], env: Env) -> int:
        choices: list[Sequence[Cell]] = []
        for name in names:
            cells = self.cells[name]
            if name in env:
                choices.append((env[name],))
            elif cells is None:
                return ANYTHING
            else:
                choices.append(cells)
        mask = 0
        for picked in product(*choices):
            mask |= answer(leaf, self.facts, min_sample, dict(zip(names, picked, strict=True)))
        return mask


def answer(leaf: Leaf, facts: Mapping[str, FactDef], min_sample: int | None, env: Env) -> int:
    """The answer of ``leaf`` where every fact it asks for is in ``env``."""
    sample = facts[leaf.fact].sample if min_sample is not None else None
    if sample is not None and min_sample is not None:
        count = env[sample].value
        if not isinstance(count, int) or count < min_sample:
            return UNKNOWN
    cell = env[leaf.fact]
    operand = chosen(leaf, env[leaf.operand.by].value if isinstance(leaf.operand, Table) else None)
    if cell.value is None or operand is None:
        return UNKNOWN
    return PASS if holds(leaf.op, operand, cell) else FAIL


def asks(leaf: Leaf, facts: Mapping[str, FactDef], min_sample: int | None) -> tuple[str, ...]:
    """The facts that ``leaf`` asks for: its own, that of its table, and its sample where that must be of some size."""
    names = [leaf.fact]
    if isinstance(leaf.operand, Table):
        names.append(leaf.operand.by)
    sample = facts[leaf.fact].sample
    if min_sample is not None and sample is not None:
        names.append(sample)
    return tuple(dict.fromkeys(names))
