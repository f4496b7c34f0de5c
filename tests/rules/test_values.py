"""Values: read exactly, rounded as the language says, shown and read back the same."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbrand.domain.errors import InputError
from rules.model import MAX_INT, FactDef, Mark, Title, Value
from rules.values import from_json, parse_fact, parse_literal, render, to_literal, to_text

_TITLES = {"a": Title("a", "a"), "b": Title("b", "b"), "c": Title("c", "c")}
_DECIMALS = {"money": 2, "ratio": 9, "score": 1}


def fact(kind: Any, **more: Any) -> FactDef:
    """A fact of a type, with what that type has."""
    given_too: dict[str, Any] = {"decimals": _DECIMALS.get(kind, 0)}
    if kind == "money":
        given_too["unit"] = "CNY"
    if kind == "duration":
        given_too["unit"] = "minutes"
    if kind in ("choice", "choices"):
        given_too["choices"] = _TITLES
    return FactDef("it", kind, Title("It", "它"), Mark("facts.yaml", 1, 1), **{**given_too, **more})


SHARE = fact("ratio", range=(0, 10**9))
POINTS = fact("score", range=(0, 1000))


# --- facts files --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "text", "value"),
    [
        # money: minor units, half-even at the currency's digits
        (fact("money"), "1234.56", 123456),
        (fact("money"), "1234", 123400),
        (fact("money"), "1.005", 100),
        (fact("money"), "1.015", 102),
        (fact("money"), "1.0150000000000000000001", 102),
        (fact("money"), "1.0050000000000000000001", 101),
        (fact("money"), "-1.005", -100),
        (fact("money"), "-1.015", -102),
        (fact("money"), "1e3", 100000),
        (fact("money"), "1.5E+2", 15000),
        (fact("money", decimals=0), "0.5", 0),
        (fact("money", decimals=0), "1.5", 2),
        (fact("money", decimals=0), "2.5", 2),
        (fact("money", decimals=3), "0.0005", 0),
        # ratio: parts per billion, half-even at nine digits
        (fact("ratio"), "0.0833", 83_300_000),
        (fact("ratio"), "8.33%", 83_300_000),
        (fact("ratio"), " 8.33 % ", 83_300_000),
        (fact("ratio"), "1e-05", 10_000),
        (fact("ratio"), "1E-9", 1),
        (fact("ratio"), "0.0000000005", 0),
        (fact("ratio"), "0.0000000015", 2),
        (fact("ratio"), "0.0000000025", 2),
        (fact("ratio"), "0.00000005%", 0),
        (fact("ratio"), "0.00000015%", 2),
        (fact("ratio"), "1e-99999", 0),
        (SHARE, "1.0000000004", 10**9),  # the range is checked after rounding
        (SHARE, "-0.0000000005", 0),
        # score: half-even at its digits
        (POINTS, "62.5", 625),
        (POINTS, "62.25", 622),
        (POINTS, "62.35", 624),
        (POINTS, "100.05", 1000),
        (POINTS, "1e2", 1000),
        # duration: a number in the declared unit
        (fact("duration"), "90", 5_400_000),
        (fact("duration", unit="days"), "1.5", 129_600_000),
        (fact("duration", unit="seconds"), "0.0005", 0),
        (fact("duration", unit="seconds"), "0.0015", 2),
        (fact("count"), "30", 30),
        (fact("count"), "+30", 30),
        (fact("count"), str(MAX_INT), MAX_INT),
        (fact("flag"), "true", 1),
        (fact("flag"), "false", 0),
        (fact("choice"), "b", "b"),
        (fact("choices"), "c|a", ("a", "c")),
        (fact("choices"), "a|a", ("a",)),
        (fact("choices"), "|", ()),
        (fact("date"), "2022-05-13", date(2022, 5, 13).toordinal()),
        (fact("text"), " as it is ", " as it is "),
        (fact("text"), "快品牌", "快品牌"),
        (fact("text"), "30.0", "30.0"),
    ],
)
def test_a_fact_is_read_exactly_and_rounded_half_even(what: FactDef, text: str, value: Value) -> None:
    assert parse_fact(what, text) == value


@pytest.mark.parametrize("kind", ["money", "ratio", "count", "score", "duration", "flag", "choice", "choices", "date"])
@pytest.mark.parametrize("text", ["", " ", "NaN", "nan", "null"])
def test_empty_nan_and_null_are_unknown(kind: str, text: str) -> None:
    assert parse_fact(fact(kind), text) is None
    assert from_json(fact(kind), text) is None
    assert from_json(fact(kind), None) is None
    assert from_json(fact(kind), float("nan")) is None


@pytest.mark.parametrize(
    ("what", "text", "code"),
    [
        (fact("count"), "30.0", "wrong_type"),
        (fact("count"), "3e1", "wrong_type"),
        (fact("count"), "1_000", "wrong_type"),
        (fact("count"), "1,000", "wrong_type"),
        (fact("count"), "true", "wrong_type"),
        (fact("count"), "٣", "wrong_type"),  # digits of other scripts are not digits here
        (fact("count"), str(MAX_INT + 1), "out_of_range"),
        (fact("count"), str(-MAX_INT - 1), "out_of_range"),
        (fact("count", range=(0, 10)), "11", "out_of_range"),
        (fact("money"), "12 CNY", "wrong_type"),
        (fact("money"), "1.2.3", "wrong_type"),
        (fact("money"), "inf", "wrong_type"),
        (fact("money"), "0x10", "wrong_type"),
        (fact("money"), "8%", "wrong_type"),
        (fact("money"), "1e20", "out_of_range"),
        (fact("money"), "1e99999", "out_of_range"),
        (fact("money"), "9" * 399, "out_of_range"),
        (fact("money"), "9" * 500, "wrong_type"),
        (SHARE, "1.0000000006", "out_of_range"),
        (SHARE, "100.1%", "out_of_range"),
        (SHARE, "%", "wrong_type"),
        (SHARE, "5%%", "wrong_type"),
        (POINTS, "100.06", "out_of_range"),
        (POINTS, "-0.06", "out_of_range"),
        (fact("duration"), "90 minutes", "wrong_type"),
        (fact("flag"), "True", "wrong_type"),
        (fact("flag"), "1", "wrong_type"),
        (fact("flag"), "yes", "wrong_type"),
        (fact("choice"), "B", "unknown_choice"),
        (fact("choice"), "d", "unknown_choice"),
        (fact("choices"), "a|d", "unknown_choice"),
        (fact("choices"), "a||b", "unknown_choice"),
        (fact("choices"), "a, b", "unknown_choice"),
        (fact("date"), "2022-5-13", "wrong_type"),
        (fact("date"), "2022-02-30", "wrong_type"),
        (fact("date"), "20220513", "wrong_type"),
        (fact("date"), "2022-05-13T00:00:00", "wrong_type"),
        (fact("date"), "2022-W19-5", "wrong_type"),
        (fact("date", range=(738_000, 739_000)), "1999-01-01", "out_of_range"),
        (fact("text"), "a\x00b", "wrong_type"),
        (fact("text"), "\ud800", "wrong_type"),
        (fact("text"), "x" * 4097, "wrong_type"),
    ],
)
def test_what_is_no_value_is_an_input_error_and_never_coerced(what: FactDef, text: str, code: str) -> None:
    with pytest.raises(InputError) as told:
        parse_fact(what, text)
    assert told.value.instance_code == code
    assert "`it`" in told.value.message
    assert told.value.hint
    assert len(told.value.message) < 200
    told.value.message.encode()


@pytest.mark.parametrize(
    ("what", "value", "read"),
    [
        (fact("count"), 30, 30),
        (fact("money"), Decimal("1.015"), 102),
        (fact("money"), 12, 1200),
        (fact("ratio"), Decimal("1E-5"), 10_000),
        (fact("ratio"), "8.33%", 83_300_000),
        (POINTS, Decimal("62.25"), 622),
        (fact("duration"), 90, 5_400_000),
        (fact("flag"), True, 1),
        (fact("flag"), False, 0),
        (fact("choice"), "a", "a"),
        (fact("choices"), ["c", "a"], ("a", "c")),
        (fact("choices"), [], ()),
        (fact("date"), "2022-05-13", date(2022, 5, 13).toordinal()),
        (fact("text"), "30", "30"),
    ],
)
def test_json_values_are_read_by_type(what: FactDef, value: object, read: Value) -> None:
    assert from_json(what, value) == read


@pytest.mark.parametrize(
    ("what", "value", "code"),
    [
        (fact("count"), "30", "wrong_type"),
        (fact("money"), "12.50", "wrong_type"),
        (fact("ratio"), "0.0833", "wrong_type"),
        (POINTS, "62.5", "wrong_type"),
        (fact("count"), Decimal("30.0"), "wrong_type"),
        (fact("count"), True, "wrong_type"),
        (fact("count"), [30], "wrong_type"),
        (fact("count"), 0.5, "wrong_type"),
        (fact("money"), 0.1, "wrong_type"),
        (fact("money"), float("inf"), "wrong_type"),
        (fact("money"), Decimal("Infinity"), "wrong_type"),
        pytest.param(fact("money"), 10**5000, "out_of_range", id="huge"),
        pytest.param(fact("money"), -(10**5000), "out_of_range", id="hugely negative"),
        (fact("flag"), 1, "wrong_type"),
        (fact("flag"), "true", "wrong_type"),
        (fact("choice"), 1, "wrong_type"),
        (fact("choice"), "d", "unknown_choice"),
        (fact("choices"), "a|b", "wrong_type"),
        (fact("choices"), ["a", 1], "wrong_type"),
        (fact("choices"), ["d"], "unknown_choice"),
        (fact("date"), 20220513, "wrong_type"),
        (fact("text"), 5, "wrong_type"),
        (fact("text"), {"a": 1}, "wrong_type"),
    ],
)
def test_a_json_value_of_another_type_is_an_input_error(what: FactDef, value: object, code: str) -> None:
    with pytest.raises(InputError) as told:
        from_json(what, value)
    assert told.value.instance_code == code


# --- rule files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "text", "value"),
    [
        (fact("money"), "1_000_000 CNY", 100_000_000),
        (fact("money"), "0.05 CNY", 5),
        (fact("money"), "-5 CNY", -500),
        (fact("ratio"), "15%", 150_000_000),
        (fact("ratio"), "8.33%", 83_300_000),
        (fact("ratio"), "0.0000001%", 1),
        (fact("ratio"), "5_000%", 50 * 10**9),
        (fact("count"), "500_000", 500_000),
        (POINTS, "62.5", 625),
        (POINTS, "60", 600),
        (POINTS, "60.0", 600),
        (fact("duration"), "90 days", 7_776_000_000),
        (fact("duration"), "1 day", 86_400_000),
        (fact("duration"), "24 hours", 86_400_000),
        (fact("duration"), "30 minutes", 1_800_000),
        (fact("duration"), "1.5 seconds", 1_500),
        (fact("duration"), "2 weeks", 1_209_600_000),
        (fact("flag"), "true", 1),
        (fact("choice"), "a", "a"),
        (fact("choices"), "a", ("a",)),
        (fact("date"), "2022-05-13", date(2022, 5, 13).toordinal()),
        (fact("text"), "Li-Ning", "Li-Ning"),
    ],
)
def test_a_literal_is_read_by_the_facts_type(what: FactDef, text: str, value: Value) -> None:
    assert parse_literal(what, text) == value


@pytest.mark.parametrize(
    ("what", "text", "code"),
    [
        (fact("money"), "1_000_000", "wrong_unit"),
        (fact("money"), "1_000_000 USD", "wrong_unit"),
        (fact("money"), "1_000_000 yuan", "wrong_unit"),
        (fact("money"), "1_000_000CNY", "wrong_unit"),
        (fact("money"), "1__0 CNY", "wrong_type"),
        (fact("money"), "1e6 CNY", "wrong_unit"),
        (fact("money"), "0.001 CNY", "too_fine"),
        (fact("money"), "100_000_000_000_000 CNY", "out_of_range"),
        (fact("ratio"), "0.15", "wrong_unit"),
        (fact("ratio"), "15 percent", "wrong_unit"),
        (fact("ratio"), "x%", "wrong_type"),
        (fact("ratio"), "0.00000001%", "too_fine"),
        (SHARE, "100.1%", "out_of_range"),
        (fact("count"), "30.5", "wrong_type"),
        (fact("count"), "30%", "wrong_unit"),
        (fact("count"), "thirty", "wrong_type"),
        (POINTS, "62.55", "too_fine"),
        (POINTS, "101", "out_of_range"),
        (fact("duration"), "90", "wrong_unit"),
        (fact("duration"), "90 fortnights", "wrong_unit"),
        (fact("duration"), "1 month", "wrong_unit"),
        (fact("duration"), "soon", "wrong_type"),
        (fact("duration"), "0.0001 seconds", "too_fine"),
        (fact("duration"), "999_999_999_999 weeks", "out_of_range"),
        (fact("flag"), "yes", "wrong_type"),
        (fact("choice"), "d", "unknown_choice"),
        (fact("date"), "13.05.2022", "wrong_type"),
        (fact("date"), "", "wrong_type"),
    ],
)
def test_a_literal_that_does_not_fit_is_an_input_error(what: FactDef, text: str, code: str) -> None:
    with pytest.raises(InputError) as told:
        parse_literal(what, text)
    assert told.value.instance_code == code
    assert told.value.hint


# --- output -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "value", "json", "literal"),
    [
        (fact("money"), 123456, 123456, "1_234.56 CNY"),
        (fact("money"), -5, -5, "-0.05 CNY"),
        (fact("ratio"), 83_300_000, "0.0833", "8.33%"),
        (fact("ratio"), 10**9, "1", "100%"),
        (fact("ratio"), 0, "0", "0%"),
        (fact("ratio"), -1, "-0.000000001", "-0.0000001%"),
        (POINTS, 600, "60.0", "60"),
        (fact("score", decimals=0), 60, "60", "60"),
        (fact("count"), 500_000, 500_000, "500_000"),
        (fact("duration"), 5_400_000, 5_400_000, "90 minutes"),
        (fact("flag"), 1, True, "true"),
        (fact("date"), date(2022, 5, 13).toordinal(), "2022-05-13", "2022-05-13"),
        (fact("choice"), "a", "a", "a"),
        (fact("choices"), ("a", "c"), ["a", "c"], "[a, c]"),
        (fact("text"), "x", "x", "x"),
    ],
)
def test_values_are_shown_as_json_and_as_literals(what: FactDef, value: Value, json: Any, literal: str) -> None:
    shown = render(what, value)
    assert shown == json
    assert type(shown) is type(json)
    assert to_literal(what, value) == literal
    assert render(what, None) is None


_INTS = st.integers(-MAX_INT, MAX_INT)
_SCALED = st.sampled_from(
    [fact("money"), fact("money", decimals=0), fact("money", decimals=3), fact("ratio"), fact("count")]
    + [fact("score", decimals=d) for d in range(7)]
    + [fact("duration", unit=unit) for unit in ("seconds", "minutes", "hours", "days", "weeks")]
)


@given(_SCALED, _INTS)
def test_numbers_come_back_from_facts_notation_and_from_literals(what: FactDef, value: int) -> None:
    assert parse_fact(what, to_text(what, value)) == value
    assert parse_literal(what, to_literal(what, value)) == value


@given(st.sampled_from([fact("ratio"), POINTS, fact("score", decimals=6)]), st.integers(0, 1000))
def test_rendered_ratios_and_scores_are_facts_notation(what: FactDef, value: int) -> None:
    assert parse_fact(what, str(render(what, value))) == value


@given(st.dates(), st.sets(st.sampled_from("abc")), st.booleans())
def test_dates_sets_and_flags_come_back(day: date, codes: set[str], flag: bool) -> None:
    assert parse_fact(fact("date"), to_text(fact("date"), day.toordinal())) == day.toordinal()
    assert parse_fact(fact("choices"), to_text(fact("choices"), tuple(sorted(codes)))) == tuple(sorted(codes))
    assert from_json(fact("choices"), render(fact("choices"), tuple(sorted(codes)))) == tuple(sorted(codes))
    assert parse_fact(fact("flag"), to_text(fact("flag"), int(flag))) == int(flag)
    assert from_json(fact("flag"), render(fact("flag"), int(flag))) == int(flag)


@given(st.decimals(min_value=-(10**6), max_value=10**6, allow_nan=False, allow_infinity=False), st.integers(0, 9))
def test_reading_agrees_with_decimal_rounding_half_even(number: Decimal, decimals: int) -> None:
    what = fact("money", decimals=decimals)
    expected = int(number.scaleb(decimals).to_integral_value(ROUND_HALF_EVEN))
    assert parse_fact(what, str(number)) == expected
    assert from_json(what, number) == expected


@given(
    st.sampled_from(["money", "ratio", "count", "score", "duration", "flag", "choice", "choices", "date", "text"]),
    st.text(),
)
def test_any_text_is_a_value_unknown_or_an_input_error(kind: str, text: str) -> None:
    what = fact(kind)
    for read in (parse_fact, parse_literal, from_json):
        try:
            value = read(what, text)
        except InputError as error:
            error.message.encode()
            continue
        if value is not None:
            again = parse_fact(what, to_text(what, value))
            assert again == value or (kind == "text" and again is None)  # the text `null` is unknown
