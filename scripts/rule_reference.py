"""The reference of rule files and mappings, made from the tables that the loaders read by."""

from __future__ import annotations

from rules import mapping_schema
from rules.schema import SHAPES
from rules.shape import Key, Shape
from rules.words import FORMS, KINDS, OPERATORS


def block() -> str:
    """Every kind of file with the mappings it is made of; then how values read, and which operators fit which type."""
    parts: list[str] = []
    told: set[str] = set()
    for kind in KINDS:
        parts.append(f"## {kind}\n")
        parts += [_table(shape, kind) for shape in _within(SHAPES[kind]) if shape.name not in told]
        told |= {shape.name for shape in _within(SHAPES[kind])}
    parts.append("## mapping\n")
    parts += [_table(shape, "mapping") for shape in mapping_schema.SHAPES.values()]
    parts.append("## How values read\n\n| form | reads |\n|---|---|")
    parts.append("\n".join(f"| {name} | {about} |" for name, about in {**FORMS, **mapping_schema.FORMS}.items()) + "\n")
    parts.append("## Operators\n\n| type of the fact | operators |\n|---|---|")
    parts.append("\n".join(f"| `{name}` | {', '.join(f'`{op}`' for op in ops)} |" for name, ops in OPERATORS.items()))
    return "\n".join(parts)


def _within(shape: Shape) -> list[Shape]:
    """The shape and those it leads to, each once, in reading order."""
    found: list[Shape] = []
    todo = [shape]
    while todo:
        one = todo.pop(0)
        if one in found:
            continue
        found.append(one)
        named = [each.form.removeprefix("list of ").removeprefix("map of ") for each in one.keys]
        if "queue_then" in named:  # one of these stands there
            named += ["system_then", "track_then", "endorsement_then"]
        todo += [SHAPES[name] for name in named if name in SHAPES]
    return found


def _table(shape: Shape, kind: str) -> str:
    head = "The file" if shape.name == kind else f"{shape.label[0].upper()}{shape.label[1:]}"
    rows = "\n".join(_row(each) for each in shape.keys)
    return f"**{head}**\n\n| key | | reads | |\n|---|---|---|---|\n{rows}\n"


def _row(key: Key) -> str:
    form = key.form
    if key.words:
        form = ("list of " if form.startswith("list of ") else "") + ", ".join(f"`{word}`" for word in key.words)
    return f"| `{key.name}` | {'required' if key.required else ''} | {form} | {key.about.replace('|', '&#124;')} |"
