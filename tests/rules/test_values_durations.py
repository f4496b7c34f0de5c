"""Durations, deadlines and decimal text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbrand.domain.errors import InputError
from rules.decimals import fraction_text, plain_text, scaled_text
from rules.durations import duration_text, parse_deadline, parse_duration, parse_months, parse_span
from rules.model import MAX_INT

INTS = st.integers(-MAX_INT, MAX_INT)


def test_deadlines_are_business_days_months_or_plain_durations() -> None:
    assert parse_deadline("3 business days") == {"business_days": 3}
    assert parse_deadline("1 business day") == {"business_days": 1}
    assert parse_deadline("2 months") == {"months": 2}
    assert parse_deadline("60 seconds") == {"ms": 60_000}
    assert parse_months("1 month") == 1
    assert parse_span("0 days") == 0


@pytest.mark.parametrize(
    ("read", "text", "code"),
    [
        (parse_deadline, "3.5 business days", "wrong_type"),
        (parse_deadline, "0 business days", "out_of_range"),
        (parse_deadline, "three days", "wrong_type"),
        (parse_deadline, "3", "wrong_unit"),
        (parse_deadline, "-1 hours", "out_of_range"),
        (parse_months, "30 days", "wrong_unit"),
        (parse_months, "0 months", "out_of_range"),
        (parse_months, "1.5 months", "wrong_type"),
        (parse_span, "-1 days", "out_of_range"),
    ],
)
def test_what_is_no_deadline_is_an_input_error(read: Any, text: str, code: str) -> None:
    with pytest.raises(InputError) as told:
        read(text)
    assert told.value.instance_code == code


@given(INTS)
def test_durations_come_back_from_their_text(ms: int) -> None:
    assert parse_duration(duration_text(ms)) == ms


@given(INTS, st.integers(0, 9))
def test_scaled_and_plain_text_say_the_same_number(value: int, decimals: int) -> None:
    exact = Decimal(value).scaleb(-decimals)
    assert Decimal(scaled_text(value, decimals)) == exact
    assert Decimal(plain_text(value, decimals)) == exact
    assert len(scaled_text(value, decimals).partition(".")[2]) == decimals
    assert not ("." in plain_text(value, decimals) and plain_text(value, decimals).endswith("0"))


def test_fractions_in_messages() -> None:
    assert fraction_text(Fraction(1, 3)) == "0.333333333"
    assert fraction_text(Fraction(90)) == "90"
