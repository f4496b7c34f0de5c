"""Frames as people have them: types, moments, tracks, streaks; and what cannot be taken says so."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest

from fastbrand.domain.errors import EngineFault, InputError, NotFound
from rules.columnar import ColumnarBook, Left, compile_book
from rules.evaluate import CompiledBook
from rules.loader import load_directory
from rules.model import Book, Caps, Derivation, Incentive, Leaf, Row, ScoreAtom, ScorePart
from rules.records import Context, Observed, Record
from rules.values import to_text
from tests.rules import small_book

NOW = datetime(2022, 8, 1, 4, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "buyers": 50,
    "repurchase": 400_000_000,
    "gmv": 123_456_789,
    "reply": 60_000,
    "experience": 800,
    "price": 10**9,
    "owns_brand": True,
    "category": "food",
    "papers": ["licence"],
    "first_sale": date(2022, 1, 1),
    "brand": "甲",
}
TYPES = {"category": pl.Enum(["food", "toys"]), "papers": pl.List(pl.String)}


@cache
def book() -> Book:
    with TemporaryDirectory() as directory:
        return load_directory(small_book.write(Path(directory)))


@cache
def columnar() -> ColumnarBook:
    return compile_book(book())


def frame(**changed: Any) -> pl.DataFrame:
    """One good row a value of ``changed`` (lists; the others stay)."""
    height = max((len(values) for values in changed.values()), default=1)
    columns = {name: pl.Series(name, [value] * height, dtype=TYPES.get(name)) for name, value in GOOD.items()}
    columns |= {
        name: values if isinstance(values, pl.Series) else pl.Series(values) for name, values in changed.items()
    }
    return pl.DataFrame({name: column.alias(name) for name, column in columns.items()})


def screened(people: pl.DataFrame, as_of: datetime | str = NOW, **more: Any) -> pl.DataFrame:
    return columnar().eligibility("fast").evaluate(people, as_of, **more).collect()


def granted(people: pl.DataFrame, as_of: datetime | str = NOW, **more: Any) -> pl.DataFrame:
    return columnar().incentive("bonus").evaluate(people, as_of, **more).collect()


# --- what comes back ----------------------------------------------------------------------------------------------


def test_columns_and_their_types() -> None:
    found = screened(frame().with_columns(party_id=pl.lit("p1")), reasons=True)
    assert found.columns == [
        *("party_id", "outcome", "row", "score.trust", "verdict.ladder.own", "verdict.rate", "reasons")
    ]
    assert found.row(0) == ("p1", "eligible", 3, 940, "pass", "pass", [])
    assert found.schema["outcome"] == pl.Enum(["ineligible", "refer", "eligible"])
    assert found.schema["verdict.rate"] == pl.Enum(["fail", "pass", "unknown", "not_applicable"])
    bonus = granted(frame(), reasons=True, tranches=True)
    assert bonus.row(0, named=True) == {
        # 1,000 and half of the other 1,233,567.89, times 1.51 for a trust of 94.0, is 932,853.75; capped by category
        "outcome": "grant",
        "amount": 500,
        "uncapped": 932_853,
        "capped_by": "category_per_month",
        "confirm": False,
        "pool": "main",
        "tier": 2,
        "score": 940,
        "verdict.gate": "pass",
        "tranche.1": 150,
        "tranche.2": 350,
        "reasons": [],
    }


def test_all_questions_in_one_pass() -> None:
    book_ = columnar()
    questions = {
        "": book_.eligibility("fast").ask(),
        "queue": book_.routing("queues").ask(screening="fast"),
        "upkeep": book_.maintenance("upkeep").ask(),
        "bonus": book_.incentive("bonus").ask(),
    }
    people = frame(gmv=[123_456_789, None])
    found = book_.evaluate(people.with_columns(region=pl.lit("x")), NOW, questions, keep=["region"]).collect()
    assert found["region"].to_list() == ["x", "x"]
    assert found["outcome"].to_list() == ["eligible", "eligible"]
    assert found["queue.outcome"].to_list() == ["system", "system"]
    assert book_.routing("queues").rows[found["queue.row"][0] - 1].then == {"by": "system"}
    assert found["upkeep.outcome"].to_list() == ["keep", "keep"]
    assert found["upkeep.clear_months"].to_list() == [1, 1]
    assert found["bonus.outcome"].to_list() == ["grant", "no_grant"]


def test_streamed_from_a_file_in_its_order(tmp_path: Path) -> None:
    count = 300_000
    amounts = pl.int_range(0, count, eager=True) * 7919 % 10**9
    people = frame(gmv=amounts).with_columns(party_id=pl.int_range(0, count))
    people.write_parquet(tmp_path / "people.parquet", row_group_size=20_000)
    question = columnar().incentive("bonus")
    question.evaluate(pl.scan_parquet(tmp_path / "people.parquet"), NOW).sink_parquet(tmp_path / "found.parquet")
    found = pl.read_parquet(tmp_path / "found.parquet")
    assert found.equals(question.evaluate(people, NOW).collect(engine="in-memory"))
    assert found["party_id"].equals(people["party_id"])
    assert (amounts[12], found["uncapped"][12]) == (95_028, 1434)  # 950.28 x 1.51


def test_nothing_known_and_nobody_there() -> None:
    found = screened(pl.DataFrame({"party_id": ["a", "b"]}))
    assert found.select("outcome", "score.trust", "verdict.rate").rows() == [("refer", None, "unknown")] * 2
    assert screened(frame().clear()).height == 0
    assert granted(pl.DataFrame({"party_id": []})).height == 0


# --- what goes in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "column"),
    [
        ("buyers", pl.Series([50], dtype=pl.UInt16)),
        ("owns_brand", pl.Series([1], dtype=pl.Int8)),
        ("category", pl.Series(["food"])),
        ("category", pl.Series(["food"], dtype=pl.Categorical)),
        ("category", pl.Series(["food"], dtype=pl.Enum(["toys", "food", "else"]))),
        ("papers", pl.Series([["licence"]], dtype=pl.List(pl.Categorical))),
        ("first_sale", pl.Series([date(2022, 1, 1).toordinal()])),
        ("brand", pl.Series(["甲"], dtype=pl.Categorical)),
    ],
)
def test_other_types_for_the_same_values(fact: str, column: pl.Series) -> None:
    assert screened(frame(**{fact: column})).equals(screened(frame()))
    assert granted(frame(**{fact: column})).equals(granted(frame()))


@pytest.mark.parametrize(
    ("fact", "column"),
    [
        ("buyers", pl.Series([50.0])),
        ("repurchase", pl.Series(["0.4"])),
        ("owns_brand", pl.Series(["true"])),
        ("category", pl.Series([1])),
    ],
)
def test_columns_of_the_wrong_type_are_refused_before_a_row_is_read(fact: str, column: pl.Series) -> None:
    with pytest.raises(InputError, match=f"`{fact}`"):
        columnar().eligibility("fast").evaluate(frame(**{fact: column}).lazy(), NOW)


def test_facts_whose_names_are_those_of_answers_do_not_get_in_the_way() -> None:
    people = frame().with_columns(outcome=pl.lit("x"), row=pl.lit("y"))
    assert screened(people).equals(screened(frame()))
    with pytest.raises(InputError, match="`outcome`"):
        columnar().eligibility("fast").evaluate(people, NOW, keep=["outcome"])


# --- moments ------------------------------------------------------------------------------------------------------

AGE = timedelta(days=35)


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("by_column", [False, True])
def test_what_is_older_than_its_age_is_unknown(unit: str, by_column: bool) -> None:
    moments = [NOW - AGE, NOW - AGE - timedelta(milliseconds=1), NOW + AGE, None]
    kind = pl.Datetime(unit, "Asia/Shanghai")  # type: ignore[arg-type]  # one of the units
    people = frame(seen=pl.Series(moments, dtype=kind), gmv=[0] * 4)
    people = people.with_columns(now=pl.lit(NOW).cast(pl.Datetime("ms", "UTC")))
    as_of: Any = "now" if by_column else NOW
    found = screened(people, as_of, observed_at="seen")
    assert found["verdict.rate"].to_list() == ["pass", "unknown", "pass", "pass"]
    # a fact without a greatest age does not grow old
    assert found["verdict.ladder.own"].to_list() == ["pass"] * 4
    only = screened(people, as_of, observed_at={"experience": "seen"})
    assert only["verdict.rate"].to_list() == ["pass"] * 4


@pytest.mark.parametrize("by_column", [False, True])
def test_a_microsecond_is_too_old_where_moments_have_none(by_column: bool) -> None:
    seen = pl.Series([NOW - AGE, NOW - AGE + timedelta(milliseconds=1)], dtype=pl.Datetime("ms", "UTC"))
    later = NOW + timedelta(microseconds=1)
    people = frame(seen=seen, gmv=[0, 0]).with_columns(now=pl.lit(later))
    found = screened(people, "now" if by_column else later, observed_at="seen")
    assert found["verdict.rate"].to_list() == ["unknown", "pass"]


def test_a_nanosecond_is_too_old_where_moments_have_them() -> None:
    first = int((NOW - AGE).timestamp()) * 10**9
    seen = pl.Series([first, first - 1]).cast(pl.Datetime("ns", "UTC"))
    assert screened(frame(seen=seen, gmv=[0, 0]), observed_at="seen")["verdict.rate"].to_list() == ["pass", "unknown"]


def test_the_day_is_that_of_the_programme() -> None:
    # 16:00 UTC is midnight in Shanghai
    moments = [datetime(2022, 8, 1, 15, 59, 59, tzinfo=UTC), datetime(2022, 8, 1, 16, tzinfo=UTC)]
    days = [(moment + timedelta(hours=8)).date() - date(2022, 1, 1) for moment in moments]
    assert days[1] - days[0] == timedelta(days=1)
    people = frame(now=pl.Series(moments, dtype=pl.Datetime("us", "UTC")))
    limits = replace(book(), eligibility={"fast": _older_than(days[1].days)})
    asked = compile_book(limits).eligibility("fast")
    assert asked.evaluate(people, "now").collect()["verdict.ladder.own"].to_list() == ["fail", "pass"]
    for moment, verdict in zip(moments, ("fail", "pass"), strict=True):
        assert asked.evaluate(people, moment).collect()["verdict.ladder.own"].to_list() == [verdict] * 2


def _older_than(days: int) -> Any:
    fast = book().eligibility["fast"]
    own = fast.criteria[0]
    assert isinstance(own.require, Leaf)
    require = replace(own.require, fact="days_here", op="at_least", operand=days)
    return replace(fast, criteria=(replace(own, require=require), *fast.criteria[1:]))


@pytest.mark.parametrize(
    ("as_of", "observed_at", "said"),
    [
        (datetime(2022, 8, 1), None, "no time zone"),  # noqa: DTZ001  # that is the mistake
        ("then", None, "no column `then`"),
        ("gmv", None, "`gmv`"),
        (NOW, "naive", "`naive`"),
        (NOW, {"gmv": "never"}, "no column `never`"),
    ],
)
def test_moments_that_are_none(as_of: Any, observed_at: Any, said: str) -> None:
    people = frame().with_columns(naive=pl.lit(datetime(2022, 8, 1)))  # noqa: DTZ001  # that is the mistake
    with pytest.raises(InputError, match=said):
        columnar().eligibility("fast").evaluate(people, as_of, observed_at=observed_at)


# --- tracks, remainders, streaks ----------------------------------------------------------------------------------


def test_a_track_without_a_pool() -> None:
    with pytest.raises(InputError, match="track `S`"):
        columnar().incentive("bonus").evaluate(frame(), NOW, track="S")
    found = granted(frame(track=["M", "S", None]), track_column="track")
    assert found.select("outcome", "amount", "pool", "score").rows() == [
        ("grant", 500, "main", 940),
        (None, None, None, None),
        (None, None, None, None),
    ]


def test_tracks_have_their_own_pool_and_their_own_score() -> None:
    fast, bonus = book().eligibility["fast"], book().incentive["bonus"]
    trust = fast.scores["trust"]
    finer = replace(trust, decimals=3, parts=(ScorePart("experience", Fraction(100), None, trust.mark),))
    brand = replace(fast, head=replace(fast.head, name="brand", parties=("S",)), scores={"trust": finer})
    both = replace(
        book(),
        eligibility={"fast": fast, "brand": brand},
        incentive={"bonus": replace(bonus, pool={"M": "main", "S": "other"}, caps=Caps(None, None, None))},
    )
    found = compile_book(both).incentive("bonus").evaluate(frame(track=["M", "S"]), NOW, track_column="track")
    # scores are scaled by the most decimals of both
    assert found.collect().select("uncapped", "pool", "score").rows() == [
        (932_853, "main", 94_000),
        (int((1000 + Fraction(123_356_789, 200)) * Fraction(13, 10)), "other", 80_000),
    ]


@pytest.mark.parametrize("points", [Fraction(-77, 10), Fraction(-1, 20), Fraction(1, 20), Fraction(77, 10)])
@pytest.mark.parametrize(("own", "others"), [(3, 1), (1, 3), (2, 0)])
def test_a_score_that_another_book_shows_with_other_decimals(points: Fraction, own: int, others: int) -> None:
    fast, queues = book().eligibility["fast"], book().routing["queues"]
    flat = ((Fraction(0), points), (Fraction(100), points))
    trust = replace(fast.scores["trust"], decimals=own)
    trust = replace(trust, parts=(ScorePart("experience", Fraction(100), flat, trust.mark),))
    other = replace(fast, head=replace(fast.head, name="other"), scores={"trust": replace(trust, decimals=others)})
    seen = int(points * 10**others) if others < own else math.floor(points * 10**own) * 10 ** (others - own)
    rows = [
        Row((ScoreAtom("trust", "is", number),), {"queue": f"q{number}"}, trust.mark) for number in (seen - 1, seen)
    ]
    last = Row((), {"queue": "none"}, trust.mark)
    both = replace(
        book(),
        eligibility={"fast": replace(fast, scores={"trust": trust}), "other": other},
        routing={"queues": replace(queues, rows=(*rows, last))},
    )
    compiled = CompiledBook(both)
    asked = compiled.ask(Record("p", {"experience": Observed("80")}), compiled.moment(NOW))
    screening = compiled.decide("fast", asked)
    assert compiled.decide("queues", asked, Context(screening=screening)).outcome == f"q{seen}"
    people = frame().select("experience")
    found = compile_book(both).routing("queues").evaluate(people, NOW, screening="fast").collect()
    assert found["outcome"].to_list() == [f"q{seen}"]


def test_days_on_which_no_eligibility_book_is_in_force() -> None:
    moments = [datetime(2022, 5, 12, 15, 59, tzinfo=UTC), datetime(2022, 5, 12, 16, tzinfo=UTC)]
    people = frame(now=pl.Series(moments, dtype=pl.Datetime("us", "UTC")))
    assert granted(people, "now")["outcome"].to_list() == [None, "grant"]
    with pytest.raises(InputError, match="`fast`"):
        columnar().incentive("bonus").evaluate(people, moments[0])
    assert len(columnar().eligibility("fast", effective=moments[1]).rows) == 4
    with pytest.raises(InputError, match="not in force"):
        columnar().eligibility("fast", effective=moments[0])


def test_remainders_are_numbers_or_columns() -> None:
    people = frame(left=[None, 0, 10, 10**9, -5])
    assert granted(people, remainders=Left(category_month=7))["amount"].to_list() == [7] * 5
    assert granted(people, remainders=Left(category_month="left"))["amount"].to_list() == [500, 0, 10, 500, 0]
    # this book has no cap a party and year, so nothing is left to take from
    assert granted(people, remainders=Left(party_year=1))["amount"].to_list() == [500] * 5
    with pytest.raises(InputError, match="`brand`"):
        columnar().incentive("bonus").evaluate(people, NOW, remainders=Left(category_month="brand"))


def test_last_months_answer_is_next_months_question() -> None:
    asked = columnar().maintenance("upkeep")
    people = frame(repurchase=[50_000_000, 400_000_000, None])
    first = asked.evaluate(people, NOW).collect()
    assert first.select("outcome", "level.come_back", "streak.come_back", "clear_months").rows() == [
        ("alert", "limit", 1, 0),
        ("keep", "clear", 0, 1),
        ("keep", "unknown", 0, 0),
    ]
    for _ in range(2):
        before = first.select(streak="streak.come_back", clear="clear_months")
        given = people.hstack(before.get_columns())
        first = asked.evaluate(given, NOW, streaks={"come_back": "streak"}, clear_months="clear").collect()
    assert first["outcome"].to_list() == ["suspend", "keep", "keep"]
    assert first["clear_months"].to_list() == [0, 3, 0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda one: one.eligibility("slow"),
        lambda one: one.routing("fast"),
        lambda one: one.routing("queues").ask(screening="slow"),
        lambda one: one.maintenance("upkeep").ask(streaks={"nobody": "a"}),
    ],
)
def test_names_that_are_none(ask: Any) -> None:
    with pytest.raises(NotFound, match=r"no such|no band"):
        ask(columnar())


# --- arithmetic that leaves 64 bits -------------------------------------------------------------------------------


def _bonus(**changed: Any) -> Book:
    bonus: Incentive = replace(book().incentive["bonus"], caps=Caps(None, None, None), **changed)
    return replace(book(), incentive={"bonus": bonus})


def _both_say(changed: Book, amounts: list[int]) -> list[int | None]:
    """The bonus by both engines, which must be the same; None for a fault."""
    people = frame(gmv=amounts)
    found = compile_book(changed).incentive("bonus").evaluate(people, NOW).collect()
    compiled = CompiledBook(changed)
    expected: list[int | None] = []
    for row in people.iter_rows(named=True):
        facts = {name: Observed(_text(changed, name, value)) for name, value in row.items()}
        asked = compiled.ask(Record("p", facts), compiled.moment(NOW))
        try:
            expected.append(compiled.decide("bonus", asked, Context()).result["amount"])
        except EngineFault:
            expected.append(None)
    assert found["amount"].to_list() == expected
    assert [outcome is None for outcome in found["outcome"]] == [amount is None for amount in expected]
    return expected


def _text(changed: Book, name: str, value: Any) -> str:
    fact = changed.facts[name]
    if isinstance(value, list):
        return "|".join(value)
    return to_text(fact, value.toordinal() if isinstance(value, date) else value)


def test_a_derived_fact_may_not_be_the_number_that_stands_for_unknown() -> None:
    gap = replace(
        book().facts["profit"], name="gap", derivation=Derivation("difference", ("profit", "gmv")), range=None
    )
    fast = book().eligibility["fast"]
    at_most = Leaf("gap", "at_most", 0, gap.mark)
    changed = replace(
        book(),
        facts={**book().facts, "gap": gap},
        eligibility={"fast": replace(fast, criteria=(replace(fast.criteria[0], require=at_most),))},
    )
    compiled, people = CompiledBook(changed), frame(profit=[-(2**52) + 5] * 4, gmv=[4, 5, 6, 7])
    found = compile_book(changed).eligibility("fast").evaluate(people, NOW).collect()
    expected = []
    for profit, gmv in people.select("profit", "gmv").iter_rows():
        facts = {"profit": Observed(_text(changed, "profit", profit)), "gmv": Observed(_text(changed, "gmv", gmv))}
        asked = compiled.ask(Record("p", facts), compiled.moment(NOW))
        expected.append(compiled.decide("fast", asked).findings[0].verdict)
    assert expected == ["pass", "unknown", "pass", "pass"]
    assert found["verdict.ladder.own"].to_list() == expected


MOST = 100_000_000_000
AMOUNTS = [0, 1, 99, 100, 101, 100_000, 100_001, 123_456_789, MOST - 1, MOST]


def test_products_beyond_64_bits() -> None:
    tiers = tuple(replace(tier, rate=Fraction(10**9 + 7, 10**9 + 9)) for tier in book().incentive["bonus"].tiers)
    curve = ((Fraction(0), Fraction(1, 3)), (Fraction(70), Fraction(999_999_937, 10**9)), (Fraction(100), Fraction(2)))
    assert None not in _both_say(_bonus(tiers=tiers, multiplier_curve=curve), AMOUNTS)


def test_products_beyond_128_bits() -> None:
    tiers = tuple(replace(tier, rate=Fraction(10**30 + 57, 10**30 + 1)) for tier in book().incentive["bonus"].tiers)
    curve = ((Fraction(0), Fraction(1, 3**40)), (Fraction(100), Fraction(2**70 + 1, 2**70)))
    assert None not in _both_say(_bonus(tiers=tiers, multiplier_curve=curve), AMOUNTS)


@pytest.mark.parametrize("rate", [Fraction(10**7), Fraction(10**25 + 1, 10**12)])
def test_a_bonus_beyond_2_to_the_53_is_a_fault_and_no_number(rate: Fraction) -> None:
    tiers = tuple(replace(tier, rate=rate) for tier in book().incentive["bonus"].tiers)
    found = _both_say(_bonus(tiers=tiers), AMOUNTS)
    assert found[0] == 0
    assert found[-1] is None
