"""Foreign files into facts: a mapping file says which column is which fact, in which unit, and what its values mean.

The language is described in docs/rules/facts-and-mappings.md. A mapping is checked against a book: its facts, and the
currency of its programme. ``rate`` counts only where that currency is not the column's unit, so that one mapping serves
books in several currencies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastbrand.domain.errors import InputError, RuleFileError, UsageError
from fastbrand.service.facts_files import (
    CellReader,
    Column,
    FactsFile,
    Layout,
    Opened,
    moment_reader,
    plain_reader,
    read_whole,
)
from fastbrand.service.mapped_cells import Other, converted, in_unit, quarter_end_reader, translated
from fastbrand.service.table_files import Cell, known_column, nearest, read_table
from rules import mapping_schema as shape
from rules import yaml_guard as tree
from rules.decimals import read_literal
from rules.durations import UNIT_MS
from rules.mistakes import Mistake, shown
from rules.model import Book, FactDef, Value
from rules.shape import Shape
from rules.values import parse_fact


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """A checked mapping: what the parties of the file are, their key, the time of a row, and the facts."""

    track: str
    party: str
    prefix: str
    observed_at: str | None
    read_time: Callable[[Cell], datetime | None]
    facts: tuple[MappedFact, ...]


@dataclass(frozen=True, slots=True)
class MappedFact:
    """One fact and its column. ``reader`` makes the cell reader for text cells (False) or typed ones (True)."""

    fact: FactDef
    column: str
    reader: Callable[[bool], CellReader]


def load_mapping(path: Path, book: Book) -> ColumnMapping:
    """Read the mapping file ``path`` for ``book``.

    Raises ``InputError`` where it cannot be read, and ``RuleFileError`` with every mistake in it: unknown keys and
    facts (with the nearest name), a money column without its unit, a unit that is not the programme's currency and has
    no rate, values that the fact does not have.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise InputError(f"`{path}` cannot be read: {reason}", hint="name a mapping file", code="unreadable") from None
    root, _, mistakes = tree.read_yaml(str(path), data)
    loader = _Loader(str(path), book, mistakes)
    mapping = loader.mapping(root) if root is not None else None
    if loader.mistakes or mapping is None:
        found = tuple(sorted(loader.mistakes))
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        first = found[0]
        raise RuleFileError(
            f"`{path}` cannot be used: line {first.line}: {first.message}{more}", mistakes=found, hint=first.hint
        )
    return mapping


def read_mapped(
    path: Path,
    mapping: ColumnMapping,
    *,
    where: Sequence[str] = (),
    history: bool = False,
    not_after: datetime | None = None,
) -> FactsFile:
    """Read ``path`` (CSV, Parquet, JSON, JSONL) through ``mapping``; the rows that every ``where`` keeps.

    ``where`` items are ``COLUMN=VALUE``, compared as text; several for one column keep any of the values. Raises
    ``InputError`` for a column that is named and missing, and as ``read_table`` does; ``UsageError`` for a ``where``
    without ``=``. A second row for a party is a mistake of that row; with ``history``, only at the same time. So is a
    row that was observed after ``not_after``.
    """
    return read_whole(open_mapped(path, mapping, where=where, not_after=not_after), history=history)


def open_mapped(
    path: Path, mapping: ColumnMapping, *, where: Sequence[str] = (), not_after: datetime | None = None
) -> Opened:
    """``read_mapped`` up to its rows. Raises as it does."""
    chosen = parse_where(where)
    table = read_table(path, chosen)
    named = [mapping.party, *(fact.column for fact in mapping.facts)]
    named += [mapping.observed_at] if mapping.observed_at is not None else []
    for column in named:
        known_column(table, column)
    layout = Layout(
        columns=tuple(Column(item.fact, item.column, item.reader(table.typed)) for item in mapping.facts),
        party=mapping.party,
        prefix=mapping.prefix,
        observed_at=mapping.observed_at,
        read_time=mapping.read_time,
        not_after=not_after,
    )
    ignored = [column for column in table.columns if column not in named and column not in chosen]
    return Opened(table, layout, ignored, track=mapping.track)


def parse_where(items: Iterable[str]) -> dict[str, list[str]]:
    """``COLUMN=VALUE`` items as column -> values. Raises ``UsageError`` where there is no ``=``."""
    found: dict[str, list[str]] = {}
    for item in items:
        column, equals, value = item.partition("=")
        if not equals or not column:
            raise UsageError(f"`{shown(item)}` is no condition", hint="write COLUMN=VALUE, like quarter=2018Q2")
        found.setdefault(column, []).append(value)
    return found


# --- the mapping file ---------------------------------------------------------------------------------------------


class _Loader:
    """Reads the tree of a mapping file and collects every mistake."""

    def __init__(self, path: str, book: Book, mistakes: list[Mistake]) -> None:
        self.path = path
        self.facts = {name: fact for name, fact in book.facts.items() if fact.derivation is None}
        self.derived = set(book.facts) - set(self.facts)
        self.currency = book.programme.currency
        self.zone = book.programme.time_zone
        self.mistakes = list(mistakes)

    def add(self, node: tree.Node, code: str, message: str, hint: str) -> None:
        self.mistakes.append(Mistake(self.path, node.line, node.column, code, message, hint))

    def mapping(self, root: tree.Node) -> ColumnMapping | None:
        top = self.keys(root, shape.MAPPING)
        kind = self.text(top.get("kind"))
        if kind is not None and kind != "mapping":
            self.add(top["kind"], "wrong_kind", f"`{shown(kind)}` is not `mapping`", "write `kind: mapping`")
        track = self.text(top.get("track"))
        if track is not None and track not in ("M", "S"):
            self.add(top["track"], "wrong_track", f"`{shown(track)}` is not a track", "write M or S")
        party = self.keys(top.get("party"), shape.PARTY)
        column, prefix = self.text(party.get("column")), self.text(party.get("prefix"))
        time_column, read_time = self.time(top.get("observed_at"))
        facts = self.mapped_facts(top.get("facts"))
        if self.mistakes or track is None or column is None:
            return None
        return ColumnMapping(track, column, prefix or "", time_column, read_time, facts)

    def time(self, node: tree.Node | None) -> tuple[str | None, Callable[[Cell], datetime | None]]:
        moment = moment_reader(self.zone)
        if node is None:
            return None, moment
        items = self.keys(node, shape.TIME)
        kind = self.text(items.get("format"))
        if kind is not None and kind not in shape.TIME_FORMATS:
            known = ", ".join(f"`{name}`" for name in shape.TIME_FORMATS)
            self.add(items["format"], "unknown_format", f"`{shown(kind)}` is not a format", f"write one of {known}")
        return self.text(items.get("column")), quarter_end_reader(self.zone) if kind == "quarter_end" else moment

    def mapped_facts(self, node: tree.Node | None) -> tuple[MappedFact, ...]:
        found: list[MappedFact] = []
        if node is None or isinstance(node, tree.Refused):
            return ()
        if not isinstance(node, tree.Mapping) or not node.pairs:
            self.add(node, "wrong_shape", "`facts` names no fact", "write `fact: {column: name}`")
            return ()
        for key, item in node.pairs:
            fact = self.facts.get(key.text)
            if fact is None:
                self.unknown_fact(key)
                continue
            keys = self.keys(item, shape.FACT, f"the fact `{fact.name}`")
            column = self.text(keys.get("column"))
            reader = self.reader(fact, keys, key)
            if column is not None and reader is not None:
                found.append(MappedFact(fact, column, reader))
        return tuple(found)

    def unknown_fact(self, key: tree.Scalar) -> None:
        if key.text in self.derived:
            self.add(key, "derived_fact", f"`{key.text}` is computed by the book, not read", "map what it is made of")
            return
        close = nearest(key.text, self.facts)
        hint = f"did you mean `{close}`?" if close else "add it to the book's facts.yaml, or leave it out"
        self.add(key, "unknown_fact", f"the book has no fact `{shown(key.text)}`", hint)

    def reader(
        self, fact: FactDef, keys: dict[str, tree.Node], key: tree.Scalar
    ) -> Callable[[bool], CellReader] | None:
        """The cell reader of a fact; None where its keys have mistakes."""
        before = len(self.mistakes)
        translate = self.values(fact, keys)
        factor = self.rate(fact, keys, key)
        unit = self.unit(fact, keys) if fact.type != "money" else None
        if len(self.mistakes) > before:
            return None
        if translate is not None:
            return lambda _typed: translated(fact, *translate)
        if factor is not None:
            return lambda typed: converted(fact, factor, typed)
        if unit is not None:
            return lambda typed: in_unit(fact, unit, typed)
        return lambda typed: plain_reader(fact, typed=typed)

    def values(self, fact: FactDef, keys: dict[str, tree.Node]) -> tuple[dict[str, Value | None], Other] | None:
        """The translation table of a fact and what becomes of other values."""
        node = keys.get("values")
        if node is None:
            if "other" in keys:
                self.add(
                    keys["other"], "other_alone", "`other` stands without `values`", "add `values`, or take it away"
                )
            return None
        for name in ("unit", "rate"):
            if name in keys:
                self.add(keys[name], "values_and_unit", f"`{name}` and `values` do not go together", "keep one of them")
        table: dict[str, Value | None] = {}
        if isinstance(node, tree.Mapping):
            for key, item in node.pairs:
                table[key.text] = self.target(fact, item)
        elif not isinstance(node, tree.Refused):
            self.add(node, "wrong_shape", "`values` is not a table", "write `{their value: our value}`")
        return table, Other(allowed="other" in keys, value=self.target(fact, keys.get("other")))

    def target(self, fact: FactDef, node: tree.Node | None) -> Value | None:
        """What a foreign value becomes: a value of the fact, or None for ``unknown``."""
        text = self.text(node)
        if node is None or text is None or (text == "unknown" and text not in (fact.choices or {})):
            return None
        try:
            return parse_fact(fact, text)
        except InputError as error:
            self.add(node, error.instance_code, error.message, error.hint)
            return None

    def rate(self, fact: FactDef, keys: dict[str, tree.Node], key: tree.Scalar) -> tuple[int, int] | None:
        """The factor (mantissa, exponent of ten) that brings a money column into the programme's currency."""
        if fact.type != "money":
            if "rate" in keys:
                self.add(keys["rate"], "rate_without_money", f"`{fact.name}` is not money", "take `rate` away")
            return None
        if "values" in keys:
            return None
        unit = self.text(keys.get("unit"))
        if unit is None:
            if "unit" not in keys:
                self.add(key, "missing_unit", f"`{fact.name}` has no unit", f"write `unit: {self.currency}`")
            return None
        text = self.text(keys.get("rate"))
        factor = self.rate_literal(keys["rate"], text, unit) if text is not None else None
        if unit == self.currency:
            return None
        if "rate" not in keys:
            hint = f"give `rate: 1.35 {self.currency}`: what one {unit} is in {self.currency}"
            self.add(
                keys["unit"], "wrong_unit", f"`{shown(unit)}` is not the programme's currency {self.currency}", hint
            )
        return factor

    def rate_literal(self, node: tree.Node, text: str, unit: str) -> tuple[int, int] | None:
        number, _, currency = text.partition(" ")
        parts = read_literal(number)
        if parts is None or parts[0] <= 0 or not re.fullmatch(r"[A-Z]{3}", currency):
            hint = f"write what one {shown(unit)} is, like `1.35 {self.currency}`"
            self.add(node, "wrong_rate", f"`{shown(text)}` is not a rate", hint)
            return None
        if unit != self.currency and currency != self.currency:
            message = f"the rate is in {currency}, the programme in {self.currency}"
            self.add(node, "wrong_unit", message, f"give the rate in {self.currency}")
            return None
        return parts

    def unit(self, fact: FactDef, keys: dict[str, tree.Node]) -> str | None:
        """The unit of a ratio (``percent``) or duration column."""
        unit = self.text(keys.get("unit"))
        if unit is None:
            return None
        allowed = {"ratio": ["percent"], "duration": list(UNIT_MS)}.get(fact.type, [])
        if unit in allowed:
            return unit
        known = ", ".join(f"`{name}`" for name in allowed)
        hint = f"write {known}" if allowed else "take `unit` away"
        self.add(keys["unit"], "wrong_unit", f"`{shown(unit)}` is not a unit of `{fact.name}`, a {fact.type}", hint)
        return None

    def keys(self, node: tree.Node | None, form: Shape, label: str = "") -> dict[str, tree.Node]:
        """The keys of a node of this form; reports unknown and missing ones."""
        what = label or form.label
        allowed, needed = [key.name for key in form.keys], [key.name for key in form.keys if key.required]
        if node is None or isinstance(node, tree.Refused):
            return {}
        if not isinstance(node, tree.Mapping):
            self.add(node, "wrong_shape", f"{what} is not a table of keys", f"write {{{', '.join(needed)}: ...}}")
            return {}
        found: dict[str, tree.Node] = {}
        meant = set()
        for key, item in node.pairs:
            if key.text in allowed:
                found[key.text] = item
                continue
            close = nearest(key.text, allowed)
            meant.add(close)
            hint = f"did you mean `{close}`?" if close else f"its keys are {', '.join(allowed)}"
            self.add(key, "unknown_key", f"{what} has no key `{shown(key.text)}`", hint)
        for name in needed:
            if name not in found and name not in meant:
                self.add(node, "missing_key", f"{what} has no `{name}`", f"add `{name}`")
        return found

    def text(self, node: tree.Node | None) -> str | None:
        """The text of a scalar; anything else is reported, and absent is None."""
        if node is None or isinstance(node, tree.Refused):
            return None
        if not isinstance(node, tree.Scalar) or node.is_null:
            self.add(node, "wrong_shape", "a word or number is expected here", "write one value")
            return None
        return node.text
