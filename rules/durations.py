"""Durations in rule files: plain ones in milliseconds, calendar months and business days as what they are."""

from __future__ import annotations

from fastbrand.domain.errors import InputError
from rules.decimals import exactly, read_literal
from rules.mistakes import shown
from rules.model import MAX_INT

UNIT_MS = {
    "seconds": 1_000,
    "minutes": 60_000,
    "hours": 3_600_000,
    "days": 86_400_000,
    "weeks": 604_800_000,
}
"""Unit of a duration -> milliseconds. A day is 24 hours here; calendar days are the business of dates."""

_UNITS = {**UNIT_MS, **{unit.removesuffix("s"): ms for unit, ms in UNIT_MS.items()}}
_HINT = "write a number and seconds, minutes, hours, days or weeks: `90 days`"


def parse_duration(text: str) -> int:
    """``90 days`` as milliseconds (``second(s) minute(s) hour(s) day(s) week(s)``). Raises ``InputError``."""
    number, unit = _split(text)
    factor = _UNITS.get(unit)
    parts = read_literal(number)
    if parts is None:
        raise InputError(f"`{shown(text)}` is not a duration", hint=_HINT, code="wrong_type")
    if factor is None:
        missing = "has no unit" if not unit else f"has the unknown unit `{shown(unit)}`"
        raise InputError(f"the duration `{shown(text)}` {missing}", hint=_HINT, code="wrong_unit")
    value = exactly(*parts, factor)
    if value is None:
        raise InputError(f"`{shown(text)}` is finer than a millisecond", hint="use fewer digits", code="too_fine")
    if abs(value) > MAX_INT:
        raise InputError(f"`{shown(text)}` is too long", hint="stay below 285,000 years", code="out_of_range")
    return value


def parse_span(text: str) -> int:
    """``parse_duration`` for a time to wait: zero or more. Raises ``InputError``."""
    value = parse_duration(text)
    if value < 0:
        raise InputError(f"`{shown(text)}` is negative", hint="write 0 days or more", code="out_of_range")
    return value


def parse_months(text: str) -> int:
    """``1 month`` or ``6 months`` as a number of calendar months, at least 1. Raises ``InputError``."""
    number, unit = _split(text)
    if unit not in ("month", "months"):
        raise InputError(
            f"`{shown(text)}` is not a number of months", hint="write `1 month` or `6 months`", code="wrong_unit"
        )
    return _whole(text, number)


def parse_deadline(text: str) -> dict[str, int]:
    """``3 business days``, ``1 month`` or a plain duration, as ``{business_days: 3}``, ``{months: 1}`` or ``{ms: n}``.

    Raises ``InputError``.
    """
    number, unit = _split(text)
    if unit in ("business day", "business days"):
        return {"business_days": _whole(text, number)}
    if unit in ("month", "months"):
        return {"months": _whole(text, number)}
    try:
        return {"ms": parse_span(text)}
    except InputError as error:
        hint = "write `3 business days`, `24 hours` or `1 month`"
        raise InputError(error.message, hint=hint, code=error.instance_code) from None


def duration_text(ms: int) -> str:
    """Milliseconds in the largest unit that leaves no rest: 5400000 is ``90 minutes``, 1 is ``0.001 seconds``."""
    for unit, factor in sorted(UNIT_MS.items(), key=lambda item: -item[1]):
        if ms and ms % factor == 0 and unit != "weeks":
            count = ms // factor
            return f"{count:_} {unit if abs(count) != 1 else unit.removesuffix('s')}"
    if ms == 0:
        return "0 days"
    whole, rest = divmod(abs(ms), 1_000)
    return f"{'-' if ms < 0 else ''}{whole}.{rest:03d} seconds"


def _split(text: str) -> tuple[str, str]:
    number, _, unit = text.strip().partition(" ")
    return number, " ".join(unit.split())


def _whole(text: str, number: str) -> int:
    parts = read_literal(number)
    if parts is None or parts[1] != 0:
        raise InputError(
            f"`{shown(text)}` is not a whole number", hint="write a whole number before the unit", code="wrong_type"
        )
    if not 1 <= parts[0] <= 10_000:
        raise InputError(f"`{shown(text)}` is out of range", hint="write 1 to 10,000", code="out_of_range")
    return parts[0]
