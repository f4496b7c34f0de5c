"""Columns of facts files: every cell is read, or refused, as ``rules.values`` does it cell by cell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastbrand.domain.errors import InputError
from fastbrand.service.facts_files import moment_reader
from rules.columnar import compile_book
from rules.loader import load_directory
from rules.model import Book, FactDef
from rules.records import Observed, Record
from rules.situation import FactReader, Moment
from rules.values import from_json
from tests.property.random_books import HOSTILE
from tests.rules import small_book

RUN = settings(max_examples=60, deadline=None)
NOW = Moment(datetime(2022, 8, 1, tzinfo=UTC), "", date(2022, 8, 1).toordinal())

WHOLE = ["0", "7", "007", "30", "999999", "1000000", "1000001", "-1", "+5", "9007199254740991", "9007199254740992"]
WHOLE += ["-4503599627370496", "123456789012345678", "1234567890123456789", "9" * 30]
FRACTIONS = ["", ".", ".0", ".5", ".50", ".05", ".005", ".015", ".0149999999", ".01500000000001", ".1" * 2]
# 1.5 and 4.5 ms in minutes: to the even one of both
FRACTIONS += [
    ".000025",
    ".000075",
    ".0000000005",
    ".00000000149999",
    ".0000000025",
    ".000000000",
    "." + "1234567890" * 5,
    ".999999999999",
]
NUMBERS = st.builds(
    "".join,
    st.tuples(st.sampled_from(WHOLE), st.sampled_from(FRACTIONS), st.sampled_from(["", "%", " %", "e3", "E-2", " "])),
)
WORDS = ["true", "false", "True", "1", "food", "toys", "food|toys", "toys|food|food", "|", "licence", "report|licence"]
WORDS += ["licence|", "2022-05-13", "2014-12-31", "2015-01-01", "0000-01-01", "2023-02-29", "2022-5-13", "9999-12-31"]
WORDS += [
    "快品牌",
    "a\tb",
    "a\x0bb",
    "\x1c7\x1c",
    "\u00a07",
    "\u30007",
    "x" * 4096,
    "x" * 4097,
    "nan",
    "NULL",
    " null ",
]
TEXTS = st.one_of(
    NUMBERS, st.sampled_from([*WORDS, *HOSTILE]), st.text("0123456789+-.eE%_, ", max_size=12), st.text(max_size=5)
)


@cache
def book() -> Book:
    with TemporaryDirectory() as directory:
        return load_directory(small_book.write(Path(directory)))


def base_facts() -> list[FactDef]:
    return [fact for fact in book().facts.values() if fact.derivation is None]


def by_record(fact: FactDef, text: str | None) -> Any:
    """What the engine for one party makes of a cell; the error where it refuses it."""
    try:
        return FactReader(book()).read(Record("p", {fact.name: Observed(text)}), NOW).values[fact.name]
    except InputError as error:
        return error


def by_column(fact: FactDef, cells: pl.Series, *, text: bool) -> list[Any]:
    """The same of a column, in the notation of ``by_record``."""
    frame = pl.DataFrame({fact.name: cells, "place": range(len(cells))})
    reading = compile_book(book()).read(frame, text=text)
    good, errors = pl.collect_all([reading.frame, reading.errors])
    found: list[Any] = ["absent"] * len(cells)
    assert good.schema[fact.name] == compile_book(book()).schema()[fact.name]
    for value, place in zip(good[fact.name], good["place"], strict=True):
        found[place] = _plain(value)
    for error in errors.iter_rows(named=True):
        assert found[error["row"] - 1] == "absent"
        assert error["column"] == fact.name
        found[error["row"] - 1] = InputError(error["message"], hint=error["hint"], code=error["code"])
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, pl.Series):
        return tuple(value)
    return value.toordinal() if isinstance(value, date) else int(value) if isinstance(value, bool) else value


def assert_alike(fact: FactDef, cells: Sequence[Any], expected: Sequence[Any], found: Sequence[Any]) -> None:
    for cell, one, other in zip(cells, expected, found, strict=True):
        if isinstance(one, InputError):
            assert isinstance(other, InputError), f"{fact.name} takes {cell!r} as {other!r}"
            assert other.instance_code == one.instance_code
        else:
            assert (type(one), one) == (type(other), other), f"{fact.name} reads {cell!r} as {other!r}, not {one!r}"


@RUN
@given(st.lists(st.none() | TEXTS, min_size=1, max_size=20))
@example([*WORDS, *HOSTILE, *(whole + fraction for whole in WHOLE for fraction in FRACTIONS), None])
@example([f"{whole}{fraction}%" for whole in ("", "-", "0", "-0", "100", "99") for fraction in FRACTIONS])
def test_cells_of_text_files(texts: list[str | None]) -> None:
    kept = [text for text in texts if text is None or _storable(text)]
    for fact in base_facts():
        expected = [by_record(fact, text) for text in kept]
        assert_alike(fact, kept, expected, by_column(fact, pl.Series(kept, dtype=pl.String), text=True))


def _storable(text: str) -> bool:
    """Polars holds no lone surrogates."""
    return not any("\ud800" <= sign <= "\udfff" for sign in text)


def test_messages_are_those_of_the_values() -> None:
    fact = book().facts["buyers"]
    (found,) = by_column(fact, pl.Series(["1000001"]), text=True)
    expected = by_record(fact, "1000001")
    assert (found.message, found.hint, found.instance_code) == (expected.message, expected.hint, "out_of_range")


# --- columns with a type of their own -----------------------------------------------------------------------------


def by_value(fact: FactDef, cell: Any) -> Any:
    """What a JSON value, or one of Parquet, stands for."""
    try:
        return from_json(fact, cell.isoformat() if isinstance(cell, date) else cell)
    except InputError as error:
        return error


TYPED = {
    "Int64": pl.Series([0, 1, -1, 30, 10**6, 10**6 + 1, 10**9, 2**53, 2**60 + 1, -(2**63), None]),
    "UInt8": pl.Series([0, 1, 100, 255, None], dtype=pl.UInt8),
    "UInt64": pl.Series([2**64 - 1, 2**63, 5], dtype=pl.UInt64),
    "Int128": pl.Series([2**127 - 1, -(2**127), 5], dtype=pl.Int128),
    "Decimal": pl.Series([Decimal("0.125"), Decimal("12.345"), Decimal("-0.005"), None], dtype=pl.Decimal(30, 3)),
    "whole Decimal": pl.Series([Decimal(30), Decimal(10) ** 20, None], dtype=pl.Decimal(30, 0)),
    "Boolean": pl.Series([True, False, None]),
    "Date": pl.Series([date(2022, 5, 13), date(2014, 12, 31), None]),
    "Datetime": pl.Series([datetime(2022, 5, 13)]),  # noqa: DTZ001  # a file may hold such
    "String": pl.Series(["8.33%", "12", "true", "food", "licence", "2022-05-13", "a", "", "nan", None, "a|b"]),
    "Categorical": pl.Series(["food", "toys", "other", None], dtype=pl.Categorical),
    "List": pl.Series([["report", "licence", "report"], [], ["other"], None], dtype=pl.List(pl.String)),
    "List with holes": pl.Series([["report", None], [None]], dtype=pl.List(pl.String)),
    "Struct": pl.Series([{"a": 1}]),
    "Null": pl.Series([None, None], dtype=pl.Null),
}


@pytest.mark.parametrize("kind", TYPED)
def test_cells_with_a_type(kind: str) -> None:
    cells = TYPED[kind]
    for fact in base_facts():
        values = [cell if not isinstance(cell, pl.Series) else cell.to_list() for cell in cells]
        expected = [by_value(fact, cell) for cell in values]
        expected = [_too_big(fact, value) for value in expected]
        assert_alike(fact, values, expected, by_column(fact, cells, text=False))


def _too_big(fact: FactDef, value: Any) -> Any:
    """2^53 itself is refused where facts are used."""
    big = isinstance(value, int) and abs(value) >= 2**53
    return InputError(f"`{fact.name}` is too big", code="out_of_range") if big else value


@pytest.mark.parametrize("kind", [pl.Float64(), pl.Float32()])
def test_a_float_is_the_shortest_decimal_that_stands_for_it(kind: pl.DataType) -> None:
    shown = ["0.1", "0.3", "1e-5", "0.015", "2.5", "30.0", "1e16", "16777216.0", "-0.0", "0.0000000005"]
    cells = pl.Series([float(text) for text in shown], dtype=kind)
    for fact in base_facts():
        expected = [by_value(fact, Decimal(text)) for text in shown]
        assert_alike(fact, shown, expected, by_column(fact, cells, text=False))


def test_floats_that_are_no_number() -> None:
    cells = pl.Series([float("nan"), float("inf"), -float("inf"), None])
    for fact in base_facts():
        found = by_column(fact, cells, text=False)
        assert (found[0], found[3]) == (None, None)
        assert all(isinstance(one, InputError) for one in found[1:3])


# --- rows ---------------------------------------------------------------------------------------------------------


def test_a_row_with_a_mistake_is_told_and_left_out_and_the_others_go_on() -> None:
    frame = pl.DataFrame(
        {
            "party_id": ["p1", "p2", "p3"],
            "gmv": ["12.345", "much", "-1"],
            "repurchase": ["8.33%", "120%", ""],
            "days_here": ["9", "9", "9"],
            "remark": ["x", "y", "z"],
        }
    )
    reading = compile_book(book()).read(frame.lazy(), text=True)
    assert reading.ignored == ("days_here",)
    good = reading.frame.collect(engine="streaming")
    # the columns of the file in its order; money in minor units, ratios in parts per billion
    assert good.columns == ["party_id", "gmv", "repurchase", "remark"]
    assert good.rows() == [("p1", 1234, 83_300_000, "x")]
    errors = reading.errors.collect(engine="streaming")
    assert errors.select("row", "column", "value", "code").rows() == [
        (2, "gmv", "much", "wrong_type"),
        (2, "repurchase", "120%", "out_of_range"),
        (3, "gmv", "-1", "out_of_range"),
    ]
    assert "`much`" in errors["message"][0]
    assert errors["hint"][0] == "write an amount in major units, like `1234.56`"


def test_moments_are_read_by_whom_knows_them() -> None:
    frame = pl.DataFrame(
        {
            "buyers": [1, 2, 3, 4],
            "observed_at": ["2022-07-01", "2022-07-01T08:00:00+08:00", "yesterday", None],
            "known": pl.Series([None] * 4, dtype=pl.Datetime("ms", "Asia/Shanghai")),
        }
    )
    moments = dict.fromkeys(("observed_at", "known"), moment_reader("Asia/Shanghai"))
    reading = compile_book(book()).read(frame, moments=moments)
    midnight = datetime(2022, 6, 30, 16, tzinfo=UTC)
    good = reading.frame.collect()
    assert good["observed_at"].to_list() == [midnight, datetime(2022, 7, 1, tzinfo=UTC), None]
    assert good.schema["known"] == pl.Datetime("ms", "Asia/Shanghai")
    assert reading.errors.collect().select("row", "column", "code").rows() == [(3, "observed_at", "wrong_type")]
    with pytest.raises(InputError, match="`when`"):
        compile_book(book()).read(frame, moments={"when": moment_reader("UTC")})


def test_a_file_without_a_fact_has_no_mistakes() -> None:
    reading = compile_book(book()).read(pl.DataFrame({"row": [1, 2], "remark": ["a", "b"]}))
    assert reading.frame.collect().rows() == [(1, "a"), (2, "b")]
    assert reading.errors.collect().rows() == []
