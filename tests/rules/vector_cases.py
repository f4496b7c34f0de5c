"""Reads the test vectors: rule files, facts, and the parts of the decision that they must lead to.

A file has ``about``, ``book`` (file name -> text, beside the vocabulary and programme in ``base``), ``as_of`` and
``cases``. A case names a ``rulebook``, or says ``screen: TRACK``; ``facts`` are texts as in facts files, or
``{value, observed_at}``; ``context`` is what else the rule book sees. ``expect`` is compared part by part: of a mapping
the keys that are given, of a list every item; ``error`` is the code of the error instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ruamel.yaml import YAML

from rules.loader import load_directory
from rules.model import Book
from rules.records import Candidate, Context, Observed, Record, Remainders

VECTORS = Path(__file__).parent / "vectors"


@dataclass(frozen=True, slots=True)
class Case:
    """One case of a vector file."""

    file: str
    name: str
    rulebook: str | None
    track: str
    as_of: datetime
    record: Record
    context: Context
    expect: Any
    error: str | None

    @property
    def id(self) -> str:
        return f"{self.file}: {self.name}"


@cache
def book_of(file: str) -> Book:
    """The book of a vector file."""
    files = {path.name: path.read_text() for path in (VECTORS / "base").iterdir()}
    files.update(_read(file)["book"])
    with TemporaryDirectory() as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text)
        return load_directory(Path(folder))


def cases() -> Iterator[Case]:
    """Every case of every vector file."""
    for path in sorted(VECTORS.glob("*.yaml")):
        vector = _read(path.stem)
        for case in vector["cases"]:
            context = dict(case.get("context", {}))
            left, gaps = context.pop("remainders", {}), context.pop("gaps", None)
            context["candidates"] = tuple(_candidate(each) for each in context.pop("candidates", ()))
            context["gaps"] = None if gaps is None else tuple(gaps)
            track = case.get("screen") or context.pop("track", "M")
            yield Case(
                path.stem,
                case["name"],
                case.get("rulebook"),
                track,
                datetime.fromisoformat(case.get("as_of", vector["as_of"])),
                Record("vector", {name: _observed(fact) for name, fact in case["facts"].items()}),
                Context(track=track, remainders=Remainders(**left), **context),
                case.get("expect"),
                case.get("error"),
            )


def mismatches(expected: Any, found: Any, place: str = "") -> list[str]:
    """Where ``found`` is not what is expected."""
    if isinstance(expected, dict) and isinstance(found, dict):
        missing = [f"{place}.{key}: missing" for key in expected if key not in found]
        kept = [key for key in expected if key in found]
        return missing + [line for key in kept for line in mismatches(expected[key], found[key], f"{place}.{key}")]
    if isinstance(expected, list) and isinstance(found, list | tuple):
        if len(expected) != len(found):
            return [f"{place}: {len(found)} instead of {len(expected)} items: {found}"]
        pairs = enumerate(zip(expected, found, strict=True))
        return [line for number, (one, other) in pairs for line in mismatches(one, other, f"{place}[{number}]")]
    same = expected == found and isinstance(expected, bool) == isinstance(found, bool)
    return [] if same else [f"{place}: {found!r} instead of {expected!r}"]


def _candidate(given: dict[str, Any]) -> Candidate:
    """A provider of the register; what is not given is as plain as can be."""
    plain = {"type": "merchant", "categories": ["food"], "region": None, "capacity": 1, "load": 0}
    whole = {**plain, **given}
    return Candidate(**{**whole, "categories": tuple(whole["categories"])})


def _observed(fact: Any) -> Observed:
    if isinstance(fact, dict):
        return Observed(fact["value"], datetime.fromisoformat(fact["observed_at"]), "vector")
    return Observed(fact)


@cache
def _read(file: str) -> Any:
    return YAML(typ="safe", pure=True).load((VECTORS / f"{file}.yaml").read_text())
