"""The register that a case of a matching book is given: providers, read with the place of every mistake."""

from __future__ import annotations

from collections.abc import Mapping

from fastbrand.domain.provider import CAPACITY_MAX, SCORE_DECIMALS, SCORE_MAX
from rules.loading.reading import Fields, Reader
from rules.mistakes import shown
from rules.model import FactDef
from rules.records import Candidate
from rules.testing import shape
from rules.words import CAPABILITIES, PROVIDER_TYPES
from rules.yaml_guard import Node, Scalar

MAX_PROVIDERS = 1_000
"""Most providers of one case."""


def register(reader: Reader, facts: Mapping[str, FactDef], node: Node) -> tuple[Candidate, ...] | None:
    """The providers that ``node`` lists; None where one of them has a mistake."""
    items = reader.items(node, "`providers`", least=0)
    if items is None:
        return None
    if len(items) > MAX_PROVIDERS:
        reader.wrong(items[MAX_PROVIDERS], "out_of_range", f"more than {MAX_PROVIDERS} providers", "take some away")
        return None
    seen: dict[str, int] = {}
    read = [_provider(reader, facts, item, seen) for item in items]
    whole = tuple(each for each in read if each is not None)
    return whole if len(whole) == len(read) else None


def gaps(reader: Reader, node: Node) -> tuple[str, ...] | None:
    """The capabilities that ``node`` lists, in the order of the language."""
    items = reader.items(node, "`gaps`", least=0)
    words = [reader.word(item, "a capability", CAPABILITIES) for item in items or ()]
    if items is None or None in words:
        return None
    return tuple(name for name in CAPABILITIES if name in words)


def _provider(reader: Reader, facts: Mapping[str, FactDef], node: Node, seen: dict[str, int]) -> Candidate | None:
    fields = reader.fields(node, shape.TEST_PROVIDER, "write `{id: ..., type: ...}`")
    if fields is None:
        return None
    before = len(reader.report.mistakes)
    id_node, type_node = fields.get("id"), fields.get("type")
    ident = reader.name(id_node, "`id`") if id_node else None
    if ident is not None and id_node is not None:
        if ident in seen:
            hint = f"it stands on line {seen[ident]} already: choose another"
            reader.wrong(id_node, "duplicate_id", f"the provider `{shown(ident)}` is used twice", hint)
        seen.setdefault(ident, id_node.line)
    kind = reader.word(type_node, "a type of provider", PROVIDER_TYPES) if type_node else None
    capacity, load = _whole(reader, fields, "capacity", 1), _whole(reader, fields, "load", 0)
    load_node = fields.get("load")
    if capacity is not None and load is not None and load > capacity:
        place = load_node or fields.node
        reader.wrong(place, "out_of_range", f"the load is above the capacity of {capacity}", "mend one of both")
    categories = _categories(reader, facts, fields)
    region_node = fields.get("region")
    region = _code(reader, facts, "region", region_node) if region_node else None
    scores = {name: _score(reader, fields, name) for name in ("track_record", *CAPABILITIES)}
    sound = len(reader.report.mistakes) == before and all(key.text in fields for key, _ in fields.node.pairs)
    if not sound or ident is None or kind is None or capacity is None or load is None:
        return None
    known = {name: score for name in CAPABILITIES if (score := scores[name]) is not None}
    return Candidate(ident, kind, categories, region, capacity, load, scores["track_record"], known)


def _whole(reader: Reader, fields: Fields, name: str, default: int) -> int | None:
    node = fields.get(name)
    return default if node is None else reader.whole(node, f"`{name}`", 0, CAPACITY_MAX)


def _score(reader: Reader, fields: Fields, name: str) -> int | None:
    """A score in tenths; None where there is none (or it is none, which is reported)."""
    node = fields.get(name)
    number = None if node is None else reader.number(node, f"`{name}`")
    if node is None or number is None:
        return None
    scaled = number * 10**SCORE_DECIMALS
    if scaled.denominator != 1:
        reader.wrong(node, "too_fine", f"`{name}` has {SCORE_DECIMALS} digit after the point", "use fewer digits")
        return None
    if not 0 <= scaled <= SCORE_MAX:
        reader.wrong(node, "out_of_range", f"`{name}` is out of range", "write 0 to 100")
        return None
    return int(scaled)


def _categories(reader: Reader, facts: Mapping[str, FactDef], fields: Fields) -> tuple[str, ...]:
    node = fields.get("categories")
    items = reader.items(node, "`categories`") if node else None
    codes = [_code(reader, facts, "category", item) for item in items or ()]
    return tuple(sorted({code for code in codes if code is not None}))


def _code(reader: Reader, facts: Mapping[str, FactDef], name: str, node: Node) -> str | None:
    """The code of the choice fact ``name`` in ``node``."""
    fact = facts.get(name)
    choices = {} if fact is None or fact.type != "choice" else fact.choices or {}
    text = reader.text(node, f"a choice of `{name}`")
    if text is None or text in choices:
        return text
    assert isinstance(node, Scalar)
    hint = reader.report.nearest(text, choices) or f"declare a choice `{name}` in facts.yaml"
    reader.wrong(node, "unknown_choice", f"`{shown(text)}` is not a choice of `{name}`", hint)
    return None
