"""Records of the authoritative engine as columns of a typed frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from rules.columnar.situation import column_type
from rules.model import Book, FactDef, Value
from rules.records import Observed, Record
from rules.values import parse_fact

UTC = pl.Datetime("us", "UTC")
"""The type of a column of moments."""


def fact_columns(book: Book, records: Sequence[Record]) -> tuple[list[pl.Series], Mapping[str, str]]:
    """A column a fact of ``book``, and fact -> column of the moments it was observed at.

    Names that are no fact of the book, and facts that it derives, are left out. Raises ``InputError`` on a value that
    the book cannot take.
    """
    columns: list[pl.Series] = []
    observed_at: dict[str, str] = {}
    for name in dict.fromkeys(name for record in records for name in record.facts):
        fact, given = book.facts.get(name), [record.facts.get(name) for record in records]
        if fact is None or fact.derivation is not None:
            continue
        columns.append(pl.Series(name, [_cell(fact, each) for each in given], dtype=column_type(fact)))
        moments = [None if each is None else each.observed_at for each in given]
        if any(moment is not None for moment in moments):
            observed_at[name] = f"{name} observed at"  # no fact is called so: names of facts have no spaces
            columns.append(pl.Series(observed_at[name], moments, dtype=UTC))
    return columns, observed_at


def _cell(fact: FactDef, observed: Observed | None) -> Any:
    """A fact as a cell of a typed frame."""
    text = None if observed is None else observed.text
    value: Value | None = None if text is None else parse_fact(fact, text)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, tuple):
        return list(value)
    if fact.type == "flag":
        return bool(value)
    return date.fromordinal(value) if fact.type == "date" else value
