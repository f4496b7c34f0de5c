"""Kind ``matching``: which service provider is proposed to whom, and what speaks for one more than for another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

from rules import matching_schema as shapes
from rules.decimals import fraction_text
from rules.loading.conditions import comparison, single
from rules.loading.head import head
from rules.loading.reading import Fields, Reader
from rules.loading.scope import Scope
from rules.loading.scores import fact_curve
from rules.mistakes import shown
from rules.model import Covers, FactDef, Leaf, Matching, Preference, Preferred, ProviderCurve, Requirement, Same
from rules.providers import party_name, provider_facts
from rules.words import GAPS, NUMERIC_TYPES, PROVIDER_TYPES, SERVED, SHARED
from rules.yaml_guard import Mapping, Node, Scalar

MAX_OFFERS = 100
"""Most providers that a book may propose at once."""


def matching(reader: Reader, scope: Scope, node: Node) -> Matching | None:
    """A matching book. Its head's parties are all whom it serves."""
    fields = reader.fields(node, shapes.MATCHING)
    if fields is None:
        return None
    found_head = head(reader, fields)
    attributes = _Attributes(reader, scope)
    serves = _serves(reader, fields.get("serves"))
    require = _all(reader, fields, "require", attributes.requirement)
    prefer = _all(reader, fields, "prefer", attributes.preference)
    offers_node = fields.get("offers")
    offers = reader.whole(offers_node, "`offers`", 1, MAX_OFFERS) if offers_node else None
    prefer = None if prefer is None else _weighed(reader, fields, prefer)
    if found_head is None or serves is None or require is None or prefer is None or offers is None:
        return None
    served = {kind for kinds in serves.values() for kind in kinds}
    whole_head = replace(found_head, parties=tuple(kind for kind in SERVED if kind in served))
    marks = {name: reader.mark(fields.key(name)) for name in ("serves", "require", "prefer", "offers")}
    return Matching(whole_head, serves, tuple(require), tuple(prefer), offers, marks)


def _serves(reader: Reader, node: Node | None) -> dict[str, tuple[str, ...]] | None:
    """Type of provider -> whom it serves."""
    found = reader.mapping(node, "`serves`", "write `{mcn: [K], ...}`") if node else None
    if found is None:
        return None
    if not found.pairs:
        reader.wrong(found, "empty", "`serves` is empty", "write `{mcn: [K], ...}`")
        return None
    read = {key.text: _kinds(reader, key, value) for key, value in found.pairs}
    whole = {name: kinds for name, kinds in read.items() if kinds is not None}
    return whole if len(whole) == len(read) else None


def _kinds(reader: Reader, key: Scalar, node: Node) -> tuple[str, ...] | None:
    known = reader.word(key, "a type of provider", PROVIDER_TYPES)
    items = reader.items(node, f"whom `{shown(key.text)}` serves")
    kinds: list[str] = []
    for item in items or ():
        kind = reader.word(item, "`K`, `M` or `S`", SERVED)
        if kind is not None and kind in kinds:
            reader.wrong(item, "duplicate_id", f"`{kind}` is listed twice", "keep one")
            return None
        if kind is None:
            return None
        kinds.append(kind)
    return None if known is None or items is None else tuple(kinds)


def _all(reader: Reader, fields: Fields, name: str, read: Callable[[Node], Any]) -> list[Any] | None:
    """Every entry of the list under ``name``; None where one of them has a mistake."""
    node = fields.get(name)
    items = reader.items(node, f"`{name}`") if node else None
    found = [read(item) for item in items or ()]
    return None if items is None or None in found else found


def _weighed(reader: Reader, fields: Fields, prefer: list[Preference]) -> list[Preference] | None:
    total = sum((each.weight for each in prefer), Fraction(0))
    if total == 100:
        return prefer
    node = fields.get("prefer")
    assert node is not None
    message = f"the weights of `prefer` sum to {fraction_text(total)}, not 100"
    reader.wrong(node, "weights", message, "weights are points of 100")
    return None


class _Attributes:
    """Reads what is asked of a provider."""

    def __init__(self, reader: Reader, scope: Scope) -> None:
        self._reader, self._scope = reader, scope
        facts = provider_facts(scope.facts)
        whose = {party_name(name) for name in SHARED}
        self._known = {name: fact for name, fact in facts.items() if name not in whose}
        self._own = Scope(facts=self._known)

    def requirement(self, node: Node) -> Requirement | None:
        """What must certainly hold."""
        fields = self._reader.fields(node, shapes.REQUIREMENT, "write `{provider: {...}}` or `{same: category}`")
        if fields is None or not self._one(fields, ("provider", "same")):
            return None
        found = self._same(fields) if "same" in fields else self._compared(fields)
        return found if isinstance(found, Leaf | Same) else None

    def preference(self, node: Node) -> Preference | None:
        """What speaks for a provider, and how much."""
        fields = self._reader.fields(node, shapes.PREFERENCE, "write `{weight: 50, covers: capability_gaps}`")
        if fields is None:
            return None
        weight_node = fields.get("weight")
        weight = self._reader.number(weight_node, "`weight`") if weight_node else None
        if weight_node is not None and weight is not None and weight <= 0:
            self._reader.wrong(weight_node, "out_of_range", "a weight is above 0", "write points of 100")
            weight = None
        if not self._one(fields, ("covers", "same", "provider")):
            return None
        what: Preferred | None
        if "covers" in fields:
            covers = fields.get("covers")
            word = self._reader.word(covers, f"`{GAPS}`", (GAPS,)) if covers else None
            what = None if word is None else Covers(self._reader.mark(fields.key("covers")))
        else:
            what = self._same(fields) if "same" in fields else self._compared(fields, curves=True)
        return None if weight is None or what is None else Preference(weight, what, self._reader.mark(fields.node))

    def _one(self, fields: Fields, names: tuple[str, ...]) -> bool:
        """Whether exactly one of ``names`` is there; otherwise reported."""
        written = [key for key, _ in fields.node.pairs if key.text in names]
        if len(written) > 1:
            message = f"`{written[1].text}` is a second condition in one entry"
            self._reader.wrong(written[1], "two_keys", message, "make two entries of it")
        elif not written:
            listed = ", ".join(f"`{name}`" for name in names)
            self._reader.wrong(fields.node, "missing_key", f"the entry needs one of {listed}", "add one")
        return len(written) == 1 and written[0].text in fields

    def _same(self, fields: Fields) -> Same | None:
        node = fields.get("same")
        name = self._reader.word(node, "`category` or `region`", SHARED) if node else None
        if node is None or name is None or name in self._scope.broken_facts:
            return None
        fact = self._scope.facts.get(name)
        if fact is not None and fact.type == "choice":
            return Same(name, self._reader.mark(fields.key("same")))
        if fact is not None:
            message = f"`{name}` is a {fact.type}: parties and providers share a choice"
            self._reader.wrong(node, "wrong_type", message, "make it a choice in facts.yaml")
        elif self._scope.facts_whole:
            self._reader.wrong(node, "unknown_fact", f"there is no fact `{name}`", "declare it in facts.yaml")
        return None

    def _compared(self, fields: Fields, *, curves: bool = False) -> Leaf | ProviderCurve | None:
        """``{attribute: {operator: operand}}``, or with ``curves`` also ``{attribute: {curve: ...}}``."""
        reader, node = self._reader, fields.get("provider")
        hint = "write `{free_capacity: {at_least: 1}}`"
        pair = None if node is None else single(reader, node, "what the provider must be like", hint)
        if pair is None:
            return None
        key, value = pair
        attribute = self._attribute(key)
        inner = value.pairs if isinstance(value, Mapping) else []
        curve = next((each for each in inner if each[0].text == "curve"), None)
        if curve is None or not curves:
            return comparison(reader, self._own, attribute, key, value)
        if single(reader, value, f"the curve of `{shown(key.text)}`", "write `{curve: [[0, 0], [100, 100]]}`") is None:
            return None
        return None if attribute is None else self._curve(attribute, key, curve[1])

    def _attribute(self, key: Scalar) -> FactDef | None:
        fact = self._known.get(key.text)
        broken = {"categories": "category", "region": "region"}.get(key.text) in self._scope.broken_facts
        if fact is None and not broken and (self._scope.facts_whole or key.text not in ("categories", "region")):
            hint = self._reader.report.nearest(key.text, self._known)
            message = f"a provider has no attribute `{shown(key.text)}`"
            if key.text in ("categories", "region"):
                hint = f"declare a choice `{'category' if key.text == 'categories' else 'region'}` in facts.yaml"
            self._reader.wrong(key, "unknown_attribute", message, hint)
        return fact

    def _curve(self, fact: FactDef, key: Scalar, node: Node) -> ProviderCurve | None:
        reader = self._reader
        if fact.type not in NUMERIC_TYPES:
            message = f"`{fact.name}` is a {fact.type}: a curve is over numbers"
            reader.wrong(key, "wrong_type", message, "use a number of the provider, or compare it")
            return None
        curve = fact_curve(reader, fact, node)
        if curve is None:
            return None
        if any(not 0 <= points <= 100 for _, points in curve):
            reader.wrong(node, "out_of_range", "the points leave 0 to 100", "the weight says how much they count")
            return None
        return ProviderCurve(fact.name, curve, reader.mark(key))
