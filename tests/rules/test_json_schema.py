"""JSON Schemas for editors: fresh, true of every shipped file, and never stricter than the loader."""

from __future__ import annotations

import copy
import datetime
import io
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from fastbrand.domain.errors import RuleFileError
from fastbrand.service.mapping import load_mapping
from rules.json_schema import DIRECTORY, schema_of, schemas
from rules.json_schema import FILES as WITH_SCHEMAS
from rules.loader import load_directory
from rules.loading.book import assemble
from rules.words import KINDS

ROOT = Path(__file__).parents[2]
BOOKS = [ROOT / "rules" / "book", ROOT / "examples" / "demo" / "book", ROOT / "examples" / "olist" / "book"]
MAPPING = ROOT / "examples" / "olist" / "mapping.yaml"
SHIPPED = load_directory(BOOKS[0])
FILES = [MAPPING, *(path for book in BOOKS for path in sorted(book.rglob("*.yaml")))]


def read(text: str) -> Any:
    """YAML 1.2 data as an editor sees it: dates stay text, keys are text."""
    yaml = YAML(typ="safe")
    return _plain(yaml.load(text))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.isoformat() if isinstance(value, datetime.date) else value


def refused(data: Any) -> list[str]:
    """What the schema of the file's own kind has against it."""
    validator = jsonschema.Draft7Validator(schema_of(data.get("kind", "tests")))
    return [error.message for error in validator.iter_errors(data)]


def test_committed_schemas_are_fresh() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in DIRECTORY.glob("*.json")}
    assert committed == schemas(), "run `fastbrand rules schema --write rules/schema`"


@pytest.mark.parametrize("kind", WITH_SCHEMAS)
def test_each_schema_is_a_schema(kind: str) -> None:
    jsonschema.Draft7Validator.check_schema(schema_of(kind))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_shipped_files_satisfy_their_schema_and_name_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    data = read(text)
    assert refused(data) == []
    first = text.splitlines()[0]
    assert first.startswith("# yaml-language-server: $schema=")
    named = (path.parent / first.partition("$schema=")[2]).resolve()
    assert named == DIRECTORY / f"{data.get('kind', 'tests')}.schema.json"


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data.update(titel=1), "titel"),
        (lambda data: data["criteria"][0].pop("title"), "title"),
        (lambda data: data["criteria"][0].update(otherwise="refuse"), "refuse"),
        (lambda data: data["criteria"][0].update(require={"owns_brand": {"is": True, "is_not": False}}), "too many"),
        (lambda data: data["criteria"][0].update(require={"all": []}), "non-empty"),
        (lambda data: data["criteria"][0].update(require={"owns_brand": {"equals": True}}), "equals"),
        (lambda data: data["effective"].update({"from": "soon"}), "soon"),
    ],
)
def test_a_schema_finds_the_usual_mistakes(spoil: Any, says: str) -> None:
    data = read((BOOKS[0] / "fast-brand.eligibility.yaml").read_text(encoding="utf-8"))
    spoil(data)
    found = " ".join(_deep(error) for error in jsonschema.Draft7Validator(schema_of("eligibility")).iter_errors(data))
    assert says in found


def _deep(error: jsonschema.ValidationError) -> str:
    return " ".join([error.message, *(_deep(each) for each in error.context or ())])


@pytest.mark.parametrize("seed", range(150))
def test_what_a_schema_refuses_the_loader_refuses(seed: int) -> None:
    chance = random.Random(seed)
    path = chance.choice([each for each in FILES if each.parent == BOOKS[0]])
    data = read(path.read_text(encoding="utf-8"))
    for _ in range(chance.randint(1, 2)):
        _spoil(chance, data)
    kind = data.get("kind") if isinstance(data, dict) else None
    if kind not in KINDS or not refused(data):
        return
    out = io.StringIO()
    YAML(typ="safe").dump(data, out)
    files = {each.name: each.read_bytes() for each in BOOKS[0].glob("*.yaml")}
    files[path.name] = out.getvalue().encode()
    book, mistakes = assemble(files)
    assert book is None, refused(data)
    assert mistakes


@pytest.mark.parametrize("seed", range(60))
def test_what_the_schema_of_mappings_refuses_the_loader_refuses(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    data = read(MAPPING.read_text(encoding="utf-8"))
    _spoil(chance, data)
    if not any(jsonschema.Draft7Validator(schema_of("mapping")).iter_errors(data)):
        return
    path = tmp_path / "mapping.yaml"
    with path.open("w", encoding="utf-8") as out:
        YAML(typ="safe").dump(data, out)
    with pytest.raises(RuleFileError) as told:
        load_mapping(path, SHIPPED)
    assert told.value.mistakes


def _spoil(chance: random.Random, data: Any) -> None:
    """Change one place of ``data``: drop, rename, replace or repeat something."""
    places = list(_places(data))
    holder, name = chance.choice(places)
    strange: list[Any] = [None, "", "x", -1, 1.5, True, [], {}, ["a", {"b": 1}], {"all": []}]
    strange += ["1_0 00", "15 %", "99 lightyears"]
    match chance.choice(["drop", "rename", "replace", "replace"]):
        case "drop":
            del holder[name]
        case "rename" if isinstance(holder, dict):
            holder[f"{name}x"] = holder.pop(name)
        case _:
            holder[name] = copy.deepcopy(chance.choice(strange))


def _places(data: Any) -> Any:
    if isinstance(data, dict):
        for name, value in data.items():
            yield data, name
            yield from _places(value)
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield data, place
            yield from _places(value)
