"""Canonical JSON is RFC 8785 on every input: the quick way must never differ from the exact one."""

from __future__ import annotations

import math
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from fastbrand.domain.canonical import canonical
from fastbrand.domain.lifecycle import Stage

# texts that look like numbers, escapes, and characters whose order differs between UTF-8 and UTF-16
ODD_TEXTS = st.sampled_from(
    [
        "",
        "\x00\x1f\x7f",
        '"\\/\b\f\n\r\t',
        "中文",
        "\ue000",
        "\uffff",
        "\U0001f600",
        "[1.5,",
        ":1e+16}",
        "NaN",
        "\ud800",
    ]
)
TEXTS = st.text(max_size=6) | ODD_TEXTS
INTEGERS = st.integers() | st.sampled_from([2**53 - 1, 2**53, -(2**53), 10**15 - 1, 10**15, 10**16])
KEYS = TEXTS | st.integers(0, 2) | st.booleans() | st.none()
LEAVES = st.none() | st.booleans() | INTEGERS | TEXTS | st.floats() | st.sampled_from([Stage.VETTING, b"", 0.0, -0.0])


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(TEXTS, inner, max_size=4)
        | st.dictionaries(KEYS, inner, max_size=2)
    )


def _exact(value: Any) -> bytes | None:
    try:
        return rfc8785.dumps(value)
    except ValueError:
        return None


@given(st.recursive(LEAVES, _nested, max_leaves=12))
def test_every_value_is_written_as_rfc8785_writes_it_or_refused(value: Any) -> None:
    exact = _exact(value)
    if exact is None:
        with pytest.raises(ValueError, match=r"."):
            canonical(value)
    else:
        assert canonical(value) == exact


@pytest.mark.parametrize(
    "value",
    [
        {1: "a"},
        {"a": {2: 3}},
        {None: 1},
        [math.nan],
        math.inf,
        2**53,
        "\ud800",
        {"\ud800": 1},
        b"bytes",
        {"a": object()},
    ],
)
def test_what_is_not_json_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"."):
        canonical(value)


def test_keys_sort_as_utf16() -> None:
    assert canonical({"\U0001f600": 1, "\ue000": 2}) == '{"\U0001f600":1,"\ue000":2}'.encode()


def test_plain_data_does_not_take_the_slow_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(_value: object) -> bytes:
        raise AssertionError("plain data went to the slow encoder")

    monkeypatch.setattr(rfc8785, "dumps", slow)
    data = {"b": [1, -5, True, None, "2022-05-13T08:00:00.000Z", "0.85", "快品牌"], "a": {"ä": 10**15 - 1}}
    expected = '{"a":{"ä":999999999999999},"b":[1,-5,true,null,"2022-05-13T08:00:00.000Z","0.85","快品牌"]}'
    assert canonical(data) == expected.encode()
