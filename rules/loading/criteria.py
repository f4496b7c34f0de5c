"""Criteria and gates: whom they concern, what must hold, and what follows where it does not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from rules import schema
from rules.loading.conditions import condition
from rules.loading.reading import Fields, Reader
from rules.loading.scope import Scope
from rules.mistakes import shown
from rules.model import All, AnyOf, Criterion, Leaf, Not, Otherwise
from rules.model import Node as Condition
from rules.words import EFFECTS
from rules.yaml_guard import Mapping, Node, Scalar


def criteria(reader: Reader, scope: Scope, node: Node, *, gates: bool = False) -> tuple[Criterion, ...] | None:
    """All criteria (or gates) of a book, in file order; ids are unique."""
    items = reader.items(node, "`gates`" if gates else "`criteria`")
    if items is None:
        return None
    read = [_criterion(reader, scope, item, gate=gates) for item in items]
    _unique_ids(reader, items)
    whole = tuple(each for each in read if each is not None)
    return whole if len(whole) == len(read) else None


def _criterion(reader: Reader, scope: Scope, node: Node, *, gate: bool) -> Criterion | None:
    fields = reader.fields(node, schema.GATE if gate else schema.CRITERION)
    if fields is None:
        return None
    ident = optional_name(reader, fields, "id")
    title = reader.title(fields.get("title"), "the title")
    group = optional_name(reader, fields, "group") or (ident or "").partition(".")[0]
    when_node, require_node = fields.get("when"), fields.get("require")
    when = condition(reader, scope, when_node) if when_node else None
    require = condition(reader, scope, require_node) if require_node else None
    sample_node = fields.get("min_sample")
    min_sample = reader.whole(sample_node, "`min_sample`", 1) if sample_node else None
    if sample_node and require is not None and not any(sampled(scope, leaf) for leaf in leaves(require)):
        message = "`min_sample` has nothing to count: no fact in `require` declares a `sample`"
        reader.wrong(fields.key("min_sample"), "min_sample", message, "take it away, or declare `sample` in facts.yaml")
    otherwise = effect(reader, fields, "otherwise", "reject")
    unknown = effect(reader, fields, "unknown", "note" if otherwise == "note" else "refer")
    broken = (when is None and when_node is not None) or (min_sample is None and sample_node is not None)
    if broken or ident is None or title is None or require is None or otherwise is None or unknown is None:
        return None
    return Criterion(ident, group, title, require, reader.mark(fields.node), when, min_sample, otherwise, unknown)


def optional_name(reader: Reader, fields: Fields, key: str) -> str | None:
    """The name under ``key``, or None where none is there (or it is none, which is reported)."""
    node = fields.get(key)
    return reader.name(node, f"`{key}`") if node else None


def effect(reader: Reader, fields: Fields, key: str, default: Otherwise) -> Otherwise | None:
    """The effect under ``key``; ``default`` where the key is not there."""
    node = fields.get(key)
    if node is None:
        return default
    return cast("Otherwise | None", reader.word(node, "an effect", EFFECTS))


def leaves(node: Condition) -> Iterator[Leaf]:
    """The leaves of a condition in file order."""
    if isinstance(node, Leaf):
        yield node
    elif isinstance(node, Not):
        yield from leaves(node.node)
    else:
        assert isinstance(node, All | AnyOf)
        for child in node.nodes:
            yield from leaves(child)


def sampled(scope: Scope, leaf: Leaf) -> bool:
    """Whether the leaf's fact declares a sample."""
    return scope.facts[leaf.fact].sample is not None


def _unique_ids(reader: Reader, items: list[Node]) -> None:
    """Report ids that stand twice, whatever else is wrong with their criteria."""
    unique(reader, (ident for ident, _ in declared(items)), "id")


def unique(reader: Reader, names: Iterator[Scalar], kind: str) -> None:
    """Report each of ``names`` that was there before."""
    seen: dict[str, int] = {}
    for node in names:
        if node.text in seen:
            message = f"the {kind} `{shown(node.text)}` is used twice"
            reader.wrong(node, "duplicate_id", message, f"it stands on line {seen[node.text]} already: choose another")
        else:
            seen[node.text] = node.line


def declared(items: list[Node]) -> Iterator[tuple[Scalar, str | None]]:
    """(id, group or None) as each of ``items`` writes them, also where the rest of it is broken."""
    for item in items:
        if not isinstance(item, Mapping):
            continue
        values = {key.text: value for key, value in item.pairs if isinstance(value, Scalar)}
        if "id" in values:
            yield values["id"], values["group"].text if "group" in values else None
