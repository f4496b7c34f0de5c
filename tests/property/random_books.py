"""Random small books and records for them: every construct, and values at, beside and far from every threshold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from random import Random
from typing import Any, TypeVar

from rules.model import (
    All,
    AnyOf,
    Book,
    Criterion,
    Derivation,
    FactDef,
    Head,
    Leaf,
    Mark,
    Node,
    Not,
    Otherwise,
    Programme,
    Score,
    ScorePart,
    Table,
    Title,
)
from rules.records import Observed, Record
from rules.values import to_text

MARK = Mark("random.yaml", 1, 1)
TITLE = Title("a", "甲")
CODES = ("a", "b", "c", "d")
MANY = tuple(f"code{number}" for number in range(20))
EPOCH = date(2022, 6, 1).toordinal()
HOSTILE = (
    *("abc", "1e400", "-1e-400", "٣", " 7 ", "-0", "+5", "NaN", "null", "", "0x10", "1_000", "1,5", "inf", "true", "|"),
    *(
        "9007199254740992",
        "-4503599627370496",
        "9007199254740991",
        "1e16",
        "30.0",
        "8.33%",
        "a|b",
        "a|zz",
        "2022-02-30",
    ),
    *("2022-06-01", "é" * 40, "a\x00b", ".5", "5.", "1e5", "0.0000000005", "0.00000000049", "zz", "code3"),
)

NUMERIC = ("money", "ratio", "count", "score", "duration")


_T = TypeVar("_T")


def some(rng: Random, items: Sequence[_T], least: int = 1) -> list[_T]:
    """At least ``least`` of ``items``, in their order."""
    kept = rng.sample(range(len(items)), rng.randint(least, len(items)))
    return [items[place] for place in sorted(kept)]


def facts(rng: Random) -> dict[str, FactDef]:
    """One fact of each type, some with ranges, ages and samples, and derived facts over them."""
    ages = [None, 86_400_000, 3_024_000_000]
    made: dict[str, FactDef] = {}

    def fact(name: str, type_: Any, **more: Any) -> None:
        made[name] = FactDef(name, type_, TITLE, MARK, **more)

    sample = rng.choice([None, "count_a"])
    spread = rng.choice([None, (0, 10**6), (-(10**6), 10**6)])
    fact("count_a", "count", range=rng.choice([None, (0, 1000)]), max_age_ms=rng.choice(ages))
    fact("money_a", "money", decimals=2, range=spread, sample=sample, max_age_ms=rng.choice(ages))
    fact("ratio_a", "ratio", decimals=9, range=rng.choice([None, (0, 10**9)]), sample=sample)
    fact("score_a", "score", decimals=rng.choice([0, 1, 2]), range=(0, 10_000), max_age_ms=rng.choice(ages))
    fact("duration_a", "duration", unit=rng.choice(["minutes", "days"]), range=(0, 10**12))
    fact("flag_a", "flag")
    fact("choice_a", "choice", choices=dict.fromkeys(CODES, TITLE), max_age_ms=rng.choice(ages))
    fact("choice_b", "choice", choices=dict.fromkeys(MANY, TITLE))
    fact("choices_a", "choices", choices=dict.fromkeys(CODES, TITLE), sample=sample)
    fact("date_a", "date", range=rng.choice([None, (EPOCH - 400, EPOCH + 400)]))
    fact("text_a", "text", sample=sample)
    fact("base_a", rng.choice(["money", "count"]), range=(0, 10**12))
    if made["base_a"].type == "money":
        fact("base_a", "money", decimals=2, range=(0, 10**12))
    narrow = [None, (0, 500), (-100, 10**7)]
    for name, op, args, type_, decimals in (
        ("age_a", "age_in_days", ("date_a",), "count", 0),
        ("quotient_a", "quotient", (rng.choice(_MEASURES), rng.choice(_MEASURES)), "ratio", 9),
        ("quotient_b", "quotient", ("score_a", "ratio_a"), "score", 1),
        ("sum_a", "sum", ("score_a", "score_a", "count_a"), "score", rng.choice([0, 1, 3])),
        ("difference_a", "difference", ("money_a", "base_a"), "money", 2),
        ("least_a", "minimum", ("sum_a", "quotient_b"), "score", 1),
        ("most_a", "maximum", ("age_a", "count_a"), "count", 0),
    ):
        fact(name, type_, decimals=decimals, range=rng.choice(narrow), derivation=Derivation(op, args))  # type: ignore[arg-type]  # op is one of the words
    return made


_MEASURES = ("money_a", "ratio_a", "count_a", "score_a")


def pool(fact: FactDef) -> list[int]:
    """Stored values worth asking for and worth having: few, so that records meet thresholds."""
    low, high = fact.range or (-(2**53) + 1, 2**53 - 1)
    near = {
        "money": [0, 100, 4_999, 5_000, 5_001, 10**6],
        "ratio": [0, 83_300_000, 150_000_000, 500_000_000, 10**9],
        "count": [0, 1, 29, 30, 31, 999],
        "score": [0, 1, 50, 600, 1000, 9_999],
        "duration": [0, 60_000, 86_400_000, 864_000_000],
        "date": [EPOCH - 400, EPOCH - 30, EPOCH - 1, EPOCH, EPOCH + 1],
    }[fact.type]
    extremes = [low, high] if fact.type != "date" else []
    return [value for value in (*near, *extremes) if low <= value <= high]


def leaf(rng: Random, made: dict[str, FactDef]) -> Leaf:
    """A comparison over any fact, now and then with a threshold by a choice."""
    fact = made[rng.choice(list(made))]
    ops: tuple[Any, ...] = {
        "flag": ("is", "is_not"),
        "choice": ("is", "is_not", "one_of", "none_of"),
        "choices": ("is", "is_not", "one_of", "none_of"),
        "date": ("before", "after", "between", "within_days", "is", "is_not"),
        "text": ("is", "is_not", "one_of", "none_of", "matches"),
    }.get(fact.type, ("at_least", "at_most", "more_than", "less_than", "between", "is", "is_not"))
    op = rng.choice(ops)
    operand = _operand(rng, fact, op)
    if rng.randint(0, 3) == 0:
        rows = {code: _operand(rng, fact, op) for code in some(rng, CODES)}
        operand = Table("choice_a", rows, None if set(rows) == set(CODES) else operand)
    return Leaf(fact.name, op, operand, MARK)


def _operand(rng: Random, fact: FactDef, op: str) -> Any:
    if fact.type == "text":
        if op == "matches":
            return rng.choice(["^a", "b+$", "[一-龥]", "x|y", "\\d{2}"])
        words = ["abc", "快品牌", "x12", "b"]
        return rng.choice(words) if op in ("is", "is_not") else tuple(some(rng, words))
    if fact.type == "flag":
        return rng.randint(0, 1)
    if fact.type in ("choice", "choices"):
        codes = list(fact.choices or {})
        return (
            rng.choice(codes) if fact.type == "choice" and op in ("is", "is_not") else tuple(sorted(some(rng, codes)))
        )
    if op == "within_days":
        return rng.choice([0, 1, 30])
    values = pool(fact)
    if op == "between":
        return tuple(sorted((rng.choice(values), rng.choice(values))))
    return rng.choice(values)


def node(rng: Random, made: dict[str, FactDef], depth: int = 2) -> Node:
    """A tree of comparisons."""
    kind = rng.choice(["leaf", "leaf", "all", "any", "not"]) if depth else "leaf"
    if kind == "leaf":
        return leaf(rng, made)
    if kind == "not":
        return Not(node(rng, made, depth - 1), MARK)
    children = tuple(node(rng, made, depth - 1) for _ in range(rng.randint(1, 3)))
    return All(children, MARK) if kind == "all" else AnyOf(children, MARK)


def criterion(rng: Random, made: dict[str, FactDef], name: str) -> Criterion:
    """A criterion with or without `when`, `min_sample` and effects of its own."""
    effects: tuple[Otherwise, ...] = ("reject", "refer", "note")
    return Criterion(
        name,
        rng.choice(["g1", "g2"]),
        TITLE,
        node(rng, made),
        MARK,
        node(rng, made, 1) if rng.choice((True, False)) else None,
        rng.choice([None, None, 1, 30]),
        rng.choice(effects),
        rng.choice(effects),
    )


def score(rng: Random, made: dict[str, FactDef], name: str) -> Score:
    """A weighted sum over two numeric facts, with curves that rise, fall and cross piece by piece."""
    names = rng.sample([name for name, fact in made.items() if fact.type in NUMERIC], 2)
    first = rng.choice([Fraction(40), Fraction(100, 3), Fraction(1, 2)])
    parts = []
    for part, weight in zip(names, (first, 100 - first), strict=True):
        fact = made[part]
        xs = some(rng, sorted(set(pool(fact))), 2)
        ys = [rng.choice((0, 7, 60, 100, -20)) for _ in xs]
        points = [(Fraction(x, 10**fact.decimals), Fraction(y)) for x, y in zip(xs, ys, strict=True)]
        parts.append(ScorePart(part, weight, tuple(points), MARK))
    return Score(name, TITLE, rng.choice([0, 1, 2]), tuple(parts), MARK)


def head(name: str, kind: str) -> Head:
    return Head(name, kind, "1", TITLE, None, ("M",), None, None, "pin", "random.yaml", MARK)


def book(made: dict[str, FactDef], **kinds: Any) -> Book:
    """A book of these facts and rule books."""
    programme = Programme("1", "CNY", 2, "Asia/Shanghai", "CN", TITLE, {}, {}, {}, {}, MARK)
    empty: dict[str, Any] = {"eligibility": {}, "routing": {}, "maintenance": {}, "incentive": {}}
    return Book("0" * 64, b"", "1", made, programme=programme, **{**empty, **kinds})


def moment(rng: Random) -> datetime:
    """A moment near the local midnight of Shanghai (16:00 UTC), where a day more or less shows."""
    shift = rng.choice([-1, 0, 1, 3_600_000_000, -40_000_000_000])
    return datetime(2022, 6, 1, 16, tzinfo=UTC) + timedelta(microseconds=shift)


def record(rng: Random, made: dict[str, FactDef], as_of: datetime, *, hostile: bool) -> Record:
    """A party with most facts; ``hostile``: now and then with a text that is no value, or a strange one."""
    given = {}
    for name, fact in made.items():
        if fact.derivation is not None or rng.randint(0, 9) == 0:
            continue
        text: str | None = _text(rng, fact)
        if hostile and rng.randint(0, 7) == 0:
            text = rng.choice([None, *HOSTILE])
        at = None
        if fact.max_age_ms is not None:
            late = rng.choice([None, 0, 1, -1])
            at = None if late is None else as_of - timedelta(milliseconds=fact.max_age_ms, microseconds=late)
        given[name] = Observed(text, at, "test")
    return Record("p", given)


def _text(rng: Random, fact: FactDef) -> str:
    if fact.type == "text":
        return str(rng.choice(["abc", "快品牌", "x12", "b", "xyz"]))
    if fact.type == "flag":
        return str(rng.choice(["true", "false"]))
    if fact.type == "choice":
        return str(rng.choice(list(fact.choices or {})))
    if fact.type == "choices":
        return "|".join(some(rng, CODES, 0)) or "|"
    value = rng.choice(pool(fact)) + rng.choice([0, 0, 1, -1])
    low, high = fact.range or (-(2**53) + 1, 2**53 - 1)
    return to_text(fact, max(low, min(high, value)))
