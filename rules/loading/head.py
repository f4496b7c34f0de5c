"""What every file begins with: kind, name, version, when it is in force and for whom."""

from __future__ import annotations

import re
from datetime import date
from typing import Literal, cast

from fastbrand.domain.errors import InputError
from rules import schema
from rules.loading.reading import Fields, Reader
from rules.mistakes import shown
from rules.model import Head
from rules.words import STATUSES, TRACKS
from rules.yaml_guard import Node

_VERSION = re.compile(r"\d{1,9}(\.\d{1,9}){0,3}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def version(reader: Reader, fields: Fields) -> str | None:
    """The file's version: numbers with points between them, so that it is plain which of two is higher."""

    def parse(text: str) -> str:
        if not _VERSION.fullmatch(text):
            hint = 'write numbers with points between them: `"2022.2"`'
            raise InputError(f"`{shown(text)}` is not a version", hint=hint, code="bad_version")
        return text

    node = fields.get("version")
    return reader.take(parse, node, "`version`") if node else None


def version_key(text: str) -> tuple[int, ...]:
    """A version for comparing: ``2022.10`` is above ``2022.9``, and ``2022`` equals ``2022.0``."""
    numbers = [int(part) for part in text.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def head(reader: Reader, fields: Fields) -> Head | None:
    """The head of a rule book."""
    name_node, status_node, flight_node = fields.get("rulebook"), fields.get("status"), fields.get("in_flight")
    name = reader.name(name_node, "`rulebook`") if name_node else None
    kind_node = fields.get("kind")
    kind = reader.text(kind_node, "`kind`") if kind_node else None
    found_version = version(reader, fields)
    effective = _effective(reader, fields.get("effective"))
    parties = _parties(reader, fields.get("parties"))
    title = reader.title(fields.get("title"), "the title")
    status = reader.word(status_node, "a status", STATUSES) if status_node else None
    in_flight = reader.word(flight_node, "`pin` or `reevaluate`", ("pin", "reevaluate")) if flight_node else "pin"
    optional = (("title", title), ("status", status))
    if any(value is None and key in fields for key, value in optional) or in_flight is None or parties is None:
        return None
    if name is None or kind is None or found_version is None or effective is None:
        return None
    flight = cast(Literal["pin", "reevaluate"], in_flight)
    mark = reader.mark(fields.node)
    return Head(name, kind, found_version, title, status, parties, *effective, flight, reader.path, mark)


def _effective(reader: Reader, node: Node | None) -> tuple[date | None, date | None] | None:
    """First day in force and first day no longer; (None, None) where the file does not say."""
    if node is None:
        return None, None
    fields = reader.fields(node, schema.EFFECTIVE, "write `{from: 2022-05-13}`")
    if fields is None:
        return None
    from_node, until_node = fields.get("from"), fields.get("until")
    begins = reader.take(_day, from_node, "`from`") if from_node else None
    ends = reader.take(_day, until_node, "`until`") if until_node else None
    if begins is None or (until_node is not None and ends is None):
        return None
    if ends is not None and ends <= begins:
        assert until_node is not None
        reader.wrong(until_node, "effective", "the period ends before it begins", "`until` is the first day after it")
        return None
    return begins, ends


def _day(text: str) -> date:
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        hint = "write a day as YYYY-MM-DD"
        raise InputError(f"`{shown(text)}` is not a day", hint=hint, code="wrong_type") from None


def _parties(reader: Reader, node: Node | None) -> tuple[str, ...] | None:
    """The tracks a book is for, in the order of the file; empty where it does not say."""
    if node is None:
        return ()
    items = reader.items(node, "`parties`")
    if items is None:
        return None
    tracks: list[str] = []
    for item in items:
        track = reader.word(item, "a track", TRACKS)
        if track is None:
            return None
        if track in tracks:
            reader.wrong(item, "duplicate_id", f"`{track}` is listed twice", "keep one")
            return None
        tracks.append(track)
    return tuple(tracks)
