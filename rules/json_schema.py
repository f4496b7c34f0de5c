"""JSON Schemas of rule files, for editors: made from the same tables that the loader reads by.

Draft 7, because that is what YAML language servers understand best. A schema knows the shape of a file, not its book:
whether a fact exists or a threshold lies in its range is said by ``fastbrand rules check``. What a schema refuses, the
loader refuses too (tested); the other way round it need not be so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rules.mapping_schema import SHAPES as MAPPING_SHAPES
from rules.providers import ATTRIBUTES
from rules.schema import SHAPES as RULE_SHAPES
from rules.shape import Key, Shape
from rules.testing.shape import LEVELS, UNKNOWN, VERDICTS
from rules.testing.shape import SHAPES as TEST_SHAPES
from rules.words import ALL_OPERATORS, CAPABILITIES, FORMS, KINDS, PROVIDER_TYPES, ROLES, SERVED, TRACKS

SHAPES = {**RULE_SHAPES, **TEST_SHAPES, **MAPPING_SHAPES}
FILES = (*KINDS, "tests", "mapping")
"""What a schema is for: each kind of rule file, files of rule tests, and mappings of foreign files."""

DIRECTORY = Path(__file__).parent / "schema"
"""Where the generated schemas are kept: a file of the shipped book says ``$schema=../schema/KIND.schema.json``."""

_NUMBER = r"-?[0-9](_?[0-9])*(\.[0-9]+)?"
_DURATION = rf"^{_NUMBER} (second|minute|hour|day|week)s?$"
_MONTHS = r"^[0-9](_?[0-9])* months?$"


def _text(pattern: str | None = None) -> dict[str, Any]:
    return {"type": "string"} if pattern is None else {"type": "string", "pattern": pattern}


def _any(*schemas: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": list(schemas)}


_WHOLE = _any({"type": "integer"}, _text(r"^-?[0-9](_?[0-9])*$"))
_PERCENT = _text(rf"^{_NUMBER}%$")
_ANY_NUMBER = _any({"type": "number"}, _text(rf"^{_NUMBER}$"))
_LITERAL: dict[str, Any] = {"type": ["string", "number", "boolean", "null"]}
_NAME = _text("^[A-Za-z][A-Za-z0-9_.-]{0,63}$")
_CODE = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
_POINT = {"type": "array", "items": _LITERAL, "minItems": 2, "maxItems": 2}

_BY_FORM: dict[str, dict[str, Any]] = {
    "name": _NAME,
    "text": {"type": ["string", "number", "boolean"], "minLength": 1},
    "version": _any(_text(r"^[0-9]+(\.[0-9]+)*$"), {"type": "number"}),
    "date": _text(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"),
    "track": {"enum": list(TRACKS)},
    "flag": {"type": "boolean"},
    "whole": _WHOLE,
    "number": _ANY_NUMBER,
    "percent": _PERCENT,
    "rate": _any(_PERCENT, *_ANY_NUMBER["anyOf"]),
    "duration": _text(_DURATION),
    "deadline": _any(_text(_DURATION), _text(_MONTHS), _text(r"^[0-9](_?[0-9])* business days?$")),
    "months": _text(_MONTHS),
    "currency": _text("^[A-Z]{3}$"),
    "zone": _text(),
    "country": _text("^[A-Z]{2}$"),
    "role": {"enum": list(ROLES)},
    "fact": _NAME,
    "score": _NAME,
    "pool": _NAME,
    "literal": _LITERAL,
    "comparison": {"$ref": "#/definitions/comparison"},
    "condition": {"$ref": "#/definitions/condition"},
    "curve": {"type": "array", "items": _POINT, "minItems": 2},
    "goal": _any(_WHOLE, _text(rf"^{_NUMBER} [A-Z]{{3}}$"), {"$ref": "#/definitions/goals"}),
    "table": {"type": "object", "additionalProperties": _WHOLE, "minProperties": 1},
    "serves": {
        "type": "object",
        "properties": {
            name: {"type": "array", "items": {"enum": list(SERVED)}, "minItems": 1} for name in PROVIDER_TYPES
        },
        "additionalProperties": False,
        "minProperties": 1,
    },
    "attribute": {"$ref": "#/definitions/attribute"},
    "attribute_points": {"$ref": "#/definitions/attribute_points"},
    # in mappings
    "column": {"type": ["string", "number", "boolean"], "minLength": 1},
    "rate_of_exchange": _text(r"^[0-9](_?[0-9])*(\.[0-9]+)? [A-Z]{3}$"),
    "translation": {"type": "object", "additionalProperties": _LITERAL},
    # in rule tests
    "moment": _text(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?$"),
    "period": _text(r"^[0-9]{4}-[0-9]{2}$"),
    "fact_value": {"$ref": "#/definitions/fact_value"},
    "verdict": {"enum": list(VERDICTS)},
    "level": {"enum": list(LEVELS)},
    "score_value": _any(*_ANY_NUMBER["anyOf"], {"enum": [UNKNOWN, None]}),
    "amounts": {"type": "array", "items": _WHOLE},
    "providers": {"type": "array", "items": _NAME},
    "gaps": {"type": "array", "items": {"enum": list(CAPABILITIES)}},
    "reasons": _any({"type": "array", "items": _NAME}, {"$ref": "#/definitions/includes"}),
}

_OPERAND: dict[str, Any] = {
    "anyOf": [
        _LITERAL,
        {"type": "array", "items": _LITERAL},
        {
            "type": "object",
            "required": ["by"],
            "properties": {"by": {**_NAME, "description": "the choice fact that picks the value"}},
            "additionalProperties": {"anyOf": [_LITERAL, {"type": "array", "items": _LITERAL}]},
        },
    ]
}

_SHARED: dict[str, dict[str, Any]] = {
    "comparison": {
        "type": "object",
        "description": "one operator and its value",
        "minProperties": 1,
        "maxProperties": 1,
        "properties": dict.fromkeys(ALL_OPERATORS, _OPERAND),
        "additionalProperties": False,
    },
    "condition": {
        "type": "object",
        "description": FORMS["condition"],
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {
            "all": {"type": "array", "items": {"$ref": "#/definitions/condition"}, "minItems": 1},
            "any": {"type": "array", "items": {"$ref": "#/definitions/condition"}, "minItems": 1},
            "not": {"$ref": "#/definitions/condition"},
        },
        "additionalProperties": {"$ref": "#/definitions/comparison"},
        "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,63}$"},
    },
    "attribute": {
        "type": "object",
        "description": FORMS["attribute"],
        "minProperties": 1,
        "maxProperties": 1,
        "properties": {name: {"$ref": "#/definitions/comparison"} for name in ATTRIBUTES},
        "additionalProperties": False,
    },
    "attribute_points": {
        "type": "object",
        "description": FORMS["attribute_points"],
        "minProperties": 1,
        "maxProperties": 1,
        "properties": dict.fromkeys(
            ATTRIBUTES, _any({"$ref": "#/definitions/comparison"}, {"$ref": "#/definitions/points"})
        ),
        "additionalProperties": False,
    },
    "points": {
        "type": "object",
        "description": "points for a number of the provider",
        "required": ["curve"],
        "properties": {"curve": _BY_FORM["curve"]},
        "additionalProperties": False,
    },
    "goals": {"type": "object", "additionalProperties": {"anyOf": [_WHOLE, _text()]}},
    "fact_value": _any(_LITERAL, {"type": "array", "items": _text(_CODE)}, {"$ref": "#/definitions/observed_fact"}),
}

_UNIONS = {"queue_then": ("queue_then", "system_then", "track_then", "endorsement_then")}
"""Where one of several shapes may stand."""


def schema_of(kind: str) -> dict[str, Any]:
    """The JSON Schema of the files of ``kind``, or of ``tests``."""
    definitions = {name: dict(schema) for name, schema in _SHARED.items()}
    needed = [kind, *(name for name in TEST_SHAPES if kind == "tests")]
    while needed:
        name = needed.pop()
        if name in definitions:
            continue
        definitions[name] = _object(SHAPES[name])
        needed += [each for each in _named(definitions[name]) if each not in definitions]
    used = _reachable(kind, definitions)
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Fastbrand rule file: {kind}",
        "$ref": f"#/definitions/{kind}",
        "definitions": {name: definitions[name] for name in sorted(used)},
    }


def schemas() -> dict[str, str]:
    """File name -> text of every schema."""
    return {f"{kind}.schema.json": json.dumps(schema_of(kind), ensure_ascii=False, indent=1) + "\n" for kind in FILES}


def write(directory: Path = DIRECTORY) -> list[Path]:
    """Write every schema into ``directory``; returns the paths."""
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in schemas().items():
        (directory / name).write_text(text, encoding="utf-8")
        written.append(directory / name)
    return written


def _object(shape: Shape) -> dict[str, Any]:
    return {
        "type": "object",
        "description": shape.label,
        "properties": {each.name: _property(each) for each in shape.keys},
        "required": [each.name for each in shape.keys if each.required],
        "additionalProperties": False,
    }


def _property(key: Key) -> dict[str, Any]:
    found = {"description": key.about, **_form(key.form, key.words)}
    if found.get("type") == "object" and key.required:
        found["minProperties"] = 1
    if key.name == "screening":  # one outcome, or several
        one = {"enum": list(key.words)}
        return {"description": key.about, **_any(one, {"type": "array", "items": one, "minItems": 1})}
    return found


def _form(form: str, words: tuple[str, ...]) -> dict[str, Any]:
    if form.startswith("list of "):
        return {"type": "array", "items": _form(form.removeprefix("list of "), words), "minItems": 1}
    if form.startswith("map of "):
        return {
            "type": "object",
            "additionalProperties": _form(form.removeprefix("map of "), words),
            "propertyNames": {"pattern": _CODE},
        }
    if form == "words":
        return {"enum": list(words)}
    if form in _UNIONS:
        return _any(*({"$ref": f"#/definitions/{name}"} for name in _UNIONS[form]))
    if form in SHAPES:
        return {"$ref": f"#/definitions/{form}"}
    return dict(_BY_FORM[form])


def _named(schema: Any) -> list[str]:
    """Names of the definitions that ``schema`` refers to."""
    if isinstance(schema, Mapping):
        own = [schema["$ref"].removeprefix("#/definitions/")] if isinstance(schema.get("$ref"), str) else []
        return own + [name for value in schema.values() for name in _named(value)]
    if isinstance(schema, list):
        return [name for value in schema for name in _named(value)]
    return []


def _reachable(start: str, definitions: Mapping[str, Any]) -> set[str]:
    seen: set[str] = set()
    todo = [start]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += _named(definitions[name])
    return seen
