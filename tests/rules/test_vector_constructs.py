"""Nothing of the language is without a test vector: every key, and every word that one may be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from ruamel.yaml import YAML

from rules.schema import SHAPES
from rules.words import DURATION_UNITS, FACT_TYPES, KINDS, NUMERIC_TYPES
from tests.rules.vector_cases import VECTORS

SETTINGS = {"programme"}
"""What is read for workflows and reports; no decision depends on it. ``test_loader_books`` and the workflows try it."""

ALTERNATIVES = {"queue_then": ("queue_then", "system_then", "track_then", "endorsement_then")}


def books() -> Iterator[tuple[str, Any]]:
    """Kind and data of every rule file of the vectors."""
    yaml = YAML(typ="safe", pure=True)
    texts = [path.read_text(encoding="utf-8") for path in sorted((VECTORS / "base").glob("*.yaml"))]
    for path in sorted(VECTORS.glob("*.yaml")):
        texts += yaml.load(path.read_text(encoding="utf-8"))["book"].values()
    for text in texts:
        data = yaml.load(text)
        yield data["kind"], data


def used() -> Mapping[tuple[str, str], list[Any]]:
    """Shape and key -> the values that the vectors give it."""
    found: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for kind, data in books():
        if kind in SHAPES:
            _walk(kind, data, found)
    return found


def _walk(shape: str, data: Any, found: dict[tuple[str, str], list[Any]]) -> None:
    if not isinstance(data, dict):  # a bare value may stand where a shape does
        return
    for key in SHAPES[shape].keys:
        if key.name not in data:
            continue
        value = data[key.name]
        found[shape, key.name].append(value)
        form, parts = key.form, [value]
        if form.startswith("list of "):
            form, parts = form.removeprefix("list of "), value if isinstance(value, list) else [value]
        elif form.startswith("map of "):
            form, parts = form.removeprefix("map of "), list(value.values())
        for part in parts:
            for each in ALTERNATIVES.get(form, (form,)):
                if each in SHAPES and (form == each or set(part) <= {key.name for key in SHAPES[each].keys}):
                    _walk(each, part, found)


USED = used()


def _reached(kind: str) -> set[str]:
    """The shapes that a kind of file is made of."""
    seen: set[str] = set()
    todo = [kind]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        forms = [key.form.removeprefix("list of ").removeprefix("map of ") for key in SHAPES[name].keys]
        todo += [each for form in forms for each in ALTERNATIVES.get(form, (form,)) if each in SHAPES]
    return seen


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in SETTINGS])
def test_every_key_is_in_a_vector(kind: str) -> None:
    lacking = [
        f"{shape}: {key.name}"
        for shape in sorted(_reached(kind))
        for key in SHAPES[shape].keys
        if (shape, key.name) not in USED
    ]
    assert lacking == []


def test_every_word_is_in_a_vector() -> None:
    """A word that several keys of one name share is tried with one of them."""
    said: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for kind in KINDS:
        for shape in () if kind in SETTINGS else _reached(kind):
            for key in SHAPES[shape].keys:
                words = [
                    word for value in USED[shape, key.name] for word in (value if isinstance(value, list) else [value])
                ]
                said[key.name, key.words] |= {word for word in words if isinstance(word, str)}
    lacking = {f"{name}: {word}" for (name, words), used in said.items() for word in words if word not in used}
    assert lacking == {"in_flight: pin"}  # what is meant where nothing is said


def test_every_type_and_unit_is_in_a_vector() -> None:
    assert set(USED["fact_definition", "type"]) == set(FACT_TYPES)
    assert set(USED["fact_definition", "unit"]) == set(DURATION_UNITS)
    assert set(USED["derived_fact", "type"]) == set(NUMERIC_TYPES)  # `age_in_days` is a count without saying so


def test_the_walk_finds_what_is_there() -> None:
    """The tests above can fail."""
    assert "refer" in USED["criterion", "otherwise"]
    assert ("criterion", "kind") not in USED
    assert {"up_to", "rate"} == {name for shape, name in USED if shape == "tier"}
