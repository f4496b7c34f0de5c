"""JSON Schemas of rule files: shown, or written where an editor finds them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastbrand.domain.errors import InputError
from rules import json_schema


def show(kind: str | None) -> dict[str, Any]:
    """The schema of ``kind``; without one, every kind's. Raises ``InputError``."""
    if kind is None:
        return {each: json_schema.schema_of(each) for each in json_schema.FILES}
    if kind not in json_schema.FILES:
        raise InputError(f"`{kind[:60]}` is not a kind of rule file", hint=f"kinds are {', '.join(json_schema.FILES)}")
    return json_schema.schema_of(kind)


def write(directory: Path) -> list[Path]:
    """Write every schema into ``directory``. Raises ``InputError`` where that cannot be done."""
    try:
        return json_schema.write(directory)
    except OSError as error:
        raise InputError(
            f"`{directory}` cannot be written: {(error.strerror or str(error)).lower()}", hint="name another directory"
        ) from error
