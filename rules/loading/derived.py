"""Derived facts: what they are computed from, in which order, and whether units and bounds come out right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, cast

from rules import schema
from rules.loading.reading import Fields, Reader
from rules.loading.scope import Scope, fact_name
from rules.mistakes import shown
from rules.model import MAX_INT, Derivation, FactDef, FactType, Title
from rules.words import DERIVATIONS, NUMERIC_TYPES
from rules.yaml_guard import Node, Scalar

DerivationOp = Literal["quotient", "difference", "sum", "minimum", "maximum", "age_in_days"]
MakeFact = Callable[[Reader, Scope, Scalar, Fields, FactType, Title | None], FactDef | None]

MAX_CHAIN = 32
"""Most derived facts that build on each other."""

_DIMENSIONS = {"money": (1, 0), "duration": (0, 1), "ratio": (0, 0), "count": (0, 0), "score": (0, 0)}
"""Type -> (money, time): what a quotient divides and a sum must share."""


@dataclass(slots=True)
class _Draft:
    """A derived fact as written: what it is made of, before anybody knows whether that can be computed."""

    key: Scalar
    op: DerivationOp
    args: list[Scalar]
    fact: FactDef


def derived_facts(reader: Reader, scope: Scope, node: Node, make: MakeFact) -> None:
    """Load the derived facts into ``scope``, each after those it needs; ``make`` reads what every fact has."""
    found = reader.mapping(node, "`derived`")
    drafts: dict[str, _Draft] = {}
    for key, value in found.pairs if found else ():
        if key.text in scope.facts or key.text in scope.broken_facts:
            message = f"the fact `{shown(key.text)}` is declared under `facts` already"
            reader.wrong(key, "duplicate_id", message, "choose another name")
            continue
        draft = _draft(reader, scope, key, value, make)
        if draft is None:
            scope.broken_facts.add(key.text)
        else:
            drafts[key.text] = draft
    state: dict[str, str] = {}
    for name in drafts:
        _resolve(reader, scope, drafts, state, [name])


def _draft(reader: Reader, scope: Scope, key: Scalar, node: Node, make: MakeFact) -> _Draft | None:
    name = fact_name(reader, key)
    fields = reader.fields(node, schema.DERIVED)
    if fields is None:
        return None
    ops = [op for op in DERIVATIONS if op in fields]
    if len(ops) > 1:
        second = max((fields.key(op) for op in ops), key=lambda place: (place.line, place.column))
        reader.wrong(second, "two_keys", "a fact is derived in one way", f"keep one of {', '.join(ops)}")
    elif not ops:
        hint = "write one of " + ", ".join(f"`{op}`" for op in DERIVATIONS)
        reader.wrong(fields.node, "missing_key", "a derived fact says how it is computed", hint)
    title = reader.title(fields.get("title"), "the title")
    kind = _type(reader, fields, ops)
    args = _args(reader, fields, ops[0]) if ops else None
    if kind is None:
        return None
    fact = make(reader, scope, key, fields, cast(FactType, kind), title)
    if name is None or fact is None or args is None or len(ops) != 1:
        return None
    return _Draft(key, cast(DerivationOp, ops[0]), args, fact)


def _type(reader: Reader, fields: Fields, ops: list[str]) -> str | None:
    node = fields.get("type")
    if node is None:
        if ops == ["age_in_days"]:
            return "count"
        if ops:
            reader.wrong(fields.node, "missing_key", "a derived fact needs `type`", "add `type: ...`")
        return None
    kind = reader.word(node, "a type of derived fact", NUMERIC_TYPES)
    if ops == ["age_in_days"] and kind not in (None, "count"):
        reader.wrong(node, "derivation", f"an age in days is a count, not a {kind}", "write `type: count`")
        return None
    return kind


def _args(reader: Reader, fields: Fields, op: str) -> list[Scalar] | None:
    """The nodes that name the arguments, in order."""
    node = fields.get(op)
    assert node is not None
    nodes: list[Node] | None
    if op == "age_in_days":
        nodes = [node]
    elif op in ("quotient", "difference"):
        pair = reader.fields(node, schema.OF_BY, f"write `{op}: {{of: ..., by: ...}}`")
        both = [pair.get("of"), pair.get("by")] if pair else []
        nodes = [each for each in both if each is not None]
        if len(nodes) < 2:
            return None
    else:
        nodes = reader.items(node, f"`{op}`", least=2)
    named = [(each, reader.text(each, "a fact")) for each in nodes or ()]
    args = [each for each, name in named if name is not None and isinstance(each, Scalar)]
    return args if named and len(args) == len(named) else None


def _resolve(
    reader: Reader, scope: Scope, drafts: dict[str, _Draft], state: dict[str, str], path: list[str]
) -> FactDef | None:
    """The last of ``path`` as a fact of ``scope``, after what it needs; reports cycles at their first key."""
    name = path[-1]
    draft = drafts[name]
    if state.get(name) == "done":
        return scope.facts.get(name)
    if state.get(name) == "open":
        circle = " -> ".join(f"`{shown(each)}`" for each in path[path.index(name) :])
        reader.wrong(draft.key, "cycle", f"{circle}: a fact cannot be computed from itself", "break the circle")
        return None
    if len(path) > MAX_CHAIN:
        message = f"more than {MAX_CHAIN} facts build on each other"
        reader.wrong(draft.key, "derivation", message, "compute some of them before they come here")
        scope.broken_facts.add(name)
        return None
    state[name] = "open"
    args: list[FactDef | None] = []
    for node in draft.args:
        if node.text in drafts:
            args.append(_resolve(reader, scope, drafts, state, [*path, node.text]))
        else:
            args.append(scope.fact(reader, node))
    state[name] = "done"
    whole = [arg for arg in args if arg is not None]
    if len(whole) < len(args) or not _fits(reader, draft, whole):
        scope.broken_facts.add(name)
        return None
    fact = replace(draft.fact, derivation=Derivation(draft.op, tuple(arg.name for arg in whole)))
    scope.facts[name] = fact
    return fact


# --- units and bounds ---------------------------------------------------------------------------------------------


def _fits(reader: Reader, draft: _Draft, args: list[FactDef]) -> bool:
    """Whether types go together and, where the fact has no range, the result stays within 2^53."""
    for node, arg in zip(draft.args, args, strict=True):
        wanted = ("date",) if draft.op == "age_in_days" else NUMERIC_TYPES
        if arg.type not in wanted:
            message = f"`{arg.name}` is a {arg.type}, which `{draft.op}` cannot take"
            hint = "name a date" if draft.op == "age_in_days" else "name a number"
            reader.wrong(node, "derivation", message, hint)
            return False
    if draft.op == "age_in_days":
        return True
    if not _same_dimension(draft, args):
        kinds = ", ".join(f"`{arg.name}` ({arg.type})" for arg in args)
        message = f"the {draft.op} of {kinds} is no {draft.fact.type}"
        hint = "money by money and time by time are plain numbers; sums need one kind"
        reader.wrong(draft.key, "derivation", message, hint)
        return False
    if draft.fact.range is None and _greatest(draft.op, args) * 10**draft.fact.decimals > MAX_INT:
        message = f"`{draft.fact.name}` can leave 2^53"
        reader.wrong(draft.key, "arithmetic", message, "add `range: [...]`: outside it the fact is unknown")
        return False
    return True


def _same_dimension(draft: _Draft, args: list[FactDef]) -> bool:
    dimensions = [_DIMENSIONS[arg.type] for arg in args]
    result = _DIMENSIONS[draft.fact.type]
    if draft.op == "quotient":
        of, by = dimensions
        return (of[0] - by[0], of[1] - by[1]) == result
    return all(each == result for each in dimensions)


def _greatest(op: str, args: list[FactDef]) -> Fraction:
    """The greatest absolute display value that ``op`` can have over the ranges of ``args``."""
    sizes = [max(abs(end) for end in _ends(arg)) for arg in args]
    if op == "quotient":
        low, high = _ends(args[1])
        # a divisor that may be 0 makes the result unknown there; next to 0 it is one step of its scale
        least = low if low > 0 else -high if high < 0 else Fraction(1, 10 ** args[1].decimals)
        return sizes[0] / least
    return sum(sizes, Fraction(0)) if op in ("sum", "difference") else max(sizes)


def _ends(fact: FactDef) -> tuple[Fraction, Fraction]:
    low, high = fact.range or (-MAX_INT, MAX_INT)
    return Fraction(low, 10**fact.decimals), Fraction(high, 10**fact.decimals)
