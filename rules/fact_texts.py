"""The facts of one book read from their texts: plain ones at once, all others by ``rules.values``.

``rules.values`` says what a text stands for and what is wrong with it. Nearly every fact of nearly every party is
written the plain way, though (``30``, ``0.0833``, ``true``, a code), and deciding spent more time on reading them than
on comparing them. A reader here takes only what it can tell at once, and gives the same value as ``parse_fact``.
"""

from __future__ import annotations

from collections.abc import Callable

from rules.durations import UNIT_MS
from rules.model import MAX_INT, FactDef, Value
from rules.values import UNKNOWN_TEXTS, parse_fact

ReadText = Callable[[str], Value | None]
"""From a text in facts-file notation to the value; raises ``InputError`` as ``parse_fact`` does."""

_PLAIN_DIGITS = 18  # longer numbers are no fact of anybody's, and left to ``parse_fact``


def text_reader(fact: FactDef) -> ReadText:
    """``parse_fact`` for this fact, with everything settled that does not depend on the text."""
    match fact.type:
        case "flag":
            return _coded(fact, {"true": 1, "false": 0})
        case "choice":
            return _coded(fact, {code: code for code in fact.choices or {} if code not in UNKNOWN_TEXTS})
        case "count":
            return _whole(fact, 1)
        case "duration":
            return _whole(fact, UNIT_MS[fact.unit or "days"])
        case "money" | "ratio" | "score":
            return _decimal(fact)
        case _:
            return lambda text: parse_fact(fact, text)


def _coded(fact: FactDef, values: dict[str, int] | dict[str, str]) -> ReadText:
    def read(text: str) -> Value | None:
        value = values.get(text)
        return parse_fact(fact, text) if value is None else value

    return read


def _whole(fact: FactDef, factor: int) -> ReadText:
    """Digits, times ``factor``, within the range."""
    low, high = fact.range or (-MAX_INT, MAX_INT)

    def read(text: str) -> Value | None:
        if text.isdecimal() and text.isascii() and len(text) <= _PLAIN_DIGITS:
            value = int(text) * factor
            if low <= value <= high:
                return value
        return parse_fact(fact, text)

    return read


def _decimal(fact: FactDef) -> ReadText:
    """Digits, and where there is a point at least one behind it and no more than the fact has, within the range."""
    low, high = fact.range or (-MAX_INT, MAX_INT)
    decimals = fact.decimals
    powers: list[int] = [10 ** (decimals - given) for given in range(decimals + 1)]

    def read(text: str) -> Value | None:
        whole, point, part = text.partition(".")
        digits, given = whole + part, len(part)
        well_formed = whole and (given or not point) and given <= decimals and len(digits) <= _PLAIN_DIGITS
        if well_formed and digits.isdecimal() and digits.isascii():
            value = int(digits) * powers[given]
            if low <= value <= high:
                return value
        return parse_fact(fact, text)

    return read
