"""Conditions: leaves of one fact and one operator, their operands and tables, and ``all``, ``any``, ``not``.

A leaf is ``{fact: {operator: operand}}``. The operand is read by the fact's type; in its place may stand a table
``{by: choice_fact, code: operand, default: operand}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

from rules.loading.reading import Reader
from rules.loading.scope import Scope
from rules.mistakes import shown
from rules.model import All, AnyOf, FactDef, Leaf, Not, Op, Table, Value
from rules.model import Node as Condition
from rules.values import parse_literal
from rules.words import ALL_OPERATORS, CONNECTIVES, OPERATORS
from rules.yaml_guard import Mapping, Node, Scalar, Sequence

MAX_PATTERN = 500
"""Longest pattern of ``matches``, in characters."""
MAX_DAYS = 1_000_000
"""Most days of ``within_days``."""


def condition(reader: Reader, scope: Scope, node: Node) -> Condition | None:
    """The condition that ``node`` holds."""
    found = reader.mapping(node, "a condition", "write `{fact: {operator: value}}`")
    if found is None:
        return None
    if not found.pairs:
        reader.wrong(found, "empty", "the condition is empty", "write `{fact: {operator: value}}`")
        return None
    if len(found.pairs) > 1:
        hint = "one fact a condition: put several in a list under `all:` or `any:`"
        second = found.pairs[1][0]
        reader.wrong(second, "two_keys", f"`{shown(second.text)}` is a second key in one condition", hint)
    read = [_one(reader, scope, found, key, value) for key, value in found.pairs]
    return read[0] if len(read) == 1 else None


def _one(reader: Reader, scope: Scope, holder: Node, key: Scalar, value: Node) -> Condition | None:
    if key.text not in CONNECTIVES:
        return leaf(reader, scope, key, value)
    if key.text == "not":
        inner = condition(reader, scope, value)
        return None if inner is None else Not(inner, reader.mark(holder))
    items = reader.items(value, f"`{key.text}`")
    if items is None:
        return None
    nodes = [condition(reader, scope, item) for item in items]
    whole = tuple(node for node in nodes if node is not None)
    if len(whole) < len(nodes):
        return None
    return (All if key.text == "all" else AnyOf)(whole, reader.mark(holder))


def leaf(reader: Reader, scope: Scope, key: Scalar, value: Node) -> Leaf | None:
    """The leaf ``key: {operator: operand}``, ``key`` naming the fact."""
    fact = scope.fact(reader, key)
    return comparison(reader, scope, fact, key, value)


def comparison(reader: Reader, scope: Scope, fact: FactDef | None, at: Node, value: Node) -> Leaf | None:
    """``{operator: operand}`` over ``fact`` (None: it is broken or unknown, only the form is looked at)."""
    name = fact.name if fact else "fact"
    example = OPERATORS[fact.type][0] if fact else "at_least"
    pair = single(reader, value, f"the comparison of `{name}`", f"write `{name}: {{{example}: ...}}`")
    if pair is None:
        return None
    operator, operand = pair
    if reader.word(operator, "an operator", ALL_OPERATORS, "unknown_operator") is None or fact is None:
        return None
    if operator.text not in OPERATORS[fact.type]:
        fitting = ", ".join(f"`{op}`" for op in OPERATORS[fact.type])
        message = f"`{operator.text}` does not fit the {fact.type} `{fact.name}`"
        reader.wrong(operator, "operator_type", message, f"use one of {fitting}")
        return None
    op = cast(Op, operator.text)
    if isinstance(operand, Mapping):
        table: Any = _table(reader, scope, fact, op, operand)
        return None if table is None else Leaf(fact.name, op, table, reader.mark(at))
    read = _operand(reader, fact, op, operand)
    return None if read is None else Leaf(fact.name, op, read, reader.mark(at))


def single(reader: Reader, node: Node, label: str, hint: str) -> tuple[Scalar, Node] | None:
    """The one entry of a mapping that may have only one: operator and operand."""
    found = reader.mapping(node, label, hint)
    if found is None:
        return None
    if not found.pairs:
        reader.wrong(found, "empty", f"{label} is empty", hint)
        return None
    if len(found.pairs) > 1:
        second = found.pairs[1][0]
        message = f"`{shown(second.text)}` is a second operator in one comparison"
        reader.wrong(second, "two_keys", message, "one operator a leaf: use `between`, or two leaves under `all:`")
        return None
    return found.pairs[0]


# --- operands -----------------------------------------------------------------------------------------------------


def _operand(reader: Reader, fact: FactDef, op: str, node: Node) -> Any:
    """The operand of ``op``: a Value, a pair, a tuple of codes, days or a pattern; None where it is wrong."""
    if op == "between":
        return _between(reader, fact, node)
    if op == "within_days":
        return reader.whole(node, "`within_days`", 0, MAX_DAYS)
    if op in ("one_of", "none_of"):
        return _members(reader, fact, op, node)
    if op == "matches":
        return _pattern(reader, node)
    if fact.type == "choices" and isinstance(node, Sequence):
        return _members(reader, fact, op, node)
    return literal(reader, fact, node)


def literal(reader: Reader, fact: FactDef, node: Node) -> Value | None:
    """A literal of ``fact``'s type and within its range."""
    return reader.take(lambda text: parse_literal(fact, text), node, f"the value for `{fact.name}`")


def _between(reader: Reader, fact: FactDef, node: Node) -> tuple[Value, Value] | None:
    items = reader.items(node, "`between`", least=2)
    if items is None:
        return None
    if len(items) > 2:
        reader.wrong(items[2], "wrong_shape", "`between` has a third value", "write `[least, greatest]`")
        return None
    low, high = (literal(reader, fact, item) for item in items)
    if low is None or high is None:
        return None
    assert isinstance(low, int)
    assert isinstance(high, int)
    if low > high:
        reader.wrong(node, "bad_range", "`between` begins above its end", "write `[least, greatest]`")
        return None
    return low, high


def _members(reader: Reader, fact: FactDef, op: str, node: Node) -> tuple[str, ...] | None:
    items = reader.items(node, f"`{op}`")
    if items is None:
        return None
    codes: list[str] = []
    whole = True
    for item in items:
        value = literal(reader, fact, item)
        code = value[0] if isinstance(value, tuple) else value
        if not isinstance(code, str):
            whole = False
        elif code in codes:
            reader.wrong(item, "duplicate_id", f"`{shown(code)}` is listed twice", "keep one")
            whole = False
        else:
            codes.append(code)
    return tuple(sorted(codes)) if whole else None


def _pattern(reader: Reader, node: Node) -> str | None:
    text = reader.text(node, "a pattern")
    if text is None:
        return None
    if len(text) > MAX_PATTERN:
        reader.wrong(node, "bad_pattern", f"the pattern is longer than {MAX_PATTERN} characters", "shorten it")
        return None
    import re2  # here, for it is slow to load and few books have patterns

    options = re2.Options()
    options.log_errors = False
    try:
        re2.compile(text, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        detail = shown(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said))
        reader.wrong(node, "bad_pattern", f"the pattern cannot be used: {detail}", "RE2 syntax: no lookaround, no \\1")
        return None
    return text


def _table(reader: Reader, scope: Scope, fact: FactDef, op: str, node: Mapping) -> Table | None:
    return table(reader, scope, node, lambda value: _operand(reader, fact, op, value))


def table(
    reader: Reader, scope: Scope, node: Mapping, read: Callable[[Node], Any], *, by: FactDef | None = None
) -> Table | None:
    """A table whose values ``read`` reads; ``by`` is the key fact where the table need not name it."""
    keyed = next(((key, value) for key, value in node.pairs if key.text == "by"), None)
    if keyed is not None:
        by = scope.fact(reader, keyed[1], "`by`")
        if by is None:
            # only the form of the rest can be looked at
            for _ in _rows(reader, node, None, read):
                pass
            return None
        if by.type != "choice":
            reader.wrong(
                keyed[1], "table_by", f"`{by.name}` is a {by.type}, not a choice", "a table is by a choice fact"
            )
            return None
    elif by is None:
        reader.wrong(node, "table_by", "the table does not say by which fact", "add `by: category`, or another choice")
        return None
    rows: dict[str, Any] = {}
    default: Any = None
    whole, has_default = True, False
    for key, value in _rows(reader, node, by, read):
        whole = whole and value is not None
        if key.text == "default":
            default, has_default = value, True
        else:
            rows[key.text] = value
    if not has_default and set(rows) != set(by.choices or ()):
        missing = ", ".join(f"`{code}`" for code in list(by.choices or ()) if code not in rows)
        message = f"the table has no `default`, and no row for {shown(missing, 120)}"
        reader.wrong(node, "table_default", message, "add `default: ...`")
        return None
    return Table(by.name, rows, default) if whole else None


def _rows(
    reader: Reader, node: Mapping, by: FactDef | None, read: Callable[[Node], Any]
) -> Iterator[tuple[Scalar, Any]]:
    """Rows of a table and its default, each with its operand (None: reported)."""
    for key, value in node.pairs:
        if key.text == "by":
            continue
        if by is not None and key.text != "default" and key.text not in (by.choices or ()):
            hint = reader.report.nearest(key.text, [*(by.choices or ()), "default"])
            reader.wrong(key, "unknown_choice", f"`{shown(key.text)}` is not a choice of `{by.name}`", hint)
            yield key, None
        elif isinstance(value, Mapping):
            reader.wrong(value, "wrong_shape", "a table stands in a table", "write the value")
            yield key, None
        else:
            yield key, read(value)
