"""Kind ``facts``: the vocabulary, with types, ranges, samples, ages, and the facts derived from others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import cast

from rules import schema
from rules.durations import parse_span
from rules.loading.derived import derived_facts
from rules.loading.head import version
from rules.loading.reading import Fields, Reader
from rules.loading.scope import Scope, fact_name
from rules.mistakes import shown
from rules.model import MAX_INT, FactDef, FactType, Title
from rules.values import UNKNOWN_TEXTS, parse_unbounded_literal
from rules.words import DURATION_UNITS, FACT_TYPES, KEPT_FOR, NUMERIC_TYPES
from rules.yaml_guard import Mapping, Node, Scalar, Sequence

MAX_DECIMALS = 6
"""Most digits after the point of a score."""
RESERVED_CODES = frozenset({"by", "default"}) | UNKNOWN_TEXTS
"""Words that mean something else where a choice's code stands: in tables, and in facts files."""


def facts(reader: Reader, scope: Scope, node: Node) -> str | None:
    """Load all facts into ``scope``, base facts before derived ones and those in the order they need; the version.

    None where anything is broken; the sound facts are in ``scope`` all the same, and the others known as broken.
    """
    fields = reader.fields(node, schema.FACTS)
    if fields is None:
        scope.facts_whole = False
        return None
    found_version = version(reader, fields)
    facts_node, derived_node = fields.get("facts"), fields.get("derived")
    base = reader.mapping(facts_node, "`facts`") if facts_node else None
    if base is None:
        scope.facts_whole = False
    elif not base.pairs:
        reader.wrong(base, "empty", "`facts` is empty", "write `name: {type: ..., title: ...}`")
    for key, value in base.pairs if base else ():
        fact = _fact(reader, scope, key, value)
        if fact is None:
            scope.broken_facts.add(key.text)
        else:
            scope.facts[key.text] = fact
    if derived_node is not None:
        derived_facts(reader, scope, derived_node, scaled)
    _check_samples(reader, scope, [node for node in (facts_node, derived_node) if node is not None])
    whole = base is not None and base.pairs and not scope.broken_facts
    return found_version if whole else None


def _fact(reader: Reader, scope: Scope, key: Scalar, node: Node) -> FactDef | None:
    name = fact_name(reader, key)
    fields = reader.fields(node, schema.FACT)
    if fields is None:
        return None
    title = reader.title(fields.get("title"), "the title")
    type_node = fields.get("type")
    kind = reader.word(type_node, "a type of fact", FACT_TYPES) if type_node else None
    max_age_node = fields.get("max_age")
    max_age = reader.take(parse_span, max_age_node, "`max_age`") if max_age_node else None
    if kind is None:
        return None
    choices = _choices(reader, fields, kind)
    fact = scaled(reader, scope, key, fields, cast(FactType, kind), title)
    broken = (max_age is None and max_age_node is not None) or (kind in ("choice", "choices") and choices is None)
    if name is None or fact is None or broken:
        return None
    return replace(fact, max_age_ms=max_age, choices=choices)


def scaled(
    reader: Reader, scope: Scope, key: Scalar, fields: Fields, kind: FactType, title: Title | None
) -> FactDef | None:
    """The fact with its decimals, unit, range and sample, as far as its type has them."""
    allowed = {
        "decimals": kind == "score",
        "unit": kind == "duration",
        "range": kind in NUMERIC_TYPES or kind == "date",
        "choices": kind in ("choice", "choices"),
    }
    whole = True
    for name, fits in allowed.items():
        if name in fields and not fits:
            message = f"a {kind} has no `{name}`"
            reader.wrong(fields.key(name), "unknown_key", message, "take it away, or change `type`")
            whole = False
    decimals = _decimals(reader, scope, fields, kind)
    unit_node = fields.get("unit")
    unit = scope.currency if kind == "money" else None
    if kind == "duration":
        if unit_node is None:
            reader.wrong(fields.node, "missing_key", "a duration needs `unit`", "add `unit: days`, or another")
            whole = False
        else:
            unit = reader.word(unit_node, "a unit of time", DURATION_UNITS)
            whole = whole and unit is not None
    sample_node = fields.get("sample")
    sample = reader.text(sample_node, "`sample`") if sample_node else None
    whole = whole and (sample is not None or sample_node is None)
    kept_node = fields.get("kept_for")
    kept_for = reader.word(kept_node, "who may need a fact", KEPT_FOR) if kept_node else None
    whole = whole and (kept_for is not None or kept_node is None)
    if decimals is None or title is None or not whole:
        return None
    fact = FactDef(key.text, kind, title, reader.mark(key), decimals, None, sample, unit=unit, kept_for=kept_for)
    range_node = fields.get("range")
    if range_node is None:
        if kind == "score":
            reader.wrong(fields.node, "missing_key", "a score needs `range`", "add `range: [0, 100]`, or another")
            return None
        return fact
    ends = _range(reader, fact, range_node)
    return None if ends is None else replace(fact, range=ends)


def _decimals(reader: Reader, scope: Scope, fields: Fields, kind: str) -> int | None:
    if kind == "money":
        return scope.currency_decimals
    if kind == "ratio":
        return 9
    node = fields.get("decimals")
    return 0 if kind != "score" or node is None else reader.whole(node, "`decimals`", 0, MAX_DECIMALS)


def _range(reader: Reader, fact: FactDef, node: Node) -> tuple[int, int] | None:
    """Both ends of a range; ``null`` is no end."""
    items = reader.items(node, "`range`", least=2)
    if items is None:
        return None
    if len(items) > 2:
        reader.wrong(items[2], "wrong_shape", "`range` has a third value", "write `[least, greatest]`")
        return None
    ends: list[int] = []
    unbounded = (date.min.toordinal(), date.max.toordinal()) if fact.type == "date" else (-MAX_INT, MAX_INT)
    for item, open_end in zip(items, unbounded, strict=True):
        if isinstance(item, Scalar) and item.is_null:
            ends.append(open_end)
            continue
        value = reader.take(lambda text: parse_unbounded_literal(fact, text), item, "an end of the range")
        if not isinstance(value, int):
            return None
        ends.append(value)
    if ends[0] >= ends[1]:
        reader.wrong(node, "bad_range", "`range` does not end above its beginning", "write `[least, greatest]`")
        return None
    return ends[0], ends[1]


def _choices(reader: Reader, fields: Fields, kind: str) -> dict[str, Title] | None:
    """Code -> title of a choice; None for other types, and where it is broken."""
    node = fields.get("choices")
    if kind not in ("choice", "choices"):
        return None
    if node is None:
        reader.wrong(
            fields.node, "missing_key", f"a {kind} needs `choices`", "add `choices: {code: {en: ..., zh: ...}}`"
        )
        return None
    found = reader.mapping(node, "`choices`")
    if found is None:
        return None
    if not found.pairs:
        reader.wrong(found, "empty", "`choices` is empty", "write `code: {en: ..., zh: ...}`")
        return None
    titles: dict[str, Title] = {}
    for key, value in reader.named(found, "`choices`", codes=True):
        if key.text in RESERVED_CODES:
            reader.wrong(key, "reserved_name", f"`{shown(key.text)}` cannot be a choice", "choose another code")
            continue
        title = reader.title(value, f"the title of `{key.text}`")
        if title is not None:
            titles[key.text] = title
    return titles if len(titles) == len(found.pairs) else None


def _check_samples(reader: Reader, scope: Scope, nodes: list[Node]) -> None:
    """A sample is a count fact other than the fact itself."""
    places: dict[str, Node] = {}
    for node in nodes:
        for key, value in node.pairs if isinstance(node, Mapping) else ():
            for inner, target in value.pairs if isinstance(value, Mapping) else ():
                if inner.text == "sample":
                    places[key.text] = target
    for name, place in places.items():
        fact = scope.facts.get(name)
        if fact is None or isinstance(place, Sequence):
            continue
        sample = scope.fact(reader, place, "`sample`")
        if sample is not None and (sample.type != "count" or sample.name == name):
            said = "itself" if sample.name == name else f"the {sample.type} `{sample.name}`"
            hint = "name the count of observations behind it"
            reader.wrong(place, "bad_sample", f"the sample of `{name}` is {said}", hint)
            sample = None
        if sample is None:
            del scope.facts[name]
            scope.broken_facts.add(name)
