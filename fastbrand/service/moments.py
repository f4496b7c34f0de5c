"""Times that people type: a date, or a date and time with a zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from fastbrand.domain.errors import InputError


def parse_moment(text: str, zone: str = "Asia/Shanghai") -> datetime:
    """``2022-08-17`` (midnight in ``zone``) or RFC 3339 with a zone, as UTC. Raises ``InputError``."""
    hint = "write `2022-08-17`, or `2022-08-17T14:32:00+08:00` with its zone"
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time(), ZoneInfo(zone)).astimezone(UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InputError(f"`{text}` is not a date or time", hint=hint) from None
    if moment.tzinfo is None:
        raise InputError(f"`{text}` has no time zone", hint=hint)
    return moment.astimezone(UTC)
