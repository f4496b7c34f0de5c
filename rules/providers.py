"""What a matching book can ask of a provider: its attributes as facts, and a candidate's values at one moment.

Attributes are compared like facts of a party, by the same leaves and the same engine. What a provider has in common
with a party is a leaf with a table by the party's own fact, which stands among the values under a name that no
attribute and no fact can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastbrand.domain.provider import CAPACITY_MAX, SCORE_DECIMALS, SCORE_MAX
from rules.model import FactDef, Leaf, Mark, Same, Table, Title, Value
from rules.records import Candidate
from rules.situation import Facts
from rules.terms import FactType
from rules.words import CAPABILITIES, SHARED

_NOWHERE = Mark("", 0, 0)
_CAPABILITY_TITLES = {
    "content": Title("Help with content", "内容服务能力"),
    "business": Title("Help with business", "经营服务能力"),
    "repurchase": Title("Help with repurchase", "复购服务能力"),
    "private_domain": Title("Help with the private domain", "私域服务能力"),
}
_TYPES = {
    "mcn": Title("MCN", "MCN机构"),
    "industrial_belt": Title("Industrial-belt provider", "产业带服务商"),
    "merchant": Title("Merchant provider", "商家服务商"),
    "brand": Title("Brand provider", "品牌服务商"),
}
_NUMBERS: dict[str, tuple[FactType, Title]] = {
    "capacity": ("count", Title("Capacity", "服务容量")),
    "load": ("count", Title("Load", "已服务数")),
    "free_capacity": ("count", Title("Free capacity", "剩余容量")),
    "track_record": ("score", Title("Track record", "过往业绩分")),
    **{name: ("score", title) for name, title in _CAPABILITY_TITLES.items()},
}
ATTRIBUTES = ("type", "categories", "region", *_NUMBERS)
"""Names of a provider's attributes: ``categories`` and ``region`` have the choices of a party's facts."""

ALWAYS_KNOWN = frozenset({"type", "categories", "capacity", "load", "free_capacity"})
"""Attributes that the register has of every provider."""


def provider_facts(facts: Mapping[str, FactDef]) -> dict[str, FactDef]:
    """The attributes of providers as facts of a vocabulary of their own.

    ``facts`` is the vocabulary of the book: where it has no choice fact ``category`` or ``region``, there is no
    attribute of that name.
    """
    found: dict[str, FactDef] = {}

    def add(name: str, kind: FactType, title: Title, **more: Any) -> None:
        found[name] = FactDef(name, kind, title, _NOWHERE, **more)

    add("type", "choice", Title("Type of provider", "服务商类型"), choices=_TYPES)
    for name, (kind, title) in _NUMBERS.items():
        score = kind == "score"
        top = SCORE_MAX if score else CAPACITY_MAX
        add(name, kind, title, decimals=SCORE_DECIMALS if score else 0, range=(0, top))
    category, region = (_choice(facts, name) for name in SHARED)
    if category is not None:
        add("categories", "choices", Title("Categories", "服务类目"), choices=category.choices)
        add(party_name("category"), "choice", category.title, choices=category.choices)
    if region is not None:
        add("region", "choice", Title("Region", "服务地区"), choices=region.choices)
        add(party_name("region"), "choice", region.title, choices=region.choices)
    return found


def _choice(facts: Mapping[str, FactDef], name: str) -> FactDef | None:
    fact = facts.get(name)
    return fact if fact is not None and fact.type == "choice" else None


def party_name(fact: str) -> str:
    """What the party's own ``fact`` is called among the values of a candidate (no name has a space)."""
    return f"party {fact}"


def common_leaf(same: Same, facts: Mapping[str, FactDef]) -> Leaf:
    """``same`` as a comparison of the provider by a table of the party's fact: of its own code only."""
    codes = list(facts[same.fact].choices or {})
    if same.fact == "category":
        rows: dict[str, Any] = {code: (code,) for code in codes}
        return Leaf("categories", "one_of", Table(party_name("category"), rows, None), same.mark)
    return Leaf("region", "is", Table(party_name("region"), {code: code for code in codes}, None), same.mark)


def candidate_facts(candidate: Candidate, party: Facts, vocabulary: Mapping[str, FactDef]) -> Facts:
    """What is known of ``candidate``, beside what it is compared with of ``party``.

    Codes that the book does not declare (any more) are not known to it.
    """
    values: dict[str, Value | None] = {
        "type": candidate.type,
        "capacity": candidate.capacity,
        "load": candidate.load,
        "free_capacity": candidate.capacity - candidate.load,
        "track_record": candidate.track_record,
        **{name: candidate.capabilities.get(name) for name in CAPABILITIES},
    }
    if "categories" in vocabulary:
        declared = vocabulary["categories"].choices or {}
        values["categories"] = tuple(sorted(set(candidate.categories) & set(declared)))
        values[party_name("category")] = party.values["category"]
    if "region" in vocabulary:
        declared = vocabulary["region"].choices or {}
        values["region"] = candidate.region if candidate.region in declared else None
        values[party_name("region")] = party.values["region"]
    return Facts(party.moment, values, {}, ())
