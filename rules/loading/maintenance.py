"""Kind ``maintenance``: bands on facts, streaks, and what they lead to for a party in standing."""

from __future__ import annotations

from typing import Any

from rules import schema
from rules.durations import parse_months
from rules.loading.conditions import comparison
from rules.loading.criteria import declared, optional_name, unique
from rules.loading.head import head
from rules.loading.reading import Fields, Reader
from rules.loading.rows import collected, fact_atoms, numeric_comparison, rows, when_fields
from rules.loading.scope import Scope
from rules.model import Atom, Band, BandAtom, ClearForAtom, Leaf, Maintenance, StreakAtom
from rules.words import MAINTENANCE_OUTCOMES
from rules.yaml_guard import Mapping, Node, Scalar

ANY = "any"
"""Stands for every band in a row."""
MAX_STREAK = 1_000


def maintenance(reader: Reader, scope: Scope, node: Node) -> Maintenance | None:
    """A maintenance book: one observation a period, bands and outcome rows."""
    fields = reader.fields(node, schema.MAINTENANCE)
    if fields is None:
        return None
    found_head = head(reader, fields)
    every = every_months(reader, fields)
    bands_node, outcomes_node = fields.get("bands"), fields.get("outcomes")
    items = reader.items(bands_node, "`bands`") if bands_node else None
    unique(reader, (ident for ident, _ in declared(items or [])), "id")
    read = [_band(reader, scope, item) for item in items or ()]
    bands = tuple(band for band in read if band is not None)
    known = _Bands(reader, items)
    outcomes = None
    if outcomes_node is not None:
        outcomes = rows(
            reader,
            outcomes_node,
            "`outcomes`",
            schema.MAINTENANCE_ROW,
            lambda when: _when(reader, scope, known, when),
            lambda row: _then(reader, row),
        )
    if found_head is None or every is None or items is None or len(bands) < len(read) or outcomes is None:
        return None
    return Maintenance(found_head, every, bands, outcomes)


def every_months(reader: Reader, fields: Fields) -> int | None:
    """``every: 1 month`` as a number of months, at most twelve."""
    node = fields.get("every")
    months = reader.take(parse_months, node, "`every`") if node else None
    if months is not None and months > 12:
        assert node is not None
        reader.wrong(node, "out_of_range", "a period is at most a year", "write `1 month` to `12 months`")
        return None
    return months


def _band(reader: Reader, scope: Scope, node: Node) -> Band | None:
    fields = reader.fields(node, schema.BAND)
    if fields is None:
        return None
    ident = optional_name(reader, fields, "id")
    if ident == ANY:
        reader.wrong(
            fields.get("id") or fields.node,
            "reserved_name",
            "`any` cannot name a band: rows use it",
            "choose another id",
        )
        ident = None
    title = reader.title(fields.get("title"), "the title")
    fact_node, sample_node = fields.get("fact"), fields.get("min_sample")
    fact = scope.fact(reader, fact_node) if fact_node else None
    levels: dict[str, Leaf | None] = {}
    for level in ("alert", "limit"):
        value = fields.get(level)
        if value is not None:
            levels[level] = comparison(reader, scope, fact, fields.key(level), value)
    if "alert" not in fields and "limit" not in fields:
        reader.wrong(fields.node, "missing_key", "a band needs `alert` or `limit`", "add one, or both")
        return None
    min_sample = reader.whole(sample_node, "`min_sample`", 1) if sample_node else None
    if sample_node is not None and fact is not None and fact.sample is None:
        message = f"`min_sample` has nothing to count: `{fact.name}` declares no `sample`"
        reader.wrong(fields.key("min_sample"), "min_sample", message, "take it away, or declare `sample` in facts.yaml")
        return None
    broken = any(leaf is None for leaf in levels.values()) or (sample_node is not None and min_sample is None)
    if broken or ident is None or title is None or fact is None:
        return None
    mark = reader.mark(fields.node)
    return Band(ident, fact.name, title, levels.get("alert"), levels.get("limit"), min_sample, mark)


class _Bands:
    """The bands that rows may name, with the levels each declares, whatever else is wrong with them."""

    def __init__(self, reader: Reader, items: list[Node] | None) -> None:
        self.reader = reader
        self.whole = items is not None
        self.levels: dict[str, set[str]] = {}
        for item in items or ():
            if isinstance(item, Mapping):
                values = {key.text: value for key, value in item.pairs}
                ident = values.get("id")
                if isinstance(ident, Scalar):
                    self.levels[ident.text] = set(values) & {"alert", "limit"}

    def name(self, node: Node, level: str) -> tuple[bool, str | None]:
        """(sound, band or None for any) for the band that ``node`` names, which must declare ``level``."""
        text = self.reader.text(node, f"`{level}`")
        if text is None or text == ANY:
            return text is not None, None
        if text not in self.levels:
            if self.whole:
                hint = self.reader.report.nearest(text, [*self.levels, ANY])
                self.reader.wrong(node, "unknown_band", f"there is no band `{text}`", hint)
            return False, None
        if level not in self.levels[text]:
            message = f"the band `{text}` has no `{level}`"
            self.reader.wrong(node, "unknown_band", message, f"give the band a `{level}`, or name another")
            return False, None
        return True, text


def _when(reader: Reader, scope: Scope, bands: _Bands, node: Node) -> tuple[Atom, ...] | None:
    fields = when_fields(reader, node, schema.MAINTENANCE_WHEN)
    if fields is None:
        return None
    return collected(
        _band_atom(bands, fields, "limit"),
        _band_atom(bands, fields, "alert"),
        _streak(reader, bands, fields),
        _clear_for(reader, fields),
        fact_atoms(reader, scope, fields),
    )


def _band_atom(bands: _Bands, fields: Fields, level: str) -> tuple[Atom, ...] | None:
    node = fields.get(level)
    if node is None:
        return ()
    sound, band = bands.name(node, level)
    if not sound:
        return None
    return (BandAtom("limit" if level == "limit" else "alert", band),)


def _streak(reader: Reader, bands: _Bands, fields: Fields) -> tuple[Atom, ...] | None:
    """``streak: {at_least: 3}``, of one band where it says ``band``."""
    node = fields.get("streak")
    if node is None:
        return ()
    inner = reader.fields(node, schema.STREAK, "write `{at_least: 3}`")
    if inner is None:
        return None
    band_node = inner.get("band")
    sound, band = bands.name(band_node, "limit") if band_node else (True, None)
    operators = Mapping(node.line, node.column)
    operators.pairs = [(key, value) for key, value in inner.node.pairs if key.text != "band" and key.text in inner]
    found = numeric_comparison(
        reader, operators, "the streak", lambda value: reader.whole(value, "a streak", 0, MAX_STREAK)
    )
    return None if found is None or not sound else (StreakAtom(*found, band),)


def _clear_for(reader: Reader, fields: Fields) -> tuple[Atom, ...] | None:
    node = fields.get("clear_for")
    if node is None:
        return ()
    months = reader.take(parse_months, node, "`clear_for`")
    return None if months is None else (ClearForAtom(months),)


def _then(reader: Reader, row: Fields) -> dict[str, Any] | None:
    node, cause_node = row.get("then"), row.get("cause")
    outcome = reader.word(node, "an outcome", MAINTENANCE_OUTCOMES) if node else None
    cause = reader.name(cause_node, "`cause`") if cause_node else None
    if outcome is None or (cause_node is not None and cause is None):
        return None
    return {"outcome": outcome} if cause is None else {"outcome": outcome, "cause": cause}
