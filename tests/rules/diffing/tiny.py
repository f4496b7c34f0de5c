"""Books over facts with few values, so that every record there is can be tried: the truth to hold the solver to."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from random import Random
from typing import Any

import polars as pl

from rules.columnar import compile_book
from rules.model import Book, Derivation, Eligibility, FactDef, FailedAtom, Head, Row, ScoreAtom, UnknownAtom
from tests.property import random_books
from tests.property.random_books import EPOCH, MARK, TITLE
from tests.rules.diffing import mutations

LEVELS = ["ineligible", "refer", "eligible"]
DAYS = (EPOCH, EPOCH + 1)
"""Both days on which the new rule book is in force."""
AGES = (None, 1, 2_000_000, 4_000_000_000)
"""Ages in ms at which a fact was observed: just now, or older than one, or each, of the ages that books allow."""


def facts(rng: Random) -> dict[str, FactDef]:
    """A few facts, each with a handful of values; what is derived of them may use them all."""
    made: dict[str, FactDef] = {}

    def fact(name: str, type_: Any, **more: Any) -> None:
        made[name] = FactDef(name, type_, TITLE, MARK, **more)

    decimals = rng.choice([0, 1])
    fact("count_a", "count", range=(0, 2))
    fact("score_a", "score", decimals=decimals, range=(0, 3 * 10**decimals), sample=rng.choice([None, "count_a"]))
    fact("count_b", "count", range=(-2, 2), max_age_ms=rng.choice([None, 1_000_000]))
    fact("flag_a", "flag")
    fact("choice_a", "choice", choices=dict.fromkeys(random_books.CODES, TITLE))
    fact("choices_a", "choices", choices=dict.fromkeys("ab", TITLE))
    fact("date_a", "date", range=(EPOCH - 1, EPOCH + 1))
    kept = dict.fromkeys(["count_a", "score_a", "count_b", *rng.sample(["flag_a", "choices_a", "date_a"], 1)])
    made = {name: made[name] for name in (*kept, "choice_a")}
    narrow = [(-30, 30), (0, 15), (-5, 100)]
    for name, op, args, decimals in (
        ("quotient_a", "quotient", ("score_a", "count_b"), 1),
        ("sum_a", rng.choice(["sum", "minimum", "maximum", "difference"]), ("score_a", "count_b"), rng.choice([0, 1])),
    ):
        derivation = Derivation(op, args)  # type: ignore[arg-type]  # op is one of the words
        fact(name, "score", decimals=decimals, range=rng.choice(narrow), derivation=derivation)
    if "date_a" in made:
        fact("age_a", "count", derivation=Derivation("age_in_days", ("date_a",)), range=rng.choice([None, (0, 1)]))
    return made


def eligibility(rng: Random, made: dict[str, FactDef]) -> Eligibility:
    """A rule book whose rows are near to those of real ones, so that what criteria say counts."""
    criteria = tuple(random_books.criterion(rng, made, f"c{n}") for n in range(rng.randint(1, 3)))
    scores = {name: random_books.score(rng, made, name) for name in ("trust", "reach")}
    limit = rng.choice([0, 7, 28, 60]) * 10 ** scores["trust"].decimals
    rows = [
        Row((FailedAtom("reject"),), {"outcome": "ineligible"}, MARK),
        Row((FailedAtom("refer"),), {"outcome": "refer"}, MARK),
        Row((UnknownAtom(True),), {"outcome": "refer"}, MARK),
        Row((ScoreAtom("trust", "at_least", limit),), {"outcome": "eligible"}, MARK),
    ]
    last = Row((), {"outcome": rng.choice(LEVELS)}, MARK)
    return Eligibility(head(), criteria, scores, (*rows[: rng.choice([2, 3, 4, 4])], last))


def head() -> Head:
    begins, ends = date.fromordinal(DAYS[0]), date.fromordinal(DAYS[1] + 1)
    return replace(random_books.head("e", "eligibility"), effective_from=begins, effective_until=ends)


def pair(rng: Random) -> tuple[Book, Book]:
    """A book with one eligibility rule book `e`, and what became of it."""
    made = facts(rng)
    old = eligibility(rng, made)
    after, new = mutations.changed(rng, made, old)
    return random_books.book(made, eligibility={"e": old}), random_books.book(after, eligibility={"e": new})


# --- every record -------------------------------------------------------------------------------------------------


def texts(fact: FactDef, other: FactDef) -> list[str | None]:
    """Every text of a fact that books may read differently; unknown is None."""
    match fact.type:
        case "count":
            values: list[str] = [str(value) for value in range(-3, 4)]
        case "score":
            # quarters of the last digit: every way in which it can be rounded
            step = 1 if fact.decimals == other.decimals == 0 else 10 if fact.decimals == other.decimals else 40
            values = [f"{number / step:.3f}" for number in range(3 * step + 1)]
        case "flag":
            values = ["true", "false"]
        case "choice":
            values = list(fact.choices or {})
        case "choices":
            values = ["|", "a", "b", "a|b"]
        case _:
            values = [date.fromordinal(EPOCH + day).isoformat() for day in (-1, 0, 1)]
    return [None, *values]


def truth(old: Book, new: Book, used: set[str]) -> set[int]:
    """By how many levels an outcome can change, over every record that both take and every day."""
    base = [name for name in old.facts if old.facts[name].derivation is None and name in used]
    columns: dict[str, list[Any]] = {name: texts(old.facts[name], new.facts[name]) for name in base}
    aged = [name for name in base if old.facts[name].max_age_ms != new.facts[name].max_age_ms]
    columns |= {f"age of {name}": list(AGES) for name in aged}
    rows = list(product(*columns.values()))
    found: set[int] = set()
    for day in DAYS:
        at = datetime.combine(date.fromordinal(day), datetime.min.time().replace(hour=4), tzinfo=UTC)
        frame = pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row", strict=False)
        frame = pl.DataFrame({"party_id": [str(number) for number in range(len(rows))]}).hstack(frame)
        seen = [
            (
                pl.lit(at, dtype=pl.Datetime("us", "UTC"))
                - pl.duration(milliseconds=pl.col(f"age of {name}").cast(pl.Int64))
            ).alias(f"seen {name}")
            for name in aged
        ]
        told = [outcomes(book, frame.with_columns(seen), at, aged) for book in (old, new)]
        both = told[0].join(told[1], on="party_id", suffix="_new")
        found |= {
            LEVELS.index(after) - LEVELS.index(before)
            for before, after in both.select("outcome", "outcome_new").unique().iter_rows()
        }
    return found


def outcomes(book: Book, frame: pl.DataFrame, at: datetime, aged: list[str]) -> pl.DataFrame:
    columnar = compile_book(book)
    typed = columnar.read(frame, text=True).frame
    seen = {name: f"seen {name}" for name in aged}
    return columnar.eligibility("e").evaluate(typed, at, observed_at=seen).select("party_id", "outcome").collect()


def used_facts(*books: Book) -> set[str]:
    """The facts that the rule books look at, and those behind them."""
    from rules.criteria import facts_of_criterion
    from rules.situation import facts_behind

    found: set[str] = set()
    for book in books:
        rulebook = book.eligibility["e"]
        names = {part.fact for score in rulebook.scores.values() for part in score.parts}
        for criterion in rulebook.criteria:
            names |= facts_of_criterion(criterion, book.facts)
        found |= facts_behind(book.facts, names)
    return found
