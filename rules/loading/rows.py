"""Rows of outcomes and routes: the atoms of their ``when``, all of which must certainly hold."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any, cast

from rules.decimals import fraction_text
from rules.loading.conditions import leaf, single
from rules.loading.reading import Fields, Reader
from rules.loading.scope import Scope
from rules.mistakes import shown
from rules.model import Atom, FactAtom, FailedAtom, Op, Otherwise, Row, ScoreAtom, UnknownAtom
from rules.shape import Shape
from rules.words import COUNT_OPERATORS, EFFECTS
from rules.yaml_guard import Mapping, Node, Scalar

ReadWhen = Callable[[Node], "tuple[Atom, ...] | None"]
ReadThen = Callable[[Fields], "dict[str, Any] | None"]


def rows(
    reader: Reader, node: Node, label: str, shape: Shape, when: ReadWhen, then: ReadThen
) -> tuple[Row, ...] | None:
    """The rows of a list: every one has a ``when`` but the last, which has none."""
    items = reader.items(node, label)
    if items is None:
        return None
    read = [_row(reader, item, shape, when, then, last=item is items[-1]) for item in items]
    whole = tuple(row for row in read if row is not None)
    return whole if len(whole) == len(read) else None


def _row(reader: Reader, node: Node, shape: Shape, when: ReadWhen, then: ReadThen, *, last: bool) -> Row | None:
    fields = reader.fields(node, shape)
    if fields is None:
        return None
    when_node = fields.get("when")
    atoms = when(when_node) if when_node else ()
    if last and when_node is not None:
        hint = "end with a row that has only `then`"
        reader.wrong(fields.key("when"), "last_row", "the last row has a `when`: what if nothing holds?", hint)
    elif not last and "when" not in fields and not _writes(fields.node, "when"):
        hint = "give it a `when`, or make it the last"
        reader.wrong(fields.node, "row_order", "this row always holds, so no row after it is reached", hint)
    result = then(fields)
    return None if atoms is None or result is None else Row(atoms, result, reader.mark(fields.node))


def _writes(node: Mapping, name: str) -> bool:
    """Whether the mapping has the key, with or without a value."""
    return any(key.text == name for key, _ in node.pairs)


def when_fields(reader: Reader, node: Node, shape: Shape) -> Fields | None:
    """The mapping of a ``when``, which is not empty."""
    fields = reader.fields(node, shape)
    if fields is not None and not fields.node.pairs:
        reader.wrong(node, "empty", "the `when` is empty", "write a condition, or take the `when` away")
        return None
    return fields


def collected(*parts: tuple[Atom, ...] | None) -> tuple[Atom, ...] | None:
    """All atoms together, or None where any part is broken."""
    if any(part is None for part in parts):
        return None
    return tuple(atom for part in parts for atom in part or ())


# --- atoms --------------------------------------------------------------------------------------------------------


def failed_atoms(reader: Reader, scope: Scope, fields: Fields) -> tuple[Atom, ...] | None:
    """``failed`` and ``unknown``, each narrowed by ``group`` and ``criterion``."""
    group_ok, group = _narrow(reader, scope, fields, "group")
    criterion_ok, criterion = _narrow(reader, scope, fields, "criterion")
    failed_node, unknown_node = fields.get("failed"), fields.get("unknown")
    atoms: list[Atom] = []
    whole = group_ok and criterion_ok
    if failed_node is not None:
        failed = reader.word(failed_node, "an effect", EFFECTS)
        if failed is None:
            whole = False
        else:
            atoms.append(FailedAtom(cast(Otherwise, failed), group, criterion))
    if unknown_node is not None:
        wanted = reader.flag(unknown_node, "`unknown`")
        if wanted is None:
            whole = False
        else:
            atoms.append(UnknownAtom(wanted, group, criterion))
    if failed_node is None and unknown_node is None:
        for name in ("group", "criterion"):
            if name in fields:
                hint = "add `failed: reject`, `failed: refer` or `unknown: true`"
                reader.wrong(fields.key(name), "narrowing", f"`{name}` has nothing to narrow here", hint)
                whole = False
    return tuple(atoms) if whole else None


def _narrow(reader: Reader, scope: Scope, fields: Fields, kind: str) -> tuple[bool, str | None]:
    node = fields.get(kind)
    if node is None:
        return True, None
    if reader.text(node, f"`{kind}`") is None:
        return False, None
    assert isinstance(node, Scalar)
    names = scope.groups if kind == "group" else scope.criteria
    name = scope.known(reader, node, kind, names, whole=scope.eligibility_whole)
    return name is not None, name


def fact_atoms(reader: Reader, scope: Scope, fields: Fields) -> tuple[Atom, ...] | None:
    """``fact: {name: {operator: operand}}``, one atom a fact."""
    read = [leaf(reader, scope, key, value) for key, value in _entries(reader, fields, "fact")]
    whole = tuple(FactAtom(each) for each in read if each is not None)
    return whole if len(whole) == len(read) and (read or "fact" not in fields) else None


def score_atoms(reader: Reader, scope: Scope, fields: Fields) -> tuple[Atom, ...] | None:
    """``score: {name: {operator: number}}``, one atom a score."""
    read = [_score_atom(reader, scope, key, value) for key, value in _entries(reader, fields, "score")]
    whole = tuple(atom for atom in read if atom is not None)
    return whole if len(whole) == len(read) and (read or "score" not in fields) else None


def _entries(reader: Reader, fields: Fields, name: str) -> Iterator[tuple[Scalar, Node]]:
    node = fields.get(name)
    if node is None:
        return
    found = reader.mapping(node, f"`{name}`", f"write `{name}: {{NAME: {{at_least: ...}}}}`")
    if found is not None and not found.pairs:
        reader.wrong(found, "empty", f"`{name}` is empty", f"name a {name}, or take the key away")
    yield from found.pairs if found else ()


def _score_atom(reader: Reader, scope: Scope, key: Scalar, value: Node) -> Atom | None:
    name = scope.known(reader, key, "score", set(scope.scores), whole=scope.eligibility_whole)
    bounds = scope.scores[name] if name else None

    def read(node: Node) -> int | None:
        number = reader.number(node, f"the value for `{shown(key.text)}`")
        if number is None or bounds is None:
            return None
        scaled = number * 10**bounds.decimals
        if scaled.denominator != 1:
            message = f"the score `{key.text}` has {bounds.decimals} digits after the point"
            reader.wrong(node, "too_fine", message, "use fewer digits")
            return None
        if not _floor(bounds.low, bounds.decimals) <= scaled <= _floor(bounds.high, bounds.decimals):
            message = f"the score `{key.text}` is never there"
            ends = f"{fraction_text(bounds.low)} to {fraction_text(bounds.high)}"
            reader.wrong(node, "out_of_range", message, f"it ranges from {ends}")
            return None
        return int(scaled)

    found = numeric_comparison(reader, value, f"the comparison of `{shown(key.text)}`", read)
    return None if found is None or name is None else ScoreAtom(name, *found)


def numeric_comparison(
    reader: Reader, node: Node, label: str, read: Callable[[Node], int | None]
) -> tuple[Op, Any] | None:
    """``{operator: number}`` as operator and operand (a pair for ``between``), numbers read by ``read``."""
    pair = single(reader, node, label, "write `{at_least: 60}`")
    if pair is None:
        return None
    operator, operand = pair
    op = reader.word(operator, "an operator here", COUNT_OPERATORS, "unknown_operator")
    if op is None:
        return None
    if op != "between":
        value = read(operand)
        return None if value is None else (cast(Op, op), value)
    ends = reader.items(operand, "`between`", least=2)
    if ends is None:
        return None
    values = [read(end) for end in ends]
    if len(values) != 2 or values[0] is None or values[1] is None:
        if len(values) != 2:
            reader.wrong(operand, "wrong_shape", "`between` has two values", "write `[least, greatest]`")
        return None
    if values[0] > values[1]:
        reader.wrong(operand, "bad_range", "`between` begins above its end", "write `[least, greatest]`")
        return None
    return "between", (values[0], values[1])


def _floor(value: Fraction, decimals: int) -> int:
    """A display value as scores are stored: floored once to their decimals."""
    scale: int = 10**decimals
    return math.floor(value * scale)
