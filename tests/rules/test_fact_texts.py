"""Facts read at once have the values, and the errors, of facts read at leisure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastbrand.domain.errors import InputError
from rules.fact_texts import text_reader
from rules.model import FactDef, Mark, Title, Value
from rules.values import parse_fact

KINDS = ("money", "ratio", "count", "score", "duration", "flag", "choice", "choices", "date", "text")
CHOICES = {code: Title(code, code) for code in ("apparel", "a", "true", "NaN")}


def fact(kind: Any, decimals: int, span: tuple[int, int] | None) -> FactDef:
    """A fact of a type, which may have a range."""
    scale = {"money": 2, "ratio": 9, "score": decimals}.get(kind, 0)
    choices = CHOICES if kind in ("choice", "choices") else None
    unit = "minutes" if kind == "duration" else None
    ranged = span if kind in ("money", "ratio", "count", "score", "duration") else None
    return FactDef("it", kind, Title("It", "它"), Mark("f", 1, 1), scale, ranged, unit=unit, choices=choices)


def told(read: Callable[[str], Value | None], text: str) -> Any:
    """The value and its type, or what is said about it."""
    try:
        value = read(text)
    except InputError as error:
        return error.message, error.hint, error.instance_code
    return type(value), value


@given(
    st.sampled_from(KINDS),
    st.integers(0, 3),
    st.none() | st.tuples(st.integers(-50, 50), st.integers(100, 10**6)),
    st.one_of(
        st.text("0123456789", max_size=20),
        st.from_regex(r"[0-9]{0,9}\.[0-9]{0,11}", fullmatch=True),
        st.text("0123456789.,_eE+-% ٣", max_size=12),
        st.sampled_from(["true", "false", "True", "1", "apparel", "a|true", "NaN", "null", "", " 7 ", "2022-05-13"]),
        st.text(max_size=8),
    ),
)
@example("count", 0, None, "007")
@example("count", 0, None, str(2**53))
@example("count", 0, None, str(2**53 + 1))
@example("count", 0, None, "30.")
@example("money", 0, None, "0.125")
@example("ratio", 0, (0, 100), ".5")
@example("ratio", 0, None, "1.0000000005")
@example("score", 1, (0, 100), "10.1")
@example("duration", 0, None, "0.5")
@example("duration", 0, None, "999999999999999999")
@example("choice", 0, None, "NaN")
def test_every_text_is_read_alike(kind: str, decimals: int, span: tuple[int, int] | None, text: str) -> None:
    what = fact(kind, decimals, span)
    assert told(text_reader(what), text) == told(lambda text: parse_fact(what, text), text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("count", "1200", 1200),
        ("money", "1234.5", 123_450),
        ("ratio", "0.0833", 83_300_000),
        ("score", "62.5", 625),
        ("duration", "3", 180_000),
        ("flag", "false", 0),
        ("choice", "apparel", "apparel"),
    ],
)
def test_plain_texts_need_nobody_else(monkeypatch: pytest.MonkeyPatch, kind: str, text: str, value: Value) -> None:
    monkeypatch.setattr("rules.fact_texts.parse_fact", lambda *_: pytest.fail("it was read at leisure"))
    assert text_reader(fact(kind, 1, None))(text) == value
