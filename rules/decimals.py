"""Exact decimal text: read to scaled integers and written back, never through a binary float."""

from __future__ import annotations

import re
from fractions import Fraction

MAX_NUMBER_TEXT = 400
"""Longest text that is read as a number; nothing within 2^53 at any scale of ours needs more."""

_DECIMAL = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,5}))?", re.ASCII)
_LITERAL = re.compile(r"([+-]?)(\d+(?:_\d+)*)(?:\.(\d+(?:_\d+)*))?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)
_FAR = 2 * MAX_NUMBER_TEXT


def read_decimal(text: str) -> tuple[int, int] | None:
    """``text`` as (mantissa, exponent of ten): ``1e-05`` is (1, -5); None where it is not a decimal number."""
    if len(text) > MAX_NUMBER_TEXT:
        return None
    found = _DECIMAL.fullmatch(text)
    if not found:
        return None
    sign, whole, fraction, exponent = found.groups(default="")
    return int(sign + whole + fraction), int(exponent or "0") - len(fraction)


def read_literal(text: str) -> tuple[int, int] | None:
    """Like ``read_decimal`` in the notation of rule files: ``_`` between digits, no exponent."""
    if len(text) > MAX_NUMBER_TEXT:
        return None
    found = _LITERAL.fullmatch(text)
    if not found:
        return None
    sign, whole, fraction = (part.replace("_", "") for part in found.groups(default=""))
    return int(sign + whole + fraction), -len(fraction)


def read_whole(text: str) -> int | None:
    """``text`` as an integer of plain digits (``30``, never ``30.0`` or ``3e1``), or None."""
    if len(text) > MAX_NUMBER_TEXT or not _WHOLE.fullmatch(text):
        return None
    return int(text)


def half_even(mantissa: int, exponent: int, factor: int = 1) -> int | None:
    """``mantissa x 10^exponent x factor`` rounded half to even; None where it is beyond every bound of ours."""
    if exponent >= 0:
        return 0 if mantissa == 0 else None if exponent > _FAR else mantissa * factor * 10**exponent
    if exponent < -_FAR - len(str(factor)):
        return 0
    return round(Fraction(mantissa * factor, 10**-exponent))


def exactly(mantissa: int, exponent: int, factor: int = 1) -> int | None:
    """``mantissa x 10^exponent x factor`` where that is an integer, otherwise None. ``exponent`` is at most 0."""
    value, rest = divmod(mantissa * factor, 10**-exponent)
    return None if rest else value


def scaled_text(value: int, decimals: int) -> str:
    """``value / 10^decimals`` with all ``decimals`` digits: (600, 1) is ``60.0``."""
    if decimals == 0:
        return str(value)
    digits = str(abs(value)).rjust(decimals + 1, "0")
    return f"{'-' if value < 0 else ''}{digits[:-decimals]}.{digits[-decimals:]}"


def plain_text(value: int, decimals: int) -> str:
    """``scaled_text`` without trailing zeros: (83300000, 9) is ``0.0833``."""
    text = scaled_text(value, decimals)
    return text.rstrip("0").rstrip(".") if "." in text else text


def grouped(text: str) -> str:
    """A decimal text with ``_`` between groups of three whole digits, as rule files write it."""
    whole, point, fraction = text.partition(".")
    sign, digits = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    return f"{sign}{int(digits):_}{point}{fraction}"


def fraction_text(value: Fraction) -> str:
    """A fraction for messages, rounded at nine digits: 1/3 is ``0.333333333``."""
    return plain_text(round(value * 10**9), 9)
