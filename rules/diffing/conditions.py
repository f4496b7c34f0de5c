"""Changes of conditions: which comparison, of which value or row of a table, in which branch."""

from __future__ import annotations

from typing import Any

from rules.diffing.phrases import NOT_SET, OPERATORS, Text, joined, label, named, turned
from rules.diffing.telling import Pair, Teller
from rules.diffing.trees import flow, items, pairs, value_at
from rules.yaml_guard import Mapping, Node, Scalar


def condition(teller: Teller, key: str, old: Node, new: Node) -> None:
    """The same connective: child by child; the same fact: its comparison; otherwise the whole condition."""
    (kind, (old_key, before)), (new_kind, (new_key, after)) = _only(old), _only(new)
    if kind != new_kind:
        teller.tell("condition", (old, new), joined(label(key), turned(flow(old), flow(new))), (old, new))
    elif kind in ("all", "any"):
        _children(teller, kind, items(before), items(after), (old_key, new_key))
    elif kind == "not":
        condition(teller, key, before, after)
    else:
        comparison(teller, named(kind), before, after, (old_key, new_key))


def comparison(teller: Teller, fact: Text, old: Node, new: Node, at: Pair) -> None:
    """One operator and its value, or a table of values."""
    (old_op, (_, before)), (new_op, (_, after)) = _only(old), _only(new)
    names = [OPERATORS.get(op, (op, op)) for op in (old_op, new_op)]
    if old_op != new_op:
        text = joined(fact, turned(joined(names[0], flow(before)), joined(names[1], flow(after))))
        teller.tell("operator", (old, new), text, at)
    elif _same_key(teller, before, after):
        _table(teller, joined(fact, names[0]), (pairs(before), pairs(after)), (before, after))
    else:
        text = joined(fact, names[0], turned(flow(before), flow(after)))
        teller.tell("threshold", (before, after), text, (before, after))


def _only(node: Node) -> tuple[str, tuple[Scalar, Node]]:
    """The one entry of a mapping."""
    return next(iter(pairs(node).items()))


def _children(teller: Teller, kind: str, old: list[Node], new: list[Node], at: Pair) -> None:
    """Branches: the same ones wherever they stand, then those over the same fact; the rest is new or gone."""
    left, rest = list(old), []
    for item in new:
        twin = next((one for one in left if teller.same(one, item)), None)
        if twin is None:
            rest.append(item)
        else:
            left.remove(twin)
    for item in rest:
        twin = next((one for one in left if _only(one)[0] == _only(item)[0]), None)
        if twin is None:
            text = joined(("added under", "新增于"), f"`{kind}`:", flow(item))
            teller.tell("added", (None, item), text, (at[0], item))
        else:
            left.remove(twin)
            condition(teller, "require", twin, item)
    for item in left:
        text = joined(("removed from", "移除自"), f"`{kind}`:", flow(item))
        teller.tell("removed", (item, None), text, (item, at[1]))


def _same_key(teller: Teller, old: Node, new: Node) -> bool:
    """Whether both are tables by the same fact."""
    tables = isinstance(old, Mapping) and isinstance(new, Mapping)
    return tables and teller.same(value_at(old, "by"), value_at(new, "by"), as_text=True)


def _table(teller: Teller, head: Text, tables: tuple[dict[str, Any], dict[str, Any]], at: Pair) -> None:
    before, after = tables
    for code in dict.fromkeys([*after, *before]):
        (old_key, one), (new_key, other) = before.get(code, (None, None)), after.get(code, (None, None))
        if code == "by" or teller.same(one, other):
            continue
        whom = ("for all others", "（其他）") if code == "default" else (f"for {code}", f"（{code}）")
        text = joined(head, turned(_of_row(one, before), _of_row(other, after)), whom)
        teller.tell("threshold", (one, other), text, (old_key or at[0], new_key or at[1]))


def _of_row(value: Node | None, table: dict[str, tuple[Scalar, Node]]) -> str | Text:
    """The value of a row of a table; where it has none, the default, and that it is."""
    if value is not None:
        return flow(value)
    default = table.get("default")
    return NOT_SET if default is None else joined(flow(default[1]), ("(default)", "（默认）"))
