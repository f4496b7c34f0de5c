"""Values of facts: read exactly from facts files and rule files, shown exactly, never through a binary float.

Three notations meet here. *Facts files* (and stored facts) write money in major units, ratios as ``0.0833`` or
``8.33%``, durations as a number in the fact's unit. *Rule files* write the unit: ``1_000_000 CNY``, ``15%``,
``90 days``. *JSON output* writes money in minor units, ratios and scores as decimal text, durations in milliseconds.
Inside, a value is what ``rules.model`` says.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from fastbrand.domain.decision import JsonValue
from fastbrand.domain.errors import InputError
from rules.decimals import (
    exactly,
    grouped,
    half_even,
    plain_text,
    read_decimal,
    read_literal,
    read_whole,
    scaled_text,
)
from rules.durations import UNIT_MS, duration_text, parse_duration
from rules.mistakes import shown
from rules.model import MAX_INT, FactDef, Value

UNKNOWN_TEXTS = frozenset({"", "NaN", "nan", "NAN", "null", "NULL", "Null"})
"""Texts that stand for a fact nobody knows, whatever its type."""

MAX_TEXT = 4_096
"""Longest value of a text fact, in characters."""

NONE_OF_THEM = "|"
"""The empty set of a ``choices`` fact in facts files: known to have no member (an empty cell is unknown)."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_NUMBERS = frozenset({"money", "ratio", "count", "score", "duration"})
_ASKED = {
    "money": "write an amount in major units, like `1234.56`",
    "ratio": "write a decimal like `0.0833`, or a percentage like `8.33%`",
    "count": "write a whole number, like `30`",
    "score": "write a number, like `62.5`",
    "duration": "write a number in the fact's unit",
    "flag": "write `true` or `false`",
    "date": "write a day as YYYY-MM-DD, like `2022-05-13`",
}


# --- facts files --------------------------------------------------------------------------------------------------


def parse_fact(fact: FactDef, text: str) -> Value | None:
    """The value that ``text`` in facts-file notation stands for; None for empty, NaN and null, which are unknown.

    More digits than the fact's scale are rounded half to even; the range is checked after that. Raises ``InputError``
    (codes ``wrong_type``, ``out_of_range``, ``unknown_choice``) on anything else, never coerces.
    """
    found = text if fact.type == "text" else text.strip()
    if found in UNKNOWN_TEXTS:
        return None
    value = _PARSERS[fact.type](fact, found)
    _check_range(fact, value, found)
    return value


def from_json(fact: FactDef, value: object) -> Value | None:
    """Like ``parse_fact`` for a JSON value: int, Decimal, str, bool, list or None.

    Parse JSON with ``parse_float=Decimal``: a float is refused, NaN aside. A quoted number is an error, except a
    percentage; a list of codes is a ``choices`` value.
    """
    if value is None or (isinstance(value, float | Decimal) and math.isnan(value)):
        return None
    if isinstance(value, str):
        if fact.type in _NUMBERS and not (fact.type == "ratio" and value.strip().endswith("%")):
            if value.strip() in UNKNOWN_TEXTS:
                return None
            raise _wrong(fact, f'"{shown(value)}"', "take the quotes away: a number is expected")
        if fact.type in ("flag", "choices") and value.strip() not in UNKNOWN_TEXTS:
            raise _wrong(fact, f'"{shown(value)}"', _ASKED.get(fact.type) or 'write a list of codes, like ["a", "b"]')
        return parse_fact(fact, value)
    if isinstance(value, bool):
        if fact.type != "flag":
            raise _wrong(fact, str(value).lower(), _asked(fact))
        return int(value)
    if isinstance(value, int | Decimal) and fact.type in _NUMBERS:
        return parse_fact(fact, _number_text(fact, value))
    if isinstance(value, list) and fact.type == "choices":
        return _members(fact, value)
    raise _wrong(fact, shown(str(value)), _asked(fact))


def to_text(fact: FactDef, value: Value) -> str:
    """``value`` in facts-file notation: ``parse_fact`` reads the same value back."""
    if isinstance(value, tuple):
        return "|".join(value) if value else NONE_OF_THEM
    if isinstance(value, str):
        return value
    if fact.type == "flag":
        return "true" if value else "false"
    if fact.type == "date":
        return date.fromordinal(value).isoformat()
    if fact.type == "duration":
        # twelve digits of a week are well under a millisecond, so reading rounds back to the same value
        return plain_text(round(Fraction(value * 10**12, UNIT_MS[fact.unit or "days"])), 12)
    return scaled_text(value, fact.decimals) if fact.type == "score" else plain_text(value, fact.decimals)


# --- rule files ---------------------------------------------------------------------------------------------------


def parse_literal(fact: FactDef, text: str) -> Value:
    """The value of a literal in a rule file, written in the notation of the fact's type and within its range.

    ``1_000_000 CNY``, ``15%``, ``30``, ``62.5``, ``90 days``, ``true``, a code, ``2022-05-13``. A literal of a
    ``choices`` fact is one code and gives a tuple of one. Raises ``InputError`` with code ``wrong_type``,
    ``wrong_unit``, ``too_fine``, ``out_of_range`` or ``unknown_choice``.
    """
    value = parse_unbounded_literal(fact, text)
    _check_range(fact, value, text)
    return value


def parse_unbounded_literal(fact: FactDef, text: str) -> Value:
    """``parse_literal`` without the fact's range (for the ends of that range); within 2^53 all the same."""
    if fact.type == "duration":
        return parse_duration(text)
    if fact.type in ("money", "ratio", "count", "score"):
        value = _number_literal(fact, text)
        if abs(value) > MAX_INT:
            raise InputError(f"`{shown(text)}` is beyond 2^53", hint="write a smaller number", code="out_of_range")
        return value
    if not text:
        raise _wrong(fact, "", _asked(fact))
    if fact.type == "choices":
        return (_choice(fact, text),)
    return _PARSERS[fact.type](fact, text)


def to_literal(fact: FactDef, value: Value) -> str:
    """``value`` as a rule file writes it: ``1_000_000 CNY``, ``15%``, ``90 days``, ``[a, b]``."""
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    if isinstance(value, str) or fact.type in ("flag", "date"):
        return to_text(fact, value)
    if fact.type == "money":
        return f"{grouped(plain_text(value, fact.decimals))} {fact.unit or ''}".rstrip()
    if fact.type == "ratio":
        return grouped(plain_text(value, fact.decimals - 2)) + "%"
    if fact.type == "duration":
        return duration_text(value)
    return grouped(plain_text(value, fact.decimals))


# --- output -------------------------------------------------------------------------------------------------------


def render(fact: FactDef, value: Value | None) -> JsonValue:
    """``value`` as ``--json`` and stored decisions show it; unknown is None.

    Money: minor units. Ratio: plain decimal without trailing zeros, ``"0.0833"``. Score: decimal with all declared
    digits, ``"60.0"``. Duration: milliseconds. Flag: bool. Date: ISO. Choices: sorted list.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return list(value)
    if fact.type == "ratio":
        return plain_text(value, fact.decimals)
    if fact.type == "score":
        return scaled_text(value, fact.decimals)
    if fact.type == "flag":
        return bool(value)
    return date.fromordinal(value).isoformat() if fact.type == "date" else value


# --- one parser a type --------------------------------------------------------------------------------------------


def _number(fact: FactDef, text: str) -> int:
    if fact.type == "count":
        whole = read_whole(text)
        if whole is None:
            raise _wrong(fact, text, _ASKED["count"])
        return whole
    percent = fact.type == "ratio" and text.endswith("%")
    parts = read_decimal(text.removesuffix("%").rstrip() if percent else text)
    if parts is None:
        raise _wrong(fact, text, _asked(fact))
    mantissa, exponent = parts
    factor = UNIT_MS[fact.unit or "days"] if fact.type == "duration" else 10**fact.decimals
    value = half_even(mantissa, exponent - 2 if percent else exponent, factor)
    return value if value is not None else MAX_INT + 1


def _number_literal(fact: FactDef, text: str) -> int:
    number, unit = text, ""
    if fact.type == "money":
        number, _, unit = text.rpartition(" ")
        if not unit.isalpha():
            hint = f"write the currency: `{shown(text)} {fact.unit or 'CNY'}`"
            raise InputError(f"the amount `{shown(text)}` has no currency", hint=hint, code="wrong_unit")
        if fact.unit and unit != fact.unit:
            raise InputError(
                f"`{shown(text)}` is not in the programme's currency",
                hint=f"write the amount in {fact.unit}",
                code="wrong_unit",
            )
    elif fact.type == "ratio":
        if not text.endswith("%"):
            hint = "write a percentage, like `15%`"
            raise InputError(f"the ratio `{shown(text)}` has no `%`", hint=hint, code="wrong_unit")
        number = text.removesuffix("%").rstrip()
    parts = read_literal(number.strip())
    if parts is None:
        raise _wrong(fact, text, f"write it like `{_LITERALS[fact.type]}`", _strange_unit(text))
    mantissa, exponent = parts
    value = exactly(mantissa, exponent - 2 if fact.type == "ratio" else exponent, 10**fact.decimals)
    if value is None:
        digits = fact.decimals - 2 if fact.type == "ratio" else fact.decimals
        raise InputError(
            f"`{shown(text)}` is finer than the scale of the {fact.type} `{fact.name}`",
            hint=f"write at most {digits} digits after the point" if digits else "write a whole number",
            code="wrong_type" if fact.type == "count" else "too_fine",
        )
    return value


_LITERALS = {"money": "1_000_000 CNY", "ratio": "15%", "count": "30", "score": "62.5"}


def _strange_unit(text: str) -> str:
    """``wrong_unit`` for a good number with something behind it, otherwise ``wrong_type``."""
    number = re.match(r"[+-]?[\d_.]+", text)
    return "wrong_unit" if number and read_literal(number.group()) and number.end() < len(text) else "wrong_type"


def _flag(fact: FactDef, text: str) -> int:
    if text not in ("true", "false"):
        raise _wrong(fact, text, _ASKED["flag"])
    return int(text == "true")


def _choice(fact: FactDef, text: str) -> str:
    choices = fact.choices or {}
    if text in choices:
        return text
    near = difflib.get_close_matches(text, choices, n=1) if len(text) <= 64 and len(choices) <= 100 else []
    codes = ", ".join(f"`{code}`" for code in list(choices)[:8]) + (", ..." if len(choices) > 8 else "")
    hint = f"did you mean `{near[0]}`?" if near else f"write one of {codes}"
    raise InputError(f"`{shown(text)}` is not a choice of `{fact.name}`", hint=hint, code="unknown_choice")


def _choices(fact: FactDef, text: str) -> tuple[str, ...]:
    return () if text == NONE_OF_THEM else _members(fact, text.split("|"))


def _members(fact: FactDef, codes: list[Any]) -> tuple[str, ...]:
    for code in codes:
        if not isinstance(code, str):
            raise _wrong(fact, shown(str(code)), "write a list of codes")
    return tuple(sorted({_choice(fact, code) for code in codes}))


def _date(fact: FactDef, text: str) -> int:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text).toordinal()
    except ValueError:
        raise _wrong(fact, text, _ASKED["date"]) from None


def _text(fact: FactDef, text: str) -> str:
    if len(text) > MAX_TEXT:
        raise _wrong(fact, text, f"write at most {MAX_TEXT:,} characters")
    if _CONTROL.search(text):
        raise _wrong(fact, text, "take the control characters away")
    return text


_PARSERS: dict[str, Callable[[FactDef, str], Value]] = {
    **dict.fromkeys(_NUMBERS, _number),
    "flag": _flag,
    "choice": _choice,
    "choices": _choices,
    "date": _date,
    "text": _text,
}


def _check_range(fact: FactDef, value: Value, text: str) -> None:
    """Raise where a number or date is outside the fact's range, or a number beyond 2^53."""
    if not isinstance(value, int) or fact.type == "flag":
        return
    low, high = fact.range or (-MAX_INT, MAX_INT)
    if not low <= value <= high:
        allowed = f"{to_literal(fact, low)} to {to_literal(fact, high)}" if fact.range else "-2^53 to 2^53"
        raise InputError(
            f"`{shown(text)}` is outside the range of `{fact.name}`",
            hint=f"the range is {allowed}",
            code="out_of_range",
        )


def _number_text(fact: FactDef, value: int | Decimal) -> str:
    """A JSON number as text. A number too long to be any value of ours comes out as one that is out of range."""
    if isinstance(value, Decimal):
        if value.is_infinite():
            raise _wrong(fact, str(value), _asked(fact))
        return str(value)
    # a very long integer exceeds what the interpreter writes out; anything above 2^60 is out of range at every scale
    return str(value if abs(value) < 2**60 else 2**60 if value > 0 else -(2**60))


def _asked(fact: FactDef) -> str:
    if fact.type == "duration":
        return f"write a number of {fact.unit or 'days'}"
    if fact.type in ("choice", "choices"):
        return "write a declared code" if fact.type == "choice" else "write declared codes"
    return _ASKED.get(fact.type, "write text")


def _wrong(fact: FactDef, text: str, hint: str, code: str = "wrong_type") -> InputError:
    return InputError(f"`{shown(text)}` is not a {fact.type} for the fact `{fact.name}`", hint=hint, code=code)
