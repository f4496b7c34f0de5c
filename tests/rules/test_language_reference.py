"""The reference of the rule language says everything that the language has, and its example is a book that works."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rules import mapping_schema
from rules.loading.book import assemble
from rules.schema import SHAPES
from rules.words import (
    ALL_OPERATORS,
    CONNECTIVES,
    DERIVATIONS,
    DURATION_UNITS,
    EFFECTS,
    ELIGIBILITY_OUTCOMES,
    ENDORSEMENTS,
    FACT_TYPES,
    FORMS,
    KINDS,
    MAINTENANCE_OUTCOMES,
    NUMERIC_TYPES,
    OPERATORS,
    ROUTING_TRACKS,
)
from rules.yaml_guard import MAX_BYTES, MAX_DEPTH, MAX_NODES

REFERENCE = (Path(__file__).parents[2] / "docs" / "rules" / "language.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```yaml\n# (\S+\.yaml)\n(.*?)```", REFERENCE, flags=re.DOTALL))


def test_the_example_is_a_book_that_works_and_has_every_kind() -> None:
    book, mistakes = assemble({path: text.encode() for path, text in FILES.items()})
    assert mistakes == []
    assert book is not None
    kinds = (book.eligibility, book.routing, book.maintenance, book.incentive)
    assert all(kinds)
    assert {each.decides for each in book.routing.values()} == {"queue", "track", "endorsement"}
    assert {fact.type for fact in book.facts.values()} == set(FACT_TYPES)


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_every_key_is_in_the_reference(shape: str) -> None:
    for key in SHAPES[shape].keys:
        assert re.search(rf"`{key.name}[`:]|\b{key.name}:", REFERENCE), f"{shape}: {key.name}"


def test_every_key_of_mappings_is_on_their_page() -> None:
    page = (Path(__file__).parents[2] / "docs" / "rules" / "facts-and-mappings.md").read_text(encoding="utf-8")
    for shape in mapping_schema.SHAPES.values():
        for key in shape.keys:
            assert re.search(rf"`{key.name}`|\b{key.name}:", page), f"{shape.name}: {key.name}"
    for word in mapping_schema.TIME_FORMATS:
        assert re.search(rf"\b{word}\b", page), word


def test_every_word_is_in_the_reference() -> None:
    words = {
        *ALL_OPERATORS,
        *CONNECTIVES,
        *DERIVATIONS,
        *DURATION_UNITS,
        *EFFECTS,
        *ELIGIBILITY_OUTCOMES,
        *ENDORSEMENTS,
    }
    words |= {*FACT_TYPES, *KINDS, *MAINTENANCE_OUTCOMES, *ROUTING_TRACKS}
    for word in words:
        assert re.search(rf"`[^`]*\b{word}\b[^`]*`", REFERENCE), word
    for limit in (MAX_BYTES, MAX_NODES, MAX_DEPTH):
        assert f"{limit:,}" in REFERENCE


def test_the_tables_of_the_schema_are_whole() -> None:
    """Every key's form is known, so that nothing made from the tables lacks a part."""
    for shape in SHAPES.values():
        names = [key.name for key in shape.keys]
        assert len(names) == len(set(names)), shape.name
        for key in shape.keys:
            form = key.form.removeprefix("list of ").removeprefix("map of ")
            assert form in FORMS or form in SHAPES, f"{shape.name}.{key.name}: {key.form}"
            assert key.about
            assert bool(key.words) == (form in ("words", "role")), f"{shape.name}.{key.name}"
    assert set(OPERATORS) == set(FACT_TYPES)
    assert set(NUMERIC_TYPES) < set(FACT_TYPES)
