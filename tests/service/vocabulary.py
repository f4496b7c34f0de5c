"""A small vocabulary and a book around it, for tests of readers."""

from __future__ import annotations

from typing import Any

from rules.model import Book, Derivation, FactDef, FactType, Mark, Programme, Title
from rules.values import parse_unbounded_literal

MARK = Mark("facts.yaml", 1, 1)
DECIMALS = {"money": 2, "ratio": 9, "score": 1}


def fact(name: str, kind: FactType, *, range_: tuple[str, str] | None = None, **more: Any) -> FactDef:
    """A fact of ``kind``; ``range_`` in the notation of rule files."""
    made = FactDef(name, kind, Title(name, name), MARK, decimals=DECIMALS.get(kind, 0), **more)
    if range_ is None:
        return made
    low, high = (parse_unbounded_literal(made, text) for text in range_)
    assert isinstance(low, int)
    assert isinstance(high, int)
    return FactDef(name, kind, Title(name, name), MARK, decimals=made.decimals, range=(low, high), **more)


CHOICES = {code: Title(code, code) for code in ("apparel", "food", "other")}
FACTS = {
    item.name: item
    for item in (
        fact("gmv_90d", "money", range_=("0 CNY", "1_000_000_000 CNY")),
        fact("late_rate", "ratio", range_=("0%", "100%")),
        fact("orders", "count", range_=("0", "1_000_000")),
        fact("review", "score", range_=("1", "5")),
        fact("reply", "duration", unit="minutes"),
        fact("own", "flag"),
        fact("category", "choice", choices=CHOICES),
        fact("papers", "choices", choices=CHOICES),
        fact("since", "date"),
        fact("name", "text"),
        fact("days", "count", derivation=Derivation("age_in_days", ("since",))),
    )
}


def book(currency: str = "CNY", time_zone: str = "Asia/Shanghai") -> Book:
    """A book of nothing but ``FACTS`` and a programme."""
    programme = Programme(
        version="1",
        currency=currency,
        currency_decimals=2,
        time_zone=time_zone,
        business_days="CN",
        traffic_unit=Title("impressions", "次"),
        pools={},
        targets={},
        baseline={},
        review={},
        mark=MARK,
    )
    return Book(
        sha256="0" * 64,
        closure=b"",
        facts_version="1",
        facts=FACTS,
        eligibility={},
        routing={},
        maintenance={},
        incentive={},
        programme=programme,
    )
